/* kick.c: what is done when a path works again, or another takes its place.
 *
 * In an outage usrsctp repeats a packet's worth of its oldest data whenever its timer runs out, which in the end is once a
 * second, and everything else waits for the answer to that. It has no call that repeats sooner. So we keep a copy of what it
 * repeated last, and send that when ICE says that the time has come: for the remote it is one more repetition, for usrsctp
 * the answer to its last. */
#include "sctp_priv.h"

#include "chunk.h"

#include <usrsctp.h>

#include <string.h>

/* After its timer has run out, usrsctp has a window of one packet, and may overstep it by another. */
#define KEPT_MAX 4

#define DATA_SACK_IMMEDIATELY 0x08
#define CHUNK_FLAGS_BEFORE_VALUE 3 /* RFC 9260 §3.2: type, flags, length */

void hf_kick_init(hf_sctp *sctp)
{
    hf_packet_queue_init(&sctp->kept.packets, sctp->env, 0, 0, KEPT_MAX * sctp->config.mtu);
}

void hf_kick_clear(hf_sctp *sctp)
{
    hf_packet_queue_clear(&sctp->kept.packets);
}

static void forget(hf_kept *kept)
{
    hf_packet packet;
    while (hf_packet_peek(&kept->packets, &packet, 1) == 1)
        hf_packet_pop(&kept->packets, 1);
}

static bool is_handshake(hf_bytes packet)
{
    return packet.len > HF_SCTP_HEADER_SIZE &&
           (packet.data[HF_SCTP_HEADER_SIZE] == HF_CHUNK_INIT || packet.data[HF_SCTP_HEADER_SIZE] == HF_CHUNK_COOKIE_ECHO);
}

/* By the end of the outage usrsctp may have given it up (RFC 3758 §3.5), and it would be stale. DCEP is always reliable
 * (RFC 8832 §6). */
static bool may_expire(const hf_sctp *sctp, const hf_chunk *chunk)
{
    hf_reader value = hf_reader_of(chunk->value);
    hf_read_skip(&value, 4); /* TSN: RFC 9260 §3.3.1 */
    const hf_sctp_channel *channel = hf_sctp_channel_of_stream(sctp, hf_read_u16(&value));
    hf_read_skip(&value, 2); /* sequence number */
    return hf_read_u32(&value) != HF_PPID_DCEP && (!channel || channel->reliability != HF_RELIABLE);
}

/* The packet without what may expire. Yields its length, 0: nothing is left that asks for an answer. */
static size_t copy_lasting(const hf_sctp *sctp, hf_bytes packet, uint8_t *out)
{
    hf_reader chunks;
    hf_chunk chunk;
    bool has_data = false;
    hf_writer w = hf_writer_of(out, packet.len);
    if (!hf_chunks_of(packet, &chunks))
        return 0;
    hf_write_bytes(&w, hf_bytes_of(packet.data, HF_SCTP_HEADER_SIZE));
    for (const uint8_t *at = chunks.rest.data; hf_chunk_next(&chunks, &chunk); at = chunks.rest.data) {
        bool is_data = chunk.type == HF_CHUNK_DATA;
        if (is_data && may_expire(sctp, &chunk))
            continue;
        has_data |= is_data;
        hf_write_bytes(&w, hf_bytes_of(at, (size_t)(chunks.rest.data - at)));
    }
    return has_data && w.ok ? w.len : 0;
}

/* What has no room, or for which there is no memory, waits for usrsctp's own timer. */
void hf_kick_keep(hf_sctp *sctp, hf_bytes packet, bool repeats, bool repeats_oldest)
{
    hf_kept *kept = &sctp->kept;
    uint8_t lasting[HF_DATAGRAM_MAX];
    hf_packet copy;
    bool sets_up = is_handshake(packet), begins = repeats_oldest || sets_up;
    if (kept->is_leaving || !(begins || repeats))
        return;
    if (begins) {
        forget(kept);
        kept->is_data = repeats_oldest;
        kept->tsn = sctp->flow.tsn_acked;
    }
    if (!sets_up)
        packet = hf_bytes_of(lasting, packet.len <= sizeof lasting ? copy_lasting(sctp, packet, lasting) : 0);
    if (packet.len > 0 && hf_packet_push(&kept->packets, packet.len, &copy) == HF_OK)
        memcpy(copy.data, packet.data, packet.len);
}

/* Whether the remote may still lack what is in them. */
static bool is_wanted(const hf_sctp *sctp)
{
    if (!sctp->kept.is_data)
        return sctp->state == HF_SCTP_CONNECTING;
    return !hf_flow_is_idle(&sctp->flow) && sctp->kept.tsn == sctp->flow.tsn_acked;
}

/* RFC 9260 §3.3.1: the I bit asks for a SACK that is not delayed; alone in its window, the packet would wait 200 ms for
 * one. */
static void ask_for_answer(hf_packet *packet)
{
    hf_reader chunks;
    hf_chunk chunk;
    if (!hf_chunks_of(hf_bytes_of(packet->data, packet->len), &chunks))
        return;
    while (hf_chunk_next(&chunks, &chunk)) {
        if (chunk.type == HF_CHUNK_DATA)
            packet->data[(size_t)(chunk.value.data - packet->data) - CHUNK_FLAGS_BEFORE_VALUE] |= DATA_SACK_IMMEDIATELY;
    }
}

/* Two calls in one moment are about one change. */
static void repeat(hf_sctp *sctp)
{
    hf_kept *kept = &sctp->kept;
    hf_packet packets[KEPT_MAX];
    if (!is_wanted(sctp) || kept->left_at == sctp->now)
        return;
    kept->left_at = sctp->now;
    kept->is_leaving = true;
    size_t n = hf_packet_peek(&kept->packets, packets, KEPT_MAX);
    for (size_t i = 0; i < n; i++) {
        ask_for_answer(&packets[i]);
        hf_sctp_on_output(sctp, packets[i].data, packets[i].len);
    }
    kept->is_leaving = false;
}

/* What was asked of the path before it went got no answer. */
static void measure(hf_sctp *sctp)
{
    sctp->measured_at = 0;
    if (sctp->state == HF_SCTP_ESTABLISHED)
        hf_settings_follow_rtt(sctp);
}

void hf_sctp_kick(hf_sctp *sctp, hf_time now)
{
    hf_sctp_enter(sctp, now);
    repeat(sctp);
    measure(sctp);
}

void hf_sctp_change_path(hf_sctp *sctp, hf_time now)
{
    hf_sctp_enter(sctp, now);
    if (sctp->state == HF_SCTP_ESTABLISHED)
        hf_settings_start_moderately(sctp);
    repeat(sctp);
    measure(sctp);
}
