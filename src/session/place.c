/* place.c: which of a session's connections a signal of the remote is about. Generations count within one pair of session
 * ids (session.md, "Signalling"); where none is said, as by hand, the lines of the descriptions tell. */
#include "session_priv.h"

#include <string.h>

/* RFC 8866 §5.2: user name and session id, the first two words of o=, name who made a description: a peer keeps them. */
static hf_bytes origin_of(const char *sdp)
{
    const char *at = strstr(sdp, "\no="), *end = at;
    for (int words = 0; end && words < 2; words++)
        end = strchr(end + 1, ' ');
    return end ? hf_bytes_of(at, (size_t)(end - at)) : (hf_bytes){0};
}

static const char *remote_description(const hf_connection *connection, hf_peer_description which)
{
    const char *sdp;
    return hf_peer_get_description(connection->peer, which, NULL, &sdp) == HF_OK ? sdp : NULL;
}

static bool is_of_maker(const hf_connection *connection, const char *offer)
{
    const char *known = remote_description(connection, HF_CURRENT_REMOTE_DESCRIPTION);
    hf_bytes origin = origin_of(offer);
    return known && origin.len > 0 && hf_bytes_equal(origin, origin_of(known));
}

/* What an offer says of where it belongs. */
typedef struct claim {
    bool named;
    uint8_t id[HF_SESSION_ID_BYTES];
    uint32_t generation; /* 0: not said */
    const char *offer;
} claim;

static bool has_generation(const hf_connection *connection, const claim *c)
{
    return c->generation == 0 ? is_of_maker(connection, c->offer) : c->generation == connection->generation;
}

static bool is_about(const hf_connection *connection, const claim *c)
{
    if (!connection->recognised) /* our first offer on it is open, and gives way: between equals the caller has decided */
        return c->generation == 0 || c->generation == connection->generation;
    if (connection->link.protocol != HF_PROTOCOL_HOLDFAST)
        return !c->named || is_of_maker(connection, c->offer);
    bool is_same = !c->named || memcmp(c->id, connection->remote_id, sizeof c->id) == 0;
    return is_same && has_generation(connection, c);
}

hf_offer_place hf_session_place_offer(const hf_session *session, uint32_t generation, const char *offer, hf_connection **out)
{
    hf_connection *current = session->current, *next = session->next;
    claim c = {.generation = generation, .offer = offer};
    c.named = !session->config.plain && hf_recognition_read(offer, c.id) && memcmp(c.id, session->id, sizeof c.id) != 0;
    bool is_known = !c.named || memcmp(c.id, session->remote_id, sizeof c.id) == 0;
    bool is_first = !hf_connection_is_begun(current) || !current->recognised;

    *out = current;
    if (is_first || (!next && is_about(current, &c)))
        return HF_OFFER_HERE;
    if (next && (is_known || next->recognised) && is_about(next, &c)) {
        *out = next;
        return HF_OFFER_HERE;
    }
    if (is_about(current, &c))
        return HF_OFFER_HERE;
    /* Before the first handshake, nobody vouches for the generation of the one that is being made. */
    bool is_late = is_known && session->was_connected && generation != 0 && generation < current->generation;
    return is_late ? HF_OFFER_LATE : HF_OFFER_APART;
}

static bool has_ufrag(const hf_connection *connection, const char *ufrag)
{
    static const hf_peer_description both[] = {HF_PENDING_REMOTE_DESCRIPTION, HF_CURRENT_REMOTE_DESCRIPTION};
    static const char line[] = "\na=ice-ufrag:";
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
        const char *text = remote_description(connection, both[i]);
        for (const char *at = text ? strstr(text, line) : NULL; at; at = strstr(at, line)) {
            at += strlen(line);
            if (strncmp(at, ufrag, strlen(ufrag)) == 0 && strcspn(at, "\r\n") == strlen(ufrag))
                return true;
        }
    }
    return false;
}

hf_connection *hf_session_place_candidate(const hf_session *session, uint32_t generation, const char *ufrag)
{
    hf_connection *both[] = {session->next, session->current};
    for (size_t i = 0; i < 2 && ufrag; i++) {
        if (both[i] && has_ufrag(both[i], ufrag))
            return both[i];
    }
    for (size_t i = 0; i < 2; i++) {
        if (both[i] && (generation == 0 || both[i]->generation == 0 || both[i]->generation == generation))
            return both[i];
    }
    return NULL;
}

hf_connection *hf_session_place_answer(const hf_session *session, uint32_t generation)
{
    hf_connection *both[] = {session->next, session->current};
    for (size_t i = 0; i < 2; i++) {
        if (both[i] && hf_connection_has_open_offer(both[i]) && (generation == 0 || both[i]->generation == generation))
            return both[i];
    }
    return NULL;
}
