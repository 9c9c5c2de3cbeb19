/* uri.c: STUN and TURN URIs (RFC 7064 §3.1, RFC 7065 §3.1). */
#include "stun_uri.h"

#include <string.h>

/* RFC 8489 §8.1, RFC 8656 §5: "the default port for … over UDP and TCP is 3478", and 5349 over TLS. */
#define PORT 3478
#define PORT_TLS 5349

/* RFC 1035 §2.3.4. */
#define HOST_SIZE_MAX 253

typedef struct uri_scheme {
    const char *name;
    bool turn, tls;
} uri_scheme;

static const uri_scheme schemes[] = {
    {"stun", false, false},
    {"stuns", false, true},
    {"turn", true, false},
    {"turns", true, true},
};

static hf_bytes behind(hf_bytes text, size_t len)
{
    return hf_bytes_of(text.data + len, text.len - len);
}

static const uri_scheme *take_scheme(hf_bytes *rest)
{
    const uint8_t *colon = rest->len > 0 ? memchr(rest->data, ':', rest->len) : NULL;
    if (!colon)
        return NULL;
    hf_bytes name = hf_bytes_of(rest->data, (size_t)(colon - rest->data));
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (hf_bytes_equal_text_nocase(name, schemes[i].name)) {
            *rest = behind(*rest, name.len + 1);
            return &schemes[i];
        }
    }
    return NULL;
}

/* A registered name in the letters that DNS uses; IPv4 addresses are those, too. */
static bool is_host(hf_bytes host)
{
    if (host.len == 0 || host.len > HOST_SIZE_MAX)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.data[i];
        bool is_allowed =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        if (!is_allowed)
            return false;
    }
    return true;
}

static bool take_bracketed(hf_bytes *rest, hf_bytes *host)
{
    const uint8_t *end = memchr(rest->data, ']', rest->len);
    hf_addr addr;
    if (!end)
        return false;
    *host = hf_bytes_of(rest->data + 1, (size_t)(end - rest->data) - 1);
    *rest = behind(*rest, host->len + 2);
    return hf_addr_parse((const char *)host->data, host->len, &addr) && addr.family == HF_FAMILY_IPV6 && addr.port == 0;
}

static bool take_host(hf_bytes *rest, hf_bytes *host)
{
    if (rest->len > 0 && rest->data[0] == '[')
        return take_bracketed(rest, host);
    size_t len = 0;
    while (len < rest->len && rest->data[len] != ':' && rest->data[len] != '?')
        len++;
    *host = hf_bytes_of(rest->data, len);
    *rest = behind(*rest, len);
    return is_host(*host);
}

static bool take_port(hf_bytes *rest, uint16_t *port)
{
    if (rest->len == 0 || rest->data[0] != ':')
        return true;
    size_t len = 1;
    while (len < rest->len && rest->data[len] != '?')
        len++;
    uint64_t number;
    if (!hf_parse_decimal(hf_bytes_of(rest->data + 1, len - 1), UINT16_MAX, &number) || number == 0)
        return false;
    *port = (uint16_t)number;
    *rest = behind(*rest, len);
    return true;
}

/* RFC 7065 §3.1: transport = "udp" / "tcp" / transport-ext, and that is 1*unreserved. */
static bool is_unreserved(hf_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '~' && !is_host(hf_bytes_of(text.data + i, 1)))
            return false;
    }
    return text.len > 0;
}

static hf_err read_query(hf_bytes query, hf_stun_uri *uri)
{
    static const char name[] = "?transport=";
    size_t len = sizeof name - 1;
    if (query.len == 0)
        return HF_OK;
    if (!uri->turn || query.len < len || !hf_bytes_equal_text_nocase(hf_bytes_of(query.data, len), name))
        return HF_EINVAL;
    hf_bytes transport = behind(query, len);
    if (!is_unreserved(transport))
        return HF_EINVAL;
    bool is_udp = hf_bytes_equal_text_nocase(transport, "udp");
    if (!is_udp && !hf_bytes_equal_text_nocase(transport, "tcp"))
        return HF_ENOTSUP;
    uri->transport = is_udp ? HF_UDP : HF_TCP;
    return HF_OK;
}

hf_err hf_stun_uri_parse(const char *text, hf_stun_uri *out)
{
    hf_bytes rest = hf_bytes_of_text(text);
    const uri_scheme *scheme = take_scheme(&rest);
    if (!scheme)
        return HF_EINVAL;

    hf_stun_uri uri = {.turn = scheme->turn,
                       .tls = scheme->tls,
                       .transport = scheme->tls ? HF_TCP : HF_UDP,
                       .port = scheme->tls ? PORT_TLS : PORT};
    if (!take_host(&rest, &uri.host) || !take_port(&rest, &uri.port))
        return HF_EINVAL;
    hf_err err = read_query(rest, &uri);
    if (err)
        return err;
    if (uri.tls && (!uri.turn || uri.transport == HF_UDP))
        return HF_ENOTSUP;
    *out = uri;
    return HF_OK;
}
