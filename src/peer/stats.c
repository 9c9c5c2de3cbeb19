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
    out->packets_received = peer->packets_received;
    out->bytes_sent = peer->bytes_sent;
    out->bytes_received = peer->bytes_received;
    out->sctp_rtt = facts.srtt;
    out->sctp_retransmissions = facts.retransmissions;
    out->channels_opened = sctp.channels_opened;
    out->channels_closed = sctp.channels_closed;
    out->messages_sent = sctp.messages_sent;
    out->messages_received = sctp.messages_received;
    out->drop_oversize = peer->drop_oversize;
    out->drop_not_expected = peer->drop_not_expected;
    out->drop_early = peer->drop_early;
    out->drop_no_route = peer->drop_no_route;
    out->drop_stun_malformed = ice.drop_malformed;
    out->drop_stun_integrity = ice.drop_integrity;
    out->drop_stun_unmatched = ice.drop_unmatched;
    out->drop_rate = ice.drop_rate;
    out->drop_unknown_path = ice.drop_unknown_path;
    out->drop_dtls_malformed = dtls.drop_malformed;
    out->drop_dtls_record = dtls.drop_record;
    out->drop_dtls_reassembly = dtls.drop_reassembly;
    out->drop_dtls_early = dtls.drop_early;
    out->drop_sctp_checksum = sctp.drop_checksum;
    out->drop_sctp_malformed = sctp.drop_malformed;
    out->drop_sctp_early = sctp.drop_early;
    out->drop_sctp_output = sctp.drop_output_full;
    out->drop_dcep = sctp.drop_dcep;
    out->drop_unknown_stream = sctp.drop_unknown_stream;
    out->candidates_ignored = peer->candidates_ignored + ice.remote_candidates_ignored;
}

bool hf_peer_stats_drop(const hf_peer_stats *stats, size_t index, const char **cause, uint64_t *count)
{
    static const struct {
        const char *cause;
        size_t offset;
    } drops[] = {
#define DROP(name) {#name, offsetof(hf_peer_stats, drop_##name)}
        DROP(oversize),       DROP(not_expected),    DROP(early),      DROP(no_route),       DROP(stun_malformed),
        DROP(stun_integrity), DROP(stun_unmatched),  DROP(rate),       DROP(unknown_path),   DROP(dtls_malformed),
        DROP(dtls_record),    DROP(dtls_reassembly), DROP(dtls_early), DROP(sctp_checksum),  DROP(sctp_malformed),
        DROP(sctp_early),     DROP(sctp_output),     DROP(dcep),       DROP(unknown_stream),
#undef DROP
    };
    if (index >= sizeof drops / sizeof drops[0])
        return false;
    *cause = drops[index].cause;
    *count = *(const uint64_t *)(const void *)((const uint8_t *)stats + drops[index].offset);
    return true;
}

bool hf_peer_get_pair(const hf_peer *peer, size_t index, hf_ice_pair_info *out)
{
    return peer && hf_ice_get_pair(peer->ice, index, out);
}

hf_bytes hf_peer_remote_certificate(const hf_peer *peer)
{
    return peer && peer->dtls ? hf_dtls_remote_certificate(peer->dtls) : (hf_bytes){NULL, 0};
}
