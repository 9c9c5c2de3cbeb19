/* channel.c: counting what arrives. */
#include "channel.h"

#include "numbered.h"

void sim_channel_note(sim_channel *channel, hf_message_kind kind, const uint8_t *data, size_t len)
{
    uint64_t number;
    channel->messages++;
    channel->bytes += len;
    if (kind != HF_BINARY || !numbered_read(data, len, &number))
        return;
    channel->out_of_order += number != channel->next;
    channel->next = number + 1;
    if (number < SIM_NUMBERS_MAX) {
        uint64_t bit = (uint64_t)1 << (number % 64);
        channel->doubled += (channel->seen[number / 64] & bit) != 0;
        channel->seen[number / 64] |= bit;
    }
}
