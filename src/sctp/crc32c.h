/* crc32c.h: the checksum of SCTP (RFC 9260 §6.8, Appendix A). */
#ifndef HF_CRC32C_H
#define HF_CRC32C_H

#include <holdfast/base.h>

/* Uses the processor's instruction where there is one. */
uint32_t hf_crc32c(const uint8_t *data, size_t len);

/* The same by tables, for tests to compare. */
uint32_t hf_crc32c_tables(const uint8_t *data, size_t len);

/* The checksum of an SCTP packet, whose own field counts as zero. The packet has at least a common header. */
uint32_t hf_crc32c_of_packet(const uint8_t *packet, size_t len);

/* Writes it where it belongs, and tells whether it is right there. */
void hf_crc32c_seal(uint8_t *packet, size_t len);
bool hf_crc32c_is_valid(hf_bytes packet);

#endif
