/* many.c: many peers in one process, for remotes of another stack.
 *
 *     many PEERS (offer|answer) MESSAGES
 *
 * Signals come and go as lines of JSON, as with `holdfast peer`, each with the number of its "peer". Every peer has one
 * channel, "chat", which the offering side opens. Over it go the texts "0", "1", … MESSAGES of them each way, at once, and
 * must come in that order. What happens is told by lines of type state, open, counted, closed, ended and error. It ends with
 * its input. */
#include <holdfast/holdfast.h>

#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES (1 << 20)
#define PEERS_MAX 1000

typedef struct end {
    size_t index;
    hf_peer *peer;
    hf_driven driven;
    hf_datachannel channel;
    unsigned long sent, received;
    bool broken; /* what came was not what was due */
} end;

static struct {
    hf_loop *loop;
    hf_env env;
    end *ends;
    size_t ends_len;
    bool offers;
    unsigned long messages;
    char input[LINE_MAX_BYTES];
    size_t input_len;
} program;

static void must(hf_err err, const char *what)
{
    if (err == HF_OK)
        return;
    fprintf(stderr, "%s: %s (%s)\n", what, hf_err_text(err), hf_err_name(err));
    exit(1);
}

/* --- Output --- */

/* Takes `line` over. */
static void tell(const end *e, json_t *line)
{
    json_object_set_new(line, "peer", json_integer((json_int_t)e->index));
    char *text = json_dumps(line, JSON_COMPACT);
    puts(text);
    fflush(stdout);
    free(text);
    json_decref(line);
}

static void tell_error(const end *e, hf_err err, const char *what)
{
    tell(e, json_pack("{ss ss ss}", "type", "error", "code", hf_err_name(err), "message", what));
}

/* --- Messages --- */

static void send_more(end *e)
{
    char text[24];
    while (e->channel != 0 && e->sent < program.messages) {
        int len = snprintf(text, sizeof text, "%lu", e->sent);
        hf_err err = hf_peer_send(e->peer, hf_loop_now(program.loop), e->channel, HF_TEXT, text, (size_t)len);
        if (err == HF_EAGAIN)
            return; /* a writable event follows */
        if (err != HF_OK) {
            tell_error(e, err, "send");
            return;
        }
        e->sent++;
    }
}

static void take_message(end *e, const char *data, size_t len)
{
    char due[24];
    int due_len = snprintf(due, sizeof due, "%lu", e->received);
    e->broken |= len != (size_t)due_len || memcmp(data, due, len) != 0;
    e->received++;
    if (e->received == program.messages)
        tell(e, json_pack("{ss sI sb}", "type", "counted", "messages", (json_int_t)e->received, "inOrder", !e->broken));
}

static void on_events(void *context)
{
    end *e = context;
    hf_peer_event event;
    while (hf_peer_poll_event(e->peer, &event)) {
        if (event.type == HF_PEER_CANDIDATE) {
            tell(e, json_pack("{ss ss ss ss}", "type", "candidate", "candidate", event.u.candidate.text, "sdpMid",
                              event.u.candidate.mid, "usernameFragment", event.u.candidate.ufrag));
        } else if (event.type == HF_PEER_CONNECTION_CHANGED) {
            tell(e, json_pack("{ss ss}", "type", "state", "connection", hf_connection_state_name(event.u.connection)));
        } else if (event.type == HF_PEER_REMOTE_CLOSED) {
            tell(e, json_pack("{ss}", "type", "ended"));
        } else if (event.type == HF_PEER_CHANNEL_OPEN) {
            e->channel = event.channel;
            tell(e, json_pack("{ss ss}", "type", "open", "channel", "chat"));
            send_more(e);
        } else if (event.type == HF_PEER_CHANNEL_WRITABLE) {
            send_more(e);
        } else if (event.type == HF_PEER_CHANNEL_CLOSED) {
            e->channel = 0;
            tell(e, json_pack("{ss ss}", "type", "closed", "channel", "chat"));
        } else if (event.type == HF_PEER_CHANNEL_MESSAGE) {
            take_message(e, (const char *)event.u.message.data, event.u.message.len);
        }
    }
}

/* --- Input --- */

static void describe(end *e, hf_sdp_type type)
{
    const char *sdp;
    must(hf_peer_set_local_description(e->peer, hf_loop_now(program.loop), type, NULL), "our description");
    must(hf_peer_local_description(e->peer, &type, &sdp), "our description");
    tell(e, json_pack("{ss ss}", "type", hf_sdp_type_name(type), "sdp", sdp));
}

static void take_line(const char *text, size_t len)
{
    json_t *line = json_loadb(text, len, 0, NULL);
    const char *type = "", *sdp = "", *candidate = "", *mid = NULL, *ufrag = NULL;
    json_int_t index = -1;
    hf_time now = hf_loop_now(program.loop);
    json_unpack(line, "{sI ss s?s s?s s?s s?s}", "peer", &index, "type", &type, "sdp", &sdp, "candidate", &candidate,
                "sdpMid", &mid, "usernameFragment", &ufrag);
    if (index < 0 || (size_t)index >= program.ends_len) {
        fprintf(stderr, "not for a peer: %.*s\n", (int)len, text);
        json_decref(line);
        return;
    }
    end *e = &program.ends[index];
    if (strcmp(type, "candidate") == 0) {
        (void)!hf_peer_add_ice_candidate(e->peer, now, candidate, mid, ufrag); /* some are of no use to us */
    } else {
        hf_sdp_type description = strcmp(type, "offer") == 0 ? HF_SDP_OFFER : HF_SDP_ANSWER;
        hf_err err = hf_peer_set_remote_description(e->peer, now, description, sdp);
        if (err != HF_OK)
            tell_error(e, err, hf_peer_error_text(e->peer));
        else if (description == HF_SDP_OFFER)
            describe(e, HF_SDP_ANSWER);
    }
    json_decref(line);
}

static void on_input(void *context)
{
    (void)context;
    ssize_t n = read(STDIN_FILENO, program.input + program.input_len, sizeof program.input - program.input_len);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        hf_loop_stop(program.loop);
        return;
    }
    program.input_len += (size_t)n;
    char *at = program.input, *newline;
    while ((newline = memchr(at, '\n', program.input_len - (size_t)(at - program.input)))) {
        take_line(at, (size_t)(newline - at));
        at = newline + 1;
    }
    program.input_len -= (size_t)(at - program.input);
    memmove(program.input, at, program.input_len);
}

/* --- Birth --- */

static void open_end(end *e, size_t index, const hf_certificate *certificate)
{
    hf_time now = hf_loop_now(program.loop);
    hf_peer_config config = {.engine = hf_loop_engine(program.loop), .certificate = certificate};
    e->index = index;
    e->driven = (hf_driven){.handler = on_events, .context = e};
    must(hf_peer_new(&e->peer, &config, &program.env), "peer");
    must(hf_loop_add_peer(program.loop, e->peer, NULL, &e->driven), "loop");
    if (program.offers) {
        hf_datachannel channel;
        must(hf_peer_open_channel(e->peer, now, &(hf_datachannel_config){.label = "chat"}, &channel), "channel");
        describe(e, HF_SDP_OFFER);
    }
}

int main(int argc, char **argv)
{
    hf_certificate *certificate = NULL;
    size_t peers = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
    if (peers == 0 || peers > PEERS_MAX) {
        fprintf(stderr, "usage: many PEERS (offer|answer) MESSAGES\n");
        return 2;
    }
    program.offers = strcmp(argv[2], "offer") == 0;
    program.messages = strtoul(argv[3], NULL, 10);
    program.ends_len = peers;
    program.ends = calloc(peers, sizeof *program.ends);
    hf_env_system(&program.env);
    must(hf_loop_new(&program.loop, &program.env), "loop");
    must(hf_certificate_new(&certificate, &program.env), "certificate");
    must(hf_loop_watch(program.loop, STDIN_FILENO, on_input, NULL), "input");
    for (size_t i = 0; i < peers && program.ends; i++)
        open_end(&program.ends[i], i, certificate);

    must(hf_loop_run(program.loop), "loop");

    for (size_t i = 0; i < peers && program.ends; i++) {
        hf_peer_close(program.ends[i].peer, hf_loop_now(program.loop));
        hf_loop_remove(program.loop, &program.ends[i].driven);
        hf_peer_free(program.ends[i].peer);
    }
    hf_certificate_free(certificate);
    hf_loop_free(program.loop);
    free(program.ends);
    return 0;
}
