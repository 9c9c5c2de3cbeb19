/* server_allocate.c: the Allocate request (RFC 8656 §7.2), and its answer once the sockets are there. */
#include "server_priv.h"

#include <string.h>

/* RFC 8656 §18.7: the protocol number of UDP; the rest is reserved. */
#define PROTOCOL_UDP 17

/* What an Allocate asks for. */
typedef struct wish {
    hf_family family, additional; /* NONE: no additional one */
    bool even;
} wish;

static hf_family family_of(hf_bytes value)
{
    if (value.len != 4)
        return HF_FAMILY_NONE;
    return value.data[0] == 1 ? HF_FAMILY_IPV4 : value.data[0] == 2 ? HF_FAMILY_IPV6 : HF_FAMILY_NONE;
}

/* Returns the code of the error, in the order of the text; 0: none. Sockets are not reserved for a second allocation:
 * EVEN-PORT with its R bit, and each token, are answered with 508. */
static unsigned read_wish(const hf_stun_message *message, wish *out)
{
    hf_bytes family, additional, even, token;
    uint32_t transport;
    bool has_family = hf_stun_find(message, HF_STUN_REQUESTED_ADDRESS_FAMILY, &family);
    bool has_additional = hf_stun_find(message, HF_STUN_ADDITIONAL_ADDRESS_FAMILY, &additional);
    bool has_even = hf_stun_find(message, HF_STUN_EVEN_PORT, &even);
    bool has_token = hf_stun_find(message, HF_STUN_RESERVATION_TOKEN, &token);
    bool reserves = has_even && even.len == 1 && (even.data[0] & 0x80) != 0;

    *out = (wish){.family = HF_FAMILY_IPV4, .even = has_even};
    if (!hf_stun_get_u32(message, HF_STUN_REQUESTED_TRANSPORT, &transport))
        return 400;
    if (transport >> 24 != PROTOCOL_UDP)
        return 442;
    if (has_token && (token.len != 8 || has_even || has_family || has_additional))
        return 400;
    if ((has_even && even.len != 1) || (has_family && has_additional) || (has_additional && reserves))
        return 400;
    if (has_additional && family_of(additional) != HF_FAMILY_IPV6)
        return 400;
    if (has_family && family_of(family) == HF_FAMILY_NONE)
        return 440;
    if (has_token || reserves)
        return 508;
    if (has_family)
        out->family = family_of(family);
    if (has_additional)
        out->additional = HF_FAMILY_IPV6;
    return 0;
}

/* --- Answers ---------------------------------------------------------------------------------------------------------- */

/* RFC 8656 §18.12: ADDRESS-ERROR-CODE, of the additional family that could not be had. */
static void add_address_error(hf_stun_writer *s, unsigned code)
{
    uint8_t value[64];
    hf_writer w = hf_writer_of(value, sizeof value);
    hf_write_u8(&w, 2); /* IPv6: no other can be asked for */
    hf_write_u8(&w, 0);
    hf_write_u8(&w, (uint8_t)(code / 100));
    hf_write_u8(&w, (uint8_t)(code % 100));
    hf_write_bytes(&w, hf_bytes_of_text(hf_turn_reason(code)));
    hf_stun_add(s, HF_STUN_ADDRESS_ERROR_CODE, hf_bytes_of(value, w.len));
}

/* The same for each copy of the request. */
static void send_success(hf_turn_server *server, hf_time now, const hf_turn_allocation *a)
{
    hf_turn_answer answer;
    hf_turn_answer_begin(&answer, &a->asker, HF_STUN_SUCCESS);
    for (size_t i = 0; i < TURN_RELAYS; i++) {
        if (a->relays[i])
            hf_stun_add_xor_address(&answer.s, HF_STUN_XOR_RELAYED_ADDRESS, &a->relays[i]->addr);
    }
    hf_stun_add_u32(&answer.s, HF_STUN_LIFETIME, (uint32_t)(a->lifetime / HF_SECONDS(1)));
    hf_stun_add_xor_address(&answer.s, HF_STUN_XOR_MAPPED_ADDRESS, &a->asker.path.remote);
    if (a->missing_code != 0)
        add_address_error(&answer.s, a->missing_code);
    hf_turn_answer_send(&answer, server, now, &a->asker);
}

void hf_turn_allocate_give_up(hf_turn_server *server, hf_time now, hf_turn_allocation *a, unsigned code)
{
    hf_turn_answer answer;
    hf_turn_error_begin(&answer, server, &a->asker, code);
    hf_turn_answer_send(&answer, server, now, &a->asker);
    hf_turn_allocation_free(server, a);
}

/* --- Sockets ---------------------------------------------------------------------------------------------------------- */

void hf_turn_allocate_finish(hf_turn_server *server, hf_time now, hf_turn_allocation *a)
{
    for (size_t i = 0; i < TURN_RELAYS; i++) {
        hf_turn_relay *relay = a->relays[i];
        if (relay && (relay->state == HF_TURN_RELAY_WANTED || relay->state == HF_TURN_RELAY_BINDING))
            return;
        if (relay && relay->state == HF_TURN_RELAY_FAILED) {
            hf_turn_relay_drop(server, relay);
            a->relays[i] = NULL;
            if (i > 0)
                a->missing_code = 508;
        }
    }
    if (!a->relays[0]) { /* the additional one alone would be another thing than was asked for */
        hf_turn_allocate_give_up(server, now, a, 508);
        return;
    }
    a->is_pending = false;
    for (size_t i = 0; i < TURN_RELAYS; i++) {
        if (a->relays[i])
            a->relays[i]->expires = now + a->lifetime;
    }
    hf_turn_allocation_set_due(server, a);
    server->stats.allocations_made++;
    send_success(server, now, a);
}

/* 0: it is being bound. */
static unsigned want_relay(hf_turn_server *server, hf_turn_allocation *a, size_t at, hf_family family, bool even)
{
    hf_addr ip;
    if (!hf_turn_relay_addr(server, &a->asker.path, family, &ip))
        return 440;
    return hf_turn_relay_new(server, a, &ip, even, &a->relays[at]) == HF_OK ? 0 : 508;
}

static void allocate(hf_turn_call *call, const wish *w)
{
    hf_turn_allocation *a;
    hf_err err = hf_turn_allocation_new(call, &a);
    if (err != HF_OK) {
        hf_turn_refuse(call, err == HF_EQUOTA ? 486 : 508);
        return;
    }
    unsigned code = want_relay(call->server, a, 0, w->family, w->even);
    if (code != 0) {
        hf_turn_allocate_give_up(call->server, call->now, a, code);
        return;
    }
    if (w->additional != HF_FAMILY_NONE)
        a->missing_code = want_relay(call->server, a, 1, w->additional, w->even);
}

/* RFC 8656 §7.2 point 2: whatever comes again is a copy, whose answer was lost or is still to come. */
static bool is_copy(const hf_turn_call *call)
{
    const hf_turn_asker *first = &call->allocation->asker;
    return memcmp(first->id, call->asker.id, sizeof first->id) == 0 && first->key_len == call->asker.key_len &&
           memcmp(first->key, call->asker.key, first->key_len) == 0;
}

void hf_turn_on_allocate(hf_turn_call *call)
{
    wish w;
    if (call->allocation && !is_copy(call)) {
        hf_turn_refuse(call, 437);
        return;
    }
    if (call->allocation) {
        if (!call->allocation->is_pending)
            send_success(call->server, call->now, call->allocation);
        return;
    }
    unsigned code = read_wish(call->message, &w);
    if (code != 0)
        hf_turn_refuse(call, code);
    else
        allocate(call, &w);
}
