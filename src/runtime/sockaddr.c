/* sockaddr.c: our addresses as the system's, and back. */
#include "sockaddr.h"

#include <arpa/inet.h>
#include <string.h>

socklen_t hf_sockaddr_of(const hf_addr *addr, hf_sockaddr *out)
{
    if (addr->family == HF_FAMILY_IPV4) {
        out->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(addr->port)};
        memcpy(&out->v4.sin_addr, addr->ip, sizeof out->v4.sin_addr);
        return sizeof out->v4;
    }
    out->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(addr->port), .sin6_scope_id = addr->scope};
    memcpy(&out->v6.sin6_addr, addr->ip, sizeof out->v6.sin6_addr);
    return sizeof out->v6;
}

bool hf_sockaddr_read(const struct sockaddr *from, hf_addr *out)
{
    if (from->sa_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, from, sizeof v4);
        *out = (hf_addr){.family = HF_FAMILY_IPV4, .port = ntohs(v4.sin_port)};
        memcpy(out->ip, &v4.sin_addr, sizeof v4.sin_addr);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, from, sizeof v6);
        *out = (hf_addr){.family = HF_FAMILY_IPV6, .port = ntohs(v6.sin6_port)};
        memcpy(out->ip, &v6.sin6_addr, sizeof v6.sin6_addr);
        if (hf_addr_is_link_local(out)) /* the only ones that need a zone (RFC 4007 §6) */
            out->scope = v6.sin6_scope_id;
        return true;
    }
    return false;
}
