/* random.h: random values from the environment. */
#ifndef HF_RANDOM_H
#define HF_RANDOM_H

#include <holdfast/base.h>

/* Can serve as an environment: randomness is there, and memory functions come in pairs or not at all. */
bool hf_env_is_usable(const hf_env *env);

void hf_random_bytes(const hf_env *env, void *out, size_t len);
uint32_t hf_random_u32(const hf_env *env);
uint64_t hf_random_u64(const hf_env *env);

/* Writes `len` characters of ice-char (RFC 8839 §5.1), six bits of randomness each, and a NUL. */
void hf_random_ice_chars(const hf_env *env, char *out, size_t len);

#endif
