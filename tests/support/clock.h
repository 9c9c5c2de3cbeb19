/* clock.h: the clocks and the randomness that usrsctp and mbedTLS fetch by themselves, replaced in a test program:
 * gettimeofday, time and getrandom are the test's, so that a run repeats. Link `test_clock` into programs that run
 * under virtual time. */
#ifndef TEST_CLOCK_H
#define TEST_CLOCK_H

#include <holdfast/base.h>

/* From the first call on, gettimeofday() and time() tell `now` (plus a fixed date). */
void clock_set(hf_time now);

/* From the first call on, getrandom repeats with the seed. */
void clock_seed(uint64_t seed);

#endif
