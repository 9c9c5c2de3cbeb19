/* probe_priv.h: the inside of a probe: probe.c asks, probe_nat.c concludes. */
#ifndef HF_ICE_PROBE_PRIV_H
#define HF_ICE_PROBE_PRIV_H

#include "alloc.h"
#include "bytes.h"
#include "random.h"
#include "stun.h"
#include "stun_uri.h"

#include <holdfast/probe.h>

#define HF_PROBE_QUERIES_MAX 256

/* What a request is for. Those behind ASK follow one another, for one local address at a time. */
typedef enum hf_probe_test {
    HF_PROBE_ASK = 0,
    HF_PROBE_FILTER_ADDRESS, /* RFC 5780 §4.4, test II: the answer is to come from the other address and port */
    HF_PROBE_FILTER_PORT,    /* test III: from the other port */
    HF_PROBE_MAP_ADDRESS,    /* §4.3, test II: asked at the other address */
    HF_PROBE_MAP_PORT,       /* test III: and at the other port */
    HF_PROBE_TEST_COUNT
} hf_probe_test;

typedef struct hf_probe_query {
    hf_probe_test test;
    size_t server, local;
    hf_addr to, from; /* who is asked, and who is to answer */
    hf_stun_transaction transaction;
    hf_time give_up_at;
    hf_err err; /* HF_EAGAIN: it is waited for */
    hf_addr mapped, other;
    hf_span rtt;
} hf_probe_query;

typedef struct probe_server {
    char *uri, *host;
    uint16_t port;
    bool is_asked, is_known; /* for its name */
    hf_addr ipv4, ipv6;
} probe_server;

typedef struct probe_local {
    hf_local local;
    hf_probe_test test; /* the last one begun; ASK: none yet */
    bool is_done;
    hf_nat_behavior mapping, filtering;
} probe_local;

struct hf_probe {
    const hf_env *env;
    hf_span patience;
    bool locals_asked, locals_known;
    probe_server *servers;
    size_t servers_len;
    probe_local locals[HF_PROBE_LOCALS_MAX];
    size_t locals_len;
    hf_probe_query *queries;
    size_t queries_len, queries_cap;
};

/* Adds a request; NULL: there is no room or memory. */
hf_probe_query *hf_probe_ask(hf_probe *probe, hf_time now, hf_probe_query query);

/* probe_nat.c: looks at what is known of each local address, and asks on. */
void hf_probe_conclude(hf_probe *probe, hf_time now);

#endif
