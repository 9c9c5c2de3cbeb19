/* recover.c: sessions whose path is lost, for a while or for long: nothing that was accepted is lost or comes twice. */
#include "wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void connect(wire *w, uint64_t seed, const hf_session_config *config)
{
    wire_init_with(w, seed, config);
    w->envelope_delay = HF_MS(30);
    wire_connect(w, 0);
    cr_assert(wire_run(w, HF_SECONDS(10), wire_both_have_five));
    wire_run(w, w->now + HF_SECONDS(2), NULL);
}

/* Both sides send a message each 100 ms, for so long. */
static void talk(wire *w, hf_span span)
{
    for (hf_time end = w->now + span; w->now < end;) {
        for (int i = 0; i < 2; i++) {
            if (!w->side[i].asleep)
                wire_send(w, i);
        }
        wire_run(w, w->now + HF_MS(100), NULL);
    }
}

static bool all_is_there(wire *w)
{
    return w->side[0].next == w->sent[1] && w->side[1].next == w->sent[0];
}

static void expect_nothing_lost(wire *w)
{
    for (int i = 0; i < 2; i++) {
        wire_side *side = &w->side[i];
        cr_expect_eq(side->out_of_order, 0, "side %d: %u", i, side->out_of_order);
        cr_expect_eq(side->next, w->sent[1 - i], "side %d: %llu of %llu", i, (unsigned long long)side->next,
                     (unsigned long long)w->sent[1 - i]);
        cr_expect_eq(side->errors, 0, "side %d", i);
        cr_expect_eq(side->receive_err, HF_OK, "side %d: %s", i, hf_err_name(side->receive_err));
        cr_expect_eq(hf_session_get_state(wire_session(w, i)), HF_SESSION_CONNECTED, "side %d: %s", i, side->states);
        cr_expect_eq(side->connected, side->disconnected + 1, "side %d: each outage is told once", i);
        cr_expect_eq(hf_session_get_path(wire_session(w, i)), HF_PATH_DIRECT);
    }
}

static void clear(wire *w)
{
    wire_clear(w);
    cr_expect_eq(w->env.blocks, 0);
}

/* The path is cut for so long while both talk; `within` it must work again. */
static void outage(uint64_t seed, hf_span cut, unsigned envelope_loss, bool no_trickle, hf_span within, const char *states)
{
    wire w;
    connect(&w, seed, &(hf_session_config){.no_trickle = no_trickle});
    talk(&w, HF_SECONDS(1));
    w.cut = true;
    w.envelope_loss = envelope_loss;
    talk(&w, cut);
    w.cut = false;
    hf_time healed = w.now;
    cr_expect(wire_run(&w, healed + HF_SECONDS(60), all_is_there), "%s; %s", w.side[0].states, w.side[1].states);
    printf("outage of %lld ms, %u of 1000 envelopes lost: data is back after %lld ms; %s; %s\n", (long long)cut / 1000,
           envelope_loss, (long long)(w.now - healed) / 1000, w.side[0].states, w.side[1].states);
    cr_expect_leq(w.now - healed, within, "%lld ms", (long long)(w.now - healed) / 1000);
    talk(&w, HF_SECONDS(30));
    wire_run(&w, w.now + HF_SECONDS(1), NULL);
    expect_nothing_lost(&w);
    for (int i = 0; i < 2 && states; i++)
        cr_expect_str_eq(w.side[i].states, states, "side %d", i);
    clear(&w);
}

Test(manager_recover, from_five_seconds_without_a_path, .timeout = 60)
{
    outage(41, HF_SECONDS(5), 0, false, HF_MS(1200), "connecting connected unstable connected");
}

Test(manager_recover, from_forty_seconds_without_a_path, .timeout = 60)
{
    outage(42, HF_SECONDS(40), 0, false, HF_SECONDS(17), NULL);
}

Test(manager_recover, from_an_hour_without_a_path, .timeout = 120)
{
    outage(43, HF_SECONDS(3600), 0, false, HF_SECONDS(31), NULL);
}
