/* layout.c: the m= sections. Both sides keep their order and never drop one (RFC 3264 §8); one is for data, all others are
 * rejected. */
#include "peer_priv.h"

#include <stdio.h>

bool hf_peer_is_live_data(const hf_sdp_media *media)
{
    return media->is_data && (media->port != 0 || media->bundle_only);
}

static size_t current_section(const hf_peer *peer)
{
    return peer->remote_current.type != 0 ? peer->remote_current.data_section : NO_SECTION;
}

/* Where none of the sections is ours, all are rejected, and RFC 9429 §5.2.2 wants the first such to be used again. */
size_t hf_peer_offered_section(const hf_peer *peer)
{
    size_t current = current_section(peer);
    if (peer->data_over)
        return NO_SECTION;
    return current != NO_SECTION ? current : 0;
}

static hf_sdp_write_media fresh_section(const hf_peer *peer)
{
    static const char kind[] = "application", protocol[] = "UDP/DTLS/SCTP", format[] = "webrtc-datachannel";
    return (hf_sdp_write_media){.kind = hf_bytes_of_text(kind),
                                .protocol = hf_bytes_of_text(protocol),
                                .formats = hf_bytes_of_text(format),
                                .mid = hf_bytes_of_text(peer->fresh_mid)};
}

size_t hf_peer_lay_out(const hf_peer *peer, const hf_description *description, hf_sdp_write_media out[HF_SDP_MEDIA_MAX])
{
    const hf_remote_description *base = hf_peer_counterpart(peer, description);
    size_t len = base->sdp.media_len;
    size_t ours = description->type == HF_SDP_OFFER ? hf_peer_offered_section(peer) : base->data_section;
    for (size_t i = 0; i < len; i++) {
        const hf_sdp_media *media = &base->sdp.media[i];
        out[i] = (hf_sdp_write_media){.rejected = i != ours,
                                      .unbundled = !media->bundled,
                                      .kind = media->kind,
                                      .protocol = media->protocol,
                                      .formats = media->formats,
                                      .mid = media->mid};
    }
    if (ours == NO_SECTION || (base->type != 0 && ours == base->data_section))
        return len;
    out[ours] = fresh_section(peer);
    return ours < len ? len : ours + 1;
}

/* RFC 9143 §7.1.3: in a bundle, the transport's attributes may stand in its first section alone. */
const hf_sdp_media *hf_peer_transport_of(const hf_sdp *sdp, const hf_sdp_media *media)
{
    const hf_sdp_media *found = media;
    if (media->ufrag.len > 0 || media->bundle == 0)
        return media;
    for (size_t i = 0; i < sdp->media_len; i++) {
        const hf_sdp_media *other = &sdp->media[i];
        if (other->bundle == media->bundle && other->ufrag.len > 0 && (found == media || other->bundle_tag))
            found = other;
    }
    return found;
}

const char *hf_peer_data_mid(const hf_peer *peer)
{
    const hf_remote_description *remote = hf_peer_remote(peer);
    if (!remote || remote->data_section == NO_SECTION)
        return peer->fresh_mid;
    return remote->mid[0] ? remote->mid : "0";
}

static bool is_mid_in_use(const hf_sdp *sdp, const char *mid)
{
    for (size_t i = 0; i < sdp->media_len; i++) {
        if (hf_bytes_equal_text(sdp->media[i].mid, mid))
            return true;
    }
    return false;
}

void hf_peer_choose_fresh_mid(hf_peer *peer)
{
    unsigned number = 0;
    do
        snprintf(peer->fresh_mid, sizeof peer->fresh_mid, "%u", number++ % 1000);
    while (is_mid_in_use(&peer->remote_current.sdp, peer->fresh_mid)); /* there are at most HF_SDP_MEDIA_MAX */
}

/* --- Where the remote's description has them ------------------------------------------------------------------------ */

static bool has_mid(const hf_sdp_media *media, const char *mid)
{
    return media->mid.len == 0 || hf_bytes_equal_text(media->mid, mid);
}

static hf_err refuse(hf_peer *peer, const char *reason)
{
    return hf_peer_refuse(peer, HF_ESYNTAX, 0, reason);
}

static size_t first_live_data(const hf_sdp *sdp)
{
    for (size_t i = 0; i < sdp->media_len; i++) {
        if (hf_peer_is_live_data(&sdp->media[i]))
            return i;
    }
    return NO_SECTION;
}

/* Of the section that is ours, whatever offer is pending. */
static const char *current_mid(const hf_peer *peer)
{
    return peer->remote_current.mid[0] ? peer->remote_current.mid : "0";
}

/* Several may be for data: the first one is ours, the others are rejected like everything else. What is ours stays so. */
static hf_err find_in_offer(hf_peer *peer, const hf_sdp *sdp, size_t *out)
{
    size_t before = current_section(peer), live = first_live_data(sdp);
    if (sdp->media_len < peer->remote_current.sdp.media_len)
        return refuse(peer, "a section of the last description is gone");
    if (before == NO_SECTION) {
        *out = live;
        return live != NO_SECTION && peer->data_over
                   ? hf_peer_refuse(peer, HF_ENOTSUP, 0, "the description asks for a new SCTP association")
                   : HF_OK;
    }
    const hf_sdp_media *media = &sdp->media[before];
    if (hf_peer_is_live_data(media)) {
        *out = before;
        return has_mid(media, current_mid(peer)) ? HF_OK
                                                 : refuse(peer, "the data channel's section has another mid than before");
    }
    if (live != NO_SECTION && has_mid(&sdp->media[live], current_mid(peer)))
        return refuse(peer, "the data channel's section has moved");
    if (live != NO_SECTION)
        return hf_peer_refuse(peer, HF_ENOTSUP, 0, "the description asks for a new SCTP association");
    if (media->port != 0)
        return refuse(peer, "the data channel's section has become another");
    *out = NO_SECTION; /* RFC 8841 §10.1: a port of zero ends the association */
    return HF_OK;
}

/* RFC 3264 §6: the answer has the offer's sections, one by one; what was offered with port zero stays so. */
static hf_err find_in_answer(hf_peer *peer, const hf_sdp *sdp, size_t *out)
{
    hf_sdp_write_media offered[HF_SDP_MEDIA_MAX];
    size_t len = hf_peer_lay_out(peer, &peer->local_pending, offered);
    size_t ours = hf_peer_offered_section(peer);
    if (sdp->media_len != len)
        return refuse(peer, "the answer has another number of sections than the offer");
    for (size_t i = 0; i < len; i++) {
        const hf_sdp_media *media = &sdp->media[i];
        if (media->mid.len > 0 && offered[i].mid.len > 0 && !hf_bytes_equal(media->mid, offered[i].mid))
            return refuse(peer, "a section has another mid than in the offer");
        if (i != ours && media->port != 0)
            return refuse(peer, "a section that was offered as rejected is accepted");
    }
    *out = NO_SECTION;
    if (ours == NO_SECTION || sdp->media[ours].port == 0)
        return HF_OK;
    *out = ours;
    return sdp->media[ours].is_data ? HF_OK : refuse(peer, "the data channel's section has become another");
}

hf_err hf_peer_find_section(hf_peer *peer, hf_sdp_type type, const hf_sdp *sdp, size_t *data_section)
{
    *data_section = NO_SECTION;
    return type == HF_SDP_OFFER ? find_in_offer(peer, sdp, data_section) : find_in_answer(peer, sdp, data_section);
}
