/* probe.h: what NATs and firewalls do to this machine's UDP, as STUN servers see it (RFC 5780, RFC 4787): for a program that
 * explains why it does not connect. ICE needs none of it.
 *
 * One hf_probe asks each server from each local address, then examines each address once more by a server that has a second
 * one (RFC 5780 §4.3, §4.4), where there is such a server. It opens no socket and reads no clock; io.h tells how
 * it is driven. One thread at a time. */
#ifndef HOLDFAST_PROBE_H
#define HOLDFAST_PROBE_H

#include <holdfast/io.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_probe hf_probe;

#define HF_PROBE_SERVERS_MAX 16
#define HF_PROBE_LOCALS_MAX 16 /* further local addresses are left out */
#define HF_PROBE_PATIENCE HF_SECONDS(2)

/* Zero is the default. All is copied. */
typedef struct hf_probe_config {
    const char *const *uris; /* "stun:host[:port]"; of "turn:" over UDP the host is asked the same (RFC 8656 §3.1).
                              None: local addresses are listed, no more */
    size_t uris_len;
    hf_span patience; /* for each answer; 0: HF_PROBE_PATIENCE */
} hf_probe_config;

/* What something depends on, besides the address behind the NAT (RFC 4787 §4.1, §5). */
typedef enum hf_nat_behavior {
    HF_NAT_UNKNOWN = 0,
    HF_NAT_NONE,                       /* mapping: the address is seen as it is; filtering: does not occur */
    HF_NAT_ENDPOINT_INDEPENDENT,       /* on nothing */
    HF_NAT_ADDRESS_DEPENDENT,          /* on the other end's address */
    HF_NAT_ADDRESS_AND_PORT_DEPENDENT, /* and on its port */
    HF_NAT_DEPENDENT                   /* on one of these: two servers see different mappings */
} hf_nat_behavior;

/* RFC 4787's words: "endpoint-independent"; "unknown", "none", "endpoint-dependent". Static. */
const char *hf_nat_behavior_name(hf_nat_behavior behavior);

/* HF_EINVAL: no env, a URI that is none. HF_ENOTSUP: one that is not over UDP. HF_ELIMIT, HF_ENOMEM. */
HF_CHECKED hf_err hf_probe_new(hf_probe **out, const hf_probe_config *config, const hf_env *env);
void hf_probe_free(hf_probe *probe); /* NULL is fine */

/* Nothing more will come. */
bool hf_probe_is_done(const hf_probe *probe);

typedef struct hf_probe_server {
    const char *uri; /* valid as long as the probe */
    hf_err err;      /* HF_EAGAIN: not known yet; HF_ERESOLVE; HF_EUNREACHABLE: no local address of its family; HF_ETIMEDOUT;
                           HF_EPROTO: no answer that makes sense. HF_OK: it has answered at least one local address */
    hf_addr ipv4, ipv6; /* family NONE: it has none */
    bool has_two;       /* it offers the tests of RFC 5780 */
} hf_probe_server;

/* Server number `index`, in the configuration's order; false: there are not so many. */
bool hf_probe_get_server(const hf_probe *probe, size_t index, hf_probe_server *out);

typedef struct hf_probe_local {
    hf_local local;
    hf_addr mapped; /* as the first server saw it; family NONE: none has answered */
    hf_nat_behavior mapping, filtering;
} hf_probe_local;

bool hf_probe_get_local(const hf_probe *probe, size_t index, hf_probe_local *out);

/* What one server said to one local address. */
typedef struct hf_probe_answer {
    size_t server, local; /* by index */
    hf_err err;           /* HF_EAGAIN: it is waited for; HF_ETIMEDOUT, HF_EPROTO */
    hf_addr mapped;
    hf_span rtt; /* 0: not known, as the request had to be repeated */
} hf_probe_answer;

bool hf_probe_get_answer(const hf_probe *probe, size_t index, hf_probe_answer *out);

/* Driving (io.h). */
void hf_probe_input(hf_probe *probe, hf_time now, hf_datagram *datagrams, size_t n);
bool hf_probe_poll_transmit(hf_probe *probe, hf_time now, hf_transmit *out);
bool hf_probe_poll_request(hf_probe *probe, hf_request *out);
void hf_probe_reply(hf_probe *probe, hf_time now, const hf_reply *reply);
hf_time hf_probe_deadline(const hf_probe *probe);
void hf_probe_tick(hf_probe *probe, hf_time now);

#ifdef __cplusplus
}
#endif
#endif
