/* permission.c: the addresses that may reach us through the relay (RFC 8656 §9). */
#include "client_priv.h"

#include "alloc.h"

/* RFC 8656 §9: "The Permission Lifetime MUST be 300 seconds"; a minute is left for asking more than once. */
#define PERMISSION_LIFETIME HF_SECONDS(300)
#define REFRESH_AFTER HF_SECONDS(240)

/* Addresses in one request: with the longest credentials, it still fits into HF_DATAGRAM_MAX. */
#define BATCH_MAX 8

turn_peer *hf_turn_peer_find(const hf_turn_client *client, const hf_addr *peer)
{
    for (size_t i = 0; i < client->peers_len; i++) {
        if (hf_addr_equal_ip(&client->peers[i].ip, peer))
            return &client->peers[i];
    }
    return NULL;
}

static void remove_peer(hf_turn_client *client, turn_peer *peer)
{
    *peer = client->peers[--client->peers_len];
}

static void refuse(turn_peer *peer, hf_err cause, unsigned code)
{
    peer->refusal = cause;
    peer->code = code;
    peer->expires_at = 0;
    peer->ask_at = HF_NEVER;
    peer->tells = true;
}

static void refuse_family(const hf_turn_client *client, turn_peer *peer)
{
    if (client->state == TURN_ALLOCATED && !hf_turn_allocation_has_family(client, peer->ip.family))
        refuse(peer, HF_EREFUSED, 443);
}

hf_err hf_turn_peer_add(hf_turn_client *client, const hf_addr *peer, turn_peer **out)
{
    turn_peer *known = hf_turn_peer_find(client, peer);
    *out = known;
    if (known) {
        known->is_wanted = true;
        return HF_OK;
    }
    hf_err err = hf_grow(client->env, &client->peers, &client->peers_cap, client->peers_len + 1, HF_TURN_PEERS_MAX,
                         sizeof *client->peers);
    if (err)
        return err;
    *out = &client->peers[client->peers_len++];
    **out = (turn_peer){.ip = *peer, .is_wanted = true, .slot = TURN_NO_SLOT, .ask_at = client->now};
    (*out)->ip.port = 0;
    refuse_family(client, *out);
    return HF_OK;
}

void hf_turn_permission_allocated(hf_turn_client *client)
{
    for (size_t i = 0; i < client->peers_len; i++)
        refuse_family(client, &client->peers[i]);
}

/* --- Requests --------------------------------------------------------------------------------------------------------- */

bool hf_turn_permission_begin(hf_turn_client *client)
{
    size_t slot = hf_turn_request_free_slot(client), n = 0;
    for (size_t i = 0; i < client->peers_len && n < BATCH_MAX && slot != TURN_NO_SLOT; i++) {
        turn_peer *peer = &client->peers[i];
        if (client->now < peer->ask_at || (n > 0 && peer->is_alone))
            continue;
        peer->slot = slot;
        peer->ask_at = HF_NEVER;
        n = peer->is_alone ? BATCH_MAX : n + 1;
    }
    if (n > 0)
        hf_turn_request_begin(client, slot, HF_STUN_CREATE_PERMISSION, TURN_REQUEST_PATIENCE);
    return n > 0;
}

void hf_turn_permission_write(const hf_turn_client *client, size_t slot, hf_stun_writer *s)
{
    for (size_t i = 0; i < client->peers_len; i++) {
        if (client->peers[i].slot == slot)
            hf_stun_add_xor_address(s, HF_STUN_XOR_PEER_ADDRESS, &client->peers[i].ip);
    }
}

static size_t count(const hf_turn_client *client, size_t slot)
{
    size_t n = 0;
    for (size_t i = 0; i < client->peers_len; i++)
        n += client->peers[i].slot == slot;
    return n;
}

static void grant(turn_peer *peer, hf_time began_at)
{
    peer->tells |= peer->expires_at <= began_at; /* otherwise the owner knows */
    peer->expires_at = began_at + PERMISSION_LIFETIME;
    peer->ask_at = began_at + REFRESH_AFTER;
    peer->is_alone = false;
}

/* One address that the server refuses spoils a request about several: each is then asked for by itself. */
static void on_refused(turn_peer *peer, bool was_alone, const turn_answer *answer, hf_time now)
{
    if (!was_alone) {
        peer->is_alone = true;
        peer->ask_at = now;
    } else {
        refuse(peer, answer->cause ? answer->cause : HF_EREFUSED, answer->code);
    }
}

void hf_turn_permission_on_answer(hf_turn_client *client, size_t slot, hf_time began_at, const turn_answer *answer)
{
    if (answer->code == 437) { /* RFC 8656 §9.2: no allocation is there any more */
        hf_turn_fail(client, HF_EREFUSED, 437);
        return;
    }
    bool was_alone = count(client, slot) == 1;
    for (size_t i = client->peers_len; i-- > 0;) {
        turn_peer *peer = &client->peers[i];
        if (peer->slot != slot)
            continue;
        peer->slot = TURN_NO_SLOT;
        if (!peer->is_wanted)
            remove_peer(client, peer);
        else if (answer->cause || answer->code != 0)
            on_refused(peer, was_alone, answer, client->now);
        else
            grant(peer, began_at);
    }
}

void hf_turn_permission_again(hf_turn_client *client, size_t slot)
{
    for (size_t i = client->peers_len; i-- > 0;) {
        turn_peer *peer = &client->peers[i];
        if (peer->slot != slot)
            continue;
        peer->slot = TURN_NO_SLOT;
        peer->ask_at = client->now;
        if (!peer->is_wanted)
            remove_peer(client, peer);
    }
}

void hf_turn_permission_join(hf_turn_client *client, size_t slot, const hf_addr *addr)
{
    turn_peer *peer = hf_turn_peer_find(client, addr);
    if (peer && peer->slot == TURN_NO_SLOT && client->now >= peer->ask_at) {
        peer->slot = slot;
        peer->ask_at = HF_NEVER;
    }
}

hf_time hf_turn_permission_deadline(const hf_turn_client *client)
{
    hf_time at = HF_NEVER;
    for (size_t i = 0; i < client->peers_len; i++)
        at = hf_turn_earlier(at, client->peers[i].ask_at);
    return at;
}

/* --- The owner -------------------------------------------------------------------------------------------------------- */

static bool is_peer(const hf_addr *addr)
{
    return addr->family != HF_FAMILY_NONE && !hf_addr_is_unspecified(addr) && !hf_addr_is_multicast(addr);
}

hf_err hf_turn_client_permit(hf_turn_client *client, hf_time now, const hf_addr *peer)
{
    hf_turn_set_now(client, now);
    if (!is_peer(peer))
        return HF_EINVAL;
    if (client->state >= TURN_CLOSING)
        return HF_ESTATE;
    turn_peer *added;
    return hf_turn_peer_add(client, peer, &added);
}

void hf_turn_client_forget(hf_turn_client *client, const hf_addr *peer)
{
    turn_channel *channel = hf_turn_channel_find(client, peer);
    turn_peer *permission = hf_turn_peer_find(client, peer);
    if (channel) {
        channel->is_wanted = false;
        channel->tells = false;
    }
    if (permission && permission->slot == TURN_NO_SLOT) {
        remove_peer(client, permission);
    } else if (permission) {
        permission->is_wanted = false;
        permission->tells = false;
    }
}

bool hf_turn_permission_poll_event(hf_turn_client *client, hf_turn_client_event *out)
{
    for (size_t i = 0; i < client->peers_len; i++) {
        turn_peer *peer = &client->peers[i];
        if (!peer->tells)
            continue;
        peer->tells = false;
        *out = (hf_turn_client_event){.type = peer->refusal ? HF_TURN_REFUSED : HF_TURN_PERMITTED,
                                      .cause = peer->refusal,
                                      .code = peer->code,
                                      .peer = peer->ip};
        return true;
    }
    return false;
}
