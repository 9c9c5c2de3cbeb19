/* client_priv.h: what the files of the TURN client share. */
#ifndef HF_TURN_CLIENT_PRIV_H
#define HF_TURN_CLIENT_PRIV_H

#include "auth.h"
#include "turn_client.h"

/* Requests in flight: the first slot is the allocation's own, the others are for permissions and channels. */
#define TURN_REQUESTS_MAX 8
#define TURN_ALLOCATION_SLOT 0
#define TURN_NO_SLOT TURN_REQUESTS_MAX

/* How long an answer to any later request may take, before it is asked for anew. */
#define TURN_REQUEST_PATIENCE HF_SECONDS(5)

/* One request, and its retransmission. What it says is built anew from what it is about each time that it is sent. */
typedef struct turn_request {
    uint16_t method;     /* 0: the slot is free */
    bool is_signed;      /* as it was sent last */
    bool was_forged;     /* a response came that was not authentic */
    bool is_probe;       /* sent at an even pace, and given up early */
    bool asks_to_delete; /* Refresh with lifetime 0 */
    unsigned challenges; /* answers of 401 and 438 in a row */
    hf_stun_transaction transaction;
    hf_time began_at, give_up_at;
} turn_request;

/* An IP address that may send to us through the relay (RFC 8656 §9). */
typedef struct turn_peer {
    hf_addr ip;         /* port 0 */
    bool is_wanted;     /* false: forgotten while a request about it was in flight */
    bool is_alone;      /* to be asked for by itself, for a request about several was refused */
    bool tells;         /* an event is due */
    hf_err refusal;     /* HF_OK: none */
    unsigned code;      /* of the refusal */
    size_t slot;        /* the request in flight; TURN_NO_SLOT: none */
    hf_time ask_at;     /* when to ask (again); HF_NEVER: in flight, or refused */
    hf_time expires_at; /* of the permission; 0: there is none */
} turn_peer;

/* A number that stands for a peer (RFC 8656 §12). */
typedef struct turn_channel {
    hf_addr peer;
    uint16_t number;
    bool is_wanted; /* false: the number still is the peer's, on the server */
    bool tells;
    size_t slot;         /* the request in flight; TURN_NO_SLOT: none */
    hf_time ask_at;      /* when to ask (again); HF_NEVER: in flight, or refused */
    hf_time expires_at;  /* of the binding; 0: there is none */
    hf_time reusable_at; /* the number is nobody's from then on, whatever became of the last request */
} turn_channel;

/* ALLOCATING ──success──▶ ALLOCATED ──close──▶ CLOSING ──answer, or silence──▶ CLOSED
 *    │ ▲ 437, once            └───lost───▶ FAILED ◀──refused, or silence── ALLOCATING, GIVING_BACK
 *    ▼ │
 *  GIVING_BACK: what an earlier client left on the same 5-tuple                                       */
typedef enum turn_state {
    TURN_ALLOCATING = 0,
    TURN_GIVING_BACK,
    TURN_ALLOCATED,
    TURN_CLOSING,
    TURN_FAILED,
    TURN_CLOSED,
    TURN_STATE_COUNT
} turn_state;

struct hf_turn_client {
    const hf_env *env;
    hf_path path;
    hf_family family;
    bool both_families;
    hf_span patience;
    hf_time now;
    turn_state state;
    turn_auth auth;
    turn_request requests[TURN_REQUESTS_MAX];

    hf_time ask_at;         /* the allocation's next request */
    hf_time give_up_at;     /* ALLOCATING, GIVING_BACK: when it has taken too long; CLOSING: when it is over anyway */
    hf_time credentials_by; /* HF_NEVER: none are waited for; meanwhile no request begins */
    hf_time expires_at;     /* of the allocation */
    bool has_given_back;
    hf_addr relayed[HF_TURN_RELAYED_MAX];
    hf_addr mapped;
    hf_span rtt;          /* of the last transaction that was answered at the first try; 0: unknown */
    hf_time silent_since; /* the first request since the server was last heard; HF_NEVER: it was heard after that */

    turn_peer *peers;
    size_t peers_len, peers_cap;
    turn_channel *channels;
    size_t channels_len, channels_cap;

    bool tells_allocated, tells_credentials, tells_end; /* events that are due */
    hf_err cause;                                       /* of FAILED */
    unsigned code;
    hf_addr alternate;
    char alternate_domain[HF_TURN_DOMAIN_SIZE];
    hf_turn_client_stats stats;
};

hf_time hf_turn_earlier(hf_time a, hf_time b);

/* --- client.c ------------------------------------------------------------------------------------------------------- */

void hf_turn_set_now(hf_turn_client *client, hf_time now);
void hf_turn_enter(hf_turn_client *client, turn_state next);
void hf_turn_fail(hf_turn_client *client, hf_err cause, unsigned code);

/* No request about anything may begin now. */
bool hf_turn_is_idle(const hf_turn_client *client);

/* --- request.c ------------------------------------------------------------------------------------------------------ */

/* Begins a request in a slot that is free. */
void hf_turn_request_begin(hf_turn_client *client, size_t slot, uint16_t method, hf_span patience);
void hf_turn_request_heard(hf_turn_client *client); /* the server, by anything that makes sense */
void hf_turn_request_end(hf_turn_client *client, size_t slot);
size_t hf_turn_request_free_slot(const hf_turn_client *client); /* TURN_NO_SLOT: none; never the allocation's */
bool hf_turn_request_transmit(hf_turn_client *client, size_t slot, hf_transmit *out);
void hf_turn_request_on_response(hf_turn_client *client, const hf_stun_message *message);
void hf_turn_request_tick(hf_turn_client *client);
hf_time hf_turn_request_deadline(const hf_turn_client *client);

/* --- What requests are about: each of these owns one or two methods. An answer ends the request before they are called. */

typedef struct turn_answer {
    const hf_stun_message *message; /* NULL: none came in time, while there is no allocation */
    unsigned code;                  /* 0: success */
    hf_err cause; /* HF_OK; no message: HF_ETIMEDOUT, or HF_EAUTH where only forged ones came; HF_EPROTO: an unusable one */
} turn_answer;

/* allocation.c */
void hf_turn_allocation_begin(hf_turn_client *client);
void hf_turn_allocation_write(const hf_turn_client *client, const turn_request *request, hf_stun_writer *s);
void hf_turn_allocation_on_answer(hf_turn_client *client, const turn_request *request, const turn_answer *answer);
void hf_turn_allocation_again(hf_turn_client *client); /* the request ended without an answer that counts */
bool hf_turn_allocation_has_family(const hf_turn_client *client, hf_family family);

/* permission.c. Pointers are valid until the next peer is added or removed. */
turn_peer *hf_turn_peer_find(const hf_turn_client *client, const hf_addr *peer);
hf_err hf_turn_peer_add(hf_turn_client *client, const hf_addr *peer, turn_peer **out);
bool hf_turn_permission_begin(hf_turn_client *client); /* false: nothing is due, or no slot is free */
void hf_turn_permission_write(const hf_turn_client *client, size_t slot, hf_stun_writer *s);
void hf_turn_permission_on_answer(hf_turn_client *client, size_t slot, hf_time began_at, const turn_answer *answer);
void hf_turn_permission_again(hf_turn_client *client, size_t slot);
void hf_turn_permission_join(hf_turn_client *client, size_t slot, const hf_addr *addr); /* its request asks for both */
void hf_turn_permission_allocated(hf_turn_client *client); /* refuses those of families that are not relayed */
hf_time hf_turn_permission_deadline(const hf_turn_client *client);
bool hf_turn_permission_poll_event(hf_turn_client *client, hf_turn_client_event *out);

/* channel.c */
turn_channel *hf_turn_channel_find(const hf_turn_client *client, const hf_addr *peer);
turn_channel *hf_turn_channel_of_number(const hf_turn_client *client, uint16_t number);
bool hf_turn_channel_begin(hf_turn_client *client);
void hf_turn_channel_write(const hf_turn_client *client, size_t slot, hf_stun_writer *s);
void hf_turn_channel_on_answer(hf_turn_client *client, size_t slot, hf_time began_at, const turn_answer *answer);
void hf_turn_channel_again(hf_turn_client *client, size_t slot);
hf_time hf_turn_channel_deadline(const hf_turn_client *client);
bool hf_turn_channel_poll_event(hf_turn_client *client, hf_turn_client_event *out);

#endif
