/* mdns_priv.h: struct hf_mdns, and what its files share: mdns.c directs, mdns_querier.c asks, mdns_responder.c answers. */
#ifndef HF_MDNS_PRIV_H
#define HF_MDNS_PRIV_H

#include "mdns_message.h"

#include <holdfast/mdns.h>

#include <assert.h>

#define HF_MDNS_LINKS_MAX 32     /* interfaces, counted once for each family that they speak */
#define HF_MDNS_OWED_MAX 32      /* unicast answers that wait to be sent */
#define HF_MDNS_QUESTIONS_MAX 64 /* of one query that are looked at */

static_assert(HF_MDNS_NAME_SIZE == HF_MDNS_NAME_MAX + 1, "one limit for names");

/* Where multicasts go: one interface, one family. */
typedef struct hf_mdns_link {
    hf_addr local; /* one of its addresses */
    uint32_t interface;
} hf_mdns_link;

/* A name that is asked for, by one or more. */
typedef struct hf_mdns_wanted {
    char name[HF_MDNS_NAME_SIZE];
    hf_time due; /* of the next query */
    hf_time give_up_at;
    unsigned sent;    /* queries, each on every link */
    size_t next_link; /* of the query that is going out */
    bool is_done;
    hf_addr addrs[HF_MDNS_ADDRS_MAX];
    size_t addrs_len; /* 0 when it is done: nobody answered */
    size_t askers;
} hf_mdns_wanted;

typedef struct hf_mdns_asker {
    void *owner;
    uint32_t id;
    hf_mdns_wanted *wanted;
} hf_mdns_asker;

/* What one query wants of a name of ours. */
enum { HF_MDNS_ASKED_ADDRESS = 1, HF_MDNS_ASKED_OTHER = 2, HF_MDNS_ASKED_UNICAST = 4, HF_MDNS_ASKED_MULTICAST = 8 };

/* A name that we answer for. */
typedef struct hf_mdns_own {
    char name[HF_MDNS_NAME_SIZE];
    hf_addr addr;
    void *owner;
    hf_time due;          /* of the next multicast; NEVER: none */
    size_t next_link;     /* of the one that is going out */
    hf_time multicast_at; /* the last one */
    bool was_multicast;
    bool has_local;         /* an interface has its address */
    unsigned announcements; /* still to come */
    bool is_leaving;        /* one more multicast, the goodbye, and it is forgotten */
    unsigned asked;         /* while a query is read */
    uint16_t asked_type;
} hf_mdns_own;

/* A unicast answer. */
typedef struct hf_mdns_owed {
    hf_path path;
    hf_mdns_own *own;
    bool is_legacy;
    uint16_t id, type;
} hf_mdns_owed;

struct hf_mdns {
    const hf_env *env;
    hf_time now;
    hf_local locals[HF_MDNS_LOCALS_MAX];
    size_t locals_len;
    hf_mdns_link links[HF_MDNS_LINKS_MAX];
    size_t links_len;

    hf_mdns_wanted **wanted;
    size_t wanted_len, wanted_cap;
    hf_mdns_asker *askers;
    size_t askers_len, askers_cap;
    hf_addr told[HF_MDNS_ADDRS_MAX]; /* of the event that was taken last */

    hf_mdns_own **own;
    size_t own_len, own_cap;
    hf_mdns_owed owed[HF_MDNS_OWED_MAX];
    size_t owed_len;

    hf_mdns_stats stats;
};

/* --- mdns.c --- */

/* Writes the name as it is kept: without a dot at the end. */
void hf_mdns_copy_name(char out[HF_MDNS_NAME_SIZE], const char *name);
bool hf_mdns_is_same_name(const char *a, const char *b); /* RFC 6762 §16: ASCII letters of either case */

/* The local with the IP of `addr`; NULL: there is none. */
const hf_local *hf_mdns_find_local(const hf_mdns *mdns, const hf_addr *addr);

/* The way of a multicast on this link. */
hf_path hf_mdns_path(const hf_mdns_link *link);

/* --- mdns_querier.c --- */

void hf_mdns_querier_on_response(hf_mdns *mdns, const hf_datagram *datagram);
bool hf_mdns_querier_poll(hf_mdns *mdns, hf_time now, hf_transmit *out);
hf_time hf_mdns_querier_deadline(const hf_mdns *mdns);
void hf_mdns_querier_tick(hf_mdns *mdns, hf_time now);
void hf_mdns_querier_forget(hf_mdns *mdns, const void *owner);
void hf_mdns_querier_clear(hf_mdns *mdns);

/* --- mdns_responder.c --- */

hf_mdns_own *hf_mdns_find_own(const hf_mdns *mdns, const char *name); /* NULL: not ours */
/* Names whose address has come back are announced anew. */
void hf_mdns_responder_on_locals(hf_mdns *mdns, hf_time now);
void hf_mdns_responder_on_query(hf_mdns *mdns, hf_time now, const hf_datagram *datagram);
bool hf_mdns_responder_poll(hf_mdns *mdns, hf_time now, hf_transmit *out);
hf_time hf_mdns_responder_deadline(const hf_mdns *mdns);
void hf_mdns_responder_forget(hf_mdns *mdns, hf_time now, const void *owner);
void hf_mdns_responder_clear(hf_mdns *mdns);

#endif
