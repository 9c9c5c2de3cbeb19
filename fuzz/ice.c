/* ice.c: an agent that is fed with datagrams, replies and time.
 *
 * The input is a list of steps: one byte says what happens, the following say how. Some datagrams are raw, some are signed
 * with the right key, and some are true answers to what the agent sent last, so that the fuzzer gets past the integrity.
 * What must hold is said by the assertions at the end of each step. */
#include "fuzz.h"
#include "remote.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIRST_NAME_ID 0x100 /* of requests, see src/ice/alias.c */

typedef struct world {
    bool hides;
    hf_ice *ice;
    remote remote;
    hf_time now;
} world;

static void input(world *w, hf_path path, hf_bytes bytes)
{
    uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1); /* exactly as large, so that ASan sees each overrun */
    if (!copy)
        return;
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    hf_datagram d = {.path = path, .data = copy, .len = bytes.len};
    size_t kept = hf_ice_input(w->ice, w->now, &d, 1);
    demand(kept <= 1 && (kept == 0 || copy[0] > 3));
    free(copy);
}

static void raw(world *w)
{
    hf_path path = {.local = remote_addr(&w->remote), .remote = remote_addr(&w->remote)};
    input(w, path, remote_bytes(&w->remote));
}

static void signed_check(world *w)
{
    uint8_t buffer[REMOTE_STUN_MAX], flags = hf_read_u8(&w->remote.in);
    hf_path path = {.local = remote_addr(&w->remote)};
    path.remote = remote_addr(&w->remote);
    input(w, path, hf_bytes_of(buffer, remote_check(&w->remote, flags, buffer)));
}

static void answer(world *w)
{
    uint8_t buffer[REMOTE_STUN_MAX], flags = hf_read_u8(&w->remote.in);
    hf_path path = w->remote.asked;
    hf_addr mapped = flags & 1 ? remote_addr(&w->remote) : path.local;
    if (flags & 2)
        path.remote = remote_addr(&w->remote);
    input(w, path, hf_bytes_of(buffer, remote_answer(&w->remote, flags, &mapped, buffer)));
}

static void locals(world *w)
{
    hf_local list[8] = {0};
    size_t n = hf_read_u8(&w->remote.in) % 9;
    for (size_t i = 0; i < n; i++)
        list[i] = (hf_local){.addr = remote_addr(&w->remote), .preference = (uint16_t)i};
    hf_reply reply = {.type = HF_REPLY_LOCALS, .locals = list, .locals_len = n};
    hf_ice_reply(w->ice, w->now, &reply);
}

static void resolved(world *w)
{
    hf_addr addrs[3];
    size_t n = hf_read_u8(&w->remote.in) % 4;
    for (size_t i = 0; i < n; i++)
        addrs[i] = remote_addr(&w->remote);
    uint8_t id = hf_read_u8(&w->remote.in);
    hf_reply reply = {.type = HF_REPLY_RESOLVED, .addrs = addrs, .addrs_len = n};
    reply.id = id < 128 ? id % 5u : FIRST_NAME_ID + id % 16u;
    reply.err = n > 0 ? HF_OK : HF_ERESOLVE;
    hf_ice_reply(w->ice, w->now, &reply);
}

static void advertised(world *w)
{
    uint8_t how = hf_read_u8(&w->remote.in);
    hf_reply reply = {.type = HF_REPLY_ADVERTISED, .id = FIRST_NAME_ID + how % 16u, .err = how & 128 ? HF_EIO : HF_OK};
    hf_ice_reply(w->ice, w->now, &reply);
}

static void candidate(world *w)
{
    static const char *const names[] = {"1f4712db-ea17-4bcf-a596-105139dfd8bf.local", "printer.local",
                                        "00000000-0000-4000-8000-000000000000.local", "example.org"};
    const char *const ufrags[] = {NULL, remote_identities[w->remote.as_remote].ufrag, "another", ""};
    hf_ice_candidate c = {
        .type = hf_read_u8(&w->remote.in) % 4u, .component = 1, .foundation = {0}, .addr = remote_addr(&w->remote)};
    uint8_t how = hf_read_u8(&w->remote.in);
    c.foundation[0] = (char)('a' + how % 8);
    c.priority = hf_read_u32(&w->remote.in);
    if (how & 8) {
        c.addr = (hf_addr){.port = c.addr.port};
        strcpy(c.name, names[how / 16 % 4]);
    }
    (void)!hf_ice_add_remote_candidate(w->ice, w->now, &c, ufrags[how / 64]);
}

static void drain_once(world *w)
{
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_transmit t = {.buffer = buffer, .cap = sizeof buffer};
    hf_request request;
    hf_ice_event event;
    while (hf_ice_poll_request(w->ice, &request))
        ;
    size_t sent = 0;
    while (hf_ice_poll_transmit(w->ice, w->now, &t)) {
        remote_on_sent(&w->remote, w->ice, &t.path, hf_bytes_of(t.buffer, t.len));
        demand(++sent <= 400);
    }
    while (hf_ice_poll_event(w->ice, &event)) {
        const hf_ice_candidate *told = &event.u.candidate_found.candidate;
        if (w->hides && event.type == HF_ICE_CANDIDATE_FOUND && told->type == HF_ICE_HOST)
            demand(told->addr.family == HF_FAMILY_NONE && told->name[0] != '\0');
    }
}

/* A driver that does all that it is told to finds the deadline ahead, or it would spin. */
static void drain(world *w)
{
    drain_once(w);
    for (int i = 0; i < 4 && hf_ice_deadline(w->ice) <= w->now; i++) {
        hf_ice_tick(w->ice, w->now);
        drain_once(w);
    }
    demand(hf_ice_deadline(w->ice) > w->now);
}

static void check_invariants(const world *w)
{
    hf_ice_pair_info pair;
    hf_ice_candidate local;
    hf_ice_route route;
    size_t pairs = 0, selected = 0, found = 0;
    uint64_t last = UINT64_MAX;
    char ufrag[sizeof pair.local.ufrag] = "";
    unsigned generations = 0;
    for (; hf_ice_get_pair(w->ice, pairs, &pair); pairs++) {
        bool is_another = strcmp(ufrag, pair.local.ufrag) != 0;
        demand(is_another || pair.priority <= last);
        generations += is_another;
        strcpy(ufrag, pair.local.ufrag);
        last = pair.priority;
        selected += pair.selected;
        demand(!pair.nominated || pair.state == HF_ICE_PAIR_SUCCEEDED);
    }
    while (hf_ice_local_candidate(w->ice, found, &local))
        found++;
    bool has_route = hf_ice_get_route(w->ice, &route);
    hf_ice_state state = hf_ice_get_state(w->ice);
    demand(generations <= 2 && pairs <= generations * (size_t)HF_ICE_PAIRS_MAX && found <= HF_ICE_LOCAL_CANDIDATES_MAX);
    demand(selected == has_route);
    demand(state != HF_ICE_COMPLETED || has_route); /* CONNECTED: it may have been lost a moment ago */
    demand((state != HF_ICE_FAILED && state != HF_ICE_NEW) || !has_route || w->remote.looks);
    demand(state != HF_ICE_COMPLETED || route.nominated);
}

static void restart(world *w)
{
    uint8_t how = hf_read_u8(&w->remote.in);
    if (how & 1)
        (void)!hf_ice_cancel_restart(w->ice, w->now);
    else
        (void)!hf_ice_restart(w->ice, w->now);
    if (how & 2)
        (void)!hf_ice_gather(w->ice, w->now);
    if (how & 4)
        (void)!hf_ice_set_controlling(w->ice, how & 8);
    if (how & 16)
        (void)!hf_ice_set_relay(w->ice, (hf_ice_relay)(how >> 5));
    if (how & 32)
        hf_ice_watch_servers(w->ice, w->now, how & 64);
    remote_note_credentials(&w->remote, w->ice);
}

static void set_remote(world *w)
{
    hf_ice_remote_agent agent = remote_identities[w->remote.as_remote];
    agent.lite = hf_read_u8(&w->remote.in) == 1;
    (void)!hf_ice_set_remote(w->ice, w->now, &agent);
}

static void step(world *w)
{
    switch (hf_read_u8(&w->remote.in) % 15) {
    case 0:
        raw(w);
        break;
    case 1:
    case 2:
        signed_check(w);
        break;
    case 3:
    case 4:
        answer(w);
        break;
    case 5:
        locals(w);
        break;
    case 6:
        resolved(w);
        break;
    case 7:
        candidate(w);
        break;
    case 8:
        set_remote(w);
        break;
    case 9:
        hf_ice_end_of_remote_candidates(w->ice, w->now);
        break;
    case 10:
        drain(w);
        break;
    case 12:
        restart(w);
        break;
    case 13:
        remote_change_roles(&w->remote);
        break;
    case 14:
        advertised(w);
        break;
    default:
        remote_pass_time(&w->remote, w->ice, &w->now);
        break;
    }
    check_invariants(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const hf_ice_server servers[] = {{.uri = "stun:10.0.0.1:1000"}, {.uri = "stun:stun.example.org"}};
    world w = {.now = HF_SECONDS(1), .remote.in = hf_reader_of(hf_bytes_of(data, size))};
    fuzz_seed(0);
    uint8_t flags = hf_read_u8(&w.remote.in);
    hf_ice_config config = {.controlling = flags & 1, .servers = servers, .servers_len = flags & 2 ? 2 : 0};
    config.mdns = (hf_ice_mdns)(flags / 8 % 3);
    w.remote.looks = config.keeps_looking = flags & 64;
    w.hides = config.mdns == HF_ICE_MDNS_HIDE;
    if (hf_ice_new(&w.ice, &config, &fuzz_env) != HF_OK)
        return 0;
    remote_note_credentials(&w.remote, w.ice);
    if (!(flags & 4))
        (void)!hf_ice_gather(w.ice, w.now);
    for (size_t i = 0; i < STEPS_MAX && w.remote.in.rest.len > 0; i++)
        step(&w);
    hf_ice_free(w.ice);
    return 0;
}
