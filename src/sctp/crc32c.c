/* crc32c.c: CRC32c (Castagnoli) by the instruction of SSE4.2 or ARMv8, otherwise by eight tables at a time. */
#include "crc32c.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#define POLYNOMIAL 0x82F63B78u /* 0x1EDC6F41 with its bits reversed */
#define CHECKSUM_AT 8          /* RFC 9260 §3.1 */
#define COMMON_HEADER_SIZE 12

typedef uint32_t update(uint32_t crc, const uint8_t *data, size_t len);

/* --- Tables -------------------------------------------------------------------------------------------------------- */

static uint32_t tables[8][256];

__attribute__((constructor)) static void make_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (POLYNOMIAL & (0u - (crc & 1)));
        tables[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (size_t t = 1; t < 8; t++)
            tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xFF];
}

static uint32_t load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t update_by_tables(uint32_t crc, const uint8_t *data, size_t len)
{
    for (; len >= 8; data += 8, len -= 8) {
        uint32_t low = crc ^ load_le32(data), high = load_le32(data + 4);
        crc = tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^ tables[4][low >> 24] ^
              tables[3][high & 0xFF] ^ tables[2][high >> 8 & 0xFF] ^ tables[1][high >> 16 & 0xFF] ^ tables[0][high >> 24];
    }
    for (; len > 0; data++, len--)
        crc = crc >> 8 ^ tables[0][(crc ^ *data) & 0xFF];
    return crc;
}

/* --- Instructions -------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t update_by_instruction(uint32_t crc, const uint8_t *data, size_t len)
{
    uint64_t wide = crc;
    for (; len >= 8; data += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, data, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; len > 0; data++, len--)
        crc = _mm_crc32_u8(crc, *data);
    return crc;
}

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}

#elif defined(__aarch64__) && defined(__linux__)

#define HWCAP_CRC32_BIT (1ul << 7) /* HWCAP_CRC32 of the Linux ABI */

__attribute__((target("arch=armv8-a+crc"))) static uint32_t update_by_instruction(uint32_t crc, const uint8_t *data,
                                                                                  size_t len)
{
    for (; len >= 8; data += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, data, sizeof word);
        __asm__("crc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(word));
    }
    for (; len > 0; data++, len--)
        __asm__("crc32cb %w0, %w0, %w1" : "+r"(crc) : "r"(*data));
    return crc;
}

static bool has_instruction(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_CRC32_BIT) != 0;
}

#else

static uint32_t update_by_instruction(uint32_t crc, const uint8_t *data, size_t len)
{
    return update_by_tables(crc, data, len);
}

static bool has_instruction(void)
{
    return false;
}

#endif

static update *chosen = update_by_tables;

__attribute__((constructor)) static void choose(void)
{
    if (has_instruction())
        chosen = update_by_instruction;
}

/* --- Face ---------------------------------------------------------------------------------------------------------- */

uint32_t hf_crc32c(const uint8_t *data, size_t len)
{
    return ~chosen(~0u, data, len);
}

uint32_t hf_crc32c_tables(const uint8_t *data, size_t len)
{
    return ~update_by_tables(~0u, data, len);
}

uint32_t hf_crc32c_of_packet(const uint8_t *packet, size_t len)
{
    static const uint8_t zeroes[4];
    uint32_t crc = chosen(~0u, packet, CHECKSUM_AT);
    crc = chosen(crc, zeroes, sizeof zeroes);
    return ~chosen(crc, packet + COMMON_HEADER_SIZE, len - COMMON_HEADER_SIZE);
}

/* RFC 9260 Appendix A: the checksum goes out with its least significant byte first. */
void hf_crc32c_seal(uint8_t *packet, size_t len)
{
    uint32_t crc = hf_crc32c_of_packet(packet, len);
    for (size_t i = 0; i < 4; i++)
        packet[CHECKSUM_AT + i] = (uint8_t)(crc >> 8 * i);
}

bool hf_crc32c_is_valid(hf_bytes packet)
{
    return packet.len >= COMMON_HEADER_SIZE &&
           load_le32(packet.data + CHECKSUM_AT) == hf_crc32c_of_packet(packet.data, packet.len);
}
