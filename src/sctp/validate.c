/* validate.c: looks at a packet before usrsctp does (RFC 9260 §3, RFC 3758 §3.2, RFC 6525 §3.1). */
#include "chunk.h"

#define CHUNK_HEADER_SIZE 4
#define TLV_HEADER_SIZE 4
#define PARAMETER_IPV4 5
#define PARAMETER_IPV6 6
#define PARAMETER_HOST_NAME 11
#define RESET_OUTGOING 13
#define RESET_INCOMING 14
#define RESET_TSN 15
#define RESET_RESPONSE 16
#define ADD_OUTGOING 17
#define ADD_INCOMING 18

static size_t padding(size_t len)
{
    return (4 - len % 4) % 4;
}

bool hf_chunks_of(hf_bytes packet, hf_reader *out)
{
    *out = hf_reader_of(packet);
    hf_read_skip(out, HF_SCTP_HEADER_SIZE);
    return out->ok;
}

bool hf_chunk_next(hf_reader *chunks, hf_chunk *out)
{
    if (!chunks->ok || chunks->rest.len == 0)
        return false;
    out->type = hf_read_u8(chunks);
    out->flags = hf_read_u8(chunks);
    size_t len = hf_read_u16(chunks);
    if (len < CHUNK_HEADER_SIZE) {
        chunks->ok = false;
        return false;
    }
    out->value = hf_read_bytes(chunks, len - CHUNK_HEADER_SIZE);
    hf_read_skip(chunks, padding(len));
    return chunks->ok;
}

/* --- Parameters and causes ----------------------------------------------------------------------------------------- */

typedef bool accepts(uint16_t type, size_t value_len);

/* Type, length, value, padding; the last padding may be missing (RFC 9260 §3.2.1). */
static bool are_tlvs(hf_bytes bytes, accepts *accept)
{
    hf_reader r = hf_reader_of(bytes);
    while (r.rest.len > 0) {
        uint16_t type = hf_read_u16(&r);
        size_t len = hf_read_u16(&r);
        if (!r.ok || len < TLV_HEADER_SIZE)
            return false;
        hf_read_skip(&r, len - TLV_HEADER_SIZE);
        if (!r.ok || !accept(type, len - TLV_HEADER_SIZE))
            return false;
        size_t pad = padding(len);
        hf_read_skip(&r, pad < r.rest.len ? pad : r.rest.len);
    }
    return true;
}

static bool is_any(uint16_t type, size_t value_len)
{
    (void)type;
    (void)value_len;
    return true;
}

/* RFC 8261 §5: an association over DTLS has one path; addresses in INIT would make usrsctp send to them. */
static bool is_no_address(uint16_t type, size_t value_len)
{
    (void)value_len;
    return type != PARAMETER_IPV4 && type != PARAMETER_IPV6 && type != PARAMETER_HOST_NAME;
}

/* RFC 6525 §4. */
static bool is_reconfiguration(uint16_t type, size_t value_len)
{
    switch (type) {
    case RESET_OUTGOING:
        return value_len >= 12 && value_len % 2 == 0;
    case RESET_INCOMING:
        return value_len >= 4 && value_len % 2 == 0;
    case RESET_TSN:
        return value_len == 4;
    case RESET_RESPONSE:
        return value_len == 8 || value_len == 16;
    case ADD_OUTGOING:
    case ADD_INCOMING:
        return value_len == 8;
    default:
        return false;
    }
}

static hf_bytes behind(hf_bytes bytes, size_t len)
{
    return hf_bytes_of(bytes.data + len, bytes.len - len);
}

/* --- Chunks -------------------------------------------------------------------------------------------------------- */

/* RFC 9260 §3.3.2, §3.3.3: tag, window, streams and first TSN, then parameters. A cookie belongs to INIT ACK. */
static bool is_init(hf_bytes value)
{
    return value.len >= 16 && are_tlvs(behind(value, 16), is_no_address);
}

static bool is_sack(hf_bytes value)
{
    hf_reader r = hf_reader_of(value);
    hf_read_skip(&r, 8);
    size_t gaps = hf_read_u16(&r);
    size_t duplicates = hf_read_u16(&r);
    return r.ok && r.rest.len == 4 * (gaps + duplicates);
}

static bool is_well_formed(const hf_chunk *chunk)
{
    hf_bytes value = chunk->value;
    switch (chunk->type) {
    case HF_CHUNK_DATA:
        return value.len > 12; /* RFC 9260 §3.3.1: at least a byte of user data */
    case HF_CHUNK_INIT:
    case HF_CHUNK_INIT_ACK:
        return is_init(value);
    case HF_CHUNK_SACK:
        return is_sack(value);
    case HF_CHUNK_HEARTBEAT:
    case HF_CHUNK_HEARTBEAT_ACK:
        return value.len >= TLV_HEADER_SIZE && are_tlvs(value, is_any);
    case HF_CHUNK_ABORT:
    case HF_CHUNK_ERROR:
        return are_tlvs(value, is_any);
    case HF_CHUNK_SHUTDOWN:
    case HF_CHUNK_ECNE:
    case HF_CHUNK_CWR:
        return value.len == 4;
    case HF_CHUNK_SHUTDOWN_ACK:
    case HF_CHUNK_COOKIE_ACK:
    case HF_CHUNK_SHUTDOWN_COMPLETE:
        return value.len == 0;
    case HF_CHUNK_COOKIE_ECHO:
        return value.len > 0;
    case HF_CHUNK_RE_CONFIG:
        return value.len >= TLV_HEADER_SIZE && are_tlvs(value, is_reconfiguration);
    case HF_CHUNK_FORWARD_TSN:
        return value.len >= 4 && value.len % 4 == 0;
    case HF_CHUNK_AUTH:
    case HF_CHUNK_NR_SACK:
    case HF_CHUNK_I_DATA:
    case HF_CHUNK_I_FORWARD_TSN:
    case HF_CHUNK_ASCONF:
    case HF_CHUNK_ASCONF_ACK:
    case HF_CHUNK_PACKET_DROPPED:
        return false; /* never offered, so never sent by an honest peer */
    default:
        return true; /* RFC 9260 §3.2: the upper bits of the type say what usrsctp has to do with it */
    }
}

bool hf_packet_is_well_formed(hf_bytes packet)
{
    hf_reader chunks;
    hf_chunk chunk;
    size_t n = 0;
    if (packet.len % 4 != 0 || !hf_chunks_of(packet, &chunks))
        return false;
    while (hf_chunk_next(&chunks, &chunk)) {
        if (!is_well_formed(&chunk))
            return false;
        n++;
    }
    return chunks.ok && n > 0;
}
