/* server_auth.c: long-term credentials (RFC 8489 §9.2), those with an expiry in the user name, too, and nonces.
 *
 * Nothing is kept for those who have not proven who they are: a nonce says when it was made, and that it was we who made
 * it for that address. */
#include "server_priv.h"

#include "digest.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* RFC 8489 §9.2: a nonce that begins so tells by the four characters that follow what the server can do. The first bit
 * (§18.1) is that it takes password algorithms, of which these are two, each with no parameters (§18.5). */
#define NONCE_COOKIE "obMatJos2"
#define NONCE_FEATURES "gAAA"
#define ALGORITHM_MD5 1
#define ALGORITHM_SHA256 2
static const uint8_t algorithms[] = {0, ALGORITHM_SHA256, 0, 0, 0, ALGORITHM_MD5, 0, 0};

/* Cookie, features, eight digits of the second, and 80 bits of a MAC: each byte more is one more for a victim of forgery. */
#define NONCE_SECOND_AT 13
#define NONCE_MAC_AT 21
#define NONCE_LEN 41
static_assert(sizeof NONCE_COOKIE NONCE_FEATURES - 1 == NONCE_SECOND_AT, "the second stands behind the features");

/* --- Nonces ----------------------------------------------------------------------------------------------------------- */

static bool write_nonce(const hf_turn_server *server, uint32_t second, const hf_path *path, char out[NONCE_LEN + 1])
{
    uint8_t address[20], mac[32];
    hf_writer w = hf_writer_of(address, sizeof address);
    hf_write_u8(&w, (uint8_t)path->transport);
    hf_write_u16(&w, path->remote.port);
    hf_write_bytes(&w, hf_bytes_of(path->remote.ip, sizeof path->remote.ip));

    snprintf(out, NONCE_LEN + 1, "%s%s%08x", NONCE_COOKIE, NONCE_FEATURES, (unsigned)second);
    const hf_bytes parts[] = {hf_bytes_of(out, NONCE_MAC_AT), hf_bytes_of(address, w.len)};
    if (!hf_hmac_sha256(hf_bytes_of(server->nonce_key, sizeof server->nonce_key), parts, 2, mac))
        return false;
    for (size_t i = 0; NONCE_MAC_AT + 2 * i < NONCE_LEN; i++)
        snprintf(out + NONCE_MAC_AT + 2 * i, 3, "%02x", mac[i]);
    return true;
}

static bool read_second(hf_bytes nonce, uint32_t *out)
{
    *out = 0;
    for (size_t i = NONCE_SECOND_AT; i < NONCE_MAC_AT; i++) {
        unsigned c = nonce.data[i];
        unsigned digit = c - '0' <= 9 ? c - '0' : c - 'a' <= 5 ? c - 'a' + 10 : 16;
        if (digit > 15)
            return false;
        *out = *out << 4 | digit;
    }
    return true;
}

static uint32_t second_of(hf_time now)
{
    return (uint32_t)(now / HF_SECONDS(1));
}

/* Whether we made it for that address; how old it is is another question. */
static bool is_our_nonce(const hf_turn_server *server, const hf_path *path, hf_bytes nonce, uint32_t *second)
{
    char expected[NONCE_LEN + 1];
    return nonce.len == NONCE_LEN && read_second(nonce, second) && write_nonce(server, *second, path, expected) &&
           hf_bytes_equal_secret(nonce, hf_bytes_of(expected, NONCE_LEN));
}

/* --- Challenges ------------------------------------------------------------------------------------------------------- */

/* RFC 8489 §9.2.4: with REALM, NONCE and PASSWORD-ALGORITHMS, and without integrity. */
static bool challenge(hf_turn_call *call, unsigned code)
{
    char nonce[NONCE_LEN + 1];
    hf_turn_answer answer;
    if (!write_nonce(call->server, second_of(call->now), &call->asker.path, nonce)) {
        call->server->stats.dropped++;
        return false;
    }
    hf_turn_error_begin(&answer, call->server, &call->asker, code);
    hf_stun_add(&answer.s, HF_STUN_REALM, hf_bytes_of_text(call->server->realm));
    hf_stun_add(&answer.s, HF_STUN_NONCE, hf_bytes_of(nonce, NONCE_LEN));
    hf_stun_add(&answer.s, HF_STUN_PASSWORD_ALGORITHMS, hf_bytes_of(algorithms, sizeof algorithms));
    hf_turn_answer_send(&answer, call->server, call->now, &call->asker);
    return false;
}

/* The same for a request that was signed, which the answer must not be. */
static bool reject(hf_turn_call *call, unsigned code)
{
    call->asker.key_len = 0;
    return challenge(call, code);
}

static bool refuse(hf_turn_call *call, unsigned code)
{
    hf_turn_refuse(call, code);
    return false;
}

/* --- Keys ------------------------------------------------------------------------------------------------------------- */

/* Base64 (RFC 4648 §4) of an HMAC-SHA1: six groups of three bytes, and one of two. */
#define SECRET_PASSWORD_LEN 28

static void write_password(const uint8_t mac[20], char out[SECRET_PASSWORD_LEN])
{
    static const char alphabet[64 + 1] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < SECRET_PASSWORD_LEN / 4; i++) {
        uint32_t group = (uint32_t)mac[3 * i] << 16 | (uint32_t)mac[3 * i + 1] << 8 | (3 * i + 2 < 20 ? mac[3 * i + 2] : 0u);
        for (size_t j = 0; j < 4; j++)
            out[4 * i + j] = alphabet[group >> (18 - 6 * j) & 63];
    }
    out[SECRET_PASSWORD_LEN - 1] = '=';
}

static uint64_t calendar_now(const hf_turn_call *call)
{
    return call->server->calendar + (uint64_t)((call->now - call->server->calendar_at) / HF_SECONDS(1));
}

/* "expiry[:anything]", signed with the secret (draft-uberti-behave-turn-rest-00 §2.2). The account is what stands behind
 * the colon: who comes again with a later expiry is the same. */
static bool read_time_limited(hf_turn_call *call, hf_bytes name, hf_turn_keys *out)
{
    const uint8_t *colon = name.len > 0 ? memchr(name.data, ':', name.len) : NULL;
    size_t digits = colon ? (size_t)(colon - name.data) : name.len;
    uint64_t expiry;
    if (!call->server->secret || !hf_parse_decimal(hf_bytes_of(name.data, digits), INT64_MAX, &expiry))
        return false;

    uint8_t mac[20];
    char password[SECRET_PASSWORD_LEN];
    hf_bytes realm = hf_bytes_of_text(call->server->realm), secret = hf_bytes_of_text(call->server->secret);
    if (!hf_hmac_sha1(secret, &name, 1, mac))
        return false;
    write_password(mac, password);
    call->is_expired = expiry <= calendar_now(call);
    call->account = colon && digits + 1 < name.len ? hf_bytes_of(colon + 1, name.len - digits - 1) : name;
    return hf_stun_long_term_key_md5(name, realm, hf_bytes_of(password, sizeof password), out->md5) &&
           hf_stun_long_term_key_sha256(name, realm, hf_bytes_of(password, sizeof password), out->sha256);
}

static bool find_keys(hf_turn_call *call, hf_bytes name, hf_turn_keys *out)
{
    const hf_turn_credential *user = hf_turn_config_find_user(call->server, name);
    if (!user)
        return read_time_limited(call, name, out);
    *out = user->keys;
    call->account = name;
    return true;
}

/* RFC 8489 §9.2.4: with neither attribute it is MD5; otherwise both must be there, the one as we sent it and the other of
 * it, lest somebody on the way has the weaker one taken. 0: they are not so. */
static unsigned algorithm_of(const hf_stun_message *message)
{
    hf_bytes offered, chosen;
    bool has_offered = hf_stun_find(message, HF_STUN_PASSWORD_ALGORITHMS, &offered);
    bool has_chosen = hf_stun_find(message, HF_STUN_PASSWORD_ALGORITHM, &chosen);
    if (!has_offered && !has_chosen)
        return ALGORITHM_MD5;
    if (!has_offered || !has_chosen || !hf_bytes_equal(offered, hf_bytes_of(algorithms, sizeof algorithms)))
        return 0;
    hf_reader r = hf_reader_of(chosen);
    unsigned algorithm = hf_read_u16(&r), parameters = hf_read_u16(&r);
    bool is_known = algorithm == ALGORITHM_MD5 || algorithm == ALGORITHM_SHA256;
    return r.ok && r.rest.len == 0 && parameters == 0 && is_known ? algorithm : 0;
}

static bool verify(hf_turn_call *call, hf_bytes name, unsigned algorithm)
{
    const hf_stun_message *message = call->message;
    hf_turn_keys keys;
    if (!find_keys(call, name, &keys))
        return false;
    bool long_key = algorithm == ALGORITHM_SHA256;
    hf_bytes key = long_key ? hf_bytes_of(keys.sha256, sizeof keys.sha256) : hf_bytes_of(keys.md5, sizeof keys.md5);
    call->asker.sha256 = message->integrity256_at != 0;
    bool ok = call->asker.sha256 ? hf_stun_verify_integrity256(message, key) : hf_stun_verify_integrity(message, key);
    if (ok) {
        memcpy(call->asker.key, key.data, key.len);
        call->asker.key_len = key.len;
    }
    explicit_bzero(&keys, sizeof keys);
    return ok;
}

/* Time-limited credentials are good for beginning something until they expire; what they have begun goes on, for calls are
 * longer than logins. */
static bool is_too_late(const hf_turn_call *call)
{
    const hf_turn_account *account = call->allocation ? call->allocation->account : NULL;
    return call->is_expired && !(account && hf_bytes_equal(hf_bytes_of(account->name, account->name_len), call->account));
}

bool hf_turn_authenticate(hf_turn_call *call)
{
    const hf_stun_message *message = call->message;
    hf_turn_server *server = call->server;
    hf_bytes name, realm, nonce;
    uint32_t second = 0;

    if (server->users_len == 0 && !server->secret)
        return refuse(call, 403); /* STUN alone */
    if (message->integrity_at == 0 && message->integrity256_at == 0)
        return challenge(call, 401);
    if (!hf_stun_find(message, HF_STUN_USERNAME, &name) || !hf_stun_find(message, HF_STUN_REALM, &realm) ||
        !hf_stun_find(message, HF_STUN_NONCE, &nonce))
        return refuse(call, 400);

    bool is_ours = is_our_nonce(server, &call->asker.path, nonce, &second);
    call->asker.is_proven |= is_ours;
    unsigned algorithm = algorithm_of(message);
    if (algorithm == 0)
        return refuse(call, 400);
    bool is_known = verify(call, name, algorithm) && !is_too_late(call);
    bool is_fresh = is_ours && second_of(call->now) - second <= TURN_NONCE_LIFETIME / HF_SECONDS(1);
    if (!is_known) {
        server->stats.refused_credentials++;
        return reject(call, 401);
    }
    /* A nonce that is not ours is as stale as an old one of ours: we may have been started again. */
    return is_fresh || reject(call, 438);
}
