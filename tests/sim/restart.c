/* restart.c: ICE restarts of whole peers, from either side and from both at once, while data flows. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const hf_datachannel_config plain = {.label = "chat"};

static char *ufrag_of(sim_side *side)
{
    const char *sdp;
    cr_assert_eq(hf_peer_get_description(side->peer, HF_CURRENT_LOCAL_DESCRIPTION, NULL, &sdp), HF_OK);
    const char *at = strstr(sdp, "a=ice-ufrag:");
    cr_assert_not_null(at);
    return strndup(at + 12, strcspn(at + 12, "\r\n"));
}

typedef struct credentials {
    char *ufrag[2];
} credentials;

static credentials note(sim *s)
{
    return (credentials){{ufrag_of(&s->side[0]), ufrag_of(&s->side[1])}};
}

/* Both sides have other credentials than these; frees them. */
static void expect_new(sim *s, credentials old)
{
    for (int i = 0; i < 2; i++) {
        char *now = ufrag_of(&s->side[i]);
        cr_expect_str_neq(now, old.ufrag[i], "side %d", i);
        free(now);
        free(old.ufrag[i]);
    }
}

static void expect_steady(sim *s)
{
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(hf_peer_signaling_state(s->side[i].peer), HF_SIGNALING_STABLE, "side %d", i);
        cr_expect_eq(hf_peer_connection_state(s->side[i].peer), HF_CONNECTION_CONNECTED, "side %d", i);
        cr_expect_not(s->side[i].unsteady, "side %d was connected all the time", i);
    }
}

/* Two sides that are connected and send a message each 10 ms. */
typedef struct talk {
    sim s;
    uint64_t sent;
} talk;

static void begin(talk *t, uint64_t seed, sim_link link, hf_span signalling)
{
    *t = (talk){0};
    sim_init(&t->s, &(sim_config){.seed = seed, .link = link, .signalling = signalling, .negotiate = true});
    sim_open(&t->s.side[0], &plain);
    cr_assert(sim_run(&t->s, HF_SECONDS(20), sim_both_open));
}

static void talk_for(talk *t, hf_span span)
{
    for (hf_time end = t->s.now + span; t->s.now < end;) {
        for (int i = 0; i < 2; i++)
            cr_assert_eq(sim_send_numbered(&t->s.side[i], sim_find(&t->s.side[i], "chat"), t->sent, 400), HF_OK);
        t->sent++;
        sim_run(&t->s, t->s.now + HF_MS(10), NULL);
    }
}

static uint64_t received(talk *t, int side)
{
    return sim_find(&t->s.side[side], "chat")->messages;
}

static void expect_all(talk *t)
{
    sim_run(&t->s, t->s.now + HF_SECONDS(5), NULL);
    for (int i = 0; i < 2; i++) {
        const sim_channel *channel = sim_find(&t->s.side[i], "chat");
        cr_expect_eq(channel->messages, t->sent, "side %d: %d of %d", i, (int)channel->messages, (int)t->sent);
        cr_expect_eq(channel->out_of_order, 0, "side %d", i);
    }
}

static void restart_from(int who, sim_link link)
{
    talk t;
    begin(&t, 40 + (uint64_t)who, link, HF_MS(400));
    talk_for(&t, HF_SECONDS(1));
    credentials old = note(&t.s);
    unsigned offers = t.s.side[who].offers;
    cr_assert_eq(hf_peer_restart_ice(t.s.side[who].peer, t.s.now), HF_OK);
    uint64_t before = received(&t, !who);
    talk_for(&t, HF_MS(700));
    cr_expect_eq(hf_peer_signaling_state(t.s.side[who].peer), HF_SIGNALING_HAVE_LOCAL_OFFER, "no answer yet");
    cr_expect_geq(received(&t, !who), before + 60, "the old path carries data meanwhile");
    talk_for(&t, HF_SECONDS(3));
    cr_expect_eq(t.s.side[who].offers, offers + 1);
    cr_expect_eq(t.s.side[!who].offers, who == 0 ? 0 : 1);
    expect_new(&t.s, old);
    expect_all(&t);
    sim_run(&t.s, t.s.now + HF_SECONDS(60), NULL); /* far behind the end of the old credentials and their consent */
    talk_for(&t, HF_SECONDS(1));
    expect_all(&t);
    expect_steady(&t.s);
    sim_clear(&t.s);
}

Test(sim_restart, of_the_offerer_loses_nothing)
{
    restart_from(0, (sim_link){.delay = HF_MS(20)});
}

Test(sim_restart, of_the_answerer_loses_nothing)
{
    restart_from(1, (sim_link){.delay = HF_MS(20)});
}

Test(sim_restart, again_and_again_from_either_side)
{
    talk t;
    begin(&t, 45, (sim_link){.delay = HF_MS(10), .jitter = HF_MS(5), .loss = 30}, HF_MS(30));
    for (int i = 0; i < 8; i++) {
        credentials old = note(&t.s);
        cr_assert_eq(hf_peer_restart_ice(t.s.side[i % 2].peer, t.s.now), HF_OK);
        talk_for(&t, i % 3 == 0 ? HF_MS(150) : HF_SECONDS(2)); /* some while the one before is hardly over */
        expect_new(&t.s, old);
    }
    expect_all(&t);
    expect_steady(&t.s);
    sim_clear(&t.s);
}

/* The W3C's perfect negotiation (WebRTC 1.0 §10.7). */
Test(sim_restart, at_once_from_both_sides_settles)
{
    talk t;
    begin(&t, 42, (sim_link){.delay = HF_MS(20)}, HF_MS(100));
    talk_for(&t, HF_MS(500));
    for (int round = 0; round < 3; round++) {
        credentials old = note(&t.s);
        unsigned offers[] = {t.s.side[0].offers, t.s.side[1].offers};
        for (int i = 0; i < 2; i++)
            cr_assert_eq(hf_peer_restart_ice(t.s.side[i].peer, t.s.now), HF_OK);
        talk_for(&t, HF_SECONDS(2));
        expect_new(&t.s, old);
        for (int i = 0; i < 2; i++)
            cr_expect_eq(t.s.side[i].offers, offers[i] + 1, "side %d: the answer had new credentials, too", i);
    }
    expect_all(&t);
    expect_steady(&t.s);
    sim_clear(&t.s);
}

static bool both_failed(sim *s)
{
    return hf_peer_connection_state(s->side[0].peer) == HF_CONNECTION_FAILED &&
           hf_peer_connection_state(s->side[1].peer) == HF_CONNECTION_FAILED;
}

static bool both_connected(sim *s)
{
    return hf_peer_connection_state(s->side[0].peer) == HF_CONNECTION_CONNECTED &&
           hf_peer_connection_state(s->side[1].peer) == HF_CONNECTION_CONNECTED;
}

Test(sim_restart, brings_a_failed_connection_back)
{
    talk t;
    begin(&t, 43, (sim_link){.delay = HF_MS(20)}, HF_MS(50));
    talk_for(&t, HF_MS(500));
    t.s.link.cut = true;
    talk_for(&t, HF_MS(500));
    cr_assert(sim_run(&t.s, t.s.now + HF_SECONDS(60), both_failed));
    t.s.link.cut = false;
    cr_expect_not(sim_run(&t.s, t.s.now + HF_SECONDS(10), both_connected), "not by itself");
    cr_assert_eq(hf_peer_restart_ice(t.s.side[1].peer, t.s.now), HF_OK);
    cr_assert(sim_run(&t.s, t.s.now + HF_SECONDS(5), both_connected));
    talk_for(&t, HF_MS(500));
    sim_run(&t.s, t.s.now + HF_SECONDS(70), NULL); /* SCTP's timer had backed off */
    expect_all(&t);
    hf_peer_close(t.s.side[0].peer, t.s.now);
    sim_run(&t.s, t.s.now + HF_SECONDS(1), NULL);
    cr_expect_str_eq(t.s.side[0].connections, /* W3C WebRTC 1.0 §4.3.3, through all of its states */
                     "connecting connected disconnected failed connecting connected closed ");
    sim_clear(&t.s);
}

Test(sim_restart, taken_back_leaves_the_connection_as_it_was)
{
    talk t;
    begin(&t, 44, (sim_link){.delay = HF_MS(20)}, HF_MS(50));
    talk_for(&t, HF_MS(500));
    hf_peer *peer = t.s.side[0].peer;
    char *before = ufrag_of(&t.s.side[0]);
    t.s.config.negotiate = false;
    cr_assert_eq(hf_peer_restart_ice(peer, t.s.now), HF_OK);
    cr_assert_eq(hf_peer_set_local_description(peer, t.s.now, HF_SDP_OFFER, NULL), HF_OK);
    talk_for(&t, HF_MS(200));
    char *meanwhile = ufrag_of(&t.s.side[0]);
    cr_expect_str_eq(meanwhile, before, "the current description shows the credentials that hold");
    cr_assert_eq(hf_peer_set_local_description(peer, t.s.now, HF_SDP_ROLLBACK, NULL), HF_OK);
    talk_for(&t, HF_SECONDS(1));
    sim_run(&t.s, t.s.now + HF_SECONDS(40), NULL); /* consent goes on by the old credentials */
    char *after = ufrag_of(&t.s.side[0]);
    cr_expect_str_eq(after, before);
    expect_steady(&t.s);

    t.s.config.negotiate = true;
    credentials old = note(&t.s);
    sim_offer(&t.s.side[0]); /* the wish is still there */
    talk_for(&t, HF_SECONDS(1));
    expect_new(&t.s, old);
    expect_all(&t);
    expect_steady(&t.s);
    free(before);
    free(meanwhile);
    free(after);
    sim_clear(&t.s);
}

/* The offer of a restart crosses an offer that asks for nothing new: the restart comes after it. */
Test(sim_restart, that_gives_way_to_another_offer_comes_after_it)
{
    talk t;
    begin(&t, 46, (sim_link){.delay = HF_MS(20)}, HF_MS(100));
    talk_for(&t, HF_MS(500));
    credentials old = note(&t.s);
    cr_assert_eq(hf_peer_restart_ice(t.s.side[0].peer, t.s.now), HF_OK);
    sim_offer(&t.s.side[1]);
    talk_for(&t, HF_SECONDS(2));
    cr_expect_eq(t.s.side[0].offers, 1 + 2, "the polite side offered its restart twice");
    expect_new(&t.s, old);
    expect_all(&t);
    expect_steady(&t.s);
    sim_clear(&t.s);
}

Test(sim_restart, works_without_trickling)
{
    sim s;
    sim_init(&s, &(sim_config){.seed = 47, .link.delay = HF_MS(10), .no_trickle = true, .ipv6 = true, .negotiate = true});
    sim_open(&s.side[0], &plain);
    cr_assert(sim_run(&s, HF_SECONDS(10), sim_both_open));
    for (int i = 0; i < 4; i++) {
        credentials old = note(&s);
        cr_assert_eq(hf_peer_restart_ice(s.side[i % 2].peer, s.now), HF_OK);
        sim_run(&s, s.now + HF_SECONDS(2), NULL);
        expect_new(&s, old);
    }
    expect_steady(&s);
    sim_clear(&s);
}
