/* stream.c: the TCP streams of an agent (RFC 6544). */
#include "ice_priv.h"

#include "frame.h"

void hf_ice_frame(const hf_ice_route *route, uint8_t *datagram, size_t len)
{
    if (route->headroom > 0)
        hf_frame_write(datagram, len);
}
