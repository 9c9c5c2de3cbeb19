/* answer.c: the remote's checks, and what we owe for them (RFC 8445 §7.3).
 *
 * An answer is noted when the request comes and built when it is sent, so that it can carry what has come up meanwhile. */
#include "relay_priv.h"

#include "suspicion.h"

/* RFC 8489 §9.1.3 answers requests without a valid integrity by an error, but nobody may use us to bother a third party:
 * such answers are shorter than what they answer, and leave at most this often. */
#define REFUSAL_INTERVAL HF_MS(50)

static void owe(hf_ice *ice, const hf_ice_owed *owed)
{
    if (hf_ring_push(&ice->owed, owed))
        hf_ice_drop(ice, HF_DROP_RATE, 0);
}

static void refuse(hf_ice *ice, hf_time now, const hf_path *path, const hf_stun_message *message, unsigned code)
{
    hf_ice_drop(ice, HF_DROP_STUN_INTEGRITY, message->whole.len);
    if (now < ice->refusal_at) {
        hf_ice_drop(ice, HF_DROP_RATE, message->whole.len);
        return;
    }
    ice->refusal_at = now + REFUSAL_INTERVAL;
    hf_ice_owed owed = {.path = *path, .code = code};
    memcpy(owed.id, message->id, sizeof owed.id);
    owe(ice, &owed);
}

static void owe_signed(hf_ice_generation *g, const hf_path *path, const hf_stun_message *message, unsigned code)
{
    hf_ice_owed owed = {.path = *path, .code = code};
    memcpy(owed.id, message->id, sizeof owed.id);
    memcpy(owed.key, g->local_pwd, sizeof owed.key);
    if (code == 420)
        owed.unknown_len = (uint8_t)hf_stun_unknown(message, NULL, 0, owed.unknown, HF_ICE_UNKNOWN_MAX);
    owe(g->ice, &owed);
}

/* RFC 8445 §7.3: the user name is valid when its first half is our ufrag, which tells the generation, too. `theirs` gets
 * the other half. NULL: it is not valid. */
static hf_ice_generation *generation_of(const hf_ice *ice, hf_bytes user, hf_bytes *theirs)
{
    const uint8_t *colon = user.len > 0 ? memchr(user.data, ':', user.len) : NULL;
    if (!colon)
        return NULL;
    hf_bytes ours = hf_bytes_of(user.data, (size_t)(colon - user.data));
    *theirs = hf_bytes_of(colon + 1, user.len - ours.len - 1);
    hf_ice_generation *g = ice->newest;
    while (g && (g->is_over || !hf_bytes_equal_text(ours, g->local_ufrag)))
        g = g->older;
    return g;
}

/* RFC 8489 §9.1.3, with MESSAGE-INTEGRITY (RFC 8445 §7.1 knows no other) and FINGERPRINT required (RFC 8445 §7.1). NULL: it
 * has been dealt with. */
static hf_ice_generation *authenticate(hf_ice *ice, hf_time now, const hf_path *path, const hf_stun_message *message,
                                       hf_bytes *theirs)
{
    hf_bytes user;
    if (message->fingerprint_at == 0) {
        hf_ice_drop(ice, HF_DROP_STUN_INTEGRITY, message->whole.len);
        return NULL;
    }
    if (message->integrity_at == 0 || !hf_stun_find(message, HF_STUN_USERNAME, &user)) {
        refuse(ice, now, path, message, 400);
        return NULL;
    }
    hf_ice_generation *g = generation_of(ice, user, theirs);
    if (!g || !hf_stun_verify_integrity(message, hf_bytes_of(g->local_pwd, HF_ICE_LOCAL_PWD_LEN))) {
        refuse(ice, now, path, message, 401);
        return NULL;
    }
    /* Our password was known to it, but it is the remote of another generation, or not the one that we talk to. */
    if (hf_ice_remote_is_known(g) && !hf_bytes_equal_text(*theirs, g->remote_ufrag)) {
        hf_ice_drop(ice, HF_DROP_STUN_INTEGRITY, message->whole.len);
        return NULL;
    }
    return g;
}

/* RFC 8445 §7.3.1.1. True: the conflict stands, and the remote must give in. */
static bool wins_role_conflict(hf_ice_generation *g, const hf_stun_message *message)
{
    uint64_t theirs;
    uint16_t same = g->is_controlling ? HF_STUN_ICE_CONTROLLING : HF_STUN_ICE_CONTROLLED;
    if (!hf_stun_get_u64(message, same, &theirs))
        return false;
    g->ice->stats.role_conflicts++;
    bool stays_controlling = g->remote_is_lite || g->tie_breaker >= theirs;
    if (g->is_controlling == stays_controlling)
        return true;
    hf_ice_set_role(g, stays_controlling);
    return false;
}

static hf_ice_early *find_early(const hf_ice_generation *g, const hf_path *path)
{
    for (size_t i = 0; i < g->early_len; i++) {
        if (hf_ice_path_equal(&g->early[i].path, path))
            return &g->early[i];
    }
    return NULL;
}

bool hf_ice_answer_is_early(const hf_ice_generation *g, const hf_path *path)
{
    return find_early(g, path) != NULL;
}

/* RFC 8445 §7.3: "an agent may receive a … request before it has received the remote's candidates and credentials": it is
 * answered, and the rest happens when they are there. */
static void note_early(hf_ice_generation *g, const hf_path *path, uint32_t priority, uint32_t nomination, hf_bytes theirs)
{
    hf_ice_early *known = find_early(g, path);
    if (known) {
        if (known->nomination < nomination)
            known->nomination = nomination;
        return;
    }
    if (hf_grow(g->ice->env, &g->early, &g->early_cap, g->early_len + 1, HF_ICE_EARLY_MAX, sizeof *g->early)) {
        hf_ice_drop(g->ice, HF_DROP_RATE, 0);
        return;
    }
    char *ufrag = hf_alloc_text(g->ice->env, (const char *)theirs.data, theirs.len);
    if (!ufrag)
        return;
    g->early[g->early_len++] = (hf_ice_early){.path = *path, .priority = priority, .nomination = nomination, .ufrag = ufrag};
}

/* Each check keeps a stale pair usable, should the route fail: ours for theirs, but not for each. When it has failed, there
 * is nothing to wait for. */
#define STALE_AFTER HF_SECONDS(5)

static bool is_stale(const hf_ice_pair *pair, hf_time now)
{
    hf_time suspected_at = pair->generation->ice->suspected_at;
    return now - pair->answered_at > STALE_AFTER || hf_ice_is_silent(pair) ||
           (suspected_at != HF_NEVER && pair->answered_at < suspected_at);
}

/* RFC 8445 §7.3.1.4 starts a running check anew at each request, for the first transmission may have died at the remote's
 * NAT. Once that has happened, the remote's own repetitions would only make two of each packet on a long path. */
#define RUNNING_CHECK_IS_RECENT HF_MS(250)

static bool is_just_checked(const hf_ice_pair *pair, hf_time now)
{
    const hf_ice_sent *last = &pair->sent[(pair->sent_next + HF_ICE_REQUESTS_MAX - 1) % HF_ICE_REQUESTS_MAX];
    return pair->state == HF_ICE_PAIR_IN_PROGRESS && pair->requests_received > 1 &&
           now - last->sent_at < RUNNING_CHECK_IS_RECENT;
}

/* RFC 8445 §7.3.1.4 and §7.3.1.5. */
static void on_check(hf_time now, hf_ice_pair *pair, uint32_t nomination)
{
    const hf_ice_generation *g = pair->generation;
    hf_ice *ice = g->ice;
    pair->requests_received++;
    pair->responses_sent++;
    pair->is_authenticated = true;
    hf_ice_suspicion_on_heard(now, pair);
    hf_trace(ice->env, now, HF_TRACE_ICE_CHECK_RECEIVED, hf_trace_number("pair", pair->number),
             hf_trace_bool("nominate", nomination > 0));
    if (g->is_controlling)
        nomination = 0;
    if (pair->state == HF_ICE_PAIR_SUCCEEDED) {
        if (nomination)
            hf_ice_nominate_accept(now, pair, nomination);
        if (pair != g->best && pair->due == HF_NEVER && is_stale(pair, now))
            hf_ice_check_trigger(pair);
    } else {
        if (pair->nomination_on_success < nomination)
            pair->nomination_on_success = nomination;
        if (!is_just_checked(pair, now))
            hf_ice_check_trigger(pair);
    }
    hf_ice_nominate_consider(ice, now);
}

/* Takes the pair of that path, and makes the remote's candidate and the pair if they are new (RFC 8445 §7.3.1.3). */
static hf_ice_pair *pair_of(hf_ice_generation *g, const hf_path *path, uint32_t priority)
{
    hf_ice_pair *pair = hf_ice_pair_find(g, path);
    if (pair)
        return pair;
    /* A remote that opens a stream does so from a port that no candidate tells (RFC 6544 §7.2). */
    hf_ice_stream *stream = path->transport == HF_TCP ? hf_ice_stream_find(g->ice, path) : NULL;
    hf_ice_tcp_type ours = stream ? HF_ICE_TCP_PASSIVE : HF_ICE_TCP_NONE;
    hf_ice_tcp_type theirs = stream ? HF_ICE_TCP_ACTIVE : HF_ICE_TCP_NONE;
    hf_ice_local *local = hf_ice_local_find_host(g, &path->local, ours);
    if (!local || (path->transport == HF_TCP && (!stream || stream->pair)))
        return NULL;
    hf_ice_remote *remote = hf_ice_remote_find(g, &path->remote, theirs);
    if (!remote)
        remote = hf_ice_remote_add_reflexive(g, &path->remote, theirs, priority);
    pair = remote ? hf_ice_pair_ensure(g, local, remote, true) : NULL;
    if (pair && stream) {
        pair->stream = stream;
        stream->pair = pair;
    }
    return pair;
}

/* With HF_ICE_RELAY_ONLY an answer from anywhere else would show where we are to whoever guesses it and asks. */
static bool hides(const hf_ice *ice)
{
    return ice->newest->relay == HF_ICE_RELAY_ONLY && ice->current->relay == HF_ICE_RELAY_ONLY;
}

/* It came to a relayed address, or on a socket or a stream of ours that may be known. */
static bool is_ours(const hf_ice *ice, const hf_path *path)
{
    if (path->transport == HF_UDP && hf_ice_relayed_find(ice, &path->local))
        return true;
    if (hides(ice))
        return false;
    return path->transport == HF_TCP ? hf_ice_stream_find(ice, path) != NULL
                                     : hf_ice_has_socket(ice, &path->local, HF_ICE_TCP_NONE);
}

/* draft-thatcher-ice-renomination-01: a check may bear a NOMINATION value, the greatest of which counts. 0: none. */
static uint32_t nomination_of(const hf_stun_message *message)
{
    uint32_t value;
    hf_bytes nothing;
    if (hf_stun_get_u32(message, HF_STUN_NOMINATION, &value) && value > 0)
        return value;
    return hf_stun_find(message, HF_STUN_USE_CANDIDATE, &nothing);
}

void hf_ice_answer_on_request(hf_ice *ice, hf_time now, const hf_path *path, const hf_stun_message *message)
{
    hf_bytes theirs;
    uint16_t unknown;
    if (!is_ours(ice, path)) {
        hf_ice_drop(ice, HF_DROP_UNKNOWN_PATH, message->whole.len);
        return;
    }
    hf_ice_generation *g = authenticate(ice, now, path, message, &theirs);
    if (!g)
        return;
    if (hf_stun_unknown(message, NULL, 0, &unknown, 1) > 0) {
        owe_signed(g, path, message, 420);
        return;
    }
    uint32_t priority;
    if (!hf_stun_get_u32(message, HF_STUN_PRIORITY, &priority)) { /* RFC 8445 §7.1.1: MUST be there */
        owe_signed(g, path, message, 400);
        return;
    }
    if (wins_role_conflict(g, message)) {
        owe_signed(g, path, message, 487);
        return;
    }
    if (path->transport == HF_TCP)
        hf_ice_stream_on_check(now, hf_ice_stream_find(ice, path));
    owe_signed(g, path, message, 0);
    uint32_t nomination = nomination_of(message);
    if (!hf_ice_remote_is_known(g)) {
        note_early(g, path, priority, nomination, theirs);
        return;
    }
    hf_ice_pair *pair = pair_of(g, path, priority);
    if (pair)
        on_check(now, pair, nomination);
}

void hf_ice_answer_take_early(hf_ice_generation *g, hf_time now)
{
    for (size_t i = 0; i < g->early_len; i++) {
        const hf_ice_early *early = &g->early[i];
        if (strcmp(early->ufrag, g->remote_ufrag) == 0) {
            hf_ice_pair *pair = pair_of(g, &early->path, early->priority);
            if (pair)
                on_check(now, pair, early->nomination);
        }
        hf_dealloc(g->ice->env, early->ufrag);
    }
    hf_dealloc(g->ice->env, g->early);
    g->early = NULL;
    g->early_len = g->early_cap = 0;
}

static const char *reason_of(unsigned code)
{
    switch (code) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthenticated";
    case 420:
        return "Unknown Attribute";
    case 487:
        return "Role Conflict";
    default:
        return "";
    }
}

static size_t write_answer(const hf_ice_owed *owed, uint8_t *buffer, size_t cap)
{
    hf_stun_writer s = hf_stun_begin(buffer, cap, owed->code ? HF_STUN_ERROR : HF_STUN_SUCCESS, HF_STUN_BINDING, owed->id);
    if (owed->code == 0)
        hf_stun_add_xor_address(&s, HF_STUN_XOR_MAPPED_ADDRESS, &owed->path.remote);
    else
        hf_stun_add_error(&s, owed->code, reason_of(owed->code));
    if (owed->unknown_len > 0)
        hf_stun_add_unknown_attributes(&s, owed->unknown, owed->unknown_len);
    if (owed->key[0] != '\0')
        hf_stun_add_integrity(&s, hf_bytes_of_text(owed->key));
    hf_stun_add_fingerprint(&s);
    return hf_stun_end(&s);
}

/* A restart may have been taken back since, or consent lost. */
static bool may_still_sign(const hf_ice *ice, const char *key)
{
    for (const hf_ice_generation *g = ice->newest; g; g = g->older) {
        if (!g->is_over && strcmp(g->local_pwd, key) == 0)
            return true;
    }
    return key[0] == '\0';
}

bool hf_ice_answer_poll(hf_ice *ice, hf_transmit *out)
{
    hf_ice_owed owed;
    while (hf_ring_pop(&ice->owed, &owed)) {
        hf_ice_way way;
        if (!is_ours(ice, &owed.path) || !may_still_sign(ice, owed.key) || !hf_ice_way_of(ice, &owed.path, &way))
            continue; /* it is gone since */
        if (hf_ice_finish(out, &way,
                          write_answer(&owed, out->buffer + way.wrap.before, out->cap - way.wrap.before - way.wrap.after)))
            return true; /* otherwise there was no memory for the digest: the remote asks again */
    }
    return false;
}
