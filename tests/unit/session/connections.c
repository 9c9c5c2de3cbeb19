/* connections.c: several connections of a session, one after the other and beside each other. */
#include "session_config.h"

#include "pair.h"
#include "solo.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const hf_channel_config chat[] = {{.name = "chat"}};
static const hf_session_config with_chat = {.channels = chat, .channels_len = 1};

static void connect(pair *p)
{
    pair_init(p, 1, &with_chat);
    pair_connect(p);
}

static void expect_talk(pair *p, const char *why)
{
    for (int i = 0; i < 2; i++) {
        p->side[1 - i].heard.texts[0] = '\0';
        pair_say(p, i, "chat", "hello");
        pair_run(p, HF_SECONDS(1), NULL);
        cr_expect_str_eq(p->side[1 - i].heard.texts, "chat:hello ", "%s: from %d", why, i);
    }
}

static void reconnect(pair *p, int side)
{
    hf_err err = hf_session_reconnect(p->side[side].session, p->now);
    cr_assert_eq(err, HF_OK, "%s", hf_err_name(err));
}

/* What a side signals, held back from the other. */
typedef struct caught {
    char *offer, *answer;
    uint32_t generation;
} caught;

static void on_signal(pair_side *side, const hf_session_event *event)
{
    caught *c = side->context;
    if (event->type != HF_SESSION_SIGNAL || !event->u.signal.sdp)
        return;
    char **text = event->u.signal.type == HF_SIGNAL_OFFER ? &c->offer : &c->answer;
    free(*text);
    *text = strdup(event->u.signal.sdp);
    c->generation = event->u.signal.generation;
}

static void catch_offer(pair *p, int side, caught *c)
{
    *c = (caught){0};
    p->side[side].on_event = on_signal;
    p->side[side].context = c;
    p->side[side].silent = true;
    reconnect(p, side);
    pair_run(p, HF_MS(50), NULL);
    p->side[side].on_event = NULL;
    p->side[side].silent = false;
    cr_assert_not_null(c->offer);
}

static void free_caught(caught *c)
{
    free(c->offer);
    free(c->answer);
}

static hf_err offer_to(pair *p, int side, uint32_t generation, const char *sdp)
{
    return hf_session_signal(p->side[side].session, p->now,
                             &(hf_signal){.type = HF_SIGNAL_OFFER, .generation = generation, .sdp = sdp});
}

Test(connections, the_next_takes_over_without_a_gap_and_the_sockets_of_the_one_before_are_given_back)
{
    pair p;
    connect(&p);
    for (uint32_t generation = 2; generation <= 4; generation++) {
        cr_assert(pair_reconnect(&p, generation % 2 == 0 ? 0 : 1));
        for (int i = 0; i < 2; i++) {
            cr_expect_eq(hf_session_generation(p.side[i].session), generation);
            cr_expect_eq(p.side[i].heard.events[HF_SESSION_ON_DISCONNECTED], 0);
            cr_expect_eq(p.side[i].heard.resumed.u.resumed_by.generation, generation);
            cr_expect_eq(p.side[i].heard.resumed.u.resumed_by.outage, 0);
        }
        expect_talk(&p, "after it");
        pair_run(&p, HF_SECONDS(2), NULL);
        cr_expect_eq(p.side[0].groups, 1u << (generation - 1), "only those of the last are open: %x", p.side[0].groups);
        cr_expect_eq(p.side[1].groups, 1u << (generation - 1), "%x", p.side[1].groups);
    }
    pair_clear(&p);
}

Test(connections, an_offer_that_nobody_answers_harms_nothing_and_can_be_taken_back)
{
    pair p;
    connect(&p);
    p.side[0].silent = true;
    reconnect(&p, 0);
    cr_expect_eq(hf_session_generation(p.side[0].session), 2);
    pair_run(&p, HF_SECONDS(20), NULL);
    expect_talk(&p, "while it is open");
    cr_assert_eq(hf_session_withdraw_offer(p.side[0].session, p.now), HF_OK);
    cr_expect_eq(hf_session_generation(p.side[0].session), 1);
    cr_expect_eq(hf_session_withdraw_offer(p.side[0].session, p.now), HF_ESTATE);
    pair_run(&p, HF_SECONDS(2), NULL);
    cr_expect_eq(p.side[0].groups, 1);
    expect_talk(&p, "and after it");
    p.side[0].silent = false;
    cr_expect(pair_reconnect(&p, 0));
    pair_clear(&p);
}

Test(connections, another_attempt_takes_the_place_of_one_that_is_open)
{
    pair p;
    connect(&p);
    p.side[0].silent = true;
    for (int i = 0; i < 10; i++) {
        reconnect(&p, 0);
        pair_run(&p, HF_MS(10), NULL);
    }
    p.side[0].silent = false;
    cr_expect_eq(hf_session_generation(p.side[0].session), 11);
    cr_assert(pair_reconnect(&p, 0));
    cr_expect_eq(hf_session_generation(p.side[1].session), 12);
    expect_talk(&p, "by the last");
    pair_run(&p, HF_SECONDS(2), NULL);
    cr_expect_eq(p.side[0].groups & (p.side[0].groups - 1), 0, "one group is left: %x", p.side[0].groups);
    pair_clear(&p);
}

/* The one that has to give way takes the other's: of equal generations that is the caller's to decide. */
Test(connections, an_offer_of_the_same_generation_takes_ours_back)
{
    pair p;
    caught c;
    connect(&p);
    catch_offer(&p, 1, &c);
    cr_expect_eq(c.generation, 2);
    cr_assert(pair_reconnect(&p, 0));
    cr_expect_eq(hf_session_generation(p.side[0].session), 2);
    cr_expect_eq(hf_session_generation(p.side[1].session), 2);
    expect_talk(&p, "after it");
    free_caught(&c);
    pair_clear(&p);
}

/* A restart of ours is open, and the remote offers the connection that follows: that is the attempt that goes on. */
Test(connections, an_offer_of_the_next_takes_our_restart_of_this_one_back)
{
    pair p;
    connect(&p);
    hf_session *ours = p.side[0].session;
    p.side[0].silent = true;
    cr_assert_eq(hf_session_restart_ice(ours, p.now), HF_OK);
    cr_expect_eq(hf_peer_signaling_state(hf_session_peer(ours)), HF_SIGNALING_HAVE_LOCAL_OFFER);
    reconnect(&p, 1);
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_eq(hf_session_generation(ours), 2, "it is answered, and nobody has heard");
    cr_expect_eq(hf_peer_signaling_state(hf_session_peer(ours)), HF_SIGNALING_STABLE);
    unsigned signals = p.side[0].heard.events[HF_SESSION_SIGNAL];
    cr_assert_eq(hf_session_restart_ice(ours, p.now), HF_OK);
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_gt(p.side[0].heard.events[HF_SESSION_SIGNAL], signals, "a later restart is offered");
    pair_clear(&p);
}

static char *replaced(const char *text, const char *line, char fill)
{
    char *out = strdup(text), *at = strstr(out, line);
    cr_assert_not_null(at);
    for (at += strlen(line); *at != '\r'; at++)
        *at = fill;
    return out;
}

/* Somebody who carries the envelopes, or has overheard some. */
Test(connections, forged_offers_harm_nothing)
{
    pair p;
    caught c;
    connect(&p);
    catch_offer(&p, 0, &c);
    cr_assert_eq(hf_session_withdraw_offer(p.side[0].session, p.now), HF_OK);
    char *nobody = replaced(c.offer, "a=ice-pwd:", 'x'), *other_id = replaced(c.offer, "a=holdfast:1 ", '7');
    const struct {
        const char *why, *sdp;
        uint32_t generation;
        hf_err err;
    } rows[] = {
        {"nobody has its password", nobody, 9, HF_OK},
        {"and its generation is the largest", nobody, UINT32_MAX, HF_OK},
        {"of another session", other_id, 1, HF_OK},
        {"of another session, with a generation of ours", other_id, 2, HF_OK},
        {"repeated, though it was taken back", c.offer, 2, HF_OK},
        {"late", c.offer, 0, HF_OK},
        {"no description", "v=1", 9, HF_ESYNTAX},
        {"none at all", NULL, 9, HF_EINVAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect_eq(offer_to(&p, 1, rows[i].generation, rows[i].sdp), rows[i].err, "%s", rows[i].why);
        pair_run(&p, HF_SECONDS(3), NULL);
        expect_talk(&p, rows[i].why);
        cr_expect_eq(p.side[1].heard.events[HF_SESSION_ON_DISCONNECTED], 0, "%s", rows[i].why);
        cr_expect_eq(p.side[1].heard.events[HF_SESSION_CONTINUITY_LOST], 0, "%s", rows[i].why);
    }
    free(nobody);
    free(other_id);
    free_caught(&c);
    cr_expect(pair_reconnect(&p, 1), "and the true one is taken");
    cr_expect_lt(hf_session_generation(p.side[1].session), 100, "made-up numbers do not count");
    pair_clear(&p);
}

/* Nobody vouches for what stood beside the first offer: before the first handshake others are taken all the same. */
Test(connections, a_first_offer_with_a_forged_generation_bars_no_way)
{
    pair p;
    caught c;
    connect(&p);
    pair_restart(&p, true);
    catch_offer(&p, 0, &c);
    p.side[1].silent = true;
    cr_expect_eq(offer_to(&p, 1, UINT32_MAX, c.offer), HF_OK);
    pair_run(&p, HF_SECONDS(1), NULL);
    p.side[1].silent = false;
    reconnect(&p, 0);
    cr_expect(pair_run(&p, HF_SECONDS(5), pair_is_connected));
    cr_expect_lt(hf_session_generation(p.side[1].session), 10);
    free_caught(&c);
    pair_clear(&p);
}

Test(connections, an_offer_of_a_generation_that_is_over_is_refused)
{
    pair p;
    caught c;
    connect(&p);
    catch_offer(&p, 0, &c);
    cr_assert(pair_reconnect(&p, 0)); /* 3 */
    cr_expect_eq(offer_to(&p, 1, 2, c.offer), HF_ESTATE);
    cr_expect_eq(offer_to(&p, 1, 1, c.offer), HF_ESTATE);
    hf_signal late = {.type = HF_SIGNAL_ANSWER, .generation = 2, .sdp = c.offer};
    cr_expect_eq(hf_session_signal(p.side[1].session, p.now, &late), HF_ESTATE);
    late = (hf_signal){.type = HF_SIGNAL_CANDIDATE,
                       .generation = 2,
                       .candidate = "candidate:1 1 udp 2130706431 192.0.2.9 9 typ host",
                       .ufrag = "gone"};
    cr_expect_eq(hf_session_signal(p.side[1].session, p.now, &late), HF_OK, "late, which is nobody's fault");
    expect_talk(&p, "all the while");
    free_caught(&c);
    pair_clear(&p);
}

/* Each way of envelopes may put them in another order. */
Test(connections, candidates_that_overtake_their_offer_are_kept_for_it)
{
    pair p;
    caught c;
    connect(&p);
    catch_offer(&p, 0, &c); /* no candidate is in it */
    cr_assert_null(strstr(c.offer, "a=candidate:"));
    char *ufrag = strndup(strstr(c.offer, "ice-ufrag:") + 10, strcspn(strstr(c.offer, "ice-ufrag:") + 10, "\r"));
    hf_signal signal = {.type = HF_SIGNAL_CANDIDATE, .generation = 2, .mid = "0", .ufrag = ufrag};
    signal.candidate = "candidate:1 1 udp 2130706431 192.0.2.9 9 typ host";
    size_t before = p.env.blocks;
    for (int i = 0; i < 3 * HF_ICE_REMOTE_CANDIDATES_MAX; i++)
        cr_expect_eq(hf_session_signal(p.side[1].session, p.now, &signal), HF_OK);
    cr_expect_leq(p.env.blocks, before + 1 + 3 * HF_ICE_REMOTE_CANDIDATES_MAX, "they are bounded");
    signal.generation = 7;
    cr_expect_eq(hf_session_signal(p.side[1].session, p.now, &signal), HF_OK, "of another");
    p.side[1].silent = true; /* its own candidates and answer: nothing follows from them */
    cr_assert_eq(offer_to(&p, 1, 2, c.offer), HF_OK);
    pair_run(&p, HF_SECONDS(1), NULL);
    hf_ice_pair_info with;
    cr_expect(hf_peer_get_pair(hf_session_newest_peer(p.side[1].session), 0, &with), "with what came early");
    free(ufrag);
    free_caught(&c);
    pair_clear(&p);
}

/* --- What ends a connection ------------------------------------------------------------------------------------------ */

/* An abort and a close_notify, without BYE: as of a program that crashed with its libraries' exit handlers. */
static void break_off(pair *p, int side)
{
    hf_peer_close(hf_session_peer(p->side[side].session), p->now);
    pair_run(p, HF_MS(100), NULL);
}

Test(connections, a_close_without_bye_is_recovered_from)
{
    pair p;
    connect(&p);
    break_off(&p, 1);
    cr_assert_eq(hf_session_get_state(p.side[0].session), HF_SESSION_RECONNECTING);
    cr_expect_eq(hf_session_connection_state(p.side[0].session), HF_CONNECTION_CLOSED);
    cr_expect_eq(hf_session_get_path(p.side[0].session), HF_PATH_NONE);
    cr_expect_eq(hf_session_restart_ice(p.side[0].session, p.now), HF_ESTATE, "there is nothing to be restarted");
    cr_expect_eq(p.side[0].heard.events[HF_SESSION_ON_DISCONNECTED], 1);
    pair_clear(&p);
}

static void expect_end(hf_session_config config)
{
    pair p;
    config.channels = chat;
    config.channels_len = 1;
    pair_init(&p, 1, &config);
    pair_connect(&p);
    break_off(&p, 1);
    hf_session_state state = hf_session_get_state(p.side[0].session);
    cr_expect(state == HF_SESSION_CLOSED || state == HF_SESSION_FAILED, "%s", hf_session_state_name(state));
    cr_expect_neq(hf_session_reconnect(p.side[0].session, p.now), HF_OK);
    pair_clear(&p);
}

/* A process of its own for each: usrsctp's globals outlive a run. */
#define ENDS(name, ...)                                                                                                     \
    Test(connections, name)                                                                                                 \
    {                                                                                                                       \
        expect_end((hf_session_config){__VA_ARGS__});                                                                       \
    }

ENDS(a_close_is_the_end_where_ice_alone_is_restarted, .recovery = HF_RECOVERY_RESTART)
ENDS(a_close_is_the_end_where_nothing_is_recovered, .recovery = HF_RECOVERY_NONE)
ENDS(a_close_is_the_end_of_a_plain_session, .recovery = HF_RECOVERY_RESUME, .plain = true)

Test(connections, a_lost_path_is_replaced_by_another_connection)
{
    pair p;
    connect(&p);
    pair_lose_path(&p);
    pair_say(&p, 0, "chat", "meanwhile");
    p.cut = false;
    cr_assert(pair_reconnect(&p, 0));
    cr_expect_gt(p.side[0].heard.resumed.u.resumed_by.outage, HF_SECONDS(10));
    pair_run(&p, HF_SECONDS(1), NULL);
    cr_expect_str_eq(p.side[1].heard.texts, "chat:meanwhile ");
    cr_expect_eq(p.side[0].heard.events[HF_SESSION_ON_CONNECTED], 2);
    pair_clear(&p);
}

Test(connections, an_attempt_that_finds_no_path_leaves_the_one_that_serves_alone)
{
    pair p;
    caught c;
    connect(&p);
    catch_offer(&p, 0, &c);
    char *nobody = replaced(c.offer, "a=ice-pwd:", 'x');
    cr_assert_eq(offer_to(&p, 1, 2, nobody), HF_OK);
    pair_run(&p, HF_SECONDS(60), NULL);
    cr_expect_eq(hf_session_get_state(p.side[1].session), HF_SESSION_CONNECTED);
    expect_talk(&p, "after it");
    free(nobody);
    free_caught(&c);
    pair_clear(&p);
}

/* --- Allocations ----------------------------------------------------------------------------------------------------- */

static void agree(solo *s, hf_session *other)
{
    const char *offer, *answer;
    cr_assert_eq(hf_session_create_offer(s->session, s->now, &offer), HF_OK);
    cr_assert_eq(hf_session_accept_offer(other, s->now, offer, &answer), HF_OK);
    cr_assert_eq(hf_session_set_remote_description(s->session, s->now, answer), HF_OK);
}

static void get_offer(void *context, hf_session *session, const hf_session_event *event)
{
    char **out = context;
    (void)session;
    if (event->u.signal.type == HF_SIGNAL_OFFER)
        *out = strdup(event->u.signal.sdp);
}

Test(connections, survive_each_allocation_that_fails)
{
    solo s;
    hf_session *other;
    char *offer = NULL;
    solo_init(&s, NULL);
    hf_session_config config = {.peer = {.engine = s.engine, .certificate = s.certificate}};
    cr_assert_eq(hf_session_new(&other, &config, &s.env.env), HF_OK);
    agree(&s, other);
    hf_err err = HF_ENOMEM;
    for (size_t n = 1; err != HF_OK; n++) {
        size_t before = s.env.blocks;
        s.env.fail_at = s.env.allocations + n;
        err = hf_session_reconnect(s.session, s.now);
        s.env.fail_at = 0;
        cr_assert(err == HF_OK || err == HF_ENOMEM, "%zu: %s", n, hf_err_name(err));
        if (err != HF_OK)
            cr_assert_eq(s.env.blocks, before, "%zu: %zu blocks are left", n, s.env.blocks - before);
        cr_assert_eq(hf_session_generation(s.session), err == HF_OK ? 2 : 1, "%zu", n);
        cr_assert_lt(n, 1000);
    }
    cr_assert_eq(hf_session_on(s.session, HF_SESSION_SIGNAL, get_offer, &offer), HF_OK);
    hf_session_dispatch(s.session, s.now);
    cr_assert_not_null(offer);
    err = HF_ENOMEM;
    for (size_t n = 1; err != HF_OK; n++) {
        size_t before = s.env.blocks;
        hf_signal signal = {.type = HF_SIGNAL_OFFER, .generation = 2, .sdp = offer};
        s.env.fail_at = s.env.allocations + n;
        err = hf_session_signal(other, s.now, &signal);
        s.env.fail_at = 0;
        cr_assert(err == HF_OK || err == HF_ENOMEM, "%zu: %s", n, hf_err_name(err));
        if (err != HF_OK && hf_session_generation(other) == 1)
            cr_assert_eq(s.env.blocks, before, "%zu: %zu blocks are left", n, s.env.blocks - before);
        cr_assert_lt(n, 1000);
    }
    cr_expect_eq(hf_session_generation(other), 2);
    free(offer);
    hf_session_free(other);
    solo_clear(&s);
}
