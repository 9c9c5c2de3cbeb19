/* probe_nat.c: what the answers say of a NAT (RFC 5780 §4.3, §4.4; RFC 4787 §4.1, §5). */
#include "probe_priv.h"

const char *hf_nat_behavior_name(hf_nat_behavior behavior)
{
    static const char *const names[] = {
        [HF_NAT_UNKNOWN] = "unknown",
        [HF_NAT_NONE] = "none",
        [HF_NAT_ENDPOINT_INDEPENDENT] = "endpoint-independent",
        [HF_NAT_ADDRESS_DEPENDENT] = "address-dependent",
        [HF_NAT_ADDRESS_AND_PORT_DEPENDENT] = "address- and port-dependent",
        [HF_NAT_DEPENDENT] = "endpoint-dependent",
    };
    return (size_t)behavior < sizeof names / sizeof names[0] ? names[behavior] : "";
}

static const hf_probe_query *find(const hf_probe *probe, size_t local, hf_probe_test test)
{
    for (size_t i = 0; i < probe->queries_len; i++) {
        if (probe->queries[i].local == local && probe->queries[i].test == test)
            return &probe->queries[i];
    }
    return NULL;
}

static bool is_asking(const hf_probe *probe, size_t local)
{
    for (size_t i = 0; i < probe->servers_len; i++) {
        if (!probe->servers[i].is_known)
            return true;
    }
    for (size_t i = 0; i < probe->queries_len; i++) {
        if (probe->queries[i].local == local && probe->queries[i].err == HF_EAGAIN)
            return true;
    }
    return false;
}

/* The answer of a server that has another address, at which nobody was asked from here yet: that would have opened the
 * filter. */
static const hf_probe_query *with_other(const hf_probe *probe, size_t local)
{
    for (size_t i = 0; i < probe->queries_len; i++) {
        const hf_probe_query *q = &probe->queries[i];
        if (q->local != local || q->test != HF_PROBE_ASK || q->err != HF_OK || q->other.family != q->to.family ||
            q->other.port == 0 || hf_addr_equal_ip(&q->other, &q->to) || hf_addr_is_unspecified(&q->other) ||
            hf_addr_is_multicast(&q->other) || hf_addr_is_loopback(&q->other) != hf_addr_is_loopback(&q->to))
            continue;
        bool is_spoiled = false;
        for (size_t n = 0; n < probe->queries_len; n++)
            is_spoiled |= probe->queries[n].test == HF_PROBE_ASK && hf_addr_equal_ip(&probe->queries[n].to, &q->other);
        if (!is_spoiled)
            return q;
    }
    return NULL;
}

static hf_addr with_port(hf_addr addr, uint16_t port)
{
    addr.port = port;
    return addr;
}

/* Whom a test asks, and who is to answer. */
static hf_probe_query query_of(const hf_probe_query *first, hf_probe_test test)
{
    hf_probe_query q = {.test = test, .server = first->server, .local = first->local, .to = first->to};
    if (test == HF_PROBE_MAP_ADDRESS)
        q.to = with_port(first->other, first->to.port);
    if (test == HF_PROBE_MAP_PORT)
        q.to = first->other;
    q.from = q.to;
    if (test == HF_PROBE_FILTER_ADDRESS)
        q.from = first->other;
    if (test == HF_PROBE_FILTER_PORT)
        q.from = with_port(first->to, first->other.port);
    return q;
}

static bool is_needed(const hf_probe *probe, size_t local, hf_probe_test test)
{
    const hf_probe_query *before = find(probe, local, HF_PROBE_FILTER_ADDRESS);
    if (test == HF_PROBE_FILTER_PORT)
        return before && before->err == HF_ETIMEDOUT;
    return true;
}

static hf_nat_behavior filtering(const hf_probe *probe, size_t local)
{
    const hf_probe_query *address = find(probe, local, HF_PROBE_FILTER_ADDRESS);
    const hf_probe_query *port = find(probe, local, HF_PROBE_FILTER_PORT);
    if (address && address->err == HF_OK)
        return HF_NAT_ENDPOINT_INDEPENDENT;
    if (port && port->err == HF_OK)
        return HF_NAT_ADDRESS_DEPENDENT;
    bool both_silent = address && port && address->err == HF_ETIMEDOUT && port->err == HF_ETIMEDOUT;
    return both_silent ? HF_NAT_ADDRESS_AND_PORT_DEPENDENT : HF_NAT_UNKNOWN;
}

/* What two servers at different addresses have seen. */
static hf_nat_behavior mapping_by_servers(const hf_probe *probe, const hf_probe_query *first)
{
    bool is_compared = false;
    for (size_t i = 0; i < probe->queries_len; i++) {
        const hf_probe_query *q = &probe->queries[i];
        if (q->test != HF_PROBE_ASK || q->local != first->local || q->err != HF_OK || hf_addr_equal_ip(&q->to, &first->to))
            continue;
        if (!hf_addr_equal(&q->mapped, &first->mapped))
            return HF_NAT_DEPENDENT;
        is_compared = true;
    }
    return is_compared ? HF_NAT_ENDPOINT_INDEPENDENT : HF_NAT_UNKNOWN;
}

static hf_nat_behavior mapping(const hf_probe *probe, size_t local)
{
    const hf_probe_query *first = with_other(probe, local);
    for (size_t i = 0; !first && i < probe->queries_len; i++) {
        const hf_probe_query *q = &probe->queries[i];
        if (q->local == local && q->test == HF_PROBE_ASK && q->err == HF_OK)
            first = q;
    }
    if (!first)
        return HF_NAT_UNKNOWN;
    if (hf_addr_equal(&first->mapped, &probe->locals[local].local.addr))
        return HF_NAT_NONE;
    const hf_probe_query *address = find(probe, local, HF_PROBE_MAP_ADDRESS);
    const hf_probe_query *port = find(probe, local, HF_PROBE_MAP_PORT);
    if (!address || address->err != HF_OK)
        return mapping_by_servers(probe, first);
    if (hf_addr_equal(&address->mapped, &first->mapped))
        return HF_NAT_ENDPOINT_INDEPENDENT;
    if (!port || port->err != HF_OK)
        return HF_NAT_DEPENDENT;
    return hf_addr_equal(&port->mapped, &address->mapped) ? HF_NAT_ADDRESS_DEPENDENT : HF_NAT_ADDRESS_AND_PORT_DEPENDENT;
}

/* Filters are examined before anything else goes to the other address. */
static bool ask_on(hf_probe *probe, hf_time now, size_t local)
{
    const hf_probe_query *first = with_other(probe, local);
    probe_local *l = &probe->locals[local];
    while (first && l->test + 1 < HF_PROBE_TEST_COUNT) {
        l->test++;
        if (is_needed(probe, local, l->test))
            return hf_probe_ask(probe, now, query_of(first, l->test)) != NULL;
    }
    return false;
}

void hf_probe_conclude(hf_probe *probe, hf_time now)
{
    for (size_t i = 0; probe->locals_known && i < probe->locals_len; i++) {
        probe_local *local = &probe->locals[i];
        if (local->is_done || is_asking(probe, i) || ask_on(probe, now, i))
            continue;
        local->mapping = mapping(probe, i);
        local->filtering = filtering(probe, i);
        local->is_done = true;
    }
}
