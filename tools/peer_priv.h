/* peer_priv.h: what the files of `holdfast peer` share.
 *
 *   peer.c          birth, timers, signals, death
 *   peer_input.c    stdin: commands and the remote's signals
 *   peer_session.c  the session's events become lines
 *   outbox.c        messages to be sent as soon as there is room
 *   echo.c          --echo, and the two channels for measuring */
#ifndef CLI_PEER_PRIV_H
#define CLI_PEER_PRIV_H

#include "backlog.h"
#include "command.h"
#include "event_log.h"
#include "lines.h"
#include "peer_options.h"

#include <holdfast/io.h>
#include <holdfast/loop.h>

/* A message that waits: "repeat" says how often. */
typedef struct cli_job {
    struct cli_job *next;
    cli_command command;
    uint64_t left;
} cli_job;

/* The jobs for channels of one name, in order. */
typedef struct cli_outbox {
    struct cli_outbox *next;
    cli_job *first, **last;
    char *channel;
} cli_outbox;

/* An answer of --echo that found no room. */
typedef struct cli_reply {
    struct cli_reply *next;
    hf_message_kind kind;
    size_t len;
    uint8_t data[];
} cli_reply;

/* What we know of one channel: its user pointer. */
typedef struct cli_port {
    struct cli_port *next;
    hf_channel *channel;
    char *name;
    bool open;    /* and told */
    bool refused; /* a command got HF_EAGAIN, and waits for `writable` */
    bool reliable;
    uint64_t binary_bytes, binary_messages; /* received */
    cli_backlog backlog;

    cli_reply *first_reply, **last_reply;
    size_t replies_bytes, replies_len;
    hf_time source_until; /* 0: no source at work */
    size_t source_size;
    uint64_t source_bytes;
} cli_port;

typedef struct cli_peer {
    cli_peer_options options;
    hf_env env;
    cli_event_log *event_log; /* NULL: none */
    hf_loop *loop;
    hf_trust *trust; /* NULL: nobody, or it is not needed */
    hf_certificate *certificate;
    hf_manager *manager;
    hf_session *session; /* NULL: none yet */
    int status;          /* the exit status */
    bool closing;        /* it ends because somebody asked for it */
    bool output_gone;

    cli_lines lines;
    bool has_input;
    int signals_fd;
    hf_timer end, give_up, stats, pump;

    cli_outbox *outboxes;
    cli_port *ports;
    hf_err cause;      /* of the state told last */
    hf_ice_route pair; /* the one told last */
    char *state_line;  /* the last one, so that none is told twice */
    uint8_t *made_up;  /* bytes for "size" and for sources */
    size_t made_up_len;
} cli_peer;

/* --- peer.c --- */
hf_time cli_peer_now(const cli_peer *peer);
void cli_peer_print(cli_peer *peer, json_t *event);
void cli_peer_print_error(cli_peer *peer, hf_err code, const char *message, const char *channel);
void cli_peer_close(cli_peer *peer);            /* the clean end */
void cli_peer_stop(cli_peer *peer, int status); /* the session has ended, or must */
void cli_peer_print_stats(cli_peer *peer);
void cli_peer_pump_soon(cli_peer *peer);
const uint8_t *cli_peer_made_up(cli_peer *peer, size_t len); /* NULL: out of memory */

/* --- peer_input.c --- */
void cli_peer_on_input(void *peer);

/* --- peer_session.c --- */
void cli_peer_adopt(cli_peer *peer, hf_session *session);
void cli_peer_on_envelope(void *peer, hf_manager *manager, const hf_envelope *envelope);
void cli_peer_on_session(void *peer, hf_manager *manager, hf_session *session);
void cli_peer_on_attempt(void *peer, hf_manager *manager, hf_session *session, const hf_attempt *attempt);
void cli_peer_end_ports(cli_peer *peer);                      /* at the end: tells those that the session has not closed */
cli_port *cli_peer_port(cli_peer *peer, hf_channel *channel); /* NULL: out of memory */

/* Every message is sent here: the port keeps count of what waits. */
HF_CHECKED hf_err cli_port_send(cli_peer *peer, cli_port *port, hf_message_kind kind, const void *data, size_t len);

/* --- outbox.c --- */
void cli_outbox_put(cli_peer *peer, cli_command *command); /* takes the command over */
void cli_outbox_pump(cli_peer *peer);
void cli_outbox_drop(cli_peer *peer, const char *channel, hf_err cause);
uint64_t cli_outbox_waiting(const cli_peer *peer, const char *channel);
void cli_outbox_clear(cli_peer *peer);

/* --- echo.c --- */
void cli_echo_take(cli_peer *peer, cli_port *port, hf_message_kind kind, const uint8_t *data, size_t len);
void cli_echo_pump(cli_peer *peer, cli_port *port);
void cli_echo_clear(cli_port *port);

#endif
