/* association.c: what descriptions say of DTLS and SCTP: fingerprints, tls-id (RFC 8842), max-message-size (RFC 8841). */
#include "duo.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static size_t count(const char *sdp, const char *line)
{
    size_t n = 0;
    for (const char *at = sdp; (at = strstr(at, line)); at++)
        n++;
    return n;
}

static char *without(const char *sdp, const char *line)
{
    const char *at = strstr(sdp, line);
    cr_assert_not_null(at);
    char *out = strdup(sdp);
    strcpy(out + (at - sdp), strstr(at, "\r\n") + 2);
    return out;
}

/* --- Fingerprints --- */

static hf_err new_peer(duo *d, unsigned fingerprints)
{
    hf_peer_config config = {.engine = d->engine, .certificate = d->certificate, .fingerprints = fingerprints};
    return hf_peer_new(&d->peer[0], &config, &d->env.env);
}

Test(peer_association, shows_each_fingerprint_that_is_wanted)
{
    static const struct {
        unsigned wanted;
        size_t sha256, sha384, sha512;
    } rows[] = {{0, 1, 0, 0},
                {1u << HF_SHA256, 1, 0, 0},
                {1u << HF_SHA512, 0, 0, 1},
                {1u << HF_SHA256 | 1u << HF_SHA384 | 1u << HF_SHA512, 1, 1, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        duo d;
        duo_init(&d, 0);
        cr_assert_eq(new_peer(&d, rows[i].wanted), HF_OK);
        const char *sdp = duo_set_local(&d, 0, HF_SDP_OFFER);
        cr_expect_eq(count(sdp, "a=fingerprint:sha-256 "), rows[i].sha256);
        cr_expect_eq(count(sdp, "a=fingerprint:sha-384 "), rows[i].sha384);
        cr_expect_eq(count(sdp, "a=fingerprint:sha-512 "), rows[i].sha512);
        duo_clear(&d);
    }
}

Test(peer_association, a_fingerprint_of_no_hash_is_refused)
{
    duo d;
    duo_init(&d, 0);
    cr_expect_eq(new_peer(&d, 1u << HF_HASH_NONE), HF_EINVAL);
    cr_expect_eq(new_peer(&d, 1u << (HF_SHA512 + 1)), HF_EINVAL);
    duo_clear(&d);
}

Test(peer_association, fingerprints_may_change_places_but_not_come_or_go)
{
    duo d;
    duo_init(&d, 0);
    cr_assert_eq(new_peer(&d, 1u << HF_SHA256 | 1u << HF_SHA512), HF_OK);
    hf_peer_config config = {.engine = d.engine, .certificate = d.certificate};
    cr_assert_eq(hf_peer_new(&d.peer[1], &config, &d.env.env), HF_OK);
    duo_agree(&d, 0);
    const char *offer = duo_set_local(&d, 0, HF_SDP_OFFER);
    char *value = duo_value(offer, "a=fingerprint:sha-256 "), *fewer = without(offer, "a=fingerprint:sha-256 ");
    cr_expect_eq(hf_peer_set_remote_description(d.peer[1], d.now, HF_SDP_OFFER, fewer), HF_ENOTSUP);
    cr_expect_not_null(strstr(hf_peer_error_text(d.peer[1]), "fingerprint"));
    char line[256] = "a=fingerprint:SHA-256 ";
    strcat(strcat(line, value), "\r\na=setup:");
    char *moved = duo_replace(fewer, "a=setup:", line);
    duo_set_remote(&d, 1, HF_SDP_OFFER, moved);
    free(value);
    free(fewer);
    free(moved);
    duo_clear(&d);
}

/* --- tls-id (RFC 8842 §4, §5) --- */

Test(peer_association, keeps_its_tls_id_and_shows_it_to_those_who_have_one)
{
    duo d;
    duo_init(&d, 2);
    char *first = duo_value(duo_set_local(&d, 0, HF_SDP_OFFER), "a=tls-id:");
    cr_expect_geq(strlen(first), 20);
    const char *offer = duo_set_local(&d, 0, HF_SDP_OFFER);
    char *bare = without(offer, "a=tls-id:");
    duo_set_remote(&d, 1, HF_SDP_OFFER, bare);
    const char *answer = duo_set_local(&d, 1, HF_SDP_ANSWER);
    cr_expect_eq(count(answer, "a=tls-id:"), 0, "RFC 8842 §5.3: only where the offer has one");
    duo_set_remote(&d, 0, HF_SDP_ANSWER, answer);
    char *later = duo_value(duo_set_local(&d, 0, HF_SDP_OFFER), "a=tls-id:");
    cr_expect_str_eq(first, later);
    duo_set_remote(&d, 1, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER));
    char *other = duo_value(duo_set_local(&d, 1, HF_SDP_ANSWER), "a=tls-id:");
    cr_expect_str_neq(first, other);
    free(first);
    free(bare);
    free(later);
    free(other);
    duo_clear(&d);
}

/* --- max-message-size --- */

static const struct {
    const char *why;
    const char *line; /* instead of a=max-message-size:262144 */
    size_t longest;   /* that may be sent */
} sizes[] = {
    {"said", "a=max-message-size:1000", 1000},
    {"not said: RFC 8841 §6.1", "a=x-max:0", 65536},
    {"any: RFC 8841 §6.1", "a=max-message-size:0", 1000000},
    {"as much as there is", "a=max-message-size:18446744073709551615", 1000000},
};

static void expect_longest(duo *d, hf_datachannel channel, const char *why, size_t longest)
{
    char *message = calloc(1, longest + 1);
    cr_assert_not_null(message);
    cr_expect_eq(hf_peer_send(d->peer[0], d->now, channel, HF_BINARY, message, longest), HF_OK, "%s", why);
    hf_err err =
        longest < 1000000 ? hf_peer_send(d->peer[0], d->now, channel, HF_BINARY, message, longest + 1) : HF_EMSGSIZE;
    cr_expect_eq(err, HF_EMSGSIZE, "%s: %s", why, hf_err_name(err));
    free(message);
}

Test(peer_association, a_message_is_no_longer_than_the_remote_takes_now)
{
    duo d;
    hf_datachannel channel;
    duo_init(&d, 2);
    cr_assert_eq(hf_peer_open_channel(d.peer[0], d.now, NULL, &channel), HF_OK);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) { /* the first agreement, and later ones */
        duo_set_remote(&d, 1, HF_SDP_OFFER, duo_set_local(&d, 0, HF_SDP_OFFER));
        char *answer = duo_replace(duo_set_local(&d, 1, HF_SDP_ANSWER), "a=max-message-size:262144", sizes[i].line);
        duo_set_remote(&d, 0, HF_SDP_ANSWER, answer);
        expect_longest(&d, channel, sizes[i].why, sizes[i].longest);
        free(answer);
    }
    duo_clear(&d);
}

/* --- The old form --- */

Test(peer_association, the_old_form_is_answered_in_the_old_form)
{
    duo d;
    duo_init(&d, 2);
    char *line = duo_replace(duo_set_local(&d, 1, HF_SDP_OFFER), "UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5001");
    char *offer = duo_replace(line, "a=sctp-port:5000", "a=sctpmap:5001 webrtc-datachannel 65535");
    duo_set_remote(&d, 0, HF_SDP_OFFER, offer);
    const char *answer = duo_set_local(&d, 0, HF_SDP_ANSWER);
    cr_expect_not_null(strstr(answer, " DTLS/SCTP 5000\r\n"), "the number is the writer's own port");
    cr_expect_not_null(strstr(answer, "a=sctpmap:5000 webrtc-datachannel 1024\r\n"));
    cr_expect_null(strstr(answer, "a=sctp-port"));
    free(line);
    free(offer);
    duo_clear(&d);
}

Test(peer_association, says_what_it_can_do)
{
    duo d;
    duo_init(&d, 1);
    const char *sdp = duo_set_local(&d, 0, HF_SDP_OFFER);
    cr_expect_not_null(strstr(sdp, "a=ice-options:trickle ice2 renomination\r\n"));
    cr_expect_not_null(strstr(sdp, "a=max-message-size:262144\r\n"));
    cr_expect_not_null(strstr(sdp, "a=setup:actpass\r\n"));
    duo_clear(&d);
}
