/* sctp.c: birth and death of an association, packets in and out, its clock. It directs; the work is done next door. */
#include "sctp_priv.h"

#include "alloc.h"
#include "chunk.h"
#include "crc32c.h"
#include "random.h"

#include <usrsctp.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

#define MTU_MIN 512
#define MTU_MAX PACKET_MAX

/* Longer packets are dropped as malformed: no datagram holds them. */
#define PACKET_MAX HF_DATAGRAM_MAX

/* Delayed SACKs leave after 200 ms. */
#define ACTIVE_AFTER_INPUT HF_MS(300)

#define RTO_CHECK_EVERY HF_SECONDS(1)

#define CLOSING_CHECK_EVERY HF_SECONDS(1)

/* The remote is heard, and nothing comes of it, as where a port was written wrong on its way: usrsctp would try for ever. */
#define IN_VAIN_AFTER HF_SECONDS(10)
#define IN_VAIN_PACKETS 8

#define DATA_HEADER_SIZE 16 /* RFC 9260 §3.3.1 */

#define BIT(n) (1u << (n))

static const unsigned reachable[HF_SCTP_STATE_COUNT] = {
    [HF_SCTP_NEW] = BIT(HF_SCTP_CONNECTING) | BIT(HF_SCTP_OVER),
    [HF_SCTP_CONNECTING] = BIT(HF_SCTP_ESTABLISHED) | BIT(HF_SCTP_OVER),
    [HF_SCTP_ESTABLISHED] = BIT(HF_SCTP_OVER),
    [HF_SCTP_OVER] = 0,
};

static const char *const state_names[HF_SCTP_STATE_COUNT] = {
    [HF_SCTP_NEW] = "new",
    [HF_SCTP_CONNECTING] = "connecting",
    [HF_SCTP_ESTABLISHED] = "connected",
    [HF_SCTP_OVER] = "closed",
};

static void change_state(hf_sctp *sctp, hf_sctp_state next, hf_err cause)
{
    assert(reachable[sctp->state] & BIT(next));
    hf_trace_change(sctp->env, sctp->now, HF_TRACE_SCTP_STATE_CHANGED, state_names[sctp->state], state_names[next], cause);
    sctp->state = next; /* nowhere else is it assigned */
}

static bool is_running(const hf_sctp *sctp)
{
    return sctp->state == HF_SCTP_CONNECTING || sctp->state == HF_SCTP_ESTABLISHED;
}

/* Something is owed, or awaited of the remote. */
static bool is_busy(const hf_sctp *sctp)
{
    if (!is_running(sctp))
        return false;
    return sctp->state == HF_SCTP_CONNECTING || !hf_flow_is_idle(&sctp->flow) || sctp->bytes_given > sctp->flow.bytes_sent ||
           sctp->turns_len > 0 || sctp->resets > 0 || sctp->now < sctp->active_until;
}

static void look_around(hf_sctp *sctp, hf_time now)
{
    if (now > sctp->now)
        sctp->now = now;
    sctp->woken = false;
    if (sctp->forgettable > 0)
        hf_sctp_channel_sweep(sctp);
}

void hf_sctp_enter(hf_sctp *sctp, hf_time now)
{
    look_around(sctp, now);
    if (sctp->engine)
        hf_engine_enter(sctp->engine, sctp, sctp->now);
}

/* For calls that begin nothing: usrsctp's clock, which walks over the timers of all associations, can wait for an idle
 * one. */
static void enter_if_busy(hf_sctp *sctp, hf_time now)
{
    look_around(sctp, now);
    if (sctp->engine && (is_busy(sctp) || sctp->readable))
        hf_engine_enter(sctp->engine, sctp, sctp->now);
}

/* --- Birth and death ------------------------------------------------------------------------------------------------ */

hf_err hf_sctp_new(hf_sctp **out, const hf_sctp_config *config, hf_engine *engine, const hf_env *env)
{
    if (!out || !config || !hf_env_is_usable(env))
        return HF_EINVAL;
    if (!engine)
        return HF_ECLOSED;
    if (config->mtu < MTU_MIN || config->mtu > MTU_MAX || config->message_max > HF_MESSAGE_MAX_LIMIT ||
        config->streams_max > HF_STREAMS_MAX)
        return HF_EINVAL;
    hf_sctp *sctp = hf_alloc(env, sizeof *sctp);
    if (!sctp)
        return HF_ENOMEM;
    sctp->env = env;
    sctp->engine = engine;
    sctp->config = *config;
    if (sctp->config.port == 0)
        sctp->config.port = HF_SCTP_PORT;
    if (sctp->config.message_max == 0)
        sctp->config.message_max = HF_MESSAGE_MAX_DEFAULT;
    if (sctp->config.streams_max == 0)
        sctp->config.streams_max = HF_STREAMS_MAX;
    hf_packet_queue_init(&sctp->output, env, 0, 0, HF_SCTP_OUTPUT_BYTES_MAX);
    hf_flow_init(&sctp->flow, env);
    hf_kick_init(sctp);
    hf_fragments_init(&sctp->fragments, env);

    hf_err err = hf_engine_add(engine, sctp);
    if (err != HF_OK) {
        hf_dealloc(env, sctp);
        return err;
    }
    *out = sctp;
    return HF_OK;
}

static void drop_socket(hf_sctp *sctp)
{
    if (!sctp->socket)
        return;
    usrsctp_set_upcall(sctp->socket, NULL, NULL);
    usrsctp_close(sctp->socket);
    usrsctp_deregister_address((void *)sctp->id);
    sctp->socket = NULL;
}

/* Whatever usrsctp still says while it closes (an ABORT) is not heard: the id is gone. */
static void leave_engine(hf_sctp *sctp)
{
    if (sctp->engine)
        hf_engine_remove(sctp->engine, sctp);
    sctp->engine = NULL;
    drop_socket(sctp);
}

void hf_sctp_free(hf_sctp *sctp)
{
    if (!sctp)
        return;
    leave_engine(sctp);
    hf_sctp_channel_free_all(sctp);
    hf_receiver_drop_all(sctp);
    hf_flow_clear(&sctp->flow);
    hf_kick_clear(sctp);
    hf_packet_queue_clear(&sctp->output);
    hf_dealloc(sctp->env, sctp);
}

void hf_sctp_on_engine_gone(hf_sctp *sctp)
{
    hf_sctp_go_down(sctp, HF_ECLOSED);
}

/* --- Start ---------------------------------------------------------------------------------------------------------- */

static void on_upcall(struct socket *socket, void *argument, int flags)
{
    (void)socket;
    (void)flags;
    hf_sctp *sctp = argument;
    sctp->readable = true;
    sctp->woken = true;
}

struct sockaddr_conn hf_sctp_address(const hf_sctp *sctp, uint16_t port)
{
    return (struct sockaddr_conn){.sconn_family = AF_CONN, .sconn_port = htons(port), .sconn_addr = (void *)sctp->id};
}

static hf_err open_socket(hf_sctp *sctp)
{
    sctp->socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    if (!sctp->socket)
        return HF_ENOMEM;
    usrsctp_register_address((void *)sctp->id); /* before bind, which asks whether it is one of ours */
    return hf_settings_apply(sctp);
}

static hf_err begin(hf_sctp *sctp)
{
    struct sockaddr_conn local = hf_sctp_address(sctp, sctp->config.port), remote = hf_sctp_address(sctp, sctp->remote.port);
    hf_err err = open_socket(sctp);
    if (err != HF_OK)
        return err;
    if (usrsctp_bind(sctp->socket, (struct sockaddr *)&local, sizeof local) == 0 &&
        usrsctp_set_upcall(sctp->socket, on_upcall, sctp) == 0 &&
        (usrsctp_connect(sctp->socket, (struct sockaddr *)&remote, sizeof remote) == 0 || errno == EINPROGRESS))
        return HF_OK;
    return errno == ENOMEM || errno == ENOBUFS ? HF_ENOMEM : HF_EIO;
}

/* RFC 8832 §6: the DTLS client has the even ids, in the order in which the channels were opened. */
static void number_channels(hf_sctp *sctp)
{
    for (size_t i = 0; i < sctp->channels_len; i++) {
        hf_sctp_channel *channel = sctp->channels[i];
        uint16_t stream;
        if (channel->has_id || channel->state == HF_DATACHANNEL_CLOSED)
            continue;
        if (hf_sctp_channel_choose_stream(sctp, &stream) == HF_OK)
            hf_sctp_channel_bind(sctp, channel, stream);
        else
            hf_sctp_channel_closed(sctp, channel, HF_ELIMIT);
    }
}

hf_err hf_sctp_start(hf_sctp *sctp, hf_time now, const hf_sctp_remote *remote)
{
    hf_sctp_enter(sctp, now);
    if (sctp->state != HF_SCTP_NEW)
        return sctp->state == HF_SCTP_OVER ? HF_ECLOSED : HF_ESTATE;
    size_t streams = 2 * sctp->channels_len + 2; /* the ids that they may get */
    if (streams > sctp->config.streams_max)
        streams = sctp->config.streams_max;
    hf_err err = hf_sctp_channel_reserve_stream(sctp, (uint16_t)(streams - 1));
    if (err != HF_OK)
        return err;
    sctp->remote = *remote;
    if (sctp->remote.port == 0)
        sctp->remote.port = HF_SCTP_PORT;
    err = begin(sctp);
    if (err != HF_OK) {
        drop_socket(sctp);
        return err;
    }
    change_state(sctp, HF_SCTP_CONNECTING, HF_OK);
    sctp->started_at = sctp->now;
    number_channels(sctp);
    hf_sender_feed(sctp); /* rides with COOKIE ECHO: RFC 9260 §5.1 */
    return HF_OK;
}

void hf_sctp_came_up(hf_sctp *sctp, uint16_t streams)
{
    change_state(sctp, HF_SCTP_ESTABLISHED, HF_OK);
    if (streams < sctp->config.streams_max)
        sctp->config.streams_max = streams;
    sctp->up_untold = true;
    hf_settings_established(sctp);
    for (size_t i = 0; i < sctp->channels_len; i++) {
        hf_sctp_channel *channel = sctp->channels[i];
        if (channel->id >= sctp->config.streams_max)
            hf_sctp_channel_closed(sctp, channel, HF_ELIMIT);
        else if (channel->state == HF_DATACHANNEL_CONNECTING)
            hf_sctp_channel_opened(sctp, channel);
    }
    hf_sender_feed(sctp);
    hf_reset_pending(sctp);
}

void hf_sctp_go_down(hf_sctp *sctp, hf_err cause)
{
    change_state(sctp, HF_SCTP_OVER, cause);
    sctp->cause = cause;
    sctp->down_untold = true;
    for (size_t i = 0; i < sctp->channels_len; i++)
        hf_sctp_channel_closed(sctp, sctp->channels[i], cause);
    leave_engine(sctp);
    sctp->readable = false;
}

void hf_sctp_abort_because(hf_sctp *sctp, hf_err cause)
{
    if (is_running(sctp))
        hf_sender_abort(sctp);
    if (sctp->state != HF_SCTP_OVER)
        hf_sctp_go_down(sctp, cause);
}

void hf_sctp_abort(hf_sctp *sctp, hf_time now)
{
    hf_sctp_enter(sctp, now);
    hf_sctp_abort_because(sctp, HF_ECLOSED);
}

/* --- Packets -------------------------------------------------------------------------------------------------------- */

void hf_sctp_on_output(hf_sctp *sctp, const uint8_t *packet, size_t len)
{
    hf_packet copy;
    uint64_t retransmissions = sctp->flow.retransmissions;
    if (hf_forward_is_repeated(sctp, hf_bytes_of(packet, len)))
        return;
    bool repeats_oldest = hf_flow_on_output(&sctp->flow, sctp->now, hf_bytes_of(packet, len));
    hf_kick_keep(sctp, hf_bytes_of(packet, len), sctp->flow.retransmissions > retransmissions, repeats_oldest);
    if (sctp->flow.retransmissions > retransmissions)
        hf_trace(sctp->env, sctp->now, HF_TRACE_SCTP_PACKETS_RETRANSMITTED, hf_trace_number("count", 1),
                 hf_trace_number("chunks", sctp->flow.retransmissions - retransmissions), hf_trace_number("bytes", len));
    if (sctp->bytes_given < sctp->flow.bytes_sent)
        sctp->bytes_given = sctp->flow.bytes_sent; /* hf_sender_resync took it for abandoned */
    if (len < HF_SCTP_HEADER_SIZE || hf_packet_push(&sctp->output, len, &copy) != HF_OK) {
        hf_sctp_drop(sctp, HF_DROP_SCTP_OUTPUT, len);
        return;
    }
    memcpy(copy.data, packet, len);
    sctp->output_is_new = true;
}

static void give_to_usrsctp(hf_sctp *sctp, hf_bytes packet)
{
    uint8_t without_reset[PACKET_MAX], marked[PACKET_MAX];
    if (hf_defer_early_reset(sctp, packet, without_reset))
        packet = hf_bytes_of(without_reset, packet.len);
    if (hf_fragments_mark(packet, marked))
        packet = hf_bytes_of(marked, packet.len);
    uint64_t acked = sctp->flow.bytes_acked;
    hf_flow_on_input(&sctp->flow, sctp->now, packet);
    if (sctp->state == HF_SCTP_ESTABLISHED && sctp->flow.bytes_acked > acked && hf_flow_is_idle(&sctp->flow))
        sctp->settled = true;
    memcpy(sctp->header, packet.data, HF_SCTP_HEADER_SIZE);
    sctp->has_header = true;
    usrsctp_conninput((void *)sctp->id, packet.data, packet.len, 0);
    hf_defer_release(sctp);
}

static void take_packet(hf_sctp *sctp, hf_bytes packet)
{
    sctp->stats.packets_received++;
    sctp->stats.bytes_received += packet.len;
    if (!is_running(sctp)) {
        hf_sctp_drop(sctp, HF_DROP_SCTP_EARLY, packet.len);
    } else if (!hf_crc32c_is_valid(packet)) {
        hf_sctp_drop(sctp, HF_DROP_SCTP_CHECKSUM, packet.len);
    } else if (packet.len > PACKET_MAX || !hf_packet_is_well_formed(packet)) {
        hf_sctp_drop(sctp, HF_DROP_SCTP_MALFORMED, packet.len);
    } else {
        give_to_usrsctp(sctp, packet);
        sctp->heard_in_vain += sctp->state == HF_SCTP_CONNECTING;
        hf_sender_feed(sctp);
    }
}

void hf_sctp_set_remote_message_max(hf_sctp *sctp, uint64_t message_max)
{
    sctp->remote.message_max = message_max;
}

void hf_sctp_input(hf_sctp *sctp, hf_time now, const hf_bytes *packets, size_t n)
{
    if (n == 0)
        return;
    hf_sctp_enter(sctp, now);
    uint64_t bytes = sctp->stats.bytes_received;
    for (size_t i = 0; i < n; i++)
        take_packet(sctp, packets[i]);
    if (sctp->state == HF_SCTP_CONNECTING && sctp->heard_in_vain >= IN_VAIN_PACKETS &&
        sctp->now - sctp->started_at >= IN_VAIN_AFTER)
        hf_sctp_abort_because(sctp, HF_ETIMEDOUT);
    hf_trace(sctp->env, sctp->now, HF_TRACE_SCTP_PACKETS_RECEIVED, hf_trace_number("count", n),
             hf_trace_number("bytes", sctp->stats.bytes_received - bytes));
    sctp->active_until = sctp->now + ACTIVE_AFTER_INPUT;
}

size_t hf_sctp_packets(hf_sctp *sctp, hf_time now, hf_bytes *out, size_t cap)
{
    enter_if_busy(sctp, now);
    hf_sender_feed(sctp);
    sctp->output_is_new = false;
    enum { BATCH = 64 };
    hf_packet shown[BATCH];
    size_t n = hf_packet_peek(&sctp->output, shown, cap < BATCH ? cap : BATCH);
    for (size_t i = 0; i < n; i++) {
        if (i >= sctp->sealed)
            hf_crc32c_seal(shown[i].data, shown[i].len);
        out[i] = hf_bytes_of(shown[i].data, shown[i].len);
    }
    if (n > sctp->sealed)
        sctp->sealed = n;
    return n;
}

void hf_sctp_sent(hf_sctp *sctp, size_t n)
{
    hf_packet packet;
    uint64_t packets = sctp->stats.packets_sent, bytes = sctp->stats.bytes_sent;
    for (; n > 0 && hf_packet_peek(&sctp->output, &packet, 1) == 1; n--) {
        sctp->stats.packets_sent++;
        sctp->stats.bytes_sent += packet.len;
        hf_packet_pop(&sctp->output, 1);
        if (sctp->sealed > 0)
            sctp->sealed--;
    }
    if (sctp->stats.packets_sent > packets)
        hf_trace(sctp->env, sctp->now, HF_TRACE_SCTP_PACKETS_SENT,
                 hf_trace_number("count", sctp->stats.packets_sent - packets),
                 hf_trace_number("bytes", sctp->stats.bytes_sent - bytes));
}

/* --- Time ----------------------------------------------------------------------------------------------------------- */

hf_time hf_sctp_deadline(const hf_sctp *sctp)
{
    if (sctp->woken || sctp->output_is_new)
        return sctp->now;
    if (is_busy(sctp))
        return sctp->now + HF_SCTP_TICK;
    return sctp->closing > 0 ? sctp->now + CLOSING_CHECK_EVERY : HF_NEVER;
}

void hf_sctp_tick(hf_sctp *sctp, hf_time now)
{
    enter_if_busy(sctp, now);
    if (!is_running(sctp))
        return;
    hf_defer_release(sctp);
    hf_reset_pending(sctp);
    hf_reset_expire(sctp);
    hf_sender_resync(sctp);
    hf_sender_feed(sctp);
    if (sctp->state == HF_SCTP_ESTABLISHED && sctp->now - sctp->rto_checked_at >= RTO_CHECK_EVERY)
        hf_settings_follow_rtt(sctp);
    if (!is_busy(sctp)) { /* what an idle association need not keep */
        hf_packet_queue_relax(&sctp->output);
        hf_flow_clear(&sctp->flow);
        hf_kick_clear(sctp);
        hf_receiver_clear(sctp);
    }
}

/* --- Events and facts ----------------------------------------------------------------------------------------------- */

static bool tell(bool *untold, hf_sctp *sctp, hf_sctp_event_type type, hf_sctp_event *out)
{
    if (!*untold)
        return false;
    *untold = false;
    *out = (hf_sctp_event){.type = type, .cause = type == HF_SCTP_DOWN ? sctp->cause : HF_OK};
    return true;
}

/* What usrsctp has is pulled only when nothing else is left to tell: so its window closes when the application takes
 * nothing, and all messages of a channel come before the word that it closed. */
bool hf_sctp_poll_event(hf_sctp *sctp, hf_sctp_event *out)
{
    enter_if_busy(sctp, sctp->now);
    hf_receiver_lend(sctp, NULL);
    do {
        if (tell(&sctp->up_untold, sctp, HF_SCTP_UP, out) || hf_sctp_channel_take_event(sctp, out) ||
            hf_held_take(sctp, out) || tell(&sctp->down_untold, sctp, HF_SCTP_DOWN, out))
            return true;
        *out = (hf_sctp_event){0};
        if (!is_running(sctp) || !hf_receiver_pull(sctp, out))
            return false;
    } while (out->type == 0);
    return true;
}

const char *hf_sctp_state_name(const hf_sctp *sctp)
{
    return state_names[sctp->state];
}

void hf_sctp_get_facts(const hf_sctp *sctp, hf_sctp_facts *out)
{
    *out = (hf_sctp_facts){
        .bytes_given = sctp->bytes_given,
        .bytes_sent = sctp->flow.bytes_sent,
        .bytes_acked = sctp->flow.bytes_acked,
        .retransmissions = sctp->flow.retransmissions,
    };
    hf_settings_read_status(sctp, out);
}

void hf_sctp_raise_window(hf_sctp *sctp, hf_time now, size_t bytes)
{
    hf_sctp_enter(sctp, now);
    if (sctp->state == HF_SCTP_ESTABLISHED)
        hf_settings_raise_window(sctp, bytes);
}

void hf_sctp_get_flow(const hf_sctp *sctp, hf_sctp_flow *out)
{
    const hf_flow *flow = &sctp->flow;
    *out = (hf_sctp_flow){
        .bytes_accepted = sctp->bytes_given + sctp->bytes_queued + sctp->bytes_given_up,
        .bytes_sent = flow->bytes_sent + sctp->bytes_given_up,
        .bytes_delivered = flow->bytes_delivered + sctp->bytes_given_up,
        .chunks_lost = flow->chunks_lost,
        .rtt_samples = flow->rtt_samples,
        .rtt_last = flow->rtt_last,
        .message_max = sctp->remote.message_max != 0 && sctp->remote.message_max < HF_MESSAGE_MAX_LIMIT
                           ? (size_t)sctp->remote.message_max
                           : HF_MESSAGE_MAX_LIMIT,
        .packet_max = sctp->config.mtu / 4 * 4 - HF_SCTP_HEADER_SIZE - DATA_HEADER_SIZE,
        .is_up = sctp->state == HF_SCTP_ESTABLISHED,
    };
}

void hf_sctp_get_stats(const hf_sctp *sctp, hf_sctp_stats *out)
{
    *out = sctp->stats;
}
