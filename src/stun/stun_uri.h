/* stun_uri.h: STUN and TURN URIs (RFC 7064, RFC 7065). Pure. */
#ifndef HF_STUN_URI_H
#define HF_STUN_URI_H

#include "bytes.h"

#include <holdfast/io.h>

typedef struct hf_stun_uri {
    bool turn;              /* turn: or turns:, otherwise stun: */
    bool tls;               /* turns: */
    hf_transport transport; /* UDP, or TCP where the URI says so or `tls` */
    hf_bytes host;          /* in the text: a name, an IPv4 address, or an IPv6 address without brackets */
    uint16_t port;          /* 3478, 5349 with `tls`, where the URI names none */
} hf_stun_uri;

/* HF_EINVAL: it is none. HF_ENOTSUP: stuns:, turns: over UDP (DTLS), another transport. */
HF_CHECKED hf_err hf_stun_uri_parse(const char *text, hf_stun_uri *out);

#endif
