/* attribute.c: the attributes of a message: type, length, value, padding to four bytes (RFC 8489 §14). */
#include "stun_priv.h"

#include <string.h>

/* RFC 8489 §14.1: the address families on the wire. */
#define FAMILY_IPV4 0x01
#define FAMILY_IPV6 0x02

/* RFC 8489 §14.8: the reason phrase "can be as long as 509 bytes when encoding them or 763 bytes when decoding them". */
#define REASON_WRITE_MAX 509
#define REASON_READ_MAX 763

static size_t padding_of(size_t len)
{
    return (4 - len % 4) % 4;
}

/* --- Reading ------------------------------------------------------------------------------------------------------- */

stun_walk hf_stun_walk_of(hf_bytes whole)
{
    stun_walk walk = {.whole = whole, .r = hf_reader_of(whole)};
    hf_read_skip(&walk.r, HF_STUN_HEADER_SIZE);
    return walk;
}

bool hf_stun_walk_next(stun_walk *walk, stun_attribute *out)
{
    hf_reader *r = &walk->r;
    if (!r->ok || r->rest.len == 0)
        return false;

    out->at = walk->whole.len - r->rest.len;
    out->type = hf_read_u16(r);
    uint16_t length = hf_read_u16(r);
    out->value = hf_read_bytes(r, length);
    hf_read_skip(r, padding_of(length)); /* "MUST be ignored": it may be anything */
    return r->ok;
}

/* RFC 8489 §14.5, §14.6: what follows the first integrity attribute is ignored, but for those that were noted. */
static bool is_ignored(const hf_stun_message *message, size_t at)
{
    if (at == message->integrity_at || at == message->integrity256_at || at == message->fingerprint_at)
        return false;
    size_t covered = message->integrity_at != 0 ? message->integrity_at : message->integrity256_at;
    return covered != 0 && at > covered;
}

bool hf_stun_find_nth(const hf_stun_message *message, uint16_t type, size_t n, hf_bytes *out)
{
    stun_walk walk = hf_stun_walk_of(message->whole);
    stun_attribute a;
    while (hf_stun_walk_next(&walk, &a)) {
        if (a.type == type && !is_ignored(message, a.at) && n-- == 0) {
            *out = a.value;
            return true;
        }
    }
    return false;
}

bool hf_stun_find(const hf_stun_message *message, uint16_t type, hf_bytes *out)
{
    return hf_stun_find_nth(message, type, 0, out);
}

bool hf_stun_get_u32(const hf_stun_message *message, uint16_t type, uint32_t *out)
{
    hf_bytes value;
    if (!hf_stun_find(message, type, &value) || value.len != 4)
        return false;

    hf_reader r = hf_reader_of(value);
    *out = hf_read_u32(&r);
    return true;
}

bool hf_stun_get_u64(const hf_stun_message *message, uint16_t type, uint64_t *out)
{
    hf_bytes value;
    if (!hf_stun_find(message, type, &value) || value.len != 8)
        return false;

    hf_reader r = hf_reader_of(value);
    *out = hf_read_u64(&r);
    return true;
}

static bool read_address(hf_bytes value, hf_addr *out)
{
    hf_reader r = hf_reader_of(value);
    hf_read_u8(&r); /* "MUST be ignored by receivers" */
    uint8_t family = hf_read_u8(&r);
    hf_addr addr = {.port = hf_read_u16(&r)};
    if (!r.ok)
        return false;
    if (family == FAMILY_IPV4 && r.rest.len == 4)
        addr.family = HF_FAMILY_IPV4;
    else if (family == FAMILY_IPV6 && r.rest.len == 16)
        addr.family = HF_FAMILY_IPV6;
    else
        return false;

    memcpy(addr.ip, r.rest.data, r.rest.len);
    *out = addr;
    return true;
}

bool hf_stun_get_address(const hf_stun_message *message, uint16_t type, hf_addr *out)
{
    hf_bytes value;
    return hf_stun_find(message, type, &value) && read_address(value, out);
}

/* RFC 8489 §14.2: the port is masked with the upper half of the cookie; the address with the cookie, and behind it (IPv6)
 * the transaction id. The mask undoes itself. */
static void mask_address(hf_addr *addr, const uint8_t id[HF_STUN_ID_SIZE])
{
    uint8_t mask[16];
    hf_writer w = hf_writer_of(mask, sizeof mask);
    hf_write_u32(&w, HF_STUN_COOKIE);
    hf_write_bytes(&w, hf_bytes_of(id, HF_STUN_ID_SIZE));

    addr->port ^= (uint16_t)(HF_STUN_COOKIE >> 16);
    size_t len = addr->family == HF_FAMILY_IPV4 ? 4 : 16;
    for (size_t i = 0; i < len; i++)
        addr->ip[i] ^= mask[i];
}

bool hf_stun_get_xor_address_nth(const hf_stun_message *message, uint16_t type, size_t n, hf_addr *out)
{
    hf_bytes value;
    if (!hf_stun_find_nth(message, type, n, &value) || !read_address(value, out))
        return false;
    mask_address(out, message->id);
    return true;
}

bool hf_stun_get_xor_address(const hf_stun_message *message, uint16_t type, hf_addr *out)
{
    return hf_stun_get_xor_address_nth(message, type, 0, out);
}

bool hf_stun_get_error(const hf_stun_message *message, unsigned *code, hf_bytes *reason)
{
    hf_bytes value;
    if (!hf_stun_find(message, HF_STUN_ERROR_CODE, &value))
        return false;

    hf_reader r = hf_reader_of(value);
    hf_read_u16(&r);
    unsigned class_ = hf_read_u8(&r) & 0x07; /* the other 21 bits are reserved: "Receivers MUST ignore these bits." */
    unsigned number = hf_read_u8(&r);
    if (!r.ok || class_ < 3 || class_ > 6 || number > 99 || r.rest.len > REASON_READ_MAX)
        return false;

    *code = class_ * 100 + number;
    *reason = r.rest; /* for eyes only, so nobody minds whether it is UTF-8 */
    return true;
}

/* --- Comprehension ------------------------------------------------------------------------------------------------- */

static bool is_in_table(uint16_t type)
{
    switch (type) {
#define X(name, number) case HF_STUN_##name:
        HF_STUN_ATTRIBUTE_MAP(X)
#undef X
        return true;
    default:
        return false;
    }
}

static bool is_in_list(const uint16_t *types, size_t n, uint16_t type)
{
    for (size_t i = 0; i < n; i++) {
        if (types[i] == type)
            return true;
    }
    return false;
}

size_t hf_stun_unknown(const hf_stun_message *message, const uint16_t *known, size_t known_len, uint16_t *out, size_t cap)
{
    size_t n = 0;
    stun_walk walk = hf_stun_walk_of(message->whole);
    stun_attribute a;
    while (n < cap && hf_stun_walk_next(&walk, &a)) {
        /* RFC 8489 §14: "Attributes with type values between 0x0000 and 0x7FFF are comprehension-required". */
        bool is_required = a.type <= 0x7FFF;
        bool is_known = is_in_table(a.type) && (!known || is_in_list(known, known_len, a.type));
        if (is_required && !is_known && !is_ignored(message, a.at) && !is_in_list(out, n, a.type))
            out[n++] = a.type;
    }
    return n;
}

/* --- Writing ------------------------------------------------------------------------------------------------------- */

/* Begins an attribute whose value of `len` bytes the caller writes next. */
static void begin_attribute(hf_stun_writer *s, uint16_t type, size_t len)
{
    hf_write_u16(&s->w, type);
    hf_write_u16(&s->w, (uint16_t)len); /* one that does not fit makes a message that does not either */
}

static void end_attribute(hf_stun_writer *s)
{
    hf_write_zeroes(&s->w, padding_of(s->w.len)); /* "MUST be set to zero on sending" */
    size_t length = s->w.len - HF_STUN_HEADER_SIZE;
    if (length > UINT16_MAX)
        s->w.ok = false;
    hf_write_u16_at(&s->w, 2, (uint16_t)length);
}

void hf_stun_add(hf_stun_writer *s, uint16_t type, hf_bytes value)
{
    begin_attribute(s, type, value.len);
    hf_write_bytes(&s->w, value);
    end_attribute(s);
}

void hf_stun_add_u32(hf_stun_writer *s, uint16_t type, uint32_t value)
{
    begin_attribute(s, type, 4);
    hf_write_u32(&s->w, value);
    end_attribute(s);
}

void hf_stun_add_u64(hf_stun_writer *s, uint16_t type, uint64_t value)
{
    begin_attribute(s, type, 8);
    hf_write_u64(&s->w, value);
    end_attribute(s);
}

void hf_stun_add_address(hf_stun_writer *s, uint16_t type, const hf_addr *addr)
{
    if (addr->family == HF_FAMILY_NONE)
        s->w.ok = false; /* there is no way to write "no address" */

    bool is_ipv4 = addr->family == HF_FAMILY_IPV4;
    hf_bytes ip = hf_bytes_of(addr->ip, is_ipv4 ? 4 : 16);
    begin_attribute(s, type, 4 + ip.len);
    hf_write_u8(&s->w, 0);
    hf_write_u8(&s->w, is_ipv4 ? FAMILY_IPV4 : FAMILY_IPV6);
    hf_write_u16(&s->w, addr->port);
    hf_write_bytes(&s->w, ip);
    end_attribute(s);
}

void hf_stun_add_xor_address(hf_stun_writer *s, uint16_t type, const hf_addr *addr)
{
    if (!s->w.ok)
        return; /* there may be no header to take the id from */
    hf_addr masked = *addr;
    mask_address(&masked, s->w.data + STUN_ID_AT);
    hf_stun_add_address(s, type, &masked);
}

void hf_stun_add_error(hf_stun_writer *s, unsigned code, const char *reason)
{
    hf_bytes phrase = hf_bytes_of_text(reason);
    if (code < 300 || code > 699 || phrase.len > REASON_WRITE_MAX)
        s->w.ok = false;

    begin_attribute(s, HF_STUN_ERROR_CODE, 4 + phrase.len);
    hf_write_u16(&s->w, 0);
    hf_write_u8(&s->w, (uint8_t)(code / 100));
    hf_write_u8(&s->w, (uint8_t)(code % 100));
    hf_write_bytes(&s->w, phrase);
    end_attribute(s);
}

void hf_stun_add_unknown_attributes(hf_stun_writer *s, const uint16_t *types, size_t n)
{
    begin_attribute(s, HF_STUN_UNKNOWN_ATTRIBUTES, n * sizeof *types);
    for (size_t i = 0; i < n; i++)
        hf_write_u16(&s->w, types[i]);
    end_attribute(s);
}
