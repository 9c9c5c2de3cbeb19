/* doctor.c: `holdfast doctor`: looks at the network with what connects otherwise: a probe of the STUN servers, and for each
 * relay a peer that may use nothing else. */
#include "doctor.h"

#include "doctor_options.h"
#include "output.h"
#include "trust_file.h"
#include "words.h"

#include <holdfast/holdfast.h>

#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

typedef struct doctor doctor;

/* One relay that is tried. */
typedef struct trial {
    doctor *owner;
    cli_doctor_relay *relay;
    hf_peer *peer;
    hf_driven driven;
    bool is_driven, is_done;
} trial;

struct doctor {
    cli_doctor_options options;
    hf_env env;
    hf_loop *loop;
    hf_certificate *certificate;
    hf_trust *trust;
    hf_probe *probe;
    trial trials[CLI_DOCTOR_RELAYS_MAX];
    size_t trials_len;
    hf_time begun_at;
    hf_timer timer;
    cli_doctor_findings findings;
};

static void stop_if_done(doctor *d)
{
    bool is_done = hf_probe_is_done(d->probe);
    for (size_t i = 0; i < d->trials_len; i++)
        is_done &= d->trials[i].is_done;
    if (is_done)
        hf_loop_stop(d->loop);
}

/* --- The probe ------------------------------------------------------------------------------------------------------- */

static void probe_input(void *object, hf_time now, hf_datagram *datagrams, size_t n)
{
    hf_probe_input(((doctor *)object)->probe, now, datagrams, n);
}

static bool probe_poll_transmit(void *object, hf_time now, hf_transmit *out)
{
    return hf_probe_poll_transmit(((doctor *)object)->probe, now, out);
}

static bool probe_poll_request(void *object, hf_request *out)
{
    return hf_probe_poll_request(((doctor *)object)->probe, out);
}

static void probe_reply(void *object, hf_time now, const hf_reply *reply)
{
    hf_probe_reply(((doctor *)object)->probe, now, reply);
}

static hf_time probe_deadline(const void *object)
{
    return hf_probe_deadline(((const doctor *)object)->probe);
}

static void probe_tick(void *object, hf_time now)
{
    hf_probe_tick(((doctor *)object)->probe, now);
}

static void probe_dispatch(void *object, hf_time now)
{
    (void)now;
    stop_if_done(object);
}

/* No call of ours leaves it anything to do. */
static void probe_set_wake(void *object, void (*wake)(void *context), void *context)
{
    (void)object;
    (void)wake;
    (void)context;
}

static const hf_endpoint probe_endpoint = {
    .input = probe_input,
    .poll_transmit = probe_poll_transmit,
    .poll_request = probe_poll_request,
    .reply = probe_reply,
    .deadline = probe_deadline,
    .tick = probe_tick,
    .dispatch = probe_dispatch,
    .set_wake = probe_set_wake,
};

static bool is_over_udp(const char *uri)
{
    return strncmp(uri, "turns:", 6) != 0 && !strstr(uri, "transport=tcp");
}

/* A TURN server over UDP answers as a STUN server does. */
static hf_err begin_probe(doctor *d, const hf_bind *bind)
{
    const char *uris[HF_PROBE_SERVERS_MAX];
    hf_probe_config config = {.uris = uris};
    const cli_servers *servers = &d->options.servers;
    for (size_t i = 0; i < servers->len && config.uris_len < HF_PROBE_SERVERS_MAX; i++) {
        if (is_over_udp(servers->items[i].uri))
            uris[config.uris_len++] = servers->items[i].uri;
    }
    hf_err err = hf_probe_new(&d->probe, &config, &d->env);
    return err == HF_OK ? hf_loop_add(d->loop, &probe_endpoint, d, bind) : err;
}

/* --- Relays ----------------------------------------------------------------------------------------------------------- */

static void finish(trial *t, hf_err err)
{
    if (t->is_done)
        return;
    t->is_done = true;
    t->relay->err = err;
    t->relay->took = hf_loop_now(t->owner->loop) - t->owner->begun_at;
    stop_if_done(t->owner);
}

static void on_peer(void *context)
{
    trial *t = context;
    hf_peer_event event;
    hf_ice_candidate candidate;
    hf_err failure = HF_ETIMEDOUT;
    bool is_over = false;

    while (hf_peer_poll_event(t->peer, &event)) {
        if (event.type == HF_PEER_SERVER_FAILED) {
            failure = event.cause;
            t->relay->why = event.why;
            is_over = true;
        } else if (event.type == HF_PEER_ICE_GATHERING_CHANGED) {
            is_over |= event.u.gathering == HF_ICE_GATHERING_COMPLETE;
        } else if (event.type == HF_PEER_CANDIDATE &&
                   hf_ice_candidate_parse(event.u.candidate.text, strlen(event.u.candidate.text), &candidate) == HF_OK &&
                   candidate.type == HF_ICE_RELAYED) {
            t->relay->relayed = candidate.addr;
            finish(t, HF_OK);
        }
    }
    if (is_over)
        finish(t, failure);
}

static hf_err begin_trial(doctor *d, const hf_ice_server *asked, const char *suffix, const hf_bind *bind)
{
    const char *uri = asked->uri;
    if (d->trials_len == CLI_DOCTOR_RELAYS_MAX || strlen(uri) + strlen(suffix) >= CLI_DOCTOR_URI_SIZE)
        return HF_ELIMIT;
    trial *t = &d->trials[d->trials_len++];
    t->owner = d;
    t->relay = &d->findings.relays[d->findings.relays_len++];
    snprintf(t->relay->uri, sizeof t->relay->uri, "%s%s", uri, suffix);
    t->relay->over_udp = is_over_udp(t->relay->uri);
    t->relay->err = HF_EAGAIN;

    hf_ice_server server = {.uri = t->relay->uri, .username = asked->username, .password = asked->password};
    hf_peer_config config = {.engine = hf_loop_engine(d->loop),
                             .certificate = d->certificate,
                             .servers = &server,
                             .servers_len = 1,
                             .trust = d->trust,
                             .relay = HF_ICE_RELAY_ONLY};
    hf_datachannel channel;
    hf_err err = hf_peer_new(&t->peer, &config, &d->env);
    if (err == HF_OK)
        err = hf_peer_open_channel(t->peer, d->begun_at, &(hf_datachannel_config){.label = "doctor"}, &channel);
    t->driven = (hf_driven){.handler = on_peer, .context = t};
    if (err == HF_OK)
        err = hf_loop_add_peer(d->loop, t->peer, bind, &t->driven);
    t->is_driven = err == HF_OK;
    return err == HF_OK ? hf_peer_set_local_description(t->peer, d->begun_at, HF_SDP_OFFER, NULL) : err;
}

static hf_err begin_trials(doctor *d, const hf_bind *bind)
{
    hf_err err = HF_OK;
    for (size_t i = 0; i < d->options.servers.len && err == HF_OK; i++) {
        const hf_ice_server *server = &d->options.servers.items[i];
        if (strncmp(server->uri, "turn", 4) != 0)
            continue;
        bool names_transport = strchr(server->uri, '?') || strncmp(server->uri, "turns:", 6) == 0;
        err = begin_trial(d, server, "", bind);
        if (err == HF_OK && !names_transport)
            err = begin_trial(d, server, "?transport=tcp", bind);
        if (err != HF_OK)
            fprintf(stderr, "holdfast doctor: %s: %s\n", server->uri, hf_err_text(err));
    }
    return err;
}

/* --- The machine ------------------------------------------------------------------------------------------------------ */

/* Certificates and time-limited credentials ask for the right time; only the kernel knows whether somebody sets it. */
static void look_at_clock(cli_doctor_findings *f, const char *username)
{
    struct timex state = {0};
    int result = adjtimex(&state);
    f->clock = result < 0 ? CLI_CLOCK_UNKNOWN : result == TIME_ERROR ? CLI_CLOCK_FREE : CLI_CLOCK_SYNCHRONISED;
    f->now = (int64_t)time(NULL);
    f->credentials_end = cli_doctor_credentials_end(username);
}

static void take_probe(doctor *d)
{
    cli_doctor_findings *f = &d->findings;
    while (f->locals_len < HF_PROBE_LOCALS_MAX && hf_probe_get_local(d->probe, f->locals_len, &f->locals[f->locals_len]))
        f->locals_len++;
    while (f->servers_len < HF_PROBE_SERVERS_MAX &&
           hf_probe_get_server(d->probe, f->servers_len, &f->servers[f->servers_len]))
        f->servers_len++;
    while (f->answers_len < CLI_DOCTOR_ANSWERS_MAX &&
           hf_probe_get_answer(d->probe, f->answers_len, &f->answers[f->answers_len]))
        f->answers_len++;
    for (size_t i = 0; i < f->servers_len; i++) {
        if (f->servers[i].err == HF_EAGAIN)
            f->servers[i].err = HF_ETIMEDOUT;
    }
    for (size_t i = 0; i < d->trials_len; i++) {
        if (!d->trials[i].is_done)
            d->trials[i].relay->err = HF_ETIMEDOUT;
    }
}

static void on_timeout(void *context)
{
    hf_loop_stop(((doctor *)context)->loop);
}

static hf_err examine(doctor *d)
{
    const hf_bind bind = {.addrs = d->options.binds, .addrs_len = d->options.binds_len, .loopback = d->options.loopback};
    d->begun_at = hf_clock_now();
    look_at_clock(&d->findings, cli_doctor_turn_user(&d->options));
    hf_err err = begin_probe(d, &bind);
    if (err == HF_OK)
        err = begin_trials(d, &bind);
    if (err == HF_OK)
        err = hf_loop_timer_set(d->loop, &d->timer, d->begun_at + d->options.timeout, on_timeout, d);
    if (err == HF_OK)
        err = hf_loop_run(d->loop);
    if (err == HF_OK)
        take_probe(d);
    return err;
}

static hf_err prepare(doctor *d, cli_fault *fault)
{
    hf_env_system(&d->env);
    hf_err err = hf_loop_new(&d->loop, &d->env);
    if (err == HF_OK)
        err = hf_certificate_new(&d->certificate, &d->env);
    if (err != HF_OK)
        return cli_fault_set(fault, err, "%s", hf_err_text(err));
    return cli_servers_have_turn(&d->options.servers) ? cli_trust_file(&d->trust, d->options.ca_file, &d->env, fault)
                                                      : HF_OK;
}

static void clear(doctor *d)
{
    for (size_t i = 0; i < d->trials_len; i++) {
        if (d->trials[i].is_driven)
            hf_loop_remove(d->loop, &d->trials[i].driven);
        hf_peer_free(d->trials[i].peer);
    }
    if (d->loop)
        hf_loop_remove(d->loop, d);
    hf_probe_free(d->probe);
    hf_loop_free(d->loop);
    hf_certificate_free(d->certificate);
    hf_trust_free(d->trust);
}

static int report(const doctor *d)
{
    char advice[CLI_DOCTOR_ADVICE_SIZE];
    if (d->options.json)
        (void)cli_write_event(STDOUT_FILENO, cli_doctor_json(&d->findings));
    else
        cli_doctor_print(&d->findings, stdout);
    return cli_doctor_advise(&d->findings, advice) ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}

int cli_doctor_main(int argc, char *const *argv)
{
    static doctor d; /* some tens of KiB */
    cli_fault fault;

    if (cli_doctor_options_parse(&d.options, argc, argv, &fault) != HF_OK) {
        fprintf(stderr, "holdfast doctor: %s\n", fault.text);
        return CLI_EXIT_USAGE;
    }
    if (d.options.help) {
        cli_doctor_options_print_help(stdout);
        return CLI_EXIT_OK;
    }
    hf_err err = prepare(&d, &fault);
    if (err == HF_OK && (err = examine(&d)) != HF_OK)
        (void)cli_fault_set(&fault, err, "%s", hf_err_text(err));
    if (err != HF_OK)
        fprintf(stderr, "holdfast doctor: %s\n", fault.text);
    int status = err == HF_OK ? report(&d) : err == HF_EINVAL || err == HF_ENOTSUP ? CLI_EXIT_USAGE : CLI_EXIT_FAILED;
    clear(&d);
    return status;
}
