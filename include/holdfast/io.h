/* io.h: what passes between a layer that does no I/O and the driver that does it.
 *
 * Every layer has the same face; the names vary with the layer's own nouns:
 *
 *     input(x, now, datagrams, n)     datagrams arrived
 *     poll_transmit(x, now, out)      what is there to send?
 *     poll_request(x, out)            what must the world do?
 *     reply(x, now, reply)            it did, or could not
 *     poll_event(x, out)              what happened?
 *     deadline(x)                     when must I be called again?
 *     tick(x, now)                    that moment has come
 *
 * A driver does, whenever anything was handed in: poll_request, poll_transmit and poll_event until all are empty (what one
 * gives out may leave something for another), then waits until a datagram, a reply or the deadline comes. No order of calls
 * is wrong. Objects that share an hf_engine are used by one thread at a time. */
#ifndef HOLDFAST_IO_H
#define HOLDFAST_IO_H

#include <holdfast/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The largest UDP payload that any layer sends by default: 1200 bytes pass every path that carries IPv6 (RFC 8200 §5:
 * 1280) with room for a relay's header. */
#define HF_MTU_DEFAULT 1200

/* The largest datagram that an input function looks at; longer ones are counted and dropped. */
#define HF_DATAGRAM_MAX 2048

typedef enum hf_transport { HF_UDP = 0, HF_TCP } hf_transport;

/* The two ends of a datagram's way, as this machine sees them: `local` is the address of the socket. With HF_TCP they name
 * one stream. */
typedef struct hf_path {
    hf_transport transport;
    hf_addr local;
    hf_addr remote;
} hf_path;

/* A datagram that arrived. `data` is the caller's; it may be overwritten during the call (decryption in place), and is
 * not kept after it. On an HF_TCP path: the next bytes of that stream, cut anywhere, at most HF_DATAGRAM_MAX of them; where
 * its frames begin and end (RFC 4571 §2) is the layer's affair. */
typedef struct hf_datagram {
    hf_path path;
    uint8_t *data;
    size_t len;
    uint32_t group; /* of the socket or stream that it came by (hf_request) */
} hf_datagram;

/* A run of datagrams for one path, one behind the other in the caller's buffer. Each is `segment` bytes long, the last
 * one may be shorter: exactly what UDP_SEGMENT (UDP GSO) takes. A driver without it sends them one by one. On an HF_TCP
 * path each is a whole frame with its header, to be written to the stream in order. A driver whose stream has no room waits
 * a little before it asks for more. Then it says so with HF_REPLY_ROOM, and until it has room leaves out whole ones, never a
 * part: they are lost, as on a network. */
typedef struct hf_transmit {
    uint8_t *buffer; /* in: where to write */
    size_t cap;      /* in: at least HF_DATAGRAM_MAX; 64 KiB is a good size */
    hf_path path;    /* out */
    size_t len;      /* out: bytes written, all datagrams together */
    size_t segment;  /* out: bytes of each datagram but the last */
} hf_transmit;

typedef enum hf_request_type {
    /* Bind a UDP socket (any port) on each local address that may be used, and answer with HF_REPLY_LOCALS. Addresses
     * that come or go later are told by the same reply, unasked. */
    HF_REQUEST_LOCALS = 1,
    /* Look up the IPv4 and IPv6 addresses of `name`, without blocking, and answer with HF_REPLY_RESOLVED. A name that ends
     * in ".local" is asked for by multicast DNS alone (RFC 6762 §3, mdns.h), and no other resolver ever sees it. */
    HF_REQUEST_RESOLVE,
    /* Answer multicast DNS queries for `name`, a ".local" one, with path.local's IP, as long as the object is driven, and
     * answer with HF_REPLY_ADVERTISED when that has begun. */
    HF_REQUEST_ADVERTISE,
    /* Open a TCP stream from path.local's IP, which HF_REPLY_LOCALS has told, and any port, to path.remote; answer with
     * HF_REPLY_CONNECTED. Where `tls` is set, the bytes are those of a TLS client in that stream, which has verified that
     * the server is `name`, before the answer. (hf_peer does that itself: a driver below it sees plain streams alone.) */
    HF_REQUEST_CONNECT,
    /* Close the stream `path`, or the one that CONNECT with this `id` asked for, open or not. What was sent on it before
     * leaves as far as the system has taken it. No answer, and nothing to be done where its end has crossed this. */
    HF_REQUEST_DISCONNECT,
    /* Bind one more UDP socket, to path.local, and answer with HF_REPLY_BOUND. */
    HF_REQUEST_BIND,
    /* Close the socket that BIND was asked for with this `id`, or the answer to it named by path.local. No answer. */
    HF_REQUEST_UNBIND,
    /* Close all sockets and streams of this `group`, for which nothing more will be asked or sent. What was sent before
     * leaves. No answer. */
    HF_REQUEST_RELEASE
} hf_request_type;

/* What a layer asks of the world. `name` stays valid until the next call on the object.
 *
 * An object that is more than one connection, as a session is while one takes the place of another, keeps their sockets
 * apart by a number: everything asked for with another `group` gets sockets of its own, which the same number names in
 * replies and in datagrams. For all other objects it is 0. */
typedef struct hf_request {
    hf_request_type type;
    uint32_t group;   /* to be repeated in the reply, as is the id; HF_REPLY_LOCALS that nobody asked for comes once for each
                         group that has asked for them and is not released */
    uint32_t id;      /* of requests of one group; 0 in DISCONNECT: the path says which */
    const char *name; /* RESOLVE, ADVERTISE, CONNECT with `tls`: the host name, NUL-terminated */
    hf_path path;     /* ADVERTISE, CONNECT, DISCONNECT, BIND, UNBIND */
    bool tls;         /* CONNECT */
    bool listen;      /* LOCALS: besides, a socket that listens for TCP streams on each address */
} hf_request;

/* A local address with a socket bound to it. */
typedef struct hf_local {
    hf_addr addr;           /* with the port that the socket got */
    uint32_t interface;     /* the interface's index; addresses of one interface share it. 0: unknown */
    uint16_t preference;    /* 0 is the default; a larger one makes a better local preference (RFC 8445 §5.1.2.1) */
    uint8_t prefix;         /* leading bits of the address that all on its link share; 0: unknown */
    hf_transport transport; /* HF_TCP: it listens */
} hf_local;

typedef enum hf_reply_type {
    HF_REPLY_LOCALS = 1,
    HF_REPLY_RESOLVED,
    HF_REPLY_ADVERTISED,
    HF_REPLY_CONNECTED, /* `path` has the local port that the stream got. Unasked (id 0): a listening socket accepted one */
    HF_REPLY_DISCONNECTED, /* unasked: the stream `path` has ended, behind the last of its bytes */
    HF_REPLY_BOUND,        /* `path.local`: the socket's address. HF_EEXIST: that port is taken */
    HF_REPLY_ROOM /* unasked: HF_EAGAIN: the stream `path` is full, and what is sent on it left out; HF_OK: it has room
                              again */
} hf_reply_type;

/* The answer. All that it points to is the caller's and is not kept after the call. */
typedef struct hf_reply {
    hf_reply_type type;
    uint32_t group;         /* the request's; where nobody asked, that of the sockets it is about */
    uint32_t id;            /* the request's; 0 when nobody asked */
    hf_err err;             /* HF_OK, or why not: HF_ERESOLVE, HF_EIO, HF_EUNREACHABLE; HF_ENOTSUP: this driver never does */
    const hf_local *locals; /* LOCALS: all that there are now, new and old */
    size_t locals_len;
    const hf_addr *addrs; /* RESOLVED: ports are ignored */
    size_t addrs_len;
    hf_path path;    /* CONNECTED, DISCONNECTED, BOUND, ROOM */
    const char *why; /* CONNECTED, DISCONNECTED: more than `err` says, in static words; NULL: nothing */
} hf_reply;

/* What stands around each datagram on a way that is not plain UDP: the length in a stream (RFC 4571 §2), the header of a
 * relay (RFC 8656 §12.4, §11.2). Zeroes: nothing. A writer leaves `before` bytes free in front of a datagram and `after`
 * behind it, calls hf_wrap_write, and sends as many bytes as that returns, from the first of those in front. */
#define HF_WRAP_MAX 51 /* bytes in front and behind together, at the most: of a Send indication to an IPv6 address */

typedef struct hf_wrap hf_wrap;
struct hf_wrap {
    size_t before, after;                                                /* `before` exactly, `after` at the most */
    size_t (*write)(const hf_wrap *wrap, uint8_t *datagram, size_t len); /* NULL: nothing is written */
    hf_addr peer;                                                        /* for `write` alone, as what follows */
    uint16_t channel;
    uint8_t id[12];
};

/* Writes what belongs around the datagram, and returns the length of the whole. */
static inline size_t hf_wrap_write(const hf_wrap *wrap, uint8_t *datagram, size_t len)
{
    return wrap->write ? wrap->write(wrap, datagram, len) : len;
}

#ifdef __cplusplus
}
#endif
#endif
