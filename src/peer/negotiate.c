/* negotiate.c: offers and answers (RFC 3264, RFC 9429): in which state which may be set, and what follows from it. */
#include "peer_priv.h"

#include <stdio.h>
#include <string.h>

hf_err hf_peer_begin(hf_peer *peer, hf_time now)
{
    peer->error_text[0] = '\0';
    if (peer->closed)
        return HF_ECLOSED;
    peer->now = now;
    return HF_OK;
}

hf_err hf_peer_refuse(hf_peer *peer, hf_err err, size_t line, const char *reason)
{
    if (line > 0)
        snprintf(peer->error_text, sizeof peer->error_text, "line %zu: %s", line, reason);
    else
        snprintf(peer->error_text, sizeof peer->error_text, "%s", reason);
    return err;
}

const char *hf_peer_error_text(const hf_peer *peer)
{
    return peer ? peer->error_text : "";
}

static bool is_type(hf_sdp_type type)
{
    return type >= HF_SDP_OFFER && type <= HF_SDP_ROLLBACK;
}

/* A provisional answer is made like an answer. */
static hf_sdp_type kind_of(hf_sdp_type type)
{
    return type == HF_SDP_PRANSWER ? HF_SDP_ANSWER : type;
}

/* --- What follows ----------------------------------------------------------------------------------------------------- */

/* RFC 8841 §10.1: the section was rejected after all, and the association with it. */
static void end_data(hf_peer *peer)
{
    peer->data_over = true;
    hf_peer_push_event(peer,
                       (hf_peer_event){.type = HF_PEER_REMOTE_CLOSED, .cause = peer->negotiated.done ? HF_OK : HF_ENOTSUP});
}

/* What both sides have said holds from now on. ICE's memory is asked first; afterwards nothing fails. */
static hf_err bring_into_force(hf_peer *peer, hf_time now, hf_remote_description *remote)
{
    if (remote->data_section == NO_SECTION)
        return HF_OK;
    hf_ice_remote_agent agent = {.ufrag = remote->ufrag,
                                 .pwd = remote->pwd,
                                 .lite = remote->transport->ice_lite,
                                 .renomination = remote->transport->renomination};
    hf_err err = hf_ice_set_remote(peer->ice, now, &agent);
    if (err != HF_OK)
        return hf_peer_refuse(peer, err, 0, "ICE refuses the remote's credentials");
    peer->negotiated = remote->negotiated;
    peer->negotiated.done = true;
    peer->restart_open = false;
    hf_sctp_set_remote_message_max(peer->sctp, remote->negotiated.message_max);
    hf_peer_take_candidates(peer, now, remote);
    return HF_OK;
}

/* An answer makes both descriptions current. */
static void conclude(hf_peer *peer, hf_description local, hf_remote_description *remote)
{
    size_t before = peer->remote_current.type != 0 ? peer->remote_current.data_section : NO_SECTION;
    bool offered = local.type == HF_SDP_OFFER && hf_peer_offered_section(peer) != NO_SECTION;
    if (remote->data_section == NO_SECTION && (offered || before != NO_SECTION))
        end_data(peer);
    hf_peer_clear_description(peer, &peer->local_current);
    hf_peer_clear_remote(peer, &peer->remote_current);
    peer->local_current = local;
    peer->remote_current = *remote;
    *remote = (hf_remote_description){0};
    peer->local_pending = (hf_description){0};
    peer->restart_offered = false;
    hf_peer_clear_remote(peer, &peer->remote_pending);
    hf_peer_choose_fresh_mid(peer);
}

/* The end of each call that has set something. */
static void settle(hf_peer *peer, hf_time now, bool local, hf_sdp_type type, hf_signaling_state next)
{
    hf_trace(peer->env, now, HF_TRACE_PEER_DESCRIPTION_APPLIED, hf_trace_text("side", local ? "local" : "remote"),
             hf_trace_text("type", hf_sdp_type_name(type)));
    hf_peer_clear_description(peer, &peer->created);
    hf_peer_enter_signaling(peer, next);
    if (next == HF_SIGNALING_STABLE)
        peer->negotiation_needed = false;
    hf_peer_update_negotiation_needed(peer);
    hf_peer_start_dtls_if_due(peer, now);
    hf_peer_pump(peer, now);
    hf_peer_wake(peer);
}

/* --- Our own descriptions ------------------------------------------------------------------------------------------- */

static hf_err make(hf_peer *peer, hf_time now, hf_sdp_type type, hf_description *out)
{
    hf_err err = hf_peer_prepare_credentials(peer, now, type);
    return err == HF_OK ? hf_peer_make_description(peer, type, out) : err;
}

static hf_err create(hf_peer *peer, hf_time now, hf_sdp_type type, const char **sdp)
{
    hf_signaling_state next;
    hf_description made;
    if (!peer || !sdp)
        return HF_EINVAL;
    hf_err err = hf_peer_begin(peer, now);
    if (err != HF_OK)
        return err;
    if (!hf_peer_next_signaling(peer, true, type, &next))
        return hf_peer_refuse(peer, HF_ESTATE, 0,
                              type == HF_SDP_ANSWER ? "there is no offer to answer"
                                                    : "another description waits for its answer");
    err = make(peer, now, type, &made);
    if (err != HF_OK)
        return err;
    hf_peer_clear_description(peer, &peer->created);
    peer->created = made;
    *sdp = made.text;
    hf_peer_pump(peer, now);
    return HF_OK;
}

hf_err hf_peer_create_offer(hf_peer *peer, hf_time now, const char **sdp)
{
    return create(peer, now, HF_SDP_OFFER, sdp);
}

hf_err hf_peer_create_answer(hf_peer *peer, hf_time now, const char **sdp)
{
    return create(peer, now, HF_SDP_ANSWER, sdp);
}

/* RFC 8445 §6.1.1: the offerer controls, but toward a lite agent we do. Once checks have begun ICE knows better. */
static void take_role(hf_peer *peer, hf_sdp_type type)
{
    bool controls = type == HF_SDP_OFFER || peer->remote_pending.transport->ice_lite;
    if (!peer->negotiated.done && hf_ice_set_controlling(peer->ice, controls) != HF_OK)
        hf_log(peer->env, HF_LOG_DEBUG, "peer: the ICE role stays as it is");
}

/* Everything that may fail: the transport for which `type` of ours is the moment. */
static hf_err begin_transport(hf_peer *peer, hf_time now, hf_sdp_type type)
{
    if (type != HF_SDP_OFFER && peer->remote_pending.data_section == NO_SECTION)
        return HF_OK; /* we reject everything */
    take_role(peer, type);
    hf_err err = hf_ice_gather(peer->ice, now);
    if (err != HF_OK && err != HF_ESTATE) /* ESTATE: this generation has begun already */
        return err;
    return type == HF_SDP_OFFER ? HF_OK : bring_into_force(peer, now, &peer->remote_pending);
}

static void set_local(hf_peer *peer, hf_sdp_type type, bool restarts)
{
    hf_description local = peer->created;
    peer->created = (hf_description){0};
    hf_dealloc(peer->env, local.text);
    local.text = NULL;
    local.type = type;
    peer->sdp_version = local.version;
    if (restarts && !peer->restart_offered) {
        peer->restart_wanted = false;
        peer->restart_offered = type == HF_SDP_OFFER;
    }
    if (type == HF_SDP_ANSWER) {
        conclude(peer, local, &peer->remote_pending);
    } else {
        hf_peer_clear_description(peer, &peer->local_pending);
        peer->local_pending = local;
    }
}

hf_err hf_peer_set_local_description(hf_peer *peer, hf_time now, hf_sdp_type type, const char *sdp)
{
    hf_signaling_state next;
    if (!peer || !is_type(type))
        return HF_EINVAL;
    hf_err err = hf_peer_begin(peer, now);
    if (err != HF_OK)
        return err;
    if (!hf_peer_next_signaling(peer, true, type, &next))
        return hf_peer_refuse(peer, HF_ESTATE, 0, "a description of this type makes no sense now");
    if (type == HF_SDP_ROLLBACK) {
        hf_peer_roll_back(peer, now);
        settle(peer, now, true, type, next);
        return HF_OK;
    }

    bool is_made = peer->created.type == kind_of(type);
    if (sdp && !(is_made && strcmp(sdp, peer->created.text) == 0))
        return hf_peer_refuse(peer, HF_EINVAL, 0, "the description is not the one that was created");
    if (!is_made) {
        hf_peer_clear_description(peer, &peer->created);
        err = make(peer, now, kind_of(type), &peer->created);
    }
    bool restarts = peer->restart_open;
    if (err == HF_OK)
        err = begin_transport(peer, now, type);
    if (err != HF_OK)
        return err;
    set_local(peer, type, restarts);
    settle(peer, now, true, type, next);
    return HF_OK;
}

/* --- The remote's descriptions -------------------------------------------------------------------------------------- */

static hf_err set_remote(hf_peer *peer, hf_time now, hf_remote_description *remote)
{
    if (remote->type == HF_SDP_OFFER) {
        hf_peer_roll_back(peer, now);
        peer->remote_pending = *remote;
        return HF_OK;
    }
    hf_err err = bring_into_force(peer, now, remote);
    if (err != HF_OK) {
        hf_peer_clear_remote(peer, remote);
    } else if (remote->type == HF_SDP_ANSWER) {
        conclude(peer, peer->local_pending, remote);
    } else {
        hf_peer_clear_remote(peer, &peer->remote_pending);
        peer->remote_pending = *remote;
    }
    return err;
}

hf_err hf_peer_set_remote_description(hf_peer *peer, hf_time now, hf_sdp_type type, const char *text)
{
    hf_signaling_state next;
    hf_remote_description remote;
    if (!peer || !is_type(type) || (!text && type != HF_SDP_ROLLBACK))
        return HF_EINVAL;
    hf_err err = hf_peer_begin(peer, now);
    if (err != HF_OK)
        return err;
    if (!hf_peer_next_signaling(peer, false, type, &next))
        return hf_peer_refuse(peer, HF_ESTATE, 0, "a description of this type makes no sense now");
    if (type == HF_SDP_ROLLBACK) {
        hf_peer_roll_back(peer, now);
    } else {
        err = hf_peer_read_remote(peer, type, text, &remote);
        if (err == HF_OK)
            err = set_remote(peer, now, &remote);
        if (err != HF_OK)
            return err;
    }
    settle(peer, now, false, type, next);
    return HF_OK;
}
