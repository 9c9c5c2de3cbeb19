/* relay_priv.h: what the files about relays share with the others: allocation.c, allocate.c,
 * relayed.c, join.c. */
#ifndef HF_ICE_RELAY_PRIV_H
#define HF_ICE_RELAY_PRIV_H

#include "ice_priv.h"
#include "turn_client.h"

typedef enum hf_ice_allocation_state {
    HF_ICE_ALLOCATION_RESTING = 0, /* until `retry_at` */
    HF_ICE_ALLOCATION_CONNECTING,  /* its stream is being opened */
    HF_ICE_ALLOCATION_ASKED,
    HF_ICE_ALLOCATION_STANDING,
    HF_ICE_ALLOCATION_CLOSING /* it is being given back */
} hf_ice_allocation_state;

/* What a TURN server has for us, or shall have, by way of one address of ours. */
typedef struct hf_ice_allocation {
    hf_ice_allocation_state state;
    hf_ice_stun *server;
    hf_local base;     /* of a UDP socket; streams are opened from its IP */
    size_t addr_at;    /* which of the server's addresses is tried */
    hf_addr alternate; /* that it has sent us on to; family NONE: none */
    unsigned redirects;
    hf_family family;       /* that is asked for; NONE: both */
    hf_path path;           /* to the server: what a driver sees */
    hf_turn_client *client; /* NULL: RESTING, CONNECTING */
    hf_ice_stream *stream;  /* NULL: UDP, RESTING */
    hf_addr relayed[HF_TURN_RELAYED_MAX], mapped;
    bool has_stood; /* once: then it is tried again until it does */
    bool lacks_credentials;
    hf_time asked_at, stood_at; /* when it was asked for last, and when it was made */
    hf_span took;               /* from one to the other */
    unsigned failures;          /* since then */
    unsigned losses;            /* of such as had hardly been made */
    hf_time retry_at;           /* NEVER: not before somebody says so */
} hf_ice_allocation;

/* --- allocation.c: relays (RFC 8656) -------------------------------------------------------------------------------- */

/* Takes the addresses that the driver told. */
void hf_ice_allocations_take_locals(hf_ice *ice, hf_time now, const hf_reply *reply);
/* Asks for those that there may be by now, and gives the newest generation the candidates of those that stand. */
void hf_ice_allocations_take_part(hf_ice *ice, hf_time now);
/* A new generation gathers: what has failed is tried once more, and what stands must show that it does. */
void hf_ice_allocations_renew(hf_ice *ice, hf_time now);
/* That server is missed: those that rest try at once. */
void hf_ice_allocations_hurry(hf_ice *ice, hf_time now, const hf_ice_stun *server);
void hf_ice_allocations_take_credentials(hf_ice *ice, hf_time now, const hf_ice_stun *server);
/* None is still on its way for the first time. */
bool hf_ice_allocations_are_settled(const hf_ice *ice);
/* One may still come. */
bool hf_ice_allocations_are_awaited(const hf_ice *ice);
void hf_ice_allocations_close(hf_ice *ice, hf_time now);
void hf_ice_allocations_clear(hf_ice *ice);
bool hf_ice_allocation_poll(hf_ice *ice, hf_time now, hf_transmit *out);
void hf_ice_allocation_tick(hf_ice *ice, hf_time now);
hf_time hf_ice_allocation_deadline(const hf_ice *ice);
/* Its stream is open, or could not be opened, or has ended (`err`). */
void hf_ice_allocation_on_stream(hf_ice *ice, hf_time now, hf_ice_allocation *a, hf_err err);
/* The route goes by it. */
void hf_ice_allocation_carry(hf_time now, const hf_ice_pair *pair);
/* A path is suspect: do the servers still have them? */
void hf_ice_allocations_probe(hf_ice *ice, hf_time now);

/* Ours is among the addresses that the driver told. */
bool hf_ice_allocations_have_base(const hf_ice *ice, const hf_addr *addr);

/* --- allocate.c: one of them ---------------------------------------------------------------------------------------- */

void hf_ice_allocation_start(hf_ice *ice, hf_time now, hf_ice_allocation *a);
/* It could not be had, or is lost: another address of the server, or a pause. */
void hf_ice_allocation_fail(hf_ice *ice, hf_time now, hf_ice_allocation *a, hf_err cause, unsigned code);
void hf_ice_allocation_drop_client(hf_ice *ice, hf_ice_allocation *a);
void hf_ice_allocation_take_events(hf_ice *ice, hf_time now, hf_ice_allocation *a);
/* Its candidates, for the newest generation; and away from all. */
void hf_ice_allocation_offer(hf_ice *ice, hf_ice_allocation *a);
void hf_ice_allocation_withdraw(hf_ice *ice, const hf_ice_allocation *a);

/* --- relayed.c: datagrams that come and go by way of a relay -------------------------------------------------------- */

/* The one whose relayed address that is; NULL: none. */
hf_ice_allocation *hf_ice_relayed_find(const hf_ice *ice, const hf_addr *relayed);
/* What comes on that path may be a TURN server's; NULL: it is not. */
hf_ice_allocation *hf_ice_relayed_server(const hf_ice *ice, const hf_datagram *datagram);
/* Takes what a server sent. True: `datagram` is now what it bore, as if it had come to the relayed address. */
bool hf_ice_relayed_unwrap(hf_ice *ice, hf_time now, hf_ice_allocation *a, hf_datagram *datagram);
/* Asks for a permission for a pair just made. */
void hf_ice_relayed_ask(hf_time now, hf_ice_pair *pair);
/* Gives it up with the pair, unless another one needs it. */
void hf_ice_relayed_forget(const hf_ice_pair *pair);
void hf_ice_relayed_permit(hf_ice *ice, hf_time now, const hf_ice_allocation *a, const hf_addr *peer, bool is_permitted);

/* How a datagram leaves: on the path that the driver sees, with something around it. */
typedef struct hf_ice_way {
    hf_path path;
    hf_wrap wrap;
} hf_ice_way;

/* False: there is none now, for the relay does not carry it. */
bool hf_ice_way_of(const hf_ice *ice, const hf_path *path, hf_ice_way *out);
/* STUN is written behind the room for what stands before it, then finished with its length. False: the length is 0. */
bool hf_ice_finish(hf_transmit *out, const hf_ice_way *way, size_t len);

/* --- join.c: when relayed pairs join the others --------------------------------------------------------------------- */

/* One end of it is a relay. */
static inline bool hf_ice_pair_is_relayed(const hf_ice_pair *pair)
{
    return pair->local->type == HF_ICE_RELAYED || pair->remote->type == HF_ICE_RELAYED;
}
/* An ordinary check of it may be sent. */
static inline bool hf_ice_join_allows(const hf_ice_pair *pair)
{
    return pair->is_permitted && (pair->generation->has_joined || !hf_ice_pair_is_relayed(pair));
}
void hf_ice_join_consider(hf_ice *ice, hf_time now);
hf_time hf_ice_join_deadline(const hf_ice *ice);

/* --- trace.c -------------------------------------------------------------------------------------------------------- */

void hf_ice_trace_allocation(const hf_ice *ice, const hf_ice_allocation *a, hf_trace_event event, hf_err cause,
                             unsigned code);

#endif
