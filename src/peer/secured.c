/* secured.c: streams with TLS in them, from ICE's wish to connect to the last byte.
 *
 *   OPENING ──the driver has it──▶ SHAKING ──certificate holds──▶ OPEN ──either side ends it──▶ ENDING ──all is said──▶ gone
 *      │                              └───────no, or too late───────────────────────────────────▲
 *      └──────refused, or ICE wants it no more──────▶ gone                                                            */
#include "secured.h"

#include "alloc.h"
#include "log.h"

#include <string.h>

/* A handshake takes two round trips, and with them the server's signature. ICE has other paths to go meanwhile. */
#define HANDSHAKE_PATIENCE HF_SECONDS(5)

typedef enum stage { OPENING, SHAKING, OPEN, ENDING } stage;

struct hf_secured_stream {
    hf_secured_stream *next;
    stage stage;
    uint32_t id; /* of ICE's CONNECT */
    char *host;
    hf_path path;
    hf_tls *tls;
    bool is_full;    /* the driver has no room for it */
    hf_time give_up; /* SHAKING */
    uint8_t plain[HF_DATAGRAM_MAX];
};

/* --- The list --- */

void hf_secured_init(hf_secured *secured, const hf_trust *trust, hf_ice *ice, const hf_env *env)
{
    *secured = (hf_secured){.env = env, .trust = trust, .ice = ice};
}

static void free_stream(hf_secured *secured, hf_secured_stream *s)
{
    hf_tls_free(s->tls);
    hf_dealloc(secured->env, s->host);
    hf_dealloc(secured->env, s);
}

static void remove_stream(hf_secured *secured, hf_secured_stream *s)
{
    hf_secured_stream **at = &secured->streams;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    secured->streams_len--;
    free_stream(secured, s);
}

void hf_secured_clear(hf_secured *secured)
{
    while (secured->streams)
        remove_stream(secured, secured->streams);
}

static hf_secured_stream *find_id(const hf_secured *secured, uint32_t id)
{
    hf_secured_stream *s = id != 0 ? secured->streams : NULL;

    while (s && s->id != id)
        s = s->next;
    return s;
}

static bool is_on(const hf_secured_stream *s, const hf_path *path)
{
    return s->stage != OPENING && hf_addr_equal(&s->path.local, &path->local) &&
           hf_addr_equal(&s->path.remote, &path->remote);
}

/* Nearly always there is none, and nothing to look for. */
static hf_secured_stream *find_path(const hf_secured *secured, const hf_path *path)
{
    hf_secured_stream *s = path->transport == HF_TCP ? secured->streams : NULL;

    while (s && !is_on(s, path))
        s = s->next;
    return s;
}

/* --- Beginning and end --- */

static hf_err begin(hf_secured *secured, const hf_request *request, const char **why)
{
    if (secured->streams_len >= HF_SECURED_STREAMS_MAX)
        return HF_ELIMIT;
    if (!request->name)
        return HF_EINVAL;
    hf_secured_stream *s = hf_alloc(secured->env, sizeof *s);
    if (!s)
        return HF_ENOMEM;
    s->id = request->id;
    s->path = request->path;
    s->host = hf_alloc_text(secured->env, request->name, strlen(request->name));
    hf_err err = s->host ? hf_tls_new(&s->tls, request->name, secured->trust, secured->env) : HF_ENOMEM;
    if (err == HF_OK && hf_tls_get_state(s->tls) == HF_TLS_FAILED) {
        err = hf_tls_cause(s->tls);
        *why = hf_tls_cause_text(s->tls);
        hf_log(secured->env, HF_LOG_WARNING, "turns: %s: %s", request->name, *why);
    }
    if (err != HF_OK) {
        free_stream(secured, s);
        return err;
    }
    s->next = secured->streams;
    secured->streams = s;
    secured->streams_len++;
    return HF_OK;
}

static void tell(hf_secured *secured, const hf_secured_stream *s, hf_reply_type type, hf_err err, const char *why)
{
    hf_reply reply = {.type = type, .err = err, .path = s->path, .why = why};

    if (type == HF_REPLY_CONNECTED)
        reply.id = s->id;
    hf_ice_reply(secured->ice, secured->now, &reply);
}

/* ICE hears of it now; the driver when the last word (an alert, close_notify) has been sent. */
static void end(hf_secured *secured, hf_secured_stream *s, hf_err cause, const char *text)
{
    hf_reply_type type = s->stage == SHAKING ? HF_REPLY_CONNECTED : HF_REPLY_DISCONNECTED;

    hf_log(secured->env, HF_LOG_WARNING, "turns: %s: %s", s->host, text);
    hf_tls_close(s->tls);
    s->stage = ENDING;
    tell(secured, s, type, cause, text);
}

/* Takes note of what became of TLS. */
static void settle(hf_secured *secured, hf_secured_stream *s)
{
    switch (hf_tls_get_state(s->tls)) {
    case HF_TLS_HANDSHAKING:
        break;
    case HF_TLS_OPEN:
        if (s->stage != SHAKING)
            break;
        s->stage = OPEN;
        tell(secured, s, HF_REPLY_CONNECTED, HF_OK, NULL);
        break;
    case HF_TLS_CLOSED:
        end(secured, s, HF_ECLOSED, "the server has ended it");
        break;
    case HF_TLS_FAILED:
        end(secured, s, hf_tls_cause(s->tls), hf_tls_cause_text(s->tls));
        break;
    }
}

/* --- Requests and replies --- */

static bool has_said_all(const hf_secured_stream *s)
{
    return s->stage == ENDING && (s->is_full || !hf_tls_has_output(s->tls));
}

static bool poll_end(hf_secured *secured, hf_request *out)
{
    for (hf_secured_stream *s = secured->streams; s; s = s->next) {
        if (has_said_all(s)) {
            *out = (hf_request){.type = HF_REQUEST_DISCONNECT, .id = s->id, .path = s->path};
            remove_stream(secured, s);
            return true;
        }
    }
    return false;
}

/* True: the driver is to do it. */
static bool take_connect(hf_secured *secured, hf_request *request)
{
    const char *why = NULL;
    hf_err err = begin(secured, request, &why);

    if (err != HF_OK) {
        hf_reply reply = {.type = HF_REPLY_CONNECTED, .id = request->id, .err = err, .path = request->path, .why = why};
        hf_ice_reply(secured->ice, secured->now, &reply);
        return false;
    }
    request->tls = false;
    request->name = NULL;
    return true;
}

static bool take_disconnect(hf_secured *secured, const hf_request *request)
{
    hf_secured_stream *s = request->id != 0 ? find_id(secured, request->id) : find_path(secured, &request->path);

    if (!s)
        return true;
    if (s->stage == OPENING) {
        remove_stream(secured, s);
        return true;
    }
    hf_tls_close(s->tls);
    s->stage = ENDING;
    return false;
}

bool hf_secured_poll_request(hf_secured *secured, hf_request *out)
{
    while (hf_ice_poll_request(secured->ice, out)) {
        if (out->type == HF_REQUEST_CONNECT && out->tls) {
            if (take_connect(secured, out))
                return true;
        } else if (out->type != HF_REQUEST_DISCONNECT || take_disconnect(secured, out)) {
            return true;
        }
    }
    return poll_end(secured, out);
}

/* False: ICE has nothing to do with it yet. */
static bool on_connected(hf_secured *secured, const hf_reply *reply)
{
    hf_secured_stream *s = find_id(secured, reply->id);

    if (!s || s->stage != OPENING)
        return true;
    if (reply->err != HF_OK) {
        remove_stream(secured, s);
        return true;
    }
    s->path = reply->path;
    s->path.transport = HF_TCP;
    s->stage = SHAKING;
    s->give_up = secured->now + HANDSHAKE_PATIENCE;
    return false;
}

/* Whose path a reply about streams bears: that it is one of TCP goes without saying. */
static hf_secured_stream *find_told(const hf_secured *secured, const hf_reply *reply)
{
    hf_path path = reply->path;

    path.transport = HF_TCP;
    return find_path(secured, &path);
}

static bool on_disconnected(hf_secured *secured, const hf_reply *reply)
{
    hf_secured_stream *s = find_told(secured, reply);

    if (!s)
        return true;
    bool was_open = s->stage == OPEN;
    if (s->stage == SHAKING)
        end(secured, s, reply->err != HF_OK ? reply->err : HF_EDTLS, "the stream ended in the handshake");
    remove_stream(secured, s);
    return was_open;
}

static void on_room(hf_secured *secured, const hf_reply *reply)
{
    hf_secured_stream *s = find_told(secured, reply);

    if (s)
        s->is_full = reply->err != HF_OK;
}

void hf_secured_reply(hf_secured *secured, hf_time now, const hf_reply *reply)
{
    bool is_for_ice = true;

    secured->now = now;
    if (reply->type == HF_REPLY_CONNECTED)
        is_for_ice = on_connected(secured, reply);
    else if (reply->type == HF_REPLY_DISCONNECTED)
        is_for_ice = on_disconnected(secured, reply);
    else if (reply->type == HF_REPLY_ROOM)
        on_room(secured, reply);
    if (is_for_ice)
        hf_ice_reply(secured->ice, now, reply);
}

/* --- Bytes in --- */

bool hf_secured_has(const hf_secured *secured, const hf_path *path)
{
    return find_path(secured, path) != NULL;
}

void hf_secured_input(hf_secured *secured, hf_time now, const hf_datagram *bytes)
{
    hf_secured_stream *s = find_path(secured, &bytes->path);

    secured->now = now;
    if (!s || s->stage == ENDING)
        return;
    hf_tls_input(s->tls, bytes->data, bytes->len);
    settle(secured, s);
}

bool hf_secured_poll_input(hf_secured *secured, hf_time now, const hf_path *path, hf_datagram *out)
{
    hf_secured_stream *s = find_path(secured, path);

    secured->now = now;
    if (!s || s->stage != OPEN)
        return false;
    size_t len = hf_tls_read(s->tls, s->plain, sizeof s->plain);
    if (len == 0) {
        settle(secured, s);
        return false;
    }
    *out = (hf_datagram){.path = s->path, .data = s->plain, .len = len};
    return true;
}

/* --- Bytes out --- */

/* Nothing is left out of the stream of records, so what may be lost is lost before it is one: where the stream is full. */
bool hf_secured_seal(hf_secured *secured, hf_transmit *out)
{
    hf_secured_stream *s = find_path(secured, &out->path);

    if (!s)
        return true;
    if (s->is_full || hf_tls_write(s->tls, out->buffer, out->len) != HF_OK)
        hf_drop_count(&secured->drops, secured->env, secured->now, HF_DROP_STREAM_FULL, out->len);
    if (s->stage == OPEN)
        settle(secured, s);
    return hf_secured_poll_transmit(secured, out);
}

bool hf_secured_poll_transmit(hf_secured *secured, hf_transmit *out)
{
    for (hf_secured_stream *s = secured->streams; s; s = s->next) {
        if (s->stage == OPENING || s->is_full)
            continue;
        out->len = out->segment = hf_tls_transmit(s->tls, out->buffer, out->cap);
        out->path = s->path;
        if (out->len > 0)
            return true;
    }
    return false;
}

void hf_secured_close(hf_secured *secured)
{
    for (hf_secured_stream *s = secured->streams; s; s = s->next)
        hf_tls_close(s->tls);
}

/* --- Time --- */

hf_time hf_secured_deadline(const hf_secured *secured)
{
    hf_time at = HF_NEVER;

    for (const hf_secured_stream *s = secured->streams; s; s = s->next) {
        hf_time due = has_said_all(s) ? secured->now : s->stage == SHAKING ? s->give_up : HF_NEVER;
        at = due < at ? due : at;
    }
    return at;
}

void hf_secured_tick(hf_secured *secured, hf_time now)
{
    secured->now = now;
    for (hf_secured_stream *s = secured->streams; s; s = s->next) {
        if (s->stage == SHAKING && s->give_up <= now)
            end(secured, s, HF_ETIMEDOUT, "the handshake takes too long");
    }
}
