/* layout.c: the m= sections over all renegotiations: order, mids, rejected, recycled, several for data. */
#include "duo.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define DIGEST "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
#define FINGERPRINT "a=fingerprint:sha-256 " DIGEST "\r\n"
#define ICE "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
#define OTHER_ICE "a=ice-ufrag:efgh\r\na=ice-pwd:9876543210987654321098\r\n"
#define TRANSPORT ICE FINGERPRINT "a=setup:actpass\r\n"
#define AT "c=IN IP4 0.0.0.0\r\n"
#define AUDIO "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" AT
#define NO_AUDIO "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n" AT
#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n" AT
#define DATA "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" AT
#define NO_DATA "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" AT
#define MID(m) "a=mid:" m "\r\n"

/* What an answer's m= lines and mids are: "audio 0 a, application 9 d". */
static char *outline(const char *sdp)
{
    char *out = calloc(1, strlen(sdp) + 64), word[64];
    unsigned port;
    cr_assert_not_null(out);
    for (const char *at = strstr(sdp, "\r\nm="); at; at = strstr(at + 1, "\r\nm=")) {
        const char *next = strstr(at + 1, "\r\nm="), *mid = strstr(at, "\r\na=mid:");
        cr_assert_eq(sscanf(at + 4, "%63s %u", word, &port), 2);
        sprintf(out + strlen(out), "%s%s %s", *out ? ", " : "", word, port == 0 ? "0" : "9");
        if (mid && (!next || mid < next))
            sprintf(out + strlen(out), " %.*s", (int)strcspn(mid + 8, "\r\n"), mid + 8);
    }
    return out;
}

/* Sets an offer and answers it; the answer's outline must be this one, and its group, "" for none. */
static void expect_answer(duo *d, int line, const char *offer, const char *expected, const char *group)
{
    hf_err err = hf_peer_set_remote_description(d->peer[0], d->now, HF_SDP_OFFER, offer);
    cr_assert_eq(err, HF_OK, "line %d: %s: %s", line, hf_err_name(err), hf_peer_error_text(d->peer[0]));
    const char *answer = duo_set_local(d, 0, HF_SDP_ANSWER);
    char *found = outline(answer);
    cr_expect_str_eq(found, expected, "line %d: %s", line, found);
    const char *at = strstr(answer, "a=group:BUNDLE ");
    cr_expect_eq(at != NULL, *group != '\0', "line %d", line);
    cr_expect(!at || strncmp(at + 15, group, strlen(group)) == 0, "line %d: %s", line, at);
    free(found);
}

static void expect_offer(duo *d, int line, const char *expected)
{
    const char *sdp;
    cr_assert_eq(hf_peer_create_offer(d->peer[0], d->now, &sdp), HF_OK, "line %d", line);
    char *found = outline(sdp);
    cr_expect_str_eq(found, expected, "line %d: %s", line, found);
    free(found);
}

Test(peer_layout, sections_keep_order_and_mid_over_all_renegotiations)
{
    duo d;
    duo_init(&d, 1);
    expect_answer(&d, __LINE__, HEAD "a=group:BUNDLE a d\r\n" AUDIO MID("a") TRANSPORT DATA MID("d") TRANSPORT,
                  "audio 0 a, application 9 d", "d\r\n");
    expect_offer(&d, __LINE__, "audio 0 a, application 9 d");
    expect_answer(&d, __LINE__,
                  HEAD "a=group:BUNDLE a d v\r\n" AUDIO MID("a") TRANSPORT DATA MID("d") TRANSPORT VIDEO MID("v") TRANSPORT,
                  "audio 0 a, application 9 d, video 0 v", "d\r\n");
    expect_offer(&d, __LINE__, "audio 0 a, application 9 d, video 0 v");
    duo_clear(&d);
}

/* RFC 9429 §5.2.2: a rejected section may come again as something else, with another mid. */
Test(peer_layout, a_rejected_section_may_be_recycled)
{
    duo d;
    duo_init(&d, 1);
    expect_answer(&d, __LINE__, HEAD "a=group:BUNDLE d\r\n" NO_AUDIO MID("a") DATA MID("d") TRANSPORT,
                  "audio 0 a, application 9 d", "d\r\n");
    expect_answer(&d, __LINE__, HEAD "a=group:BUNDLE v d\r\n" VIDEO MID("v") TRANSPORT DATA MID("d") TRANSPORT,
                  "video 0 v, application 9 d", "d\r\n");
    expect_offer(&d, __LINE__, "video 0 v, application 9 d");
    duo_clear(&d);
}

Test(peer_layout, of_several_sections_for_data_the_first_counts)
{
    duo d;
    duo_init(&d, 1);
    expect_answer(&d, __LINE__,
                  HEAD "a=group:BUNDLE x d e\r\n" NO_DATA MID("x") DATA MID("d") TRANSPORT DATA MID("e") TRANSPORT,
                  "application 0 x, application 9 d, application 0 e", "d\r\n");
    expect_answer(&d, __LINE__,
                  HEAD "a=group:BUNDLE x d e\r\n" DATA MID("y") TRANSPORT DATA MID("d") TRANSPORT DATA MID("e") TRANSPORT,
                  "application 0 y, application 9 d, application 0 e", "d\r\n");
    duo_clear(&d);
}

Test(peer_layout, an_offer_without_data_is_answered_and_our_section_recycles_its_first)
{
    hf_datachannel channel;
    hf_peer_event event;
    duo d;
    duo_init(&d, 1);
    expect_answer(&d, __LINE__, HEAD "a=group:BUNDLE 0 1\r\n" AUDIO MID("0") TRANSPORT VIDEO MID("1") TRANSPORT,
                  "audio 0 0, video 0 1", "");
    cr_expect_eq(hf_peer_ice_gathering_state(d.peer[0]), HF_ICE_GATHERING_NEW, "nothing to connect");
    cr_assert_eq(hf_peer_open_channel(d.peer[0], d.now, NULL, &channel), HF_OK);
    cr_expect(duo_next(&d, 0, HF_PEER_NEGOTIATION_NEEDED, &event));
    expect_offer(&d, __LINE__, "application 9 2, video 0 1");
    duo_clear(&d);
}

Test(peer_layout, an_offer_of_nothing_is_answered_with_nothing)
{
    duo d;
    duo_init(&d, 1);
    expect_answer(&d, __LINE__, HEAD, "", "");
    expect_offer(&d, __LINE__, "application 9 0");
    duo_clear(&d);
}

/* RFC 9143 §7.1.3: the transport of a bundle stands in its first section, which need not be the first of all. */
Test(peer_layout, a_bundle_only_section_takes_the_transport_of_its_own_group)
{
    static const char offer[] = HEAD "a=group:BUNDLE z\r\na=group:BUNDLE v d\r\n" AUDIO MID("z") OTHER_ICE FINGERPRINT
        "a=setup:passive\r\n" NO_DATA "a=bundle-only\r\n" MID("d") VIDEO MID("v") ICE FINGERPRINT "a=setup:active\r\n";
    duo d;
    hf_err err;
    duo_init(&d, 1);
    expect_answer(&d, __LINE__, offer, "audio 0 z, application 9 d, video 0 v", "d\r\n");
    const char *answer;
    cr_assert_eq(hf_peer_local_description(d.peer[0], NULL, &answer), HF_OK);
    cr_expect_not_null(strstr(answer, "a=setup:passive"), "the remote is active: so says the group's first");
    err = hf_peer_add_ice_candidate(d.peer[0], d.now, "candidate:1 1 udp 1 198.51.100.9 999 typ host", "v", "abcd");
    cr_expect_eq(err, HF_OK);
    duo_reply_local(&d, 0);
    hf_ice_pair_info pair;
    cr_expect(hf_peer_get_pair(d.peer[0], 0, &pair), "a candidate of the group's other section is ours");
    duo_clear(&d);
}

static const struct {
    const char *why, *offer;
    hf_err err;
    const char *says;
} later[] = {
    {"a section fewer", HEAD "a=group:BUNDLE a\r\n" AUDIO MID("a") TRANSPORT, HF_ESYNTAX, "is gone"},
    {"changed places", HEAD "a=group:BUNDLE a d\r\n" DATA MID("d") TRANSPORT AUDIO MID("a") TRANSPORT, HF_ESYNTAX,
     "has moved"},
    {"another mid", HEAD "a=group:BUNDLE a e\r\n" AUDIO MID("a") TRANSPORT DATA MID("e") TRANSPORT, HF_ESYNTAX,
     "another mid"},
    {"something else in its place", HEAD AUDIO MID("a") TRANSPORT VIDEO MID("v") TRANSPORT, HF_ESYNTAX, "become another"},
    {"a second association", HEAD AUDIO MID("a") TRANSPORT NO_DATA MID("d") DATA MID("e") TRANSPORT, HF_ENOTSUP,
     "new SCTP association"},
    {"half a restart",
     HEAD AUDIO MID("a") TRANSPORT DATA MID("d") "a=ice-ufrag:abcd\r\na=ice-pwd:9876543210987654321098\r\n" FINGERPRINT,
     HF_EPROTO, "both ice-ufrag and ice-pwd"},
    {"the other half",
     HEAD AUDIO MID("a") TRANSPORT DATA MID("d") "a=ice-ufrag:efgh\r\na=ice-pwd:0123456789012345678901\r\n" FINGERPRINT,
     HF_EPROTO, "both ice-ufrag and ice-pwd"},
};

Test(peer_layout, a_later_offer_that_breaks_it_is_refused_and_changes_nothing)
{
    duo d;
    duo_init(&d, 1);
    expect_answer(&d, __LINE__, HEAD "a=group:BUNDLE a d\r\n" AUDIO MID("a") TRANSPORT DATA MID("d") TRANSPORT,
                  "audio 0 a, application 9 d", "d\r\n");
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        hf_err err = hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_OFFER, later[i].offer);
        cr_expect_eq(err, later[i].err, "%s: %s", later[i].why, hf_err_name(err));
        cr_expect_not_null(strstr(hf_peer_error_text(d.peer[0]), later[i].says), "%s: %s", later[i].why,
                           hf_peer_error_text(d.peer[0]));
        cr_expect_eq(hf_peer_signaling_state(d.peer[0]), HF_SIGNALING_STABLE, "%s", later[i].why);
    }
    expect_offer(&d, __LINE__, "audio 0 a, application 9 d");
    duo_clear(&d);
}

static const struct {
    const char *why, *from, *to;
    const char *says;
} answers[] = {
    {"a rejected section is accepted", "m=audio 0", "m=audio 9", "offered as rejected"},
    {"its mid is another's", "a=mid:a", "a=mid:b", "another mid"},
    {"our mid is another's", "a=mid:d", "a=mid:e", "another mid"},
    {"a section fewer", "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:a\r\n", "",
     "number of sections"},
};

Test(peer_layout, an_answer_that_breaks_it_is_refused_and_changes_nothing)
{
    duo d;
    duo_init(&d, 2);
    /* peer 0 learns of an audio section from a text of ours, whose transport is that of peer 1. */
    const char *made;
    cr_assert_eq(hf_peer_create_offer(d.peer[1], d.now, &made), HF_OK);
    cr_assert_eq(hf_peer_set_local_description(d.peer[1], d.now, HF_SDP_OFFER, NULL), HF_OK);
    cr_assert_eq(hf_peer_local_description(d.peer[1], NULL, &made), HF_OK);
    char *mid = duo_replace(made, "a=mid:0", MID("d") NO_AUDIO "a=inactive\r\na=mid:a"),
         *offer = duo_replace(mid, "BUNDLE 0", "BUNDLE d");
    duo_set_remote(&d, 0, HF_SDP_OFFER, offer);
    (void)duo_set_local(&d, 0, HF_SDP_ANSWER);
    char *good = duo_replace(offer, "actpass", "active");
    (void)duo_set_local(&d, 0, HF_SDP_OFFER);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        char *bad = duo_replace(good, answers[i].from, answers[i].to);
        cr_expect_eq(hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_ANSWER, bad), HF_ESYNTAX, "%s", answers[i].why);
        cr_expect_not_null(strstr(hf_peer_error_text(d.peer[0]), answers[i].says), "%s: %s", answers[i].why,
                           hf_peer_error_text(d.peer[0]));
        cr_expect_eq(hf_peer_signaling_state(d.peer[0]), HF_SIGNALING_HAVE_LOCAL_OFFER, "%s", answers[i].why);
        free(bad);
    }
    char *as_it_was = duo_replace(offer, "actpass", "passive");
    duo_set_remote(&d, 0, HF_SDP_ANSWER, as_it_was);
    free(mid);
    free(offer);
    free(good);
    free(as_it_was);
    duo_clear(&d);
}

/* RFC 8841 §10.1: a section with port zero ends the association; RFC 3264 §8.2. */
Test(peer_layout, a_later_offer_that_rejects_data_ends_it)
{
    static const char end[] = HEAD NO_AUDIO MID("a") NO_DATA MID("d");
    static const char again[] = HEAD NO_AUDIO MID("a") DATA MID("d") TRANSPORT;
    hf_peer_event event;
    duo d;
    duo_init(&d, 1);
    expect_answer(&d, __LINE__, HEAD "a=group:BUNDLE d\r\n" AUDIO MID("a") TRANSPORT DATA MID("d") TRANSPORT,
                  "audio 0 a, application 9 d", "d\r\n");
    duo_set_remote(&d, 0, HF_SDP_OFFER, end);
    duo_set_remote(&d, 0, HF_SDP_OFFER, again); /* it thinks better of it */
    duo_set_remote(&d, 0, HF_SDP_ROLLBACK, NULL);
    cr_expect_not(duo_next(&d, 0, HF_PEER_REMOTE_CLOSED, &event));
    expect_answer(&d, __LINE__, end, "audio 0 a, application 0 d", "");
    cr_expect(duo_next(&d, 0, HF_PEER_REMOTE_CLOSED, &event));
    cr_expect_eq(event.cause, HF_OK);
    cr_expect_eq(hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_OFFER, again), HF_ENOTSUP);
    cr_expect_not_null(strstr(hf_peer_error_text(d.peer[0]), "new SCTP association"));
    expect_offer(&d, __LINE__, "audio 0 a, application 0 d");
    duo_clear(&d);
}

Test(peer_layout, an_answer_that_rejects_data_ends_it_before_it_began)
{
    hf_peer_event event;
    hf_datachannel channel;
    duo d;
    duo_init(&d, 2);
    cr_assert_eq(hf_peer_open_channel(d.peer[0], d.now, NULL, &channel), HF_OK);
    duo_set_remote(&d, 1, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER));
    char *answer = duo_replace(duo_set_local(&d, 1, HF_SDP_ANSWER), "m=application 9", "m=application 0");
    duo_set_remote(&d, 0, HF_SDP_ANSWER, answer);
    cr_expect(duo_next(&d, 0, HF_PEER_CHANNEL_CLOSED, &event), "each channel is told");
    cr_expect(duo_next(&d, 0, HF_PEER_REMOTE_CLOSED, &event));
    cr_expect_eq(event.cause, HF_ENOTSUP);
    cr_expect_not(duo_next(&d, 0, HF_PEER_REMOTE_CLOSED, &event), "once");
    free(answer);
    duo_clear(&d);
}
