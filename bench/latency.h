/* latency.h: what carries the messages of latency.c: a session, or a bare connection. */
#ifndef HF_BENCH_LATENCY_H
#define HF_BENCH_LATENCY_H

#include <holdfast/loop.h>

typedef enum lane { LANE_SYNC = 0, LANE_FILES, LANE_COUNT } lane;

typedef struct carrier {
    const char *name;
    void (*begin)(hf_loop *loop, const hf_env *env, bool offers);
    void (*take)(bool is_offer, const char *sdp); /* the other side's description */
    hf_err (*send)(lane to, const void *data, size_t len);
} carrier;

extern const carrier carrier_session; /* the manager's five channels */
extern const carrier carrier_plain;   /* the same without the session protocol */
extern const carrier carrier_peer;    /* hf_peer's data channels: nobody schedules them */

/* What carriers tell: the description to be carried, with all candidates, and the rest. */
void latency_on_description(bool is_offer, const char *sdp);
void latency_on_open(lane of);
void latency_on_message(lane from, const uint8_t *data, size_t len);
void latency_on_room(void); /* on LANE_FILES */

#endif
