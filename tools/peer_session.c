/* peer_session.c: the session's events become lines. */
#include "peer_priv.h"

#include "event.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>

/* --- Ports: one for each channel --- */

cli_port *cli_peer_port(cli_peer *peer, hf_channel *channel)
{
    cli_port *port = hf_channel_user(channel);
    cli_port **last = &peer->ports;

    if (port)
        return port;
    port = calloc(1, sizeof *port);
    if (!port || !(port->name = strdup(hf_channel_name(channel)))) {
        free(port);
        return NULL;
    }
    port->channel = channel;
    port->reliable = true;
    port->last_reply = &port->first_reply;
    while (*last)
        last = &(*last)->next;
    *last = port;
    hf_channel_set_user(channel, port);
    return port;
}

static void remove_port(cli_peer *peer, cli_port *port)
{
    cli_port **at = &peer->ports;

    while (*at != port)
        at = &(*at)->next;
    *at = port->next;
    cli_echo_clear(port);
    free(port->name);
    free(port);
}

static void end_port(cli_peer *peer, cli_port *port, bool tell, hf_err cause)
{
    if (tell)
        cli_peer_print(peer, cli_event_closed(port->name, port->binary_bytes, cause));
    remove_port(peer, port);
}

void cli_peer_end_ports(cli_peer *peer)
{
    while (peer->ports)
        end_port(peer, peer->ports, peer->ports->open, peer->cause);
}

hf_err cli_port_send(cli_peer *peer, cli_port *port, hf_message_kind kind, const void *data, size_t len)
{
    hf_err err = port->open ? hf_channel_send(port->channel, cli_peer_now(peer), kind, data, len) : HF_ESTATE;

    if (err == HF_OK)
        cli_backlog_add(&port->backlog, len);
    return err;
}

/* --- Handlers --- */

static void on_state(void *context, hf_session *session, const hf_session_event *event)
{
    cli_peer *peer = context;
    hf_session_state state = hf_session_get_state(session);
    json_t *line = cli_event_state(&(cli_state){.connection = hf_session_connection_state(session),
                                                .ice = hf_session_ice_connection_state(session),
                                                .session = state,
                                                .path = hf_session_get_path(session),
                                                .cause = event->cause});
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;

    if (text && peer->state_line && strcmp(text, peer->state_line) == 0) {
        json_decref(line);
        free(text);
    } else {
        cli_peer_print(peer, line);
        free(peer->state_line);
        peer->state_line = text;
    }

    peer->cause = event->cause;
    if (state == HF_SESSION_CLOSED || state == HF_SESSION_FAILED)
        cli_peer_stop(peer, state == HF_SESSION_FAILED && !peer->closing ? CLI_EXIT_FAILED : CLI_EXIT_OK);
}

static void on_error(void *context, hf_session *session, const hf_session_event *event)
{
    const char *text = event->u.error.text, *why = event->u.error.why;
    char both[512];

    (void)session;
    text = text && *text ? text : hf_err_text(event->cause);
    snprintf(both, sizeof both, "%s%s%s", text, why ? ": " : "", why ? why : "");
    cli_peer_print(context, cli_event_error(event->cause, both, event->u.error.fatal, NULL));
}

static void on_data(void *context, hf_session *session, const hf_session_event *event)
{
    cli_peer *peer = context;
    cli_port *port = cli_peer_port(peer, event->channel);

    (void)session;
    if (!port) {
        cli_peer_print_error(peer, HF_ENOMEM, hf_err_text(HF_ENOMEM), hf_channel_name(event->channel));
        return;
    }
    if (event->u.data.kind == HF_BINARY) {
        port->binary_bytes += event->u.data.len;
        port->binary_messages++;
    }
    if (peer->options.echo)
        cli_echo_take(peer, port, event->u.data.kind, event->u.data.data, event->u.data.len);
    else
        cli_peer_print(peer, cli_event_message(port->name, event->u.data.kind, event->u.data.data, event->u.data.len));
}

static void on_open(void *context, hf_session *session, const hf_session_event *event)
{
    cli_peer *peer = context;
    cli_port *port = cli_peer_port(peer, event->channel);
    hf_datachannel_info info = {0};

    (void)session;
    if (!port || hf_channel_info(event->channel, &info) != HF_OK)
        return;
    port->open = true;
    port->reliable = info.reliability == HF_RELIABLE;
    cli_peer_print(peer, cli_event_open(port->name, &info, event->u.resumed));
    cli_outbox_pump(peer);
    cli_echo_pump(peer, port);
}

static void on_closed(void *context, hf_session *session, const hf_session_event *event)
{
    cli_peer *peer = context;
    cli_port *port = hf_channel_user(event->channel);

    (void)session;
    if (!peer->closing)
        cli_outbox_drop(peer, hf_channel_name(event->channel), event->cause == HF_OK ? HF_ECLOSED : event->cause);
    if (port)
        end_port(peer, port, port->open, event->cause);
}

static void on_writable(void *context, hf_session *session, const hf_session_event *event)
{
    cli_peer *peer = context;
    cli_port *port = hf_channel_user(event->channel);

    (void)session;
    if (!port)
        return;
    if (port->refused)
        cli_peer_print(peer, cli_event_writable(port->name));
    port->refused = false;
    cli_outbox_pump(peer);
    cli_echo_pump(peer, port);
}

static bool is_same_pair(const hf_ice_route *a, const hf_ice_route *b)
{
    return hf_addr_equal(&a->path.local, &b->path.local) && hf_addr_equal(&a->path.remote, &b->path.remote) &&
           hf_addr_equal(&a->local, &b->local) && hf_addr_equal(&a->remote, &b->remote);
}

/* A pair that is nominated, having been in use before, has not changed. */
static void on_route(void *context, hf_session *session, const hf_session_event *event)
{
    cli_peer *peer = context;
    const hf_ice_route *route = &event->u.route;

    (void)session;
    if (is_same_pair(&peer->pair, route))
        return;
    peer->pair = *route;
    if (route->path.local.family != HF_FAMILY_NONE) /* otherwise there is none at the moment */
        cli_peer_print(peer, cli_event_pair(route));
}

static void on_credentials_needed(void *context, hf_session *session, const hf_session_event *event)
{
    (void)session;
    cli_peer_print(context, cli_event_credentials(event->u.server_uri));
}

static void on_resumed(void *context, hf_session *session, const hf_session_event *event)
{
    (void)session;
    cli_peer_print(context, cli_event_resumed(event));
}

static void on_continuity_lost(void *context, hf_session *session, const hf_session_event *event)
{
    (void)session;
    cli_peer_print(context, cli_event_continuity(event));
}

static void on_returned(void *context, hf_session *session, const hf_session_event *event)
{
    (void)session;
    cli_peer_print(context, cli_event_returned(hf_channel_name(event->channel), event));
}

static void on_identity_changed(void *context, hf_session *session, const hf_session_event *event)
{
    (void)session;
    cli_peer_print(context, cli_event_identity(event->u.identity.fingerprint));
}

void cli_peer_adopt(cli_peer *peer, hf_session *session)
{
    static const struct {
        hf_session_event_type type;
        hf_session_handler handler;
    } handlers[] = {
        {HF_SESSION_STATE_CHANGED, on_state},
        {HF_SESSION_ON_ERROR, on_error},
        {HF_SESSION_ON_DATA, on_data},
        {HF_SESSION_CHANNEL_OPEN, on_open},
        {HF_SESSION_CHANNEL_CLOSED, on_closed},
        {HF_SESSION_CHANNEL_WRITABLE, on_writable},
        {HF_SESSION_ROUTE_CHANGED, on_route},
        {HF_SESSION_CREDENTIALS_NEEDED, on_credentials_needed},
        {HF_SESSION_RESUMED, on_resumed},
        {HF_SESSION_CONTINUITY_LOST, on_continuity_lost},
        {HF_SESSION_MESSAGE_RETURNED, on_returned},
        {HF_SESSION_IDENTITY_CHANGED, on_identity_changed},
    };

    if (!session || peer->session == session)
        return;
    peer->session = session;
    hf_loop_timer_cancel(peer->loop, &peer->give_up);
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        hf_err err = hf_session_on(session, handlers[i].type, handlers[i].handler, peer);
        if (err != HF_OK)
            cli_peer_print_error(peer, err, hf_err_text(err), NULL);
    }
}

/* --- The manager's --- */

void cli_peer_on_envelope(void *context, hf_manager *manager, const hf_envelope *envelope)
{
    (void)manager;
    cli_peer_print(context, cli_event_signal(envelope));
}

void cli_peer_on_session(void *context, hf_manager *manager, hf_session *session)
{
    (void)manager;
    cli_peer_adopt(context, session);
}

void cli_peer_on_attempt(void *context, hf_manager *manager, hf_session *session, const hf_attempt *attempt)
{
    (void)manager;
    (void)session;
    cli_peer_print(context, cli_event_attempt(cli_peer_now(context), attempt));
}
