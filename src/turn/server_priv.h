/* server_priv.h: what the files of the TURN server share (RFC 8656).
 *
 *     server.c             birth, input, tick, polls: it directs
 *     server_config.c      what the application says, checked and copied
 *     server_auth.c        long-term credentials and nonces           RFC 8489 §9.2
 *     server_answer.c      responses, and what waits to be sent
 *     server_request.c     Binding, Refresh, CreatePermission, ChannelBind
 *     server_allocate.c    Allocate                                    RFC 8656 §7
 *     server_allocation.c  allocations with permissions and channels
 *     server_relay.c       relayed addresses: sockets and ports
 *     server_forward.c     data, both ways
 *     server_stream.c      clients that come by TCP
 *     server_rules.c       which peers may be reached                  pure
 *     server_bucket.c      limits of rate                              pure */
#ifndef HF_TURN_SERVER_PRIV_H
#define HF_TURN_SERVER_PRIV_H

#include "packet.h"
#include "stun.h"
#include "table.h"
#include "turn_stream.h"

#include <holdfast/turn.h>

/* RFC 8656 §3.2, §7.2: "The default lifetime is 10 minutes", "a maximum allowed lifetime of one hour is RECOMMENDED". */
#define TURN_LIFETIME HF_SECONDS(600)
#define TURN_LIFETIME_MAX HF_SECONDS(3600)

/* RFC 8656 §9: "The Permission Lifetime MUST be 300 seconds". §12: "Channel bindings last for 10 minutes". */
#define TURN_PERMISSION_LIFETIME HF_SECONDS(300)
#define TURN_CHANNEL_LIFETIME HF_SECONDS(600)

/* RFC 8656 §12: channel numbers are 0x4000 to 0x4FFF. RFC 5766 §11 had them end at 0x7FFF, and coturn's client takes any. */
#define TURN_CHANNEL_FIRST 0x4000
#define TURN_CHANNEL_LAST 0x7FFF
#define TURN_CHANNEL_HEADER_SIZE 4

#define TURN_PERMISSIONS_MAX 128 /* of one allocation */
#define TURN_CHANNELS_MAX 128
#define TURN_RELAYS 2                       /* of one allocation: a relayed address of each family */
#define TURN_BINDS_MAX 16                   /* ports that are tried before an Allocate is refused */
#define TURN_BIND_PATIENCE HF_SECONDS(5)    /* for the driver */
#define TURN_STREAMS_MAX 1024               /* of clients that have no allocation */
#define TURN_STREAM_PATIENCE HF_SECONDS(30) /* for an allocation, from the stream's beginning */
#define TURN_LOCALS_MAX 64                  /* addresses that the driver tells */

/* RFC 8656 §5 has a nonce expire at least every hour. */
#define TURN_NONCE_LIFETIME HF_SECONDS(3600)

/* What a source gets in answers before it has proven that it is there: bytes, bytes a second. Whoever forges the source of
 * requests has no more than this sent to his victim. */
#define TURN_UNPROVEN_BURST 65536
#define TURN_UNPROVEN_RATE 16384

/* What waits to be sent: beyond this it is dropped. */
#define TURN_ANSWERS_BYTES_MAX (256 << 10)
#define TURN_DATA_BYTES_MAX (4 << 20)
#define TURN_ANSWER_MAX 1024 /* bytes of one */

typedef struct hf_turn_relay hf_turn_relay;
typedef struct hf_turn_allocation hf_turn_allocation;
typedef struct hf_turn_guest hf_turn_guest;

/* --- server_bucket.c -------------------------------------------------------------------------------------------------- */

/* A leaky bucket. Zeroes: an empty one. */
typedef struct hf_turn_bucket {
    hf_time at;
    uint64_t level; /* bytes */
} hf_turn_bucket;

/* Pours `amount` in, unless it would be fuller than `burst`; `rate` bytes a second leak out. False: no room. */
bool hf_turn_bucket_take(hf_turn_bucket *bucket, hf_time now, uint64_t rate, uint64_t burst, uint64_t amount);

/* --- server_rules.c --------------------------------------------------------------------------------------------------- */

typedef struct hf_turn_rules {
    hf_turn_range *allowed, *denied;
    size_t allowed_len, denied_len;
} hf_turn_rules;

typedef enum hf_turn_verdict { HF_TURN_DENIED, HF_TURN_ALLOWED, HF_TURN_BY_DEFAULT } hf_turn_verdict;

/* Says what the ranges have for the IP; BY_DEFAULT: they leave it to what kind of address it is. */
hf_turn_verdict hf_turn_rules_judge(const hf_turn_rules *rules, const hf_addr *peer);

/* An address of the public internet: none that is loopback, private, link-local, multicast, reserved, …, nor one that a
 * translator or tunnel would turn into such. */
bool hf_turn_is_public(const hf_addr *addr);

/* --- Users ------------------------------------------------------------------------------------------------------------ */

#define TURN_KEY_MAX 32

typedef struct hf_turn_keys {
    uint8_t md5[16], sha256[TURN_KEY_MAX];
} hf_turn_keys;

typedef struct hf_turn_credential {
    char *name;
    hf_turn_keys keys;
} hf_turn_credential;

/* Who holds allocations: a user by name, or by what stands behind the expiry of time-limited ones. It exists as long as
 * there are some. */
typedef struct hf_turn_account {
    hf_table_entry by_name;
    size_t allocations;
    size_t name_len;
    char name[];
} hf_turn_account;

/* --- Requests and answers --------------------------------------------------------------------------------------------- */

/* Whom an answer is for, and how it is protected. */
typedef struct hf_turn_asker {
    hf_path path;
    uint16_t method;
    uint8_t id[HF_STUN_ID_SIZE];
    bool is_proven;       /* it gets what is sent there: a stream, or a nonce came back */
    bool has_fingerprint; /* so has the answer */
    bool sha256;          /* MESSAGE-INTEGRITY-SHA256 */
    size_t key_len;       /* 0: not authenticated */
    uint8_t key[TURN_KEY_MAX];
} hf_turn_asker;

/* A request that is being looked at. */
typedef struct hf_turn_call {
    hf_turn_server *server;
    hf_time now;
    const hf_stun_message *message;
    hf_turn_asker asker;
    hf_bytes account;               /* once it is authenticated */
    bool is_expired;                /* time-limited credentials, that once were good */
    hf_turn_allocation *allocation; /* of the path; NULL: none */
} hf_turn_call;

typedef struct hf_turn_answer {
    hf_stun_writer s;
    uint8_t bytes[TURN_ANSWER_MAX];
} hf_turn_answer;

/* --- Relayed addresses ------------------------------------------------------------------------------------------------ */

typedef enum hf_turn_relay_state {
    HF_TURN_RELAY_WANTED = 0, /* BIND is to be asked for */
    HF_TURN_RELAY_BINDING,
    HF_TURN_RELAY_BOUND,
    HF_TURN_RELAY_FAILED,
    HF_TURN_RELAY_LEAVING /* UNBIND is to be asked for; it has no allocation any more */
} hf_turn_relay_state;

struct hf_turn_relay {
    hf_table_entry by_addr; /* in the table while BOUND */
    hf_turn_relay_state state;
    hf_turn_relay *next, *prev; /* in the list that its state has: WANTED and LEAVING, BINDING */
    hf_turn_allocation *allocation;
    hf_addr addr;
    uint32_t id; /* of BIND */
    unsigned tries;
    bool wants_even; /* EVEN-PORT */
    hf_time expires;
};

typedef struct hf_turn_relay_list {
    hf_turn_relay *first, *last;
} hf_turn_relay_list;

/* --- Allocations ------------------------------------------------------------------------------------------------------ */

typedef struct hf_turn_permission {
    hf_addr peer; /* the port says nothing */
    hf_time expires;
} hf_turn_permission;

typedef struct hf_turn_channel {
    hf_addr peer;
    uint16_t number;
    hf_time expires;
} hf_turn_channel;

struct hf_turn_allocation {
    hf_table_entry by_path;
    hf_turn_account *account;
    hf_turn_asker asker;                /* of the Allocate request; its path is the 5-tuple */
    bool is_pending;                    /* sockets are being bound */
    hf_span lifetime;                   /* as granted by Allocate */
    hf_turn_relay *relays[TURN_RELAYS]; /* in the order of the request; NULL: none */
    unsigned missing_code;              /* why the additional family could not be had; 0: it was, or was not asked for */
    hf_time due;                        /* when to look at it again */
    size_t due_at;                      /* its place in the heap */
    hf_turn_permission *permissions;
    size_t permissions_len, permissions_cap;
    hf_turn_channel *channels;
    size_t channels_len, channels_cap;
    size_t permission_hit, channel_hit; /* what was found last: the next packet is likely to be of the same */
    hf_turn_bucket to_peers, to_client;
};

/* Allocations by `due`, the next one first: a binary heap. */
typedef struct hf_turn_heap {
    hf_turn_allocation **items;
    size_t len, cap;
} hf_turn_heap;

/* --- Streams ---------------------------------------------------------------------------------------------------------- */

/* A client's stream. Those without allocation stand in a row, the oldest first. */
struct hf_turn_guest {
    hf_table_entry by_path;
    hf_path path;
    hf_turn_deframer deframer;
    hf_time since;
    bool is_waiting; /* stands in the row */
    hf_turn_guest *next, *prev;
};

typedef struct hf_turn_guest_list {
    hf_turn_guest *first, *last;
    size_t len;
} hf_turn_guest_list;

/* --- The server ------------------------------------------------------------------------------------------------------- */

#define TURN_SOURCES 1024 /* buckets of unproven sources; several may share one */

struct hf_turn_server {
    const hf_env *env;
    hf_time now;

    char *realm;
    hf_turn_credential *users; /* by name */
    size_t users_len;
    char *secret;
    uint64_t calendar;
    hf_time calendar_at;
    hf_addr relay_addrs[TURN_RELAYS];
    size_t relay_addrs_len;
    uint16_t port_first, port_last;
    hf_turn_rules rules;
    size_t allocations_max, user_allocations_max;
    uint64_t rate_max;

    uint8_t nonce_key[32];
    hf_addr locals[TURN_LOCALS_MAX]; /* where it listens, if the driver tells */
    size_t locals_len;

    hf_table allocations, relays, accounts, guests;
    hf_turn_heap heap;
    hf_turn_relay_list asking, binding;
    uint32_t last_bind_id;
    uint64_t indication_id;
    hf_turn_guest_list waiting, leaving; /* streams without allocation; to be closed */

    hf_packet_queue answers, data;
    hf_turn_bucket sources[TURN_SOURCES];
    hf_turn_server_stats stats;
};

/* server_config.c: fills in what the application says. On failure the caller clears. */
HF_CHECKED hf_err hf_turn_config_read(hf_turn_server *server, const hf_turn_server_config *config);
void hf_turn_config_clear(hf_turn_server *server);
const hf_turn_credential *hf_turn_config_find_user(const hf_turn_server *server, hf_bytes name);

/* server_auth.c. True: call->account, asker.key and is_expired are set. False: it is answered. */
bool hf_turn_authenticate(hf_turn_call *call);

/* server_answer.c */
void hf_turn_answer_begin(hf_turn_answer *answer, const hf_turn_asker *asker, hf_stun_class class_);
void hf_turn_answer_send(hf_turn_answer *answer, hf_turn_server *server, hf_time now, const hf_turn_asker *asker);

/* Begins an error response, for more attributes to follow; or sends it as it is. Both count it. */
void hf_turn_error_begin(hf_turn_answer *answer, hf_turn_server *server, const hf_turn_asker *asker, unsigned code);
void hf_turn_refuse(hf_turn_call *call, unsigned code);
const char *hf_turn_reason(unsigned code);

/* Room for a datagram to be sent on that path; NULL: there is none, or no memory, and it is counted as dropped. */
uint8_t *hf_turn_push(hf_turn_server *server, hf_packet_queue *queue, const hf_path *path, size_t len);
bool hf_turn_take_run(hf_packet_queue *queue, hf_transmit *out);

/* server_request.c, server_allocate.c */
void hf_turn_on_request(hf_turn_server *server, hf_time now, const hf_path *path, const hf_stun_message *message);
void hf_turn_on_allocate(hf_turn_call *call);
void hf_turn_allocate_finish(hf_turn_server *server, hf_time now, hf_turn_allocation *a); /* a relay is bound, or failed */
void hf_turn_allocate_give_up(hf_turn_server *server, hf_time now, hf_turn_allocation *a, unsigned code);

/* The lifetime that is granted to a request (RFC 8656 §7.2, §8.2). */
hf_span hf_turn_lifetime_of(const hf_stun_message *message);

/* server_allocation.c. HF_ENOMEM, HF_EQUOTA (of the account), HF_ELIMIT. */
HF_CHECKED hf_err hf_turn_allocation_new(hf_turn_call *call, hf_turn_allocation **out);
void hf_turn_allocation_free(hf_turn_server *server, hf_turn_allocation *a);
hf_turn_allocation *hf_turn_allocation_find(const hf_turn_server *server, const hf_path *path);
hf_turn_relay *hf_turn_allocation_relay(const hf_turn_allocation *a, hf_family family);
void hf_turn_allocation_set_due(hf_turn_server *server, hf_turn_allocation *a); /* what it waits for has changed */
void hf_turn_allocations_expire(hf_turn_server *server, hf_time now);

/* Installs or refreshes. HF_ELIMIT, HF_ENOMEM. */
HF_CHECKED hf_err hf_turn_permit(hf_turn_server *server, hf_time now, hf_turn_allocation *a, const hf_addr *peer);
HF_CHECKED hf_err hf_turn_bind_channel(hf_turn_server *server, hf_time now, hf_turn_allocation *a, const hf_addr *peer,
                                       uint16_t number);
const hf_turn_permission *hf_turn_find_permission(hf_turn_allocation *a, hf_time now, const hf_addr *peer);
const hf_turn_channel *hf_turn_find_channel(hf_turn_allocation *a, hf_time now, uint16_t number);
const hf_turn_channel *hf_turn_find_channel_to(hf_turn_allocation *a, hf_time now, const hf_addr *peer);

/* server_relay.c. False from _addr: no address of that family can be had. HF_ENOMEM. */
bool hf_turn_relay_addr(const hf_turn_server *server, const hf_path *client, hf_family family, hf_addr *out);
HF_CHECKED hf_err hf_turn_relay_new(hf_turn_server *server, hf_turn_allocation *a, const hf_addr *ip, bool even,
                                    hf_turn_relay **out);
void hf_turn_relay_drop(hf_turn_server *server, hf_turn_relay *relay);
hf_turn_relay *hf_turn_relay_find(const hf_turn_server *server, const hf_addr *addr);
bool hf_turn_relay_poll_request(hf_turn_server *server, hf_request *out);
void hf_turn_relay_reply(hf_turn_server *server, hf_time now, const hf_reply *reply);
void hf_turn_relays_clear(hf_turn_server *server);

/* An IP address of this server, as far as it knows. */
bool hf_turn_is_own_ip(const hf_turn_server *server, const hf_addr *addr);

/* May be a peer: for a permission its IP alone, for data with its port. */
bool hf_turn_may_permit(const hf_turn_server *server, const hf_turn_allocation *a, const hf_addr *peer);
bool hf_turn_may_reach(const hf_turn_server *server, const hf_turn_allocation *a, const hf_addr *peer);

/* server_forward.c */
void hf_turn_on_channel_data(hf_turn_server *server, hf_time now, const hf_path *path, hf_bytes message);
void hf_turn_on_send(hf_turn_server *server, hf_time now, const hf_path *path, const hf_stun_message *message);
void hf_turn_on_peer_data(hf_turn_server *server, hf_time now, hf_turn_relay *relay, const hf_datagram *datagram);

/* server_stream.c */
void hf_turn_on_connected(hf_turn_server *server, const hf_reply *reply);
void hf_turn_on_disconnected(hf_turn_server *server, const hf_path *path);
void hf_turn_stream_input(hf_turn_server *server, hf_time now, const hf_datagram *datagram);
bool hf_turn_stream_poll_request(hf_turn_server *server, hf_request *out);
void hf_turn_streams_expire(hf_turn_server *server, hf_time now);
hf_time hf_turn_streams_deadline(const hf_turn_server *server);
void hf_turn_stream_settle(hf_turn_server *server, const hf_path *path, bool has_allocation); /* it has one, or has not */
void hf_turn_streams_clear(hf_turn_server *server);

/* server.c: a whole message of a client. */
void hf_turn_on_message(hf_turn_server *server, hf_time now, const hf_path *path, uint8_t *data, size_t len);

static inline bool hf_turn_path_equal(const hf_path *a, const hf_path *b)
{
    return a->transport == b->transport && hf_addr_equal(&a->local, &b->local) && hf_addr_equal(&a->remote, &b->remote);
}

#endif
