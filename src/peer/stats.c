/* stats.c: counters of all layers under the W3C's names (webrtc-stats). */
#include "peer_priv.h"

void hf_peer_get_stats(const hf_peer *peer, hf_peer_stats *out)
{
    hf_ice_stats ice;
    hf_sctp_stats sctp;
    hf_sctp_facts facts;
    hf_dtls_stats dtls = {0};

    *out = (hf_peer_stats){.dtls_version = "", .dtls_cipher = ""};
    hf_ice_get_stats(peer->ice, &ice);
    hf_sctp_get_stats(peer->sctp, &sctp);
    hf_sctp_get_facts(peer->sctp, &facts);
    if (peer->dtls) {
        hf_dtls_get_stats(peer->dtls, &dtls);
        out->dtls_version = hf_dtls_version(peer->dtls);
        out->dtls_cipher = hf_dtls_cipher(peer->dtls);
        out->dtls_client = peer->negotiated.dtls_role == HF_DTLS_CLIENT;
    }
    out->has_route = hf_ice_get_route(peer->ice, &out->route);
    out->packets_sent = peer->packets_sent;
    out->packets_received = peer->packets_received + ice.frames_received;
    out->bytes_sent = peer->bytes_sent;
    out->bytes_received = peer->bytes_received;
    out->sctp_rtt = facts.srtt;
    out->sctp_retransmissions = facts.retransmissions;
    out->channels_opened = sctp.channels_opened;
    out->channels_closed = sctp.channels_closed;
    out->messages_sent = sctp.messages_sent;
    out->messages_received = sctp.messages_received;
    for (size_t i = 0; i < HF_DROP_COUNT; i++) /* each cause belongs to one layer */
        out->drops.by_cause[i] = peer->drops.by_cause[i] + peer->secured.drops.by_cause[i] + ice.drops.by_cause[i] +
                                 dtls.drops.by_cause[i] + sctp.drops.by_cause[i];
    out->candidates_ignored = peer->candidates_ignored + ice.remote_candidates_ignored;
    out->streams_opened = ice.streams_opened;
    out->streams_accepted = ice.streams_accepted;
    out->streams_failed = ice.streams_failed;
}

bool hf_peer_get_pair(const hf_peer *peer, size_t index, hf_ice_pair_info *out)
{
    return peer && hf_ice_get_pair(peer->ice, index, out);
}

hf_bytes hf_peer_remote_certificate(const hf_peer *peer)
{
    return peer && peer->dtls ? hf_dtls_remote_certificate(peer->dtls) : (hf_bytes){NULL, 0};
}
