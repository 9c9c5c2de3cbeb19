/* allocation.c: the allocation itself: made, kept, given back (RFC 8656 §7, §8). */
#include "client_priv.h"

#include <string.h>

/* RFC 8656 §7.1: "REQUESTED-TRANSPORT … 17 (UDP)", in the first byte. */
#define TRANSPORT_UDP (17u << 24)

/* RFC 8656 §18.6: the family in the first byte. */
#define FAMILY_IPV6 (2u << 24)

/* RFC 8656 §3.2: "a default … of 10 minutes", which a response without LIFETIME leaves. */
#define LIFETIME_DEFAULT 600u

/* Whatever the server says: not refreshed every moment, and not believed for days. */
#define LIFETIME_MIN 10u
#define LIFETIME_MAX 3600u

/* RFC 8656 §8: "…SHOULD be refreshed … about 1 minute before"; of short ones, half is left. */
#define REFRESH_AHEAD HF_SECONDS(60)

void hf_turn_allocation_begin(hf_turn_client *client)
{
    bool makes = client->state == TURN_ALLOCATING;
    hf_span left = client->give_up_at - client->now;
    client->ask_at = HF_NEVER;
    hf_turn_request_begin(client, TURN_ALLOCATION_SLOT, makes ? HF_STUN_ALLOCATE : HF_STUN_REFRESH,
                          client->state == TURN_ALLOCATED ? TURN_REQUEST_PATIENCE : left);
    client->requests[TURN_ALLOCATION_SLOT].asks_to_delete =
        client->state == TURN_GIVING_BACK || client->state == TURN_CLOSING;
}

void hf_turn_allocation_again(hf_turn_client *client)
{
    client->ask_at = client->now;
}

void hf_turn_allocation_write(const hf_turn_client *client, const turn_request *request, hf_stun_writer *s)
{
    if (request->method == HF_STUN_REFRESH) {
        if (request->asks_to_delete)
            hf_stun_add_u32(s, HF_STUN_LIFETIME, 0);
        return;
    }
    hf_stun_add_u32(s, HF_STUN_REQUESTED_TRANSPORT, TRANSPORT_UDP);
    /* IPv4 is what a server gives unasked; those of RFC 5766 do not know how to be asked. */
    if (client->family == HF_FAMILY_IPV6)
        hf_stun_add_u32(s, HF_STUN_REQUESTED_ADDRESS_FAMILY, FAMILY_IPV6);
    else if (client->both_families)
        hf_stun_add_u32(s, HF_STUN_ADDITIONAL_ADDRESS_FAMILY, FAMILY_IPV6);
}

bool hf_turn_allocation_has_family(const hf_turn_client *client, hf_family family)
{
    for (size_t i = 0; i < HF_TURN_RELAYED_MAX; i++) {
        if (family != HF_FAMILY_NONE && client->relayed[i].family == family)
            return true;
    }
    return false;
}

/* Counted from when the request went out, so that ours ends before the server's. */
static void live_on(hf_turn_client *client, const turn_request *request, const hf_stun_message *message)
{
    uint32_t seconds = LIFETIME_DEFAULT;
    (void)hf_stun_get_u32(message, HF_STUN_LIFETIME, &seconds);
    seconds = seconds < LIFETIME_MIN ? LIFETIME_MIN : seconds > LIFETIME_MAX ? LIFETIME_MAX : seconds;
    hf_span lifetime = HF_SECONDS(seconds);
    client->expires_at = request->began_at + lifetime;
    client->ask_at = client->expires_at - (lifetime > 2 * REFRESH_AHEAD ? REFRESH_AHEAD : lifetime / 2);
}

/* Nobody could be reached by such an address. A relay on the loopback interface is one for those on the same machine. */
static bool is_nonsense(const hf_turn_client *client, const hf_addr *addr)
{
    bool is_far = !hf_addr_is_loopback(&client->path.remote);
    return addr->port == 0 || hf_addr_is_unspecified(addr) || hf_addr_is_multicast(addr) || hf_addr_is_link_local(addr) ||
           (hf_addr_is_loopback(addr) && is_far);
}

static bool was_asked_for(const hf_turn_client *client, hf_family family)
{
    return client->both_families || family == client->family;
}

static bool read_relayed(hf_turn_client *client, const hf_stun_message *message)
{
    hf_addr addr;
    for (size_t i = 0; i < HF_TURN_RELAYED_MAX; i++)
        client->relayed[i] = (hf_addr){0};
    for (size_t i = 0; i < HF_TURN_RELAYED_MAX; i++) {
        if (!hf_stun_get_xor_address_nth(message, HF_STUN_XOR_RELAYED_ADDRESS, i, &addr))
            break;
        if (is_nonsense(client, &addr) || !was_asked_for(client, addr.family) ||
            hf_turn_allocation_has_family(client, addr.family))
            return false;
        client->relayed[i] = addr;
    }
    if (!hf_stun_get_xor_address(message, HF_STUN_XOR_MAPPED_ADDRESS, &client->mapped))
        client->mapped = (hf_addr){0};
    return client->relayed[0].family != HF_FAMILY_NONE;
}

static void give_back(hf_turn_client *client)
{
    client->has_given_back = true;
    hf_turn_enter(client, TURN_GIVING_BACK);
}

/* RFC 8489 §14.16: a name of "less than 256 bytes". */
static void read_domain(const hf_stun_message *message, char out[HF_TURN_DOMAIN_SIZE])
{
    hf_bytes domain;
    out[0] = '\0';
    bool is_name = hf_stun_find(message, HF_STUN_ALTERNATE_DOMAIN, &domain) && domain.len > 0 &&
                   domain.len < HF_TURN_DOMAIN_SIZE && !memchr(domain.data, '\0', domain.len);
    if (!is_name)
        return;
    memcpy(out, domain.data, domain.len);
    out[domain.len] = '\0';
}

/* RFC 8489 §10: a server of the same family, "using the same transport protocol"; not the one that said so. */
static void on_alternate(hf_turn_client *client, const hf_stun_message *message)
{
    hf_addr addr;
    bool is_usable = hf_stun_get_address(message, HF_STUN_ALTERNATE_SERVER, &addr) && !is_nonsense(client, &addr) &&
                     addr.family == client->path.remote.family && !hf_addr_equal(&addr, &client->path.remote);
    if (is_usable) {
        client->alternate = addr;
        read_domain(message, client->alternate_domain);
    }
    hf_turn_fail(client, is_usable ? HF_EREFUSED : HF_EPROTO, 300);
}

static hf_err cause_of(unsigned code)
{
    switch (code) {
    case 401:
    case 438:
    case 441:
        return HF_EAUTH;
    case 400:
        return HF_EPROTO;
    case 486:
        return HF_EQUOTA;
    default:
        return HF_EREFUSED;
    }
}

/* An answer that is not success: none, one that can't be used, or an error. */
static void fail(hf_turn_client *client, const turn_answer *answer)
{
    hf_turn_fail(client, answer->cause ? answer->cause : cause_of(answer->code), answer->code);
}

static void on_allocate(hf_turn_client *client, const turn_request *request, const turn_answer *answer)
{
    if (answer->cause) {
        fail(client, answer);
    } else if (answer->code == 437 && !client->has_given_back) {
        give_back(client);
    } else if (answer->code == 300) {
        on_alternate(client, answer->message);
    } else if (answer->code != 0) {
        fail(client, answer);
    } else if (!read_relayed(client, answer->message)) {
        hf_turn_fail(client, HF_EPROTO, 0);
    } else {
        hf_turn_enter(client, TURN_ALLOCATED);
        live_on(client, request, answer->message);
        hf_turn_permission_allocated(client);
    }
}

static void on_refresh(hf_turn_client *client, const turn_request *request, const turn_answer *answer)
{
    if (answer->cause || answer->code != 0)
        fail(client, answer);
    else
        live_on(client, request, answer->message);
}

void hf_turn_allocation_on_answer(hf_turn_client *client, const turn_request *request, const turn_answer *answer)
{
    bool is_gone = !answer->cause && (answer->code == 0 || answer->code == 437);
    switch (client->state) {
    case TURN_ALLOCATING:
        on_allocate(client, request, answer);
        break;
    case TURN_GIVING_BACK:
        if (is_gone)
            hf_turn_enter(client, TURN_ALLOCATING);
        else
            hf_turn_fail(client, HF_EREFUSED, 437);
        break;
    case TURN_ALLOCATED:
        on_refresh(client, request, answer);
        break;
    case TURN_CLOSING: /* what was being made when the owner closed stands now, and is given back */
        if (request->method == HF_STUN_ALLOCATE && is_gone && answer->code == 0)
            hf_turn_allocation_again(client);
        else
            hf_turn_enter(client, TURN_CLOSED);
        break;
    case TURN_FAILED:
    case TURN_CLOSED:
    case TURN_STATE_COUNT:
        break;
    }
}
