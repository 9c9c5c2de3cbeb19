/* dcep.c: DATA_CHANNEL_OPEN and DATA_CHANNEL_ACK, read and written (RFC 8832 §5). */
#include "dcep.h"

/* RFC 8832 §5.1: the channel type. */
#define TYPE_UNORDERED 0x80
#define TYPE_RELIABLE 0x00
#define TYPE_REXMIT 0x01
#define TYPE_TIMED 0x02

static bool read_channel_type(uint8_t type, hf_dcep_open *out)
{
    out->unordered = (type & TYPE_UNORDERED) != 0;
    switch (type & ~TYPE_UNORDERED & 0xFF) {
    case TYPE_RELIABLE:
        out->reliability = HF_RELIABLE;
        return true;
    case TYPE_REXMIT:
        out->reliability = HF_MAX_RETRANSMITS;
        return true;
    case TYPE_TIMED:
        out->reliability = HF_MAX_LIFETIME;
        return true;
    default:
        return false;
    }
}

static uint8_t channel_type(const hf_dcep_open *open)
{
    static const uint8_t types[] = {
        [HF_RELIABLE] = TYPE_RELIABLE, [HF_MAX_RETRANSMITS] = TYPE_REXMIT, [HF_MAX_LIFETIME] = TYPE_TIMED};
    return (uint8_t)(types[open->reliability] | (open->unordered ? TYPE_UNORDERED : 0));
}

static bool read_open(hf_reader *r, hf_dcep_open *out)
{
    bool known = read_channel_type(hf_read_u8(r), out);
    out->priority = hf_read_u16(r);
    out->reliability_limit = hf_read_u32(r);
    size_t label_len = hf_read_u16(r);
    size_t protocol_len = hf_read_u16(r);
    out->label = hf_read_bytes(r, label_len);
    out->protocol = hf_read_bytes(r, protocol_len);
    if (out->reliability == HF_RELIABLE)
        out->reliability_limit = 0; /* "MUST be ignored" */
    return known && r->ok && r->rest.len == 0 && hf_bytes_are_utf8(out->label) && hf_bytes_are_utf8(out->protocol);
}

bool hf_dcep_read(hf_bytes message, hf_dcep_type *type, hf_dcep_open *open)
{
    hf_reader r = hf_reader_of(message);
    switch (hf_read_u8(&r)) {
    case HF_DCEP_ACK:
        *type = HF_DCEP_ACK;
        return r.rest.len == 0;
    case HF_DCEP_OPEN:
        *type = HF_DCEP_OPEN;
        return read_open(&r, open);
    default:
        return false;
    }
}

void hf_dcep_write_open(hf_writer *w, const hf_dcep_open *open)
{
    hf_write_u8(w, HF_DCEP_OPEN);
    hf_write_u8(w, channel_type(open));
    hf_write_u16(w, open->priority);
    hf_write_u32(w, open->reliability_limit);
    hf_write_u16(w, (uint16_t)open->label.len);
    hf_write_u16(w, (uint16_t)open->protocol.len);
    hf_write_bytes(w, open->label);
    hf_write_bytes(w, open->protocol);
}

void hf_dcep_write_ack(hf_writer *w)
{
    hf_write_u8(w, HF_DCEP_ACK);
}
