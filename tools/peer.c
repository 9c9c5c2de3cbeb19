/* peer.c: `holdfast peer`: birth, timers, signals, death. */
#include "certificate_file.h"
#include "event.h"
#include "output.h"
#include "peer_priv.h"
#include "process.h"
#include "trust_file.h"
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* The contract: gone within 3 s after a close. The session lingers for 2; this is for the case that it does not end. */
#define END_AFTER HF_MS(2700)

#define ID_SIZE 33 /* hexadecimal digits of a peer id made from a certificate, as many as a random one has, and the NUL */

hf_time cli_peer_now(const cli_peer *peer)
{
    return hf_loop_now(peer->loop);
}

/* --- Output --- */

void cli_peer_print(cli_peer *peer, json_t *event)
{
    if (peer->output_gone) {
        json_decref(event);
        return;
    }
    if (cli_write_event(STDOUT_FILENO, event))
        return;
    peer->output_gone = true;
    peer->status = CLI_EXIT_FAILED;
    cli_peer_close(peer);
}

void cli_peer_print_error(cli_peer *peer, hf_err code, const char *message, const char *channel)
{
    cli_peer_print(peer, cli_event_error(code, message, false, channel));
}

static void add_channel(cli_peer *peer, json_t *stats, hf_channel *channel)
{
    cli_port *port = cli_peer_port(peer, channel);
    hf_datachannel_info info;
    hf_channel_stats counted;

    if (!port || hf_channel_info(channel, &info) != HF_OK || hf_channel_get_stats(channel, &counted) != HF_OK)
        return;
    cli_event_stats_add_channel(stats, port->name, &info, &counted,
                                cli_backlog_count(&port->backlog, info.buffered_amount) + port->replies_len +
                                    cli_outbox_waiting(peer, port->name));
}

void cli_peer_print_stats(cli_peer *peer)
{
    hf_peer *connection = hf_session_peer(peer->session);
    hf_peer_stats stats;
    hf_attempt attempt;
    hf_channel *channel;

    if (connection)
        hf_peer_get_stats(connection, &stats);
    json_t *event = cli_event_stats(cli_peer_now(peer), connection ? &stats : NULL);
    if (event && connection)
        cli_event_stats_add_report(event, cli_peer_now(peer), connection);
    if (event && peer->session && hf_manager_get_attempt(peer->manager, peer->session, &attempt) == HF_OK)
        cli_event_stats_add_session(event, cli_peer_now(peer), peer->session, &attempt);
    for (size_t i = 0; event && (channel = hf_session_channel_at(peer->session, i)); i++)
        add_channel(peer, event, channel);
    cli_peer_print(peer, event);
}

const uint8_t *cli_peer_made_up(cli_peer *peer, size_t len)
{
    if (peer->made_up && len <= peer->made_up_len)
        return peer->made_up;

    size_t cap = len > 0 ? len : 1;
    uint8_t *bytes = realloc(peer->made_up, cap);
    if (!bytes)
        return NULL;
    for (size_t i = 0; i < cap; i++)
        bytes[i] = (uint8_t)i;
    peer->made_up = bytes;
    peer->made_up_len = cap;
    return bytes;
}

/* --- Timers --- */

static void set_timer(cli_peer *peer, hf_timer *timer, hf_span after, void (*fn)(void *context))
{
    hf_err err = hf_loop_timer_set(peer->loop, timer, cli_peer_now(peer) + after, fn, peer);

    if (err != HF_OK)
        cli_peer_print_error(peer, err, "a timer could not be set", NULL);
}

static void on_end(void *context)
{
    hf_loop_stop(((cli_peer *)context)->loop);
}

/* Nobody has made an offer. A session has its own limit. */
static void on_give_up(void *context)
{
    cli_peer *peer = context;

    cli_peer_print(peer, cli_event_error(HF_ETIMEDOUT, "nothing has connected in time (--give-up)", true, NULL));
    cli_peer_stop(peer, CLI_EXIT_FAILED);
}

static void on_stats(void *context)
{
    cli_peer *peer = context;

    cli_peer_print_stats(peer);
    set_timer(peer, &peer->stats, peer->options.stats, on_stats);
}

static void on_pump(void *context)
{
    cli_peer *peer = context;

    cli_outbox_pump(peer);
    for (cli_port *port = peer->ports; port && !peer->closing; port = port->next)
        cli_echo_pump(peer, port);
}

void cli_peer_pump_soon(cli_peer *peer)
{
    if (peer->pump.slot == 0)
        set_timer(peer, &peer->pump, 0, on_pump);
}

/* --- The end --- */

void cli_peer_stop(cli_peer *peer, int status)
{
    if (peer->status == CLI_EXIT_OK)
        peer->status = status;
    hf_loop_stop(peer->loop);
}

void cli_peer_close(cli_peer *peer)
{
    if (peer->closing)
        return;
    peer->closing = true;
    if (!peer->session || hf_session_disconnect(peer->session, cli_peer_now(peer)) != HF_OK)
        hf_loop_stop(peer->loop);
    else
        set_timer(peer, &peer->end, END_AFTER, on_end);
}

static void on_signal(void *context)
{
    cli_peer *peer = context;
    struct signalfd_siginfo info;

    if (read(peer->signals_fd, &info, sizeof info) != sizeof info)
        return;
    if (peer->closing)
        hf_loop_stop(peer->loop); /* somebody is in a hurry */
    cli_peer_close(peer);
}

/* --- Birth --- */

static hf_ice_relay relay_policy(const cli_peer_options *options)
{
    if (options->relay_only)
        return HF_ICE_RELAY_ONLY;
    return options->relay_at_once ? HF_ICE_RELAY_AT_ONCE : HF_ICE_RELAY_DEFAULT;
}

/* Whoever keeps his certificate is known by it after a restart. */
static const char *id_of(const hf_certificate *certificate, char out[ID_SIZE])
{
    hf_fingerprint fingerprint;

    if (hf_certificate_fingerprint(certificate, HF_SHA256, &fingerprint) != HF_OK)
        return NULL;
    for (size_t i = 0; i < ID_SIZE / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", fingerprint.digest[i]);
    return out;
}

static hf_err make_manager(cli_peer *peer)
{
    const cli_peer_options *options = &peer->options;
    char id[ID_SIZE];
    hf_manager_config config = {
        .peer_id = options->id || !peer->certificate ? options->id : id_of(peer->certificate, id),
        .session = {.peer = {.engine = hf_loop_engine(peer->loop),
                             .certificate = peer->certificate,
                             .servers = options->servers.items,
                             .servers_len = options->servers.len,
                             .relay = relay_policy(options),
                             .trust = peer->trust,
                             .message_max = options->message_max,
                             .mdns = options->mdns ? HF_ICE_MDNS_HIDE : HF_ICE_MDNS_RESOLVE,
                             .tcp = options->tcp,
                             .no_udp = options->no_udp},
                    .channels = options->channels.items,
                    .channels_len = options->channels.len,
                    .no_trickle = options->no_trickle,
                    .plain = options->raw,
                    .recovery = options->no_reconnect ? HF_RECOVERY_NONE : HF_RECOVERY_DEFAULT,
                    .give_up = options->give_up},
        .handlers = {.context = peer,
                     .on_envelope = cli_peer_on_envelope,
                     .on_session = cli_peer_on_session,
                     .on_attempt = cli_peer_on_attempt},
        .retry = {.relay_after = options->relay_after},
        .sessions_max = 1,
    };
    hf_bind bind = {.addrs = options->binds,
                    .addrs_len = options->binds_len,
                    .interfaces = options->interfaces,
                    .interfaces_len = options->interfaces_len,
                    .loopback = options->loopback,
                    .port_first = options->port_first,
                    .port_last = options->port_last};

    hf_err err = hf_manager_new(&peer->manager, &config, &peer->env);
    if (err == HF_OK)
        err = hf_loop_add_manager(peer->loop, peer->manager, &bind);
    if (err != HF_OK || !options->offer)
        return err;

    hf_session *session = NULL;
    err = hf_manager_connect(peer->manager, cli_peer_now(peer), NULL, &session); /* the answer will name it */
    if (err == HF_OK)
        cli_peer_adopt(peer, session);
    return err;
}

static void trace_line(void *context, const char *line, size_t len)
{
    cli_event_log_write(((cli_peer *)context)->event_log, line, len);
}

static hf_err start(cli_peer *peer, cli_fault *fault)
{
    hf_err err = HF_OK;

    hf_env_system(&peer->env);
    peer->env.context = peer;
    peer->env.log = cli_log_line;
    peer->env.log_level = peer->options.log_level;
    if (peer->options.event_log) {
        err = cli_event_log_open(&peer->event_log, peer->options.event_log,
                                 peer->options.offer ? "holdfast peer --offer" : "holdfast peer --answer", fault);
        if (err != HF_OK)
            return err;
        peer->env.trace = trace_line;
    }
    if (peer->options.certificate)
        err = cli_certificate_file(&peer->certificate, peer->options.certificate, &peer->env, fault);
    if (err == HF_OK && (peer->options.ca_file || cli_servers_have_tls(&peer->options.servers)))
        err = cli_trust_file(&peer->trust, peer->options.ca_file, &peer->env, fault);
    if (err != HF_OK)
        return err;
    err = cli_catch_signals(&peer->signals_fd);
    if (err == HF_OK)
        err = hf_loop_new(&peer->loop, &peer->env);
    if (err == HF_OK)
        err = hf_loop_watch(peer->loop, peer->signals_fd, on_signal, peer);
    if (err == HF_OK)
        err = make_manager(peer);
    if (err == HF_OK)
        err = hf_loop_watch(peer->loop, STDIN_FILENO, cli_peer_on_input, peer);
    if (err != HF_OK)
        return cli_fault_set(fault, err, "%s", hf_err_text(err));
    if (peer->options.give_up > 0 && !peer->session)
        set_timer(peer, &peer->give_up, peer->options.give_up, on_give_up);
    if (peer->options.stats > 0)
        set_timer(peer, &peer->stats, peer->options.stats, on_stats);
    return HF_OK;
}

/* The last packets, which tell the remote, leave with hf_loop_remove_manager. */
static void clear(cli_peer *peer)
{
    if (peer->manager)
        hf_loop_remove_manager(peer->loop, peer->manager);
    cli_outbox_clear(peer);
    cli_peer_end_ports(peer);
    hf_manager_free(peer->manager);
    hf_loop_free(peer->loop);
    if (!cli_event_log_close(peer->event_log))
        fprintf(stderr, "holdfast peer: --event-log: %s: not all of it could be written\n", peer->options.event_log);
    hf_certificate_free(peer->certificate);
    hf_trust_free(peer->trust);
    cli_lines_clear(&peer->lines);
    free(peer->state_line);
    free(peer->made_up);
    if (peer->signals_fd >= 0)
        close(peer->signals_fd);
}

int cli_peer_main(int argc, char *const *argv)
{
    static cli_peer peer = {.signals_fd = -1};
    cli_fault fault = {0};

    if (cli_peer_options_parse(&peer.options, argc, argv, &fault) != HF_OK ||
        cli_servers_set_credentials(&peer.options.servers, getenv("HOLDFAST_TURN_USER"), getenv("HOLDFAST_TURN_PASS"),
                                    &fault) != HF_OK) {
        fprintf(stderr, "holdfast peer: %s (%s); see holdfast peer --help\n", fault.text, hf_err_name(fault.code));
        return CLI_EXIT_USAGE;
    }
    if (peer.options.help) {
        cli_peer_options_print_help(stdout);
        return CLI_EXIT_OK;
    }

    hf_err err = start(&peer, &fault);
    if (err == HF_OK && (err = hf_loop_run(peer.loop)) != HF_OK)
        cli_fault_set(&fault, err, "%s", hf_err_text(err));
    if (err != HF_OK) {
        fprintf(stderr, "holdfast peer: %s (%s)\n", fault.text, hf_err_name(err));
        peer.status = err == HF_EINVAL || err == HF_ENOTSUP ? CLI_EXIT_USAGE : CLI_EXIT_FAILED;
    }
    clear(&peer);
    return peer.status;
}
