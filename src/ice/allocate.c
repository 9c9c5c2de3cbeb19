/* allocate.c: how one allocation is asked for, what becomes of it, and of the candidates that it gives (RFC 8656).
 *
 *   RESTING ──▶ CONNECTING ──stream──▶ ASKED ──success──▶ STANDING ──close──▶ CLOSING ──▶ RESTING
 *     ▲ └──────────────UDP─────────────▲ │                   │
 *     └──the next address, or a pause──◀─┴───────lost────────┘
 */
#include "relay_priv.h"
#include "watch.h"

/* The first answer of a server that is asked for the first time, and of one that has had an allocation of ours: that one
 * may be back any moment, so it is asked anew and anew. */
#define PATIENCE HF_SECONDS(5)
#define PATIENCE_AGAIN HF_SECONDS(1) /* a SYN that is lost is repeated after as long (RFC 6298); or, on a long way: */
#define PATIENCE_FACTOR 3            /* times what it took when it was made */

/* Where its answer would tell that the network is back; TLS takes three round trips. */
#define PATIENCE_WATCHED HF_SECONDS(2)

/* How often it is asked again at most: at once, each second, and less often when a minute has brought nothing. */
#define PAUSE HF_SECONDS(1)
#define PAUSE_LATER HF_SECONDS(5)
#define EAGER_ATTEMPTS 60

/* A server that gives allocations and takes them back at once would have each new candidate told and checked: the wait
 * before the next one doubles, up to a minute, until one has stood for a while. */
#define STEADY_AFTER HF_SECONDS(10)
#define LOSSES_DOUBLED_MAX 6

#define REDIRECTS_MAX 3 /* RFC 8489 §10 warns of loops */

/* --- Candidates ----------------------------------------------------------------------------------------------------- */

/* Its relayed addresses, and what its server sees of ours, for the generation that our description is written of. */
void hf_ice_allocation_offer(hf_ice *ice, hf_ice_allocation *a)
{
    hf_ice_generation *g = ice->newest;
    if (g->relay == HF_ICE_RELAY_NEVER || a->state != HF_ICE_ALLOCATION_STANDING || g->gathering == HF_ICE_GATHERING_NEW ||
        g->is_over)
        return;
    for (size_t i = 0; i < HF_TURN_RELAYED_MAX; i++) {
        hf_ice_local *local = hf_ice_local_add_relayed(g, a, &a->relayed[i]);
        if (local)
            hf_ice_pair_add_for_local(g, local);
    }
    hf_ice_local *host = a->path.transport == HF_UDP ? hf_ice_local_find_host(g, &a->base.addr, HF_ICE_TCP_NONE) : NULL;
    if (host && a->mapped.family == host->addr.family)
        (void)hf_ice_local_add_reflexive(g, host, &a->mapped, a->server, &a->path.remote);
}

static hf_ice_local *first_of(const hf_ice_generation *g, const hf_ice_allocation *a)
{
    for (size_t i = 0; i < g->locals_len; i++) {
        if (g->locals[i]->allocation == a)
            return g->locals[i];
    }
    return NULL;
}

void hf_ice_allocation_withdraw(hf_ice *ice, const hf_ice_allocation *a)
{
    for (hf_ice_generation *g = ice->newest; g; g = g->older) {
        for (hf_ice_local *local; (local = first_of(g, a));)
            hf_ice_local_remove(g, local);
    }
}

/* --- Asking --------------------------------------------------------------------------------------------------------- */

/* RFC 8656 §7.1: an allocation belongs to its 5-tuple, so two can't have the same. */
static bool is_taken(const hf_ice *ice, const hf_ice_allocation *a, const hf_path *path)
{
    for (size_t i = 0; i < ice->allocations_len; i++) {
        const hf_ice_allocation *other = ice->allocations[i];
        if (other != a && other->client && hf_ice_path_equal(&other->path, path))
            return true;
    }
    return false;
}

static hf_path path_to(const hf_ice_allocation *a, const hf_addr *server)
{
    hf_path path = {.transport = a->server->transport, .local = a->base.addr, .remote = *server};
    if (path.transport == HF_TCP)
        path.local.port = 0;
    return path;
}

/* Finds the next address that may be tried; false: there is none left. */
static bool choose_path(const hf_ice *ice, hf_ice_allocation *a)
{
    if (a->alternate.family != HF_FAMILY_NONE) {
        a->path = path_to(a, &a->alternate);
        return hf_ice_may_reach(&a->base.addr, &a->alternate) && !is_taken(ice, a, &a->path);
    }
    for (; a->addr_at < a->server->addrs_len; a->addr_at++) {
        a->path = path_to(a, &a->server->addrs[a->addr_at]);
        if (hf_ice_may_reach(&a->base.addr, &a->path.remote) && !is_taken(ice, a, &a->path))
            return true;
    }
    return false;
}

static hf_span patience_of(const hf_ice_allocation *a)
{
    hf_span again = a->took * PATIENCE_FACTOR > PATIENCE_AGAIN ? a->took * PATIENCE_FACTOR : PATIENCE_AGAIN;
    if (!a->has_stood && a->server->is_missed)
        return PATIENCE_WATCHED;
    return a->has_stood && again < PATIENCE ? again : PATIENCE;
}

static bool make_client(hf_ice *ice, hf_time now, hf_ice_allocation *a)
{
    hf_turn_client_config config = {.path = a->path,
                                    .username = a->server->username,
                                    .password = a->server->password,
                                    .both_families = a->family == HF_FAMILY_NONE,
                                    .family = a->family,
                                    .patience = patience_of(a)};
    hf_err err = hf_turn_client_new(&a->client, now, &config, ice->env);
    a->state = HF_ICE_ALLOCATION_ASKED;
    if (err)
        hf_ice_allocation_fail(ice, now, a, err, 0);
    return err == HF_OK;
}

void hf_ice_allocation_start(hf_ice *ice, hf_time now, hf_ice_allocation *a)
{
    a->retry_at = HF_NEVER;
    a->asked_at = now;
    if (!choose_path(ice, a)) {
        hf_ice_allocation_fail(ice, now, a, HF_EUNREACHABLE, 0);
    } else if (a->path.transport == HF_UDP) {
        (void)make_client(ice, now, a);
    } else {
        a->state = HF_ICE_ALLOCATION_CONNECTING;
        if (!hf_ice_stream_open_to_server(ice, a, now + patience_of(a)))
            hf_ice_allocation_fail(ice, now, a, HF_ENOMEM, 0);
    }
}

void hf_ice_allocation_drop_client(hf_ice *ice, hf_ice_allocation *a)
{
    hf_turn_client_free(a->client);
    a->client = NULL;
    hf_ice_stream_close(ice, a->stream);
    a->lacks_credentials = false;
    a->mapped = a->relayed[0] = a->relayed[1] = (hf_addr){0};
}

/* --- Trouble -------------------------------------------------------------------------------------------------------- */

/* Nothing of that server is there or on its way: the application hears of it. */
static void tell_failure(hf_ice *ice, const hf_ice_allocation *failed, hf_err cause)
{
    for (size_t i = 0; i < ice->allocations_len; i++) {
        const hf_ice_allocation *a = ice->allocations[i];
        if (a != failed && a->server == failed->server && a->state != HF_ICE_ALLOCATION_RESTING && !a->lacks_credentials)
            return;
    }
    failed->server->failure = cause;
}

static bool has_next_address(const hf_ice *ice, hf_ice_allocation *a, hf_err cause)
{
    a->alternate = (hf_addr){0};
    if (cause == HF_EAUTH || cause == HF_ENOMEM)
        return false; /* the same there */
    a->addr_at++;
    hf_path path = a->path;
    bool has_one = choose_path(ice, a);
    a->path = path;
    return has_one;
}

/* Silence was a pause already. */
static hf_span pause_after(const hf_ice_allocation *a, hf_err cause)
{
    return a->failures >= EAGER_ATTEMPTS && !a->server->is_missed ? PAUSE_LATER : cause == HF_ETIMEDOUT ? 0 : PAUSE;
}

static hf_span pause_after_loss(const hf_ice_allocation *a)
{
    unsigned doublings = a->losses - 1 < LOSSES_DOUBLED_MAX ? a->losses - 1 : LOSSES_DOUBLED_MAX;
    return a->losses == 0 ? 0 : PAUSE << doublings;
}

/* One that stood is asked for again at once, where it stood. Another one is tried at the server's next address; where there
 * is none left, it rests: until somebody says so, or, if it ever stood, for a while. */
void hf_ice_allocation_fail(hf_ice *ice, hf_time now, hf_ice_allocation *a, hf_err cause, unsigned code)
{
    bool is_lost = a->state == HF_ICE_ALLOCATION_STANDING, is_closing = a->state == HF_ICE_ALLOCATION_CLOSING;
    hf_ice_trace_allocation(ice, a, is_lost ? HF_TRACE_ICE_ALLOCATION_LOST : HF_TRACE_ICE_ALLOCATION_FAILED, cause, code);
    if (is_lost)
        hf_ice_allocation_withdraw(ice, a);
    hf_ice_allocation_drop_client(ice, a);
    a->state = HF_ICE_ALLOCATION_RESTING;
    a->retry_at = HF_NEVER;
    if (is_closing)
        return;
    if (is_lost) {
        a->failures = 0;
        a->losses = now - a->stood_at >= STEADY_AFTER ? 0 : a->losses + 1;
        a->retry_at = now + pause_after_loss(a);
        tell_failure(ice, a, cause);
    } else if (has_next_address(ice, a, cause)) {
        a->retry_at = now;
    } else {
        a->addr_at = 0;
        a->redirects = 0;
        a->failures++;
        if (a->has_stood)
            a->retry_at = now + pause_after(a, cause);
        else
            tell_failure(ice, a, cause);
    }
    hf_ice_gather_settle(ice);
    hf_ice_nominate_consider(ice, now);
}

/* --- What clients tell ---------------------------------------------------------------------------------------------- */

/* A path by way of a relay is known by its relayed address: one that a socket of ours has, or another relay gave, would be
 * taken for that. Only a server that lies gives such. */
static void on_allocated(hf_ice *ice, hf_time now, hf_ice_allocation *a, const hf_turn_client_event *e)
{
    a->has_stood = true;
    a->stood_at = now;
    a->took = now - a->asked_at;
    a->lacks_credentials = false;
    a->failures = a->redirects = 0;
    for (size_t i = 0; i < HF_TURN_RELAYED_MAX; i++) {
        const hf_addr *relayed = &e->relayed[i];
        bool is_taken = hf_ice_allocations_have_base(ice, relayed) || hf_ice_relayed_find(ice, relayed) ||
                        hf_ice_addr_is_forbidden(relayed);
        a->relayed[i] = *relayed;
        if (is_taken)
            a->relayed[i] = (hf_addr){0};
    }
    a->state = HF_ICE_ALLOCATION_STANDING;
    a->mapped = e->mapped;
    a->server->has_answered = true;
    hf_ice_watch_on_answer(a->server);
    a->server->failure = HF_OK;
    a->server->is_failure_told = false;
    hf_ice_trace_allocation(ice, a, HF_TRACE_ICE_ALLOCATION_MADE, HF_OK, 0);
    hf_ice_gather_on_answer(ice, now);
    hf_ice_allocation_offer(ice, a);
    hf_ice_gather_settle(ice);
}

static void on_lack_of_credentials(hf_ice *ice, hf_time now, hf_ice_allocation *a, hf_err cause)
{
    a->lacks_credentials = a->server->lacks_credentials = true;
    hf_ice_gather_on_answer(ice, now);
    if (cause != HF_OK && a->state != HF_ICE_ALLOCATION_STANDING)
        tell_failure(ice, a, cause);
    hf_ice_gather_settle(ice);
}

static void on_failed(hf_ice *ice, hf_time now, hf_ice_allocation *a, const hf_turn_client_event *e)
{
    hf_ice_gather_on_answer(ice, now);
    if (e->alternate.family != HF_FAMILY_NONE && !hf_ice_addr_is_forbidden(&e->alternate) &&
        a->redirects++ < REDIRECTS_MAX) {
        hf_ice_allocation_drop_client(ice, a);
        a->state = HF_ICE_ALLOCATION_RESTING;
        a->alternate = e->alternate;
        a->retry_at = now;
    } else if (e->code == 440 && a->family == HF_FAMILY_NONE) { /* RFC 8656 §7.2: no IPv4 there */
        hf_ice_allocation_drop_client(ice, a);
        a->state = HF_ICE_ALLOCATION_RESTING;
        a->family = HF_FAMILY_IPV6;
        a->retry_at = now;
    } else {
        hf_ice_allocation_fail(ice, now, a, e->cause, e->code);
    }
}

static void on_event(hf_ice *ice, hf_time now, hf_ice_allocation *a, const hf_turn_client_event *e)
{
    switch (e->type) {
    case HF_TURN_ALLOCATED:
        on_allocated(ice, now, a, e);
        break;
    case HF_TURN_PERMITTED:
    case HF_TURN_REFUSED:
        hf_ice_relayed_permit(ice, now, a, &e->peer, e->type == HF_TURN_PERMITTED);
        break;
    case HF_TURN_CREDENTIALS_NEEDED:
        on_lack_of_credentials(ice, now, a, e->cause);
        break;
    case HF_TURN_FAILED:
        on_failed(ice, now, a, e);
        break;
    case HF_TURN_CLOSED:
        hf_ice_allocation_drop_client(ice, a);
        a->state = HF_ICE_ALLOCATION_RESTING;
        break;
    }
}

void hf_ice_allocation_take_events(hf_ice *ice, hf_time now, hf_ice_allocation *a)
{
    hf_turn_client_event e;
    while (a->client && hf_turn_client_poll_event(a->client, &e))
        on_event(ice, now, a, &e);
}

bool hf_ice_relayed_unwrap(hf_ice *ice, hf_time now, hf_ice_allocation *a, hf_datagram *datagram)
{
    hf_turn_data data;
    bool has_data = hf_turn_client_input(a->client, now, datagram->data, datagram->len, &data);
    if (has_data)
        *datagram = (hf_datagram){.path = {.local = data.relayed, .remote = data.peer}, .data = data.data, .len = data.len};
    else
        hf_ice_allocation_take_events(ice, now, a);
    return has_data;
}

void hf_ice_allocation_on_stream(hf_ice *ice, hf_time now, hf_ice_allocation *a, hf_err err)
{
    if (err != HF_OK) {
        hf_ice_allocation_fail(ice, now, a, err, 0);
    } else {
        a->path.local = a->stream->path.local;
        (void)make_client(ice, now, a);
    }
}
