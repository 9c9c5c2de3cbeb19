/* remote.c: what a description of the remote says, and whether it may say so after what was agreed before. Nothing of it
 * is applied here. */
#include "peer_priv.h"

#include <string.h>

/* RFC 8841 §6.1: what a remote takes that does not say. */
#define MESSAGE_MAX_UNSAID 65536

/* RFC 8842 §5.3: who is the DTLS client. A missing line counts as actpass in an offer and as active in an answer. A role
 * that both have stays (§5.5); only an offer could ask for another. Firefox 153, being the server, answers a later actpass
 * with active, and stays the server. */
static bool read_role(const hf_peer *peer, hf_sdp_type type, hf_sdp_setup setup, hf_dtls_role *role)
{
    bool answers = type != HF_SDP_OFFER;
    if (setup == HF_SDP_HOLDCONN || (answers && setup == HF_SDP_ACTPASS))
        return false;
    if (setup == HF_SDP_ACTIVE || (answers && setup == HF_SDP_SETUP_NONE))
        *role = HF_DTLS_SERVER;
    else
        *role = HF_DTLS_CLIENT;
    bool later_answer = answers && peer->signaling == HF_SIGNALING_HAVE_LOCAL_OFFER;
    if (peer->negotiated.done && (later_answer || setup == HF_SDP_ACTPASS || setup == HF_SDP_SETUP_NONE))
        *role = peer->negotiated.dtls_role;
    return true;
}

static hf_err read_negotiated(hf_peer *peer, hf_remote_description *r)
{
    const hf_sdp_media *media = &r->sdp.media[r->data_section], *transport = r->transport;
    hf_negotiated *n = &r->negotiated;
    if (!read_role(peer, r->type, transport->setup, &n->dtls_role))
        return hf_peer_refuse(peer, HF_ESYNTAX, 0, "a=setup has a value that this description may not have");
    if (transport->ufrag.len == 0 || transport->pwd.len == 0)
        return hf_peer_refuse(peer, HF_ESYNTAX, 0, "the data channel's section has no ice-ufrag or no ice-pwd");
    if (transport->fingerprints_len == 0)
        return transport->fingerprints_unknown > 0
                   ? hf_peer_refuse(peer, HF_ENOTSUP, 0, "no fingerprint uses a hash function that is supported")
                   : hf_peer_refuse(peer, HF_ESYNTAX, 0, "the data channel's section has no fingerprint");
    n->fingerprints_len = transport->fingerprints_len;
    memcpy(n->fingerprints, transport->fingerprints, n->fingerprints_len * sizeof n->fingerprints[0]);
    hf_err err = hf_peer_check_identity(peer, n);
    if (err != HF_OK)
        return err;
    n->sctp_port = media->sctp_port ? media->sctp_port : HF_SCTP_PORT;
    n->message_max = media->has_max_message_size ? media->max_message_size : MESSAGE_MAX_UNSAID;
    return HF_OK;
}

/* --- What may not change --------------------------------------------------------------------------------------------- */

const hf_remote_description *hf_peer_in_force(const hf_peer *peer)
{
    if (!peer->negotiated.done)
        return NULL;
    bool provisional =
        peer->signaling == HF_SIGNALING_HAVE_LOCAL_PRANSWER || peer->signaling == HF_SIGNALING_HAVE_REMOTE_PRANSWER;
    const hf_remote_description *r = provisional ? &peer->remote_pending : &peer->remote_current;
    return r->type != 0 && r->data_section != NO_SECTION ? r : NULL;
}

/* RFC 8842 §3.1: another role, fingerprint or tls-id asks for a new DTLS association. */
static hf_err check_association(hf_peer *peer, const hf_remote_description *before, const hf_remote_description *r)
{
    const hf_negotiated *was = &before->negotiated, *is = &r->negotiated;
    hf_bytes had = before->transport->tls_id, has = r->transport->tls_id;
    if (!hf_peer_has_same_fingerprints(was, is))
        return hf_peer_refuse(peer, HF_ENOTSUP, 0, "another fingerprint asks for a new DTLS association");
    if (had.len > 0 && has.len > 0 && !hf_bytes_equal(had, has))
        return hf_peer_refuse(peer, HF_ENOTSUP, 0, "another tls-id asks for a new DTLS association");
    if (was->dtls_role != is->dtls_role)
        return hf_peer_refuse(peer, HF_ENOTSUP, 0, "another setup asks for a new DTLS association");
    if (was->sctp_port != is->sctp_port)
        return hf_peer_refuse(peer, HF_ENOTSUP, 0, "another sctp-port asks for a new SCTP association");
    return HF_OK;
}

bool hf_peer_has_same_credentials(const hf_remote_description *a, const hf_remote_description *b)
{
    return strcmp(a->ufrag, b->ufrag) == 0 && strcmp(a->pwd, b->pwd) == 0;
}

/* RFC 8839 §4.4.1.1.1: a restart changes both, and the answer to one brings new ones too; without a restart an answer
 * brings none. */
static hf_err check_credentials(hf_peer *peer, const hf_remote_description *before, const hf_remote_description *r)
{
    bool same_ufrag = strcmp(before->ufrag, r->ufrag) == 0, same_pwd = strcmp(before->pwd, r->pwd) == 0;
    if (same_ufrag != same_pwd)
        return hf_peer_refuse(peer, HF_EPROTO, 0, "an ICE restart changes both ice-ufrag and ice-pwd, not one of them");
    if (r->type == HF_SDP_OFFER)
        return HF_OK;
    if (before->type == HF_SDP_PRANSWER)
        return same_ufrag ? HF_OK : hf_peer_refuse(peer, HF_EPROTO, 0, "the provisional answer had other ICE credentials");
    if (peer->restart_open && same_ufrag)
        return hf_peer_refuse(peer, HF_EPROTO, 0, "the answer to an ICE restart has the old ICE credentials");
    if (!peer->restart_open && !same_ufrag)
        return hf_peer_refuse(peer, HF_EPROTO, 0, "the answer restarts ICE, and the offer did not");
    return HF_OK;
}

/* --- Reading --------------------------------------------------------------------------------------------------------- */

static char *copy_of(const hf_peer *peer, hf_bytes text)
{
    return hf_alloc_text(peer->env, (const char *)text.data, text.len);
}

static hf_err read_section(hf_peer *peer, hf_remote_description *r)
{
    const hf_sdp_media *media = &r->sdp.media[r->data_section];
    r->transport = hf_peer_transport_of(&r->sdp, media);
    hf_err err = read_negotiated(peer, r);
    if (err != HF_OK)
        return err;
    r->mid = copy_of(peer, media->mid);
    r->ufrag = copy_of(peer, r->transport->ufrag);
    r->pwd = copy_of(peer, r->transport->pwd);
    if (!r->mid || !r->ufrag || !r->pwd)
        return HF_ENOMEM;

    const hf_remote_description *before = hf_peer_in_force(peer);
    if (before)
        err = check_association(peer, before, r);
    if (before && err == HF_OK)
        err = check_credentials(peer, before, r);
    return err;
}

hf_err hf_peer_read_remote(hf_peer *peer, hf_sdp_type type, const char *text, hf_remote_description *out)
{
    hf_sdp_error why = {0};
    *out = (hf_remote_description){.type = type, .data_section = NO_SECTION};
    hf_err err = hf_sdp_parse(&out->sdp, text, strlen(text), &why, peer->env);
    if (err != HF_OK)
        (void)hf_peer_refuse(peer, err, why.line, why.reason ? why.reason : hf_err_text(err));
    if (err == HF_OK)
        err = hf_peer_find_section(peer, type, &out->sdp, &out->data_section);
    if (err == HF_OK && out->data_section != NO_SECTION)
        err = read_section(peer, out);
    if (err == HF_OK) {
        out->text = hf_alloc_text(peer->env, text, strlen(text));
        err = out->text ? HF_OK : HF_ENOMEM;
    }
    if (err != HF_OK)
        hf_peer_clear_remote(peer, out);
    return err;
}

void hf_peer_clear_remote(hf_peer *peer, hf_remote_description *description)
{
    hf_sdp_clear(&description->sdp, peer->env);
    hf_dealloc(peer->env, description->text);
    hf_dealloc(peer->env, description->mid);
    hf_dealloc(peer->env, description->ufrag);
    hf_dealloc(peer->env, description->pwd);
    *description = (hf_remote_description){.data_section = NO_SECTION};
}
