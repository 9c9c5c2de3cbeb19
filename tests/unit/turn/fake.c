/* fake.c: a TURN server that the test bends as it likes. */
#include "fake.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

hf_addr fake_addr(const char *text)
{
    hf_addr addr = {0};
    cr_assert(hf_addr_parse(text, strlen(text), &addr), "%s", text);
    return addr;
}

hf_err fake_init_in(fake *f, const hf_turn_client_config *config)
{
    test_env env = f->env;
    memset(f, 0, sizeof *f);
    f->env = env;
    f->now = HF_SECONDS(1);
    f->nonce = FAKE_NONCE;
    f->realm = FAKE_REALM;
    hf_turn_client_config c = config ? *config : (hf_turn_client_config){FAKE_CREDENTIALS};
    c.path.local = fake_addr("10.0.0.1:5000");
    if (c.path.remote.family == HF_FAMILY_NONE)
        c.path.remote = fake_addr("192.0.2.1:3478");
    return hf_turn_client_new(&f->client, f->now, &c, &f->env.env);
}

void fake_init(fake *f, const hf_turn_client_config *config)
{
    test_env_init(&f->env, 7);
    cr_assert_eq(fake_init_in(f, config), HF_OK);
}

void fake_clear(fake *f)
{
    hf_turn_client_free(f->client);
    cr_expect_eq(f->env.blocks, 0);
}

/* --- Keys ------------------------------------------------------------------------------------------------------------- */

static hf_bytes key_of(const fake *f, uint8_t key[32])
{
    hf_bytes user = hf_bytes_of_text(FAKE_USER), realm = hf_bytes_of_text(f->realm);
    hf_bytes password = hf_bytes_of_text(f->forges ? "hare" : FAKE_PASSWORD);
    bool is_derived = f->uses_sha256 ? hf_stun_long_term_key_sha256(user, realm, password, key)
                                     : hf_stun_long_term_key_md5(user, realm, password, key);
    cr_assert(is_derived);
    return hf_bytes_of(key, f->uses_sha256 ? 32 : 16);
}

static bool says(const hf_stun_message *m, uint16_t type, const char *text)
{
    hf_bytes value;
    return hf_stun_find(m, type, &value) && hf_bytes_equal_text(value, text);
}

static bool names_user(const fake *f, const hf_stun_message *m)
{
    hf_bytes hash;
    return f->hides_usernames ? hf_stun_find(m, HF_STUN_USERHASH, &hash) && hash.len == 32
                              : says(m, HF_STUN_USERNAME, FAKE_USER);
}

static bool is_signed(fake *f, const hf_stun_message *m)
{
    uint8_t key[32];
    bool forges = f->forges;
    f->forges = false;
    hf_bytes k = key_of(f, key);
    f->forges = forges;
    bool is_right = f->uses_sha256 ? hf_stun_verify_integrity256(m, k) : hf_stun_verify_integrity(m, k);
    return is_right && names_user(f, m) && says(m, HF_STUN_REALM, f->realm);
}

/* --- Requests --------------------------------------------------------------------------------------------------------- */

static void note(fake *f)
{
    const hf_stun_message *m = &f->request;
    f->requests++;
    f->by_method[m->method & 15]++;
    f->is_signed = is_signed(f, m);
    f->has_lifetime = hf_stun_get_u32(m, HF_STUN_LIFETIME, &f->asked_lifetime);
    if (m->method == HF_STUN_CREATE_PERMISSION) {
        f->peers_len = 0;
        while (f->peers_len < 64 &&
               hf_stun_get_xor_address_nth(m, HF_STUN_XOR_PEER_ADDRESS, f->peers_len, &f->peers[f->peers_len]))
            f->peers_len++;
    }
    uint32_t number;
    if (m->method == HF_STUN_CHANNEL_BIND) {
        cr_assert(hf_stun_get_u32(m, HF_STUN_CHANNEL_NUMBER, &number));
        cr_assert(hf_stun_get_xor_address(m, HF_STUN_XOR_PEER_ADDRESS, &f->channel_peer));
        f->channel = (uint16_t)(number >> 16);
    }
}

bool fake_take(fake *f)
{
    hf_transmit t = {.buffer = f->buffer, .cap = sizeof f->buffer};
    if (!hf_turn_client_poll_transmit(f->client, f->now, &t))
        return false;
    cr_assert(t.len == t.segment && t.len <= sizeof f->seen);
    memcpy(f->seen, f->buffer, t.len);
    cr_assert(hf_stun_read(hf_bytes_of(f->seen, t.len), &f->request));
    cr_assert_eq(f->request.class_, HF_STUN_REQUEST);
    note(f);
    return true;
}

static void write_challenge(const fake *f, hf_stun_writer *s)
{
    hf_stun_add(s, HF_STUN_REALM, hf_bytes_of_text(f->realm));
    hf_stun_add(s, HF_STUN_NONCE, hf_bytes_of_text(f->nonce));
    if (f->algorithms)
        hf_stun_add(s, HF_STUN_PASSWORD_ALGORITHMS, hf_bytes_of(f->algorithms, f->algorithms_len));
}

static void write_success(const fake *f, hf_stun_writer *s)
{
    uint16_t method = f->request.method;
    hf_addr relayed = fake_addr("192.0.2.15:50000"), mapped = fake_addr("203.0.113.5:6000");
    if (method == HF_STUN_ALLOCATE) {
        for (size_t i = 0; i < 3 && f->relayed[i]; i++) {
            relayed = fake_addr(f->relayed[i]);
            hf_stun_add_xor_address(s, HF_STUN_XOR_RELAYED_ADDRESS, &relayed);
        }
        if (!f->relayed[0])
            hf_stun_add_xor_address(s, HF_STUN_XOR_RELAYED_ADDRESS, &relayed);
        hf_stun_add_xor_address(s, HF_STUN_XOR_MAPPED_ADDRESS, &mapped);
    }
    if (method == HF_STUN_ALLOCATE || method == HF_STUN_REFRESH)
        hf_stun_add_u32(s, HF_STUN_LIFETIME, f->has_lifetime ? 0 : f->lifetime ? f->lifetime : 600);
}

static unsigned verdict(fake *f)
{
    if (f->is_open)
        return f->code[f->request.method & 15];
    if (!f->is_signed)
        return 401;
    return says(&f->request, HF_STUN_NONCE, f->nonce) ? f->code[f->request.method & 15] : 438;
}

void fake_answer(fake *f)
{
    uint8_t buffer[HF_DATAGRAM_MAX], key[32];
    unsigned code = verdict(f);
    bool is_challenge = code == 401 || code == 438;
    hf_stun_writer s =
        hf_stun_begin(buffer, sizeof buffer, code ? HF_STUN_ERROR : HF_STUN_SUCCESS, f->request.method, f->request.id);
    if (code)
        hf_stun_add_error(&s, code, "no");
    else
        write_success(f, &s);
    if (is_challenge)
        write_challenge(f, &s);
    else if (f->adds_unknown)
        hf_stun_add_u32(&s, f->adds_unknown, 1);
    if (code == 300 && f->alternate) {
        hf_addr alternate = fake_addr(f->alternate);
        hf_stun_add_address(&s, HF_STUN_ALTERNATE_SERVER, &alternate);
        hf_stun_add(&s, HF_STUN_ALTERNATE_DOMAIN, f->domain);
    }
    if (!is_challenge && f->is_signed && !f->signs_nothing) {
        if (f->uses_sha256)
            hf_stun_add_integrity256(&s, key_of(f, key));
        else
            hf_stun_add_integrity(&s, key_of(f, key));
    }
    size_t len = hf_stun_end(&s);
    cr_assert_gt(len, 0);
    hf_turn_data data;
    cr_assert_not(fake_input(f, buffer, len, &data));
}

bool fake_input(fake *f, const void *message, size_t len, hf_turn_data *out)
{
    uint8_t *copy = malloc(len > 0 ? len : 1); /* exactly as large, so that ASan sees each overrun */
    cr_assert(copy);
    if (len > 0)
        memcpy(copy, message, len);
    static uint8_t kept[HF_DATAGRAM_MAX * 2];
    bool is_data = hf_turn_client_input(f->client, f->now, copy, len, out);
    if (is_data) {
        cr_assert(out->data >= copy && out->data + out->len <= copy + len);
        memcpy(kept, out->data, out->len);
        out->data = kept;
    }
    free(copy);
    return is_data;
}

/* --- Time ------------------------------------------------------------------------------------------------------------- */

void fake_talk(fake *f)
{
    for (unsigned n = 0; fake_take(f); n++) {
        cr_assert_lt(n, 200, "the client does not stop");
        if (!f->is_mute)
            fake_answer(f);
    }
}

void fake_run(fake *f, hf_span span)
{
    hf_time end = f->now + span;
    fake_talk(f);
    for (unsigned n = 0; hf_turn_client_deadline(f->client) <= end; n++) {
        cr_assert_lt(n, 2000, "the client spins");
        if (hf_turn_client_deadline(f->client) > f->now)
            f->now = hf_turn_client_deadline(f->client);
        hf_turn_client_tick(f->client, f->now);
        fake_talk(f);
    }
    f->now = end;
}

hf_turn_client_event fake_event(fake *f, hf_turn_client_event_type type)
{
    hf_turn_client_event e = {0};
    cr_assert(hf_turn_client_poll_event(f->client, &e), "no event; %d was expected", (int)type);
    cr_assert_eq(e.type, type, "event %d (%s, %u) instead of %d", (int)e.type, hf_err_name(e.cause), e.code, (int)type);
    return e;
}

void fake_no_event(fake *f)
{
    hf_turn_client_event e;
    bool is_there = hf_turn_client_poll_event(f->client, &e);
    cr_assert_not(is_there, "event %d (%s, %u)", (int)e.type, hf_err_name(e.cause), e.code);
}

void fake_allocate(fake *f)
{
    fake_talk(f);
    fake_event(f, HF_TURN_ALLOCATED);
}
