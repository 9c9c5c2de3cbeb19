/* solo.c: one session without a remote. */
#include "solo.h"

#include "clock.h"

#include <criterion/criterion.h>

void solo_init(solo *s, const hf_session_config *config)
{
    hf_session_config mine = config ? *config : (hf_session_config){0};
    *s = (solo){.now = HF_SECONDS(1)};
    clock_set(s->now);
    clock_seed(1);
    cr_assert_eq(hf_engine_new(&s->engine, test_env_init(&s->env, 1)), HF_OK);
    cr_assert_eq(hf_certificate_new(&s->certificate, &s->env.env), HF_OK);
    mine.peer.engine = s->engine;
    mine.peer.certificate = s->certificate;
    cr_assert_eq(hf_session_new(&s->session, &mine, &s->env.env), HF_OK);
}

void solo_clear(solo *s)
{
    hf_session_free(s->session);
    hf_certificate_free(s->certificate);
    hf_engine_free(s->engine);
    cr_expect_eq(s->env.blocks, 0);
}

static void note(void *context, hf_session *session, const hf_session_event *event)
{
    heard *log = context;
    (void)session;
    if (log->len < sizeof log->types / sizeof log->types[0])
        log->types[log->len++] = event->type;
}

void solo_hear(solo *s, heard *log)
{
    *log = (heard){0};
    for (int type = 0; type < HF_SESSION_EVENT_COUNT; type++)
        cr_assert_eq(hf_session_on(s->session, (hf_session_event_type)type, note, log), HF_OK);
}
