/* server_request.c: the requests of clients, Allocate excepted. */
#include "server_priv.h"

#include <string.h>

#define PEERS_MAX 32   /* of one CreatePermission */
#define UNKNOWNS_MAX 8 /* that an answer names */

/* Attributes that a request may have, and must be understood (RFC 8489 §6.3.1). The others of TURN are known where they
 * mean something: DONT-FRAGMENT is not (RFC 8656 §7.2 point 5), nor is CHANGE-REQUEST. */
static const uint16_t known[] = {
    HF_STUN_USERNAME,
    HF_STUN_MESSAGE_INTEGRITY,
    HF_STUN_MESSAGE_INTEGRITY_SHA256,
    HF_STUN_PASSWORD_ALGORITHM,
    HF_STUN_REALM,
    HF_STUN_NONCE,
    HF_STUN_CHANNEL_NUMBER,
    HF_STUN_LIFETIME,
    HF_STUN_XOR_PEER_ADDRESS,
    HF_STUN_REQUESTED_ADDRESS_FAMILY,
    HF_STUN_EVEN_PORT,
    HF_STUN_REQUESTED_TRANSPORT,
    HF_STUN_RESERVATION_TOKEN,
};
#define KNOWN_LEN (sizeof known / sizeof known[0])

/* True: there is something that we do not understand, and it is said. */
static bool is_strange(hf_turn_call *call)
{
    uint16_t unknown[UNKNOWNS_MAX];
    hf_turn_answer answer;
    size_t n = hf_stun_unknown(call->message, known, KNOWN_LEN, unknown, UNKNOWNS_MAX);
    if (n == 0)
        return false;
    hf_turn_error_begin(&answer, call->server, &call->asker, 420);
    hf_stun_add_unknown_attributes(&answer.s, unknown, n);
    hf_turn_answer_send(&answer, call->server, call->now, &call->asker);
    return true;
}

static void on_binding(hf_turn_call *call)
{
    hf_turn_answer answer;
    if (is_strange(call))
        return;
    hf_turn_answer_begin(&answer, &call->asker, HF_STUN_SUCCESS);
    hf_stun_add_xor_address(&answer.s, HF_STUN_XOR_MAPPED_ADDRESS, &call->asker.path.remote);
    hf_turn_answer_send(&answer, call->server, call->now, &call->asker);
    call->server->stats.bindings++;
}

static void accept(hf_turn_call *call)
{
    hf_turn_answer answer;
    hf_turn_answer_begin(&answer, &call->asker, HF_STUN_SUCCESS);
    hf_turn_answer_send(&answer, call->server, call->now, &call->asker);
}

/* RFC 8656 §7.2: what the client wants, if that is more than the default and not more than the maximum. */
hf_span hf_turn_lifetime_of(const hf_stun_message *message)
{
    uint32_t seconds = 0;
    if (!hf_stun_get_u32(message, HF_STUN_LIFETIME, &seconds) || HF_SECONDS(seconds) < TURN_LIFETIME)
        return TURN_LIFETIME;
    return HF_SECONDS(seconds) < TURN_LIFETIME_MAX ? HF_SECONDS(seconds) : TURN_LIFETIME_MAX;
}

/* NONE: the request names none. False: one that there is none of. */
static bool read_family(const hf_stun_message *message, hf_family *out)
{
    hf_bytes value;
    *out = HF_FAMILY_NONE;
    if (!hf_stun_find(message, HF_STUN_REQUESTED_ADDRESS_FAMILY, &value))
        return true;
    if (value.len == 4 && (value.data[0] == 1 || value.data[0] == 2))
        *out = value.data[0] == 1 ? HF_FAMILY_IPV4 : HF_FAMILY_IPV6;
    return *out != HF_FAMILY_NONE;
}

/* RFC 8656 §8.2. A family means the relayed address of that family alone. */
static void on_refresh(hf_turn_call *call)
{
    hf_turn_allocation *a = call->allocation;
    uint32_t seconds = 1;
    hf_family family;
    if (!read_family(call->message, &family) || (family != HF_FAMILY_NONE && !hf_turn_allocation_relay(a, family))) {
        hf_turn_refuse(call, 443);
        return;
    }
    hf_stun_get_u32(call->message, HF_STUN_LIFETIME, &seconds);
    hf_span lifetime = seconds == 0 ? 0 : hf_turn_lifetime_of(call->message);

    hf_turn_answer answer;
    hf_turn_answer_begin(&answer, &call->asker, HF_STUN_SUCCESS);
    hf_stun_add_u32(&answer.s, HF_STUN_LIFETIME, (uint32_t)(lifetime / HF_SECONDS(1)));
    hf_turn_answer_send(&answer, call->server, call->now, &call->asker);

    for (size_t i = 0; i < TURN_RELAYS; i++) {
        if (a->relays[i] && (family == HF_FAMILY_NONE || a->relays[i]->addr.family == family))
            a->relays[i]->expires = call->now + lifetime;
    }
    hf_turn_allocation_set_due(call->server, a);
    hf_turn_allocations_expire(call->server, call->now);
}

/* 0: that peer is fine. */
static unsigned judge_peer(const hf_turn_call *call, const hf_addr *peer)
{
    if (!hf_turn_allocation_relay(call->allocation, peer->family))
        return 443;
    return hf_turn_may_permit(call->server, call->allocation, peer) ? 0 : 403;
}

/* RFC 8656 §10.2: all of them, or none. */
static void on_create_permission(hf_turn_call *call)
{
    hf_addr peers[PEERS_MAX];
    size_t n = 0;
    unsigned code = 0;
    for (hf_bytes value; code == 0 && hf_stun_find_nth(call->message, HF_STUN_XOR_PEER_ADDRESS, n, &value); n++) {
        if (n == PEERS_MAX)
            code = 508;
        else
            code = hf_stun_get_xor_address_nth(call->message, HF_STUN_XOR_PEER_ADDRESS, n, &peers[n])
                       ? judge_peer(call, &peers[n])
                       : 400;
    }
    if (n == 0)
        code = 400;
    for (size_t i = 0; code == 0 && i < n; i++) {
        if (hf_turn_permit(call->server, call->now, call->allocation, &peers[i]) != HF_OK)
            code = 508;
    }
    if (code != 0)
        hf_turn_refuse(call, code);
    else
        accept(call);
}

/* RFC 8656 §12.2. */
static unsigned bind_channel(hf_turn_call *call)
{
    hf_turn_allocation *a = call->allocation;
    uint32_t value;
    hf_addr peer;
    if (!hf_stun_get_u32(call->message, HF_STUN_CHANNEL_NUMBER, &value) ||
        !hf_stun_get_xor_address(call->message, HF_STUN_XOR_PEER_ADDRESS, &peer))
        return 400;
    uint16_t number = (uint16_t)(value >> 16); /* "RFFU": the rest is ignored */
    if (number < TURN_CHANNEL_FIRST || number > TURN_CHANNEL_LAST)
        return 400;
    unsigned code = judge_peer(call, &peer);
    if (code != 0)
        return code;
    if (!hf_turn_may_reach(call->server, a, &peer))
        return 403;

    const hf_turn_channel *of_number = hf_turn_find_channel(a, call->now, number);
    const hf_turn_channel *of_peer = hf_turn_find_channel_to(a, call->now, &peer);
    if ((of_number && !hf_addr_equal(&of_number->peer, &peer)) || (of_peer && of_peer->number != number))
        return 400;
    if (hf_turn_permit(call->server, call->now, a, &peer) != HF_OK ||
        hf_turn_bind_channel(call->server, call->now, a, &peer, number) != HF_OK)
        return 508;
    return 0;
}

static void on_channel_bind(hf_turn_call *call)
{
    unsigned code = bind_channel(call);
    if (code != 0)
        hf_turn_refuse(call, code);
    else
        accept(call);
}

/* RFC 8656 §5: the allocation is there, and its owner is who asks. */
static bool is_owner(hf_turn_call *call)
{
    const hf_turn_allocation *a = call->allocation;
    if (!a || a->is_pending) {
        hf_turn_refuse(call, 437);
        return false;
    }
    if (!hf_bytes_equal(hf_bytes_of(a->account->name, a->account->name_len), call->account)) {
        hf_turn_refuse(call, 441);
        return false;
    }
    return true;
}

static void on_turn_request(hf_turn_call *call)
{
    if (!hf_turn_authenticate(call) || is_strange(call))
        return;
    switch (call->message->method) {
    case HF_STUN_ALLOCATE:
        hf_turn_on_allocate(call);
        return;
    case HF_STUN_REFRESH:
        if (is_owner(call))
            on_refresh(call);
        return;
    case HF_STUN_CREATE_PERMISSION:
        if (is_owner(call))
            on_create_permission(call);
        return;
    default:
        if (is_owner(call))
            on_channel_bind(call);
        return;
    }
}

void hf_turn_on_request(hf_turn_server *server, hf_time now, const hf_path *path, const hf_stun_message *message)
{
    hf_turn_call call = {.server = server,
                         .now = now,
                         .message = message,
                         .asker = {.path = *path,
                                   .method = message->method,
                                   .is_proven = path->transport == HF_TCP,
                                   .has_fingerprint = message->fingerprint_at != 0},
                         .allocation = hf_turn_allocation_find(server, path)};
    memcpy(call.asker.id, message->id, sizeof call.asker.id);

    switch (message->method) {
    case HF_STUN_BINDING:
        on_binding(&call);
        return;
    case HF_STUN_ALLOCATE:
    case HF_STUN_REFRESH:
    case HF_STUN_CREATE_PERMISSION:
    case HF_STUN_CHANNEL_BIND:
        on_turn_request(&call);
        return;
    default:
        server->stats.dropped++; /* RFC 8489 §6.3: a method that is not known */
        return;
    }
}
