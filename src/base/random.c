/* random.c: random values from the environment. */
#include "random.h"

bool hf_env_is_usable(const hf_env *env)
{
    return env && env->random && (env->alloc == NULL) == (env->free == NULL);
}

void hf_random_bytes(const hf_env *env, void *out, size_t len)
{
    env->random(env->context, out, len);
}

uint32_t hf_random_u32(const hf_env *env)
{
    uint32_t value = 0;
    hf_random_bytes(env, &value, sizeof value);
    return value;
}

uint64_t hf_random_u64(const hf_env *env)
{
    uint64_t value = 0;
    hf_random_bytes(env, &value, sizeof value);
    return value;
}

void hf_random_ice_chars(const hf_env *env, char *out, size_t len)
{
    static const char alphabet[64 + 1] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = 0;
        hf_random_bytes(env, &byte, 1);
        out[i] = alphabet[byte % 64];
    }
    out[len] = '\0';
}
