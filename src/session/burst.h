/* burst.h: acknowledgements that come in bursts, from a radio that collects packets or a machine that is busy, would leave
 * the path idle between them: so the window holds a burst more (BBR's "extra acked"). Pure. */
#ifndef HF_BURST_H
#define HF_BURST_H

#include <holdfast/base.h>

#include <stddef.h>
#include <stdint.h>

typedef struct hf_burst {
    hf_time began;
    uint64_t delivered;  /* when it began */
    size_t most, before; /* bytes beyond the rate: of these round trips, and those before */
    unsigned rounds;
} hf_burst;

/* So much has been delivered by now, of a path that delivers `rate` bytes per second. */
void hf_burst_note(hf_burst *burst, hf_time now, uint64_t delivered, uint64_t rate);
void hf_burst_begin(hf_burst *burst, hf_time now, uint64_t delivered); /* what came until now is none */

/* A round trip has passed: one that is older than HF_BURST_ROUNDS to twice as many does not count any more. */
#define HF_BURST_ROUNDS 10
void hf_burst_age(hf_burst *burst);
void hf_burst_forget(hf_burst *burst);

/* The bytes that the window holds more: beyond a few packets that always come together, up to 20 ms of the rate. */
size_t hf_burst_allowance(const hf_burst *burst, size_t packet, uint64_t rate);

#endif
