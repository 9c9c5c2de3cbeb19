/* control.h: the messages of the control channel (docs/protocol.md, "Control"). Pure: bytes to values and back; what they
 * mean is link.c's affair. */
#ifndef HF_CONTROL_H
#define HF_CONTROL_H

#include "bytes.h"
#include "ranges.h"

#define HF_PROTOCOL_VERSION 1
#define HF_CONTROL_STREAM 1023 /* negotiated, never handed out otherwise */
#define HF_CONTROL_LABEL "holdfast"
#define HF_SESSION_ID_BYTES 16

/* A longer one is an error of the remote's; what it may hold is bounded by it. */
#define HF_CONTROL_MESSAGE_MAX 65536

/* An item of a list without ranges is no longer. */
#define HF_CONTROL_ITEM_MAX 33

/* Of one channel in one message; what is left out is sent again by the remote, and dropped then. */
#define HF_CONTROL_RANGES_MAX 63

typedef enum hf_control_type {
    HF_CONTROL_HELLO = 1, /* opens a connection, both ways */
    HF_CONTROL_ACK,       /* what was received, and windows */
    HF_CONTROL_CLOSE,     /* of a channel, with the last number sent on it */
    HF_CONTROL_CLOSED,    /* all of it is here: confirms CLOSE */
    HF_CONTROL_BYE,       /* of the session, with the last numbers of all channels */
    HF_CONTROL_BYE_DONE,  /* confirms BYE */
    HF_CONTROL_PING,
    HF_CONTROL_PONG
} hf_control_type;

/* Which incarnation of which channel: each side numbers those that it opens. */
typedef struct hf_channel_ref {
    uint64_t incarnation; /* 1, 2, …: never used again in the session */
    bool of_writer;       /* opened by the side that wrote this */
} hf_channel_ref;

/* Ranges as they are on the wire, for hf_control_next_range. */
typedef struct hf_control_ranges {
    hf_bytes rest;
    uint64_t after; /* the number that the next one is counted from */
} hf_control_ranges;

/* Of a channel on which the writer receives. */
typedef struct hf_control_received {
    hf_channel_ref channel;
    uint64_t received;        /* all messages up to this number are here */
    hf_control_ranges ranges; /* and these, on unordered channels */
    uint64_t window;          /* bytes that may come beyond what this acknowledges */
    uint64_t message_max;     /* the longest message taken */
} hf_control_received;

typedef struct hf_control_last {
    hf_channel_ref channel;
    uint64_t last; /* the number of the last message that the writer sent on it; 0: there was none */
} hf_control_last;

typedef struct hf_control {
    hf_control_type type;
    union {
        struct {
            uint32_t version;
            uint8_t session[HF_SESSION_ID_BYTES], remote[HF_SESSION_ID_BYTES]; /* the writer's, and its reader's as it knows
                                                                                  it; zeroes: not at all */
            uint32_t generation;
            hf_bytes received; /* hf_control_next_received */
        } hello;
        struct {
            hf_bytes received;
        } ack;
        hf_control_last close, closed;
        struct {
            hf_bytes lasts; /* hf_control_next_last */
        } bye;
        struct {
            uint64_t token;
        } ping, pong;
    } u;
} hf_control;

/* Checks the whole, lists and ranges included. HF_ESYNTAX; HF_ENOTSUP: a HELLO of another version, of which only the version
 * is read. A type that is not known: HF_OK with that type, for the reader to pass over. Numbers in it are
 * within HF_VARINT_MAX, and no list is longer than the message. */
HF_CHECKED hf_err hf_control_read(hf_bytes message, hf_control *out);

/* Take the next of a list that hf_control_read has checked; false: none is left. */
bool hf_control_next_received(hf_bytes *list, hf_control_received *out);
bool hf_control_next_range(hf_control_ranges *ranges, hf_range *out);
bool hf_control_next_last(hf_bytes *list, hf_control_last *out);

/* Write into `w`; lists are written item by item behind the head. w->ok tells whether there was room. */
void hf_control_write_hello(hf_writer *w, const uint8_t session[HF_SESSION_ID_BYTES],
                            const uint8_t remote[HF_SESSION_ID_BYTES], uint32_t generation);
void hf_control_write_ack(hf_writer *w);
/* `item->ranges` is not looked at. Ranges for which there is no room are left out, and those beyond
 * HF_CONTROL_RANGES_MAX. False: no room for the item alone; nothing is written, and w->ok stays true. */
bool hf_control_write_received(hf_writer *w, const hf_control_received *item, const hf_ranges *ranges);
void hf_control_write_close(hf_writer *w, hf_control_type type, const hf_control_last *item); /* CLOSE, CLOSED */
void hf_control_write_bye(hf_writer *w, hf_control_type type);                                /* BYE, BYE_DONE */
void hf_control_write_last(hf_writer *w, const hf_control_last *item);
void hf_control_write_ping(hf_writer *w, hf_control_type type, uint64_t token); /* PING, PONG */

#endif
