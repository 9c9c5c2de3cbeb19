/* relayed.c: datagrams that come and go by way of a relay. Above here, one is as if it had come to the relayed address, or
 * left from there; the driver sees only what passes between us and the relay's server. */
#include "relay_priv.h"

hf_ice_allocation *hf_ice_relayed_find(const hf_ice *ice, const hf_addr *relayed)
{
    for (size_t i = 0; i < ice->allocations_len; i++) {
        hf_ice_allocation *a = ice->allocations[i];
        for (size_t n = 0; n < HF_TURN_RELAYED_MAX && a->state == HF_ICE_ALLOCATION_STANDING; n++) {
            if (hf_addr_equal(&a->relayed[n], relayed))
                return a;
        }
    }
    return NULL;
}

/* --- In ------------------------------------------------------------------------------------------------------------- */

/* ChannelData (RFC 8656 §12), or STUN that is no Binding: an agent asks servers for those, too (RFC 8489 §5). */
static bool may_be_turn(const hf_datagram *datagram)
{
    const uint8_t *data = datagram->data;
    if (data[0] >= 64)
        return data[0] < 128;
    return datagram->len >= HF_STUN_HEADER_SIZE && data[0] <= 3 && ((data[0] << 8 | data[1]) & 0x3EEF) != HF_STUN_BINDING;
}

hf_ice_allocation *hf_ice_relayed_server(const hf_ice *ice, const hf_datagram *datagram)
{
    if (ice->allocations_len == 0 || !may_be_turn(datagram))
        return NULL;
    for (size_t i = 0; i < ice->allocations_len; i++) {
        hf_ice_allocation *a = ice->allocations[i];
        if (a->client && hf_ice_path_equal(&a->path, &datagram->path))
            return a;
    }
    return NULL;
}

/* --- Out ------------------------------------------------------------------------------------------------------------ */

bool hf_ice_way_of(const hf_ice *ice, const hf_path *path, hf_ice_way *out)
{
    hf_ice_allocation *a = path->transport == HF_UDP ? hf_ice_relayed_find(ice, &path->local) : NULL;
    if (a) {
        out->path = a->path;
        return hf_turn_client_wrap(a->client, &path->remote, &out->wrap) == HF_OK;
    }
    out->path = *path;
    out->wrap = path->transport == HF_TCP ? hf_frame_wrap : (hf_wrap){0};
    return true;
}

bool hf_ice_finish(hf_transmit *out, const hf_ice_way *way, size_t len)
{
    out->path = way->path;
    out->len = out->segment = len > 0 ? hf_wrap_write(&way->wrap, out->buffer + way->wrap.before, len) : 0;
    return len > 0;
}

/* --- Permissions (RFC 8656 §9) -------------------------------------------------------------------------------------- */

void hf_ice_relayed_ask(hf_time now, hf_ice_pair *pair)
{
    hf_wrap wrap;
    hf_ice_allocation *a = pair->local->allocation;
    hf_err err = hf_turn_client_permit(a->client, now, &pair->path.remote);
    if (err == HF_OK)
        err = hf_turn_client_wrap(a->client, &pair->path.remote, &wrap);
    pair->is_permitted = err == HF_OK;
    if (err != HF_OK && err != HF_EAGAIN)
        hf_ice_pair_enter(pair, HF_ICE_PAIR_FAILED); /* refused, or there is no room for it */
}

static bool needs(const hf_ice_pair *pair, const hf_ice_allocation *a, const hf_addr *peer)
{
    return pair->local->allocation == a && hf_addr_equal_ip(&pair->path.remote, peer);
}

static bool is_needed(const hf_ice *ice, const hf_ice_pair *without)
{
    for (const hf_ice_generation *g = ice->newest; g; g = g->older) {
        for (size_t i = 0; i < g->pairs_len; i++) {
            if (g->pairs[i] != without && needs(g->pairs[i], without->local->allocation, &without->path.remote))
                return true;
        }
    }
    return false;
}

void hf_ice_relayed_forget(const hf_ice_pair *pair)
{
    const hf_ice_allocation *a = pair->local->allocation;
    if (a && a->client && !is_needed(pair->generation->ice, pair))
        hf_turn_client_forget(a->client, &pair->path.remote);
}

void hf_ice_relayed_permit(hf_ice *ice, hf_time now, const hf_ice_allocation *a, const hf_addr *peer, bool is_permitted)
{
    for (hf_ice_generation *g = ice->newest; g; g = g->older) {
        for (size_t i = 0; i < g->pairs_len; i++) {
            hf_ice_pair *pair = g->pairs[i];
            if (!needs(pair, a, peer))
                continue;
            pair->is_permitted = is_permitted;
            if (!is_permitted)
                hf_ice_pair_fail(now, pair);
        }
    }
}
