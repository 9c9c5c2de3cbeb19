/* pacer.c: a bucket that the rate fills. */
#include "pacer.h"

#define BURST HF_MS(5)
#define MICROSECONDS 1000000

bool hf_pacer_lets(hf_pacer *pacer, hf_time now, int64_t rate, uint64_t given, size_t few)
{
    int64_t burst = rate * BURST, least = (int64_t)few * MICROSECONDS, most = burst > least ? burst : least;
    hf_span elapsed = now - pacer->at < HF_SECONDS(1) ? now - pacer->at : HF_SECONDS(1);
    pacer->credit += rate * elapsed - (int64_t)(given - pacer->given) * MICROSECONDS;
    if (pacer->credit > most || rate == 0)
        pacer->credit = most;
    pacer->at = now;
    pacer->given = given;
    pacer->refused = pacer->credit <= 0;
    return !pacer->refused;
}

hf_time hf_pacer_deadline(const hf_pacer *pacer, int64_t rate)
{
    return pacer->refused && rate > 0 ? pacer->at + 1 - pacer->credit / rate : HF_NEVER;
}
