/* message.c: the header, and the structure of a whole message (RFC 8489 §5, §6.3). */
#include "stun_priv.h"

#include <string.h>

/* RFC 8489 §5: "The most significant 2 bits of every STUN message MUST be zeroes." */
#define TYPE_MAX 0x3FFF

/* RFC 8489 §5, figure 3: the bits of class (C) stand between those of the method (M): M11…M7 C1 M6 M5 M4 C0 M3…M0. */
static uint16_t type_of(hf_stun_class class_, uint16_t method)
{
    unsigned c = (unsigned)class_;
    unsigned m = method;
    return (uint16_t)((m & 0x000F) | (m & 0x0070) << 1 | (m & 0x0F80) << 2 | (c & 1) << 4 | (c & 2) << 7);
}

static hf_stun_class class_of(uint16_t type)
{
    return (hf_stun_class)((type >> 4 & 1) | (type >> 7 & 2));
}

static uint16_t method_of(uint16_t type)
{
    return (uint16_t)((type & 0x000F) | (type >> 1 & 0x0070) | (type >> 2 & 0x0F80));
}

bool hf_stun_is_message(hf_bytes datagram)
{
    hf_reader r = hf_reader_of(datagram);
    uint16_t type = hf_read_u16(&r);
    hf_read_u16(&r);
    uint32_t cookie = hf_read_u32(&r);

    return datagram.len >= HF_STUN_HEADER_SIZE && type <= TYPE_MAX && cookie == HF_STUN_COOKIE;
}

static bool read_header(hf_bytes datagram, hf_stun_message *out)
{
    hf_reader r = hf_reader_of(datagram);
    uint16_t type = hf_read_u16(&r);
    uint16_t length = hf_read_u16(&r);
    uint32_t cookie = hf_read_u32(&r);
    hf_bytes id = hf_read_bytes(&r, HF_STUN_ID_SIZE);

    if (!r.ok || type > TYPE_MAX || cookie != HF_STUN_COOKIE || length % 4 != 0 || length != r.rest.len)
        return false;

    *out = (hf_stun_message){.class_ = class_of(type), .method = method_of(type), .whole = datagram};
    memcpy(out->id, id.data, HF_STUN_ID_SIZE);
    return true;
}

/* Notes where the attributes stand that cover others. The first of each counts; behind MESSAGE-INTEGRITY only -SHA256 and
 * FINGERPRINT do (RFC 8489 §14.5), behind -SHA256 only FINGERPRINT (§14.6). */
static void note_position(hf_stun_message *message, const stun_attribute *a)
{
    switch (a->type) {
    case HF_STUN_MESSAGE_INTEGRITY:
        if (message->integrity_at == 0 && message->integrity256_at == 0)
            message->integrity_at = a->at;
        break;
    case HF_STUN_MESSAGE_INTEGRITY_SHA256:
        if (message->integrity256_at == 0)
            message->integrity256_at = a->at;
        break;
    case HF_STUN_FINGERPRINT:
        message->fingerprint_at = a->at;
        break;
    default:
        break;
    }
}

static bool is_fingerprint_right(const hf_stun_message *message, hf_bytes value)
{
    hf_reader r = hf_reader_of(value);
    uint32_t fingerprint = hf_read_u32(&r);
    hf_bytes before = hf_bytes_of(message->whole.data, message->fingerprint_at);

    return value.len == STUN_FINGERPRINT_SIZE && fingerprint == hf_stun_fingerprint(before);
}

bool hf_stun_read(hf_bytes datagram, hf_stun_message *out)
{
    hf_stun_message message;
    if (!read_header(datagram, &message))
        return false;

    stun_walk walk = hf_stun_walk_of(datagram);
    stun_attribute a;
    while (hf_stun_walk_next(&walk, &a)) {
        /* RFC 8489 §14.7: "When present, the FINGERPRINT attribute MUST be the last attribute in the message". */
        if (message.fingerprint_at != 0)
            return false;
        note_position(&message, &a);
        if (message.fingerprint_at != 0 && !is_fingerprint_right(&message, a.value))
            return false;
    }
    if (!walk.r.ok)
        return false;

    *out = message;
    return true;
}

hf_stun_writer hf_stun_begin(uint8_t *buffer, size_t cap, hf_stun_class class_, uint16_t method,
                             const uint8_t id[HF_STUN_ID_SIZE])
{
    hf_stun_writer s = {hf_writer_of(buffer, cap)};
    hf_write_u16(&s.w, type_of(class_, method));
    hf_write_u16(&s.w, 0); /* the length grows with each attribute, for integrity and fingerprint cover it */
    hf_write_u32(&s.w, HF_STUN_COOKIE);
    hf_write_bytes(&s.w, hf_bytes_of(id, HF_STUN_ID_SIZE));
    return s;
}

size_t hf_stun_end(hf_stun_writer *s)
{
    return s->w.ok ? s->w.len : 0;
}
