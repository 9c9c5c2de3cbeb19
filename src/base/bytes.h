/* bytes.h: bounds-checked reading and writing of bytes in network order.
 *
 * A cursor that runs short remembers it: `ok` becomes false and stays so, reads yield zero, writes do nothing. It is asked
 * once, at the end. */
#ifndef HF_BYTES_H
#define HF_BYTES_H

#include <holdfast/base.h>

typedef struct hf_reader {
    hf_bytes rest; /* what has not been read yet */
    bool ok;
} hf_reader;

hf_reader hf_reader_of(hf_bytes bytes);
uint8_t hf_read_u8(hf_reader *r);
uint16_t hf_read_u16(hf_reader *r);
uint32_t hf_read_u24(hf_reader *r);
uint32_t hf_read_u32(hf_reader *r);
uint64_t hf_read_u48(hf_reader *r);
uint64_t hf_read_u64(hf_reader *r);
hf_bytes hf_read_bytes(hf_reader *r, size_t len);
void hf_read_skip(hf_reader *r, size_t len);

/* Numbers of one, two, four or eight bytes, whose length is in the first two bits (RFC 9000 §16). */
#define HF_VARINT_MAX (((uint64_t)1 << 62) - 1)
#define HF_VARINT_SIZE_MAX 8
uint64_t hf_read_varint(hf_reader *r);

typedef struct hf_writer {
    uint8_t *data;
    size_t len; /* written so far */
    size_t cap;
    bool ok;
} hf_writer;

hf_writer hf_writer_of(uint8_t *data, size_t cap);
void hf_write_u8(hf_writer *w, uint8_t value);
void hf_write_u16(hf_writer *w, uint16_t value);
void hf_write_u24(hf_writer *w, uint32_t value);
void hf_write_u32(hf_writer *w, uint32_t value);
void hf_write_u64(hf_writer *w, uint64_t value);
void hf_write_bytes(hf_writer *w, hf_bytes bytes);
void hf_write_zeroes(hf_writer *w, size_t len);
void hf_write_varint(hf_writer *w, uint64_t value); /* in as few bytes as it takes; one above HF_VARINT_MAX has no room */

/* Overwrites two bytes that were written before, for a length that is known only at the end. */
void hf_write_u16_at(hf_writer *w, size_t at, uint16_t value);

/* Views. */
hf_bytes hf_bytes_of(const void *data, size_t len);
hf_bytes hf_bytes_of_text(const char *text); /* without the NUL; empty for NULL */
bool hf_bytes_equal(hf_bytes a, hf_bytes b);
bool hf_bytes_equal_text(hf_bytes a, const char *text);
bool hf_bytes_equal_text_nocase(hf_bytes a, const char *text); /* ASCII */

/* Equal, in a time that does not depend on where they differ. Lengths are not secret. */
bool hf_bytes_equal_secret(hf_bytes a, hf_bytes b);

/* Well-formed UTF-8 (RFC 3629 §4). */
bool hf_bytes_are_utf8(hf_bytes bytes);

/* Parses a decimal number without sign that fills `text`; false: it is none, or above `max`. */
bool hf_parse_decimal(hf_bytes text, uint64_t max, uint64_t *out);

#endif
