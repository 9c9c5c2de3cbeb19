/* roam_seeds.c: a roaming world made from a number: the networks of two hosts, their links, the post, and what happens to
 * all of them while two sessions talk.
 *
 *     roam_seeds FIRST COUNT [log]
 *
 * runs that many worlds, and prints their event logs (docs/event-log.md) if told so. What must hold: both sides connect; on
 * reliable channels everything arrives once, in order where ordered, whatever happens; when all is well again, so are they;
 * a session never fails, and takes no step that it may not; nothing is called unstable where at most a fifth is lost; memory
 * stays bounded, the relay's too. A failing seed prints the line that runs it again. */
#include "roamers.h"
#include "runner.h"

#include "chance.h"

#include <stdio.h>
#include <string.h>

#define CONNECT_PATIENCE HF_SECONDS(30)
#define HEAL_PATIENCE HF_SECONDS(90) /* above the longest wait of architecture.md, promise 3 */
#define SAY_EVERY HF_MS(250)
#define TALK_MAX HF_SECONDS(10)
#define RELAY_BLOCKS_MAX 400 /* of the relay: an allocation of a side that was forgotten without a word lives for minutes */
#define BLOCKS_MAX 400       /* live allocations of a side in the end, beyond those that it had when it was connected */

typedef struct story {
    roam r;
    uint64_t chance;
    bool is_calm; /* nothing happens but loss */
    size_t blocks[2];
    char told[2048]; /* what has happened */
    size_t told_len;
} story;

static story t; /* too large for the stack */

static uint32_t draw(uint32_t below)
{
    return chance_below(&t.chance, below);
}

static hf_span draw_ms(uint32_t least, uint32_t most)
{
    return HF_MS(least + draw(most - least + 1));
}

static bool wrong(const char *what)
{
    printf("%s\n", what);
    return false;
}

/* --- What can happen --------------------------------------------------------------------------------------------- */

static sim_link draw_link(void)
{
    sim_link link = {.delay = draw_ms(1, 60)};
    if (draw(2) == 0)
        link.loss = draw(100); /* on each of two links */
    if (draw(3) == 0)
        link.jitter = draw_ms(1, 30);
    if (draw(4) == 0)
        link.duplicate = draw(50);
    return link;
}

static void tell(const char *what, int side, hf_span span)
{
    size_t room = sizeof t.told - t.told_len;
    int len = snprintf(t.told + t.told_len, room, "  %9.3f s: side %d %s%s", (double)t.r.s.now / 1e6, side, what,
                       span > 0 ? "" : "\n");
    t.told_len += len > 0 && (size_t)len < room ? (size_t)len : 0;
    if (span > 0) {
        room = sizeof t.told - t.told_len;
        len = snprintf(t.told + t.told_len, room, " for %.3f s\n", (double)span / 1e6);
        t.told_len += len > 0 && (size_t)len < room ? (size_t)len : 0;
    }
}

/* In a long time they grow silent. */
static void talk(hf_span span)
{
    hf_time end = t.r.s.now + span;
    roam_talk(&t.r, span < TALK_MAX ? span : TALK_MAX);
    sim_run(&t.r.s, end, NULL);
}

static void rebind(int side)
{
    tell("is rebound", side, 0);
    sim_place_rebind(&t.r.place[side][draw(ROAM_PLACES)]);
}

static void move(int side)
{
    tell("gets a new address outside", side, 0);
    sim_place_move(&t.r.place[side][0]);
}

static void renumber(int side)
{
    if (!t.r.uplink[side][0]->realm)
        return;
    tell("gets a new address", side, 0);
    sim_place_renumber(&t.r.place[side][0], t.r.uplink[side][0]);
}

static void cut(int side)
{
    hf_span span = draw_ms(100, draw(4) == 0 ? 45000 : 8000);
    sim_link *link = &t.r.uplink[side][0]->link;
    tell("is cut", side, span);
    link->cut = true;
    talk(span);
    link->cut = false;
}

static void unplug(int side)
{
    hf_span span = draw_ms(10, 10000);
    sim_interface *uplink = t.r.uplink[side][0];
    tell("has no first uplink", side, span);
    sim_host_unplug(uplink);
    talk(span);
    sim_host_replug(uplink, t.r.place[side][0].realm);
}

/* The second uplink comes, or goes, or comes back. */
static void change_second_uplink(int side)
{
    sim_interface *second = t.r.uplink[side][1];
    tell(second && second->realm ? "loses its second uplink" : "gets a second uplink", side, 0);
    if (!second)
        roam_add_uplink(&t.r, side, (sim_kind)draw(SIM_KIND_COUNT), draw_link(), (uint16_t)draw(3));
    else if (second->realm)
        sim_host_unplug(second);
    else
        sim_host_replug(second, t.r.place[side][1].realm);
}

static void restart_relay(int side)
{
    hf_span span = draw_ms(0, 5000);
    tell("has no relay", side, span);
    sim_relay_kill(&t.r.relay);
    talk(span);
    sim_relay_restart(&t.r.relay);
}

static void sleep_side(int side)
{
    hf_span span = draw_ms(100, draw(4) == 0 ? 3600000 : 20000);
    tell("sleeps", side, span);
    t.r.s.side[side].host.asleep = true;
    talk(span);
    t.r.s.side[side].host.asleep = false;
}

static void cut_post(int side)
{
    hf_span span = draw_ms(100, 5000);
    tell("is rebound, and has no post", side, span);
    t.r.s.post.cut = true;
    sim_place_rebind(&t.r.place[side][0]);
    talk(span);
    t.r.s.post.cut = false;
}

static void restart_ice(int side)
{
    tell("restarts ICE", side, 0);
    hf_err err = hf_session_restart_ice(t.r.s.side[side].session, t.r.s.now);
    (void)err; /* it may have failed at that moment */
}

static void (*const happenings[])(int side) = {rebind, move,          renumber,   cut,      unplug, change_second_uplink,
                                               cut,    restart_relay, sleep_side, cut_post, rebind, restart_ice};

/* --- What must hold ---------------------------------------------------------------------------------------------- */

static bool are_connected(sim *s)
{
    return s->side[0].state == HF_SESSION_CONNECTED && s->side[1].state == HF_SESSION_CONNECTED;
}

static bool check_sides(void)
{
    for (int i = 0; i < 2; i++) {
        const sim_side *side = &t.r.s.side[i];
        if (side->illegal)
            return wrong("a session took a step that it may not");
        if (side->failed_cause != HF_OK)
            return wrong("a session failed");
        if (t.is_calm && side->unsteady)
            return wrong("an alarm where nothing but loss was");
    }
    return true;
}

/* The networks are well again, and the sides must be, too. */
static bool heal(void)
{
    roam *r = &t.r;
    r->s.post = (sim_link){.delay = HF_MS(50)};
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < ROAM_PLACES; k++) {
            if (r->uplink[i][k])
                r->uplink[i][k]->link = (sim_link){.delay = HF_MS(20)};
        }
    }
    if (roam_time_to_recover(r, HEAL_PATIENCE) == HF_NEVER)
        return wrong("they did not find each other again");
    const char *trouble = roam_settle(r, HF_SECONDS(60));
    if (trouble)
        return wrong(trouble);
    if (!sim_run(&r->s, r->s.now + HEAL_PATIENCE, are_connected))
        return wrong("the sessions are not connected");
    sim_run(&r->s, r->s.now + HF_SECONDS(60), NULL); /* behind the end of old generations */
    for (int i = 0; i < 2; i++) {
        if (r->s.env[i].blocks > t.blocks[i] + BLOCKS_MAX)
            return wrong("memory grows");
    }
    if (r->relay.env.blocks > RELAY_BLOCKS_MAX)
        return wrong("the relay's memory grows");
    return true;
}

static void describe(void)
{
    const roam *r = &t.r;
    printf("  %s and %s, seed %llu, %s\n%s", sim_kind_name(r->place[0][0].kind), sim_kind_name(r->place[1][0].kind),
           (unsigned long long)r->s.config.seed, t.is_calm ? "calm" : "roaming", t.told);
    for (int i = 0; i < 2; i++) {
        sim_side *side = &t.r.s.side[i];
        const sim_channel *ordered = sim_find(side, ROAM_ORDERED), *loose = sim_find(side, ROAM_LOOSE);
        printf("  side %d at %.3f s: %s, path %s, cause %s, %llu of %llu and %llu of %llu received, %zu blocks of %zu\n", i,
               (double)r->s.now / 1e6, side->connections, hf_session_path_name(hf_session_get_path(side->session)),
               hf_err_name(side->failed_cause), ordered ? (unsigned long long)ordered->messages : 0,
               (unsigned long long)r->sent[1 - i][0], loose ? (unsigned long long)loose->messages : 0,
               (unsigned long long)r->sent[1 - i][1], r->s.env[i].blocks, t.blocks[i]);
    }
}

/* --- A story ------------------------------------------------------------------------------------------------------- */

static void print_log(void *context, const char *line, size_t len)
{
    printf("%d %.*s\n", context == &t.r.s.env[1], (int)len, line);
}

static bool logs;
static hf_certificate *certificate; /* of all: to make one takes as long as a story */

static void begin(uint64_t seed)
{
    t.chance = seed * 31337 + 11;
    t.is_calm = draw(5) == 0;
    roam_config config = {.seed = seed,
                          .kinds = {(sim_kind)draw(SIM_KIND_COUNT), (sim_kind)draw(SIM_KIND_COUNT)},
                          .signalling = draw_ms(1, 300),
                          .link = draw_link(),
                          .no_trickle = draw(6) == 0,
                          .certificate = certificate,
                          .trace = logs ? print_log : NULL,
                          .say_every = SAY_EVERY};
    config.no_relay = draw(4) == 0 && sim_is_direct(config.kinds[0], config.kinds[1]);
    config.relay = config.no_relay || draw(6) > 0 ? HF_ICE_RELAY_DEFAULT : HF_ICE_RELAY_ONLY;
    roam_init(&t.r, &config);
    t.r.s.post.jitter = draw_ms(1, 100);
    t.r.s.post.duplicate = draw(100);
}

static bool live(void)
{
    if (!roam_connect(&t.r, CONNECT_PATIENCE))
        return wrong("they did not connect");
    for (int i = 0; i < 2; i++)
        t.blocks[i] = t.r.s.env[i].blocks;
    talk(HF_SECONDS(2));
    t.r.s.post.loss = draw(3) == 0 ? draw(200) : 0;
    for (uint32_t n = 3 + draw(6); n > 0; n--) {
        if (!t.is_calm)
            happenings[draw(sizeof happenings / sizeof *happenings)]((int)draw(2));
        talk(draw_ms(0, draw(3) == 0 ? 200 : 8000));
        if (!check_sides())
            return false;
    }
    return heal() && check_sides();
}

static bool is_well(uint64_t seed)
{
    begin(seed);
    bool well = live();
    if (!well)
        describe();
    roam_clear(&t.r);
    if (well && t.r.s.env[0].blocks + t.r.s.env[1].blocks + t.r.relay.env.blocks > 0)
        well = wrong("memory was not given back");
    return well;
}

int main(int argc, char **argv)
{
    static test_env env;
    if (hf_certificate_new(&certificate, test_env_init(&env, 1)) != HF_OK)
        return 2;
    logs = argc > 3 && strcmp(argv[3], "log") == 0;
    int status = sim_run_worlds(argc, argv, is_well);
    hf_certificate_free(certificate);
    return status;
}
