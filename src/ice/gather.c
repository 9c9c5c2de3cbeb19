/* gather.c: local addresses, and what STUN servers see of them (RFC 8445 §5.1.1). */
#include "ice_priv.h"

/* RFC 8489 §6.2.1 would wait 39.5 s for a silent server, and a description that must hold all candidates would wait
 * with it. */
#define QUERY_PATIENCE HF_SECONDS(5)
#define QUERY_RTO HF_MS(250)

/* RFC 8445 §5.1.1.4 and §11: Tr is 15 s. Mappings are kept only until checks have found a path. */
#define REFRESH_INTERVAL HF_SECONDS(15)

/* Request ids: 1 is for the local addresses, then one for each server. */
#define LOCALS_ID 1
#define FIRST_SERVER_ID 2

bool hf_ice_gather_poll_request(hf_ice *ice, hf_request *out)
{
    if (ice->gathering == HF_ICE_GATHERING_NEW)
        return false;
    if (!ice->locals_asked) {
        ice->locals_asked = true;
        *out = (hf_request){.type = HF_REQUEST_LOCALS, .id = LOCALS_ID};
        return true;
    }
    for (size_t i = 0; i < ice->servers_len; i++) {
        hf_ice_stun *server = &ice->servers[i];
        if (server->state == HF_ICE_SERVER_UNASKED) {
            server->state = HF_ICE_SERVER_RESOLVING;
            *out = (hf_request){.type = HF_REQUEST_RESOLVE, .id = FIRST_SERVER_ID + (uint32_t)i, .name = server->host};
            return true;
        }
    }
    return false;
}

static bool is_settled(const hf_ice *ice)
{
    for (size_t i = 0; i < ice->servers_len; i++) {
        if (ice->servers[i].state == HF_ICE_SERVER_UNASKED || ice->servers[i].state == HF_ICE_SERVER_RESOLVING)
            return false;
    }
    for (size_t i = 0; i < ice->queries_len; i++) {
        if (ice->queries[i].state != HF_ICE_QUERY_DONE && ice->queries[i].refresh_at == HF_NEVER)
            return false;
    }
    return ice->locals_known;
}

static void settle(hf_ice *ice)
{
    if (ice->gathering != HF_ICE_GATHERING_NEW)
        ice->gathering = is_settled(ice) ? HF_ICE_GATHERING_COMPLETE : HF_ICE_GATHERING;
}

static void query(hf_ice *ice, hf_ice_stun *server, hf_ice_local *base)
{
    const hf_addr *addr = base->addr.family == HF_FAMILY_IPV4 ? &server->ipv4 : &server->ipv6;
    if (server->state != HF_ICE_SERVER_KNOWN || base->base != base || !hf_ice_may_reach(&base->addr, addr))
        return;
    if (hf_grow(ice->env, &ice->queries, &ice->queries_cap, ice->queries_len + 1, HF_ICE_QUERIES_MAX,
                sizeof *ice->queries)) {
        if (!server->has_answered)
            server->failure = HF_ENOMEM;
        return;
    }
    ice->queries[ice->queries_len++] = (hf_ice_query){.server = server, .base = base, .addr = *addr, .refresh_at = HF_NEVER};
}

static bool is_still_there(const hf_reply *reply, const hf_addr *addr)
{
    for (size_t i = 0; i < reply->locals_len; i++) {
        if (hf_addr_equal(&reply->locals[i].addr, addr))
            return true;
    }
    return false;
}

static hf_ice_local *first_gone(const hf_ice *ice, const hf_reply *reply)
{
    const hf_ice_generation *g = &ice->generation;
    for (size_t i = 0; i < g->locals_len; i++) {
        if (g->locals[i]->base == g->locals[i] && !is_still_there(reply, &g->locals[i]->addr))
            return g->locals[i];
    }
    return NULL;
}

void hf_ice_gather_on_locals(hf_ice *ice, hf_time now, const hf_reply *reply)
{
    if (ice->gathering == HF_ICE_GATHERING_NEW)
        return;
    ice->locals_asked = ice->locals_known = true;
    if (reply->err == HF_OK) {
        hf_ice_local *gone;
        while ((gone = first_gone(ice, reply)))
            hf_ice_local_remove(ice, now, gone);
        for (size_t i = 0; i < reply->locals_len; i++) {
            hf_ice_local *local = hf_ice_local_add_host(ice, &reply->locals[i]);
            if (!local)
                continue;
            hf_ice_pair_add_for_local(ice, local);
            for (size_t n = 0; n < ice->servers_len; n++)
                query(ice, &ice->servers[n], local);
        }
    }
    settle(ice);
}

static void lose(hf_ice_stun *server, hf_err cause)
{
    server->state = HF_ICE_SERVER_LOST;
    server->failure = cause;
}

void hf_ice_gather_on_resolved(hf_ice *ice, hf_time now, const hf_reply *reply)
{
    (void)now;
    if (reply->id < FIRST_SERVER_ID || reply->id - FIRST_SERVER_ID >= ice->servers_len)
        return;
    hf_ice_stun *server = &ice->servers[reply->id - FIRST_SERVER_ID];
    if (server->state != HF_ICE_SERVER_RESOLVING)
        return;
    for (size_t i = 0; reply->err == HF_OK && i < reply->addrs_len; i++) {
        hf_addr addr = reply->addrs[i];
        addr.port = server->port;
        hf_addr *slot = addr.family == HF_FAMILY_IPV4 ? &server->ipv4 : &server->ipv6;
        if (slot->family == HF_FAMILY_NONE && !hf_ice_addr_is_forbidden(&addr))
            *slot = addr;
    }
    if (server->ipv4.family == HF_FAMILY_NONE && server->ipv6.family == HF_FAMILY_NONE) {
        lose(server, HF_ERESOLVE);
    } else {
        server->state = HF_ICE_SERVER_KNOWN;
        for (size_t i = 0; i < ice->generation.locals_len; i++)
            query(ice, server, ice->generation.locals[i]);
    }
    settle(ice);
}

void hf_ice_gather_forget_base(hf_ice *ice, const hf_ice_local *base)
{
    size_t kept = 0;
    for (size_t i = 0; i < ice->queries_len; i++) {
        if (ice->queries[i].base != base)
            ice->queries[kept++] = ice->queries[i];
    }
    ice->queries_len = kept;
    settle(ice);
}

/* A path has been found: its own checks keep the NAT awake now. */
static bool wants_refresh(const hf_ice *ice)
{
    return ice->state == HF_ICE_NEW || ice->state == HF_ICE_CHECKING;
}

static void finish(hf_ice *ice, hf_time now, hf_ice_query *q)
{
    q->state = HF_ICE_QUERY_DONE;
    q->refresh_at = q->server->has_answered ? now + REFRESH_INTERVAL : HF_NEVER;
    settle(ice);
}

/* A server has nothing left to say, and has said nothing. */
static void fail(hf_ice *ice, hf_time now, hf_ice_query *q, hf_err cause)
{
    hf_ice_stun *server = q->server;
    q->state = HF_ICE_QUERY_DONE;
    bool is_last = true;
    for (size_t i = 0; i < ice->queries_len; i++)
        is_last &= ice->queries[i].server != server || ice->queries[i].state == HF_ICE_QUERY_DONE;
    if (is_last && !server->has_answered)
        server->failure = cause;
    finish(ice, now, q);
}

static hf_ice_query *find_query(hf_ice *ice, const uint8_t id[HF_STUN_ID_SIZE])
{
    for (size_t i = 0; i < ice->queries_len; i++) {
        hf_ice_query *q = &ice->queries[i];
        if (q->state == HF_ICE_QUERY_IN_PROGRESS && memcmp(q->transaction.id, id, HF_STUN_ID_SIZE) == 0)
            return q;
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
    hf_addr mapped;
    bool is_answer = message->class_ == HF_STUN_SUCCESS &&
                     (hf_stun_get_xor_address(message, HF_STUN_XOR_MAPPED_ADDRESS, &mapped) ||
                      hf_stun_get_address(message, HF_STUN_MAPPED_ADDRESS, &mapped)); /* servers of RFC 3489 */
    if (!is_answer || mapped.family != q->base->addr.family) {
        fail(ice, now, q, HF_EPROTO);
        return true;
    }
    q->server->has_answered = true;
    q->server->failure = HF_OK;
    (void)hf_ice_local_add_reflexive(ice, HF_ICE_SERVER_REFLEXIVE, q->base, &mapped, &q->addr);
    finish(ice, now, q);
    return true;
}

static bool transmit(hf_ice_query *q, hf_transmit *out)
{
    hf_stun_writer s = hf_stun_begin(out->buffer, out->cap, HF_STUN_REQUEST, HF_STUN_BINDING, q->transaction.id);
    hf_stun_add_fingerprint(&s);
    out->len = out->segment = hf_stun_end(&s);
    out->path = (hf_path){.transport = HF_UDP, .local = q->base->addr, .remote = q->addr};
    return out->len > 0;
}

bool hf_ice_gather_has_waiting(const hf_ice *ice)
{
    for (size_t i = 0; i < ice->queries_len; i++) {
        if (ice->queries[i].state == HF_ICE_QUERY_WAITING)
            return true;
    }
    return false;
}

bool hf_ice_gather_start_one(hf_ice *ice, hf_time now, hf_transmit *out)
{
    for (size_t i = 0; i < ice->queries_len; i++) {
        hf_ice_query *q = &ice->queries[i];
        if (q->state != HF_ICE_QUERY_WAITING)
            continue;
        q->state = HF_ICE_QUERY_IN_PROGRESS;
        q->give_up_at = now + QUERY_PATIENCE;
        hf_stun_transaction_start(&q->transaction, now, QUERY_RTO, ice->env);
        return hf_stun_transaction_step(&q->transaction, now) == HF_STUN_SEND_NOW && transmit(q, out);
    }
    return false;
}

bool hf_ice_gather_repeat(hf_ice *ice, hf_time now, hf_transmit *out)
{
    for (size_t i = 0; i < ice->queries_len; i++) {
        hf_ice_query *q = &ice->queries[i];
        if (q->state == HF_ICE_QUERY_IN_PROGRESS && now < q->give_up_at &&
            hf_stun_transaction_step(&q->transaction, now) == HF_STUN_SEND_NOW && transmit(q, out))
            return true;
    }
    return false;
}

void hf_ice_gather_tick(hf_ice *ice, hf_time now)
{
    for (size_t i = 0; i < ice->queries_len; i++) {
        hf_ice_query *q = &ice->queries[i];
        if (q->state == HF_ICE_QUERY_IN_PROGRESS && now >= q->give_up_at)
            fail(ice, now, q, HF_ETIMEDOUT);
        if (q->state == HF_ICE_QUERY_DONE && now >= q->refresh_at) {
            if (wants_refresh(ice))
                q->state = HF_ICE_QUERY_WAITING; /* refresh_at stays set: gathering is not open again for it */
            else
                q->refresh_at = HF_NEVER;
        }
    }
}

hf_time hf_ice_gather_deadline(const hf_ice *ice)
{
    hf_time at = HF_NEVER;
    for (size_t i = 0; i < ice->queries_len; i++) {
        const hf_ice_query *q = &ice->queries[i];
        if (q->state == HF_ICE_QUERY_IN_PROGRESS)
            at = hf_ice_earlier(at, hf_ice_earlier(q->transaction.due, q->give_up_at));
        else if (q->state == HF_ICE_QUERY_DONE && wants_refresh(ice))
            at = hf_ice_earlier(at, q->refresh_at);
    }
    return at;
}
