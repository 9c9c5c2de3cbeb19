/* fake.h: a client, and a TURN server that the test bends as it likes. */
#ifndef TEST_TURN_FAKE_H
#define TEST_TURN_FAKE_H

#include "env.h"
#include "turn_client.h"

#define FAKE_USER "alice"
#define FAKE_PASSWORD "rabbit"
#define FAKE_REALM "wonder.land"
#define FAKE_NONCE "nonce-1"
#define FAKE_CREDENTIALS .username = FAKE_USER, .password = FAKE_PASSWORD

typedef struct fake {
    test_env env;
    hf_time now;
    hf_turn_client *client;
    uint8_t buffer[HF_DATAGRAM_MAX];

    /* How it behaves. Zeroes: as RFC 8656 asks. */
    bool is_open;      /* asks for no credentials */
    const char *nonce; /* the one that is not stale */
    const char *realm;
    const char *algorithms; /* "": none are offered; otherwise the bytes of the list, of algorithms_len */
    size_t algorithms_len;
    bool uses_sha256;     /* the key, and MESSAGE-INTEGRITY-SHA256 */
    bool hides_usernames; /* USERHASH is expected */
    bool forges;          /* signs by another key */
    bool signs_nothing;
    unsigned code[16];      /* error response by method; 0: success */
    uint32_t lifetime;      /* 0: 600 s */
    const char *relayed[3]; /* NULL: 192.0.2.15:50000 */
    bool is_mute;           /* takes requests, and does not answer */
    uint16_t adds_unknown;  /* an attribute of that type, in each response but challenges */
    const char *alternate;  /* in responses of 300 */
    hf_bytes domain;        /* beside it */

    /* What it has seen. */
    hf_stun_message request; /* the last one, in `seen` */
    uint8_t seen[HF_DATAGRAM_MAX];
    unsigned requests, by_method[16];
    hf_addr peers[64];
    size_t peers_len; /* of the last CreatePermission */
    hf_addr channel_peer;
    uint16_t channel; /* of the last ChannelBind */
    bool has_lifetime;
    uint32_t asked_lifetime;
    bool is_signed; /* the last request was, and rightly */
} fake;

/* An environment and a client by `config`; the server is 192.0.2.1:3478 unless that has another. NULL: with credentials. */
void fake_init(fake *f, const hf_turn_client_config *config);

/* The same in the environment that `f->env` is already. */
hf_err fake_init_in(fake *f, const hf_turn_client_config *config);
void fake_clear(fake *f); /* nothing has leaked */

/* Takes what the client sends now, shows it to the server, and hands the answers back, until the client is silent. */
void fake_talk(fake *f);

/* Takes one request without an answer; false: there is none. */
bool fake_take(fake *f);

/* Answers the request that was taken last. */
void fake_answer(fake *f);

/* Lets time pass, deadline by deadline, with fake_talk at each. */
void fake_run(fake *f, hf_span span);

/* Takes the next event, and demands that it is of that type. */
hf_turn_client_event fake_event(fake *f, hf_turn_client_event_type type);
void fake_no_event(fake *f);

/* fake_talk until ALLOCATED was told. */
void fake_allocate(fake *f);

bool fake_input(fake *f, const void *message, size_t len, hf_turn_data *out);
hf_addr fake_addr(const char *text);

#endif
