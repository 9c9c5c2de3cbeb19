/* server_rules.c: which peers may be reached. A relay stands inside a network: whoever may use it could otherwise talk to
 * what trusts that network (RFC 8656 §21.4, CVE-2020-26262). */
#include "server_priv.h"

#include <string.h>

typedef struct range {
    uint8_t prefix; /* bits */
    uint8_t ip[16];
} range;

/* Not of the public internet: RFC 6890, and the registries that it founded. */
static const range reserved4[] = {
    {8, {0}},            /* "this network": RFC 1122 §3.2.1.3 */
    {8, {10}},           /* private: RFC 1918 */
    {10, {100, 64}},     /* carrier NAT: RFC 6598 */
    {8, {127}},          /* loopback */
    {16, {169, 254}},    /* link-local: RFC 3927 */
    {12, {172, 16}},     /* private */
    {24, {192, 0, 0}},   /* protocol assignments: RFC 6890 §2.1 */
    {24, {192, 88, 99}}, /* anycast of 6to4: RFC 7526 */
    {16, {192, 168}},    /* private */
    {4, {224}},          /* multicast */
    {4, {240}},          /* reserved, and broadcast */
};

static const range reserved6[] = {
    {96, {0}},                                  /* unspecified, loopback, IPv4-compatible: RFC 4291 §2.5 */
    {96, {[10] = 0xFF, [11] = 0xFF}},           /* IPv4-mapped */
    {96, {[8] = 0xFF, [9] = 0xFF}},             /* IPv4-translated: RFC 2765 */
    {48, {0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01}}, /* translators of the site: RFC 8215 */
    {64, {0x01}},                               /* discarded: RFC 6666 */
    {7, {0xFC}},                                /* unique local: RFC 4193 */
    {10, {0xFE, 0x80}},                         /* link-local */
    {10, {0xFE, 0xC0}},                         /* site-local: RFC 3879 */
    {8, {0xFF}},                                /* multicast */
};

static bool is_in(const uint8_t *ip, const uint8_t *first, unsigned prefix)
{
    unsigned whole = prefix / 8, rest = prefix % 8;
    if (memcmp(ip, first, whole) != 0)
        return false;
    return rest == 0 || ((ip[whole] ^ first[whole]) >> (8 - rest)) == 0;
}

static bool is_among(const uint8_t *ip, const range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_in(ip, ranges[i].ip, ranges[i].prefix))
            return true;
    }
    return false;
}

static bool is_public4(const uint8_t ip[4])
{
    return !is_among(ip, reserved4, sizeof reserved4 / sizeof *reserved4);
}

/* What comes out at the other end of a translator or tunnel. */
static bool has_inner(const uint8_t ip[16], uint8_t inner[4])
{
    static const uint8_t nat64[12] = {0x00, 0x64, 0xFF, 0x9B}; /* 64:ff9b::/96, RFC 6052 §2.1 */
    static const uint8_t teredo[4] = {0x20, 0x01};             /* 2001::/32, RFC 4380 §2.6: obfuscated by inversion */

    if (is_in(ip, nat64, 96)) {
        memcpy(inner, ip + 12, 4);
        return true;
    }
    if (ip[0] == 0x20 && ip[1] == 0x02) { /* 2002::/16, 6to4: RFC 3056 §2 */
        memcpy(inner, ip + 2, 4);
        return true;
    }
    if (is_in(ip, teredo, 32)) {
        for (int i = 0; i < 4; i++)
            inner[i] = (uint8_t)~ip[12 + i];
        return true;
    }
    return false;
}

bool hf_turn_is_public(const hf_addr *addr)
{
    uint8_t inner[4];
    if (addr->family == HF_FAMILY_IPV4)
        return is_public4(addr->ip);
    if (addr->family != HF_FAMILY_IPV6 || is_among(addr->ip, reserved6, sizeof reserved6 / sizeof *reserved6))
        return false;
    return !has_inner(addr->ip, inner) || is_public4(inner);
}

static bool is_listed(const hf_turn_range *ranges, size_t n, const hf_addr *addr)
{
    for (size_t i = 0; i < n; i++) {
        if (ranges[i].addr.family == addr->family && is_in(addr->ip, ranges[i].addr.ip, ranges[i].prefix))
            return true;
    }
    return false;
}

hf_turn_verdict hf_turn_rules_judge(const hf_turn_rules *rules, const hf_addr *peer)
{
    if (is_listed(rules->denied, rules->denied_len, peer))
        return HF_TURN_DENIED;
    return is_listed(rules->allowed, rules->allowed_len, peer) ? HF_TURN_ALLOWED : HF_TURN_BY_DEFAULT;
}
