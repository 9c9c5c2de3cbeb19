/* sockaddr.h: our addresses as the system's, and back. */
#ifndef HF_SOCKADDR_H
#define HF_SOCKADDR_H

#include <holdfast/base.h>

#include <netinet/in.h>
#include <sys/socket.h>

typedef union hf_sockaddr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} hf_sockaddr;

/* Returns the length of what it wrote. */
socklen_t hf_sockaddr_of(const hf_addr *addr, hf_sockaddr *out);

/* False: neither IPv4 nor IPv6; *out is untouched. */
bool hf_sockaddr_read(const struct sockaddr *from, hf_addr *out);

#endif
