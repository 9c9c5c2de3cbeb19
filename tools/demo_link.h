/* demo_link.h: an uplink, as one has at home: a rate, a queue that drops what does not fit, and a way. Pure. */
#ifndef CLI_DEMO_LINK_H
#define CLI_DEMO_LINK_H

#include <holdfast/io.h>

/* What waits in the queue and is under way; memory is for this many datagrams. */
#define CLI_LINK_PACKETS_MAX 1024

typedef struct cli_link_packet {
    hf_time due; /* when it is at the other end */
    size_t from, to, len;
    uint8_t data[HF_DATAGRAM_MAX];
} cli_link_packet;

typedef struct cli_link {
    uint64_t rate;    /* bytes a second */
    hf_span delay;    /* of the way */
    size_t queue_max; /* bytes */
    hf_time free_at;  /* all that was taken has left by then */
    cli_link_packet *ring;
    size_t first, len;
    uint64_t dropped;
} cli_link;

HF_CHECKED hf_err cli_link_init(cli_link *link, uint64_t rate, hf_span delay, size_t queue_max);
void cli_link_clear(cli_link *link);

/* Takes a datagram, or drops it. `from` and `to` are the caller's. */
void cli_link_push(cli_link *link, hf_time now, const uint8_t *data, size_t len, size_t from, size_t to);

/* Takes the next that has arrived; valid until the next push. NULL: none has. */
const cli_link_packet *cli_link_pop(cli_link *link, hf_time now);

/* All that is under way is lost. */
void cli_link_cut(cli_link *link);

hf_time cli_link_deadline(const cli_link *link);

#endif
