/* drive.c: a peer in a loop of your own: poll, a UDP socket, no thread. Two of them, in one process, connect and talk. */
#include <holdfast/holdfast.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A peer, and what it needs of the world: a socket. */
typedef struct end {
    const char *name;
    hf_peer *peer;
    int socket;
    hf_local local; /* the socket's address */
    struct end *other;
    bool done;
} end;

static void must(hf_err err, const char *what)
{
    if (err != HF_OK) {
        fprintf(stderr, "%s: %s (%s)\n", what, hf_err_text(err), hf_err_name(err));
        exit(1);
    }
}

/* --- The loop -------------------------------------------------------------------------------------------------------- */

static void on_event(end *e, hf_time now, const hf_peer_event *event);

/* Hands out what the peer has for the world, until it is silent. */
static void drain(end *e, hf_time now)
{
    static uint8_t buffer[65536];
    hf_request request;
    hf_transmit run = {.buffer = buffer, .cap = sizeof buffer};
    hf_peer_event event;

    while (hf_peer_poll_request(e->peer, &request)) {
        hf_reply reply = {.type = HF_REPLY_RESOLVED, .id = request.id, .err = HF_ERESOLVE}; /* it knows no names, */
        if (request.type == HF_REQUEST_LOCALS)                                              /* and one address */
            reply = (hf_reply){.type = HF_REPLY_LOCALS, .id = request.id, .locals = &e->local, .locals_len = 1};
        hf_peer_reply(e->peer, now, &reply);
    }
    while (hf_peer_poll_event(e->peer, &event))
        on_event(e, now, &event);
    while (hf_peer_poll_transmit(e->peer, now, &run)) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(run.path.remote.port)};
        memcpy(&to.sin_addr, run.path.remote.ip, 4);
        for (size_t at = 0; at < run.len; at += run.segment) {
            size_t len = run.len - at < run.segment ? run.len - at : run.segment;
            if (sendto(e->socket, buffer + at, len, 0, (struct sockaddr *)&to, sizeof to) < 0)
                continue; /* lost, as on a network */
        }
    }
}

/* Hands in what has arrived. */
static void receive(end *e, hf_time now)
{
    uint8_t data[HF_DATAGRAM_MAX];
    struct sockaddr_in from = {0};
    socklen_t from_len = sizeof from;
    ssize_t len = recvfrom(e->socket, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

    if (len < 0)
        return;
    hf_datagram datagram = {.path.local = e->local.addr, .data = data, .len = (size_t)len};
    datagram.path.remote = (hf_addr){.family = HF_FAMILY_IPV4, .port = ntohs(from.sin_port)};
    memcpy(datagram.path.remote.ip, &from.sin_addr, 4);
    hf_peer_input(e->peer, now, &datagram, 1);
}

static void drive(end ends[2])
{
    while (!ends[0].done || !ends[1].done) {
        hf_time now = hf_clock_now(), due = HF_NEVER;
        struct pollfd sockets[2];

        for (int i = 0; i < 2; i++) {
            if (hf_peer_deadline(ends[i].peer) <= now)
                hf_peer_tick(ends[i].peer, now);
            drain(&ends[i], now);
        }
        for (int i = 0; i < 2; i++) { /* behind both: each may have given the other something to do */
            drain(&ends[i], now);
            hf_time deadline = hf_peer_deadline(ends[i].peer);
            due = deadline < due ? deadline : due;
            sockets[i] = (struct pollfd){.fd = ends[i].socket, .events = POLLIN};
        }
        int wait_ms = due == HF_NEVER ? -1 : due <= now ? 0 : (int)((due - now + 999) / 1000);
        poll(sockets, 2, wait_ms);
        for (int i = 0; i < 2; i++)
            receive(&ends[i], hf_clock_now());
    }
}

/* --- The application --------------------------------------------------------------------------------------------------- */

static void on_event(end *e, hf_time now, const hf_peer_event *event)
{
    if (event->type == HF_PEER_CANDIDATE) {
        must(hf_peer_add_ice_candidate(e->other->peer, now, event->u.candidate.text, event->u.candidate.mid,
                                       event->u.candidate.ufrag),
             "candidate");
    } else if (event->type == HF_PEER_CONNECTION_CHANGED) {
        printf("%s: %s\n", e->name, hf_connection_state_name(event->u.connection));
        must(event->cause, "connection");
    } else if (event->type == HF_PEER_CHANNEL_OPEN) {
        must(hf_peer_send(e->peer, now, event->channel, HF_TEXT, e->name, strlen(e->name)), "send");
    } else if (event->type == HF_PEER_CHANNEL_MESSAGE) {
        printf("%s: received \"%.*s\"\n", e->name, (int)event->u.message.len, (const char *)event->u.message.data);
        e->done = true;
    }
}

static void open_end(end *e, const char *name, hf_engine *engine, const hf_env *env)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;

    e->name = name;
    e->socket = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(e->socket, (struct sockaddr *)&addr, len) != 0 || getsockname(e->socket, (struct sockaddr *)&addr, &len) != 0)
        must(HF_EIO, "socket");
    e->local.addr = (hf_addr){.family = HF_FAMILY_IPV4, .port = ntohs(addr.sin_port)};
    memcpy(e->local.addr.ip, &addr.sin_addr, 4);
    must(hf_peer_new(&e->peer, &(hf_peer_config){.engine = engine}, env), "peer");
}

int main(void)
{
    hf_time now = hf_clock_now();
    hf_env env;
    hf_engine *engine;
    end ends[2] = {{.other = &ends[1]}, {.other = &ends[0]}};
    hf_datachannel channel;
    const char *sdp;

    hf_env_system(&env);
    must(hf_engine_new(&engine, &env), "engine");
    open_end(&ends[0], "alice", engine, &env);
    open_end(&ends[1], "bob", engine, &env);

    /* The signalling is two function calls. */
    must(hf_peer_open_channel(ends[0].peer, now, &(hf_datachannel_config){.label = "chat"}, &channel), "channel");
    must(hf_peer_create_offer(ends[0].peer, now, &sdp), "offer");
    must(hf_peer_set_remote_description(ends[1].peer, now, HF_SDP_OFFER, sdp), "offer");
    must(hf_peer_set_local_description(ends[0].peer, now, HF_SDP_OFFER, NULL), "offer");
    must(hf_peer_create_answer(ends[1].peer, now, &sdp), "answer");
    must(hf_peer_set_remote_description(ends[0].peer, now, HF_SDP_ANSWER, sdp), "answer");
    must(hf_peer_set_local_description(ends[1].peer, now, HF_SDP_ANSWER, NULL), "answer");
    drive(ends);

    for (int i = 0; i < 2; i++) {
        hf_peer_close(ends[i].peer, hf_clock_now());
        drain(&ends[i], hf_clock_now());
        hf_peer_free(ends[i].peer);
        close(ends[i].socket);
    }
    hf_engine_free(engine);
    return 0;
}
