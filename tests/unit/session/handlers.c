/* handlers.c: handlers come and go, in any handler; and what calls say when they make no sense. */
#include "solo.h"

#include <criterion/criterion.h>
#include <string.h>

static int calls;

static void count(void *context, hf_session *session, const hf_session_event *event)
{
    (void)context, (void)session, (void)event;
    calls++;
}

static void remove_all(void *context, hf_session *session, const hf_session_event *event)
{
    calls++;
    hf_session_off(session, event->type, remove_all, context);
    hf_session_off(session, event->type, count, NULL);
}

static void add_another(void *context, hf_session *session, const hf_session_event *event)
{
    (void)context;
    cr_assert_eq(hf_session_on(session, event->type, count, NULL), HF_OK);
}

static void free_it(void *context, hf_session *session, const hf_session_event *event)
{
    (void)event;
    hf_session **held = context;
    *held = NULL;
    hf_session_free(session);
}

static void disconnect_it(void *context, hf_session *session, const hf_session_event *event)
{
    (void)context, (void)event;
    cr_expect_eq(hf_session_disconnect(session, HF_SECONDS(2)), HF_OK);
}

Test(session_handlers, are_called_in_order_until_they_are_removed)
{
    solo s;
    solo_init(&s, NULL);
    cr_expect_eq(hf_session_on(s.session, HF_SESSION_STATE_CHANGED, remove_all, NULL), HF_OK);
    cr_expect_eq(hf_session_on(s.session, HF_SESSION_STATE_CHANGED, count, NULL), HF_OK);
    cr_assert_eq(hf_session_connect(s.session, s.now), HF_OK);
    hf_session_dispatch(s.session, s.now);
    cr_expect_eq(calls, 1, "the second was removed by the first before its turn");
    cr_assert_eq(hf_session_disconnect(s.session, s.now), HF_OK);
    hf_session_dispatch(s.session, s.now);
    cr_expect_eq(calls, 1);
    solo_clear(&s);
}

Test(session_handlers, that_a_handler_adds_hear_of_the_next_event)
{
    solo s;
    solo_init(&s, NULL);
    cr_expect_eq(hf_session_on(s.session, HF_SESSION_SIGNAL, add_another, NULL), HF_OK);
    cr_assert_eq(hf_session_connect(s.session, s.now), HF_OK);
    hf_session_dispatch(s.session, s.now);
    cr_expect_eq(calls, 0);
    solo_clear(&s);
}

Test(session_handlers, are_limited_and_checked)
{
    solo s;
    solo_init(&s, NULL);
    for (int i = 0; i < HF_SESSION_HANDLERS_MAX; i++)
        cr_assert_eq(hf_session_on(s.session, HF_SESSION_ON_DATA, count, NULL), HF_OK);
    cr_expect_eq(hf_session_on(s.session, HF_SESSION_ON_DATA, count, NULL), HF_ELIMIT);
    cr_expect_eq(hf_session_on(s.session, HF_SESSION_EVENT_COUNT, count, NULL), HF_EINVAL);
    cr_expect_eq(hf_session_on(s.session, HF_SESSION_ON_DATA, NULL, NULL), HF_EINVAL);
    hf_session_off(s.session, HF_SESSION_ON_DATA, count, NULL);
    cr_expect_eq(hf_session_on(s.session, HF_SESSION_ON_DATA, count, NULL), HF_OK);
    solo_clear(&s);
}

Test(session_handlers, may_free_the_session)
{
    solo s;
    solo_init(&s, NULL);
    cr_expect_eq(hf_session_on(s.session, HF_SESSION_STATE_CHANGED, free_it, &s.session), HF_OK);
    cr_expect_eq(hf_session_on(s.session, HF_SESSION_STATE_CHANGED, count, NULL), HF_OK);
    cr_assert_eq(hf_session_connect(s.session, s.now), HF_OK);
    hf_session_dispatch(s.session, s.now);
    cr_expect_eq(calls, 0, "a freed session calls nobody");
    cr_expect_null(s.session);
    solo_clear(&s);
}

Test(session_handlers, may_disconnect_the_session)
{
    heard log;
    solo s;
    solo_init(&s, NULL);
    solo_hear(&s, &log);
    cr_expect_eq(hf_session_on(s.session, HF_SESSION_SIGNAL, disconnect_it, NULL), HF_OK);
    cr_assert_eq(hf_session_connect(s.session, s.now), HF_OK);
    hf_session_dispatch(s.session, s.now);
    cr_expect_eq(hf_session_get_state(s.session), HF_SESSION_CLOSED);
    cr_expect_eq(hf_session_deadline(s.session), HF_NEVER);
    cr_assert_geq(log.len, 3);
    cr_expect_eq(log.types[0], HF_SESSION_STATE_CHANGED);
    cr_expect_eq(log.types[1], HF_SESSION_SIGNAL);
    solo_clear(&s);
}

static void reopen(void *context, hf_session *session, const hf_session_event *event)
{
    hf_channel **fresh = context;
    cr_expect_str_eq(hf_channel_name(event->channel), "chat");
    cr_expect_eq(hf_session_create_channel(session, HF_SECONDS(1), &(hf_channel_config){.name = "chat"}, fresh), HF_OK);
    cr_expect_eq(hf_session_channel(session, "chat"), *fresh);
}

Test(session_channels, have_names_that_are_free_again_when_they_close)
{
    hf_channel *channel, *other, *fresh = NULL;
    solo s;
    solo_init(&s, NULL);
    cr_assert_eq(hf_session_create_channel(s.session, s.now, &(hf_channel_config){.name = "chat"}, &channel), HF_OK);
    cr_expect_eq(hf_session_create_channel(s.session, s.now, &(hf_channel_config){.name = "chat"}, &other), HF_EEXIST);
    cr_expect_eq(hf_session_create_channel(s.session, s.now, &(hf_channel_config){.name = ""}, &other), HF_EINVAL);
    cr_expect_eq(hf_session_create_channel(s.session, s.now, &(hf_channel_config){0}, &other), HF_EINVAL);
    cr_expect_eq(hf_channel_session(channel), s.session);
    hf_channel_set_user(channel, &s);
    cr_expect_eq(hf_channel_user(channel), &s);
    cr_assert_eq(hf_session_on(s.session, HF_SESSION_CHANNEL_CLOSED, reopen, &fresh), HF_OK);
    cr_expect_eq(hf_channel_close(channel, s.now), HF_OK);
    cr_expect_eq(hf_channel_close(channel, s.now), HF_OK, "twice is fine");
    cr_expect_eq(hf_channel_send(channel, s.now, HF_TEXT, "x", 1), HF_ESTATE);
    hf_session_dispatch(s.session, s.now);
    cr_expect_not_null(fresh);
    solo_clear(&s);
}

Test(session, says_why_a_call_makes_no_sense)
{
    const char *sdp;
    solo s;
    solo_init(&s, NULL);
    cr_expect_eq(hf_session_set_remote_description(s.session, s.now, "v=0"), HF_ESTATE);
    cr_expect_neq(hf_session_error_text(s.session)[0], '\0');
    cr_expect_eq(hf_session_withdraw_offer(s.session, s.now), HF_ESTATE);
    cr_expect_eq(hf_session_accept_offer(s.session, s.now, "v=0\r\nfoo", &sdp), HF_ESYNTAX);
    cr_expect_not_null(strstr(hf_session_error_text(s.session), "line 2"), "%s", hf_session_error_text(s.session));
    cr_expect_eq(hf_session_add_ice_candidate(s.session, s.now, "nonsense", NULL, NULL), HF_ESYNTAX);
    cr_expect_neq(hf_session_error_text(s.session)[0], '\0');
    cr_assert_eq(hf_session_create_offer(s.session, s.now, &sdp), HF_OK);
    cr_expect_str_eq(hf_session_error_text(s.session), "");
    cr_expect_eq(hf_session_create_offer(s.session, s.now, &sdp), HF_ESTATE);
    cr_expect_str_eq(hf_session_error_text(s.session), "there is a connection already");
    cr_expect_eq(hf_session_get_state(s.session), HF_SESSION_CONNECTING);
    cr_expect_eq(hf_session_reconnect(s.session, s.now), HF_ENOTSUP);
    cr_expect_eq(hf_session_restart_ice(s.session, s.now), HF_ESTATE);
    cr_expect_str_eq(hf_session_error_text(s.session), "there is no connection to restart");
    cr_expect_eq(hf_session_disconnect(s.session, s.now), HF_OK);
    cr_expect_eq(hf_session_create_offer(s.session, s.now, &sdp), HF_ECLOSED);
    cr_expect_eq(hf_session_get_state(s.session), HF_SESSION_CLOSED);
    solo_clear(&s);
}

static void count_offers(void *context, hf_session *session, const hf_session_event *event)
{
    (void)context, (void)session;
    calls += event->u.signal.type == HF_SIGNAL_OFFER;
}

Test(session, a_withdrawn_offer_is_not_signalled_and_its_channels_stay)
{
    hf_channel *channel;
    hf_datachannel_info info;
    solo s;
    solo_init(&s, NULL);
    cr_assert_eq(hf_session_on(s.session, HF_SESSION_SIGNAL, count_offers, NULL), HF_OK);
    cr_assert_eq(hf_session_create_channel(s.session, s.now, &(hf_channel_config){.name = "chat"}, &channel), HF_OK);
    cr_assert_eq(hf_session_connect(s.session, s.now), HF_OK);
    cr_assert_eq(hf_session_withdraw_offer(s.session, s.now), HF_OK);
    hf_session_dispatch(s.session, s.now);
    cr_expect_eq(calls, 0);
    cr_expect_eq(hf_session_channel(s.session, "chat"), channel);
    cr_expect_eq(hf_channel_info(channel, &info), HF_OK);
    cr_expect_eq(info.state, HF_DATACHANNEL_CONNECTING);
    cr_expect_eq(hf_session_withdraw_offer(s.session, s.now), HF_ESTATE);
    solo_clear(&s);
}
