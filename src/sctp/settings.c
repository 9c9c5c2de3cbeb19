/* settings.c: how usrsctp is to behave (dependencies: usrsctp 0.9.5), for the process and for each association. */
#include "sctp_priv.h"

#include "log.h"

#include <usrsctp.h>

#include <errno.h>
#include <string.h>

/* RFC 9260 §16 has 1 s at the least. Twice the delay of SACKs (§6.2) is enough: where every fifth packet is lost, messages
 * of 20 kB come twice as fast. But a delayed SACK must never be taken for lost data. A maximum above a second would wait
 * out an outage of the path whose end ICE does not see, such as one of the remote's side alone (kick.c). */
#define RTO_MS_MIN 400
#define RTO_MS_ABOVE_RTT 300
#define RTO_MS 1000
#define RTO_MS_MAX 60000

/* From here on usrsctp's estimate of the round trip is worth a question, if it is so many times what is known otherwise; and
 * so many answers make nearly anything of it again. */
#define DOUBTFUL_RTT HF_SECONDS(1)
#define DOUBTFUL_RATIO 4
#define MEASUREMENTS 40

/* How the handshake is repeated when the path's round trip is known, and when it is not. */
#define INIT_RTO_MS_MIN 200
#define INIT_RTO_MS_UNKNOWN 500

/* Liveness is the business of ICE consent, and a session may outlive its path for hours: 18, at one transmission a second.
 * usrsctp's fields have no room for more. */
#define RETRANSMISSIONS_MAX UINT16_MAX

/* A 64 KiB message in flight beside the longest that is waiting; costs nothing while idle. */
#define SEND_BUFFER (2 * HF_MESSAGE_MAX_LIMIT)

/* usrsctp drops what comes when 512 messages wait to be read, whatever their size. */
#define CHUNKS_ON_QUEUE_MAX 10240

/* Of a message so long usrsctp hands out the beginning before the end is there. Not earlier: when such a message is then
 * given up by its sender, 0.9.5 delivers no fragmented message on that stream any more. */
#define PARTIAL_DELIVERY_POINT (HF_SCTP_EVENTS_BYTES_MAX / 2)

#define INITIAL_CWND 10          /* packets; the first 16 KiB leave in one flight */
#define SCTP_PLUGGABLE_CC 0x1202 /* missing from the public header */
#define WINDOW_PACKETS_MAX 65536
#define MAX_BURST 0 /* none: any other cuts cwnd to flight + burst when a sender pauses */
#define SACK_EVERY 2

void hf_settings_of_engine(void)
{
    usrsctp_enable_crc32c_offload(); /* crc32c.c does it, for packets in both directions */
    usrsctp_sysctl_set_sctp_blackhole(2);
    usrsctp_sysctl_set_sctp_no_csum_on_loopback(0);
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auto_asconf(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    usrsctp_sysctl_set_sctp_nrsack_enable(0);
    usrsctp_sysctl_set_sctp_pktdrop_enable(0);
    usrsctp_sysctl_set_sctp_pr_enable(1);
    usrsctp_sysctl_set_sctp_reconfig_enable(1);
    usrsctp_sysctl_set_sctp_max_retran_chunk(0); /* 30 by default: a burst of loss would end the association */
    usrsctp_sysctl_set_sctp_max_chunks_on_queue(CHUNKS_ON_QUEUE_MAX);
    usrsctp_sysctl_set_sctp_initial_cwnd(INITIAL_CWND);
    usrsctp_sysctl_set_sctp_max_burst_default(MAX_BURST);
    usrsctp_sysctl_set_sctp_sack_freq_default(SACK_EVERY);
    usrsctp_sysctl_set_sctp_default_cc_module(SCTP_CC_RFC2581);
}

static bool set(hf_sctp *sctp, int level, int option, const void *value, size_t size)
{
    if (usrsctp_setsockopt(sctp->socket, level, option, value, (socklen_t)size) == 0)
        return true;
    hf_log(sctp->env, HF_LOG_WARNING, "sctp: option 0x%x refused: errno %d", (unsigned)option, errno);
    return false;
}

static bool set_rto(hf_sctp *sctp, uint32_t initial_ms, uint32_t min_ms, uint32_t max_ms)
{
    struct sctp_rtoinfo rto = {.srto_initial = initial_ms, .srto_min = min_ms, .srto_max = max_ms};
    return set(sctp, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof rto);
}

/* The handshake, too, is repeated after three round trips: a lost first flight does not cost a second. */
static bool set_handshake(hf_sctp *sctp)
{
    int64_t rtt_ms = sctp->remote.rtt / HF_MS(1);
    int64_t rto_ms = sctp->remote.rtt > 0 ? 3 * rtt_ms : INIT_RTO_MS_UNKNOWN;
    if (rto_ms < INIT_RTO_MS_MIN)
        rto_ms = INIT_RTO_MS_MIN;
    if (rto_ms > RTO_MS_MAX)
        rto_ms = RTO_MS_MAX;
    uint32_t initial = (uint32_t)rto_ms, max = initial > RTO_MS ? initial : RTO_MS;
    sctp->rto_ms = max;
    struct sctp_initmsg init = {
        .sinit_num_ostreams = sctp->config.streams_max,
        .sinit_max_instreams = sctp->config.streams_max,
        .sinit_max_attempts = RETRANSMISSIONS_MAX,
        .sinit_max_init_timeo = (uint16_t)max,
    };
    return set_rto(sctp, initial, initial, max) && set(sctp, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init);
}

static bool set_path(hf_sctp *sctp)
{
    struct sctp_paddrparams path = {
        .spp_flags = SPP_HB_DISABLE | SPP_PMTUD_DISABLE,
        .spp_pathmtu = (uint32_t)(sctp->config.mtu - sizeof(struct sctp_common_header)),
        .spp_pathmaxrxt = RETRANSMISSIONS_MAX,
    };
    struct sctp_assocparams association = {.sasoc_asocmaxrxt = RETRANSMISSIONS_MAX};
    return set(sctp, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path) &&
           set(sctp, IPPROTO_SCTP, SCTP_ASSOCINFO, &association, sizeof association);
}

static bool set_buffers(hf_sctp *sctp)
{
    int send = SEND_BUFFER;
    uint32_t partial = PARTIAL_DELIVERY_POINT;
    hf_settings_set_window(sctp, HF_SCTP_EVENTS_BYTES_MAX);
    return set(sctp, SOL_SOCKET, SO_SNDBUF, &send, sizeof send) && sctp->window != 0 &&
           set(sctp, IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT, &partial, sizeof partial);
}

void hf_settings_set_window(hf_sctp *sctp, size_t bytes)
{
    int receive = (int)bytes;
    if (sctp->socket && bytes != sctp->window && set(sctp, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive))
        sctp->window = bytes;
}

bool hf_settings_bundle(hf_sctp *sctp, bool waits)
{
    int no_delay = !waits;
    return set(sctp, IPPROTO_SCTP, SCTP_NODELAY, &no_delay, sizeof no_delay);
}

static bool set_flags(hf_sctp *sctp)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    int on = 1, whole_messages = 0;
    struct sctp_assoc_value resets = {.assoc_id = SCTP_ALL_ASSOC, .assoc_value = SCTP_ENABLE_RESET_STREAM_REQ};
    return usrsctp_set_non_blocking(sctp->socket, 1) == 0 &&                                              /**/
           set(sctp, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) && hf_settings_bundle(sctp, false) && /**/
           set(sctp, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on) &&
           set(sctp, IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, &whole_messages, sizeof whole_messages) &&
           set(sctp, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &resets, sizeof resets);
}

static bool set_events(hf_sctp *sctp)
{
    static const uint16_t types[] = {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT, SCTP_SEND_FAILED_EVENT,
                                     SCTP_PARTIAL_DELIVERY_EVENT};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct sctp_event event = {.se_assoc_id = SCTP_ALL_ASSOC, .se_type = types[i], .se_on = 1};
        if (!set(sctp, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event))
            return false;
    }
    return true;
}

hf_err hf_settings_apply(hf_sctp *sctp)
{
    bool ok = set_flags(sctp) && set_events(sctp) && set_buffers(sctp) && set_path(sctp) && set_handshake(sctp);
    return ok ? HF_OK : HF_EIO;
}

void hf_settings_read_status(const hf_sctp *sctp, hf_sctp_facts *out)
{
    struct sctp_status status;
    socklen_t size = sizeof status;
    memset(&status, 0, sizeof status);
    if (sctp->state != HF_SCTP_ESTABLISHED || !sctp->socket ||
        usrsctp_getsockopt(sctp->socket, IPPROTO_SCTP, SCTP_STATUS, &status, &size) != 0)
        return;
    out->srtt = HF_MS((hf_span)status.sstat_primary.spinfo_srtt);
    out->congestion_window = status.sstat_primary.spinfo_cwnd;
    out->receiver_window = status.sstat_rwnd;
    out->mtu = status.sstat_primary.spinfo_mtu;
    out->unacked_chunks = status.sstat_unackdata;
}

/* RFC 5681 §4.1 has a sender that knows nothing of the path's present state go back to the initial window; the threshold
 * up to which it doubles stays. The limit is taken away at once: it has done its work. */
void hf_settings_start_moderately(hf_sctp *sctp)
{
    struct sctp_assoc_value window = {.assoc_value = (uint32_t)(INITIAL_CWND * sctp->config.mtu)};
    if (set(sctp, IPPROTO_SCTP, SCTP_MAX_CWND, &window, sizeof window)) {
        window.assoc_value = 0;
        (void)set(sctp, IPPROTO_SCTP, SCTP_MAX_CWND, &window, sizeof window);
    }
}

/* Choosing the module of congestion control makes usrsctp set the window to the initial one, whose size is the process's
 * affair, and the threshold to the remote's window: the one way to a larger window that there is. */
void hf_settings_raise_window(hf_sctp *sctp, size_t bytes)
{
    hf_sctp_facts facts = {0};
    struct sctp_assoc_value module = {.assoc_value = SCTP_CC_RFC2581};
    size_t packets = bytes / sctp->config.mtu + 1;
    hf_settings_read_status(sctp, &facts);
    if (facts.mtu == 0 || facts.congestion_window >= bytes)
        return;
    usrsctp_sysctl_set_sctp_initial_cwnd(packets < WINDOW_PACKETS_MAX ? (uint32_t)packets : WINDOW_PACKETS_MAX);
    (void)set(sctp, IPPROTO_SCTP, SCTP_PLUGGABLE_CC, &module, sizeof module);
    usrsctp_sysctl_set_sctp_initial_cwnd(INITIAL_CWND);
}

/* What is known of the path's round trip beside usrsctp's estimate: data knows best, ICE knows it before there is any. */
static hf_span known_rtt(const hf_sctp *sctp)
{
    return sctp->flow.rtt_smoothed > 0 ? sctp->flow.rtt_smoothed : sctp->remote.rtt;
}

/* usrsctp's estimate begins with what the handshake took, which an outage in the midst of it makes many seconds. Whatever
 * the limits are, it then takes nothing for lost that is younger than four times as much: most of a minute of silence behind
 * the next loss. Each measurement replaces an eighth (RFC 9260 §6.3.1), and a heartbeat on demand (§8.3) is one. */
static void measure_again(hf_sctp *sctp, hf_span estimate)
{
    struct sctp_paddrparams path = {.spp_flags = SPP_HB_DEMAND};
    struct sockaddr_conn remote = hf_sctp_address(sctp, sctp->remote.port);
    if (estimate < DOUBTFUL_RTT || estimate < DOUBTFUL_RATIO * known_rtt(sctp) ||
        sctp->measured_at == sctp->stats.packets_received)
        return; /* nothing was heard since the last time: there is no path that could be measured */
    sctp->measured_at = sctp->stats.packets_received;
    memcpy(&path.spp_address, &remote, sizeof remote);
    for (int i = 0; i < MEASUREMENTS && set(sctp, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path); i++) {
    }
}

void hf_settings_established(hf_sctp *sctp)
{
    sctp->rto_ms = 0;
    hf_settings_follow_rtt(sctp);
}

/* No backing off beyond a second, or two round trips where those are longer. */
void hf_settings_follow_rtt(hf_sctp *sctp)
{
    hf_sctp_facts facts = {0};
    hf_settings_read_status(sctp, &facts);
    hf_span known = known_rtt(sctp);
    int64_t srtt_ms = (known > 0 && known < facts.srtt ? known : facts.srtt) / HF_MS(1);
    int64_t ms = srtt_ms > RTO_MS_ABOVE_RTT ? 2 * srtt_ms : srtt_ms + RTO_MS_ABOVE_RTT;
    uint32_t least = ms < RTO_MS_MIN ? RTO_MS_MIN : ms > RTO_MS_MAX ? RTO_MS_MAX : (uint32_t)ms;
    uint32_t most = least > RTO_MS ? least : RTO_MS;
    sctp->rto_checked_at = sctp->now;
    if (least != sctp->rto_ms && set_rto(sctp, most, least, most))
        sctp->rto_ms = least;
    measure_again(sctp, facts.srtt);
}
