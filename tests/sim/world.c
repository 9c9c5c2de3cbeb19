/* world.c: birth and end of a world, and how time passes in it. */
#include "world.h"

#include "application.h"
#include "chance.h"
#include "clock.h"
#include "managers.h"
#include "numbered.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STANDSTILL_MAX 20000 /* rounds at one moment */

uint32_t sim_random(sim *s, uint32_t below)
{
    return chance_below(&s->chance, below);
}

hf_span sim_link_delay(sim *s, const sim_link *link)
{
    return link->delay + (link->jitter > 0 ? (hf_span)sim_random(s, (uint32_t)link->jitter) : 0);
}

static void add_to_trace(sim *s, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++)
        s->trace = (s->trace ^ bytes[i]) * 1099511628211u; /* FNV-1a */
}

void sim_note_sent(sim *s, const hf_path *path, const uint8_t *data, size_t len)
{
    s->datagrams++;
    add_to_trace(s, &s->now, sizeof s->now);
    add_to_trace(s, path->remote.ip, sizeof path->remote.ip);
    add_to_trace(s, data, len);
}

/* --- Sides ------------------------------------------------------------------------------------------------------- */

sim_channel *sim_find(sim_side *side, const char *label)
{
    for (size_t i = 0; i < side->channels_len; i++) {
        if (strcmp(side->channels[i].label, label) == 0)
            return &side->channels[i];
    }
    return NULL;
}

sim_channel *sim_add_channel(sim_side *side, const char *label)
{
    assert(side->channels_len < SIM_CHANNELS_MAX);
    sim_channel *channel = &side->channels[side->channels_len++];
    snprintf(channel->label, sizeof channel->label, "%.60s", label);
    return channel;
}

hf_err sim_send_numbered(sim_side *side, sim_channel *channel, uint64_t number, size_t size)
{
    hf_time now = side->sim->now;
    uint8_t *content = malloc(size);
    assert(content);
    numbered_fill(content, number, size);
    hf_err err = side->session
                     ? hf_channel_send(hf_session_channel(side->session, channel->label), now, HF_BINARY, content, size)
                     : hf_peer_send(side->peer, now, channel->handle, HF_BINARY, content, size);
    free(content);
    return err;
}

/* The first ones, as far as there is room: a world of many cuts has many. */
void sim_note_connection(sim_side *side, const char *name)
{
    size_t len = strlen(side->connections);
    if (len + strlen(name) + 2 <= sizeof side->connections)
        snprintf(side->connections + len, sizeof side->connections - len, "%s ", name);
}

/* --- Time -------------------------------------------------------------------------------------------------------- */

static hf_time earlier(hf_time a, hf_time b)
{
    return a < b ? a : b;
}

static hf_time next_moment(const sim *s)
{
    hf_time next = timeline_next(&s->timeline);
    for (size_t i = 0; i < s->hosts_len; i++)
        next = earlier(next, sim_host_deadline(s->hosts[i]));
    return next;
}

/* Somebody wants to be called again and again at one moment. */
static void give_up(const sim *s)
{
    printf("the clock stands still at %lld us", (long long)s->now);
    for (size_t i = 0; i < s->hosts_len; i++) {
        if (sim_host_deadline(s->hosts[i]) <= s->now)
            printf(", host %zu is due", i);
    }
    printf("\n");
    fflush(stdout);
    abort();
}

static void drain(sim *s)
{
    do {
        s->woken = false;
        for (size_t i = 0; i < s->hosts_len; i++)
            sim_host_drain(s->hosts[i]);
    } while (s->woken);
}

bool sim_run(sim *s, hf_time until, bool (*done)(sim *s))
{
    for (;;) {
        drain(s);
        if (done && done(s))
            return true;
        hf_time next = next_moment(s);
        if (next > until)
            break;
        s->standstill = next > s->now ? 0 : s->standstill + 1;
        if (next > s->now)
            s->now = next;
        if (s->standstill == STANDSTILL_MAX)
            give_up(s);
        clock_set(s->now);
        while (timeline_step(&s->timeline, s->now)) {
        }
        for (size_t i = 0; i < s->hosts_len; i++)
            sim_host_tick(s->hosts[i]);
    }
    s->now = until;
    clock_set(s->now);
    return false;
}

/* --- Birth and end ----------------------------------------------------------------------------------------------- */

hf_addr sim_addr(const char *text)
{
    hf_addr addr = {0};
    bool ok = hf_addr_parse(text, strlen(text), &addr);
    assert(ok);
    (void)ok;
    return addr;
}

static void init_side(sim_side *side)
{
    static const char *const addrs[2][2] = {{"192.0.2.1:5000", "[2001:db8::1]:5000"},
                                            {"192.0.2.2:5000", "[2001:db8::2]:5000"}};
    sim *s = side->sim;
    for (int i = 0; i < 2; i++)
        side->addrs[i] = sim_addr(addrs[side->index][i]);
    side->routed_at = side->connected_at = side->open_at = HF_NEVER;
    sim_host_init(&side->host, s);
    if (!s->config.nowhere)
        sim_host_plug(&side->host, sim_internet(s), &side->addrs[0], s->config.ipv6 ? &side->addrs[1] : &(hf_addr){0},
                      (sim_link){0}, 0);
}

void sim_init(sim *s, const sim_config *config)
{
    memset(s, 0, sizeof *s);
    s->config = *config;
    s->link = config->link;
    s->post = (sim_link){.delay = config->signalling};
    s->chance = config->seed * 7919 + 17;
    s->trace = 14695981039346656037u;
    s->realms_len = 1;
    s->now = HF_SECONDS(1);
    clock_set(s->now);
    clock_seed(config->seed + 1);
    for (int i = 0; i < 2; i++)
        test_env_init(&s->env[i], config->seed * 2 + (uint64_t)i)->trace = config->trace;
    hf_err err = hf_engine_new(&s->engine, &s->env[0].env);
    for (int i = 0; i < 2 && err == HF_OK && !config->no_sides; i++) {
        s->side[i].sim = s;
        s->side[i].index = i;
        init_side(&s->side[i]);
        err = config->managers ? sim_manager_init(&s->side[i]) : sim_application_init(&s->side[i], config);
    }
    if (err != HF_OK) {
        fprintf(stderr, "sim: no world: %s\n", hf_err_name(err));
        abort();
    }
}

void sim_clear(sim *s)
{
    for (int i = 0; i < 2 && !s->config.no_sides; i++) {
        if (s->config.managers)
            sim_manager_clear(&s->side[i]);
        else
            sim_application_clear(&s->side[i]);
    }
    hf_engine_free(s->engine);
    for (size_t i = 1; i < s->realms_len; i++)
        nat_clear(&s->realms[i].gate);
    timeline_clear(&s->timeline);
}

void sim_connect(sim *s)
{
    if (s->config.managers)
        sim_manager_connect(&s->side[0]);
    else
        sim_offer(&s->side[0]);
}

bool sim_both_open(sim *s)
{
    return s->side[0].open_at != HF_NEVER && s->side[1].open_at != HF_NEVER;
}

bool sim_someone_failed(sim *s)
{
    return s->side[0].failed_cause != HF_OK || s->side[1].failed_cause != HF_OK;
}
