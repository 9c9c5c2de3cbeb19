/* negotiate.c: offers and answers (RFC 3264, RFC 9429): what is accepted, in which state, and what follows from it. */
#include "peer_priv.h"

#include <stdio.h>
#include <string.h>

/* RFC 8841 §6.1: what a remote takes that does not say. */
#define MESSAGE_MAX_UNSAID 65536

static hf_err begin(hf_peer *peer, hf_time now)
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

static void trace_description(const hf_peer *peer, const char *side, hf_sdp_type type)
{
    hf_trace(peer->env, peer->now, HF_TRACE_PEER_DESCRIPTION_APPLIED, hf_trace_text("side", side),
             hf_trace_text("type", hf_sdp_type_name(type)));
}

/* --- Our own descriptions ------------------------------------------------------------------------------------------- */

static bool may_set_local(const hf_peer *peer, hf_sdp_type type)
{
    switch (type) {
    case HF_SDP_OFFER:
        return peer->signaling == HF_SIGNALING_STABLE || peer->signaling == HF_SIGNALING_HAVE_LOCAL_OFFER;
    case HF_SDP_ANSWER:
        return peer->signaling == HF_SIGNALING_HAVE_REMOTE_OFFER;
    }
    return false;
}

/* RFC 8445 §6.1.1: the offerer controls. Refused when checks have begun or the remote is lite: then ICE knows better. */
static void take_role(hf_peer *peer, bool controlling)
{
    if (hf_ice_set_controlling(peer->ice, controlling) != HF_OK)
        hf_log(peer->env, HF_LOG_DEBUG, "peer: the ICE role stays as it is");
}

static hf_description next_description(const hf_peer *peer, hf_sdp_type type)
{
    return (hf_description){.exists = true, .type = type, .version = peer->local.exists ? peer->local.version + 1 : 1};
}

static hf_err create(hf_peer *peer, hf_time now, hf_sdp_type type, const char **sdp)
{
    if (!peer || !sdp)
        return HF_EINVAL;
    hf_err err = begin(peer, now);
    if (err != HF_OK)
        return err;
    if (!may_set_local(peer, type))
        return hf_peer_refuse(peer, HF_ESTATE, 0,
                              type == HF_SDP_ANSWER ? "there is no offer to answer"
                                                    : "an offer of the remote waits for its answer");

    hf_description made = next_description(peer, type);
    err = hf_peer_write_description(peer, &made);
    if (err != HF_OK)
        return err;
    peer->created = made;
    *sdp = peer->description_text;
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

hf_err hf_peer_set_local_description(hf_peer *peer, hf_time now, hf_sdp_type type, const char *sdp)
{
    if (!peer || (type != HF_SDP_OFFER && type != HF_SDP_ANSWER))
        return HF_EINVAL;
    hf_err err = begin(peer, now);
    if (err != HF_OK)
        return err;
    if (!may_set_local(peer, type))
        return hf_peer_refuse(peer, HF_ESTATE, 0, "a description of this type makes no sense now");
    if (sdp && !(peer->created.exists && peer->created.type == type && hf_peer_is_description(peer, &peer->created, sdp)))
        return hf_peer_refuse(peer, HF_EINVAL, 0, "the description is not the one that was created");

    if (hf_ice_get_gathering(peer->ice) == HF_ICE_GATHERING_NEW) {
        err = hf_ice_gather(peer->ice, now);
        if (err != HF_OK)
            return err;
    }
    if (!peer->local.exists && !peer->negotiated.done) {
        take_role(peer, type == HF_SDP_OFFER);
    }
    peer->local = peer->created.exists && peer->created.type == type ? peer->created : next_description(peer, type);
    peer->created = (hf_description){0};
    trace_description(peer, "local", type);
    hf_peer_enter_signaling(peer, type == HF_SDP_OFFER ? HF_SIGNALING_HAVE_LOCAL_OFFER : HF_SIGNALING_STABLE);
    if (type == HF_SDP_ANSWER) {
        peer->negotiated.done = true;
        hf_peer_start_dtls_if_due(peer, now);
    }
    hf_peer_pump(peer, now);
    hf_peer_wake(peer);
    return HF_OK;
}

/* --- The remote's descriptions -------------------------------------------------------------------------------------- */

static bool may_set_remote(const hf_peer *peer, hf_sdp_type type)
{
    switch (type) {
    case HF_SDP_OFFER:
        return peer->signaling == HF_SIGNALING_STABLE || peer->signaling == HF_SIGNALING_HAVE_REMOTE_OFFER;
    case HF_SDP_ANSWER:
        return peer->signaling == HF_SIGNALING_HAVE_LOCAL_OFFER;
    }
    return false;
}

/* What a description says that matters to us, before any of it is applied. */
typedef struct reading {
    size_t data_section;
    const hf_sdp_media *media;     /* our section */
    const hf_sdp_media *transport; /* the section whose transport it uses: itself, or the first of its bundle */
    hf_negotiated negotiated;
    char *mid, *ufrag, *pwd; /* copies, NUL-terminated */
} reading;

static bool find_data_section(const hf_sdp *sdp, reading *out)
{
    for (size_t i = 0; i < sdp->media_len; i++) {
        const hf_sdp_media *media = &sdp->media[i];
        if (media->is_data && (media->port != 0 || media->bundle_only)) {
            out->data_section = i;
            out->media = media;
            return true;
        }
    }
    return false;
}

/* RFC 9143 §7.1.3: in a bundle, the transport's attributes may stand in its first section alone. */
static const hf_sdp_media *transport_of(const hf_sdp *sdp, const hf_sdp_media *media)
{
    if (media->ufrag.len > 0 || !media->bundled)
        return media;
    for (size_t i = 0; i < sdp->media_len; i++) {
        if (sdp->media[i].bundled && sdp->media[i].ufrag.len > 0)
            return &sdp->media[i];
    }
    return media;
}

/* RFC 8842 §5.3: who is the DTLS client. A missing line counts as actpass in an offer and as active in an answer. */
static bool read_role(const hf_peer *peer, hf_sdp_type type, hf_sdp_setup setup, hf_dtls_role *role)
{
    if (setup == HF_SDP_HOLDCONN || (type == HF_SDP_ANSWER && setup == HF_SDP_ACTPASS))
        return false;
    if (setup == HF_SDP_ACTIVE || (type == HF_SDP_ANSWER && setup == HF_SDP_SETUP_NONE))
        *role = HF_DTLS_SERVER;
    else
        *role = HF_DTLS_CLIENT;
    if (peer->negotiated.done && (setup == HF_SDP_ACTPASS || setup == HF_SDP_SETUP_NONE))
        *role = peer->negotiated.dtls_role;
    return true;
}

/* An answer has the offer's sections, one by one (RFC 3264 §6); a later offer keeps those that there were (§8). */
static const char *check_layout(const hf_peer *peer, hf_sdp_type type, const reading *r, const hf_sdp *sdp)
{
    bool first = peer->remote.media_len == 0;
    size_t known = first ? 1 : peer->remote.media_len;
    if (type == HF_SDP_ANSWER && sdp->media_len != known)
        return "the answer has another number of sections than the offer";
    if (first && type == HF_SDP_OFFER)
        return NULL;
    if (sdp->media_len < known)
        return "a section of the last description is gone";
    if (r->data_section != (first ? 0 : peer->data_section))
        return "the data channel's section has moved";
    if (r->media->mid.len > 0 && !hf_bytes_equal_text(r->media->mid, hf_peer_data_mid(peer)))
        return "the data channel's section has another mid than before";
    return NULL;
}

static hf_err read_negotiated(hf_peer *peer, hf_sdp_type type, reading *r)
{
    hf_negotiated *n = &r->negotiated;
    if (!read_role(peer, type, r->transport->setup, &n->dtls_role))
        return hf_peer_refuse(peer, HF_ESYNTAX, 0, "a=setup has a value that this description may not have");
    if (r->transport->ufrag.len == 0 || r->transport->pwd.len == 0)
        return hf_peer_refuse(peer, HF_ESYNTAX, 0, "the data channel's section has no ice-ufrag or no ice-pwd");
    if (r->transport->fingerprints_len == 0)
        return r->transport->fingerprints_unknown > 0
                   ? hf_peer_refuse(peer, HF_ENOTSUP, 0, "no fingerprint uses a hash function that is supported")
                   : hf_peer_refuse(peer, HF_ESYNTAX, 0, "the data channel's section has no fingerprint");
    n->fingerprints_len = r->transport->fingerprints_len;
    memcpy(n->fingerprints, r->transport->fingerprints, n->fingerprints_len * sizeof n->fingerprints[0]);
    n->sctp_port = r->media->sctp_port ? r->media->sctp_port : HF_SCTP_PORT;
    n->message_max = r->media->has_max_message_size ? r->media->max_message_size : MESSAGE_MAX_UNSAID;
    n->done = peer->negotiated.done;
    return HF_OK;
}

static bool same_fingerprints(const hf_negotiated *a, const hf_negotiated *b)
{
    return a->fingerprints_len == b->fingerprints_len &&
           memcmp(a->fingerprints, b->fingerprints, a->fingerprints_len * sizeof a->fingerprints[0]) == 0;
}

/* Once connected, another description may not ask for another transport. */
static hf_err check_unchanged(hf_peer *peer, const reading *r)
{
    const hf_negotiated *was = &peer->negotiated;
    if (!was->done)
        return HF_OK;
    if (!same_fingerprints(was, &r->negotiated) || was->dtls_role != r->negotiated.dtls_role ||
        was->sctp_port != r->negotiated.sctp_port)
        return hf_peer_refuse(peer, HF_ENOTSUP, 0, "the description asks for a new DTLS or SCTP association");
    return HF_OK;
}

static hf_err read_description(hf_peer *peer, hf_sdp_type type, const hf_sdp *sdp, reading *r)
{
    if (!find_data_section(sdp, r))
        return hf_peer_refuse(peer, HF_ESYNTAX, 0, "there is no section for data channels, or it is rejected");
    r->transport = transport_of(sdp, r->media);

    const char *wrong = check_layout(peer, type, r, sdp);
    if (wrong)
        return hf_peer_refuse(peer, HF_ESYNTAX, 0, wrong);
    hf_err err = read_negotiated(peer, type, r);
    if (err == HF_OK)
        err = check_unchanged(peer, r);
    if (err != HF_OK)
        return err;

    r->mid = hf_alloc_text(peer->env, (const char *)r->media->mid.data, r->media->mid.len);
    r->ufrag = hf_alloc_text(peer->env, (const char *)r->transport->ufrag.data, r->transport->ufrag.len);
    r->pwd = hf_alloc_text(peer->env, (const char *)r->transport->pwd.data, r->transport->pwd.len);
    return r->mid && r->ufrag && r->pwd ? HF_OK : HF_ENOMEM;
}

static hf_err add_candidate(hf_peer *peer, hf_time now, hf_bytes text, const char *ufrag)
{
    hf_ice_candidate candidate;
    hf_err err = hf_ice_candidate_parse((const char *)text.data, text.len, &candidate);
    if (err == HF_OK)
        err = hf_ice_add_remote_candidate(peer->ice, now, &candidate, ufrag);
    if (err != HF_OK)
        peer->candidates_ignored++;
    return err;
}

/* From here on nothing fails but for ICE's memory, which is asked first. */
static hf_err apply_remote(hf_peer *peer, hf_time now, hf_sdp_type type, hf_sdp *sdp, reading *r)
{
    if (!peer->local.exists && !peer->negotiated.done && type == HF_SDP_OFFER && !r->transport->ice_lite)
        take_role(peer, false);
    hf_err err = hf_ice_set_remote(peer->ice, now,
                                   &(hf_ice_remote_agent){.ufrag = r->ufrag, .pwd = r->pwd, .lite = r->transport->ice_lite});
    if (err == HF_ESTATE)
        return hf_peer_refuse(peer, HF_ENOTSUP, 0, "the description asks for an ICE restart");
    if (err != HF_OK)
        return hf_peer_refuse(peer, err, 0, "ICE refuses the remote's credentials");

    hf_sdp_clear(&peer->remote, peer->env);
    peer->remote = *sdp;
    *sdp = (hf_sdp){0};
    peer->data_section = r->data_section;
    if (r->media->mid.len > 0) {
        hf_dealloc(peer->env, peer->data_mid);
        peer->data_mid = r->mid;
        r->mid = NULL;
    }
    bool was_done = peer->negotiated.done;
    peer->negotiated = r->negotiated;
    peer->remote_offer_setup = type == HF_SDP_OFFER ? r->transport->setup : peer->remote_offer_setup;
    for (size_t i = 0; i < r->transport->candidates_len; i++)
        (void)add_candidate(peer, now, r->transport->candidates[i], NULL);
    if (r->transport->end_of_candidates || (peer->early_end && strcmp(peer->early_end, r->ufrag) == 0))
        hf_ice_end_of_remote_candidates(peer->ice, now);

    peer->negotiated.done = was_done || type == HF_SDP_ANSWER;
    trace_description(peer, "remote", type);
    hf_peer_enter_signaling(peer, type == HF_SDP_OFFER ? HF_SIGNALING_HAVE_REMOTE_OFFER : HF_SIGNALING_STABLE);
    hf_peer_start_dtls_if_due(peer, now);
    return HF_OK;
}

hf_err hf_peer_set_remote_description(hf_peer *peer, hf_time now, hf_sdp_type type, const char *text)
{
    hf_sdp sdp = {0};
    hf_sdp_error why = {0};
    reading r = {0};

    if (!peer || !text || (type != HF_SDP_OFFER && type != HF_SDP_ANSWER))
        return HF_EINVAL;
    hf_err err = begin(peer, now);
    if (err != HF_OK)
        return err;
    if (!may_set_remote(peer, type))
        return hf_peer_refuse(peer, HF_ESTATE, 0, "a description of this type makes no sense now");

    err = hf_sdp_parse(&sdp, text, strlen(text), &why, peer->env);
    if (err != HF_OK)
        return hf_peer_refuse(peer, err, why.line, why.reason ? why.reason : hf_err_text(err));
    err = read_description(peer, type, &sdp, &r);
    if (err == HF_OK)
        err = apply_remote(peer, now, type, &sdp, &r);
    hf_dealloc(peer->env, r.mid);
    hf_dealloc(peer->env, r.ufrag);
    hf_dealloc(peer->env, r.pwd);
    hf_sdp_clear(&sdp, peer->env);
    hf_peer_pump(peer, now);
    hf_peer_wake(peer);
    return err;
}

/* --- Candidates ------------------------------------------------------------------------------------------------------ */

/* A candidate names the section that it is for. Ours, or one whose transport ours shares (RFC 9143 §9.2). */
static bool is_for_us(const hf_peer *peer, const char *mid)
{
    if (!mid || !*mid || peer->remote.media_len == 0 || strcmp(mid, hf_peer_data_mid(peer)) == 0)
        return true;
    const hf_sdp_media *ours = transport_of(&peer->remote, &peer->remote.media[peer->data_section]);
    for (size_t i = 0; i < peer->remote.media_len; i++) {
        const hf_sdp_media *other = &peer->remote.media[i];
        if (hf_bytes_equal_text(other->mid, mid))
            return other->bundled && hf_bytes_equal(other->ufrag, ours->ufrag);
    }
    return false;
}

/* RFC 8838 §8.2: the end belongs to a generation too. That of an offer which was withdrawn must not end the search for the
 * candidates of the answer. */
static void end_candidates(hf_peer *peer, hf_time now, const char *ufrag)
{
    if (!ufrag || !*ufrag) {
        hf_ice_end_of_remote_candidates(peer->ice, now);
    } else if (peer->remote.media_len == 0) { /* without memory it is forgotten, which costs no more than patience */
        hf_dealloc(peer->env, peer->early_end);
        peer->early_end = hf_alloc_text(peer->env, ufrag, strlen(ufrag));
    } else if (hf_bytes_equal_text(transport_of(&peer->remote, &peer->remote.media[peer->data_section])->ufrag, ufrag)) {
        hf_ice_end_of_remote_candidates(peer->ice, now);
    }
}

hf_err hf_peer_add_ice_candidate(hf_peer *peer, hf_time now, const char *candidate, const char *mid, const char *ufrag)
{
    if (!peer)
        return HF_EINVAL;
    hf_err err = begin(peer, now);
    if (err != HF_OK)
        return err;
    if (!is_for_us(peer, mid)) {
        peer->candidates_ignored++;
        return HF_OK;
    }
    if (!candidate || !*candidate)
        end_candidates(peer, now, ufrag);
    else
        err = add_candidate(peer, now, hf_bytes_of_text(candidate), ufrag && *ufrag ? ufrag : NULL);
    if (err != HF_OK)
        (void)hf_peer_refuse(peer, err, 0,
                             err == HF_ESYNTAX ? "the candidate can't be parsed" : "the candidate is of no use");
    hf_peer_pump(peer, now);
    hf_peer_wake(peer);
    return err;
}
