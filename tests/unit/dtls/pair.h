/* pair.h: a client and a server with a network of virtual time between them. */
#ifndef TEST_DTLS_PAIR_H
#define TEST_DTLS_PAIR_H

#include <dtls.h>
#include <env.h>

#define PAIR_DELAY HF_MS(10) /* one way */
#define PAIR_FLYING_MAX 256

typedef struct pair pair;

typedef struct pair_end {
    hf_dtls *dtls;
    hf_certificate *certificate;
    hf_fingerprint fingerprint; /* of its certificate */
    bool connected, closed, failed;
    hf_err cause;
    hf_time connected_at;
    size_t packets;          /* application packets handed up so far */
    uint8_t last[2048];      /* the newest of them */
    size_t last_len;
    size_t sent;             /* datagrams */
} pair_end;

typedef struct pair_datagram {
    pair_end *to;
    hf_time due;
    uint8_t data[HF_DATAGRAM_MAX];
    size_t len;
} pair_datagram;

/* What happens to a datagram; `number` counts all of the pair, from zero. */
typedef enum pair_fate { PAIR_PASSES, PAIR_IS_LOST, PAIR_COMES_TWICE, PAIR_COMES_LATE } pair_fate;

struct pair {
    test_env env; /* of both ends */
    hf_time now;
    pair_end client, server;
    pair_datagram *flying[PAIR_FLYING_MAX];
    size_t flying_len;
    size_t number; /* datagrams sent by both */

    pair_fate (*fate)(pair *p, const pair_datagram *datagram, size_t number); /* NULL: all pass */
    void *context;                                                         /* for `fate` */
    hf_dtls_config client_config, server_config; /* may be changed before pair_open */
};

/* Makes certificates and fingerprints. Then the configuration may be changed, before pair_open makes the ends. */
void pair_init(pair *p, uint64_t seed);
void pair_open(pair *p);
void pair_clear(pair *p); /* expects that nothing leaks */

/* Starts both ends and runs until both are connected or an end came, at most for `limit`. True: both are connected. */
bool pair_connect(pair *p, hf_span limit);

/* Delivers and ticks for so long. */
void pair_run(pair *p, hf_span length);

/* Takes what one end has to send, and puts it on its way. */
void pair_drain(pair *p, pair_end *end);

/* Seals one packet and puts it on its way. False: it was not taken. */
bool pair_send(pair *p, pair_end *end, const char *text);

/* Expects that a packet passes in each direction. */
void pair_expect_conversation(pair *p);

/* Hands a datagram to an end, now; returns how many packets came out. */
size_t pair_give(pair *p, pair_end *end, const void *data, size_t len);

/* Puts a datagram of a stranger on its way; it arrives at once. May be called from `fate`. */
void pair_inject(pair *p, pair_end *to, const void *data, size_t len);

#endif
