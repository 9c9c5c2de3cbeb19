/* burst.c: how far what was delivered ran ahead of the rate. */
#include "burst.h"

#define USUAL 4 /* packets: SACKs for two, and the acknowledgement of what stood beside a gap */
#define MOST HF_MS(20)
#define MICROSECONDS 1000000

void hf_burst_begin(hf_burst *burst, hf_time now, uint64_t delivered)
{
    burst->began = now;
    burst->delivered = delivered;
}

void hf_burst_note(hf_burst *burst, hf_time now, uint64_t delivered, uint64_t rate)
{
    uint64_t came = delivered - burst->delivered, due = rate * (uint64_t)(now - burst->began) / MICROSECONDS;
    if (came <= due)
        hf_burst_begin(burst, now, delivered);
    else if (came - due > burst->most)
        burst->most = (size_t)(came - due);
}

void hf_burst_age(hf_burst *burst)
{
    if (++burst->rounds < HF_BURST_ROUNDS)
        return;
    burst->rounds = 0;
    burst->before = burst->most;
    burst->most = 0;
}

void hf_burst_forget(hf_burst *burst)
{
    burst->most = burst->before = 0;
    burst->rounds = 0;
}

size_t hf_burst_allowance(const hf_burst *burst, size_t packet, uint64_t rate)
{
    size_t most = burst->most > burst->before ? burst->most : burst->before;
    size_t usual = USUAL * packet, cap = (size_t)(rate * MOST / MICROSECONDS);
    if (most <= usual)
        return 0;
    return most - usual < cap ? most - usual : cap;
}
