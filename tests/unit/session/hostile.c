/* hostile.c: a remote that speaks the protocol, and breaks it: each breach is named, ends that connection and no more, and
 * what is merely odd is counted. */
#include "pair.h"

#include "control.h"
#include "frame.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#define THEIR_LINE "holdfast:1 00112233445566778899aabbccddeeff"

static const uint8_t their_id[HF_SESSION_ID_BYTES] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                                      0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

/* The remote: a bare peer, with the control channel and one of its own. */
typedef struct crook {
    pair p;
    hf_datachannel control, ours, theirs; /* ours: the session's channel "ours" */
    unsigned pongs, control_messages;
    hf_control_type last;
} crook;

static hf_peer *peer_of(crook *c)
{
    return c->p.side[1].peer;
}

static void id_of_session(const crook *c, uint8_t out[HF_SESSION_ID_BYTES])
{
    const char *text = hf_session_id(c->p.side[0].session);
    for (size_t i = 0; i < HF_SESSION_ID_BYTES; i++) {
        unsigned byte;
        cr_assert_eq(sscanf(text + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
}

static void hear(pair_side *side, const hf_peer_event *event)
{
    crook *c = side->context;
    hf_datachannel_info info;
    hf_control control;
    if (event->type == HF_PEER_CHANNEL_OPEN && hf_peer_channel_info(side->peer, event->channel, &info) == HF_OK &&
        strcmp(info.label, "ours") == 0)
        c->ours = event->channel;
    if (event->type != HF_PEER_CHANNEL_MESSAGE || event->channel != c->control)
        return;
    cr_assert_eq(hf_control_read((hf_bytes){event->u.message.data, event->u.message.len}, &control), HF_OK);
    c->control_messages++;
    c->pongs += control.type == HF_CONTROL_PONG;
    c->last = control.type;
}

static void say(crook *c, hf_datachannel channel, const void *data, size_t len)
{
    hf_err err = hf_peer_send(peer_of(c), c->p.now, channel, HF_BINARY, data, len);
    cr_assert_eq(err, HF_OK, "%s", hf_err_name(err));
}

static void say_written(crook *c, const hf_writer *w)
{
    cr_assert(w->ok);
    say(c, c->control, w->data, w->len);
}

static void say_hello(crook *c)
{
    uint8_t buffer[128], id[HF_SESSION_ID_BYTES];
    hf_writer w = hf_writer_of(buffer, sizeof buffer);
    id_of_session(c, id);
    hf_control_write_hello(&w, their_id, id, 1);
    say_written(c, &w);
}

static hf_datachannel open(crook *c, const char *label, const char *protocol, bool unordered)
{
    hf_datachannel out;
    hf_datachannel_config config = {.label = label, .protocol = protocol, .unordered = unordered};
    cr_assert_eq(hf_peer_open_channel(peer_of(c), c->p.now, &config, &out), HF_OK);
    return out;
}

static void connect_with(crook *c, hf_recovery recovery)
{
    pair_init_peer(&c->p, 1, &(hf_session_config){.recovery = recovery}, THEIR_LINE);
    c->p.side[1].context = c;
    c->p.side[1].on_peer_event = hear;
    hf_datachannel_config control = {.label = HF_CONTROL_LABEL, .negotiated = true, .id = HF_CONTROL_STREAM};
    cr_assert_eq(hf_peer_open_channel(peer_of(c), c->p.now, &control, &c->control), HF_OK);
    pair_open(&c->p, 0, &(hf_channel_config){.name = "ours"});
    pair_connect(&c->p);
    cr_assert_eq(hf_session_get_protocol(c->p.side[0].session), HF_PROTOCOL_HOLDFAST);
    cr_assert_eq(c->last, HF_CONTROL_HELLO);
    cr_assert_neq(c->ours, 0);
}

static void frame(crook *c, hf_datachannel channel, hf_delivery delivery, const hf_frame *head, const char *payload)
{
    uint8_t bytes[128];
    size_t len = hf_frame_write_header(bytes, delivery, head);
    memcpy(bytes + len, payload, strlen(payload));
    say(c, channel, bytes, len + strlen(payload));
}

/* --- Breaches ------------------------------------------------------------------------------------------------------- */

static void a_hello_of_nobody(crook *c)
{
    uint8_t buffer[128], id[HF_SESSION_ID_BYTES], nobody[HF_SESSION_ID_BYTES] = {0};
    hf_writer w = hf_writer_of(buffer, sizeof buffer);
    id_of_session(c, id);
    hf_control_write_hello(&w, nobody, id, 1);
    say_written(c, &w);
}

static void a_hello_of_ourselves(crook *c)
{
    uint8_t buffer[128], id[HF_SESSION_ID_BYTES];
    hf_writer w = hf_writer_of(buffer, sizeof buffer);
    id_of_session(c, id);
    hf_control_write_hello(&w, id, id, 1);
    say_written(c, &w);
}

static void a_second_hello(crook *c)
{
    say_hello(c);
    say_hello(c);
}

static void no_hello(crook *c)
{
    uint8_t buffer[16];
    hf_writer w = hf_writer_of(buffer, sizeof buffer);
    hf_control_write_ping(&w, HF_CONTROL_PING, 1);
    say_written(c, &w);
}

static void acknowledge(crook *c, hf_control_received item)
{
    uint8_t buffer[128];
    hf_writer w = hf_writer_of(buffer, sizeof buffer);
    say_hello(c);
    hf_control_write_ack(&w);
    cr_assert(hf_control_write_received(&w, &item, &(hf_ranges){0}));
    say_written(c, &w);
}

static void an_acknowledgement_of_what_was_not_sent(crook *c)
{
    acknowledge(c, (hf_control_received){.channel = {.incarnation = 1}, .received = 1, .window = 1, .message_max = 1});
}

static void an_acknowledgement_of_a_channel_that_never_was(crook *c)
{
    acknowledge(c, (hf_control_received){.channel = {.incarnation = 2}, .window = 1, .message_max = 1});
}

static void say_of_channel(crook *c, hf_control_type type, hf_channel_ref ref, uint64_t last)
{
    uint8_t buffer[64];
    hf_writer w = hf_writer_of(buffer, sizeof buffer);
    say_hello(c);
    hf_control_write_close(&w, type, &(hf_control_last){.channel = ref, .last = last});
    say_written(c, &w);
}

static void a_close_of_a_channel_that_never_was(crook *c)
{
    say_of_channel(c, HF_CONTROL_CLOSE, (hf_channel_ref){.incarnation = 7}, 0);
}

static void a_confirmation_of_no_close(crook *c)
{
    say_of_channel(c, HF_CONTROL_CLOSED, (hf_channel_ref){.incarnation = 1}, 0);
}

static void a_confirmation_of_no_bye(crook *c)
{
    uint8_t buffer[16];
    hf_writer w = hf_writer_of(buffer, sizeof buffer);
    say_hello(c);
    hf_control_write_bye(&w, HF_CONTROL_BYE_DONE);
    say_written(c, &w);
}

static void a_malformed_message(crook *c)
{
    say_hello(c);
    say(c, c->control, "\x02\xff\xff", 3);
}

static void text_for_control(crook *c)
{
    cr_assert_eq(hf_peer_send(peer_of(c), c->p.now, c->control, HF_TEXT, "hello", 5), HF_OK);
}

static void a_control_channel_that_is_closed(crook *c)
{
    say_hello(c);
    cr_assert_eq(hf_peer_close_channel(peer_of(c), c->p.now, c->control), HF_OK);
}

static void a_number_out_of_order(crook *c)
{
    frame(c, c->ours, HF_DELIVERY_ORDERED, &(hf_frame){.part = HF_PART_WHOLE, .number = 2}, "x");
}

static void a_part_without_its_first(crook *c)
{
    frame(c, c->ours, HF_DELIVERY_ORDERED, &(hf_frame){.part = HF_PART_MIDDLE}, "x");
}

static void a_message_that_is_too_long(crook *c)
{
    frame(c, c->ours, HF_DELIVERY_ORDERED,
          &(hf_frame){.part = HF_PART_FIRST, .number = 1, .length = HF_MESSAGE_MAX_DEFAULT + 1}, "x");
}

static void no_frame(crook *c)
{
    say(c, c->ours, "\xff\xff\xff", 3);
}

static void text_for_a_frame(crook *c)
{
    cr_assert_eq(hf_peer_send(peer_of(c), c->p.now, c->ours, HF_TEXT, "hello", 5), HF_OK);
}

static void a_malformed_field(crook *c)
{
    open(c, "bad", "holdfast/1;x", false);
}

static void two_channels_of_one_name(crook *c)
{
    open(c, "x", "holdfast/1;1", false);
    open(c, "x", "holdfast/1;2", false);
}

static void one_channel_twice(crook *c)
{
    open(c, "x", "holdfast/1;1", false);
    open(c, "x", "holdfast/1;1", false);
}

static void another_version(crook *c)
{
    say(c, c->control, "\x01\x02", 2);
}

typedef struct breach {
    const char *why;
    void (*commit)(crook *c);
    hf_err cause;
} breach;

#define BREACH(f, cause)                                                                                                    \
    {                                                                                                                       \
#f, f, cause                                                                                                        \
    }
static const breach breaches[] = {
    BREACH(a_hello_of_nobody, HF_ESYNTAX),
    BREACH(a_hello_of_ourselves, HF_EPROTO),
    BREACH(a_second_hello, HF_EPROTO),
    BREACH(no_hello, HF_EPROTO),
    BREACH(another_version, HF_ENOTSUP),
    BREACH(an_acknowledgement_of_what_was_not_sent, HF_EPROTO),
    BREACH(an_acknowledgement_of_a_channel_that_never_was, HF_EPROTO),
    BREACH(a_close_of_a_channel_that_never_was, HF_EPROTO),
    BREACH(a_confirmation_of_no_close, HF_EPROTO),
    BREACH(a_confirmation_of_no_bye, HF_EPROTO),
    BREACH(a_malformed_message, HF_ESYNTAX),
    BREACH(text_for_control, HF_EPROTO),
    BREACH(a_control_channel_that_is_closed, HF_EPROTO),
    BREACH(a_number_out_of_order, HF_EPROTO),
    BREACH(a_part_without_its_first, HF_EPROTO),
    BREACH(a_message_that_is_too_long, HF_EMSGSIZE),
    BREACH(no_frame, HF_ESYNTAX),
    BREACH(text_for_a_frame, HF_ESYNTAX),
    BREACH(a_malformed_field, HF_ESYNTAX),
    BREACH(two_channels_of_one_name, HF_EPROTO),
    BREACH(one_channel_twice, HF_EPROTO),
};

#define BREACHES (sizeof breaches / sizeof breaches[0])

/* One process for each: usrsctp's globals outlive a run. */
ParameterizedTestParameters(session_hostile, is_named_and_ends_the_connection)
{
    static size_t numbers[BREACHES];
    for (size_t i = 0; i < BREACHES; i++)
        numbers[i] = i;
    return cr_make_param_array(size_t, numbers, BREACHES);
}

ParameterizedTest(const size_t *number, session_hostile, is_named_and_ends_the_connection)
{
    const breach *b = &breaches[*number];
    crook c = {0};
    connect_with(&c, HF_RECOVERY_NONE);
    b->commit(&c);
    pair_run(&c.p, HF_SECONDS(2), NULL);
    hf_err cause = c.p.side[0].heard.error.cause;
    cr_expect_eq(hf_session_get_state(c.p.side[0].session), HF_SESSION_FAILED, "%s", b->why);
    cr_expect_eq(cause, b->cause, "%s: %s", b->why, hf_err_name(cause));
    cr_expect_eq(c.p.side[0].heard.events[HF_SESSION_ON_DATA], 0, "%s", b->why);
    pair_clear(&c.p);
}

/* --- What is odd, and does no harm ---------------------------------------------------------------------------------- */

Test(session_hostile, a_breach_is_recovered_from_where_sessions_resume)
{
    crook c = {0};
    connect_with(&c, HF_RECOVERY_RESUME);
    a_second_hello(&c);
    pair_run(&c.p, HF_SECONDS(2), NULL);
    cr_expect_eq(hf_session_get_state(c.p.side[0].session), HF_SESSION_RECONNECTING);
    cr_expect_eq(hf_session_connection_state(c.p.side[0].session), HF_CONNECTION_CLOSED);
    pair_clear(&c.p);
}

Test(session_hostile, what_is_said_twice_is_dropped)
{
    crook c = {0};
    hf_channel_stats stats;
    connect_with(&c, HF_RECOVERY_NONE);
    say_hello(&c);
    for (int i = 0; i < 3; i++)
        frame(&c, c.ours, HF_DELIVERY_ORDERED, &(hf_frame){.part = HF_PART_WHOLE, .kind = HF_TEXT, .number = 1}, "once");
    pair_run(&c.p, HF_SECONDS(1), NULL);
    cr_expect_str_eq(c.p.side[0].heard.texts, "ours:once ");
    cr_assert_eq(hf_channel_get_stats(pair_channel(&c.p, 0, "ours"), &stats), HF_OK);
    cr_expect_eq(stats.duplicates, 2);
    pair_clear(&c.p);
}

Test(session_hostile, a_flood_of_pings_is_answered_now_and_then)
{
    crook c = {0};
    uint8_t buffer[16];
    connect_with(&c, HF_RECOVERY_NONE);
    say_hello(&c);
    for (unsigned i = 0; i < 1000; i++) {
        hf_writer w = hf_writer_of(buffer, sizeof buffer);
        hf_control_write_ping(&w, HF_CONTROL_PING, i);
        say_written(&c, &w);
    }
    pair_run(&c.p, HF_SECONDS(5), NULL);
    cr_expect_gt(c.pongs, 0);
    cr_expect_lt(c.pongs, 300, "%u", c.pongs);
    cr_expect_eq(hf_session_get_state(c.p.side[0].session), HF_SESSION_CONNECTED);
    pair_clear(&c.p);
}

Test(session_hostile, a_remote_that_never_acknowledges_is_left)
{
    crook c = {0};
    connect_with(&c, HF_RECOVERY_NONE);
    say_hello(&c);
    pair_say(&c.p, 0, "ours", "hello?");
    pair_run(&c.p, HF_SECONDS(120), NULL);
    cr_expect_eq(hf_session_get_state(c.p.side[0].session), HF_SESSION_FAILED);
    cr_expect_eq(c.p.side[0].heard.error.cause, HF_ETIMEDOUT);
    cr_expect_str_eq(c.p.side[0].heard.returned, "ours:hello?? ");
    pair_clear(&c.p);
}

Test(session_hostile, a_plain_channel_of_a_holdfast_remote_stays_plain)
{
    crook c = {0};
    connect_with(&c, HF_RECOVERY_NONE);
    say_hello(&c);
    hf_datachannel plain = open(&c, "plain", "chat/2", false);
    cr_assert_eq(hf_peer_send(peer_of(&c), c.p.now, plain, HF_TEXT, "as it is", 8), HF_OK);
    pair_run(&c.p, HF_SECONDS(1), NULL);
    cr_expect_str_eq(c.p.side[0].heard.texts, "plain:as it is ");
    hf_datachannel_info info;
    cr_assert_eq(hf_channel_info(pair_channel(&c.p, 0, "plain"), &info), HF_OK);
    cr_expect_str_eq(info.protocol, "chat/2");
    cr_expect_eq(hf_channel_pause(pair_channel(&c.p, 0, "plain"), c.p.now, true), HF_ENOTSUP);
    cr_assert_eq(hf_peer_close_channel(peer_of(&c), c.p.now, plain), HF_OK);
    pair_run(&c.p, HF_SECONDS(1), NULL);
    cr_expect_str_eq(c.p.side[0].heard.story, "ours:open plain:open plain:closed ");
    pair_clear(&c.p);
}
