/* ice.c: an agent that is fed with datagrams, replies and time.
 *
 * The input is a list of steps: one byte says what happens, the following say how. Some datagrams are raw, some are signed
 * with the right key, and some are true answers to what the agent sent last, so that the fuzzer gets past the integrity.
 * What must hold is said by the assertions at the end of each step. */
#include <holdfast/ice.h>

#include "../src/stun/stun.h" /* the target sees the layer under test only */
#include "bytes.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#define REMOTES 3 /* identities of the remote: one, and those that restarts give it */
#define LOCALS 3  /* as many of the agent's are remembered */
#define STEPS_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const hf_ice_remote_agent remotes[REMOTES] = {
    {.ufrag = "remote", .pwd = "remoteremoteremoteremote"},
    {.ufrag = "remote1", .pwd = "remote1remote1remote1remote1", .renomination = true},
    {.ufrag = "remote2", .pwd = "remote2remote2remote2remote2"},
};

#define FIRST_NAME_ID 0x100 /* of requests, see src/ice/alias.c */

typedef struct world {
    bool hides;
    hf_ice *ice;
    char local_ufrags[LOCALS][16], local_pwds[LOCALS][40];
    size_t locals_len;
    uint8_t as_local, as_remote; /* whom a check of the remote is signed for, and by whom */
    uint8_t asked_remote;
    hf_reader in;
    hf_time now;
    hf_path asked; /* of the last request that the agent sent */
    uint8_t asked_id[HF_STUN_ID_SIZE];
    bool asked_server;
} world;

/* A small world of addresses, so that steps meet. */
static hf_addr an_addr(world *w)
{
    uint8_t byte = hf_read_u8(&w->in);
    hf_addr addr = {.port = (uint16_t)(1000 + byte / 64)};
    switch (byte % 4) {
    case 0:
    case 1:
        addr.family = HF_FAMILY_IPV4;
        memcpy(addr.ip, (uint8_t[]){10, 0, 0, byte % 16}, 4);
        break;
    case 2:
        addr.family = HF_FAMILY_IPV6;
        addr.ip[0] = byte & 32 ? 0xFE : 0x20;
        addr.ip[1] = byte & 32 ? 0x80 : 0x01;
        addr.ip[15] = byte % 16;
        addr.scope = byte & 32 ? 1 : 0;
        break;
    default:
        addr.family = HF_FAMILY_IPV4;
        memcpy(addr.ip, (uint8_t[]){127, 0, 0, byte % 16}, 4);
        break;
    }
    return addr;
}

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

static hf_bytes some_bytes(world *w)
{
    size_t len = hf_read_u8(&w->in);
    return hf_read_bytes(&w->in, len < w->in.rest.len ? len : w->in.rest.len);
}

static void raw(world *w)
{
    hf_path path = {.local = an_addr(w), .remote = an_addr(w)};
    input(w, path, some_bytes(w));
}

/* A check that is signed with our password; flags choose what it has. */
static void signed_check(world *w)
{
    uint8_t buffer[900], id[HF_STUN_ID_SIZE] = {0}, flags = hf_read_u8(&w->in);
    hf_path path = {.local = an_addr(w), .remote = an_addr(w)};
    char user[300];
    id[0] = hf_read_u8(&w->in);
    strcpy(user, w->local_ufrags[w->as_local]);
    strcat(user, ":");
    strcat(user, flags & 1 ? "other" : remotes[w->as_remote].ufrag);
    hf_stun_writer s =
        hf_stun_begin(buffer, sizeof buffer, flags & 2 ? HF_STUN_INDICATION : HF_STUN_REQUEST, HF_STUN_BINDING, id);
    hf_stun_add(&s, HF_STUN_USERNAME, hf_bytes_of_text(user));
    hf_stun_add_u64(&s, flags & 4 ? HF_STUN_ICE_CONTROLLING : HF_STUN_ICE_CONTROLLED, flags & 8 ? UINT64_MAX : 0);
    if (flags & 16)
        hf_stun_add(&s, HF_STUN_USE_CANDIDATE, (hf_bytes){0});
    if (!(flags & 32))
        hf_stun_add_u32(&s, HF_STUN_PRIORITY, hf_read_u32(&w->in));
    if (flags & 64)
        hf_stun_add(&s, hf_read_u16(&w->in), some_bytes(w));
    hf_stun_add_integrity(&s, hf_bytes_of_text(w->local_pwds[w->as_local]));
    if (!(flags & 128))
        hf_stun_add_fingerprint(&s);
    size_t len = hf_stun_end(&s);
    input(w, path, hf_bytes_of(buffer, len));
}

static void answer(world *w)
{
    uint8_t buffer[900], flags = hf_read_u8(&w->in);
    hf_path path = w->asked;
    hf_addr mapped = flags & 1 ? an_addr(w) : path.local;
    if (flags & 2)
        path.remote = an_addr(w);
    bool is_error = (flags & 12) == 12;
    hf_stun_writer s =
        hf_stun_begin(buffer, sizeof buffer, is_error ? HF_STUN_ERROR : HF_STUN_SUCCESS, HF_STUN_BINDING, w->asked_id);
    if (is_error)
        hf_stun_add_error(&s, flags & 16 ? 487 : 300 + hf_read_u8(&w->in), "");
    else
        hf_stun_add_xor_address(&s, HF_STUN_XOR_MAPPED_ADDRESS, &mapped);
    if (flags & 32)
        hf_stun_add(&s, hf_read_u16(&w->in), some_bytes(w));
    if (!w->asked_server)
        hf_stun_add_integrity(&s, hf_bytes_of_text(remotes[w->asked_remote].pwd));
    hf_stun_add_fingerprint(&s);
    size_t len = hf_stun_end(&s);
    input(w, path, hf_bytes_of(buffer, len));
}

static void locals(world *w)
{
    hf_local list[8] = {0};
    size_t n = hf_read_u8(&w->in) % 9;
    for (size_t i = 0; i < n; i++)
        list[i] = (hf_local){.addr = an_addr(w), .preference = (uint16_t)i};
    hf_reply reply = {.type = HF_REPLY_LOCALS, .locals = list, .locals_len = n};
    hf_ice_reply(w->ice, w->now, &reply);
}

static void resolved(world *w)
{
    hf_addr addrs[3];
    size_t n = hf_read_u8(&w->in) % 4;
    for (size_t i = 0; i < n; i++)
        addrs[i] = an_addr(w);
    uint8_t id = hf_read_u8(&w->in);
    hf_reply reply = {.type = HF_REPLY_RESOLVED, .addrs = addrs, .addrs_len = n};
    reply.id = id < 128 ? id % 5u : FIRST_NAME_ID + id % 16u;
    reply.err = n > 0 ? HF_OK : HF_ERESOLVE;
    hf_ice_reply(w->ice, w->now, &reply);
}

static void advertised(world *w)
{
    uint8_t how = hf_read_u8(&w->in);
    hf_reply reply = {.type = HF_REPLY_ADVERTISED, .id = FIRST_NAME_ID + how % 16u, .err = how & 128 ? HF_EIO : HF_OK};
    hf_ice_reply(w->ice, w->now, &reply);
}

static void candidate(world *w)
{
    static const char *const names[] = {"1f4712db-ea17-4bcf-a596-105139dfd8bf.local", "printer.local",
                                        "00000000-0000-4000-8000-000000000000.local", "example.org"};
    const char *const ufrags[] = {NULL, remotes[w->as_remote].ufrag, "another", ""};
    hf_ice_candidate c = {.type = hf_read_u8(&w->in) % 4u, .component = 1, .foundation = {0}, .addr = an_addr(w)};
    uint8_t how = hf_read_u8(&w->in);
    c.foundation[0] = (char)('a' + how % 8);
    c.priority = hf_read_u32(&w->in);
    if (how & 8) {
        c.addr = (hf_addr){.port = c.addr.port};
        strcpy(c.name, names[how / 16 % 4]);
    }
    (void)!hf_ice_add_remote_candidate(w->ice, w->now, &c, ufrags[how / 64]);
}

static void pass_time(world *w)
{
    static const hf_span spans[] = {0, HF_MS(1), HF_MS(50), HF_MS(500), HF_SECONDS(3), HF_SECONDS(31)};
    uint8_t how = hf_read_u8(&w->in);
    if (how & 128 && hf_ice_deadline(w->ice) != HF_NEVER)
        w->now = hf_ice_deadline(w->ice) > w->now ? hf_ice_deadline(w->ice) : w->now;
    else
        w->now += spans[how % 6];
    hf_ice_tick(w->ice, w->now);
}

static void note_request(world *w, const hf_transmit *t)
{
    hf_stun_message m;
    demand(hf_stun_read(hf_bytes_of(t->buffer, t->len), &m)); /* what we send is well formed */
    demand(!hf_addr_is_multicast(&t->path.remote) && !hf_addr_is_unspecified(&t->path.remote) && t->path.remote.port != 0);
    if (hf_ice_get_state(w->ice) == HF_ICE_FAILED && m.integrity_at != 0) { /* RFC 7675: only a restart is answered */
        demand(m.class_ != HF_STUN_REQUEST);
        demand(hf_stun_verify_integrity(&m, hf_bytes_of_text(hf_ice_local_pwd(w->ice))));
    }
    if (m.class_ != HF_STUN_REQUEST)
        return;
    hf_bytes user;
    for (uint8_t i = 0; i < REMOTES && hf_stun_find(&m, HF_STUN_USERNAME, &user); i++) {
        size_t len = strlen(remotes[i].ufrag);
        if (user.len > len && user.data[len] == ':' && memcmp(user.data, remotes[i].ufrag, len) == 0)
            w->asked_remote = i;
    }
    w->asked = t->path;
    memcpy(w->asked_id, m.id, sizeof w->asked_id);
    w->asked_server = m.integrity_at == 0;
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
        note_request(w, &t);
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
    demand((state != HF_ICE_CONNECTED && state != HF_ICE_COMPLETED) || has_route);
    demand((state != HF_ICE_FAILED && state != HF_ICE_NEW) || !has_route);
    demand(state != HF_ICE_COMPLETED || route.nominated);
}

static void note_credentials(world *w)
{
    const char *ufrag = hf_ice_local_ufrag(w->ice);
    for (size_t i = 0; i < w->locals_len && i < LOCALS; i++) {
        if (strcmp(w->local_ufrags[i], ufrag) == 0)
            return;
    }
    size_t at = w->locals_len++ % LOCALS;
    strcpy(w->local_ufrags[at], ufrag);
    strcpy(w->local_pwds[at], hf_ice_local_pwd(w->ice));
    w->as_local = (uint8_t)at;
}

static void restart(world *w)
{
    uint8_t how = hf_read_u8(&w->in);
    if (how & 1)
        (void)!hf_ice_cancel_restart(w->ice, w->now);
    else
        (void)!hf_ice_restart(w->ice, w->now);
    if (how & 2)
        (void)!hf_ice_gather(w->ice, w->now);
    if (how & 4)
        (void)!hf_ice_set_controlling(w->ice, how & 8);
    note_credentials(w);
}

static void set_remote(world *w)
{
    hf_ice_remote_agent remote = remotes[w->as_remote];
    remote.lite = hf_read_u8(&w->in) == 1;
    (void)!hf_ice_set_remote(w->ice, w->now, &remote);
}

static void change_roles(world *w)
{
    uint8_t who = hf_read_u8(&w->in);
    w->as_remote = who % REMOTES;
    w->as_local = who / REMOTES % LOCALS;
}

static void step(world *w)
{
    switch (hf_read_u8(&w->in) % 15) {
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
        change_roles(w);
        break;
    case 14:
        advertised(w);
        break;
    default:
        pass_time(w);
        break;
    }
    check_invariants(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const hf_ice_server servers[] = {{"stun:10.0.0.1:1000"}, {"stun:stun.example.org"}};
    world w = {.now = HF_SECONDS(1), .in = hf_reader_of(hf_bytes_of(data, size))};
    fuzz_seed(0);
    uint8_t flags = hf_read_u8(&w.in);
    hf_ice_config config = {.controlling = flags & 1, .servers = servers, .servers_len = flags & 2 ? 2 : 0};
    config.mdns = (hf_ice_mdns)(flags / 8 % 3);
    w.hides = config.mdns == HF_ICE_MDNS_HIDE;
    if (hf_ice_new(&w.ice, &config, &fuzz_env) != HF_OK)
        return 0;
    note_credentials(&w);
    if (!(flags & 4))
        (void)!hf_ice_gather(w.ice, w.now);
    for (size_t i = 0; i < STEPS_MAX && w.in.rest.len > 0; i++)
        step(&w);
    hf_ice_free(w.ice);
    return 0;
}
