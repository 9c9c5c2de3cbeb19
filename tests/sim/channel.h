/* channel.h: what a side has received on one channel. */
#ifndef SIM_CHANNEL_H
#define SIM_CHANNEL_H

#include <holdfast/datachannel.h>

#define SIM_CHANNELS_MAX 64
#define SIM_NUMBERS_MAX 8192 /* of those below it is known which arrived */

typedef struct sim_channel {
    hf_datachannel handle;
    char label[64];
    bool open, closed;
    uint64_t messages, bytes;
    uint64_t next;         /* number expected next, by the numbers that sim_send_numbered writes */
    uint64_t out_of_order; /* arrived with another number than the next */
    uint64_t seen[SIM_NUMBERS_MAX / 64];
    uint64_t doubled; /* arrived a second time */
} sim_channel;

/* A message has arrived; one that has a number is checked to the last byte. */
void sim_channel_note(sim_channel *channel, hf_message_kind kind, const uint8_t *data, size_t len);

#endif
