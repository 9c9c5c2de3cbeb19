/* command.h: a line of `holdfast peer`'s input as a command or a signal. Pure. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "fault.h"

#include <holdfast/manager.h>

#include <jansson.h>

typedef enum cli_command_type {
    CLI_SIGNAL = 1,   /* offer, answer, candidate, bye */
    CLI_SIGNAL_OTHER, /* bears "to":"peer", but we know nothing of its type */
    CLI_SEND,
    CLI_CLOSE_CHANNEL,
    CLI_CREDENTIALS,
    CLI_RESTART,
    CLI_RECONNECT,
    CLI_ACCEPT_IDENTITY,
    CLI_STATS,
    CLI_CLOSE
} cli_command_type;

/* What to send: bytes that stand in the line, or so many made up. */
typedef struct cli_send {
    const char *channel;
    hf_message_kind kind;
    const uint8_t *data; /* NULL: `len` bytes are to be made up */
    size_t len;
    uint64_t repeat; /* 0: not said */
} cli_send;

/* For a TURN server, which the line of type credentials asked for. */
typedef struct cli_credentials {
    const char *url, *username, *password;
} cli_credentials;

/* Zeroes are none. Pointers live as long as the command. */
typedef struct cli_command {
    cli_command_type type;
    union {
        hf_envelope signal;          /* CLI_SIGNAL; what its envelope does not say is NULL or 0 */
        cli_send send;               /* CLI_SEND */
        const char *close_channel;   /* CLI_CLOSE_CHANNEL */
        const char *fingerprint;     /* CLI_ACCEPT_IDENTITY; NULL: whoever was told last */
        cli_credentials credentials; /* CLI_CREDENTIALS */
    } u;
    json_t *root;    /* owns the strings */
    uint8_t *memory; /* owns what was in base64 */
} cli_command;

/* Parses one line. HF_ESYNTAX: not a JSON object in UTF-8; HF_EINVAL: an unknown type, or a field that is missing or wrong;
 * HF_ENOMEM. Unknown fields are ignored. On success `out` is to be cleared. */
HF_CHECKED hf_err cli_command_parse(cli_command *out, const char *line, size_t len, cli_fault *fault);

void cli_command_clear(cli_command *command);

#endif
