/* header.c: reading the plaintext headers of records and handshake messages. */
#include "header.h"

bool hf_record_read(hf_reader *datagram, hf_record *out)
{
    hf_bytes start = datagram->rest;
    out->type = hf_read_u8(datagram);
    uint16_t version = hf_read_u16(datagram);
    out->epoch = hf_read_u16(datagram);
    hf_read_u48(datagram); /* sequence number: mbedTLS guards against replays */
    uint16_t length = hf_read_u16(datagram);
    out->body = hf_read_bytes(datagram, length);
    out->whole = hf_bytes_of(start.data, HF_RECORD_HEADER_SIZE + (size_t)length);

    /* A first ClientHello may say 1.0 (RFC 6347 §4.2.1), all else says 1.2. */
    if (version != 0xFEFD && version != 0xFEFF)
        datagram->ok = false;
    return datagram->ok;
}

bool hf_fragment_read(hf_reader *record, hf_fragment *out)
{
    out->type = hf_read_u8(record);
    out->length = hf_read_u24(record);
    out->message_seq = hf_read_u16(record);
    out->offset = hf_read_u24(record);
    uint32_t length = hf_read_u24(record);
    out->body = hf_read_bytes(record, length);

    if (out->offset > out->length || length > out->length - out->offset)
        record->ok = false;
    return record->ok;
}
