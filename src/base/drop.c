/* drop.c: the causes for which something is thrown away, and the one place that counts them. */
#include "trace.h"

typedef struct row {
    const char *name;
    hf_trace_event event;
} row;

static const row rows[] = {
#define X(layer, name, text) [HF_DROP_##name] = {text, HF_TRACE_##layer##_PACKETS_DROPPED},
    HF_DROP_MAP(X)
#undef X
};

const char *hf_drop_name(hf_drop cause)
{
    return (unsigned)cause < HF_DROP_COUNT ? rows[cause].name : "";
}

void hf_drop_count(hf_drops *drops, const hf_env *env, hf_time now, hf_drop cause, size_t bytes)
{
    drops->by_cause[cause]++;
    hf_trace(env, now, rows[cause].event, hf_trace_text("cause", rows[cause].name), hf_trace_number("bytes", bytes));
}
