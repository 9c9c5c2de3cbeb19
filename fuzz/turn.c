/* turn.c: a TURN client that is fed with a server's bytes, its owner's calls, and time.
 *
 * The input is a list of steps: one byte says what happens, the following say how. Some messages are raw, some are answers
 * to what the client asked, rightly signed or not, so that the fuzzer gets past the integrity. On a stream all of them pass
 * the deframer, cut as the input says. */
#include "fuzz.h"
#include "turn_client.h"
#include "turn_stream.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 400
#define USER "alice"
#define PASSWORD "rabbit"
#define REALM "wonder.land"
#define ASKED_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A request of the client that can still be answered. */
typedef struct asked {
    uint16_t method;
    uint8_t id[HF_STUN_ID_SIZE];
} asked;

typedef struct world {
    hf_reader in;
    hf_time now;
    hf_turn_client *client;
    hf_transport transport;
    hf_turn_deframer deframer;
    bool is_broken; /* the stream */
    bool uses_sha256;
    asked asked[ASKED_MAX];
    size_t asked_len;
    bool has_ended;
} world;

static hf_addr some_addr(world *w)
{
    uint8_t byte = hf_read_u8(&w->in);
    hf_addr addr = {.family = HF_FAMILY_IPV4, .port = (uint16_t)(byte / 64 * 1000)};
    if (byte & 1) {
        addr.family = HF_FAMILY_IPV6;
        memcpy(addr.ip, (uint8_t[]){0x20, 0x01, 0x0d, 0xb8}, 4);
        addr.ip[15] = byte % 64;
    } else {
        memcpy(addr.ip, (uint8_t[]){byte & 32 ? 127 : 198, 51, 100, byte % 32}, 4);
    }
    return addr;
}

/* --- What the server says ------------------------------------------------------------------------------------------ */

static void hand_in(world *w, const uint8_t *message, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1); /* exactly as large, so that ASan sees each overrun */
    hf_turn_data data;
    if (!copy)
        return;
    memcpy(copy, message, len);
    if (hf_turn_client_input(w->client, w->now, copy, len, &data)) {
        demand(data.data >= copy && data.data + data.len <= copy + len);
        demand(data.peer.family != HF_FAMILY_NONE && data.relayed.family == data.peer.family && !w->has_ended);
    }
    free(copy);
}

static void deframe(world *w, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1), *rest = copy, *message;
    size_t rest_len = len, message_len;
    if (!copy)
        return;
    memcpy(copy, bytes, len);
    while (!w->is_broken) {
        hf_turn_deframed result = hf_turn_deframe(&w->deframer, &rest, &rest_len, &message, &message_len);
        w->is_broken = result == HF_TURN_DEFRAMED_BROKEN;
        if (result != HF_TURN_DEFRAMED_MESSAGE) {
            demand(w->is_broken || rest_len == 0);
            break;
        }
        demand(message_len >= 4 && message_len <= HF_DATAGRAM_MAX);
        hand_in(w, message, message_len);
    }
    free(copy);
}

static void send_to_client(world *w, const uint8_t *bytes, size_t len)
{
    if (w->transport == HF_UDP) {
        hand_in(w, bytes, len);
        return;
    }
    size_t cut = hf_read_u8(&w->in);
    cut = cut < len ? cut : len;
    deframe(w, bytes, cut);
    deframe(w, bytes + cut, len - cut);
}

static void raw(world *w)
{
    size_t len = hf_read_u8(&w->in);
    hf_bytes bytes = hf_read_bytes(&w->in, len < w->in.rest.len ? len : w->in.rest.len);
    uint8_t none = 0;
    send_to_client(w, bytes.len > 0 ? bytes.data : &none, bytes.len);
}

static void challenge(world *w, hf_stun_writer *s, uint8_t how)
{
    w->uses_sha256 = how & 1;
    if (!(how & 2))
        hf_stun_add(s, HF_STUN_REALM, hf_bytes_of_text(how & 4 ? "elsewhere" : REALM));
    if (!(how & 8))
        hf_stun_add(s, HF_STUN_NONCE, hf_bytes_of_text(how & 16 ? "obMatJos2wAAAx" : how & 32 ? "obMatJos2gAAAx" : "n"));
    if (how & 1)
        hf_stun_add(s, HF_STUN_PASSWORD_ALGORITHMS,
                    hf_bytes_of(how & 64 ? "\0\2\0\0\0\1\0\0" : "\0\2\0\0", how & 64 ? 8 : 4));
    if (how & 128)
        hf_stun_add_u32(s, 0x7FFF, 1);
}

static void sign(const world *w, hf_stun_writer *s)
{
    uint8_t key[32];
    hf_bytes user = hf_bytes_of_text(USER), realm = hf_bytes_of_text(REALM), password = hf_bytes_of_text(PASSWORD);
    if (w->uses_sha256) {
        demand(hf_stun_long_term_key_sha256(user, realm, password, key));
        hf_stun_add_integrity256(s, hf_bytes_of(key, 32));
    } else {
        demand(hf_stun_long_term_key_md5(user, realm, password, key));
        hf_stun_add_integrity(s, hf_bytes_of(key, 16));
    }
}

static void success(world *w, hf_stun_writer *s, uint8_t how)
{
    hf_addr addr = some_addr(w);
    if (!(how & 1))
        hf_stun_add_xor_address(s, HF_STUN_XOR_RELAYED_ADDRESS, &addr);
    if (how & 2) {
        addr = some_addr(w);
        hf_stun_add_xor_address(s, HF_STUN_XOR_RELAYED_ADDRESS, &addr);
    }
    if (how & 4)
        hf_stun_add_xor_address(s, HF_STUN_XOR_MAPPED_ADDRESS, &addr);
    if (how & 8)
        hf_stun_add_u32(s, HF_STUN_LIFETIME, hf_read_u32(&w->in));
}

static void error(world *w, hf_stun_writer *s, uint8_t how)
{
    static const unsigned codes[] = {401, 438, 300, 400, 403, 420, 437, 440, 441, 442, 443, 486, 500, 508, 699, 401};
    unsigned code = codes[how % 16];
    hf_stun_add_error(s, code, "");
    if (code == 401 || code == 438)
        challenge(w, s, hf_read_u8(&w->in));
    if (code == 300) {
        hf_addr addr = some_addr(w);
        hf_stun_add_address(s, HF_STUN_ALTERNATE_SERVER, &addr);
        hf_stun_add(s, HF_STUN_ALTERNATE_DOMAIN, hf_bytes_of("a\0b", how & 16 ? 3 : 1));
    }
}

/* 1: an error; 2: unsigned; 4: with an attribute that nobody knows; the others name the request. */
static void answer(world *w)
{
    uint8_t buffer[1024], how = hf_read_u8(&w->in), what = hf_read_u8(&w->in);
    if (w->asked_len == 0)
        return;
    const asked *a = &w->asked[(w->asked_len - 1 - how / 8 % w->asked_len) % ASKED_MAX];
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, how & 1 ? HF_STUN_ERROR : HF_STUN_SUCCESS, a->method, a->id);
    if (how & 1)
        error(w, &s, what);
    else
        success(w, &s, what);
    if (how & 4)
        hf_stun_add_u32(&s, 0x7FFF, 1);
    if (!(how & 2))
        sign(w, &s);
    size_t len = hf_stun_end(&s);
    demand(len > 0);
    send_to_client(w, buffer, len);
}

static void data_indication(world *w)
{
    uint8_t buffer[512], how = hf_read_u8(&w->in);
    static const uint8_t id[HF_STUN_ID_SIZE], bytes[128];
    hf_addr peer = some_addr(w);
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, id);
    hf_stun_add_xor_address(&s, HF_STUN_XOR_PEER_ADDRESS, &peer);
    hf_stun_add(&s, how & 1 ? HF_STUN_ICMP : HF_STUN_DATA, hf_bytes_of(bytes, how / 2));
    send_to_client(w, buffer, hf_stun_end(&s));
}

static void channel_data(world *w)
{
    uint8_t buffer[264] = {0x40, hf_read_u8(&w->in), 0, hf_read_u8(&w->in)};
    size_t len = buffer[3];
    send_to_client(w, buffer, w->transport == HF_TCP ? (4 + len + 3) / 4 * 4 : 4 + len);
}

/* --- What the client does ------------------------------------------------------------------------------------------ */

static void note(world *w, hf_bytes request)
{
    hf_stun_message message;
    hf_bytes value;
    demand(hf_stun_read(request, &message) && message.class_ == HF_STUN_REQUEST);
    demand(!hf_stun_find(&message, HF_STUN_USERNAME, &value) || message.integrity_at || message.integrity256_at);
    asked *a = &w->asked[w->asked_len % ASKED_MAX];
    a->method = message.method;
    memcpy(a->id, message.id, sizeof a->id);
    w->asked_len++;
}

static void drain_once(world *w)
{
    uint8_t buffer[HF_DATAGRAM_MAX];
    hf_turn_client_event e;
    hf_transmit t = {.buffer = buffer, .cap = sizeof buffer};
    for (size_t sent = 0; hf_turn_client_poll_transmit(w->client, w->now, &t); sent++) {
        demand(sent < 16 && t.len > 0 && t.len <= sizeof buffer && t.path.transport == w->transport);
        note(w, hf_bytes_of(buffer, t.len));
    }
    for (size_t events = 0; hf_turn_client_poll_event(w->client, &e); events++) {
        demand(events < 3 * HF_TURN_PEERS_MAX && (!w->has_ended || e.type == HF_TURN_CLOSED));
        demand(e.type != HF_TURN_FAILED || (e.cause != HF_OK && e.alternate_domain));
        demand(e.type != HF_TURN_ALLOCATED || e.relayed[0].port != 0);
        w->has_ended |= e.type == HF_TURN_FAILED || e.type == HF_TURN_CLOSED;
    }
}

/* A driver that does all that it is told to finds the deadline ahead, or it would spin. */
static void drain(world *w)
{
    drain_once(w);
    for (int i = 0; i < 4 && hf_turn_client_deadline(w->client) <= w->now; i++) {
        hf_turn_client_tick(w->client, w->now);
        drain_once(w);
    }
    demand(hf_turn_client_deadline(w->client) > w->now);
    demand(!w->has_ended || hf_turn_client_deadline(w->client) == HF_NEVER);
}

static void pass_time(world *w)
{
    uint8_t how = hf_read_u8(&w->in);
    hf_time due = hf_turn_client_deadline(w->client);
    if (how & 128)
        w->now += HF_SECONDS(how & 127) * 10;
    else if (how & 64)
        w->now += HF_MS(how & 63);
    else if (due != HF_NEVER && due > w->now)
        w->now = due;
    hf_turn_client_tick(w->client, w->now);
}

static void wrap(world *w)
{
    hf_wrap wrap;
    hf_addr peer = some_addr(w);
    size_t len = hf_read_u8(&w->in);
    if (hf_turn_client_wrap(w->client, &peer, &wrap) != HF_OK)
        return;
    demand(!w->has_ended && wrap.before + wrap.after <= HF_WRAP_MAX);
    uint8_t *memory = malloc(wrap.before + len + wrap.after);
    if (memory) {
        memset(memory, 0, wrap.before + len + wrap.after);
        size_t whole = hf_wrap_write(&wrap, memory + wrap.before, len);
        demand(whole >= wrap.before + len && whole <= wrap.before + len + wrap.after);
    }
    free(memory);
}

static void owner(world *w)
{
    uint8_t how = hf_read_u8(&w->in);
    hf_addr peer = some_addr(w);
    hf_turn_client_stats stats;
    switch (how % 8) {
    case 0:
    case 1:
        (void)!hf_turn_client_permit(w->client, w->now, &peer);
        break;
    case 2:
    case 3:
        (void)!hf_turn_client_bind(w->client, w->now, &peer);
        break;
    case 4:
        hf_turn_client_forget(w->client, &peer);
        break;
    case 5:
        (void)!hf_turn_client_set_credentials(w->client, w->now, how & 8 ? USER : "bob", PASSWORD);
        break;
    case 6:
        hf_turn_client_probe(w->client, w->now);
        break;
    default:
        hf_turn_client_get_stats(w->client, &stats);
        if (how & 128)
            hf_turn_client_close(w->client, w->now);
        break;
    }
}

static void step(world *w)
{
    switch (hf_read_u8(&w->in) % 12) {
    case 0:
        raw(w);
        break;
    case 1:
    case 2:
    case 3:
        answer(w);
        break;
    case 4:
        data_indication(w);
        break;
    case 5:
        channel_data(w);
        break;
    case 6:
    case 7:
        owner(w);
        break;
    case 8:
        wrap(w);
        break;
    case 9:
        pass_time(w);
        break;
    default:
        break;
    }
    drain(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    world w = {.now = HF_SECONDS(1), .in = hf_reader_of(hf_bytes_of(data, size))};
    fuzz_seed(0);
    uint8_t flags = hf_read_u8(&w.in);
    w.transport = flags & 1 ? HF_TCP : HF_UDP;
    hf_turn_client_config config = {
        .path = {.transport = w.transport, .remote = {.family = HF_FAMILY_IPV4, .port = 3478, .ip = {192, 0, 2, 1}}},
        .username = flags & 2 ? NULL : USER,
        .password = flags & 2 ? NULL : PASSWORD,
        .both_families = flags & 4,
        .family = (flags & 12) == 8 ? HF_FAMILY_IPV6 : HF_FAMILY_NONE,
    };
    if (hf_turn_client_new(&w.client, w.now, &config, &fuzz_env) != HF_OK)
        return 0;
    drain(&w);
    for (size_t i = 0; i < STEPS_MAX && w.in.rest.len > 0; i++)
        step(&w);
    hf_turn_client_free(w.client);
    return 0;
}
