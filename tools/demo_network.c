/* demo_network.c: the network between the demo's two peers. */
#include "demo_network.h"

#include "demo_link.h"
#include "lines.h"
#include "output.h"
#include "words.h"

#include <holdfast/ice.h>
#include <holdfast/loop.h>
#include <holdfast/turn.h>

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STAND_INS_MAX 256
#define LINE_MAX_OF_A_PEER (1 << 20)
#define SOCKET_BUFFER (1 << 20)

typedef struct network network;

/* A socket of ours that others know as `real`. */
typedef struct stand_in {
    network *owner;
    int fd;
    hf_addr real, ours;
} stand_in;

typedef struct wire {
    network *owner;
    int fd;
    size_t other;
    cli_lines lines;
    bool ended;
} wire;

struct network {
    hf_env env;
    hf_loop *loop;
    hf_turn_server *relay;
    char password[33];
    stand_in *stand_ins[STAND_INS_MAX];
    size_t stand_ins_len;
    cli_link uplinks[2]; /* of alice and bob */
    hf_timer timer;
    wire wires[2];
    bool cut, closed;
};

hf_addr cli_demo_address(cli_demo_place place)
{
    return (hf_addr){.family = HF_FAMILY_IPV4, .ip = {127, 0, 0, (uint8_t)place}};
}

/* --- Sockets that stand for others --- */

static struct sockaddr_in to_system(const hf_addr *addr)
{
    struct sockaddr_in out = {.sin_family = AF_INET, .sin_port = htons(addr->port)};

    memcpy(&out.sin_addr, addr->ip, 4);
    return out;
}

static hf_addr from_system(const struct sockaddr_in *addr)
{
    hf_addr out = {.family = HF_FAMILY_IPV4, .port = ntohs(addr->sin_port)};

    memcpy(out.ip, &addr->sin_addr, 4);
    return out;
}

static void on_datagram(void *context);

static bool open_socket(stand_in *s)
{
    struct sockaddr_in addr = to_system(&s->ours);
    socklen_t len = sizeof addr;
    int size = SOCKET_BUFFER;

    s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&addr, len) != 0 ||
        getsockname(s->fd, (struct sockaddr *)&addr, &len) != 0)
        return false;
    setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    s->ours = from_system(&addr);
    return hf_loop_watch(s->owner->loop, s->fd, on_datagram, s) == HF_OK;
}

static void drop_stand_in(stand_in *s)
{
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

/* The one that stands for this address, made when it is first needed. */
static bool stand_in_for(network *net, const hf_addr *real, size_t *index)
{
    for (size_t i = 0; i < net->stand_ins_len; i++) {
        if (hf_addr_equal(&net->stand_ins[i]->real, real)) {
            *index = i;
            return true;
        }
    }
    stand_in *s = net->stand_ins_len < STAND_INS_MAX ? calloc(1, sizeof *s) : NULL;
    if (!s)
        return false;
    *s = (stand_in){.owner = net, .real = *real, .ours = cli_demo_address(PLACE_NETWORK)};
    if (!open_socket(s)) {
        drop_stand_in(s);
        return false;
    }
    *index = net->stand_ins_len;
    net->stand_ins[net->stand_ins_len++] = s;
    return true;
}

static cli_demo_place place_of(const hf_addr *addr)
{
    return (cli_demo_place)addr->ip[3];
}

/* --- Datagrams --- */

static bool may_pass(const network *net, const stand_in *from, const stand_in *to)
{
    bool relayed = place_of(&from->real) == PLACE_RELAY || place_of(&to->real) == PLACE_RELAY;

    return !net->cut && (relayed || !net->closed);
}

static void deliver(network *net, size_t from, size_t to, const uint8_t *data, size_t len)
{
    const stand_in *s = net->stand_ins[from];
    struct sockaddr_in addr = to_system(&net->stand_ins[to]->real);

    if (!may_pass(net, s, net->stand_ins[to]))
        return;
    if (sendto(s->fd, data, len, 0, (struct sockaddr *)&addr, sizeof addr) < 0)
        return; /* lost, as on a network */
}

static void on_timer(void *context);

static void arm(network *net)
{
    hf_time a = cli_link_deadline(&net->uplinks[0]), b = cli_link_deadline(&net->uplinks[1]), due = a < b ? a : b;

    if (due == HF_NEVER)
        hf_loop_timer_cancel(net->loop, &net->timer);
    else if (hf_loop_timer_set(net->loop, &net->timer, due, on_timer, net) != HF_OK)
        hf_loop_stop(net->loop);
}

static void on_timer(void *context)
{
    network *net = context;
    const cli_link_packet *packet;

    for (size_t i = 0; i < 2; i++) {
        while ((packet = cli_link_pop(&net->uplinks[i], hf_loop_now(net->loop))))
            deliver(net, packet->from, packet->to, packet->data, packet->len);
    }
    arm(net);
}

/* From a peer it takes the way of that peer's uplink; from the relay, which is on the network's backbone, none. */
static void on_datagram(void *context)
{
    stand_in *s = context;
    network *net = s->owner;
    uint8_t data[HF_DATAGRAM_MAX];
    struct sockaddr_in source = {0};
    socklen_t source_len = sizeof source;
    size_t from, to;
    ssize_t len;

    while ((len = recvfrom(s->fd, data, sizeof data, 0, (struct sockaddr *)&source, &source_len)) >= 0) {
        hf_addr real = from_system(&source);
        if (!stand_in_for(net, &s->real, &to) || !stand_in_for(net, &real, &from))
            continue;
        if (place_of(&real) == PLACE_RELAY)
            deliver(net, from, to, data, (size_t)len);
        else
            cli_link_push(&net->uplinks[place_of(&real) != PLACE_ALICE], hf_loop_now(net->loop), data, (size_t)len, from,
                          to);
    }
    arm(net);
}

/* --- Signals: a candidate is reached at the socket that stands for it --- */

static bool rewrite(network *net, const char *text, size_t len, char out[HF_ICE_CANDIDATE_TEXT_SIZE])
{
    hf_ice_candidate candidate;
    size_t index;

    if (hf_ice_candidate_parse(text, len, &candidate) != HF_OK || candidate.addr.family != HF_FAMILY_IPV4 ||
        place_of(&candidate.addr) == PLACE_NETWORK || candidate.tcp_type != HF_ICE_TCP_NONE ||
        !stand_in_for(net, &candidate.addr, &index))
        return false;
    candidate.addr = net->stand_ins[index]->ours;
    candidate.related = (hf_addr){0};
    hf_ice_candidate_write(&candidate, out);
    return true;
}

/* Each "a=candidate:" line of a description. */
static json_t *rewrite_description(network *net, const char *sdp)
{
    static const char begins[] = "a=candidate:";
    char *text = NULL, candidate[HF_ICE_CANDIDATE_TEXT_SIZE];
    size_t text_len = 0;
    FILE *out = open_memstream(&text, &text_len);

    if (!out)
        return NULL;
    for (const char *line = sdp, *next; *line; line = next) {
        size_t len = strcspn(line, "\r\n");
        next = line + len + strspn(line + len, "\r\n");
        bool is_candidate = strncmp(line, begins, sizeof begins - 1) == 0;
        if (is_candidate && rewrite(net, line, len, candidate))
            fprintf(out, "a=%s\r\n", candidate);
        else
            fprintf(out, "%.*s\r\n", (int)len, line);
    }
    fclose(out);
    json_t *value = json_string(text);
    free(text);
    return value;
}

static void rewrite_signal(network *net, json_t *signal)
{
    const char *sdp = json_string_value(json_object_get(signal, "sdp"));
    const char *text = json_string_value(json_object_get(signal, "candidate"));
    char candidate[HF_ICE_CANDIDATE_TEXT_SIZE];

    if (sdp)
        json_object_set_new(signal, "sdp", rewrite_description(net, sdp));
    else if (text && rewrite(net, text, strlen(text), candidate))
        json_object_set_new(signal, "candidate", json_string(candidate));
}

static void obey(network *net, const char *what)
{
    net->cut = strcmp(what, CLI_DEMO_CUT) == 0;
    net->closed = strcmp(what, CLI_DEMO_CLOSE) == 0;
    for (size_t i = 0; i < 2 && net->cut; i++)
        cli_link_cut(&net->uplinks[i]);
    arm(net);
}

static void take_line(network *net, const wire *w, const char *line, size_t len)
{
    json_t *message = json_loadb(line, len, 0, NULL);
    const char *what = json_string_value(json_object_get(message, "do"));

    if (what) {
        obey(net, what);
        json_decref(message);
        return;
    }
    rewrite_signal(net, message);
    cli_write_event(net->wires[w->other].fd, message);
}

/* At its end the other peer is told by the end of its own. */
static void end_wire(network *net, wire *w)
{
    w->ended = true;
    hf_loop_unwatch(net->loop, w->fd);
    shutdown(net->wires[w->other].fd, SHUT_WR);
    if (net->wires[w->other].ended)
        hf_loop_stop(net->loop);
}

static void on_wire(void *context)
{
    wire *w = context;
    char data[16384];
    const char *line;
    size_t len;
    ssize_t n = read(w->fd, data, sizeof data);

    if (n <= 0 || cli_lines_feed(&w->lines, data, (size_t)n) != HF_OK) {
        end_wire(w->owner, w);
        return;
    }
    while (cli_lines_next(&w->lines, &line, &len) == CLI_LINES_LINE)
        take_line(w->owner, w, line, len);
}

/* --- The relay, and birth and death --- */

static hf_err start_relay(network *net)
{
    hf_addr addr = cli_demo_address(PLACE_RELAY);
    hf_turn_user user = {.name = CLI_DEMO_RELAY_USER, .password = net->password};
    hf_turn_range loopback = {.addr = {.family = HF_FAMILY_IPV4, .ip = {127}}, .prefix = 8};
    hf_turn_server_config config = {
        .users = &user, .users_len = 1, .relay_addrs = &addr, .relay_addrs_len = 1, .allowed = &loopback, .allowed_len = 1};
    hf_err err = hf_turn_server_new(&net->relay, hf_loop_now(net->loop), &config, &net->env);

    return err == HF_OK ? hf_loop_add_turn_server(net->loop, net->relay, &addr, 1) : err;
}

/* The peers go to the relay, too, by a socket that stands for it: their uplinks lie before it. */
static hf_err tell_relay(network *net)
{
    hf_addr addr;
    char text[HF_ADDR_TEXT_SIZE], uri[HF_ADDR_TEXT_SIZE + 32];
    size_t index;

    if (hf_loop_listens(net->loop, net->relay, &addr, 1) < 1 || !stand_in_for(net, &addr, &index))
        return HF_EIO;
    snprintf(uri, sizeof uri, "turn:%s", hf_addr_write(&net->stand_ins[index]->ours, text));
    for (size_t i = 0; i < 2; i++) {
        if (!cli_write_event(net->wires[i].fd, json_pack("{ss ss ss ss}", "type", "relay", "to", "peer", "uri", uri,
                                                         "password", net->password)))
            return HF_ECLOSED;
    }
    return HF_OK;
}

static hf_err start(network *net, const int wires[2])
{
    uint8_t random[16];
    hf_err err = hf_loop_new(&net->loop, &net->env);

    if (err != HF_OK)
        return err;
    net->env.random(net->env.context, random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(net->password + 2 * i, 3, "%02x", random[i]);
    for (size_t i = 0; i < 2 && err == HF_OK; i++) {
        net->wires[i] = (wire){.owner = net, .fd = wires[i], .other = 1 - i, .lines.line_max = LINE_MAX_OF_A_PEER};
        err = hf_loop_watch(net->loop, wires[i], on_wire, &net->wires[i]);
        if (err == HF_OK)
            err = cli_link_init(&net->uplinks[i], CLI_DEMO_LINK_RATE, CLI_DEMO_LINK_DELAY, CLI_DEMO_LINK_QUEUE);
    }
    if (err == HF_OK)
        err = start_relay(net);
    return err == HF_OK ? tell_relay(net) : err;
}

static void clear(network *net)
{
    for (size_t i = 0; i < net->stand_ins_len; i++) {
        hf_loop_unwatch(net->loop, net->stand_ins[i]->fd);
        drop_stand_in(net->stand_ins[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        cli_lines_clear(&net->wires[i].lines);
        cli_link_clear(&net->uplinks[i]);
    }
    if (net->relay)
        hf_loop_remove(net->loop, net->relay);
    hf_turn_server_free(net->relay);
    hf_loop_free(net->loop);
}

int cli_demo_network_run(const hf_env *env, const int wires[2])
{
    static network net;

    net.env = *env;
    hf_err err = start(&net, wires);
    if (err == HF_OK)
        err = hf_loop_run(net.loop);
    if (err != HF_OK)
        fprintf(stderr, "demo: the network between the two failed (%s: %s)\n", hf_err_name(err), hf_err_text(err));
    clear(&net);
    return err == HF_OK ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}
