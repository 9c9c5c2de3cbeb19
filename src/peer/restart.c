/* restart.c: ICE restarts (RFC 9429 §4.1.20, W3C WebRTC 1.0 §4.4.2 restartIce), and taking back an offer (RFC 9429 §5.7).
 *
 * New credentials come into being with the description that bears them, and hold once it is answered. Whatever takes the
 * description back takes them back, too. */
#include "peer_priv.h"

#include <string.h>

/* What was current must still be shown as it was while ICE already has the next credentials. */
static hf_err keep_current(hf_peer *peer)
{
    hf_description *current = &peer->local_current;
    if (current->type == 0 || current->text)
        return HF_OK;
    hf_err err = hf_peer_write_description(peer, current);
    if (err != HF_OK)
        return err;
    current->text = hf_alloc_text(peer->env, peer->description_text, strlen(peer->description_text));
    return current->text ? HF_OK : HF_ENOMEM;
}

static void release_current(hf_peer *peer)
{
    hf_dealloc(peer->env, peer->local_current.text);
    peer->local_current.text = NULL;
}

/* RFC 9429 §5.3.1: the answer to an offer with new credentials has new ones, too. */
static bool is_asked_to_restart(const hf_peer *peer)
{
    const hf_remote_description *offer = &peer->remote_pending, *current = &peer->remote_current;
    return peer->signaling == HF_SIGNALING_HAVE_REMOTE_OFFER && peer->negotiated.done && current->type != 0 &&
           current->data_section != NO_SECTION && offer->data_section != NO_SECTION &&
           !hf_peer_has_same_credentials(offer, current);
}

hf_err hf_peer_prepare_credentials(hf_peer *peer, hf_time now, hf_sdp_type type)
{
    bool restarts = type == HF_SDP_OFFER ? peer->restart_wanted : is_asked_to_restart(peer);
    if (!restarts || peer->restart_open)
        return HF_OK;
    hf_err err = keep_current(peer);
    if (err != HF_OK)
        return err;
    err = hf_ice_restart(peer->ice, now);
    if (err != HF_OK)
        release_current(peer);
    else
        peer->restart_open = true;
    return err;
}

void hf_peer_roll_back(hf_peer *peer, hf_time now)
{
    if (peer->restart_open && hf_ice_cancel_restart(peer->ice, now) != HF_OK)
        hf_log(peer->env, HF_LOG_ERROR, "peer: an ICE restart could not be taken back");
    if (peer->restart_open)
        release_current(peer);
    peer->restart_wanted |= peer->restart_offered;
    peer->restart_open = peer->restart_offered = false;
    hf_peer_clear_description(peer, &peer->created);
    hf_peer_clear_description(peer, &peer->local_pending);
    hf_peer_clear_remote(peer, &peer->remote_pending);
}

hf_err hf_peer_restart_ice(hf_peer *peer, hf_time now)
{
    if (!peer)
        return HF_EINVAL;
    hf_err err = hf_peer_begin(peer, now);
    if (err != HF_OK)
        return err;
    if (!hf_peer_local(peer))
        return hf_peer_refuse(peer, HF_ESTATE, 0, "there is nothing to restart");
    peer->restart_wanted = true;
    hf_peer_update_negotiation_needed(peer);
    hf_peer_wake(peer);
    return HF_OK;
}

hf_err hf_peer_set_relay(hf_peer *peer, hf_ice_relay relay)
{
    return peer ? hf_ice_set_relay(peer->ice, relay) : HF_EINVAL;
}
