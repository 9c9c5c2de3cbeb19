/* auth.c: the long-term credential mechanism on the client's side (RFC 8489 §9.2). */
#include "auth.h"

#include "alloc.h"
#include "digest.h"

#include <string.h>

/* RFC 8489 §9.2: a nonce of a server of that RFC begins with "obMatJos2" and the base64 of 24 bits, §18.1: the first says
 * "Password algorithms", the second "Username anonymity". */
#define COOKIE "obMatJos2"
#define COOKIE_SIZE 13
#define FEATURE_PASSWORD_ALGORITHMS 0x800000u
#define FEATURE_USERNAME_ANONYMITY 0x400000u

/* RFC 8489 §18.5. */
#define ALGORITHM_MD5 1
#define ALGORITHM_SHA256 2

/* What a list of algorithms may be long: two are known. */
#define ALGORITHMS_SIZE_MAX 64

static void wipe_text(const hf_env *env, char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    hf_dealloc(env, *text);
    *text = NULL;
}

static void free_bytes(const hf_env *env, turn_bytes *bytes)
{
    hf_dealloc(env, bytes->data);
    *bytes = (turn_bytes){0};
}

static hf_bytes view(const turn_bytes *bytes)
{
    return hf_bytes_of(bytes->data, bytes->len);
}

static hf_err copy_credentials(const hf_env *env, const char *username, const char *password, char **user, char **secret)
{
    *user = *secret = NULL;
    if (!username || !password)
        return HF_EINVAL;
    size_t user_len = strlen(username), secret_len = strlen(password);
    if (user_len > HF_TURN_USERNAME_MAX || secret_len > HF_TURN_PASSWORD_MAX)
        return HF_EINVAL;
    *user = hf_alloc_text(env, username, user_len);
    *secret = hf_alloc_text(env, password, secret_len);
    if (*user && *secret)
        return HF_OK;
    wipe_text(env, user);
    wipe_text(env, secret);
    return HF_ENOMEM;
}

hf_err hf_turn_auth_init(turn_auth *auth, const hf_env *env, const char *username, const char *password)
{
    *auth = (turn_auth){.env = env};
    if (!username && !password)
        return HF_OK;
    return copy_credentials(env, username, password, &auth->username, &auth->password);
}

void hf_turn_auth_clear(turn_auth *auth)
{
    wipe_text(auth->env, &auth->username);
    wipe_text(auth->env, &auth->password);
    wipe_text(auth->env, &auth->next_username);
    wipe_text(auth->env, &auth->next_password);
    free_bytes(auth->env, &auth->realm);
    free_bytes(auth->env, &auth->nonce);
    free_bytes(auth->env, &auth->algorithms);
    explicit_bzero(auth->key, sizeof auth->key);
}

hf_err hf_turn_auth_offer(turn_auth *auth, const char *username, const char *password)
{
    char *user, *secret;
    hf_err err = copy_credentials(auth->env, username, password, &user, &secret);
    if (err)
        return err;
    wipe_text(auth->env, &auth->next_username);
    wipe_text(auth->env, &auth->next_password);
    auth->next_username = user;
    auth->next_password = secret;
    return HF_OK;
}

static bool derive_key(turn_auth *auth)
{
    hf_bytes user = hf_bytes_of_text(auth->username), password = hf_bytes_of_text(auth->password);
    bool is_sha256 = auth->algorithm == ALGORITHM_SHA256;
    auth->key_len = is_sha256 ? 32 : 16;
    return is_sha256 ? hf_stun_long_term_key_sha256(user, view(&auth->realm), password, auth->key)
                     : hf_stun_long_term_key_md5(user, view(&auth->realm), password, auth->key);
}

static bool is_same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

bool hf_turn_auth_adopt(turn_auth *auth)
{
    if (!auth->next_username)
        return false;
    /* RFC 8489 §9.2.5: no retry "if it is not changing the USERNAME, USERHASH, REALM, or its associated password". */
    bool is_same = is_same_text(auth->username, auth->next_username) && is_same_text(auth->password, auth->next_password);
    wipe_text(auth->env, &auth->username);
    wipe_text(auth->env, &auth->password);
    auth->username = auth->next_username;
    auth->password = auth->next_password;
    auth->next_username = auth->next_password = NULL;
    if (is_same && auth->are_refused)
        return false;
    auth->are_refused = false;
    return !auth->is_challenged || derive_key(auth);
}

static int base64_value(uint8_t c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The bits behind the cookie; 0: a nonce without it. */
static uint32_t features_of(hf_bytes nonce)
{
    size_t prefix = strlen(COOKIE);
    if (nonce.len < COOKIE_SIZE || memcmp(nonce.data, COOKIE, prefix) != 0)
        return 0;
    uint32_t bits = 0;
    for (size_t i = prefix; i < COOKIE_SIZE; i++) {
        int value = base64_value(nonce.data[i]);
        if (value < 0)
            return 0;
        bits = bits << 6 | (uint32_t)value;
    }
    return bits;
}

/* The first algorithm of the list that is known; 0: there is none, or the list is malformed. */
static uint16_t first_known(hf_bytes list)
{
    hf_reader r = hf_reader_of(list);
    uint16_t found = 0;
    while (r.ok && r.rest.len > 0) {
        uint16_t algorithm = hf_read_u16(&r);
        uint16_t len = hf_read_u16(&r);
        hf_read_skip(&r, (len + 3u) & ~3u);
        bool is_known = len == 0 && (algorithm == ALGORITHM_MD5 || algorithm == ALGORITHM_SHA256);
        if (found == 0 && is_known)
            found = algorithm;
    }
    return r.ok ? found : 0;
}

/* What a response of 401 or 438 says. */
typedef struct challenge {
    hf_bytes realm, nonce, algorithms;
    uint16_t algorithm;
    uint32_t features;
} challenge;

static bool read_challenge(const turn_auth *auth, const hf_stun_message *response, unsigned code, challenge *out)
{
    *out = (challenge){.realm = view(&auth->realm)};
    if (!hf_stun_find(response, HF_STUN_NONCE, &out->nonce) || out->nonce.len > HF_TURN_NONCE_MAX)
        return false;
    bool has_realm = hf_stun_find(response, HF_STUN_REALM, &out->realm);
    if (out->realm.len > HF_TURN_REALM_MAX || (!has_realm && (code == 401 || !auth->is_challenged)))
        return false;

    out->features = features_of(out->nonce);
    bool has_algorithms = hf_stun_find(response, HF_STUN_PASSWORD_ALGORITHMS, &out->algorithms);
    if (has_algorithms)
        out->algorithm = first_known(out->algorithms);
    /* RFC 8489 §9.2.5: whoever took the list away wants MD5; and "if … this attribute does not contain any algorithm that is
     * supported by the client, then the client MUST NOT retry". */
    if ((out->features & FEATURE_PASSWORD_ALGORITHMS) && !has_algorithms)
        return false;
    if (has_algorithms && (out->algorithm == 0 || out->algorithms.len > ALGORITHMS_SIZE_MAX))
        return false;
    size_t user_len = auth->username ? strlen(auth->username) : HF_TURN_USERNAME_MAX;
    return user_len + out->realm.len + out->nonce.len <= HF_TURN_CHALLENGE_MAX;
}

static bool copy_bytes(const hf_env *env, hf_bytes from, turn_bytes *out)
{
    *out = (turn_bytes){.data = hf_alloc_unfilled(env, from.len), .len = from.len};
    if (out->data && from.len > 0)
        memcpy(out->data, from.data, from.len);
    return out->data != NULL;
}

static bool remember(turn_auth *auth, const challenge *c)
{
    turn_bytes realm = {0}, nonce = {0}, algorithms = {0};
    if (!copy_bytes(auth->env, c->realm, &realm) || !copy_bytes(auth->env, c->nonce, &nonce) ||
        !copy_bytes(auth->env, c->algorithms, &algorithms)) {
        free_bytes(auth->env, &realm);
        free_bytes(auth->env, &nonce);
        free_bytes(auth->env, &algorithms);
        return false;
    }
    free_bytes(auth->env, &auth->realm);
    free_bytes(auth->env, &auth->nonce);
    free_bytes(auth->env, &auth->algorithms);
    auth->realm = realm;
    auth->nonce = nonce;
    auth->algorithms = algorithms;
    auth->algorithm = c->algorithm;
    auth->hides_username = (c->features & FEATURE_USERNAME_ANONYMITY) != 0;
    auth->is_challenged = true;
    return true;
}

turn_verdict hf_turn_auth_challenge(turn_auth *auth, const hf_stun_message *response, unsigned code, bool was_signed)
{
    challenge c;
    if (!read_challenge(auth, response, code, &c))
        return TURN_AUTH_BROKEN;
    bool is_new_realm = !hf_bytes_equal(c.realm, view(&auth->realm));
    if (!remember(auth, &c))
        return TURN_AUTH_NO_MEMORY;
    if (code == 401 && was_signed && !is_new_realm)
        auth->are_refused = true;
    if (!auth->username || auth->are_refused)
        return hf_turn_auth_adopt(auth) ? TURN_AUTH_RETRY : TURN_AUTH_NEEDS_USER;
    return derive_key(auth) ? TURN_AUTH_RETRY : TURN_AUTH_BROKEN;
}

static void add_user(const turn_auth *auth, hf_stun_writer *s)
{
    if (!auth->hides_username) {
        hf_stun_add(s, HF_STUN_USERNAME, hf_bytes_of_text(auth->username));
        return;
    }
    /* RFC 8489 §14.4: "userhash = SHA-256(OpaqueString(username) ":" OpaqueString(realm))". */
    uint8_t joined[HF_TURN_USERNAME_MAX + 1 + HF_TURN_REALM_MAX], hash[32];
    hf_writer w = hf_writer_of(joined, sizeof joined);
    hf_write_bytes(&w, hf_bytes_of_text(auth->username));
    hf_write_u8(&w, ':');
    hf_write_bytes(&w, view(&auth->realm));
    hf_sha256(hf_bytes_of(joined, w.len), hash);
    hf_stun_add(s, HF_STUN_USERHASH, hf_bytes_of(hash, sizeof hash));
}

bool hf_turn_auth_signs(const turn_auth *auth)
{
    return auth->is_challenged && auth->username;
}

void hf_turn_auth_sign(const turn_auth *auth, hf_stun_writer *s)
{
    if (!hf_turn_auth_signs(auth))
        return;
    hf_bytes key = hf_bytes_of(auth->key, auth->key_len);
    add_user(auth, s);
    hf_stun_add(s, HF_STUN_REALM, view(&auth->realm));
    hf_stun_add(s, HF_STUN_NONCE, view(&auth->nonce));
    if (auth->algorithm == 0) {
        hf_stun_add_integrity(s, key);
        return;
    }
    /* RFC 8489 §9.2.5: "If the response contains a PASSWORD-ALGORITHMS attribute, all the subsequent requests MUST be
     * authenticated using MESSAGE-INTEGRITY-SHA256 only." */
    hf_stun_add(s, HF_STUN_PASSWORD_ALGORITHMS, view(&auth->algorithms));
    hf_stun_add_u32(s, HF_STUN_PASSWORD_ALGORITHM, (uint32_t)auth->algorithm << 16);
    hf_stun_add_integrity256(s, key);
}

bool hf_turn_auth_verify(const turn_auth *auth, const hf_stun_message *response)
{
    hf_bytes key = hf_bytes_of(auth->key, auth->key_len);
    return auth->algorithm == 0 ? hf_stun_verify_integrity(response, key) : hf_stun_verify_integrity256(response, key);
}
