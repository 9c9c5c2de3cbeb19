/* mdns_message.c: DNS messages: reading any, writing queries and responses for host names. */
#include "mdns_message.h"

#include <string.h>

#define HEADER_SIZE 12
#define FLAG_RESPONSE 0x8000
#define FLAG_AUTHORITATIVE 0x0400 /* RFC 6762 §18.4: always set in a response */
#define OPCODE_AND_RCODE 0x780F
#define CLASS_IN 1
#define CLASS_ANY 255
#define TOP_BIT 0x8000 /* of the class: wants unicast in a question (§18.12), flush the cache in a record (§18.13) */
#define LABEL_MAX 63
#define POINTER 0xC0 /* RFC 1035 §4.1.4 */

/* --- Reading --- */

static bool is_host_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Appends a label to the text. False: it is not one of a host name. (That is no error: services have others.) */
static bool append_label(char *text, size_t *len, hf_bytes label)
{
    if (*len > 0)
        text[(*len)++] = '.';
    for (size_t i = 0; i < label.len; i++) {
        if (!is_host_char(label.data[i]))
            return false;
        text[(*len)++] = (char)label.data[i];
    }
    return true;
}

/* Reads a name. A pointer must point before the part of the name that it ends: so each jump goes further to the front, and
 * there is no loop to fall into (RFC 1035 §4.1.4: "a prior occurrence"). */
static void read_name(hf_mdns_reader *m, char out[HF_MDNS_NAME_SIZE])
{
    hf_reader r = m->r;
    size_t bound = m->whole.len - r.rest.len, size = 0, len = 0;
    bool has_jumped = false, is_host_name = true;

    for (;;) {
        uint8_t first = hf_read_u8(&r);
        if ((first & POINTER) == POINTER) {
            size_t target = (size_t)(first & ~POINTER) << 8 | hf_read_u8(&r);
            if (!has_jumped)
                m->r = r;
            has_jumped = true;
            if (!r.ok || target < HEADER_SIZE || target >= bound)
                break;
            bound = target;
            r = hf_reader_of(hf_bytes_of(m->whole.data + target, m->whole.len - target));
            continue;
        }
        hf_bytes label = hf_read_bytes(&r, first);
        size += first + 1u;
        if (!r.ok || first > LABEL_MAX || size > 255)
            break;
        if (first == 0) {
            if (!has_jumped)
                m->r = r;
            out[is_host_name ? len : 0] = '\0';
            return;
        }
        is_host_name = is_host_name && append_label(out, &len, label);
    }
    m->r.ok = false;
    out[0] = '\0';
}

bool hf_mdns_read(hf_mdns_reader *m, hf_bytes message)
{
    *m = (hf_mdns_reader){.whole = message, .r = hf_reader_of(message)};
    m->id = hf_read_u16(&m->r);
    uint16_t flags = hf_read_u16(&m->r);
    m->is_response = (flags & FLAG_RESPONSE) != 0;
    m->is_ordinary = (flags & OPCODE_AND_RCODE) == 0;
    m->questions_left = hf_read_u16(&m->r);
    m->answers_left = hf_read_u16(&m->r);
    m->records_left = m->answers_left + hf_read_u16(&m->r);
    m->records_left += hf_read_u16(&m->r);
    return m->r.ok;
}

bool hf_mdns_next_question(hf_mdns_reader *m, hf_mdns_question *out)
{
    if (!m->r.ok || m->questions_left == 0)
        return false;
    m->questions_left--;
    read_name(m, out->name);
    out->type = hf_read_u16(&m->r);
    uint16_t class_ = hf_read_u16(&m->r);
    out->wants_unicast = (class_ & TOP_BIT) != 0;
    class_ &= (uint16_t)~TOP_BIT;
    if (class_ != CLASS_IN && class_ != CLASS_ANY)
        out->type = 0; /* it asks for nothing that we have */
    return m->r.ok;
}

/* The address in the data of an A or AAAA record. Of another length, the message is malformed. */
static bool read_addr(hf_bytes data, hf_family family, hf_addr *out)
{
    if (data.len != (family == HF_FAMILY_IPV4 ? 4 : 16))
        return false;
    out->family = family;
    memcpy(out->ip, data.data, data.len);
    return true;
}

bool hf_mdns_next_record(hf_mdns_reader *m, hf_mdns_record *out)
{
    if (!m->r.ok || m->questions_left > 0 || m->records_left == 0)
        return false;
    m->records_left--;
    m->answers_left -= m->answers_left > 0;
    read_name(m, out->name);
    uint16_t type = hf_read_u16(&m->r);
    uint16_t class_ = hf_read_u16(&m->r);
    out->ttl = hf_read_u32(&m->r);
    hf_bytes data = hf_read_bytes(&m->r, hf_read_u16(&m->r));
    out->addr = (hf_addr){0};
    if (!m->r.ok)
        return false;
    if ((class_ & ~TOP_BIT) == CLASS_IN && (type == HF_DNS_A || type == HF_DNS_AAAA))
        m->r.ok = read_addr(data, type == HF_DNS_A ? HF_FAMILY_IPV4 : HF_FAMILY_IPV6, &out->addr);
    return m->r.ok;
}

bool hf_mdns_is_well_formed(hf_bytes message)
{
    hf_mdns_reader m;
    hf_mdns_question question;
    hf_mdns_record record;

    if (!hf_mdns_read(&m, message))
        return false;
    while (hf_mdns_next_question(&m, &question)) {
    }
    while (hf_mdns_next_record(&m, &record)) {
    }
    return m.r.ok;
}

/* --- Writing --- */

static void write_header(hf_writer *w, uint16_t id, uint16_t flags, const uint16_t counts[4])
{
    hf_write_u16(w, id);
    hf_write_u16(w, flags);
    for (size_t i = 0; i < 4; i++)
        hf_write_u16(w, counts[i]);
}

static void write_name(hf_writer *w, const char *name)
{
    while (*name != '\0') {
        size_t len = strcspn(name, ".");
        hf_write_u8(w, (uint8_t)len);
        hf_write_bytes(w, hf_bytes_of(name, len));
        name += len + (name[len] == '.');
    }
    hf_write_u8(w, 0);
}

/* To the name that stands first in the message. */
static void write_pointer(hf_writer *w)
{
    hf_write_u16(w, POINTER << 8 | HEADER_SIZE);
}

static void write_question(hf_writer *w, uint16_t type, bool wants_unicast)
{
    hf_write_u16(w, type);
    hf_write_u16(w, CLASS_IN | (wants_unicast ? TOP_BIT : 0));
}

size_t hf_mdns_write_query(uint8_t *out, size_t cap, const char *name, bool wants_unicast)
{
    hf_writer w = hf_writer_of(out, cap);
    write_header(&w, 0, 0, (const uint16_t[]){2, 0, 0, 0});
    write_name(&w, name);
    write_question(&w, HF_DNS_A, wants_unicast);
    write_pointer(&w);
    write_question(&w, HF_DNS_AAAA, wants_unicast);
    return w.ok ? w.len : 0;
}

static void write_record_head(hf_writer *w, uint16_t type, bool flush, uint32_t ttl)
{
    hf_write_u16(w, type);
    hf_write_u16(w, CLASS_IN | (flush ? TOP_BIT : 0));
    hf_write_u32(w, ttl);
}

static void write_address(hf_writer *w, const hf_mdns_response *response)
{
    bool v4 = response->addr.family == HF_FAMILY_IPV4;
    /* RFC 6762 §10.2: the flush bit says that this is all there is; a legacy resolver would not know the class (§6.7). */
    write_record_head(w, v4 ? HF_DNS_A : HF_DNS_AAAA, !response->is_legacy, response->ttl);
    hf_write_u16(w, v4 ? 4 : 16);
    hf_write_bytes(w, hf_bytes_of(response->addr.ip, v4 ? 4 : 16));
}

/* RFC 6762 §6.1: there is an address of this family, and none of the other. The bitmap (RFC 4034 §4.1.2) has a bit for each
 * type, the first byte's highest for type 0. */
static void write_nsec(hf_writer *w, const hf_mdns_response *response)
{
    uint16_t type = response->addr.family == HF_FAMILY_IPV4 ? HF_DNS_A : HF_DNS_AAAA;
    uint8_t bitmap_len = (uint8_t)(type / 8 + 1);
    write_record_head(w, HF_DNS_NSEC, true, response->ttl);
    hf_write_u16(w, (uint16_t)(2 + 2 + bitmap_len));
    write_pointer(w);
    hf_write_u8(w, 0); /* window */
    hf_write_u8(w, bitmap_len);
    hf_write_zeroes(w, bitmap_len - 1u);
    hf_write_u8(w, (uint8_t)(0x80 >> type % 8));
}

size_t hf_mdns_write_response(uint8_t *out, size_t cap, const hf_mdns_response *response)
{
    hf_writer w = hf_writer_of(out, cap);
    bool legacy = response->is_legacy;
    write_header(&w, legacy ? response->id : 0, FLAG_RESPONSE | FLAG_AUTHORITATIVE,
                 legacy ? (const uint16_t[]){1, 1, 0, 0} : (const uint16_t[]){0, 1, 0, 1});
    write_name(&w, response->name);
    if (legacy) {
        write_question(&w, response->type, false);
        write_pointer(&w);
    }
    write_address(&w, response);
    if (!legacy) {
        write_pointer(&w);
        write_nsec(&w, response);
    }
    return w.ok ? w.len : 0;
}
