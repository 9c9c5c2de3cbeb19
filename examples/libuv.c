/* libuv.c: a peer in somebody else's loop: sockets, timer, names and interfaces are libuv's. A chat between two terminals.
 *
 *   libuv offer [stun:HOST]     prints a text: paste it into the other terminal, and the answer back here
 *   libuv answer [stun:HOST]    waits for the text
 *
 * A text ends with an empty line. Then every line that is typed arrives over there, until the end of input (Ctrl-D). */
#include <holdfast/holdfast.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#define SOCKETS_MAX 16

static uv_loop_t loop;
static uv_timer_t timer;
static uv_poll_t input;
static uv_udp_t sockets[SOCKETS_MAX];
static hf_local locals[SOCKETS_MAX]; /* their addresses */
static size_t sockets_len;
static uv_getaddrinfo_t lookup; /* of the one STUN server; .data is set while it runs */
static hf_peer *peer;
static hf_datachannel chat;  /* 0: not open yet */
static hf_sdp_type expected; /* the text that will be pasted; 0: it was */
static char description[16384];

static void drain(void);

static hf_time now(void)
{
    return (hf_time)(uv_hrtime() / 1000);
}

static void check(hf_err err, const char *what)
{
    if (err != HF_OK)
        fprintf(stderr, "%s: %s %s\n", what, hf_err_text(err), hf_peer_error_text(peer));
}

/* --- The peer's hands and ears --------------------------------------------------------------------------------------- */

static hf_addr addr_of(const struct sockaddr *from)
{
    char text[64];
    hf_addr addr = {0};
    if (uv_ip_name(from, text, sizeof text) == 0 && hf_addr_parse(text, strlen(text), &addr))
        addr.port = ntohs(((const struct sockaddr_in *)(const void *)from)->sin_port); /* IPv6 has it in the same place */
    return addr;
}

static void on_room(uv_handle_t *socket, size_t suggested, uv_buf_t *out)
{
    static char memory[HF_DATAGRAM_MAX + 1]; /* what fills it is too long */
    (void)socket, (void)suggested;
    *out = uv_buf_init(memory, sizeof memory);
}

static void on_datagram(uv_udp_t *socket, ssize_t len, const uv_buf_t *data, const struct sockaddr *from, unsigned flags)
{
    (void)flags;
    if (len < 0 || !from)
        return;
    hf_path path = {.local = locals[socket - sockets].addr, .remote = addr_of(from)};
    hf_peer_input(peer, now(), &(hf_datagram){.path = path, .data = (uint8_t *)data->base, .len = (size_t)len}, 1);
    drain();
}

/* One on each address, of loopback too: both terminals may be on one machine without a network. */
static void open_sockets(void)
{
    uv_interface_address_t *found;
    int n;
    if (uv_interface_addresses(&found, &n) != 0)
        return;
    for (int i = 0; i < n && sockets_len < SOCKETS_MAX; i++) {
        uv_udp_t *socket = &sockets[sockets_len];
        struct sockaddr_storage got;
        int len = sizeof got;
        hf_addr addr = addr_of((struct sockaddr *)&found[i].address);
        if (!hf_addr_is_link_local(&addr) && uv_udp_init(&loop, socket) == 0) {
            int err = uv_udp_bind(socket, (struct sockaddr *)&found[i].address, 0);
            err = err ? err : uv_udp_getsockname(socket, (struct sockaddr *)&got, &len);
            err = err ? err : uv_udp_recv_start(socket, on_room, on_datagram);
            if (err == 0)
                locals[sockets_len].addr = addr_of((struct sockaddr *)&got);
            sockets_len++;
        }
    }
    uv_free_interface_addresses(found, n);
}

/* A datagram that finds no room is lost, as on a network. */
static void send_run(const hf_transmit *run)
{
    struct sockaddr_in6 to; /* or an IPv4 one, which is smaller */
    char ip[HF_ADDR_TEXT_SIZE];
    size_t socket = 0;
    while (socket < sockets_len && !hf_addr_equal(&locals[socket].addr, &run->path.local))
        socket++;
    if (uv_ip4_addr(hf_addr_write_ip(&run->path.remote, ip), run->path.remote.port, (struct sockaddr_in *)(void *)&to) !=
            0 &&
        uv_ip6_addr(ip, run->path.remote.port, &to) != 0)
        return;
    for (size_t at = 0; socket < sockets_len && at < run->len; at += run->segment) {
        size_t len = run->len - at < run->segment ? run->len - at : run->segment;
        uv_buf_t datagram = uv_buf_init((char *)run->buffer + at, (unsigned)len);
        (void)uv_udp_try_send(&sockets[socket], &datagram, 1, (struct sockaddr *)&to);
    }
}

static void on_resolved(uv_getaddrinfo_t *done, int status, struct addrinfo *found)
{
    hf_addr addrs[8];
    hf_reply reply = {.type = HF_REPLY_RESOLVED, .id = *(uint32_t *)done->data, .addrs = addrs};
    reply.err = status == 0 ? HF_OK : HF_ERESOLVE;
    for (struct addrinfo *one = found; one && reply.addrs_len < 8; one = one->ai_next)
        addrs[reply.addrs_len++] = addr_of(one->ai_addr);
    uv_freeaddrinfo(found);
    done->data = NULL;
    hf_peer_reply(peer, now(), &reply);
    drain();
}

/* Names that end in ".local" are for multicast DNS alone, which this program does not speak. */
static bool resolve(const hf_request *request)
{
    static uint32_t id;
    size_t len = strlen(request->name);
    if (lookup.data || (len > 6 && strcmp(request->name + len - 6, ".local") == 0))
        return false;
    id = request->id;
    lookup.data = uv_getaddrinfo(&loop, &lookup, on_resolved, request->name, NULL, NULL) == 0 ? &id : NULL;
    return lookup.data;
}

/* All of group 0: a peer is one connection. (A session's driver keeps the sockets of its connections apart: io.h.) */
static void answer(const hf_request *request)
{
    static const hf_reply_type types[] = {[HF_REQUEST_RESOLVE] = HF_REPLY_RESOLVED,
                                          [HF_REQUEST_ADVERTISE] = HF_REPLY_ADVERTISED,
                                          [HF_REQUEST_CONNECT] = HF_REPLY_CONNECTED};
    hf_reply reply = {.id = request->id, .err = HF_ENOTSUP};
    if (request->type == HF_REQUEST_LOCALS) {
        open_sockets();
        reply = (hf_reply){.type = HF_REPLY_LOCALS, .id = request->id, .locals = locals, .locals_len = sockets_len};
    } else if (request->type == HF_REQUEST_DISCONNECT || (request->type == HF_REQUEST_RESOLVE && resolve(request))) {
        return; /* nobody waits, or on_resolved tells */
    } else {
        reply.type = types[request->type];
    }
    hf_peer_reply(peer, now(), &reply);
}

/* --- The loop ---------------------------------------------------------------------------------------------------------- */

static void on_event(const hf_peer_event *event);

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void on_timer(uv_timer_t *fired)
{
    (void)fired;
    hf_peer_tick(peer, now());
    drain();
}

/* Hands out what the peer has for the world, until it is silent: the end of each callback. */
static void drain(void)
{
    static uint8_t buffer[65536];
    hf_request request;
    hf_peer_event event;
    hf_transmit run = {.buffer = buffer, .cap = sizeof buffer};
    for (bool more = true; more;) {
        more = false;
        for (; hf_peer_poll_request(peer, &request); more = true)
            answer(&request);
        for (; hf_peer_poll_event(peer, &event); more = true)
            on_event(&event);
        for (; hf_peer_poll_transmit(peer, now(), &run); more = true)
            send_run(&run);
    }
    hf_time due = hf_peer_deadline(peer), time = now();
    uv_update_time(&loop);
    uv_timer_stop(&timer);
    if (hf_peer_connection_state(peer) == HF_CONNECTION_CLOSED)
        uv_walk(&loop, close_handle, NULL); /* and without handles the loop ends */
    else if (due != HF_NEVER)
        uv_timer_start(&timer, on_timer, due <= time ? 0 : (uint64_t)(due - time + 999) / 1000, 0);
}

/* --- The chat ---------------------------------------------------------------------------------------------------------- */

static void on_event(const hf_peer_event *event)
{
    hf_sdp_type type;
    const char *sdp;
    if (event->type == HF_PEER_CANDIDATE && !*event->u.candidate.text) { /* there are no more: now the text has all */
        check(hf_peer_local_description(peer, &type, &sdp), "description");
        printf("%s\n", sdp); /* one more line end: the empty line */
    } else if (event->type == HF_PEER_CHANNEL_OPEN) {
        chat = event->channel;
        printf("(connected)\n");
    } else if (event->type == HF_PEER_CHANNEL_MESSAGE) {
        printf("> %.*s\n", (int)event->u.message.len, (const char *)event->u.message.data);
    } else if (event->type == HF_PEER_REMOTE_CLOSED) {
        hf_peer_close(peer, now());
    } else if (event->type == HF_PEER_CONNECTION_CHANGED && event->u.connection >= HF_CONNECTION_FAILED) {
        printf("(%s)\n", hf_connection_state_name(event->u.connection));
        hf_peer_close(peer, now());
    }
}

static void on_line(uv_poll_t *watched, int status, int events)
{
    char line[4096];
    (void)watched, (void)status, (void)events;
    if (!fgets(line, sizeof line, stdin)) {
        hf_peer_close(peer, now());
    } else if (!expected) {
        check(hf_peer_send(peer, now(), chat, HF_TEXT, line, strcspn(line, "\n")), "send");
    } else if (line[0] != '\n') {
        strncat(description, line, sizeof description - strlen(description) - 1);
    } else if (description[0]) {
        check(hf_peer_set_remote_description(peer, now(), expected, description), "description");
        if (expected == HF_SDP_OFFER)
            check(hf_peer_set_local_description(peer, now(), HF_SDP_ANSWER, NULL), "answer");
        expected = 0;
    }
    drain();
}

int main(int argc, char **argv)
{
    bool offers = argc > 1 && strcmp(argv[1], "offer") == 0;
    hf_env env;
    hf_engine *engine;
    hf_ice_server server = {.uri = argc > 2 ? argv[2] : NULL};
    hf_env_system(&env);
    check(hf_engine_new(&engine, &env), "engine");
    check(hf_peer_new(&peer, &(hf_peer_config){.engine = engine, .servers = &server, .servers_len = argc > 2}, &env),
          "peer");

    uv_loop_init(&loop);
    uv_timer_init(&loop, &timer);
    uv_poll_init(&loop, &input, 0);
    uv_poll_start(&input, UV_READABLE, on_line);
    setvbuf(stdin, NULL, _IONBF, 0); /* or the loop would wait for lines that stdio has already */
    setvbuf(stdout, NULL, _IOLBF, 0);

    expected = offers ? HF_SDP_ANSWER : HF_SDP_OFFER;
    if (offers) {
        check(hf_peer_open_channel(peer, now(), &(hf_datachannel_config){.label = "chat"}, &chat), "channel");
        check(hf_peer_set_local_description(peer, now(), HF_SDP_OFFER, NULL), "offer");
        drain();
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    hf_peer_free(peer);
    hf_engine_free(engine);
}
