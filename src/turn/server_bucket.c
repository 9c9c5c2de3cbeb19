/* server_bucket.c: a leaky bucket, for limits of rate. */
#include "server_priv.h"

/* `level` and `rate` are of bytes a second: what has leaked out since is their product with a time, in microseconds. Beyond
 * a day everything has, and nothing overflows. */
#define FORGOTTEN HF_SECONDS(86400)

static uint64_t leaked(const hf_turn_bucket *bucket, hf_time now, uint64_t rate)
{
    hf_span since = now - bucket->at;
    if (since >= FORGOTTEN)
        return bucket->level;
    uint64_t each_second = (uint64_t)(since / HF_SECONDS(1)), rest = (uint64_t)(since % HF_SECONDS(1));
    uint64_t whole, part;
    if (__builtin_mul_overflow(rate, each_second, &whole) || __builtin_mul_overflow(rate, rest, &part) ||
        __builtin_add_overflow(whole, part / (uint64_t)HF_SECONDS(1), &whole))
        return bucket->level;
    return whole < bucket->level ? whole : bucket->level;
}

bool hf_turn_bucket_take(hf_turn_bucket *bucket, hf_time now, uint64_t rate, uint64_t burst, uint64_t amount)
{
    uint64_t out = leaked(bucket, now, rate), span;
    bucket->level -= out;
    if (bucket->level == 0 || __builtin_mul_overflow(out, (uint64_t)HF_SECONDS(1), &span))
        bucket->at = now;
    else
        bucket->at += (hf_span)(span / rate + (span % rate > 0)); /* the rest of a byte counts the next time */
    if (amount > burst || bucket->level > burst - amount)
        return false;
    bucket->level += amount;
    return true;
}
