/* probe.c: asks STUN servers from each local address. */
#include "probe_priv.h"

#include <string.h>

/* A request that got lost should not cost half a second; see stun.h for the schedule. */
#define PROBE_RTO HF_MS(250)

#define LOCALS_ID 1
#define FIRST_SERVER_ID 2

/* RFC 5780 §7.2 */
#define CHANGE_IP 0x04u
#define CHANGE_PORT 0x02u

static hf_err init_server(hf_probe *probe, probe_server *server, const char *text)
{
    hf_stun_uri uri;
    hf_err err = text ? hf_stun_uri_parse(text, &uri) : HF_EINVAL;
    if (err != HF_OK)
        return err;
    if (uri.transport != HF_UDP)
        return HF_ENOTSUP;
    server->port = uri.port;
    server->uri = hf_alloc_text(probe->env, text, strlen(text));
    server->host = hf_alloc_text(probe->env, (const char *)uri.host.data, uri.host.len);
    if (!server->uri || !server->host)
        return HF_ENOMEM;
    hf_addr addr;
    if (hf_addr_parse(server->host, uri.host.len, &addr)) {
        addr.port = uri.port;
        *(addr.family == HF_FAMILY_IPV4 ? &server->ipv4 : &server->ipv6) = addr;
        server->is_asked = server->is_known = true;
    }
    return HF_OK;
}

static hf_err init(hf_probe *probe, const hf_probe_config *config)
{
    probe->patience = config->patience > 0 ? config->patience : HF_PROBE_PATIENCE;
    if (config->uris_len > 0)
        probe->servers = hf_alloc_array(probe->env, config->uris_len, sizeof *probe->servers);
    if (config->uris_len > 0 && !probe->servers)
        return HF_ENOMEM;
    probe->servers_len = config->uris_len;
    for (size_t i = 0; i < config->uris_len; i++) {
        hf_err err = init_server(probe, &probe->servers[i], config->uris[i]);
        if (err != HF_OK)
            return err;
    }
    return HF_OK;
}

hf_err hf_probe_new(hf_probe **out, const hf_probe_config *config, const hf_env *env)
{
    if (!out)
        return HF_EINVAL;
    *out = NULL;
    if (!config || !hf_env_is_usable(env) || (config->uris_len > 0 && !config->uris))
        return HF_EINVAL;
    if (config->uris_len > HF_PROBE_SERVERS_MAX)
        return HF_ELIMIT;
    hf_probe *probe = hf_alloc(env, sizeof *probe);
    if (!probe)
        return HF_ENOMEM;
    probe->env = env;
    hf_err err = init(probe, config);
    if (err != HF_OK) {
        hf_probe_free(probe);
        return err;
    }
    *out = probe;
    return HF_OK;
}

void hf_probe_free(hf_probe *probe)
{
    if (!probe)
        return;
    for (size_t i = 0; i < probe->servers_len; i++) {
        hf_dealloc(probe->env, probe->servers[i].uri);
        hf_dealloc(probe->env, probe->servers[i].host);
    }
    hf_dealloc(probe->env, probe->servers);
    hf_dealloc(probe->env, probe->queries);
    hf_dealloc(probe->env, probe);
}

/* --- Requests of the world ---------------------------------------------------------------------------------------- */

bool hf_probe_poll_request(hf_probe *probe, hf_request *out)
{
    if (!probe->locals_asked) {
        probe->locals_asked = true;
        *out = (hf_request){.type = HF_REQUEST_LOCALS, .id = LOCALS_ID};
        return true;
    }
    for (size_t i = 0; i < probe->servers_len; i++) {
        probe_server *server = &probe->servers[i];
        if (!server->is_asked) {
            server->is_asked = true;
            *out = (hf_request){.type = HF_REQUEST_RESOLVE, .id = FIRST_SERVER_ID + (uint32_t)i, .name = server->host};
            return true;
        }
    }
    return false;
}

hf_probe_query *hf_probe_ask(hf_probe *probe, hf_time now, hf_probe_query query)
{
    if (hf_grow(probe->env, &probe->queries, &probe->queries_cap, probe->queries_len + 1, HF_PROBE_QUERIES_MAX,
                sizeof *probe->queries))
        return NULL;
    hf_probe_query *q = &probe->queries[probe->queries_len++];
    *q = query;
    q->err = HF_EAGAIN;
    q->give_up_at = now + probe->patience;
    hf_stun_transaction_start(&q->transaction, now, PROBE_RTO, probe->env);
    return q;
}

static bool may_reach(const hf_addr *local, const hf_addr *remote)
{
    return local->family == remote->family && hf_addr_is_loopback(local) == hf_addr_is_loopback(remote);
}

static void ask_all(hf_probe *probe, hf_time now, size_t server)
{
    const probe_server *s = &probe->servers[server];
    for (size_t i = 0; i < probe->locals_len && s->is_known; i++) {
        const hf_addr *local = &probe->locals[i].local.addr;
        const hf_addr *to = local->family == HF_FAMILY_IPV4 ? &s->ipv4 : &s->ipv6;
        if (may_reach(local, to))
            (void)hf_probe_ask(probe, now, (hf_probe_query){.server = server, .local = i, .to = *to, .from = *to});
    }
}

/* The first answer counts: an examination is of one moment. */
static void on_locals(hf_probe *probe, hf_time now, const hf_reply *reply)
{
    if (probe->locals_known)
        return;
    probe->locals_known = true;
    for (size_t i = 0; reply->err == HF_OK && i < reply->locals_len; i++) {
        if (reply->locals[i].transport == HF_UDP && probe->locals_len < HF_PROBE_LOCALS_MAX)
            probe->locals[probe->locals_len++].local = reply->locals[i];
    }
    for (size_t i = 0; i < probe->servers_len; i++)
        ask_all(probe, now, i);
}

static void on_resolved(hf_probe *probe, hf_time now, const hf_reply *reply)
{
    size_t index = reply->id - FIRST_SERVER_ID;
    if (reply->id < FIRST_SERVER_ID || index >= probe->servers_len || probe->servers[index].is_known)
        return;
    probe_server *server = &probe->servers[index];
    server->is_known = true;
    for (size_t i = 0; reply->err == HF_OK && i < reply->addrs_len; i++) {
        hf_addr addr = reply->addrs[i];
        hf_addr *slot = addr.family == HF_FAMILY_IPV4 ? &server->ipv4 : &server->ipv6;
        addr.port = server->port;
        if (slot->family == HF_FAMILY_NONE && !hf_addr_is_unspecified(&addr) && !hf_addr_is_multicast(&addr))
            *slot = addr;
    }
    ask_all(probe, now, index);
}

void hf_probe_reply(hf_probe *probe, hf_time now, const hf_reply *reply)
{
    if (reply->type == HF_REPLY_LOCALS)
        on_locals(probe, now, reply);
    else if (reply->type == HF_REPLY_RESOLVED)
        on_resolved(probe, now, reply);
    hf_probe_conclude(probe, now);
}

/* --- Datagrams -------------------------------------------------------------------------------------------------------- */

static bool transmit(const hf_probe *probe, const hf_probe_query *q, hf_transmit *out)
{
    hf_stun_writer s = hf_stun_begin(out->buffer, out->cap, HF_STUN_REQUEST, HF_STUN_BINDING, q->transaction.id);
    if (q->test == HF_PROBE_FILTER_ADDRESS)
        hf_stun_add_u32(&s, HF_STUN_CHANGE_REQUEST, CHANGE_IP | CHANGE_PORT);
    if (q->test == HF_PROBE_FILTER_PORT)
        hf_stun_add_u32(&s, HF_STUN_CHANGE_REQUEST, CHANGE_PORT);
    hf_stun_add_fingerprint(&s);
    out->path = (hf_path){.local = probe->locals[q->local].local.addr, .remote = q->to};
    out->len = out->segment = hf_stun_end(&s);
    return out->len > 0;
}

bool hf_probe_poll_transmit(hf_probe *probe, hf_time now, hf_transmit *out)
{
    for (size_t i = 0; i < probe->queries_len; i++) {
        hf_probe_query *q = &probe->queries[i];
        if (q->err == HF_EAGAIN && now < q->give_up_at &&
            hf_stun_transaction_step(&q->transaction, now) == HF_STUN_SEND_NOW && transmit(probe, q, out))
            return true;
    }
    return false;
}

static void take(hf_probe *probe, hf_time now, const hf_datagram *datagram)
{
    hf_stun_message message;
    if (!hf_stun_read(hf_bytes_of(datagram->data, datagram->len), &message) || message.method != HF_STUN_BINDING ||
        (message.class_ != HF_STUN_SUCCESS && message.class_ != HF_STUN_ERROR))
        return;
    for (size_t i = 0; i < probe->queries_len; i++) {
        hf_probe_query *q = &probe->queries[i];
        if (q->err != HF_EAGAIN || memcmp(q->transaction.id, message.id, HF_STUN_ID_SIZE) != 0 ||
            !hf_addr_equal(&datagram->path.local, &probe->locals[q->local].local.addr))
            continue;
        bool is_error = message.class_ == HF_STUN_ERROR;
        if (!hf_addr_equal(&datagram->path.remote, is_error ? &q->to : &q->from))
            continue; /* nobody was to answer from there */
        bool has_address = hf_stun_get_xor_address(&message, HF_STUN_XOR_MAPPED_ADDRESS, &q->mapped) ||
                           hf_stun_get_address(&message, HF_STUN_MAPPED_ADDRESS, &q->mapped);
        q->err = !is_error && has_address && q->mapped.family == q->to.family ? HF_OK : HF_EPROTO;
        (void)hf_stun_get_address(&message, HF_STUN_OTHER_ADDRESS, &q->other);
        q->rtt = q->transaction.sent == 1 ? now - q->transaction.sent_at : 0;
    }
}

void hf_probe_input(hf_probe *probe, hf_time now, hf_datagram *datagrams, size_t n)
{
    for (size_t i = 0; i < n; i++)
        take(probe, now, &datagrams[i]);
    hf_probe_conclude(probe, now);
}

void hf_probe_tick(hf_probe *probe, hf_time now)
{
    for (size_t i = 0; i < probe->queries_len; i++) {
        if (probe->queries[i].err == HF_EAGAIN && now >= probe->queries[i].give_up_at)
            probe->queries[i].err = HF_ETIMEDOUT;
    }
    hf_probe_conclude(probe, now);
}

hf_time hf_probe_deadline(const hf_probe *probe)
{
    hf_time at = HF_NEVER;
    for (size_t i = 0; i < probe->queries_len; i++) {
        const hf_probe_query *q = &probe->queries[i];
        hf_time due = q->transaction.due < q->give_up_at ? q->transaction.due : q->give_up_at;
        if (q->err == HF_EAGAIN && due < at)
            at = due;
    }
    return at;
}

/* --- Results ------------------------------------------------------------------------------------------------------ */

bool hf_probe_is_done(const hf_probe *probe)
{
    for (size_t i = 0; i < probe->servers_len; i++) {
        if (!probe->servers[i].is_known)
            return false;
    }
    for (size_t i = 0; i < probe->locals_len; i++) {
        if (!probe->locals[i].is_done)
            return false;
    }
    return probe->locals_known;
}

bool hf_probe_get_server(const hf_probe *probe, size_t index, hf_probe_server *out)
{
    if (index >= probe->servers_len)
        return false;
    const probe_server *server = &probe->servers[index];
    *out = (hf_probe_server){.uri = server->uri, .err = HF_EUNREACHABLE, .ipv4 = server->ipv4, .ipv6 = server->ipv6};
    if (!server->is_known || !probe->locals_known)
        out->err = HF_EAGAIN;
    else if (server->ipv4.family == HF_FAMILY_NONE && server->ipv6.family == HF_FAMILY_NONE)
        out->err = HF_ERESOLVE;
    for (size_t i = 0; i < probe->queries_len && out->err != HF_OK; i++) {
        if (probe->queries[i].test == HF_PROBE_ASK && probe->queries[i].server == index)
            out->err = probe->queries[i].err;
    }
    for (size_t i = 0; i < probe->queries_len; i++)
        out->has_two |= probe->queries[i].server == index && probe->queries[i].other.family != HF_FAMILY_NONE;
    return true;
}

bool hf_probe_get_answer(const hf_probe *probe, size_t index, hf_probe_answer *out)
{
    for (size_t i = 0; i < probe->queries_len; i++) {
        const hf_probe_query *q = &probe->queries[i];
        if (q->test != HF_PROBE_ASK || index-- > 0)
            continue;
        *out = (hf_probe_answer){.server = q->server, .local = q->local, .err = q->err, .rtt = q->rtt};
        if (q->err == HF_OK)
            out->mapped = q->mapped;
        return true;
    }
    return false;
}

bool hf_probe_get_local(const hf_probe *probe, size_t index, hf_probe_local *out)
{
    if (index >= probe->locals_len)
        return false;
    const probe_local *local = &probe->locals[index];
    *out = (hf_probe_local){.local = local->local, .mapping = local->mapping, .filtering = local->filtering};
    hf_probe_answer answer;
    for (size_t i = 0; out->mapped.family == HF_FAMILY_NONE && hf_probe_get_answer(probe, i, &answer); i++) {
        if (answer.local == index && answer.err == HF_OK)
            out->mapped = answer.mapped;
    }
    return true;
}
