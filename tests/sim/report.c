/* report.c: two peers' statistics (webrtc-stats) hang together, and agree with each other on what passed. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define OBJECTS_MAX 64

typedef struct report {
    hf_stats all[OBJECTS_MAX];
    size_t len;
} report;

static void read_report(report *r, const hf_peer *peer)
{
    r->len = 0;
    for (hf_stats_cursor at = {0}; hf_peer_next_stats(peer, &at, &r->all[r->len]);)
        cr_assert_lt(++r->len, OBJECTS_MAX);
}

static const hf_stats *find(const report *r, const char *id)
{
    for (size_t i = 0; i < r->len; i++) {
        if (strcmp(r->all[i].id, id) == 0)
            return &r->all[i];
    }
    return NULL;
}

static const hf_stats *first_of(const report *r, hf_stats_type type)
{
    for (size_t i = 0; i < r->len; i++) {
        if (r->all[i].type == type)
            return &r->all[i];
    }
    return NULL;
}

/* Each id once, and whatever is called …Id is the id of an object. */
static void expect_whole(const report *r)
{
    for (size_t i = 0; i < r->len; i++) {
        size_t n;
        const hf_stats_member *members = hf_stats_members(r->all[i].type, &n);
        cr_expect_eq(find(r, r->all[i].id), &r->all[i], "%s twice", r->all[i].id);
        for (size_t k = 0; k < n; k++) {
            const char *value = (const char *)&r->all[i] + members[k].offset;
            size_t len = strlen(members[k].name);
            if (members[k].kind == HF_STATS_CHARS && strcmp(members[k].name + len - 2, "Id") == 0 && *value)
                cr_expect_not_null(find(r, value), "%s.%s: %s", r->all[i].id, members[k].name, value);
        }
    }
}

static void connect_and_talk(sim *s, size_t messages)
{
    sim_init(s, &(sim_config){.seed = 11, .link = {.delay = HF_MS(20)}, .signalling = HF_MS(5), .ipv6 = true});
    sim_channel *channel = sim_open(&s->side[0], &(hf_datachannel_config){.label = "chat", .protocol = "p"});
    sim_connect(s);
    cr_assert(sim_run(s, HF_SECONDS(30), sim_both_open));
    for (uint64_t k = 0; k < messages; k++)
        cr_assert_eq(sim_send_numbered(&s->side[0], channel, k, 2500), HF_OK);
    sim_run(s, s->now + HF_SECONDS(3), NULL);
}

Test(sim_report, both_sides_agree_on_what_passed, .timeout = 60)
{
    sim s;
    report mine, theirs;
    connect_and_talk(&s, 40);
    read_report(&mine, s.side[0].peer);
    read_report(&theirs, s.side[1].peer);
    expect_whole(&mine);
    expect_whole(&theirs);

    const hf_data_channel_stats *sent = &first_of(&mine, HF_STATS_DATA_CHANNEL)->u.data_channel;
    const hf_data_channel_stats *received = &first_of(&theirs, HF_STATS_DATA_CHANNEL)->u.data_channel;
    cr_expect_str_eq(sent->label, "chat");
    cr_expect_str_eq(received->protocol, "p");
    cr_expect_str_eq(received->state, "open");
    cr_expect_eq(sent->data_channel_identifier, received->data_channel_identifier);
    cr_expect_eq(sent->messages_sent, 40);
    cr_expect_eq(sent->bytes_sent, 40 * 2500);
    cr_expect_eq(received->messages_received, 40);
    cr_expect_eq(received->bytes_received, 40 * 2500);

    const hf_transport_stats *here = &first_of(&mine, HF_STATS_TRANSPORT)->u.transport;
    const hf_transport_stats *there = &first_of(&theirs, HF_STATS_TRANSPORT)->u.transport;
    cr_expect_str_eq(here->ice_role, "controlling");
    cr_expect_str_eq(there->ice_role, "controlled");
    cr_expect_str_eq(here->dtls_state, "connected");
    cr_expect_str_eq(here->tls_version, "FEFD");
    cr_expect_str_eq(here->dtls_cipher, there->dtls_cipher);
    cr_expect_str_neq(here->dtls_role, there->dtls_role);
    cr_expect_geq(here->selected_candidate_pair_changes, 1);

    /* Data: all that the one sent on its pair has come on the other's. */
    const hf_candidate_pair_stats *from = &find(&mine, here->selected_candidate_pair_id)->u.candidate_pair;
    const hf_candidate_pair_stats *to = &find(&theirs, there->selected_candidate_pair_id)->u.candidate_pair;
    cr_expect_str_eq(from->state, "succeeded");
    cr_expect(from->nominated && to->nominated);
    cr_expect_gt(from->bytes_sent, 40 * 2500);
    cr_expect_eq(from->packets_sent, to->packets_received);
    cr_expect_eq(from->bytes_sent, to->bytes_received);
    cr_expect_eq(from->bytes_received, to->bytes_sent);
    cr_expect_eq(from->bytes_sent, here->bytes_sent, "there was no other pair");
    cr_expect_eq(here->bytes_sent, there->bytes_received);
    hf_peer_stats all;
    hf_peer_get_stats(s.side[0].peer, &all);
    cr_expect_lt(here->bytes_sent, (int64_t)all.bytes_sent, "checks are none of it");
    cr_expect_eq(from->current_round_trip_time, HF_MS(40));
    cr_expect_eq(from->total_round_trip_time, from->responses_received * HF_MS(40));
    cr_expect_eq(from->requests_sent, to->requests_received);
    cr_expect_leq(from->last_packet_sent_timestamp, s.now);
    cr_expect_gt(to->last_packet_received_timestamp, s.now - HF_SECONDS(3));

    const hf_sctp_transport_stats *sctp = &first_of(&mine, HF_STATS_SCTP_TRANSPORT)->u.sctp_transport;
    cr_expect_str_eq(sctp->state, "connected");
    cr_expect_geq(sctp->smoothed_round_trip_time, HF_MS(30));
    cr_expect_geq(sctp->congestion_window, 10 * 1000);
    cr_expect_gt(sctp->receiver_window, 65536);
    cr_expect(sctp->mtu > 1000 && sctp->mtu <= 1200, "%d", (int)sctp->mtu);
    cr_expect_eq(sctp->unack_data, 0);

    const hf_certificate_stats *shown = &find(&mine, here->local_certificate_id)->u.certificate;
    const hf_certificate_stats *seen = &find(&theirs, there->remote_certificate_id)->u.certificate;
    cr_expect_str_eq(shown->fingerprint, seen->fingerprint);
    cr_expect_eq(strlen(seen->fingerprint), 32 * 3 - 1);
    cr_expect_gt(seen->certificate.len, 100);
    sim_clear(&s);
}

Test(sim_report, what_is_not_known_yet_is_absent)
{
    sim s;
    report r;
    sim_init(&s, &(sim_config){.seed = 12});
    sim_open(&s.side[0], &(hf_datachannel_config){.label = "chat"});
    read_report(&r, s.side[0].peer);
    expect_whole(&r);
    const hf_transport_stats *transport = &first_of(&r, HF_STATS_TRANSPORT)->u.transport;
    const hf_sctp_transport_stats *sctp = &first_of(&r, HF_STATS_SCTP_TRANSPORT)->u.sctp_transport;
    cr_expect_str_eq(transport->tls_version, "");
    cr_expect_str_eq(transport->dtls_role, "unknown");
    cr_expect_str_eq(transport->selected_candidate_pair_id, "");
    cr_expect_str_eq(transport->remote_certificate_id, "");
    cr_expect_null(first_of(&r, HF_STATS_REMOTE_CERTIFICATE));
    cr_expect_null(first_of(&r, HF_STATS_CANDIDATE_PAIR));
    cr_expect_eq(sctp->congestion_window, HF_STATS_ABSENT);
    cr_expect_eq(sctp->unack_data, HF_STATS_ABSENT);
    cr_expect_eq(sctp->smoothed_round_trip_time, HF_STATS_ABSENT);
    cr_expect_eq(first_of(&r, HF_STATS_DATA_CHANNEL)->u.data_channel.data_channel_identifier, HF_STATS_ABSENT);
    sim_clear(&s);
}

Test(sim_report, a_name_hides_the_address)
{
    sim s;
    report r;
    sim_init(&s, &(sim_config){.seed = 13, .link.delay = HF_MS(5), .mdns = {HF_ICE_MDNS_HIDE}, .multicast = true});
    sim_open(&s.side[0], &(hf_datachannel_config){.label = "chat"});
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(30), sim_both_open));
    read_report(&r, s.side[0].peer);
    const hf_stats *local = first_of(&r, HF_STATS_LOCAL_CANDIDATE);
    cr_assert_not_null(local);
    cr_expect_str_eq(local->u.candidate.candidate_type, "host");
    cr_expect_str_eq(local->u.candidate.address, "");
    sim_clear(&s);
}

Test(report, members_are_named_once_and_lie_inside)
{
    for (hf_stats_type type = 0; type < HF_STATS_TYPE_COUNT; type++) {
        size_t n;
        const hf_stats_member *members = hf_stats_members(type, &n);
        cr_expect_gt(strlen(hf_stats_type_name(type)), 0);
        cr_assert_not_null(members);
        for (size_t i = 0; i < n; i++) {
            cr_expect(members[i].offset >= offsetof(hf_stats, u) && members[i].offset < sizeof(hf_stats));
            for (size_t k = 0; k < i; k++) {
                cr_expect_str_neq(members[i].name, members[k].name);
                cr_expect_neq(members[i].offset, members[k].offset);
            }
        }
    }
    size_t n = 1;
    cr_expect_null(hf_stats_members(HF_STATS_TYPE_COUNT, &n));
    cr_expect_eq(n, 0);
    cr_expect_str_eq(hf_stats_type_name(HF_STATS_TYPE_COUNT), "");
    hf_stats out;
    cr_expect_not(hf_peer_next_stats(NULL, &(hf_stats_cursor){0}, &out));
}
