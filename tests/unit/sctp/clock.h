/* clock.h: the clock and the randomness that usrsctp fetches by itself, replaced in this program: both are the test's. */
#ifndef TEST_SCTP_CLOCK_H
#define TEST_SCTP_CLOCK_H

#include <holdfast/base.h>

/* From the first call on, gettimeofday() tells `now` (plus a fixed date) and getrandom repeats with the seed. */
void clock_set(hf_time now);
void clock_seed(uint64_t seed);

#endif
