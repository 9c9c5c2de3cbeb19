/* gather.c: local addresses, and what STUN servers see of them (RFC 8445 §5.1.1). What TURN servers give besides: see
 * allocation.c. */
#include "relay_priv.h"
#include "suspicion.h"
#include "watch.h"

/* RFC 8489 §6.2.1 would wait 39.5 s for a silent server. */
#define QUERY_PATIENCE HF_SECONDS(5)
#define QUERY_RTO HF_MS(250)
#define MISSED_RTO HF_SECONDS(2) /* by then, watch.c has had it asked again */

/* A description that must hold all candidates waits for less: since the last news, four times what the slowest answer has
 * taken, within these bounds. What comes later is told all the same. */
#define SILENCE_FACTOR 4
#define SILENCE_MIN HF_MS(500)
#define SILENCE_MAX HF_SECONDS(2)

/* RFC 8445 §5.1.1.4 and §11: Tr is 15 s. Mappings are kept only until checks have found a path. */
#define REFRESH_INTERVAL HF_SECONDS(15)

/* RFC 6544 §4.5: where there is no port, 9 (discard) stands in its place. */
#define ACTIVE_PORT 9

/* Request ids: 1 is for the local addresses, then one for each server. */
#define LOCALS_ID 1
#define FIRST_SERVER_ID 2

bool hf_ice_gather_poll_request(hf_ice *ice, hf_request *out)
{
    if (ice->current->gathering == HF_ICE_GATHERING_NEW)
        return false;
    if (!ice->locals_asked) {
        ice->locals_asked = true;
        bool listens = ice->tcp == HF_ICE_TCP_LISTEN && ice->newest->relay != HF_ICE_RELAY_ONLY;
        *out = (hf_request){.type = HF_REQUEST_LOCALS, .id = LOCALS_ID, .listen = listens};
        return true;
    }
    for (size_t i = 0; i < ice->servers_len; i++) {
        hf_ice_stun *server = &ice->servers[i];
        if (server->state == HF_ICE_SERVER_UNASKED && hf_ice_server_is_of_use(ice, server)) {
            server->state = HF_ICE_SERVER_RESOLVING;
            *out = (hf_request){.type = HF_REQUEST_RESOLVE, .id = FIRST_SERVER_ID + (uint32_t)i, .name = server->host};
            return true;
        }
    }
    return false;
}

/* When gathering is over, whoever is still silent. */
static hf_time complete_at(const hf_ice_generation *g)
{
    hf_span silence = g->slowest > 0 ? g->slowest * SILENCE_FACTOR : SILENCE_MAX;
    return g->news_at + (silence < SILENCE_MIN ? SILENCE_MIN : silence > SILENCE_MAX ? SILENCE_MAX : silence);
}

static bool have_all_answered(const hf_ice_generation *g)
{
    const hf_ice *ice = g->ice;
    for (size_t i = 0; i < ice->servers_len; i++) {
        hf_ice_server_state state = ice->servers[i].state;
        if (hf_ice_server_is_of_use(ice, &ice->servers[i]) &&
            (state == HF_ICE_SERVER_UNASKED || state == HF_ICE_SERVER_RESOLVING) && !ice->servers[i].is_missed)
            return false;
    }
    for (size_t i = 0; i < g->queries_len; i++) {
        if (g->queries[i].state != HF_ICE_QUERY_DONE && g->queries[i].refresh_at == HF_NEVER)
            return false;
    }
    return hf_ice_allocations_are_settled(ice);
}

static bool is_settled(const hf_ice_generation *g)
{
    const hf_ice *ice = g->ice;
    return ice->locals_known && hf_ice_alias_is_settled(ice) && (have_all_answered(g) || ice->now >= complete_at(g));
}

static void enter(hf_ice_generation *g, hf_ice_gathering next)
{
    if (g->gathering == next)
        return;
    hf_trace_change(g->ice->env, g->ice->now, HF_TRACE_ICE_GATHERING_STATE_CHANGED, hf_ice_gathering_name(g->gathering),
                    hf_ice_gathering_name(next), HF_OK);
    g->gathering = next; /* nowhere else is it assigned */
}

static void settle(hf_ice_generation *g)
{
    if (g->gathering != HF_ICE_GATHERING_NEW)
        enter(g, is_settled(g) ? HF_ICE_GATHERING_COMPLETE : HF_ICE_GATHERING);
}

void hf_ice_gather_settle(hf_ice *ice)
{
    for (hf_ice_generation *g = ice->newest; g; g = g->older)
        settle(g);
}

/* Servers can be asked now that could not before. */
static void on_question(hf_ice *ice, hf_time now)
{
    ice->newest->asked_at = ice->newest->news_at = now;
}

/* One of them has said something. Once it has been told that there are no more candidates, that holds. */
void hf_ice_gather_on_answer(hf_ice *ice, hf_time now)
{
    hf_ice_generation *g = ice->newest;
    if (g->gathering != HF_ICE_GATHERING)
        return;
    hf_span took = now - g->asked_at;
    if (g->slowest < took)
        g->slowest = took;
    g->news_at = now;
}

static void query(hf_ice_generation *g, hf_ice_stun *server, hf_ice_local *base)
{
    const hf_addr *addr = hf_ice_server_addr(server, &base->addr);
    if (server->state != HF_ICE_SERVER_KNOWN || server->is_turn || base->type != HF_ICE_HOST ||
        base->tcp_type != HF_ICE_TCP_NONE || !addr)
        return;
    if (hf_grow(g->ice->env, &g->queries, &g->queries_cap, g->queries_len + 1, HF_ICE_QUERIES_MAX, sizeof *g->queries)) {
        if (!server->has_answered)
            server->failure = HF_ENOMEM;
        return;
    }
    g->queries[g->queries_len++] =
        (hf_ice_query){.generation = g, .server = server, .base = base, .addr = *addr, .refresh_at = HF_NEVER};
}

bool hf_ice_has_socket(const hf_ice *ice, const hf_addr *local, hf_ice_tcp_type tcp_type)
{
    for (size_t i = 0; i < ice->locals_len; i++) {
        if (ice->locals[i].tcp_type == tcp_type && hf_addr_equal(&ice->locals[i].local.addr, local))
            return true;
    }
    return false;
}

static hf_ice_local *first_gone(const hf_ice_generation *g)
{
    for (size_t i = 0; i < g->locals_len; i++) {
        if (g->locals[i]->type == HF_ICE_HOST && !hf_ice_has_socket(g->ice, &g->locals[i]->addr, g->locals[i]->tcp_type))
            return g->locals[i];
    }
    return NULL;
}

static void add_locals(hf_ice_generation *g)
{
    hf_ice *ice = g->ice;
    if (g->relay == HF_ICE_RELAY_ONLY)
        return; /* nobody is to see one of our own addresses */
    for (size_t i = 0; i < ice->locals_len; i++) {
        hf_ice_local *local = hf_ice_local_add_host(g, &ice->locals[i]);
        if (!local)
            continue;
        hf_ice_pair_add_for_local(g, local);
        if (g != ice->newest)
            continue;
        hf_ice_alias_hide(ice, &local->addr);
        for (size_t n = 0; n < ice->servers_len; n++)
            query(g, &ice->servers[n], local);
    }
}

/* A socket that is gone is gone for all generations. A new one is for those that may still find a path; the remote is told
 * of it for the newest. */
void hf_ice_gather_take_locals(hf_ice *ice, hf_time now)
{
    assert(ice->newest);
    for (hf_ice_generation *g = ice->newest; g; g = g->older) {
        hf_ice_local *gone;
        while ((gone = first_gone(g)))
            hf_ice_local_remove(g, gone);
        settle(g);
    }
    if (ice->newest->gathering != HF_ICE_GATHERING_NEW)
        add_locals(ice->newest);
    if (hf_ice_is_restarting(ice) && !ice->current->is_over)
        add_locals(ice->current);
    hf_ice_allocations_take_part(ice, now);
    settle(ice->newest);
    hf_ice_nominate_consider(ice, now);
}

static void remember(hf_ice *ice, const hf_local *local, hf_ice_tcp_type tcp_type)
{
    if (hf_ice_addr_is_forbidden(&local->addr) || hf_ice_has_socket(ice, &local->addr, tcp_type) ||
        hf_grow(ice->env, &ice->locals, &ice->locals_cap, ice->locals_len + 1, HF_ICE_LOCAL_CANDIDATES_MAX,
                sizeof *ice->locals))
        return;
    ice->locals[ice->locals_len++] = (hf_ice_socket){.local = *local, .tcp_type = tcp_type};
}

/* The sockets serve each generation, and whatever the memory is short for counts as not there. Streams are opened from each
 * address that there is a socket on. */
static void remember_locals(hf_ice *ice, const hf_reply *reply)
{
    ice->locals_len = 0;
    for (size_t i = 0; i < reply->locals_len && !ice->no_udp; i++) {
        if (reply->locals[i].transport == HF_UDP)
            remember(ice, &reply->locals[i], HF_ICE_TCP_NONE);
    }
    size_t tcp_max = ice->locals_len + HF_ICE_TCP_CANDIDATES_MAX;
    for (size_t i = 0; i < reply->locals_len && ice->tcp == HF_ICE_TCP_LISTEN && ice->locals_len < tcp_max; i++) {
        if (reply->locals[i].transport == HF_TCP)
            remember(ice, &reply->locals[i], HF_ICE_TCP_PASSIVE);
    }
    for (size_t i = 0; i < reply->locals_len && ice->tcp != HF_ICE_TCP_OFF && ice->locals_len < tcp_max; i++) {
        hf_local local = reply->locals[i];
        local.addr.port = local.addr.port ? ACTIVE_PORT : 0;
        if (local.transport == HF_UDP)
            remember(ice, &local, HF_ICE_TCP_ACTIVE);
    }
}

void hf_ice_gather_on_locals(hf_ice *ice, hf_time now, const hf_reply *reply)
{
    if (ice->current->gathering == HF_ICE_GATHERING_NEW)
        return;
    ice->locals_asked = ice->locals_known = true;
    on_question(ice, now);
    if (reply->err == HF_OK) {
        remember_locals(ice, reply);
        hf_ice_allocations_take_locals(ice, now, reply);
    }
    hf_ice_gather_take_locals(ice, now);
}

/* A later generation asks the servers anew: their answers, and whether there is one, belong to its time. */
void hf_ice_gather_begin(hf_ice *ice, hf_time now)
{
    enter(ice->newest, HF_ICE_GATHERING);
    on_question(ice, now);
    for (size_t i = 0; i < ice->servers_len; i++) {
        hf_ice_stun *server = &ice->servers[i];
        server->has_answered = server->is_failure_told = false;
        server->failure = HF_OK;
        if (server->state == HF_ICE_SERVER_LOST)
            server->state = HF_ICE_SERVER_UNASKED;
    }
    hf_ice_allocations_renew(ice, now);
    if (ice->locals_known)
        hf_ice_gather_take_locals(ice, now);
}

static void lose(hf_ice_stun *server, hf_err cause)
{
    server->state = HF_ICE_SERVER_LOST;
    server->failure = cause;
}

void hf_ice_gather_on_resolved(hf_ice *ice, hf_time now, const hf_reply *reply)
{
    if (reply->id < FIRST_SERVER_ID || reply->id - FIRST_SERVER_ID >= ice->servers_len)
        return;
    hf_ice_stun *server = &ice->servers[reply->id - FIRST_SERVER_ID];
    if (server->state != HF_ICE_SERVER_RESOLVING)
        return;
    if (reply->err == HF_OK || !server->is_missed)
        on_question(ice, now);
    server->addrs_len = 0;
    for (size_t i = 0; reply->err == HF_OK && i < reply->addrs_len && server->addrs_len < HF_ICE_SERVER_ADDRS_MAX; i++) {
        hf_addr addr = reply->addrs[i];
        addr.port = server->port;
        if (!hf_ice_addr_is_forbidden(&addr))
            server->addrs[server->addrs_len++] = addr;
    }
    if (server->addrs_len == 0)
        lose(server, HF_ERESOLVE);
    else
        server->state = HF_ICE_SERVER_KNOWN;
    hf_ice_allocations_take_part(ice, now);
    for (hf_ice_generation *g = ice->newest; g != ice->current->older; g = g->older) {
        for (size_t i = 0; i < g->locals_len; i++)
            query(g, server, g->locals[i]);
        settle(g);
    }
}

void hf_ice_gather_forget_base(hf_ice_generation *g, const hf_ice_local *base)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->queries_len; i++) {
        if (g->queries[i].base != base)
            g->queries[kept++] = g->queries[i];
    }
    g->queries_len = kept;
    settle(g);
}

/* Once a path has been found, its own checks keep the NAT awake. When it has fallen silent, the NAT may have forgotten. */
static bool wants_refresh(const hf_ice_generation *g)
{
    return !g->is_over && (!g->best || hf_ice_is_silent(g->best));
}

/* A new mapping is a new candidate, of which the remote can be told without a restart. */
void hf_ice_gather_refresh(hf_ice_generation *g, hf_time now)
{
    for (size_t i = 0; i < g->queries_len; i++) {
        if (g->queries[i].state == HF_ICE_QUERY_DONE && g->queries[i].server->has_answered)
            g->queries[i].refresh_at = now;
    }
}

void hf_ice_gather_ask_again(hf_ice_generation *g, hf_time since, const hf_ice_stun *server)
{
    for (size_t i = 0; i < g->queries_len; i++) {
        hf_ice_query *q = &g->queries[i];
        if (q->server == server && q->state != HF_ICE_QUERY_WAITING && q->begun_at <= since)
            q->state = HF_ICE_QUERY_WAITING;
    }
}

static void finish(hf_time now, hf_ice_query *q)
{
    q->state = HF_ICE_QUERY_DONE;
    q->refresh_at = q->server->has_answered ? now + REFRESH_INTERVAL : HF_NEVER;
    settle(q->generation);
}

/* A server has nothing left to say, and has said nothing. */
static void fail(hf_time now, hf_ice_query *q, hf_err cause)
{
    const hf_ice_generation *g = q->generation;
    hf_ice_stun *server = q->server;
    q->state = HF_ICE_QUERY_DONE;
    bool is_last = true;
    for (size_t i = 0; i < g->queries_len; i++)
        is_last &= g->queries[i].server != server || g->queries[i].state == HF_ICE_QUERY_DONE;
    if (is_last && !server->has_answered)
        server->failure = cause;
    finish(now, q);
}

static hf_ice_query *find_query(hf_ice *ice, const uint8_t id[HF_STUN_ID_SIZE])
{
    for (hf_ice_generation *g = ice->newest; g; g = g->older) {
        for (size_t i = 0; i < g->queries_len; i++) {
            hf_ice_query *q = &g->queries[i];
            if (q->state == HF_ICE_QUERY_IN_PROGRESS && memcmp(q->transaction.id, id, HF_STUN_ID_SIZE) == 0)
                return q;
        }
    }
    return NULL;
}

bool hf_ice_gather_on_response(hf_ice *ice, hf_time now, const hf_path *path, const hf_stun_message *message)
{
    hf_ice_query *q = find_query(ice, message->id);
    if (!q)
        return false;
    if (!hf_addr_equal(&path->remote, &q->addr) || !hf_addr_equal(&path->local, &q->base->addr)) {
        hf_ice_drop(ice, HF_DROP_STUN_UNMATCHED, message->whole.len);
        return true;
    }
    hf_ice_gather_on_answer(ice, now);
    hf_addr mapped;
    bool is_answer = message->class_ == HF_STUN_SUCCESS &&
                     (hf_stun_get_xor_address(message, HF_STUN_XOR_MAPPED_ADDRESS, &mapped) ||
                      hf_stun_get_address(message, HF_STUN_MAPPED_ADDRESS, &mapped)); /* servers of RFC 3489 */
    if (!is_answer || mapped.family != q->base->addr.family) {
        fail(now, q, HF_EPROTO);
        return true;
    }
    q->server->has_answered = true;
    hf_ice_watch_on_answer(q->server);
    q->server->failure = HF_OK;
    (void)hf_ice_local_add_reflexive(q->generation, q->base, &mapped, q->server, &q->addr);
    finish(now, q);
    return true;
}

static bool transmit(const hf_ice_query *q, hf_transmit *out)
{
    hf_stun_writer s = hf_stun_begin(out->buffer, out->cap, HF_STUN_REQUEST, HF_STUN_BINDING, q->transaction.id);
    hf_stun_add_fingerprint(&s);
    out->len = out->segment = hf_stun_end(&s);
    out->path = (hf_path){.transport = HF_UDP, .local = q->base->addr, .remote = q->addr};
    return out->len > 0;
}

static hf_ice_query *next_query(const hf_ice *ice)
{
    for (hf_ice_generation *g = ice->newest; g; g = g->older) {
        for (size_t i = 0; i < g->queries_len; i++) {
            if (g->queries[i].state == HF_ICE_QUERY_WAITING)
                return &g->queries[i];
        }
    }
    return NULL;
}

bool hf_ice_gather_has_waiting(const hf_ice *ice)
{
    return next_query(ice) != NULL;
}

bool hf_ice_gather_start_one(hf_ice *ice, hf_time now, hf_transmit *out)
{
    hf_ice_query *q = next_query(ice);
    if (!q)
        return false;
    q->state = HF_ICE_QUERY_IN_PROGRESS;
    q->give_up_at = now + QUERY_PATIENCE;
    hf_stun_transaction_start(&q->transaction, now, q->server->is_missed ? MISSED_RTO : QUERY_RTO, ice->env);
    q->begun_at = now;
    return hf_stun_transaction_step(&q->transaction, now) == HF_STUN_SEND_NOW && transmit(q, out);
}

bool hf_ice_gather_repeat(hf_ice *ice, hf_time now, hf_transmit *out)
{
    for (hf_ice_generation *g = ice->newest; g; g = g->older) {
        for (size_t i = 0; i < g->queries_len; i++) {
            hf_ice_query *q = &g->queries[i];
            if (q->state == HF_ICE_QUERY_IN_PROGRESS && now < q->give_up_at &&
                hf_stun_transaction_step(&q->transaction, now) == HF_STUN_SEND_NOW && transmit(q, out))
                return true;
        }
    }
    return false;
}

static void tick_query(hf_time now, hf_ice_query *q)
{
    if (q->state == HF_ICE_QUERY_IN_PROGRESS && now >= q->give_up_at)
        fail(now, q, HF_ETIMEDOUT);
    if (q->state != HF_ICE_QUERY_DONE || now < q->refresh_at)
        return;
    if (wants_refresh(q->generation))
        q->state = HF_ICE_QUERY_WAITING; /* refresh_at stays set: gathering is not open again for it */
    else
        q->refresh_at = HF_NEVER;
}

void hf_ice_gather_tick(hf_ice *ice, hf_time now)
{
    for (hf_ice_generation *g = ice->newest; g; g = g->older) {
        for (size_t i = 0; i < g->queries_len; i++)
            tick_query(now, &g->queries[i]);
        settle(g);
    }
}

static hf_time query_deadline(const hf_ice_query *q)
{
    if (q->state == HF_ICE_QUERY_IN_PROGRESS)
        return hf_ice_earlier(q->transaction.due, q->give_up_at);
    return q->state == HF_ICE_QUERY_DONE && wants_refresh(q->generation) ? q->refresh_at : HF_NEVER;
}

hf_time hf_ice_gather_deadline(const hf_ice *ice)
{
    hf_time at = HF_NEVER;
    for (const hf_ice_generation *g = ice->newest; g; g = g->older) {
        for (size_t i = 0; i < g->queries_len; i++)
            at = hf_ice_earlier(at, query_deadline(&g->queries[i]));
        if (g->gathering == HF_ICE_GATHERING && ice->locals_known && hf_ice_alias_is_settled(ice))
            at = hf_ice_earlier(at, complete_at(g));
    }
    return at;
}
