/* wire.h: a client with a real socket to a server, and peers with sockets of their own. */
#ifndef TEST_COTURN_WIRE_H
#define TEST_COTURN_WIRE_H

#include "env.h"
#include "turn_client.h"
#include "turn_stream.h"

#define WIRE_PATIENCE HF_SECONDS(10) /* whatever a test waits for has come by then, on a slow machine too */

typedef struct wire_data {
    hf_addr relayed, peer;
    size_t len;
    uint8_t bytes[HF_DATAGRAM_MAX];
} wire_data;

typedef struct wire {
    test_env env;
    hf_turn_client *client;
    hf_transport transport;
    int fd;
    hf_turn_deframer deframer;
    hf_turn_client_event event; /* the last one */
    wire_data data;             /* the last one */
    size_t data_count;
} wire;

/* A client of `server`, over a new socket or, when `fd` is one, over that. `config` has the rest. */
void wire_open(wire *l, const hf_addr *server, const hf_turn_client_config *config, int fd);
void wire_close(wire *l); /* the client is freed; nothing is told to the server */

/* Drives until that event has come; another one but PERMITTED ends the test. */
void wire_wait(wire *l, hf_turn_client_event_type type);
hf_turn_client_event_type wire_wait_any(wire *l);
void wire_wait_data(wire *l); /* until one more datagram has come */

/* Sends to the peer as the client wraps it. */
void wire_send(wire *l, const hf_addr *peer, const void *bytes, size_t len);

/* Sockets. Connected to `to` unless that is NULL; the address that a peer's has. */
int wire_socket(hf_transport transport, const hf_addr *to);
int wire_peer(hf_family family, hf_addr *addr);
size_t wire_peer_receive(int fd, void *bytes, size_t cap, hf_addr *from);
void wire_peer_send(int fd, const hf_addr *to, const void *bytes, size_t len);
uint16_t wire_free_port(void);
hf_time wire_now(void);

#endif
