/* recognition.c: by which lines two sessions know each other, and by which they do not. */
#include "recognition.h"
#include "solo.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define ID "00112233445566778899aabbccddeeff"
#define MEDIA "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"

static const struct {
    const char *why;
    const char *sdp;
    bool known;
} lines[] = {
    {"the line", HEAD "a=holdfast:1 " ID "\r\n" MEDIA, true},
    {"the line, LF alone, at the end", HEAD "a=holdfast:1 " ID "\n", true},
    {"no line end", HEAD "a=holdfast:1 " ID, true},
    {"capitals", HEAD "a=holdfast:1 00112233445566778899AABBCCDDEEFF\r\n", true},
    {"other attributes around it", HEAD "a=group:BUNDLE 0\r\na=holdfast:1 " ID "\r\na=x\r\n", true},
    {"nothing", "", false},
    {"no line", HEAD MEDIA, false},
    {"in a section, which is not the session", HEAD MEDIA "a=holdfast:1 " ID "\r\n", false},
    {"twice", HEAD "a=holdfast:1 " ID "\r\na=holdfast:1 " ID "\r\n", false},
    {"twice, in two versions", HEAD "a=holdfast:1 " ID "\r\na=holdfast:2 " ID "\r\n", false},
    {"another version", HEAD "a=holdfast:2 " ID "\r\n", false},
    {"a version that begins like ours", HEAD "a=holdfast:11 " ID "\r\n", false},
    {"no version", HEAD "a=holdfast:" ID "\r\n", false},
    {"no id", HEAD "a=holdfast:1 \r\n", false},
    {"no value", HEAD "a=holdfast\r\n", false},
    {"a digit less", HEAD "a=holdfast:1 0112233445566778899aabbccddeeff\r\n", false},
    {"a digit more", HEAD "a=holdfast:1 000112233445566778899aabbccddeeff\r\n", false},
    {"not a digit", HEAD "a=holdfast:1 g0112233445566778899aabbccddeeff\r\n", false},
    {"a space behind it", HEAD "a=holdfast:1 " ID " \r\n", false},
    {"two spaces", HEAD "a=holdfast:1  0112233445566778899aabbccddeeff\r\n", false},
    {"zeroes, which mean nobody", HEAD "a=holdfast:1 00000000000000000000000000000000\r\n", false},
    {"another name", HEAD "a=Holdfast:1 " ID "\r\n", false},
};

Test(recognition, takes_one_line_of_our_version_and_nothing_else)
{
    static const uint8_t id[HF_SESSION_ID_BYTES] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                                    0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        uint8_t read[HF_SESSION_ID_BYTES] = {0};
        cr_expect_eq(hf_recognition_read(lines[i].sdp, read), lines[i].known, "%s", lines[i].why);
        if (lines[i].known)
            cr_expect_arr_eq(read, id, sizeof id, "%s", lines[i].why);
    }
    char line[HF_RECOGNITION_SIZE];
    hf_recognition_write(id, line);
    cr_expect_str_eq(line, "holdfast:1 " ID);
}

/* --- What follows from it ------------------------------------------------------------------------------------------- */

typedef struct pair {
    solo s;
    hf_session *other;
} pair;

static void begin(pair *p, bool plain, bool other_plain)
{
    solo_init(&p->s, &(hf_session_config){.plain = plain});
    hf_session_config config = {.plain = other_plain, .peer = {.engine = p->s.engine, .certificate = p->s.certificate}};
    cr_assert_eq(hf_session_new(&p->other, &config, &p->s.env.env), HF_OK);
}

static void end(pair *p)
{
    hf_session_free(p->other);
    solo_clear(&p->s);
}

static void agree(pair *p)
{
    const char *offer, *answer;
    cr_assert_eq(hf_session_create_offer(p->s.session, p->s.now, &offer), HF_OK);
    cr_assert_eq(hf_session_accept_offer(p->other, p->s.now, offer, &answer), HF_OK);
    cr_assert_eq(hf_session_set_remote_description(p->s.session, p->s.now, answer), HF_OK);
}

Test(recognition, two_sessions_know_each_other_by_their_first_descriptions)
{
    pair p;
    begin(&p, false, false);
    cr_expect_eq(strlen(hf_session_id(p.s.session)), 32);
    cr_expect_str_neq(hf_session_id(p.s.session), hf_session_id(p.other));
    cr_expect_str_eq(hf_session_remote_id(p.s.session), "");
    cr_expect_eq(hf_session_get_protocol(p.s.session), HF_PROTOCOL_UNKNOWN);
    cr_expect_eq(hf_session_generation(p.s.session), 0);
    agree(&p);
    cr_expect_str_eq(hf_session_remote_id(p.s.session), hf_session_id(p.other));
    cr_expect_str_eq(hf_session_remote_id(p.other), hf_session_id(p.s.session));
    cr_expect_eq(hf_session_get_protocol(p.s.session), HF_PROTOCOL_HOLDFAST);
    cr_expect_eq(hf_session_get_protocol(p.other), HF_PROTOCOL_HOLDFAST);
    cr_expect_eq(hf_session_generation(p.s.session), 1);
    cr_expect_eq(hf_session_generation(p.other), 1);
    end(&p);
}

Test(recognition, a_plain_session_writes_no_line_and_heeds_none)
{
    for (int which = 0; which < 2; which++) {
        pair p;
        const char *offer;
        begin(&p, which == 0, which == 1);
        agree(&p);
        cr_expect_eq(hf_session_get_protocol(p.s.session), HF_PROTOCOL_PLAIN);
        cr_expect_eq(hf_session_get_protocol(p.other), HF_PROTOCOL_PLAIN);
        cr_expect_str_eq(hf_session_remote_id(p.s.session), "");
        cr_assert_eq(hf_peer_local_description(hf_session_peer(which == 0 ? p.s.session : p.other), NULL, &offer), HF_OK);
        cr_expect_null(strstr(offer, "holdfast"));
        end(&p);
    }
}

/* A signalling way that sends everybody everything. */
Test(recognition, a_line_with_our_own_id_is_an_echo)
{
    pair p;
    const char *offer, *answer;
    begin(&p, false, false);
    cr_assert_eq(hf_session_create_offer(p.s.session, p.s.now, &offer), HF_OK);
    cr_assert_eq(hf_session_accept_offer(p.other, p.s.now, offer, &answer), HF_OK);
    char *echo = strdup(answer), *at = strstr(echo, hf_session_id(p.other));
    cr_assert_not_null(at);
    memcpy(at, hf_session_id(p.s.session), 32);
    cr_assert_eq(hf_session_set_remote_description(p.s.session, p.s.now, echo), HF_OK);
    cr_expect_eq(hf_session_get_protocol(p.s.session), HF_PROTOCOL_PLAIN);
    cr_expect_str_eq(hf_session_remote_id(p.s.session), "");
    free(echo);
    end(&p);
}

Test(recognition, later_descriptions_change_nothing)
{
    pair p;
    const char *offer, *answer;
    begin(&p, false, false);
    agree(&p);
    cr_assert_eq(hf_session_restart_ice(p.s.session, p.s.now), HF_OK);
    cr_assert_eq(hf_peer_local_description(hf_session_peer(p.s.session), NULL, &offer), HF_OK);
    char *without = strdup(offer), *line = strstr(without, "a=holdfast:");
    cr_assert_not_null(line);
    memcpy(line, "a=x-dfast:", strlen("a=x-dfast:"));
    hf_signal signal = {.type = HF_SIGNAL_OFFER, .generation = 1, .sdp = without};
    cr_assert_eq(hf_session_signal(p.other, p.s.now, &signal), HF_OK);
    cr_expect_eq(hf_session_get_protocol(p.other), HF_PROTOCOL_HOLDFAST);
    cr_expect_str_eq(hf_session_remote_id(p.other), hf_session_id(p.s.session));
    cr_assert_eq(hf_peer_local_description(hf_session_peer(p.other), NULL, &answer), HF_OK);
    cr_assert_eq(hf_session_set_remote_description(p.s.session, p.s.now, answer), HF_OK);
    cr_expect_eq(hf_session_get_protocol(p.s.session), HF_PROTOCOL_HOLDFAST);
    free(without);
    end(&p);
}
