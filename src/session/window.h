/* window.h: how many bytes may be on their way at once, so that the path is full and its queue is not (session.md, "Who goes
 * next"; RFC 6817 for the low class). Pure: what the path showed in, two limits out. */
#ifndef HF_WINDOW_H
#define HF_WINDOW_H

#include <holdfast/peer.h>

typedef struct hf_window {
    size_t limit;     /* bytes given and not delivered, all channels together */
    size_t low_limit; /* the same, above which the low class waits */
    hf_span rtt_min;  /* the path's, without a queue; 0: not known */
    hf_span queue;    /* the delay above that, of the last round trip */
    uint64_t rate;    /* delivered, bytes per second: the most of the last round trips */
    /* What follows is window.c's. */
    hf_peer_flow last;
    hf_time round_ends;
} hf_window;

void hf_window_init(hf_window *window, size_t mtu);

/* Takes what the connection says now (after input, and before more is given). `hungry`: there was more to give than the
 * window let through since the last call. */
void hf_window_update(hf_window *window, hf_time now, const hf_peer_flow *flow, bool hungry);

/* Another path: what was learned is of no use. */
void hf_window_change_path(hf_window *window);

/* When it has to be looked at again though nothing comes; HF_NEVER. */
hf_time hf_window_deadline(const hf_window *window);

/* The largest part that should be given at once: 4 KiB, or 10 ms of the rate, whichever is smaller; at least a packet. */
size_t hf_window_part_max(const hf_window *window);

#endif
