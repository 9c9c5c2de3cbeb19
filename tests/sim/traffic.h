/* traffic.h: short urgent messages beside a transfer without end, over one link: how long they take, and what the transfer
 * gets. */
#ifndef SIM_TRAFFIC_H
#define SIM_TRAFFIC_H

#include "rival.h"
#include "world.h"

#include <window.h>

typedef enum traffic_kind {
    TRAFFIC_WINDOW, /* a window and turns over a plain connection */
    TRAFFIC_PLAIN,  /* channels of a plain connection, with their priorities */
} traffic_kind;

typedef struct traffic_config {
    traffic_kind kind;
    sim_link link;
    uint64_t seed;
    bool no_bulk;
    bool same_class;      /* the transfer is as urgent as the messages */
    hf_span urgent_every; /* 0: 20 ms */
    size_t bulk_size;     /* of its messages; PLAIN; 0: 64 KiB */
} traffic_config;

/* What was measured since traffic_forget. */
typedef struct traffic_figures {
    hf_span one_way_p50, one_way_p99, one_way_max;
    hf_span round_p50, round_p99, round_max;
    size_t messages;
    double rate; /* of the transfer's payload, bytes per second */
    double rival_rate;
    uint64_t overflowed; /* datagrams that a full queue dropped */
} traffic_figures;

typedef struct traffic_samples {
    hf_span *all;
    size_t len, cap;
} traffic_samples;

typedef struct traffic {
    traffic_config config;
    sim s;
    sim_channel *urgent, *bulk;
    hf_window window;
    hf_time urgent_due, *urgent_waiting, since;
    size_t urgent_len;
    traffic_samples one_way, round;
    uint64_t bulk_bytes, rival_before, overflowed_before;
    rival rival;
} traffic;

/* Connects two sides, and begins. */
void traffic_begin(traffic *t, const traffic_config *config);
void traffic_run(traffic *t, hf_span length);
void traffic_forget(traffic *t);
traffic_figures traffic_tell(traffic *t);
void traffic_end(traffic *t);

/* Another sender comes to the same link, or goes. */
void traffic_set_rival(traffic *t, bool on);

#endif
