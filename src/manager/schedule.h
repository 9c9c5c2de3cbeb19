/* schedule.h: how long a manager waits, how often it repeats, and which relays it uses: hf_retry_config with defaults. */
#ifndef HF_SCHEDULE_H
#define HF_SCHEDULE_H

#include <holdfast/manager.h>

/* A schedule that owns its numbers: no zero stands for a default any more. */
typedef struct hf_schedule {
    hf_span waits[HF_RETRY_WAITS_MAX];
    size_t waits_len;
    unsigned jitter;
    hf_span attempt;
    unsigned relay_only_after, relay_after;
    hf_ice_relay relay; /* what the application wants of relays */
    bool has_relay;     /* a TURN server is configured */
} hf_schedule;

/* HF_EINVAL: a wait below HF_RETRY_WAIT_MIN, more of them than there may be, a negative span, more than 100 per cent. */
HF_CHECKED hf_err hf_schedule_init(hf_schedule *schedule, const hf_manager_config *config);

/* The wait behind that many failed attempts, one at least. */
hf_span hf_schedule_wait(const hf_schedule *schedule, unsigned failures, const hf_env *env);

/* How long after the last time an open offer leaves again; it is open for so long already. */
hf_span hf_schedule_repeat(hf_span open_for);

/* After so many answered attempts that failed, every other one of ours shall use relays alone. */
bool hf_schedule_has_turns(const hf_schedule *schedule, unsigned answered);

/* Which relayed candidates are used behind so many failed attempts; `alone`: in such a turn. */
hf_ice_relay hf_schedule_relay(const hf_schedule *schedule, unsigned failures, bool alone);

/* An envelope may be lost: an offer leaves once more after this, and then as hf_schedule_repeat says. */
#define HF_SCHEDULE_REPEAT_FIRST HF_MS(500)

#endif
