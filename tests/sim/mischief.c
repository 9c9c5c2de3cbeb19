/* mischief.c: what can be done to others by whoever carries their letters and datagrams, short of not carrying them. */
#include "mischief.h"

#include "chance.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 16384

void mischief_clear(mischief *m)
{
    for (size_t i = 0; i < m->letters_len; i++)
        free(m->letters[i].letter);
    *m = (mischief){0};
}

/* The newest half of the room is a ring; what is in the other half stays for long. */
static size_t place_for(size_t *len, size_t max, uint64_t n)
{
    if (*len < max)
        return (*len)++;
    return n % 16 == 0 ? (size_t)(n / 16 % (max / 2)) : max / 2 + (size_t)(n % (max / 2));
}

void mischief_hear_letter(mischief *m, int to, const struct letter *heard)
{
    mischief_letter *l = &m->letters[place_for(&m->letters_len, MISCHIEF_LETTERS_MAX, m->heard++)];
    free(l->letter);
    *l = (mischief_letter){to, letter_copy(heard)};
}

void mischief_hear_datagram(mischief *m, uint64_t *chance, int from, const hf_datagram *datagram)
{
    if (datagram->path.transport != HF_UDP || datagram->len > HF_DATAGRAM_MAX ||
        (m->datagrams_len == MISCHIEF_DATAGRAMS_MAX && !chance_one_in(chance, 8)))
        return;
    mischief_datagram *d = &m->datagrams[place_for(&m->datagrams_len, MISCHIEF_DATAGRAMS_MAX, chance_next(chance))];
    d->from = from;
    d->path = datagram->path;
    d->len = datagram->len;
    memcpy(d->data, datagram->data, datagram->len);
}

/* --- Datagrams --------------------------------------------------------------------------------------------------- */

static const mischief_datagram *draw_datagram(mischief *m, uint64_t *chance)
{
    return m->datagrams_len > 0 ? &m->datagrams[chance_below(chance, (uint32_t)m->datagrams_len)] : NULL;
}

static void send_as(story *st, const mischief_datagram *d, const uint8_t *data, size_t len)
{
    sim_interface *interface = sim_host_interface(st->s.hosts[d->from], &d->path.local);
    if (interface)
        sim_net_send(interface, &d->path, data, len);
}

void mischief_replay_datagram(mischief *m, story *st, uint64_t *chance)
{
    const mischief_datagram *d = draw_datagram(m, chance);
    if (d)
        send_as(st, d, d->data, d->len);
}

void mischief_forge_datagram(mischief *m, story *st, uint64_t *chance)
{
    static const uint8_t firsts[] = {0, 1, 20, 21, 22, 23, 63, 64, 79, 128, 255};
    uint8_t data[HF_DATAGRAM_MAX];
    const mischief_datagram *d = draw_datagram(m, chance);
    if (!d)
        return;
    size_t len = d->len;
    memcpy(data, d->data, len);
    switch (chance_below(chance, 4)) {
    case 0: /* damaged */
        for (uint32_t n = 1 + chance_below(chance, 4); n > 0 && len > 0; n--) {
            uint32_t at = chance_below(chance, (uint32_t)len);
            data[at] ^= (uint8_t)(1u << chance_below(chance, 8));
        }
        break;
    case 1: /* cut short */
        len = chance_below(chance, (uint32_t)len + 1);
        break;
    case 2: /* made up behind the first bytes */
        for (size_t i = chance_below(chance, 24); i < len; i++)
            data[i] = (uint8_t)chance_next(chance);
        break;
    default:
        len = 1 + chance_below(chance, 600);
        for (size_t i = 0; i < len; i++)
            data[i] = (uint8_t)chance_next(chance);
        data[0] = firsts[chance_below(chance, sizeof firsts)];
        break;
    }
    send_as(st, d, data, len);
}

/* --- Letters ----------------------------------------------------------------------------------------------------- */

static const mischief_letter *draw_letter(mischief *m, uint64_t *chance)
{
    return m->letters_len > 0 ? &m->letters[chance_below(chance, (uint32_t)m->letters_len)] : NULL;
}

void mischief_replay_letter(mischief *m, story *st, uint64_t *chance)
{
    const mischief_letter *l = draw_letter(m, chance);
    if (l)
        party_deliver(&st->parties[l->to], letter_copy(l->letter));
}

/* Changes some letters of the word that follows `before`; hexadecimal digits and base64 stay such. */
static void garble(char *text, const char *before, uint64_t *chance)
{
    char *word = strstr(text, before);
    if (!word)
        return;
    for (word += strlen(before); *word > ' '; word++) {
        if (*word >= '0' && *word <= '8' && chance_one_in(chance, 4))
            ++*word;
    }
}

static const char *garbled_sdp(const char *sdp, char text[TEXT_MAX], uint64_t *chance)
{
    static const char *const words[] = {
        "a=fingerprint:sha-256 ", "a=holdfast:1 ", "a=ice-ufrag:", "a=ice-pwd:", "a=setup:", "a=sctp-port:", "o=- "};
    if (!sdp || strlen(sdp) >= TEXT_MAX)
        return sdp;
    strcpy(text, sdp);
    garble(text, words[chance_below(chance, sizeof words / sizeof *words)], chance);
    return text;
}

void mischief_write_as_stranger(mischief *m, story *st, uint64_t *chance)
{
    char text[TEXT_MAX];
    const mischief_letter *l = draw_letter(m, chance);
    if (!l)
        return;
    hf_envelope e = letter_read(l->letter);
    e.sender = chance_one_in(chance, 4) ? "" : "mallory";
    if (chance_one_in(chance, 2))
        e.signal.sdp = garbled_sdp(e.signal.sdp, text, chance);
    if (chance_one_in(chance, 4)) {
        const char *session = e.session;
        e.session = e.remote_session;
        e.remote_session = session;
    }
    party_deliver(&st->parties[l->to], letter_of(&e));
}

static const char *other_id(const mischief *m, uint64_t *chance)
{
    hf_envelope other = letter_read(m->letters[chance_below(chance, (uint32_t)m->letters_len)].letter);
    return chance_one_in(chance, 2) ? other.session : "00112233445566778899aabbccddeeff";
}

/* A bye that names both sessions is believed (session.md): such a one he must not write. */
void mischief_forge_letter(mischief *m, story *st, uint64_t *chance)
{
    char text[TEXT_MAX];
    const mischief_letter *l = draw_letter(m, chance);
    if (!l)
        return;
    hf_envelope e = letter_read(l->letter);
    switch (chance_below(chance, 8)) {
    case 0:
    case 1:
        e.signal.sdp = garbled_sdp(e.signal.sdp, text, chance);
        break;
    case 2:
        e.session = other_id(m, chance);
        break;
    case 3:
        e.remote_session = other_id(m, chance);
        break;
    case 4:
        e.offer += chance_below(chance, 5) - 2;
        break;
    case 5:
        e.signal.generation += chance_below(chance, 5) - 2;
        break;
    case 6:
        e.signal.type = HF_SIGNAL_BYE;
        e.signal.sdp = NULL;
        if (chance_one_in(chance, 2))
            e.session = other_id(m, chance);
        else
            e.remote_session = "00112233445566778899aabbccddeeff";
        break;
    default:
        e.signal.ufrag = "forged";
        break;
    }
    bool is_bye = e.signal.type == HF_SIGNAL_BYE && letter_read(l->letter).signal.type != HF_SIGNAL_BYE;
    hf_envelope before = letter_read(l->letter);
    bool names_both = e.session && e.remote_session && before.session && before.remote_session &&
                      strcmp(e.session, before.session) == 0 && strcmp(e.remote_session, before.remote_session) == 0;
    if (is_bye && names_both)
        return;
    party_deliver(&st->parties[l->to], letter_of(&e));
}
