/* demo_link.c: the demo's uplinks. */
#include "demo_link.h"

#include <stdlib.h>
#include <string.h>

hf_err cli_link_init(cli_link *link, uint64_t rate, hf_span delay, size_t queue_max)
{
    *link = (cli_link){.rate = rate, .delay = delay, .queue_max = queue_max};
    link->ring = calloc(CLI_LINK_PACKETS_MAX, sizeof *link->ring);
    return link->ring ? HF_OK : HF_ENOMEM;
}

void cli_link_clear(cli_link *link)
{
    free(link->ring);
    *link = (cli_link){0};
}

static hf_span time_of(const cli_link *link, size_t bytes)
{
    return (hf_span)((uint64_t)bytes * HF_SECONDS(1) / link->rate);
}

void cli_link_push(cli_link *link, hf_time now, const uint8_t *data, size_t len, size_t from, size_t to)
{
    hf_time begins = link->free_at > now ? link->free_at : now;

    if (len > HF_DATAGRAM_MAX || link->len == CLI_LINK_PACKETS_MAX || begins - now > time_of(link, link->queue_max)) {
        link->dropped++;
        return;
    }
    cli_link_packet *packet = &link->ring[(link->first + link->len++) % CLI_LINK_PACKETS_MAX];
    link->free_at = begins + time_of(link, len);
    *packet = (cli_link_packet){.due = link->free_at + link->delay, .from = from, .to = to, .len = len};
    memcpy(packet->data, data, len);
}

const cli_link_packet *cli_link_pop(cli_link *link, hf_time now)
{
    if (cli_link_deadline(link) > now)
        return NULL;
    const cli_link_packet *packet = &link->ring[link->first];
    link->first = (link->first + 1) % CLI_LINK_PACKETS_MAX;
    link->len--;
    return packet;
}

void cli_link_cut(cli_link *link)
{
    link->dropped += link->len;
    link->len = 0;
}

hf_time cli_link_deadline(const cli_link *link)
{
    return link->len > 0 ? link->ring[link->first].due : HF_NEVER;
}
