/* roamers.c: a conversation that goes on while networks change. */
#include "roamers.h"

#include <string.h>

#define SAY_EVERY HF_MS(20)
#define SAY_SIZE 200
#define UPLINK_DELAY HF_MS(10)

static const hf_channel_config channels[ROAM_CHANNELS] = {{.name = ROAM_ORDERED}, {.name = ROAM_LOOSE, .unordered = true}};

void roam_init(roam *r, const roam_config *config)
{
    memset(r, 0, sizeof *r);
    r->say_every = config->say_every > 0 ? config->say_every : SAY_EVERY;
    sim_init(&r->s, &(sim_config){.seed = config->seed,
                                  .signalling = config->signalling,
                                  .certificate = config->certificate,
                                  .trace = config->trace,
                                  .no_trickle = config->no_trickle,
                                  .relay = config->relay,
                                  .managers = true,
                                  .channels = channels,
                                  .channels_len = ROAM_CHANNELS,
                                  .nowhere = true,
                                  .servers = sim_relay_servers,
                                  .servers_len = config->no_relay ? SIM_RELAY_STUN_LEN : SIM_RELAY_SERVERS_LEN});
    r->places.sim = &r->s;
    sim_relay_init(&r->relay, &r->s);
    sim_link link = config->link;
    link.delay = link.delay > 0 ? link.delay : UPLINK_DELAY;
    for (int i = 0; i < 2; i++) {
        sim_place_init(&r->place[i][0], &r->places, config->kinds[i]);
        r->uplink[i][0] = sim_place_plug(&r->place[i][0], &r->s.side[i].host, link, 0);
    }
}

void roam_clear(roam *r)
{
    sim_relay_clear(&r->relay);
    sim_clear(&r->s);
}

sim_interface *roam_add_uplink(roam *r, int side, sim_kind kind, sim_link link, uint16_t preference)
{
    sim_place_init(&r->place[side][1], &r->places, kind);
    r->uplink[side][1] = sim_place_plug(&r->place[side][1], &r->s.side[side].host, link, preference);
    return r->uplink[side][1];
}

static bool all_open(sim *s)
{
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < ROAM_CHANNELS; k++) {
            const sim_channel *channel = sim_find(&s->side[i], channels[k].name);
            if (!channel || !channel->open)
                return false;
        }
    }
    return true;
}

bool roam_connect(roam *r, hf_span patience)
{
    sim_connect(&r->s);
    return sim_run(&r->s, r->s.now + patience, all_open);
}

/* What finds no room was never said. */
static void say(roam *r, int side)
{
    sim_side *speaker = &r->s.side[side];
    for (size_t k = 0; k < ROAM_CHANNELS && !speaker->host.asleep; k++) {
        uint64_t *sent = &r->sent[side][k];
        if (sim_send_numbered(speaker, sim_find(speaker, channels[k].name), *sent, SAY_SIZE) == HF_OK)
            ++*sent;
    }
}

static bool talk_until(roam *r, hf_time end, bool (*done)(sim *s))
{
    while (r->s.now < end) {
        hf_time next = r->s.now + r->say_every;
        for (int i = 0; i < 2; i++)
            say(r, i);
        if (sim_run(&r->s, next < end ? next : end, done))
            return true;
    }
    return false;
}

void roam_talk(roam *r, hf_span span)
{
    talk_until(r, r->s.now + span, NULL);
}

static bool both_heard(sim *s)
{
    const roam *r = (const roam *)s;
    return sim_find(&s->side[0], ROAM_ORDERED)->next > r->marked[1] &&
           sim_find(&s->side[1], ROAM_ORDERED)->next > r->marked[0];
}

hf_span roam_time_to_recover(roam *r, hf_span patience)
{
    hf_time since = r->s.now;
    for (int i = 0; i < 2; i++)
        r->marked[i] = r->sent[i][0];
    return talk_until(r, since + patience, both_heard) ? r->s.now - since : HF_NEVER;
}

static bool all_arrived(sim *s)
{
    const roam *r = (const roam *)s;
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < ROAM_CHANNELS; k++) {
            if (sim_find(&s->side[i], channels[k].name)->messages < r->sent[1 - i][k])
                return false;
        }
    }
    return true;
}

const char *roam_settle(roam *r, hf_span patience)
{
    bool arrived = sim_run(&r->s, r->s.now + patience, all_arrived);
    sim_run(&r->s, r->s.now + HF_SECONDS(1), NULL); /* what comes twice comes late */
    for (int i = 0; i < 2; i++) {
        const sim_channel *ordered = sim_find(&r->s.side[i], ROAM_ORDERED), *loose = sim_find(&r->s.side[i], ROAM_LOOSE);
        if (ordered->doubled > 0 || loose->doubled > 0)
            return "a message arrived twice";
        if (ordered->out_of_order > 0)
            return "a message came out of order";
        if (ordered->closed || loose->closed)
            return "a channel was closed";
    }
    return arrived ? NULL : "a message is missing";
}

hf_session_path roam_path(const roam *r, int side)
{
    return hf_session_get_path(r->s.side[side].session);
}
