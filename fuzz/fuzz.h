/* fuzz.h: what the targets share. */
#ifndef HF_FUZZ_H
#define HF_FUZZ_H

#include <holdfast/base.h>

/* Randomness that follows from the seed alone, so that an input always means the same run; memory from malloc. */
extern const hf_env fuzz_env;
void fuzz_seed(uint64_t seed);

/* What must hold, whatever the input is: otherwise it is a crash. */
void demand(bool holds);

#endif
