/* ice.c: an agent's birth, what goes in and what comes out. It directs and computes nothing. */
#include "relay_priv.h"

#include "lookout.h"
#include "suspicion.h"
#include "watch.h"

/* --- Birth and death --------------------------------------------------------------------------------------------- */

hf_err hf_ice_new(hf_ice **out, const hf_ice_config *config, const hf_env *env)
{
    static const hf_ice_config defaults = {0};
    if (!out || !hf_env_is_usable(env))
        return HF_EINVAL;
    if (!config)
        config = &defaults;
    hf_ice *ice = hf_alloc(env, sizeof *ice);
    if (!ice)
        return HF_ENOMEM;
    ice->env = env;
    ice->pace = config->pace <= 0 ? HF_ICE_PACE : config->pace < HF_ICE_PACE_MIN ? HF_ICE_PACE_MIN : config->pace;
    ice->patience = config->patience <= 0 ? HF_ICE_PATIENCE : config->patience;
    ice->mdns = config->mdns;
    ice->tcp = config->tcp;
    ice->no_udp = config->no_udp;
    ice->relay = config->relay;
    ice->keeps_looking = config->keeps_looking;
    ice->head_start = config->head_start <= 0 ? HF_ICE_HEAD_START : config->head_start;
    if (ice->relay == HF_ICE_RELAY_ONLY)
        ice->mdns = HF_ICE_MDNS_OFF; /* the remote's names would be asked for in our own network */
    ice->route_told = true;
    ice->give_up_at = ice->consent_at = ice->deadline = HF_NEVER;
    hf_ice_suspicion_end(ice);
    hf_ring_init(&ice->owed, env, sizeof(hf_ice_owed), HF_ICE_OWED_MAX);
    hf_packet_queue_init(&ice->arrived, env, sizeof(hf_path), 0, HF_ICE_ARRIVED_MAX);

    ice->newest = ice->current = hf_ice_generation_new(ice, config->controlling);
    hf_err err = ice->newest ? hf_ice_servers_init(ice, config) : HF_ENOMEM;
    if (err) {
        hf_ice_free(ice);
        return err;
    }
    *out = ice;
    return HF_OK;
}

void hf_ice_free(hf_ice *ice)
{
    if (!ice)
        return;
    const hf_env *env = ice->env;
    while (ice->newest) {
        hf_ice_generation *g = ice->newest;
        ice->newest = g->older;
        hf_ice_generation_free(g);
    }
    hf_ice_allocations_clear(ice);
    hf_ice_streams_clear(ice);
    hf_ice_servers_clear(ice);
    hf_ice_alias_clear(ice);
    hf_dealloc(env, ice->locals);
    hf_ring_clear(&ice->owed);
    memset(ice, 0, sizeof *ice);
    hf_dealloc(env, ice);
}

/* --- Time -------------------------------------------------------------------------------------------------------- */

/* A `now` earlier than one given before counts as that one (base.h). Consent that ended while nobody called, for the machine
 * slept, is over before anything else happens. */
static hf_time at(hf_ice *ice, hf_time now)
{
    if (now > ice->now) {
        hf_time before = ice->now;
        ice->now = now;
        hf_ice_suspicion_on_time(ice, before, now);
        hf_ice_consent_tick(ice, now);
    }
    return ice->now;
}

/* Ends each call that may have changed what comes next. */
static void settle(hf_ice *ice, hf_time now)
{
    hf_ice_join_consider(ice, now);
    hf_ice_give_up_if_hopeless(ice, now);
    hf_time next = hf_ice_earlier(hf_ice_check_deadline(ice), hf_ice_gather_deadline(ice));
    next = hf_ice_earlier(next, hf_ice_earlier(hf_ice_restart_deadline(ice), hf_ice_stream_deadline(ice)));
    next = hf_ice_earlier(next, hf_ice_earlier(hf_ice_allocation_deadline(ice), hf_ice_join_deadline(ice)));
    next = hf_ice_earlier(next, hf_ice_earlier(hf_ice_watch_deadline(ice), hf_ice_lookout_deadline(ice)));
    if (!hf_ice_is_over(ice)) {
        next = hf_ice_earlier(next, hf_ice_earlier(ice->give_up_at, hf_ice_checked(ice)->nominate_at));
        next = hf_ice_earlier(next, hf_ice_earlier(hf_ice_consent_deadline(ice), hf_ice_suspicion_deadline(ice)));
    }
    ice->deadline = next;
}

/* Ends a call of the application: whoever drives many agents must learn that there is something to fetch. */
static void settle_and_wake(hf_ice *ice, hf_time now)
{
    settle(ice, now);
    if (ice->wake)
        ice->wake(ice->wake_context);
}

hf_time hf_ice_deadline(const hf_ice *ice)
{
    return ice ? ice->deadline : HF_NEVER;
}

void hf_ice_tick(hf_ice *ice, hf_time now)
{
    if (!ice || now < ice->deadline)
        return;
    now = at(ice, now);
    hf_ice_gather_tick(ice, now);
    hf_ice_restart_tick(ice, now);
    hf_ice_stream_tick(ice, now);
    hf_ice_allocation_tick(ice, now);
    hf_ice_watch_tick(ice, now);
    hf_ice_lookout_tick(ice, now);
    if (!hf_ice_is_over(ice)) {
        hf_ice_check_tick(ice, now);
        hf_ice_suspicion_tick(ice, now);
        if (now >= hf_ice_checked(ice)->nominate_at)
            hf_ice_nominate_consider(ice, now);
    }
    settle(ice, now);
}

/* --- Calls of the application ------------------------------------------------------------------------------------ */

hf_err hf_ice_gather(hf_ice *ice, hf_time now)
{
    if (!ice)
        return HF_EINVAL;
    if (ice->newest->gathering != HF_ICE_GATHERING_NEW || ice->state == HF_ICE_CLOSED)
        return HF_ESTATE;
    now = at(ice, now);
    hf_ice_gather_begin(ice, now);
    settle_and_wake(ice, now);
    return HF_OK;
}

hf_err hf_ice_restart(hf_ice *ice, hf_time now)
{
    if (!ice)
        return HF_EINVAL;
    hf_err err = hf_ice_restart_open(ice);
    if (err == HF_OK)
        settle_and_wake(ice, at(ice, now));
    return err;
}

hf_err hf_ice_cancel_restart(hf_ice *ice, hf_time now)
{
    if (!ice)
        return HF_EINVAL;
    now = at(ice, now);
    hf_err err = hf_ice_restart_cancel(ice, now);
    if (err == HF_OK)
        settle_and_wake(ice, now);
    return err;
}

hf_err hf_ice_set_credentials(hf_ice *ice, hf_time now, const char *uri, const char *username, const char *password)
{
    if (!ice || !uri || !username || !password)
        return HF_EINVAL;
    now = at(ice, now);
    hf_err err = HF_ENOENT;
    for (size_t i = 0; i < ice->servers_len; i++) {
        hf_ice_stun *server = &ice->servers[i];
        if (!server->is_turn || strcmp(server->uri, uri) != 0)
            continue;
        err = hf_ice_server_set_credentials(ice, server, username, password);
        if (err)
            break;
        hf_ice_allocations_take_credentials(ice, now, server);
    }
    settle_and_wake(ice, now);
    return err;
}

hf_err hf_ice_set_relay(hf_ice *ice, hf_ice_relay relay)
{
    if (!ice || (unsigned)relay > HF_ICE_RELAY_NEVER)
        return HF_EINVAL;
    ice->relay = relay;
    if (ice->newest->gathering == HF_ICE_GATHERING_NEW)
        ice->newest->relay = relay;
    return HF_OK;
}

void hf_ice_watch_servers(hf_ice *ice, hf_time now, bool on)
{
    if (!ice || ice->state == HF_ICE_CLOSED)
        return;
    now = at(ice, now);
    hf_ice_watch_begin(ice, now, on);
    settle_and_wake(ice, now);
}

void hf_ice_close(hf_ice *ice, hf_time now)
{
    if (!ice || ice->state == HF_ICE_CLOSED)
        return;
    now = at(ice, now);
    hf_ice_enter(ice, now, HF_ICE_CLOSED, HF_OK);
    hf_ice_allocations_close(ice, now);
    settle_and_wake(ice, now);
}

hf_err hf_ice_set_controlling(hf_ice *ice, bool controlling)
{
    if (!ice)
        return HF_EINVAL;
    if (hf_ice_remote_is_known(ice->newest))
        return HF_ESTATE;
    hf_ice_set_role(ice->newest, controlling);
    return HF_OK;
}

static bool is_remote(const hf_ice_generation *g, const hf_ice_remote_agent *remote)
{
    return hf_ice_remote_is_known(g) && strcmp(g->remote_ufrag, remote->ufrag) == 0 &&
           strcmp(g->remote_pwd, remote->pwd) == 0;
}

hf_err hf_ice_set_remote(hf_ice *ice, hf_time now, const hf_ice_remote_agent *remote)
{
    if (!ice || !remote || !hf_ice_ufrag_is_valid(hf_bytes_of_text(remote->ufrag)) ||
        !hf_ice_pwd_is_valid(hf_bytes_of_text(remote->pwd)))
        return HF_EINVAL;
    if (is_remote(hf_ice_checked(ice), remote))
        return HF_OK;
    hf_ice_generation *g = ice->newest;
    if (hf_ice_remote_is_known(g) || ice->state == HF_ICE_CLOSED)
        return HF_ESTATE;
    hf_err err = hf_ice_generation_set_remote(g, remote->ufrag, remote->pwd);
    if (err)
        return err;
    now = at(ice, now);
    hf_trace(ice->env, now, HF_TRACE_ICE_CREDENTIALS_CHANGED, hf_trace_text("local_ufrag", g->local_ufrag),
             hf_trace_text("remote_ufrag", g->remote_ufrag), hf_trace_bool("remote_is_lite", remote->lite),
             hf_trace_text("role", g->is_controlling || remote->lite ? "controlling" : "controlled"));
    g->remote_may_renominate = remote->renomination;
    g->remote_is_lite = remote->lite;
    if (remote->lite)
        hf_ice_set_role(g, true);
    hf_ice_restart_begin_checks(ice, now);
    hf_ice_remote_drop_other_generations(g);
    for (size_t i = 0; i < g->remotes_len; i++)
        hf_ice_pair_add_for_remote(g, g->remotes[i]);
    hf_ice_answer_take_early(g, now);
    settle_and_wake(ice, now);
    return HF_OK;
}

/* Whose candidate it is. A generation's ufrag says so (RFC 8839 §5.4); one that is not known yet may be that of a restart
 * whose description is still to come. */
static hf_ice_generation *generation_of(const hf_ice *ice, const char *remote_ufrag)
{
    if (remote_ufrag[0] == '\0')
        return hf_ice_checked(ice);
    for (hf_ice_generation *g = ice->newest; g != ice->current->older; g = g->older) {
        if (hf_ice_remote_is_known(g) && strcmp(g->remote_ufrag, remote_ufrag) == 0)
            return g;
    }
    return ice->newest;
}

/* Then the remote's UDP candidates are of use, though we have no UDP. */
static bool may_relay_by_stream(const hf_ice *ice)
{
    for (size_t i = 0; i < ice->servers_len; i++) {
        if (ice->servers[i].is_turn && ice->servers[i].transport == HF_TCP)
            return true;
    }
    return false;
}

static bool is_of_a_kind_in_use(const hf_ice_generation *g, const hf_ice_candidate *candidate)
{
    const hf_ice *ice = g->ice;
    switch (candidate->tcp_type) {
    case HF_ICE_TCP_NONE:
        return !ice->no_udp || may_relay_by_stream(ice);
    case HF_ICE_TCP_ACTIVE:
    case HF_ICE_TCP_PASSIVE:
        return ice->tcp != HF_ICE_TCP_OFF && g->relay != HF_ICE_RELAY_ONLY;
    case HF_ICE_TCP_SO:
        break;
    }
    return false;
}

hf_err hf_ice_add_remote_candidate(hf_ice *ice, hf_time now, const hf_ice_candidate *candidate, const char *ufrag)
{
    if (!ice || !candidate)
        return HF_EINVAL;
    if (!ufrag)
        ufrag = candidate->ufrag;
    hf_ice_generation *g = generation_of(ice, ufrag);
    if (g->is_over)
        return HF_ESTATE;
    if (candidate->component != 1 || !is_of_a_kind_in_use(g, candidate)) {
        ice->stats.remote_candidates_ignored++;
        return HF_ENOTSUP;
    }
    if (candidate->tcp_type == HF_ICE_TCP_ACTIVE) { /* it comes to us, or not: there is nothing to be checked */
        g->remote_hides_addresses |= ice->tcp == HF_ICE_TCP_LISTEN;
        ice->stats.remote_candidates_ignored++;
        return HF_OK;
    }
    bool has_name = candidate->addr.family == HF_FAMILY_NONE;
    if ((!has_name && hf_ice_addr_is_forbidden(&candidate->addr)) ||
        (candidate->tcp_type == HF_ICE_TCP_PASSIVE && hf_ice_port_is_forbidden_for_tcp(candidate->addr.port)))
        return HF_EINVAL;
    now = at(ice, now);
    hf_err err = has_name ? hf_ice_alias_add(g, candidate, ufrag) : hf_ice_remote_add(g, candidate, ufrag);
    if (err == HF_OK)
        settle_and_wake(ice, now);
    return err;
}

void hf_ice_end_of_remote_candidates(hf_ice *ice, hf_time now)
{
    if (!ice)
        return;
    hf_ice_checked(ice)->remote_has_ended = true;
    settle_and_wake(ice, at(ice, now));
}

void hf_ice_count_sent(hf_ice *ice, hf_time now, size_t packets, size_t bytes)
{
    hf_ice_pair *pair = ice->route;
    ice->stats.packets_sent += packets;
    ice->stats.bytes_sent += bytes;
    if (!pair)
        return;
    pair->packets_sent += packets;
    pair->bytes_sent += bytes;
    pair->data_sent_at = now;
    hf_ice_suspicion_on_sent(ice, now);
}

void hf_ice_set_wake(hf_ice *ice, void (*wake)(void *context), void *context)
{
    if (!ice)
        return;
    ice->wake = wake;
    ice->wake_context = context;
}

/* --- From the network and the driver ----------------------------------------------------------------------------- */

void hf_ice_on_stun(hf_ice *ice, hf_time now, const hf_path *path, hf_bytes bytes)
{
    hf_stun_message message;
    if (!hf_stun_read(bytes, &message) || message.method != HF_STUN_BINDING) {
        hf_ice_drop(ice, HF_DROP_STUN_MALFORMED, bytes.len);
        return;
    }
    ice->stats.stun_received++;
    hf_trace(ice->env, now, HF_TRACE_ICE_PACKETS_RECEIVED, hf_trace_number("count", 1), hf_trace_number("bytes", bytes.len),
             hf_trace_addr("local", &path->local), hf_trace_addr("remote", &path->remote));
    switch (message.class_) {
    case HF_STUN_REQUEST:
        if (!hf_ice_is_over(ice) || hf_ice_is_restarting(ice))
            hf_ice_answer_on_request(ice, now, path, &message);
        break;
    case HF_STUN_SUCCESS:
    case HF_STUN_ERROR:
        if (!hf_ice_gather_on_response(ice, now, path, &message))
            hf_ice_check_on_response(ice, now, path, &message);
        break;
    case HF_STUN_INDICATION: /* RFC 8445 §11: a keepalive, and nothing more */
        break;
    }
}

/* Data comes by the route nearly always, otherwise as it came last. After a restart pairs of two generations may have one
 * path: data does not say whose it is, and counts for the one that we send by. */
bool hf_ice_is_authenticated(hf_ice *ice, const hf_path *path)
{
    if (ice->route && ice->route->is_authenticated && hf_ice_path_equal(&ice->route->path, path))
        ice->heard = ice->route;
    if (ice->heard && !ice->heard->generation->is_over && hf_ice_path_equal(&ice->heard->path, path))
        return true;
    for (const hf_ice_generation *g = ice->newest; g; g = g->older) {
        hf_ice_pair *pair = g->is_over ? NULL : hf_ice_pair_find(g, path);
        if (pair && pair->is_authenticated) {
            ice->heard = pair;
            return true;
        }
        if (!g->is_over && hf_ice_answer_is_early(g, path))
            return true;
    }
    return false;
}

void hf_ice_count_received(hf_ice *ice, hf_time now, const hf_path *path, size_t len)
{
    hf_ice_pair *pair = ice->heard;
    ice->stats.packets_received++;
    ice->stats.bytes_received += len;
    if (!pair || !hf_ice_path_equal(&pair->path, path))
        return; /* it came before the remote's credentials, and there is no pair */
    pair->packets_received++;
    pair->bytes_received += len;
    pair->data_received_at = now;
    hf_ice_suspicion_on_data(now, pair);
}

/* RFC 7983 §7: 20 to 63 is DTLS, 128 to 191 SRTP; the rest is nothing that passes between peers. */
bool hf_ice_may_be_data(uint8_t first)
{
    return (first >= 20 && first <= 63) || (first >= 128 && first <= 191);
}

bool hf_ice_is_data(hf_ice *ice, hf_time now, const hf_datagram *datagram)
{
    if (datagram->len == 0) {
        hf_ice_drop(ice, HF_DROP_STUN_MALFORMED, 0);
    } else if (datagram->data[0] <= 3) { /* RFC 7983 §7 */
        hf_ice_on_stun(ice, now, &datagram->path, hf_bytes_of(datagram->data, datagram->len));
    } else if (!hf_ice_may_be_data(datagram->data[0])) {
        hf_ice_drop(ice, HF_DROP_STUN_MALFORMED, datagram->len);
    } else if (!hf_ice_is_authenticated(ice, &datagram->path)) {
        hf_ice_drop(ice, HF_DROP_UNKNOWN_PATH, datagram->len);
    } else {
        return true;
    }
    return false;
}

/* What a server relays is looked at as if it had come to the relayed address, where it lies. */
static bool is_data_of_datagram(hf_ice *ice, hf_time now, hf_datagram *datagram)
{
    hf_ice_allocation *a = hf_ice_relayed_server(ice, datagram);
    return (!a || hf_ice_relayed_unwrap(ice, now, a, datagram)) && hf_ice_is_data(ice, now, datagram);
}

size_t hf_ice_input(hf_ice *ice, hf_time now, hf_datagram *datagrams, size_t n)
{
    if (!ice || !datagrams)
        return 0;
    size_t kept = 0;
    bool had_other = false;
    now = at(ice, now);
    for (size_t i = 0; i < n; i++) {
        hf_datagram *datagram = &datagrams[i];
        if (datagram->len == 0 || datagram->len > HF_DATAGRAM_MAX || !datagram->data) {
            hf_ice_drop(ice, HF_DROP_STUN_MALFORMED, datagram->len);
        } else if (datagram->path.transport == HF_TCP) {
            hf_ice_stream_input(ice, now, datagram);
            had_other = true;
        } else if (is_data_of_datagram(ice, now, datagram)) {
            hf_ice_count_received(ice, now, &datagram->path, datagram->len);
            datagrams[kept++] = *datagram;
        } else {
            had_other = true;
        }
    }
    if (had_other)
        settle(ice, now);
    return kept;
}

bool hf_ice_poll_transmit(hf_ice *ice, hf_time now, hf_transmit *out)
{
    if (!ice || !out || !out->buffer || (ice->owed.len == 0 && now < ice->deadline))
        return false;
    now = at(ice, now);
    bool has_one = hf_ice_answer_poll(ice, out) || hf_ice_consent_poll(ice, now, out) ||
                   hf_ice_allocation_poll(ice, now, out) || hf_ice_suspicion_poll(ice, now, out) ||
                   hf_ice_check_poll(ice, now, out) || hf_ice_lookout_poll(ice, now, out) ||
                   hf_ice_gather_repeat(ice, now, out);
    settle(ice, now);
    if (has_one) {
        ice->stats.stun_sent++;
        hf_trace(ice->env, now, HF_TRACE_ICE_PACKETS_SENT, hf_trace_number("count", 1), hf_trace_number("bytes", out->len),
                 hf_trace_addr("local", &out->path.local), hf_trace_addr("remote", &out->path.remote));
    }
    return has_one;
}

bool hf_ice_poll_request(hf_ice *ice, hf_request *out)
{
    if (!ice || !out)
        return false;
    bool has_one =
        ice->state != HF_ICE_CLOSED && (hf_ice_gather_poll_request(ice, out) || hf_ice_alias_poll_request(ice, out));
    return has_one || hf_ice_stream_poll_request(ice, out);
}

void hf_ice_reply(hf_ice *ice, hf_time now, const hf_reply *reply)
{
    bool is_of_a_stream = reply && (reply->type == HF_REPLY_CONNECTED || reply->type == HF_REPLY_DISCONNECTED);
    if (!ice || !reply || (ice->state == HF_ICE_CLOSED && !is_of_a_stream))
        return;
    now = at(ice, now);
    switch (reply->type) {
    case HF_REPLY_LOCALS:
        hf_ice_gather_on_locals(ice, now, reply);
        break;
    case HF_REPLY_ADVERTISED:
        hf_ice_alias_on_advertised(ice, reply);
        hf_ice_gather_settle(ice);
        break;
    case HF_REPLY_CONNECTED:
        hf_ice_stream_on_connected(ice, now, reply);
        break;
    case HF_REPLY_DISCONNECTED:
        hf_ice_stream_on_disconnected(ice, now, reply);
        break;
    case HF_REPLY_RESOLVED:
        hf_ice_gather_on_resolved(ice, now, reply);
        hf_ice_alias_on_resolved(ice, reply);
        break;
    case HF_REPLY_BOUND: /* never asked for */
    case HF_REPLY_ROOM:  /* what is left out is sent again, or another path taken */
        break;
    }
    settle(ice, now);
}
