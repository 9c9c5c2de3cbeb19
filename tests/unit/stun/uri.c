/* uri.c: STUN and TURN URIs. */
#include "stun_uri.h"

#include <criterion/criterion.h>
#include <string.h>

typedef struct sample {
    const char *text;
    hf_err err;
    const char *host;
    uint16_t port;
    const char *kind; /* T: TURN; u: UDP, t: TCP, s: TLS */
    const char *why;
} sample;

static const sample samples[] = {
    {"stun:example.org", HF_OK, "example.org", 3478, "u", "RFC 7064 §B: the default port"},
    {"stun:example.org:1", HF_OK, "example.org", 1, "u", "a port"},
    {"STUN:192.0.2.1:65535", HF_OK, "192.0.2.1", 65535, "u", "an address; schemes have no case"},
    {"stun:[2001:db8::1]", HF_OK, "2001:db8::1", 3478, "u", "IPv6"},
    {"stun:[2001:db8::1]:99", HF_OK, "2001:db8::1", 99, "u", "IPv6 with port"},
    {"turn:example.org", HF_OK, "example.org", 3478, "Tu", "RFC 7065 §B"},
    {"turns:example.org", HF_OK, "example.org", 5349, "Ts", "RFC 7065 §B: TLS over TCP"},
    {"turn:example.org:8000", HF_OK, "example.org", 8000, "Tu", "RFC 7065 §B"},
    {"turn:example.org?transport=udp", HF_OK, "example.org", 3478, "Tu", "RFC 7065 §B"},
    {"turn:example.org?transport=tcp", HF_OK, "example.org", 3478, "Tt", "RFC 7065 §B"},
    {"turns:example.org?transport=tcp", HF_OK, "example.org", 5349, "Ts", "RFC 7065 §B"},
    {"turns:example.org:443?TRANSPORT=TCP", HF_OK, "example.org", 443, "Ts", "ABNF has no case"},
    {"turn:[2001:db8::1]:99?transport=tcp", HF_OK, "2001:db8::1", 99, "Tt", "IPv6"},
    {"turns:[2001:db8::1]?transport=tcp", HF_OK, "2001:db8::1", 5349, "Ts", "IPv6 without port"},
    {"turns:example.org?transport=udp", HF_ENOTSUP, NULL, 0, NULL, "DTLS"},
    {"turn:example.org?transport=sctp", HF_ENOTSUP, NULL, 0, NULL, "another transport"},
    {"stuns:example.org", HF_ENOTSUP, NULL, 0, NULL, "STUN over TLS"},
    {NULL, HF_EINVAL, NULL, 0, NULL, "NULL"},
    {"", HF_EINVAL, NULL, 0, NULL, "nothing"},
    {"stun", HF_EINVAL, NULL, 0, NULL, "no colon"},
    {"stun:", HF_EINVAL, NULL, 0, NULL, "no host"},
    {"stuns:", HF_EINVAL, NULL, 0, NULL, "no host, whatever the scheme"},
    {"turn:?transport=udp", HF_EINVAL, NULL, 0, NULL, "no host before the query"},
    {":example.org", HF_EINVAL, NULL, 0, NULL, "no scheme"},
    {"http:example.org", HF_EINVAL, NULL, 0, NULL, "another scheme"},
    {"turnx:example.org", HF_EINVAL, NULL, 0, NULL, "a scheme that begins like one"},
    {"stun://example.org", HF_EINVAL, NULL, 0, NULL, "RFC 7064 has no slashes"},
    {"turn:alice@example.org", HF_EINVAL, NULL, 0, NULL, "RFC 7065 has no user"},
    {"turn:alice:rabbit@example.org", HF_EINVAL, NULL, 0, NULL, "nor a password"},
    {"stun:example.org:0", HF_EINVAL, NULL, 0, NULL, "port 0"},
    {"stun:example.org:65536", HF_EINVAL, NULL, 0, NULL, "a port above 16 bits"},
    {"stun:example.org:", HF_EINVAL, NULL, 0, NULL, "no port behind the colon"},
    {"turn:example.org:?transport=udp", HF_EINVAL, NULL, 0, NULL, "nor before the query"},
    {"turn:example.org:-1", HF_EINVAL, NULL, 0, NULL, "a sign"},
    {"stun:exa mple.org", HF_EINVAL, NULL, 0, NULL, "a space"},
    {"stun:example.org\n", HF_EINVAL, NULL, 0, NULL, "a line end"},
    {"stun:[2001:db8::1", HF_EINVAL, NULL, 0, NULL, "a bracket is open"},
    {"stun:[]", HF_EINVAL, NULL, 0, NULL, "nothing in the brackets"},
    {"stun:[10.0.0.1]", HF_EINVAL, NULL, 0, NULL, "IPv4 in brackets"},
    {"stun:2001:db8::1", HF_EINVAL, NULL, 0, NULL, "IPv6 without brackets"},
    {"stun:[2001:db8::1]x", HF_EINVAL, NULL, 0, NULL, "something behind the bracket"},
    {"stun:example.org?transport=udp", HF_EINVAL, NULL, 0, NULL, "RFC 7064 has no query"},
    {"turn:example.org?", HF_EINVAL, NULL, 0, NULL, "an empty query"},
    {"turn:example.org?transport", HF_EINVAL, NULL, 0, NULL, "no value"},
    {"turn:example.org?transport=", HF_EINVAL, NULL, 0, NULL, "an empty value"},
    {"turn:example.org?proto=udp", HF_EINVAL, NULL, 0, NULL, "another parameter"},
    {"turn:example.org?transport=udp&x=1", HF_EINVAL, NULL, 0, NULL, "a second one"},
};

Test(stun_uri, uris_are_read_as_their_grammar_has_them)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const sample *s = &samples[i];
        hf_stun_uri uri = {.port = 7};
        cr_expect_eq(hf_stun_uri_parse(s->text, &uri), s->err, "%s: %s", s->text, s->why);
        if (s->err != HF_OK) {
            cr_expect_eq(uri.port, 7, "%s: nothing is written", s->text);
            continue;
        }
        bool is_tls = strchr(s->kind, 's') != NULL, is_tcp = is_tls || strchr(s->kind, 't') != NULL;
        cr_expect(hf_bytes_equal_text(uri.host, s->host), "%s: %s", s->text, s->why);
        cr_expect_eq(uri.port, s->port, "%s: %s", s->text, s->why);
        cr_expect_eq(uri.turn, s->kind[0] == 'T', "%s: %s", s->text, s->why);
        cr_expect_eq(uri.tls, is_tls, "%s: %s", s->text, s->why);
        cr_expect_eq(uri.transport, is_tcp ? HF_TCP : HF_UDP, "%s: %s", s->text, s->why);
    }
}

Test(stun_uri, a_host_is_as_long_as_a_name_may_be)
{
    char text[300] = "stun:";
    hf_stun_uri uri;
    memset(text + 5, 'a', 253);
    cr_expect_eq(hf_stun_uri_parse(text, &uri), HF_OK);
    text[5 + 253] = 'a';
    cr_expect_eq(hf_stun_uri_parse(text, &uri), HF_EINVAL);
}
