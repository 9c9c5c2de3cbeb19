/* window.h: how many bytes may be on their way at once, so that the path is full and its queue is not (session.md, "Who goes
 * next"; docs/priorities.md; RFC 6817 for the low class). Pure: what the path showed in, how much may be given out.
 *
 *   1. hf_window_update   after input, and before more is given
 *   2. hf_window_room     while there is something to give */
#ifndef HF_WINDOW_H
#define HF_WINDOW_H

#include "burst.h"
#include "pacer.h"
#include "plateau.h"

#include <holdfast/peer.h>

#define HF_WINDOW_RATES 10 /* round trips whose delivery rate counts */

typedef enum hf_window_mode {
    HF_WINDOW_GROWING = 0, /* the path is not full: more with each round trip */
    HF_WINDOW_STEADY,      /* full: what its rate and its round trip without a queue make */
    HF_WINDOW_COMPETING,   /* others keep its queue full: SCTP's own congestion control decides */
    HF_WINDOW_LISTENING    /* the same, holding back to see whether they have gone */
} hf_window_mode;

typedef struct hf_window {
    hf_window_mode mode;
    size_t limit;     /* bytes given and not delivered, all channels together */
    size_t low_limit; /* the same, above which the low class waits */
    hf_span rtt_min;  /* the path's, without a queue; 0: not known */
    hf_span queue;    /* the delay above that, of the last round trip */
    uint64_t rate;    /* delivered, bytes per second: the most of the last round trips */
    double loss;      /* per cent of the packets */

    /* What follows is window.c's. */
    size_t packet; /* payload of one */
    uint64_t rtt_samples;
    hf_time rtt_min_at;  /* measured */
    hf_span rtt_next;    /* the smallest that was measured since that is half out of date */
    unsigned queued_run; /* samples in succession that show a queue */

    struct { /* ends when all that had left at its beginning is delivered */
        bool running;
        hf_time began;
        uint64_t delivered, sent, lost; /* at its beginning */
        hf_span rtt;                    /* the smallest in it; 0: none */
        bool limited;                   /* the window held something back */
        bool backlogged;                /* SCTP did */
        bool was_limited;               /* the one before it */
        bool was_busy;                  /* the same, or SCTP did */
    } round;
    struct { /* ends with the first round trip behind a minimum of time */
        hf_time began;
        hf_span rtt; /* the smallest in it; 0: none */
        bool limited;
    } watch;
    hf_burst burst;
    hf_plateau plateau;
    uint64_t rates[HF_WINDOW_RATES];
    size_t rates_at;
    unsigned cycle, growth, empty_run; /* of probing */
    unsigned fruitless, patience;
    uint64_t grown_rate;
    unsigned rounds_queued, rounds_pressed, rounds_listened;
    hf_time listen_at;
    size_t low_cap;
    uint64_t forgotten; /* bytes sent on another path */

    uint64_t overcome_at; /* the last loss is, when so many bytes are delivered */
    size_t competed;      /* the limit before it listened */

    hf_pacer pacer;
    struct {
        uint64_t delivered, lost; /* with the last acknowledgement */
    } answered;
    bool blocked; /* by SCTP, within our own limit */
} hf_window;

void hf_window_init(hf_window *window);

/* Takes what the connection says now. */
void hf_window_update(hf_window *window, hf_time now, const hf_peer_flow *flow);

/* How many bytes may be given now; a part may exceed it. 0: none; `low`: none of the low class. Asked only when there is
 * something to give: that it was refused tells the window that it is what limits. */
size_t hf_window_room(hf_window *window, hf_time now, const hf_peer_flow *flow, bool low);

/* SCTP would hold back what there is to give. */
void hf_window_hold_back(hf_window *window, const hf_peer_flow *flow);

/* The congestion window that the connection should have at least (hf_peer_raise_window): asked after giving. 0: SCTP knows
 * better. */
size_t hf_window_wanted(hf_window *window);

/* Another path: what was learned is of no use. */
void hf_window_change_path(hf_window *window, const hf_peer_flow *flow);

/* When there is room again though nothing comes; HF_NEVER. */
hf_time hf_window_deadline(const hf_window *window);

/* The largest part that should be given at once: 4 KiB, or 10 ms of the rate where that is less, or 1 ms where that is more;
 * at least a packet. */
#define HF_WINDOW_PART_MAX 16384
size_t hf_window_part_max(const hf_window *window);

#endif
