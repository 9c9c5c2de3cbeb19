/* outbox.c: messages to be sent as soon as there is room, while other commands go on. */
#include "peer_priv.h"

#include <stdlib.h>
#include <string.h>

#define SENDS_PER_PUMP 256 /* then others have their turn: an unreliable channel never says that it is full */

static cli_outbox **find(cli_peer *peer, const char *channel)
{
    cli_outbox **at = &peer->outboxes;

    while (*at && strcmp((*at)->channel, channel) != 0)
        at = &(*at)->next;
    return at;
}

static void drop_first(cli_outbox *box)
{
    cli_job *job = box->first;

    box->first = job->next;
    if (!box->first)
        box->last = &box->first;
    cli_command_clear(&job->command);
    free(job);
}

static void remove_box(cli_outbox **at)
{
    cli_outbox *box = *at;

    while (box->first)
        drop_first(box);
    *at = box->next;
    free(box->channel);
    free(box);
}

static cli_outbox *need(cli_peer *peer, const char *channel)
{
    cli_outbox **at = find(peer, channel), *box = *at;

    if (box)
        return box;
    box = calloc(1, sizeof *box);
    if (!box || !(box->channel = strdup(channel))) {
        free(box);
        return NULL;
    }
    box->last = &box->first;
    *at = box;
    return box;
}

void cli_outbox_put(cli_peer *peer, cli_command *command)
{
    cli_outbox *box = need(peer, command->u.send.channel);
    cli_job *job = box ? calloc(1, sizeof *job) : NULL;

    if (!job) {
        cli_peer_print_error(peer, HF_ENOMEM, hf_err_text(HF_ENOMEM), command->u.send.channel);
        cli_command_clear(command);
        return;
    }
    job->left = command->u.send.repeat;
    job->command = *command;
    *command = (cli_command){0};
    *box->last = job;
    box->last = &job->next;
    cli_outbox_pump(peer);
}

/* Sends one message of the first job; HF_OK: go on. */
static hf_err send_one(cli_peer *peer, cli_outbox *box, cli_port *port)
{
    cli_job *job = box->first;
    const cli_send *send = &job->command.u.send;
    const uint8_t *data = send->data ? send->data : cli_peer_made_up(peer, send->len);
    hf_err err = data ? cli_port_send(peer, port, send->kind, data, send->len) : HF_ENOMEM;

    if (err == HF_EAGAIN || err == HF_ESTATE) /* later: when there is room, or when it is open */
        return err;
    if (err != HF_OK)
        cli_peer_print_error(peer, err, "the repeated message can't be sent", box->channel);
    if (err != HF_OK || --job->left == 0)
        drop_first(box);
    return HF_OK;
}

static void pump(cli_peer *peer, cli_outbox *box)
{
    hf_channel *channel = hf_session_channel(peer->session, box->channel);
    cli_port *port = channel ? cli_peer_port(peer, channel) : NULL;

    if (!port)
        return;
    for (int i = 0; box->first; i++) {
        if (i == SENDS_PER_PUMP) {
            cli_peer_pump_soon(peer);
            return;
        }
        if (send_one(peer, box, port) != HF_OK)
            return;
    }
}

void cli_outbox_pump(cli_peer *peer)
{
    if (!peer->session || peer->closing)
        return;
    for (cli_outbox **at = &peer->outboxes; *at;) {
        pump(peer, *at);
        if ((*at)->first)
            at = &(*at)->next;
        else
            remove_box(at);
    }
}

void cli_outbox_drop(cli_peer *peer, const char *channel, hf_err cause)
{
    cli_outbox **at = find(peer, channel);

    if (!*at)
        return;
    cli_peer_print_error(peer, cause, "the channel closed before all repeated messages were sent", channel);
    remove_box(at);
}

uint64_t cli_outbox_waiting(const cli_peer *peer, const char *channel)
{
    uint64_t waiting = 0;

    for (const cli_outbox *box = peer->outboxes; box; box = box->next) {
        for (const cli_job *job = strcmp(box->channel, channel) == 0 ? box->first : NULL; job; job = job->next)
            waiting += job->left;
    }
    return waiting;
}

void cli_outbox_clear(cli_peer *peer)
{
    while (peer->outboxes)
        remove_box(&peer->outboxes);
}
