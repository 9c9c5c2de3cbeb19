/* echo.c: --echo: every message goes back by the channel that it came by; `sink` and `source` measure instead. */
#include "peer_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLIES_BYTES_MAX ((size_t)64 << 20) /* of one channel: a remote that sends and does not read is not kept for ever */
#define SOURCE_MS_MAX 3600000
#define SENDS_PER_PUMP 64

static bool is_sink(const cli_port *port)
{
    return strcmp(port->name, "sink") == 0;
}

static bool is_source(const cli_port *port)
{
    return strcmp(port->name, "source") == 0;
}

static void pop_reply(cli_port *port)
{
    cli_reply *reply = port->first_reply;

    port->first_reply = reply->next;
    if (!port->first_reply)
        port->last_reply = &port->first_reply;
    port->replies_bytes -= reply->len;
    port->replies_len--;
    free(reply);
}

static void queue_reply(cli_peer *peer, cli_port *port, hf_message_kind kind, const void *data, size_t len)
{
    cli_reply *reply = port->replies_bytes + len <= REPLIES_BYTES_MAX ? malloc(sizeof *reply + len) : NULL;

    if (!reply) { /* an echo with a gap would be a lie */
        cli_peer_print_error(peer, HF_ELIMIT, "the remote does not read its echo", port->name);
        (void)!hf_channel_close(port->channel, cli_peer_now(peer));
        return;
    }
    *reply = (cli_reply){.kind = kind, .len = len};
    if (len > 0)
        memcpy(reply->data, data, len);
    if (!port->last_reply)
        port->last_reply = &port->first_reply;
    *port->last_reply = reply;
    port->last_reply = &reply->next;
    port->replies_bytes += len;
    port->replies_len++;
}

static void answer(cli_peer *peer, cli_port *port, hf_message_kind kind, const void *data, size_t len)
{
    hf_err err = port->first_reply ? HF_EAGAIN : cli_port_send(peer, port, kind, data, len);

    if (err == HF_OK || (err == HF_EAGAIN && !port->reliable)) /* what may be lost is not kept */
        return;
    if (err == HF_EAGAIN)
        queue_reply(peer, port, kind, data, len);
    else
        cli_peer_print_error(peer, err, "the echo can't be sent", port->name);
}

static void answer_count(cli_peer *peer, cli_port *port, bool with_messages)
{
    char text[96];
    int len = with_messages ? snprintf(text, sizeof text, "{\"bytes\":%" PRIu64 ",\"messages\":%" PRIu64 "}",
                                       port->binary_bytes, port->binary_messages)
                            : snprintf(text, sizeof text, "{\"bytes\":%" PRIu64 "}", port->source_bytes);

    answer(peer, port, HF_TEXT, text, (size_t)len);
}

/* {"cmd":"send","ms":T,"size":S} */
static void start_source(cli_peer *peer, cli_port *port, const uint8_t *data, size_t len)
{
    json_t *root = json_loadb((const char *)data, len, 0, NULL);
    const char *command = json_string_value(json_object_get(root, "cmd"));
    json_int_t ms = json_integer_value(json_object_get(root, "ms"));
    json_int_t size = json_integer_value(json_object_get(root, "size"));
    bool good =
        command && strcmp(command, "send") == 0 && ms > 0 && ms <= SOURCE_MS_MAX && size > 0 && size <= HF_MESSAGE_MAX_LIMIT;

    json_decref(root);
    if (!good) {
        static const char refusal[] = "{\"error\":\"expected {\\\"cmd\\\":\\\"send\\\",\\\"ms\\\":T,\\\"size\\\":S}\"}";
        answer(peer, port, HF_TEXT, refusal, sizeof refusal - 1);
        return;
    }
    port->source_until = cli_peer_now(peer) + HF_MS(ms);
    port->source_size = (size_t)size;
    port->source_bytes = 0;
    cli_echo_pump(peer, port);
}

static void pump_source(cli_peer *peer, cli_port *port)
{
    const uint8_t *data = cli_peer_made_up(peer, port->source_size);

    for (int i = 0; data && i < SENDS_PER_PUMP && cli_peer_now(peer) < port->source_until; i++) {
        hf_err err = cli_port_send(peer, port, HF_BINARY, data, port->source_size);
        if (err == HF_EAGAIN)
            return;
        if (err != HF_OK) {
            cli_peer_print_error(peer, err, "the source can't send", port->name);
            port->source_until = 1; /* over */
            break;
        }
        port->source_bytes += port->source_size;
    }
    if (data && cli_peer_now(peer) < port->source_until) {
        cli_peer_pump_soon(peer);
        return;
    }
    port->source_until = 0;
    answer_count(peer, port, false);
}

void cli_echo_take(cli_peer *peer, cli_port *port, hf_message_kind kind, const uint8_t *data, size_t len)
{
    if (is_sink(port)) {
        if (kind == HF_TEXT)
            answer_count(peer, port, true);
    } else if (is_source(port)) {
        if (kind == HF_TEXT)
            start_source(peer, port, data, len);
    } else {
        answer(peer, port, kind, data, len);
    }
}

void cli_echo_pump(cli_peer *peer, cli_port *port)
{
    while (port->first_reply) {
        const cli_reply *reply = port->first_reply;
        hf_err err = cli_port_send(peer, port, reply->kind, reply->data, reply->len);

        if (err == HF_EAGAIN)
            return;
        if (err != HF_OK)
            cli_peer_print_error(peer, err, "the echo can't be sent", port->name);
        pop_reply(port);
    }
    if (port->source_until != 0)
        pump_source(peer, port);
}

void cli_echo_clear(cli_port *port)
{
    while (port->first_reply)
        pop_reply(port);
}
