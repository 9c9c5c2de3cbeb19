/* desk.h: a TURN server under virtual time, with a driver that does as asked, and clients that say what the test likes. */
#ifndef TEST_TURN_DESK_H
#define TEST_TURN_DESK_H

#include "env.h"
#include "stun.h"

#include <holdfast/turn.h>

#define DESK_SERVER "198.51.100.1:3478"
#define DESK_USER "alice"
#define DESK_PASSWORD "rabbit"

typedef struct desk_sent {
    hf_path path;
    size_t len;
    uint8_t data[HF_DATAGRAM_MAX];
} desk_sent;

#define DESK_SENT_MAX 512
#define DESK_SOCKETS_MAX 4096

typedef struct desk {
    test_env env;
    hf_time now;
    hf_turn_server *server;
    desk_sent sent[DESK_SENT_MAX]; /* not taken by the test yet */
    size_t sent_at, sent_len;
    uint64_t sent_bytes, sent_datagrams; /* all that there were */
    hf_addr sockets[DESK_SOCKETS_MAX];   /* bound for the server */
    uint32_t ids[DESK_SOCKETS_MAX];
    size_t sockets_len;
    unsigned binds, disconnects;
    hf_path disconnected; /* the last one */
    bool is_taken;        /* each port is somebody else's */
    hf_err bind_err;      /* of each BIND */
    bool is_slow;         /* BIND is not answered */
    uint32_t slow_id;
    hf_addr slow_addr;
} desk;

/* A server with the user above that relays from 198.51.100.1. Zeroes of the config are filled in so. */
void desk_init(desk *d, const hf_turn_server_config *config);
void desk_init_seeded(desk *d, const hf_turn_server_config *config, uint64_t seed);
void desk_clear(desk *d); /* nothing has leaked, no socket is left */

hf_addr desk_addr(const char *text);
hf_path desk_path(const char *client); /* from there to the server, by UDP */

/* Hands it in, and does what the server asks for. */
void desk_input(desk *d, const hf_path *path, const void *data, size_t len);
void desk_serve(desk *d);
void desk_run(desk *d, hf_span span); /* deadline by deadline */
void desk_reply(desk *d, const hf_reply *reply);

/* Takes the oldest that was sent; NULL: nothing is left. Valid until the next one is taken. */
const desk_sent *desk_take(desk *d);
void desk_expect_silence(desk *d);
bool desk_has_socket(const desk *d, const hf_addr *addr);

/* A client with its credentials; what a challenge tells is kept. */
typedef struct desk_client {
    desk *desk;
    hf_path path;
    const char *user, *password;
    char realm[128], nonce[128];
    bool sha256; /* algorithm and integrity */
    uint8_t key[32];
    size_t key_len;
    uint32_t serial; /* of the next transaction */
    hf_stun_writer s;
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_stun_message answer; /* the last one, in `heard` */
    uint8_t heard[HF_DATAGRAM_MAX];
} desk_client;

desk_client desk_client_of(desk *d, const char *addr);

/* begin, add attributes to c->s, then ask: it is signed as far as there was a challenge, handed in, and the answer is in
 * c->answer. Returns the error code, 0 for success; 1: there was no answer. */
void desk_begin(desk_client *c, hf_stun_class class_, uint16_t method);
unsigned desk_ask(desk_client *c);
size_t desk_finish(desk_client *c); /* signs; returns the length */

/* Whole exchanges, with credentials: 401 first where there was no challenge yet. */
unsigned desk_allocate(desk_client *c);
unsigned desk_refresh(desk_client *c, uint32_t lifetime);
unsigned desk_permit(desk_client *c, const char *peer);
unsigned desk_bind(desk_client *c, const char *peer, uint16_t number);
hf_addr desk_relayed(const desk_client *c); /* of the last answer */
void desk_challenge(desk_client *c);        /* an Allocate that is refused, for realm and nonce */

void desk_send(desk_client *c, const char *peer, const char *text);        /* as a Send indication */
void desk_send_channel(desk_client *c, uint16_t number, const char *text); /* as ChannelData */
void desk_peer_sends(desk *d, const hf_addr *relayed, const char *peer, const char *text);

/* The oldest that was sent is this, and is taken. */
void desk_expect_to_peer(desk *d, const hf_addr *relayed, const char *peer, const char *text);
void desk_expect_indication(desk_client *c, const char *peer, const char *text);
void desk_expect_channel_data(desk_client *c, uint16_t number, const char *text);

hf_turn_server_stats desk_stats(const desk *d);

#endif
