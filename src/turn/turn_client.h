/* turn_client.h: one allocation on a TURN server (RFC 8656), as its client sees it.
 *
 * Sans I/O. The owner knows the path to the server: a UDP socket, or a TCP or TLS stream that is open; it hands in what
 * comes from there, and only that (ChannelData of anybody else is not the relay's). Lifetimes of allocation, permissions and
 * channels are kept fresh as long as they are wanted. */
#ifndef HF_TURN_TURN_CLIENT_H
#define HF_TURN_TURN_CLIENT_H

#include "stun.h"

#include <holdfast/io.h>

typedef struct hf_turn_client hf_turn_client;

#define HF_TURN_PEERS_MAX 128 /* addresses with a permission of one allocation */
#define HF_TURN_DOMAIN_SIZE 256
#define HF_TURN_RELAYED_MAX 2 /* relayed addresses of one allocation: of each family one */

typedef struct hf_turn_client_config {
    hf_path path;                    /* our end and the server; HF_TCP: a stream, TLS or not */
    const char *username, *password; /* long-term credentials; NULL: CREDENTIALS_NEEDED asks for them. Copied */
    bool both_families;              /* ask for an IPv6 address besides (RFC 8656 §7.2, ADDITIONAL-ADDRESS-FAMILY) */
    hf_family family;                /* of the relayed address; NONE: IPv4 */
    hf_span patience;                /* until the allocation stands, without waiting for credentials; 0: 5 s */
} hf_turn_client_config;

/* Makes a client; its Allocate request is there to be taken at once. HF_EINVAL, HF_ENOMEM. */
HF_CHECKED hf_err hf_turn_client_new(hf_turn_client **out, hf_time now, const hf_turn_client_config *config,
                                     const hf_env *env);
void hf_turn_client_free(hf_turn_client *client); /* NULL is fine; sends nothing */

/* Gives the allocation back (Refresh with lifetime 0, RFC 8656 §8). CLOSED follows, answered or not, within a second. */
void hf_turn_client_close(hf_turn_client *client, hf_time now);

/* A datagram of a peer that came through the relay. */
typedef struct hf_turn_data {
    hf_addr relayed; /* the address of ours that it came to */
    hf_addr peer;
    uint8_t *data; /* in the memory that was handed in */
    size_t len;
} hf_turn_data;

/* Takes one datagram from the server, or one message of its stream (hf_turn_deframe). True: it bore data. What comes from
 * peers without a permission of ours is counted and dropped. */
bool hf_turn_client_input(hf_turn_client *client, hf_time now, uint8_t *message, size_t len, hf_turn_data *out);

/* Writes the next request, for config.path: on a stream too without any frame but its own. */
bool hf_turn_client_poll_transmit(hf_turn_client *client, hf_time now, hf_transmit *out);

hf_time hf_turn_client_deadline(const hf_turn_client *client);
void hf_turn_client_tick(hf_turn_client *client, hf_time now);

/* Wants a permission for the IP of `peer` (RFC 8656 §9), asked for as soon as the allocation stands, and kept. Also HF_OK
 * where it is there. HF_ELIMIT: HF_TURN_PEERS_MAX. HF_EINVAL: not an address of a peer. HF_ESTATE: closed or failed.
 * HF_ENOMEM. */
HF_CHECKED hf_err hf_turn_client_permit(hf_turn_client *client, hf_time now, const hf_addr *peer);

/* Wants a channel to `peer` (§12), which saves 32 to 44 bytes a datagram; implies the permission. */
HF_CHECKED hf_err hf_turn_client_bind(hf_turn_client *client, hf_time now, const hf_addr *peer);

/* Does not want the channel to `peer` and the permission of its IP any more: they run out on the server. */
void hf_turn_client_forget(hf_turn_client *client, const hf_addr *peer);

/* What stands around a datagram to `peer` now: ChannelData where there is a channel, otherwise a Send indication (with a new
 * transaction id at each call). HF_EAGAIN: no permission yet. HF_EREFUSED: the server refuses it (403, 443).
 * HF_ESTATE: there is no allocation. */
HF_CHECKED hf_err hf_turn_client_wrap(hf_turn_client *client, const hf_addr *peer, hf_wrap *out);

/* Answers CREDENTIALS_NEEDED: without new ones, FAILED (HF_EAUTH) follows after 30 s, or when the allocation ends. Given
 * before they are needed, they wait until the server refuses the old ones, for an allocation belongs to one user (RFC 8656
 * §5). Those that were refused change nothing. HF_ENOMEM, HF_EINVAL (one is missing or too long). */
HF_CHECKED hf_err hf_turn_client_set_credentials(hf_turn_client *client, hf_time now, const char *username,
                                                 const char *password);

typedef enum hf_turn_client_event_type {
    HF_TURN_ALLOCATED = 1,
    HF_TURN_PERMITTED,          /* wrap now succeeds for `peer`; with a port: by a channel, which wraps it more shortly */
    HF_TURN_REFUSED,            /* wrap never will, for `peer` */
    HF_TURN_CREDENTIALS_NEEDED, /* none were given; or the server refuses those, and `cause` is HF_EAUTH */
    HF_TURN_FAILED, /* no allocation, or lost. `cause`: HF_ETIMEDOUT, HF_EAUTH, HF_EQUOTA (486), HF_EREFUSED (403, 440,
                                   442, 508 and others), HF_EPROTO; with `alternate` set: ask there instead (300) */
    HF_TURN_CLOSED
} hf_turn_client_event_type;

typedef struct hf_turn_client_event {
    hf_turn_client_event_type type;
    hf_err cause;
    unsigned code;                        /* FAILED, REFUSED: of the server's error response; 0: none */
    hf_addr relayed[HF_TURN_RELAYED_MAX]; /* ALLOCATED; family NONE: none */
    hf_addr mapped;                       /* ALLOCATED: how the server sees us */
    hf_addr peer;                         /* PERMITTED, REFUSED; for a permission the port says nothing */
    hf_addr alternate;                    /* FAILED */
    const char *alternate_domain; /* FAILED, over TLS: the name that the alternate's certificate bears (RFC 8489 §14.16), or
                                     "": the same as this one's. Valid as long as the client */
} hf_turn_client_event;

bool hf_turn_client_poll_event(hf_turn_client *client, hf_turn_client_event *out);

/* Asks the server now whether it still has the allocation, which is cheap, for when the way over it becomes suspect: it is
 * refreshed, or FAILED follows: at once where the server says so, after 800 ms of silence, or four round trips if those are
 * longer. Nothing happens while another probe is out, or where there is no allocation. */
void hf_turn_client_probe(hf_turn_client *client, hf_time now);

/* For statistics. */
typedef struct hf_turn_client_stats {
    uint64_t requests_sent, responses_received, stale_nonces;
    uint64_t dropped; /* from the server, and of no use: malformed, not authentic, of unknown channels or peers */
} hf_turn_client_stats;

void hf_turn_client_get_stats(const hf_turn_client *client, hf_turn_client_stats *out);

#endif
