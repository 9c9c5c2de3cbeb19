/* schedule.c: architecture.md, promises 3 and 4, as numbers. The table in docs/recovery.md shows them. */
#include "schedule.h"

#include "random.h"

#include <string.h>

/* Promise 3: "Failed attempts are followed by waits of 1, 2, 4, 8, 16, 30, 30 … seconds". */
static const hf_span waits[] = {HF_SECONDS(1), HF_SECONDS(2), HF_SECONDS(4), HF_SECONDS(8), HF_SECONDS(16), HF_SECONDS(30)};

/* The way of all envelopes may be down together with the path: when it is there again, a fortieth of the time that it was
 * not is soon enough. Where a server's answer shows that, nobody waits so long. */
#define REPEAT_MIN HF_SECONDS(1)
#define REPEAT_MAX HF_SECONDS(10)
#define REPEAT_FRACTION 40

#define LEN(array) (sizeof(array) / sizeof *(array))

static bool is_turn(const char *uri)
{
    return uri && (strncmp(uri, "turn:", 5) == 0 || strncmp(uri, "turns:", 6) == 0);
}

static bool is_valid(const hf_retry_config *config)
{
    if (config->waits_len > HF_RETRY_WAITS_MAX || (config->waits && config->waits_len == 0) || config->jitter > 100 ||
        config->attempt < 0)
        return false;
    for (size_t i = 0; config->waits && i < config->waits_len; i++) {
        if (config->waits[i] < HF_RETRY_WAIT_MIN || config->waits[i] > HF_RETRY_WAIT_MAX)
            return false;
    }
    return true;
}

hf_err hf_schedule_init(hf_schedule *schedule, const hf_manager_config *config)
{
    const hf_retry_config *retry = &config->retry;
    const hf_peer_config *peer = &config->session.peer;
    if (!is_valid(retry))
        return HF_EINVAL;
    *schedule = (hf_schedule){
        .waits_len = retry->waits ? retry->waits_len : LEN(waits),
        .jitter = retry->jitter,
        .attempt = retry->attempt > 0 ? retry->attempt : HF_RETRY_ATTEMPT,
        .relay_only_after = retry->relay_only_after > 0 ? retry->relay_only_after : HF_RETRY_RELAY_ONLY_AFTER,
        .relay_after = retry->relay_after,
        .relay = peer->relay,
    };
    memcpy(schedule->waits, retry->waits ? retry->waits : waits, schedule->waits_len * sizeof(hf_span));
    for (size_t i = 0; peer->servers && i < peer->servers_len; i++)
        schedule->has_relay |= is_turn(peer->servers[i].uri);
    return HF_OK;
}

hf_span hf_schedule_wait(const hf_schedule *schedule, unsigned failures, const hf_env *env)
{
    size_t n = failures == 0 ? 0 : failures - 1;
    hf_span wait = schedule->waits[n < schedule->waits_len ? n : schedule->waits_len - 1];
    uint64_t longest = (uint64_t)wait * schedule->jitter / 100;
    return longest > 0 ? wait + (hf_span)(hf_random_u64(env) % (longest + 1)) : wait;
}

hf_span hf_schedule_repeat(hf_span open_for)
{
    hf_span span = open_for / REPEAT_FRACTION;
    return span < REPEAT_MIN ? REPEAT_MIN : span > REPEAT_MAX ? REPEAT_MAX : span;
}

/* Promise 4: "After 5 failed attempts (attempts that the peer answered) the manager tries relay alone, and goes on
 * alternating. Cost-minded users set 'no relay before N failures'; `relay only` and `never` exist too." */
bool hf_schedule_has_turns(const hf_schedule *schedule, unsigned answered)
{
    bool may_choose = schedule->relay != HF_ICE_RELAY_ONLY && schedule->relay != HF_ICE_RELAY_NEVER;
    return schedule->has_relay && may_choose && answered >= schedule->relay_only_after;
}

hf_ice_relay hf_schedule_relay(const hf_schedule *schedule, unsigned failures, bool alone)
{
    if (schedule->relay == HF_ICE_RELAY_ONLY || schedule->relay == HF_ICE_RELAY_NEVER)
        return schedule->relay;
    if (failures < schedule->relay_after)
        return HF_ICE_RELAY_NEVER;
    return alone ? HF_ICE_RELAY_ONLY : schedule->relay;
}
