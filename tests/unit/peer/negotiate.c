/* negotiate.c: what of a remote's description is refused, where and why, and that nothing has changed then. */
#include "duo.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *why;
    const char *from, *to; /* in an answer that would be good */
    hf_err err;
    const char *says;
} answers[] = {
    {"one section too many", "a=mid:0", "a=mid:0\r\nm=audio 0 RTP/AVP 0\r\nc=IN IP4 0.0.0.0", HF_ESYNTAX,
     "number of sections"},
    {"another section in its place", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=audio 9 RTP/AVP 0", HF_ESYNTAX,
     "become another"},
    {"another mid", "a=mid:0", "a=mid:7", HF_ESYNTAX, "another mid"},
    {"no ufrag", "a=ice-ufrag:", "a=x-ice-ufrag:", HF_ESYNTAX, "ice-ufrag"},
    {"no password", "a=ice-pwd:", "a=x-ice-pwd:", HF_ESYNTAX, "ice-pwd"},
    {"no fingerprint", "a=fingerprint:", "a=x-fingerprint:", HF_ESYNTAX, "no fingerprint"},
    {"a hash that nobody knows", "a=fingerprint:sha-256", "a=fingerprint:md2", HF_ENOTSUP, "hash function"},
    {"half a fingerprint", "a=fingerprint:sha-256 ", "a=fingerprint:sha-256 A", HF_ESYNTAX, "line "},
    {"actpass in an answer", "a=setup:active", "a=setup:actpass", HF_ESYNTAX, "a=setup"},
    {"holdconn", "a=setup:active", "a=setup:holdconn", HF_ESYNTAX, "a=setup"},
    {"not SDP", "v=0", "hello", HF_ESYNTAX, "line 1"},
};

Test(peer_negotiate, an_answer_that_does_not_fit_is_refused_and_changes_nothing)
{
    duo d;
    duo_init(&d, 2);
    const char *offer = duo_set_local(&d, 0, HF_SDP_OFFER);
    cr_assert_eq(hf_peer_set_remote_description(d.peer[1], d.now, HF_SDP_OFFER, offer), HF_OK);
    const char *answer = duo_set_local(&d, 1, HF_SDP_ANSWER);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        char *bad = duo_replace(answer, answers[i].from, answers[i].to);
        hf_err err = hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_ANSWER, bad);
        cr_expect_eq(err, answers[i].err, "%s: %s", answers[i].why, hf_err_name(err));
        cr_expect_not_null(strstr(hf_peer_error_text(d.peer[0]), answers[i].says), "%s: %s", answers[i].why,
                           hf_peer_error_text(d.peer[0]));
        cr_expect_eq(hf_peer_signaling_state(d.peer[0]), HF_SIGNALING_HAVE_LOCAL_OFFER, "%s", answers[i].why);
        cr_expect_eq(hf_peer_ice_connection_state(d.peer[0]), HF_ICE_NEW, "%s", answers[i].why);
        free(bad);
    }
    cr_expect_eq(hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_ANSWER, answer), HF_OK);
    cr_expect_str_eq(hf_peer_error_text(d.peer[0]), "");
    cr_expect_eq(hf_peer_signaling_state(d.peer[0]), HF_SIGNALING_STABLE);
    duo_clear(&d);
}

/* Firefox 153, being the DTLS server, answers so. */
Test(peer_negotiate, a_later_answer_does_not_change_the_role)
{
    duo d;
    duo_init(&d, 2);
    cr_assert_eq(hf_peer_set_remote_description(d.peer[1], d.now, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER)), HF_OK);
    cr_assert_eq(hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_ANSWER, duo_set_local(&d, 1, HF_SDP_ANSWER)),
                 HF_OK);
    cr_assert_eq(hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_OFFER, duo_set_local(&d, 1, HF_SDP_OFFER)), HF_OK);
    const char *answer = duo_set_local(&d, 0, HF_SDP_ANSWER);
    cr_assert_not_null(strstr(answer, "a=setup:passive"));
    char *other = duo_replace(answer, "a=setup:passive", "a=setup:active");
    cr_expect_eq(hf_peer_set_remote_description(d.peer[1], d.now, HF_SDP_ANSWER, other), HF_OK);
    free(other);
    cr_expect_not_null(strstr(duo_set_local(&d, 1, HF_SDP_OFFER), "a=setup:actpass"));
    duo_clear(&d);
}

Test(peer_negotiate, an_offer_behind_an_answer_that_was_lost_keeps_its_role)
{
    duo d;
    duo_init(&d, 2);
    duo_set_remote(&d, 1, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER));
    cr_assert_not_null(strstr(duo_set_local(&d, 1, HF_SDP_ANSWER), "a=setup:active"), "it is lost");
    const char *offer = duo_set_local(&d, 1, HF_SDP_OFFER);
    cr_expect_not_null(strstr(offer, "a=setup:active"));
    duo_set_remote(&d, 0, HF_SDP_OFFER, offer); /* and takes its own back */
    const char *answer = duo_set_local(&d, 0, HF_SDP_ANSWER);
    cr_expect_not_null(strstr(answer, "a=setup:passive"));
    duo_set_remote(&d, 1, HF_SDP_ANSWER, answer);
    duo_clear(&d);
}

Test(peer_negotiate, a_later_offer_keeps_the_transport)
{
    static const struct {
        const char *why, *from, *to;
    } changes[] = {
        {"another setup", "a=setup:actpass", "a=setup:active"},
        {"another tls-id", "a=tls-id:", "a=tls-id:x"},
        {"another SCTP port", "a=sctp-port:5000", "a=sctp-port:5001"},
        {"another hash", "a=fingerprint:sha-256 ",
         "a=fingerprint:sha-512 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
         "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"},
    };
    duo d;
    duo_init(&d, 2);
    cr_assert_eq(hf_peer_set_remote_description(d.peer[1], d.now, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER)), HF_OK);
    cr_assert_eq(hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_ANSWER, duo_set_local(&d, 1, HF_SDP_ANSWER)),
                 HF_OK);
    const char *again = duo_set_local(&d, 0, HF_SDP_OFFER);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char *bad = duo_replace(again, changes[i].from, changes[i].to);
        hf_err err = hf_peer_set_remote_description(d.peer[1], d.now, HF_SDP_OFFER, bad);
        cr_expect_eq(err, HF_ENOTSUP, "%s: %s: %s", changes[i].why, hf_err_name(err), hf_peer_error_text(d.peer[1]));
        cr_expect_eq(hf_peer_signaling_state(d.peer[1]), HF_SIGNALING_STABLE, "%s", changes[i].why);
        free(bad);
    }
    cr_expect_eq(hf_peer_set_remote_description(d.peer[1], d.now, HF_SDP_OFFER, again), HF_OK);
    cr_expect_eq(hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_ANSWER, duo_set_local(&d, 1, HF_SDP_ANSWER)),
                 HF_OK);
    duo_clear(&d);
}

Test(peer_negotiate, each_setup_of_an_offer_has_its_answer)
{
    static const struct {
        const char *offer, *answer; /* NULL: refused */
    } rows[] = {{"a=setup:actpass", "a=setup:active"},
                {"a=setup:passive", "a=setup:active"},
                {"a=setup:active", "a=setup:passive"},
                {"a=x-setup:none", "a=setup:active"},
                {"a=setup:holdconn", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        duo d;
        duo_init(&d, 2);
        char *offer = duo_replace(duo_set_local(&d, 0, HF_SDP_OFFER), "a=setup:actpass", rows[i].offer);
        hf_err err = hf_peer_set_remote_description(d.peer[1], d.now, HF_SDP_OFFER, offer);
        cr_expect_eq(err, rows[i].answer ? HF_OK : HF_ESYNTAX, "%s", rows[i].offer);
        if (rows[i].answer)
            cr_expect_not_null(strstr(duo_set_local(&d, 1, HF_SDP_ANSWER), rows[i].answer), "%s", rows[i].offer);
        free(offer);
        duo_clear(&d);
    }
}

Test(peer_negotiate, only_the_text_that_was_created_can_be_set)
{
    const char *made;
    duo d;
    duo_init(&d, 1);
    cr_assert_eq(hf_peer_create_offer(d.peer[0], d.now, &made), HF_OK);
    char *other = duo_replace(made, "a=mid:0", "a=mid:1"), *same = strdup(made);
    cr_expect_eq(hf_peer_set_local_description(d.peer[0], d.now, HF_SDP_OFFER, other), HF_EINVAL);
    cr_expect_eq(hf_peer_signaling_state(d.peer[0]), HF_SIGNALING_STABLE);
    cr_expect_eq(hf_peer_set_local_description(d.peer[0], d.now, HF_SDP_OFFER, same), HF_OK);
    cr_expect_eq(hf_peer_set_local_description(d.peer[0], d.now, HF_SDP_OFFER, same), HF_EINVAL, "it is used up");
    free(other);
    free(same);
    duo_clear(&d);
}

Test(peer_negotiate, candidates_stand_in_the_description_that_is_set)
{
    hf_request request;
    const char *sdp;
    duo d;
    duo_init(&d, 1);
    hf_local local = {.addr = {.family = HF_FAMILY_IPV4, .port = 5000, .ip = {192, 0, 2, 1}}};
    cr_expect_null(strstr(duo_set_local(&d, 0, HF_SDP_OFFER), "a=candidate"));
    cr_assert(hf_peer_poll_request(d.peer[0], &request));
    hf_peer_reply(d.peer[0], d.now,
                  &(hf_reply){.type = HF_REPLY_LOCALS, .id = request.id, .locals = &local, .locals_len = 1});
    cr_assert_eq(hf_peer_local_description(d.peer[0], NULL, &sdp), HF_OK);
    cr_expect_not_null(strstr(sdp, " 192.0.2.1 5000 typ host"));
    cr_expect_not_null(strstr(sdp, "m=application 5000 "));
    cr_expect_not_null(strstr(sdp, "a=end-of-candidates"));
    duo_clear(&d);
}

Test(peer_negotiate, attributes_may_stand_in_the_first_section_of_the_bundle)
{
    static const char offer[] = "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
                                "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n"
                                "a=ice-pwd:0123456789012345678901\r\na=setup:active\r\na=mid:0\r\n"
                                "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
                                "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"
                                "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
                                "a=bundle-only\r\na=mid:1\r\na=sctp-port:5000\r\n";
    duo d;
    duo_init(&d, 1);
    cr_assert_eq(hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_OFFER, offer), HF_OK, "%s",
                 hf_peer_error_text(d.peer[0]));
    cr_expect_not_null(strstr(duo_set_local(&d, 0, HF_SDP_ANSWER), "a=setup:passive"));
    duo_clear(&d);
}

Test(peer_negotiate, survives_each_failed_allocation, .timeout = 60)
{
    test_env t = {0};
    duo d;
    duo_init(&d, 1);
    char *offer = strdup(duo_set_local(&d, 0, HF_SDP_OFFER));
    for (size_t n = 1; test_env_next_failure(&t, n, 9); n++) {
        hf_peer *peer;
        hf_datachannel channel;
        hf_peer_config config = {.engine = d.engine, .certificate = d.certificate};
        hf_err err = hf_peer_new(&peer, &config, &t.env);
        if (err == HF_OK) {
            err = hf_peer_open_channel(peer, d.now, NULL, &channel);
            if (err == HF_OK)
                err = hf_peer_set_remote_description(peer, d.now, HF_SDP_OFFER, offer);
            if (err == HF_OK)
                err = hf_peer_set_local_description(peer, d.now, HF_SDP_ANSWER, NULL);
        }
        cr_expect(err == HF_OK || err == HF_ENOMEM, "%zu: %s", n, hf_err_name(err));
        hf_peer_free(peer);
        cr_expect_eq(t.blocks, 0, "%zu", n);
    }
    free(offer);
    duo_clear(&d);
}
