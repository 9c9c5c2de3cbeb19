/* check.c: our connectivity checks: when they leave, and what their answers mean (RFC 8445 §6.1.4, §7.2).
 *
 * Each transmission of a check is a STUN transaction of its own, as in Chromium: so an answer tells the round trip exactly,
 * also when an earlier one was lost. */
#include "relay_priv.h"

#include "suspicion.h"

/* RFC 8445 §14.3: "RTO = MAX (500 ms, Ta * N * (Num-Waiting + Num-In-Progress))". We keep the term that bounds the rate and
 * replace the floor: on most paths an answer comes within 100 ms, and a lost first flight must not cost half a second. What
 * that adds is a packet or two on a path with a long round trip. */
#define RTO_MIN HF_MS(100)
#define RTO_MAX HF_MS(500)

/* RFC 8489 §6.2.1: Rc is 7. The doubling ends at some seconds, so that a path that opens late (a NAT that lets us in once
 * the remote has sent) is found while somebody waits for it. */
#define TRANSMISSIONS_MAX 7
#define INTERVAL_MAX HF_MS(3200)

/* RFC 8445 §6.1.4.2 sends triggered checks at the pace of all others, which would cost up to Ta on the very path that
 * is about to work. They go to where somebody just proved to expect us, so they only keep to the least Ta that §14.2
 * allows. */
#define TRIGGERED_PACE HF_ICE_PACE_MIN

/* §14.2, what is sent too fast would cost bindings of NATs. What goes by way of a relay needs none but the one to its
 * server, so it has a pacer of its own, and does not wait behind direct pairs that lead nowhere. */
#define RELAYED_PACE HF_ICE_PACE_MIN

/* RFC 6544 §7.1: over TCP a check is not repeated, for TCP delivers it. RFC 8489 §6.2.2 waits 39.5 s for the answer then;
 * as long as for one over UDP is enough. */
#define STREAM_PATIENCE HF_SECONDS(10)

void hf_ice_check_trigger(hf_ice_pair *pair)
{
    if (pair->triggered == 0)
        pair->triggered = ++pair->generation->ice->triggered_last;
    pair->due = HF_NEVER;
    if (pair->state != HF_ICE_PAIR_SUCCEEDED)
        hf_ice_pair_enter(pair, HF_ICE_PAIR_WAITING);
}

void hf_ice_check_cancel(hf_ice_pair *pair)
{
    pair->due = HF_NEVER;
    pair->triggered = 0;
    if (pair->stream && pair->stream->state == HF_ICE_STREAM_OPENING)
        hf_ice_stream_close(pair->generation->ice, pair->stream);
    if (pair->state == HF_ICE_PAIR_IN_PROGRESS)
        hf_ice_pair_enter(pair, HF_ICE_PAIR_WAITING);
}

static hf_ice_pair *next_triggered(const hf_ice_generation *g)
{
    hf_ice_pair *first = NULL;
    for (size_t i = 0; i < g->pairs_len; i++) {
        hf_ice_pair *pair = g->pairs[i];
        if (pair->triggered != 0 && pair->is_permitted && (!first || pair->triggered < first->triggered))
            first = pair;
    }
    return first;
}

static bool may_start(const hf_ice_pair *pair)
{
    if (!hf_ice_join_allows(pair))
        return false;
    return pair->path.transport == HF_UDP || pair->stream ||
           hf_ice_stream_may_open(pair->generation->ice, &pair->path.remote);
}

/* RFC 8445 §6.1.4.2 takes the waiting pair of the highest priority. Here the address families take turns: RFC 8421 §4 wants
 * no more than a few checks of a broken one before the other is tried, and our own priorities, interleaved as they are,
 * can't see to that where the remote puts one family above the other. */
static hf_ice_pair *next_waiting(const hf_ice_generation *g, bool by_relay)
{
    hf_ice_pair *first = NULL;
    for (size_t i = 0; i < g->pairs_len; i++) {
        hf_ice_pair *pair = g->pairs[i];
        if ((pair->local->type == HF_ICE_RELAYED) != by_relay)
            continue;
        if (pair->state != HF_ICE_PAIR_WAITING || pair->triggered != 0 || !hf_ice_nominate_wants(pair) || !may_start(pair))
            continue;
        if (pair->path.local.family != g->ice->family_checked)
            return pair;
        if (!first)
            first = pair;
    }
    return first;
}

static hf_span rto_at_first(const hf_ice_pair *pair)
{
    const hf_ice_generation *g = pair->generation;
    if (pair->rtt > 0)
        return pair->rtt * 2 < RTO_MIN ? RTO_MIN : pair->rtt * 2 > RTO_MAX ? RTO_MAX : pair->rtt * 2;
    hf_span rto = 0;
    for (size_t i = 0; i < g->pairs_len; i++) {
        hf_ice_pair_state state = g->pairs[i]->state;
        bool is_on_the_way = state == HF_ICE_PAIR_WAITING || state == HF_ICE_PAIR_IN_PROGRESS;
        if (is_on_the_way && g->pairs[i]->path.transport == HF_UDP && hf_ice_join_allows(g->pairs[i]))
            rto += g->ice->pace;
    }
    return rto < RTO_MIN ? RTO_MIN : rto > RTO_MAX ? RTO_MAX : rto;
}

/* A route that was nominated is so again when it is probed: the remote may have lost its own idea of it, and see ours come
 * from another address. */
static uint32_t nomination_of(const hf_ice_pair *pair)
{
    const hf_ice_generation *g = pair->generation;
    if (!g->is_controlling)
        return 0;
    bool is_probed = pair == g->ice->route && g->ice->suspected_at != HF_NEVER;
    return pair->nominating == 0 && pair->is_nominated && is_probed ? g->nomination : pair->nominating;
}

/* Puts one more request on record and returns its place. */
static hf_ice_sent *note_sent(hf_time now, hf_ice_pair *pair)
{
    const hf_ice_generation *g = pair->generation;
    hf_ice_sent *sent = &pair->sent[pair->sent_next];
    pair->sent_next = (pair->sent_next + 1) % HF_ICE_REQUESTS_MAX;
    *sent = (hf_ice_sent){
        .is_pending = true,
        .is_controlling = g->is_controlling,
        .nomination = nomination_of(pair),
        .sent_at = now,
    };
    hf_random_bytes(g->ice->env, sent->id, sizeof sent->id);
    pair->requests_sent++;
    hf_trace(g->ice->env, now, HF_TRACE_ICE_CHECK_SENT, hf_trace_number("pair", pair->number),
             hf_trace_bool("nominate", sent->nomination > 0), hf_trace_text("state", hf_ice_pair_state_name(pair->state)));
    return sent;
}

/* RFC 8445 §7.1: USERNAME is "theirs:ours"; PRIORITY is what the candidate would have were it peer-reflexive. */
bool hf_ice_check_send(hf_time now, hf_ice_pair *pair, hf_transmit *out)
{
    const hf_ice_generation *g = pair->generation;
    hf_ice_way way;
    if (!hf_ice_way_of(g->ice, &pair->path, &way))
        return false;
    const hf_ice_sent *sent = note_sent(now, pair);
    char user[HF_ICE_UFRAG_MAX + 1 + HF_ICE_LOCAL_UFRAG_LEN];
    size_t remote_len = strlen(g->remote_ufrag);
    memcpy(user, g->remote_ufrag, remote_len);
    user[remote_len] = ':';
    memcpy(user + remote_len + 1, g->local_ufrag, HF_ICE_LOCAL_UFRAG_LEN);

    hf_stun_writer s = hf_stun_begin(out->buffer + way.wrap.before, out->cap - way.wrap.before - way.wrap.after,
                                     HF_STUN_REQUEST, HF_STUN_BINDING, sent->id);
    hf_stun_add(&s, HF_STUN_USERNAME, hf_bytes_of(user, remote_len + 1 + HF_ICE_LOCAL_UFRAG_LEN));
    hf_stun_add_u64(&s, g->is_controlling ? HF_STUN_ICE_CONTROLLING : HF_STUN_ICE_CONTROLLED, g->tie_breaker);
    if (sent->nomination)
        hf_stun_add(&s, HF_STUN_USE_CANDIDATE, (hf_bytes){0});
    if (sent->nomination && g->remote_may_renominate)
        hf_stun_add_u32(&s, HF_STUN_NOMINATION, sent->nomination);
    hf_stun_add_u32(&s, HF_STUN_PRIORITY,
                    hf_ice_priority(HF_ICE_PEER_REFLEXIVE, pair->local->tcp_type, pair->local->preference));
    hf_stun_add_integrity(&s, hf_bytes_of_text(g->remote_pwd));
    hf_stun_add_fingerprint(&s);
    return hf_ice_finish(out, &way, hf_stun_end(&s)); /* false: an allocation failed inside; the next one will do */
}

static bool transmit(hf_time now, hf_ice_pair *pair, hf_transmit *out)
{
    if (!hf_ice_budget_spend(pair)) {
        pair->transmissions = TRANSMISSIONS_MAX;
        pair->due = now; /* it fails at once */
        return false;
    }
    hf_span interval = pair->rto << pair->transmissions;
    pair->transmissions++;
    pair->due = now + (interval < INTERVAL_MAX ? interval : INTERVAL_MAX);
    return hf_ice_check_send(now, pair, out);
}

static void begin(hf_ice_pair *pair)
{
    pair->rto = rto_at_first(pair);
    pair->transmissions = 0;
    pair->triggered = 0;
    if (pair->state != HF_ICE_PAIR_SUCCEEDED)
        hf_ice_pair_enter(pair, HF_ICE_PAIR_IN_PROGRESS);
}

/* The one transmission of a check over TCP. */
static bool transmit_on_stream(hf_time now, hf_ice_pair *pair, hf_transmit *out)
{
    if (pair->stream->state == HF_ICE_STREAM_OPENING)
        return false; /* it triggers the check when it is open */
    pair->transmissions = TRANSMISSIONS_MAX;
    pair->due = now + STREAM_PATIENCE;
    if (hf_ice_check_send(now, pair, out))
        return true;
    hf_ice_check_trigger(pair);
    return false;
}

static bool start(hf_time now, hf_ice_pair *pair, hf_transmit *out)
{
    begin(pair);
    return pair->stream ? transmit_on_stream(now, pair, out) : transmit(now, pair, out);
}

static bool needs_stream(const hf_ice_pair *pair)
{
    return pair->path.transport == HF_TCP && !pair->stream;
}

/* It does not need a binding of our NAT that is not there yet. */
static bool needs_no_pace(const hf_ice_pair *pair)
{
    return pair->is_authenticated || pair->local->type == HF_ICE_RELAYED;
}

/* The RTO of RFC 8445 §14.3 grows with the number of pairs, so that what is repeated keeps to Ta, too. Ours does not: there
 * is a pacer for it. A pair that the remote has used need not wait for those that may lead nowhere. */
static hf_time repeat_at(const hf_ice_pair *pair)
{
    bool is_paced = pair->due != HF_NEVER && pair->transmissions < TRANSMISSIONS_MAX && !needs_no_pace(pair);
    hf_time pacer = pair->generation->ice->repeat_at;
    return is_paced && pacer > pair->due ? pacer : pair->due;
}

static bool poll_repeated(hf_ice_generation *g, hf_time now, hf_transmit *out)
{
    hf_ice_pair *first = NULL;
    for (size_t i = 0; i < g->pairs_len; i++) {
        hf_ice_pair *pair = g->pairs[i];
        if (repeat_at(pair) <= now && pair->transmissions < TRANSMISSIONS_MAX && (!first || pair->due < first->due))
            first = pair;
    }
    if (!first)
        return false;
    if (!needs_no_pace(first))
        g->ice->repeat_at = now + g->ice->pace;
    return transmit(now, first, out);
}

static hf_ice_pair *next_ordinary(hf_ice_generation *g, hf_time now, bool by_relay)
{
    for (;;) {
        hf_ice_pair *pair = next_waiting(g, by_relay);
        if (!pair && hf_ice_pair_thaw(g))
            pair = next_waiting(g, by_relay);
        if (!pair || hf_ice_budget_allows(pair))
            return pair;
        hf_ice_pair_fail(now, pair);
    }
}

/* A check over TCP begins with a stream, which takes a slot of the pacer as a datagram does. */
static void open_stream(hf_ice *ice, hf_time now)
{
    hf_ice_generation *g = hf_ice_checked(ice);
    hf_ice_pair *pair = g->is_over || now < ice->pace_at ? NULL : next_ordinary(g, now, false);
    if (!pair || !needs_stream(pair))
        return;
    ice->pace_at = now + ice->pace;
    ice->family_checked = pair->path.local.family;
    begin(pair);
    if (!hf_ice_budget_spend(pair) || !hf_ice_stream_open(now, pair))
        hf_ice_pair_fail(now, pair);
}

/* Ordinary checks and queries to servers share the pacer, and take turns. */
static bool poll_ordinary(hf_ice *ice, hf_time now, hf_transmit *out)
{
    hf_ice_generation *g = hf_ice_checked(ice);
    hf_ice_pair *pair = g->is_over ? NULL : next_ordinary(g, now, false);
    if (pair && needs_stream(pair))
        pair = NULL; /* open_stream sees to it */
    bool has_query = hf_ice_gather_has_waiting(ice);
    if (!pair && !has_query)
        return false;

    ice->pace_at = now + ice->pace;
    bool is_query = has_query && (!pair || ice->gather_turn);
    ice->gather_turn = !is_query;
    if (!is_query)
        ice->family_checked = pair->path.local.family;
    return is_query ? hf_ice_gather_start_one(ice, now, out) : start(now, pair, out);
}

static bool poll_relayed(hf_ice_generation *g, hf_time now, hf_transmit *out)
{
    hf_ice_pair *pair = next_ordinary(g, now, true);
    if (!pair)
        return false;
    g->ice->relayed_at = now + RELAYED_PACE;
    return start(now, pair, out);
}

bool hf_ice_check_poll(hf_ice *ice, hf_time now, hf_transmit *out)
{
    hf_ice_generation *g = hf_ice_checked(ice);
    if (!g->is_over) {
        if (poll_repeated(g, now, out))
            return true;
        hf_ice_pair *pair = now >= ice->triggered_at ? next_triggered(g) : NULL;
        if (pair) {
            ice->triggered_at = now + TRIGGERED_PACE;
            if (start(now, pair, out))
                return true;
        }
        if (now >= ice->relayed_at && poll_relayed(g, now, out))
            return true;
    }
    return now >= ice->pace_at && poll_ordinary(ice, now, out);
}

void hf_ice_pair_fail(hf_time now, hf_ice_pair *pair)
{
    hf_ice_check_cancel(pair);
    hf_ice_stream_close(pair->generation->ice, pair->stream);
    hf_ice_pair_enter(pair, HF_ICE_PAIR_FAILED);
    pair->mapped = NULL;
    pair->is_nominated = false;
    pair->nominating = pair->nomination_on_success = 0;
    hf_ice_nominate_consider(pair->generation->ice, now);
}

void hf_ice_check_tick(hf_ice *ice, hf_time now)
{
    hf_ice_generation *g = hf_ice_checked(ice);
    open_stream(ice, now);
    for (size_t i = 0; i < g->pairs_len; i++) {
        hf_ice_pair *pair = g->pairs[i];
        if (pair->due <= now && pair->transmissions >= TRANSMISSIONS_MAX)
            hf_ice_pair_fail(now, pair);
    }
}

static bool has_thawing(const hf_ice_generation *g)
{
    for (size_t i = 0; i < g->pairs_len; i++) {
        if (hf_ice_nominate_wants(g->pairs[i]) && hf_ice_pair_may_thaw(g, g->pairs[i]))
            return true;
    }
    return false;
}

hf_time hf_ice_check_deadline(const hf_ice *ice)
{
    const hf_ice_generation *g = hf_ice_checked(ice);
    hf_time at = hf_ice_gather_has_waiting(ice) ? ice->pace_at : HF_NEVER;
    if (g->is_over)
        return at;
    for (size_t i = 0; i < g->pairs_len; i++) {
        at = hf_ice_earlier(at, repeat_at(g->pairs[i]));
        if (g->pairs[i]->triggered != 0 && g->pairs[i]->is_permitted)
            at = hf_ice_earlier(at, ice->triggered_at);
    }
    if (next_waiting(g, false) || has_thawing(g))
        at = hf_ice_earlier(at, ice->pace_at);
    if (next_waiting(g, true))
        at = hf_ice_earlier(at, ice->relayed_at);
    return at;
}

bool hf_ice_check_all_failed(const hf_ice_generation *g)
{
    for (size_t i = 0; i < g->pairs_len; i++) {
        if (g->pairs[i]->state != HF_ICE_PAIR_FAILED)
            return false;
    }
    return true;
}

void hf_ice_set_role(hf_ice_generation *g, bool is_controlling)
{
    if (g->is_controlling == is_controlling)
        return;
    g->is_controlling = is_controlling;
    if (hf_ice_remote_is_known(g))
        hf_trace(g->ice->env, g->ice->now, HF_TRACE_ICE_ROLE_CHANGED,
                 hf_trace_text("new", is_controlling ? "controlling" : "controlled"));
    g->nomination = 0;
    for (size_t i = 0; i < g->pairs_len; i++) {
        g->pairs[i]->nominating = g->pairs[i]->nomination_on_success = 0;
    }
    hf_ice_pair_reprioritize(g);
}

/* --- Answers ------------------------------------------------------------------------------------------------------- */

static hf_ice_sent *find_sent_of(const hf_ice_generation *g, const uint8_t id[HF_STUN_ID_SIZE], hf_ice_pair **pair)
{
    for (size_t i = 0; i < g->pairs_len; i++) {
        *pair = g->pairs[i];
        for (size_t n = 0; n < HF_ICE_REQUESTS_MAX; n++) {
            hf_ice_sent *sent = &(*pair)->sent[n];
            if (sent->is_pending && memcmp(sent->id, id, HF_STUN_ID_SIZE) == 0)
                return sent;
        }
    }
    return NULL;
}

static hf_ice_sent *find_sent(const hf_ice *ice, const uint8_t id[HF_STUN_ID_SIZE], hf_ice_pair **pair)
{
    for (const hf_ice_generation *g = ice->newest; g; g = g->older) {
        hf_ice_sent *sent = g->is_over ? NULL : find_sent_of(g, id, pair);
        if (sent)
            return sent;
    }
    return NULL;
}

/* RFC 8445 §7.2.5.1: the remote has the role that we claimed, and the greater tie-breaker. A lite one can have no role but
 * one (§6.1.1), and its answer is an error like any other. §16.1: the tie-breaker stays the
 * same "unless it has received a 487 response, in which case it MUST change the number". */
static void on_role_conflict(hf_time now, hf_ice_pair *pair, const hf_ice_sent *sent)
{
    hf_ice_generation *g = pair->generation;
    g->ice->stats.role_conflicts++;
    if (sent->is_controlling == g->is_controlling) {
        hf_ice_set_role(g, !g->is_controlling);
        g->tie_breaker = hf_random_u64(g->ice->env);
    }
    hf_ice_check_trigger(pair);
    hf_ice_nominate_consider(g->ice, now);
}

static bool is_same_ip(const hf_addr *told, const hf_addr *own)
{
    hf_addr scoped = *told; /* what a remote tells has no zone */
    scoped.scope = own->scope;
    return hf_addr_equal_ip(&scoped, own);
}

/* RFC 8445 §7.2.5.3.1: the mapped address names the local candidate of the valid pair, which may be a new one. */
static hf_ice_local *local_of(hf_ice_pair *pair, const hf_addr *mapped)
{
    if (pair->stream && mapped->port == pair->path.local.port && is_same_ip(mapped, &pair->path.local))
        return pair->local; /* an active candidate, seen as it is; each stream has another port */
    hf_ice_local *local = hf_ice_local_find(pair->generation, mapped, pair->local);
    if (!local)
        local = hf_ice_local_add_peer_reflexive(pair->generation, pair->local, mapped);
    return local ? local : pair->local; /* no room for a candidate is no reason to refuse a path */
}

/* RFC 8445 §7.2.5.3.3: pairs with the foundation of one that succeeded have a good chance. */
static void thaw_like(const hf_ice_pair *pair)
{
    hf_ice_generation *g = pair->generation;
    for (size_t i = 0; i < g->pairs_len; i++) {
        hf_ice_pair *other = g->pairs[i];
        if (other->state == HF_ICE_PAIR_FROZEN && hf_ice_pair_shares_foundation(other, pair))
            hf_ice_pair_enter(other, HF_ICE_PAIR_WAITING);
    }
}

static void on_success(hf_time now, hf_ice_pair *pair, const hf_ice_sent *sent, const hf_addr *mapped)
{
    hf_ice *ice = pair->generation->ice;
    pair->responses_received++;
    pair->rtt = now - sent->sent_at > 0 ? now - sent->sent_at : 1; /* zero would say: not known */
    pair->rtt_total += pair->rtt;
    hf_trace(ice->env, now, HF_TRACE_ICE_CHECK_ANSWERED, hf_trace_number("pair", pair->number),
             hf_trace_ms("rtt_ms", pair->rtt));
    hf_ice_suspicion_on_answer(now, pair);
    pair->answered_at = now;
    pair->is_authenticated = true;
    hf_ice_budget_prove(pair);
    pair->mapped = local_of(pair, mapped);
    hf_ice_pair_enter(pair, HF_ICE_PAIR_SUCCEEDED);
    if (pair->nominating == 0 || pair->nominating == sent->nomination)
        hf_ice_check_cancel(pair);
    uint32_t nomination = sent->nomination ? sent->nomination : pair->nomination_on_success;
    if (nomination)
        hf_ice_nominate_accept(now, pair, nomination);
    thaw_like(pair);
    hf_ice_consent_on_answer(ice, now, pair);
    hf_ice_nominate_consider(ice, now);
}

/* RFC 8445 §7.2.5.2.1: "If the … addresses are not symmetric, the agent MUST set the candidate pair state to Failed." A pair
 * that works stays: somebody repeats its packets from elsewhere. */
static void on_asymmetric(hf_time now, hf_ice_pair *pair, size_t bytes)
{
    hf_ice_drop(pair->generation->ice, HF_DROP_STUN_UNMATCHED, bytes);
    if (!pair->mapped)
        hf_ice_pair_fail(now, pair);
}

void hf_ice_check_on_response(hf_ice *ice, hf_time now, const hf_path *path, const hf_stun_message *message)
{
    hf_ice_pair *pair = NULL;
    hf_ice_sent *sent = find_sent(ice, message->id, &pair);
    if (!sent) {
        hf_ice_drop(ice, HF_DROP_STUN_UNMATCHED, message->whole.len);
        return;
    }
    /* RFC 8489 §9.1.4: without integrity it is as if it had never come, error responses too: anybody could forge them. */
    if (!hf_stun_verify_integrity(message, hf_bytes_of_text(pair->generation->remote_pwd)) || message->fingerprint_at == 0) {
        hf_ice_drop(ice, HF_DROP_STUN_INTEGRITY, message->whole.len);
        return;
    }
    sent->is_pending = false;
    if (!hf_ice_path_equal(path, &pair->path)) {
        on_asymmetric(now, pair, message->whole.len);
        return;
    }

    unsigned code = 0;
    hf_bytes reason;
    uint16_t unknown;
    hf_addr mapped;
    if (message->class_ == HF_STUN_ERROR && hf_stun_get_error(message, &code, &reason) && code == 487 &&
        !pair->generation->remote_is_lite)
        on_role_conflict(now, pair, sent);
    else if (message->class_ == HF_STUN_SUCCESS && hf_stun_unknown(message, NULL, 0, &unknown, 1) == 0 &&
             hf_stun_get_xor_address(message, HF_STUN_XOR_MAPPED_ADDRESS, &mapped))
        on_success(now, pair, sent, &mapped);
    else if (!pair->mapped) /* RFC 8445 §7.2.5.2.4: any other error fails the check; consent lives on until it expires */
        hf_ice_pair_fail(now, pair);
}
