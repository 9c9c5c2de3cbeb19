/* peer_input.c: stdin: commands, and what the remote signals. */
#include "peer_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE 65536

/* --- Signals --- */

static bool is_candidate(const hf_envelope *envelope)
{
    return envelope->signal.type == HF_SIGNAL_CANDIDATE || envelope->signal.type == HF_SIGNAL_END_OF_CANDIDATES;
}

/* A candidate that is of no use to us is no trouble: browsers send TCP ones and .local names as a matter of course. Of
 * another identity and of lost continuity events tell, and once, however often a description is repeated. */
static bool is_trouble(const hf_envelope *envelope, hf_err err)
{
    bool is_told = err == HF_EIDENTITY || err == HF_ECONTINUITY;

    return err != HF_OK && !is_told && (!is_candidate(envelope) || err == HF_ESYNTAX || err == HF_ENOMEM);
}

static void take_signal(cli_peer *peer, hf_envelope *envelope)
{
    static const char *const words[] = {[HF_SIGNAL_OFFER] = "offer",
                                        [HF_SIGNAL_ANSWER] = "answer",
                                        [HF_SIGNAL_CANDIDATE] = "candidate",
                                        [HF_SIGNAL_END_OF_CANDIDATES] = "candidate",
                                        [HF_SIGNAL_BYE] = "bye"};
    const char *own = hf_manager_peer_id(peer->manager);
    char message[512];

    if (envelope->receiver && strcmp(envelope->receiver, own) != 0) {
        snprintf(message, sizeof message, "line %zu: for \"%s\", and we are \"%s\"", peer->lines.number, envelope->receiver,
                 own);
        cli_peer_print_error(peer, HF_EINVAL, message, NULL);
        return;
    }
    hf_err err = hf_manager_receive(peer->manager, cli_peer_now(peer), envelope);
    cli_peer_adopt(peer, hf_manager_session(peer->manager, envelope->sender ? envelope->sender : ""));
    if (!is_trouble(envelope, err))
        return;
    const char *text = hf_manager_error_text(peer->manager);
    snprintf(message, sizeof message, "line %zu: %s: %s", peer->lines.number, words[envelope->signal.type],
             *text ? text : hf_err_text(err));
    cli_peer_print_error(peer, err, message, NULL);
}

/* --- Commands --- */

static void take_send(cli_peer *peer, cli_command *command)
{
    const cli_send *send = &command->u.send;

    if (send->repeat > 0 && !peer->closing) {
        cli_outbox_put(peer, command);
        return;
    }

    hf_channel *channel = hf_session_channel(peer->session, send->channel);
    cli_port *port = channel ? cli_peer_port(peer, channel) : NULL;
    const uint8_t *data = send->data ? send->data : cli_peer_made_up(peer, send->len);
    hf_err err = !port ? HF_ENOENT : !data ? HF_ENOMEM : cli_port_send(peer, port, send->kind, data, send->len);
    if (err == HF_EAGAIN)
        port->refused = true;
    if (err == HF_ENOENT)
        cli_peer_print_error(peer, err, "there is no such channel", send->channel);
    else if (err == HF_ESTATE)
        cli_peer_print_error(peer, err, "the channel is not open", send->channel);
    else if (err != HF_OK)
        cli_peer_print_error(peer, err, hf_err_text(err), send->channel);
}

static void take_close_channel(cli_peer *peer, const char *name)
{
    hf_channel *channel = hf_session_channel(peer->session, name);
    hf_err err = channel ? hf_channel_close(channel, cli_peer_now(peer)) : HF_ENOENT;

    if (err != HF_OK)
        cli_peer_print_error(peer, err, channel ? hf_err_text(err) : "there is no such channel", name);
}

static void take_credentials(cli_peer *peer, const cli_credentials *credentials)
{
    hf_err err = peer->session ? hf_session_set_credentials(peer->session, cli_peer_now(peer), credentials->url,
                                                            credentials->username, credentials->password)
                               : HF_ESTATE;
    char message[256];

    if (err == HF_OK)
        return;
    snprintf(message, sizeof message, "credentials: %s", err == HF_ENOENT ? "there is no such server" : hf_err_text(err));
    cli_peer_print_error(peer, err, message, NULL);
}

static void say_of_session(cli_peer *peer, hf_err err, const char *what)
{
    const char *text = err != HF_OK && peer->session ? hf_session_error_text(peer->session) : "";
    char message[256];

    if (err == HF_OK)
        return;
    snprintf(message, sizeof message, "%s: %s", what, *text ? text : hf_err_text(err));
    cli_peer_print_error(peer, err, message, NULL);
}

static void take_session_command(cli_peer *peer, hf_err (*call)(hf_session *session, hf_time now), const char *what)
{
    say_of_session(peer, peer->session ? call(peer->session, cli_peer_now(peer)) : HF_ESTATE, what);
}

static void take_identity(cli_peer *peer, const char *fingerprint)
{
    hf_err err = peer->session ? hf_session_accept_identity(peer->session, cli_peer_now(peer), fingerprint) : HF_ESTATE;

    say_of_session(peer, err, "accept-identity");
}

static void take_line(cli_peer *peer, const char *line, size_t len)
{
    cli_command command;
    cli_fault fault;
    hf_err err = cli_command_parse(&command, line, len, &fault);

    if (err != HF_OK) {
        char message[CLI_FAULT_TEXT_SIZE + 32];
        snprintf(message, sizeof message, "line %zu: %s", peer->lines.number, fault.text);
        cli_peer_print_error(peer, err, message, NULL);
        return;
    }
    switch (command.type) {
    case CLI_SIGNAL:
        take_signal(peer, &command.u.signal);
        break;
    case CLI_SIGNAL_OTHER: /* from a manager of later days */
        break;
    case CLI_SEND:
        take_send(peer, &command);
        break;
    case CLI_CLOSE_CHANNEL:
        take_close_channel(peer, command.u.close_channel);
        break;
    case CLI_CREDENTIALS:
        take_credentials(peer, &command.u.credentials);
        break;
    case CLI_RESTART:
        take_session_command(peer, hf_session_restart_ice, "restart");
        break;
    case CLI_RECONNECT:
        take_session_command(peer, hf_session_reconnect, "reconnect");
        break;
    case CLI_ACCEPT_IDENTITY:
        take_identity(peer, command.u.fingerprint);
        break;
    case CLI_STATS:
        cli_peer_print_stats(peer);
        break;
    case CLI_CLOSE:
        cli_peer_close(peer);
        break;
    }
    cli_command_clear(&command);
}

/* --- Bytes --- */

static void take_lines(cli_peer *peer)
{
    for (;;) {
        const char *line;
        size_t len;
        char message[64];

        switch (cli_lines_next(&peer->lines, &line, &len)) {
        case CLI_LINES_NONE:
            return;
        case CLI_LINES_LINE:
            take_line(peer, line, len);
            break;
        case CLI_LINES_TOO_LONG:
            snprintf(message, sizeof message, "line %zu: longer than %zu bytes", peer->lines.number, CLI_LINE_MAX);
            cli_peer_print_error(peer, HF_EMSGSIZE, message, NULL);
            break;
        }
    }
}

void cli_peer_on_input(void *context)
{
    static char data[READ_SIZE];
    cli_peer *peer = context;
    ssize_t n = read(STDIN_FILENO, data, sizeof data);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    hf_err err = n > 0 ? cli_lines_feed(&peer->lines, data, (size_t)n) : cli_lines_end(&peer->lines);
    if (err != HF_OK)
        cli_peer_print_error(peer, err, "a part of the input was lost", NULL);
    take_lines(peer);
    if (n <= 0) {
        hf_loop_unwatch(peer->loop, STDIN_FILENO);
        peer->has_input = false;
        cli_peer_close(peer);
    }
}
