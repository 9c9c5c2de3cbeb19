/* candidate.c: a candidate as text (RFC 8839 §5.1, RFC 6544 §4.5 for TCP). */
#include "ice_priv.h"

#include <stdio.h>

static const char *const type_names[] = {
    [HF_ICE_HOST] = "host",
    [HF_ICE_SERVER_REFLEXIVE] = "srflx",
    [HF_ICE_PEER_REFLEXIVE] = "prflx",
    [HF_ICE_RELAYED] = "relay",
};

static const char *const tcp_names[] = {
    [HF_ICE_TCP_NONE] = "",
    [HF_ICE_TCP_ACTIVE] = "active",
    [HF_ICE_TCP_PASSIVE] = "passive",
    [HF_ICE_TCP_SO] = "so",
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const char *hf_ice_candidate_type_name(hf_ice_candidate_type type)
{
    return (size_t)type < COUNT(type_names) ? type_names[type] : "";
}

const char *hf_ice_tcp_type_name(hf_ice_tcp_type type)
{
    return (size_t)type < COUNT(tcp_names) ? tcp_names[type] : "";
}

/* Takes the next word, which ends at a space or the end. False: there is none. */
static bool next_word(hf_bytes *rest, hf_bytes *word)
{
    size_t from = 0;
    while (from < rest->len && rest->data[from] == ' ')
        from++;
    size_t to = from;
    while (to < rest->len && rest->data[to] != ' ')
        to++;
    *word = hf_bytes_of(rest->data + from, to - from);
    *rest = hf_bytes_of(rest->data + to, rest->len - to);
    return to > from;
}

static bool skip_prefix(hf_bytes *text, const char *prefix)
{
    size_t len = strlen(prefix);
    if (text->len < len || !hf_bytes_equal_text_nocase(hf_bytes_of(text->data, len), prefix))
        return false;
    *text = hf_bytes_of(text->data + len, text->len - len);
    return true;
}

bool hf_ice_is_ice_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* Copies a word of at most `cap` - 1 characters, all of them accepted by `is_allowed`. */
static bool copy_word(char *out, size_t cap, hf_bytes word, bool (*is_allowed)(uint8_t))
{
    if (word.len == 0 || word.len >= cap)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if (!is_allowed(word.data[i]))
            return false;
    }
    memcpy(out, word.data, word.len);
    out[word.len] = '\0';
    return true;
}

/* RFC 8839 §5.1 allows a FQDN as connection-address; browsers put mDNS names there. Underscores occur in the wild. */
static bool is_name_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static bool read_number(hf_bytes *rest, uint64_t max, uint64_t *out)
{
    hf_bytes word;
    return next_word(rest, &word) && hf_parse_decimal(word, max, out);
}

static bool read_address(hf_bytes *rest, hf_ice_candidate *out)
{
    hf_bytes word;
    uint64_t port;
    if (!next_word(rest, &word))
        return false;
    hf_addr addr = {0};
    bool is_address = hf_addr_parse((const char *)word.data, word.len, &addr) && addr.port == 0 && word.data[0] != '[';
    if (!is_address && (memchr(word.data, ':', word.len) || !copy_word(out->name, sizeof out->name, word, is_name_char)))
        return false;
    if (!read_number(rest, UINT16_MAX, &port))
        return false;
    out->addr = addr; /* no address where there is a name */
    out->addr.port = (uint16_t)port;
    return true;
}

/* Sets the address of raddr, or the port of rport. A name is somebody's way to hide the address: absent. */
static bool read_related(hf_ice_candidate *out, hf_bytes name, hf_bytes value)
{
    hf_addr addr = {0};
    uint64_t port;
    if (hf_bytes_equal_text(name, "raddr")) {
        if (hf_addr_parse((const char *)value.data, value.len, &addr) && addr.port == 0)
            out->related = addr;
        return true;
    }
    if (!hf_parse_decimal(value, UINT16_MAX, &port))
        return false;
    if (out->related.family != HF_FAMILY_NONE)
        out->related.port = (uint16_t)port;
    return true;
}

static bool read_tcp_type(hf_ice_candidate *out, hf_bytes value)
{
    for (size_t i = HF_ICE_TCP_ACTIVE; i < COUNT(tcp_names); i++) {
        if (hf_bytes_equal_text_nocase(value, tcp_names[i])) {
            out->tcp_type = (hf_ice_tcp_type)i;
            return true;
        }
    }
    return false;
}

/* The rest is name and value in turn. Unknown names are skipped, as RFC 8839 §5.1 asks. */
static bool read_extensions(hf_bytes *rest, hf_ice_candidate *out)
{
    hf_bytes name, value;
    while (next_word(rest, &name)) {
        if (!next_word(rest, &value))
            return false;
        if (hf_bytes_equal_text(name, "raddr") || hf_bytes_equal_text(name, "rport")) {
            if (!read_related(out, name, value))
                return false;
        } else if (hf_bytes_equal_text(name, "tcptype")) {
            if (!read_tcp_type(out, value))
                return false;
        } else if (hf_bytes_equal_text(name, "ufrag")) {
            if (!copy_word(out->ufrag, sizeof out->ufrag, value, hf_ice_is_ice_char))
                return false;
        }
    }
    return true;
}

static bool read_type(hf_bytes word, hf_ice_candidate_type *out)
{
    for (size_t i = 0; i < COUNT(type_names); i++) {
        if (hf_bytes_equal_text(word, type_names[i])) {
            *out = (hf_ice_candidate_type)i;
            return true;
        }
    }
    return false;
}

/* A line end, as files and descriptions have it, is not part of the candidate; nothing else below space may stand in it. */
static bool trim(hf_bytes *text)
{
    while (text->len > 0 && (text->data[text->len - 1] == '\r' || text->data[text->len - 1] == '\n'))
        text->len--;
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] < ' ' || text->data[i] > '~')
            return false;
    }
    return true;
}

hf_err hf_ice_candidate_parse(const char *text, size_t len, hf_ice_candidate *out)
{
    if (!text || !out)
        return HF_EINVAL;
    hf_ice_candidate c = {0};
    hf_bytes rest = hf_bytes_of(text, len), word, transport, type;
    uint64_t component, priority;

    if (len >= HF_ICE_CANDIDATE_TEXT_SIZE || !trim(&rest))
        return HF_ESYNTAX;
    skip_prefix(&rest, "a=");
    if (!skip_prefix(&rest, "candidate:") || rest.len == 0 || rest.data[0] == ' ')
        return HF_ESYNTAX;
    if (!next_word(&rest, &word) || !copy_word(c.foundation, sizeof c.foundation, word, hf_ice_is_ice_char))
        return HF_ESYNTAX;
    if (!read_number(&rest, 256, &component) || component == 0 || !next_word(&rest, &transport))
        return HF_ESYNTAX;
    /* RFC 8445 §5.1.2: a priority is between 1 and 2^31 - 1. Some senders use the bit above; it does no harm. */
    if (!read_number(&rest, UINT32_MAX, &priority) || !read_address(&rest, &c))
        return HF_ESYNTAX;
    if (!next_word(&rest, &word) || !hf_bytes_equal_text(word, "typ") || !next_word(&rest, &type))
        return HF_ESYNTAX;
    bool type_is_known = read_type(type, &c.type);
    if (!read_extensions(&rest, &c))
        return HF_ESYNTAX;

    bool is_tcp = hf_bytes_equal_text_nocase(transport, "tcp");
    if (!type_is_known || (!is_tcp && !hf_bytes_equal_text_nocase(transport, "udp")))
        return HF_ENOTSUP;
    if (is_tcp != (c.tcp_type != HF_ICE_TCP_NONE))
        return HF_ESYNTAX; /* RFC 6544 §4.5: tcptype stands in every TCP candidate, and in no other */
    c.component = (uint16_t)component;
    c.priority = (uint32_t)priority;
    *out = c;
    return HF_OK;
}

size_t hf_ice_candidate_write(const hf_ice_candidate *candidate, char text[HF_ICE_CANDIDATE_TEXT_SIZE])
{
    const hf_ice_candidate *c = candidate;
    char ip[HF_ADDR_TEXT_SIZE];
    hf_addr addr = c->addr;
    addr.scope = 0; /* a zone means nothing to another machine */
    size_t len = 0;

#define APPEND(...)                                                                                                         \
    do {                                                                                                                    \
        int n = snprintf(text + len, HF_ICE_CANDIDATE_TEXT_SIZE - len, __VA_ARGS__);                                        \
        if (n < 0 || (size_t)n >= HF_ICE_CANDIDATE_TEXT_SIZE - len) {                                                       \
            text[len] = '\0'; /* what does not fit is left out whole; only a long name with a long ufrag comes to that */   \
            return len;                                                                                                     \
        }                                                                                                                   \
        len += (size_t)n;                                                                                                   \
    } while (0)

    APPEND("candidate:%s %u %s %u %s %u typ %s", c->foundation, (unsigned)c->component,
           c->tcp_type == HF_ICE_TCP_NONE ? "udp" : "tcp", (unsigned)c->priority,
           addr.family == HF_FAMILY_NONE ? c->name : hf_addr_write_ip(&addr, ip), (unsigned)addr.port,
           hf_ice_candidate_type_name(c->type));
    if (c->related.family != HF_FAMILY_NONE) {
        hf_addr related = c->related;
        related.scope = 0;
        APPEND(" raddr %s rport %u", hf_addr_write_ip(&related, ip), (unsigned)related.port);
    }
    if (c->tcp_type != HF_ICE_TCP_NONE)
        APPEND(" tcptype %s", hf_ice_tcp_type_name(c->tcp_type));
    if (c->ufrag[0] != '\0')
        APPEND(" ufrag %s", c->ufrag);
#undef APPEND
    return len;
}
