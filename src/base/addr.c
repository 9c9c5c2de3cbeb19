/* addr.c: IP addresses, and their text both ways (RFC 4291 §2.2, RFC 5952). Written out, so that it needs no operating
 * system. */
#include "bytes.h"

#include <stdio.h>
#include <string.h>

static bool parse_ipv4(hf_bytes text, uint8_t out[4])
{
    for (int i = 0; i < 4; i++) {
        const uint8_t *dot = i < 3 ? memchr(text.data, '.', text.len) : text.data + text.len;
        if (!dot)
            return false;
        hf_bytes part = hf_bytes_of(text.data, (size_t)(dot - text.data));
        uint64_t value;
        if (part.len > 3 || (part.len > 1 && part.data[0] == '0') || !hf_parse_decimal(part, 255, &value))
            return false; /* "010" is octal to some and decimal to others: nobody's */
        out[i] = (uint8_t)value;
        size_t used = part.len + (i < 3 ? 1 : 0);
        text = hf_bytes_of(text.data + used, text.len - used);
    }
    return true;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Reads groups of hex digits until the text ends or "::" comes; an IPv4 address may stand for the last two groups.
 * Returns the number of bytes written, or -1. */
static int parse_groups(hf_bytes *text, uint8_t out[16], bool *gap)
{
    int len = 0;
    while (text->len > 0) {
        const uint8_t *at = text->data;
        size_t digits = 0;
        unsigned value = 0;
        while (digits < text->len && hex_digit(at[digits]) >= 0) {
            if (digits == 4)
                return -1;
            value = value << 4 | (unsigned)hex_digit(at[digits++]);
        }
        if (digits < text->len && at[digits] == '.') {
            if (len > 12 || !parse_ipv4(*text, out + len))
                return -1;
            *text = hf_bytes_of(at + text->len, 0);
            return len + 4;
        }
        if (digits == 0 || len > 14)
            return -1;
        out[len++] = (uint8_t)(value >> 8);
        out[len++] = (uint8_t)value;
        if (digits == text->len) {
            *text = hf_bytes_of(at + digits, 0);
            return len;
        }
        if (at[digits] != ':' || digits + 1 == text->len)
            return -1;
        bool is_gap = at[digits + 1] == ':';
        size_t used = digits + (is_gap ? 2 : 1);
        *text = hf_bytes_of(at + used, text->len - used);
        if (is_gap) {
            *gap = true;
            return len;
        }
    }
    return len;
}

static bool parse_ipv6(hf_bytes text, uint8_t out[16])
{
    uint8_t front[16] = {0}, back[16] = {0};
    bool gap = false, second_gap = false;
    int front_len = 0, back_len = 0;

    if (text.len >= 2 && text.data[0] == ':' && text.data[1] == ':') {
        gap = true;
        text = hf_bytes_of(text.data + 2, text.len - 2);
    } else {
        front_len = parse_groups(&text, front, &gap);
        if (front_len < 0)
            return false;
    }
    if (gap) {
        back_len = parse_groups(&text, back, &second_gap);
        if (back_len < 0 || second_gap || front_len + back_len > 14)
            return false;
    } else if (front_len != 16) {
        return false;
    }
    memset(out, 0, 16);
    memcpy(out, front, (size_t)front_len);
    memcpy(out + 16 - back_len, back, (size_t)back_len);
    return true;
}

bool hf_addr_parse(const char *text, size_t len, hf_addr *out)
{
    hf_bytes rest = hf_bytes_of(text, len), port = {NULL, 0}, zone = {NULL, 0};
    bool has_port = false, has_zone = false, bracketed = false;
    hf_addr addr = {0};
    uint64_t number = 0;

    if (!text || len == 0 || len >= HF_ADDR_TEXT_SIZE)
        return false;
    if (rest.data[0] == '[') {
        const uint8_t *end = memchr(rest.data, ']', rest.len);
        if (!end)
            return false;
        size_t after = (size_t)(end - rest.data) + 1;
        bracketed = true;
        if (after < rest.len) {
            if (rest.data[after] != ':')
                return false;
            has_port = true;
            port = hf_bytes_of(rest.data + after + 1, rest.len - after - 1);
        }
        rest = hf_bytes_of(rest.data + 1, after - 2);
    } else {
        const uint8_t *colon = memchr(rest.data, ':', rest.len);
        size_t before = colon ? (size_t)(colon - rest.data) : 0;
        if (colon && !memchr(colon + 1, ':', rest.len - before - 1)) { /* one colon only: IPv4 with a port */
            has_port = true;
            port = hf_bytes_of(colon + 1, rest.len - before - 1);
            rest = hf_bytes_of(rest.data, before);
        }
    }
    const uint8_t *percent = rest.len > 0 ? memchr(rest.data, '%', rest.len) : NULL;
    if (percent) {
        size_t before = (size_t)(percent - rest.data);
        has_zone = true;
        zone = hf_bytes_of(percent + 1, rest.len - before - 1);
        rest = hf_bytes_of(rest.data, before);
    }
    if (has_port) {
        if (!hf_parse_decimal(port, UINT16_MAX, &number))
            return false;
        addr.port = (uint16_t)number;
    }
    if (has_zone) {
        if (!hf_parse_decimal(zone, UINT32_MAX, &number))
            return false;
        addr.scope = (uint32_t)number;
    }
    if (!bracketed && !has_zone && rest.len > 0 && parse_ipv4(rest, addr.ip))
        addr.family = HF_FAMILY_IPV4;
    else if (!(has_port && !bracketed) && parse_ipv6(rest, addr.ip))
        addr.family = HF_FAMILY_IPV6;
    else
        return false;
    *out = addr;
    return true;
}

static void write_ipv6(const uint8_t ip[16], char *text, size_t size)
{
    unsigned group[8];
    int best = -1, best_len = 1; /* RFC 5952 §4.2.2: a single zero group is not shortened */
    for (int i = 0; i < 8; i++)
        group[i] = (unsigned)(ip[2 * i] << 8 | ip[2 * i + 1]);
    for (int i = 0; i < 8; i++) {
        int run = 0;
        while (i + run < 8 && group[i + run] == 0)
            run++;
        if (run > best_len) {
            best = i;
            best_len = run;
        }
    }
    if (best == 0 && (best_len == 5 && group[5] == 0xFFFF)) { /* RFC 5952 §5: IPv4-mapped */
        snprintf(text, size, "::ffff:%d.%d.%d.%d", ip[12], ip[13], ip[14], ip[15]);
        return;
    }
    size_t len = 0;
    text[0] = '\0';
    for (int i = 0; i < 8 && len < size; i++) {
        if (i == best) {
            len += (size_t)snprintf(text + len, size - len, "::");
            i += best_len - 1;
            continue;
        }
        bool first = i == 0 || (best >= 0 && i == best + best_len);
        len += (size_t)snprintf(text + len, size - len, first ? "%x" : ":%x", group[i]);
    }
}

const char *hf_addr_write_ip(const hf_addr *addr, char text[HF_ADDR_TEXT_SIZE])
{
    text[0] = '\0';
    switch (addr->family) {
    case HF_FAMILY_NONE:
        break;
    case HF_FAMILY_IPV4:
        snprintf(text, HF_ADDR_TEXT_SIZE, "%d.%d.%d.%d", addr->ip[0], addr->ip[1], addr->ip[2], addr->ip[3]);
        break;
    case HF_FAMILY_IPV6:
        write_ipv6(addr->ip, text, HF_ADDR_TEXT_SIZE);
        if (addr->scope != 0) {
            size_t len = strlen(text);
            snprintf(text + len, HF_ADDR_TEXT_SIZE - len, "%%%u", (unsigned)addr->scope);
        }
        break;
    }
    return text;
}

const char *hf_addr_write(const hf_addr *addr, char text[HF_ADDR_TEXT_SIZE])
{
    char ip[HF_ADDR_TEXT_SIZE];
    hf_addr_write_ip(addr, ip);
    if (addr->family == HF_FAMILY_NONE)
        text[0] = '\0';
    else
        snprintf(text, HF_ADDR_TEXT_SIZE, addr->family == HF_FAMILY_IPV6 ? "[%.60s]:%u" : "%.60s:%u", ip,
                 (unsigned)addr->port);
    return text;
}

bool hf_addr_equal_ip(const hf_addr *a, const hf_addr *b)
{
    return a->family == b->family && a->scope == b->scope && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool hf_addr_equal(const hf_addr *a, const hf_addr *b)
{
    return a->port == b->port && hf_addr_equal_ip(a, b);
}

static bool is_all_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

bool hf_addr_is_loopback(const hf_addr *addr)
{
    if (addr->family == HF_FAMILY_IPV4)
        return addr->ip[0] == 127;
    return addr->family == HF_FAMILY_IPV6 && is_all_zero(addr->ip, 15) && addr->ip[15] == 1;
}

bool hf_addr_is_link_local(const hf_addr *addr)
{
    if (addr->family == HF_FAMILY_IPV4)
        return addr->ip[0] == 169 && addr->ip[1] == 254;
    return addr->family == HF_FAMILY_IPV6 && addr->ip[0] == 0xFE && (addr->ip[1] & 0xC0) == 0x80;
}

bool hf_addr_is_unspecified(const hf_addr *addr)
{
    return addr->family != HF_FAMILY_NONE && is_all_zero(addr->ip, addr->family == HF_FAMILY_IPV4 ? 4 : 16);
}

bool hf_addr_is_multicast(const hf_addr *addr)
{
    if (addr->family == HF_FAMILY_IPV4)
        return (addr->ip[0] & 0xF0) == 0xE0 || memcmp(addr->ip, "\xFF\xFF\xFF\xFF", 4) == 0;
    return addr->family == HF_FAMILY_IPV6 && addr->ip[0] == 0xFF;
}
