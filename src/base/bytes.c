/* bytes.c: cursors over bytes, and comparisons of views. */
#include "bytes.h"

#include <string.h>

hf_reader hf_reader_of(hf_bytes bytes)
{
    return (hf_reader){.rest = bytes, .ok = true};
}

/* Takes `len` bytes off the front; NULL, and the reader is spent, when there are not so many. */
static const uint8_t *take(hf_reader *r, size_t len)
{
    if (!r->ok || r->rest.len < len) {
        r->ok = false;
        r->rest.len = 0;
        return NULL;
    }
    const uint8_t *at = r->rest.data;
    if (len > 0) {
        r->rest.data += len;
        r->rest.len -= len;
    }
    return at;
}

static uint64_t read_number(hf_reader *r, size_t size)
{
    const uint8_t *at = take(r, size);
    uint64_t value = 0;
    for (size_t i = 0; at && i < size; i++)
        value = value << 8 | at[i];
    return value;
}

uint8_t hf_read_u8(hf_reader *r)
{
    return (uint8_t)read_number(r, 1);
}

uint16_t hf_read_u16(hf_reader *r)
{
    return (uint16_t)read_number(r, 2);
}

uint32_t hf_read_u24(hf_reader *r)
{
    return (uint32_t)read_number(r, 3);
}

uint32_t hf_read_u32(hf_reader *r)
{
    return (uint32_t)read_number(r, 4);
}

uint64_t hf_read_u48(hf_reader *r)
{
    return read_number(r, 6);
}

uint64_t hf_read_u64(hf_reader *r)
{
    return read_number(r, 8);
}

hf_bytes hf_read_bytes(hf_reader *r, size_t len)
{
    const uint8_t *at = take(r, len);
    return (hf_bytes){.data = at, .len = at ? len : 0};
}

void hf_read_skip(hf_reader *r, size_t len)
{
    (void)take(r, len);
}

/* RFC 9000 §16: not necessarily in the least number of bytes. */
uint64_t hf_read_varint(hf_reader *r)
{
    uint64_t first = hf_read_u8(r);
    size_t more = ((size_t)1 << (first >> 6)) - 1;
    uint64_t value = (first & 0x3F) << (8 * more) | read_number(r, more);
    return r->ok ? value : 0;
}

hf_writer hf_writer_of(uint8_t *data, size_t cap)
{
    return (hf_writer){.data = data, .cap = cap, .ok = true};
}

/* Makes room for `len` bytes; NULL, and the writer is spent, when there is none. */
static uint8_t *give(hf_writer *w, size_t len)
{
    if (!w->ok || w->cap - w->len < len) {
        w->ok = false;
        return NULL;
    }
    uint8_t *at = w->data + w->len;
    w->len += len;
    return at;
}

static void write_number(hf_writer *w, uint64_t value, size_t size)
{
    uint8_t *at = give(w, size);
    for (size_t i = 0; at && i < size; i++)
        at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

void hf_write_u8(hf_writer *w, uint8_t value)
{
    write_number(w, value, 1);
}

void hf_write_u16(hf_writer *w, uint16_t value)
{
    write_number(w, value, 2);
}

void hf_write_u24(hf_writer *w, uint32_t value)
{
    write_number(w, value, 3);
}

void hf_write_u32(hf_writer *w, uint32_t value)
{
    write_number(w, value, 4);
}

void hf_write_u64(hf_writer *w, uint64_t value)
{
    write_number(w, value, 8);
}

void hf_write_varint(hf_writer *w, uint64_t value)
{
    if (value < (uint64_t)1 << 6)
        write_number(w, value, 1);
    else if (value < (uint64_t)1 << 14)
        write_number(w, (uint64_t)1 << 14 | value, 2);
    else if (value < (uint64_t)1 << 30)
        write_number(w, (uint64_t)2 << 30 | value, 4);
    else if (value <= HF_VARINT_MAX)
        write_number(w, (uint64_t)3 << 62 | value, 8);
    else
        w->ok = false;
}

void hf_write_bytes(hf_writer *w, hf_bytes bytes)
{
    if (bytes.len == 0)
        return;
    uint8_t *at = give(w, bytes.len);
    if (at)
        memcpy(at, bytes.data, bytes.len);
}

void hf_write_zeroes(hf_writer *w, size_t len)
{
    uint8_t *at = give(w, len);
    if (at && len > 0)
        memset(at, 0, len);
}

void hf_write_u16_at(hf_writer *w, size_t at, uint16_t value)
{
    if (!w->ok || w->len < 2 || at > w->len - 2) {
        w->ok = false;
        return;
    }
    w->data[at] = (uint8_t)(value >> 8);
    w->data[at + 1] = (uint8_t)value;
}

hf_bytes hf_bytes_of(const void *data, size_t len)
{
    return (hf_bytes){.data = data, .len = len};
}

hf_bytes hf_bytes_of_text(const char *text)
{
    return (hf_bytes){.data = (const uint8_t *)text, .len = text ? strlen(text) : 0};
}

bool hf_bytes_equal(hf_bytes a, hf_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool hf_bytes_equal_text(hf_bytes a, const char *text)
{
    return hf_bytes_equal(a, hf_bytes_of_text(text));
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool hf_bytes_equal_text_nocase(hf_bytes a, const char *text)
{
    hf_bytes b = hf_bytes_of_text(text);
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    }
    return true;
}

bool hf_bytes_equal_secret(hf_bytes a, hf_bytes b)
{
    if (a.len != b.len)
        return false;
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < a.len; i++)
        difference = (uint8_t)(difference | (a.data[i] ^ b.data[i]));
    return difference == 0;
}

bool hf_bytes_are_utf8(hf_bytes bytes)
{
    const uint8_t *s = bytes.data;
    for (size_t i = 0; i < bytes.len;) {
        uint8_t lead = s[i++];
        if (lead < 0x80)
            continue;
        size_t more;
        uint8_t least = 0x80, most = 0xBF; /* of the second byte; RFC 3629 §4: no overlong forms, no surrogates */
        if (lead >= 0xC2 && lead <= 0xDF) {
            more = 1;
        } else if (lead >= 0xE0 && lead <= 0xEF) {
            more = 2;
            least = lead == 0xE0 ? 0xA0 : least;
            most = lead == 0xED ? 0x9F : most;
        } else if (lead >= 0xF0 && lead <= 0xF4) {
            more = 3;
            least = lead == 0xF0 ? 0x90 : least;
            most = lead == 0xF4 ? 0x8F : most;
        } else {
            return false;
        }
        if (bytes.len - i < more || s[i] < least || s[i] > most)
            return false;
        for (size_t k = 1; k < more; k++) {
            if ((s[i + k] & 0xC0) != 0x80)
                return false;
        }
        i += more;
    }
    return true;
}

bool hf_parse_decimal(hf_bytes text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        unsigned digit = (unsigned)(text.data[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (value > max)
        return false;
    *out = value;
    return true;
}
