/* fingerprint.c: FINGERPRINT, which tells STUN from other protocols on the same port (RFC 8489 §14.7). */
#include "stun_priv.h"

/* RFC 8489 §14.7: the CRC-32 "XORed with the 32-bit value 0x5354554e". */
#define FINGERPRINT_MASK 0x5354554Eu

/* CRC-32 of ITU V.42, polynomial 0x04C11DB7 reflected, four bits at a time. */
static uint32_t crc32_of(uint32_t crc, hf_bytes bytes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    crc = ~crc;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

uint32_t hf_stun_fingerprint(hf_bytes before)
{
    return crc32_of(0, before) ^ FINGERPRINT_MASK;
}

void hf_stun_add_fingerprint(hf_stun_writer *s)
{
    if (!s->w.ok)
        return; /* there may be no header to cover */

    /* "…the Length field of the STUN header … includes the FINGERPRINT attribute": it is written first with any value. */
    size_t at = s->w.len;
    hf_stun_add_u32(s, HF_STUN_FINGERPRINT, 0);
    if (!s->w.ok)
        return;
    uint32_t fingerprint = hf_stun_fingerprint(hf_bytes_of(s->w.data, at));
    hf_write_u16_at(&s->w, at + STUN_ATTRIBUTE_HEADER_SIZE, (uint16_t)(fingerprint >> 16));
    hf_write_u16_at(&s->w, at + STUN_ATTRIBUTE_HEADER_SIZE + 2, (uint16_t)fingerprint);
}
