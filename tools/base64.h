/* base64.h: bytes as text (RFC 4648 §4). */
#ifndef CLI_BASE64_H
#define CLI_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns the text, NUL-terminated, in memory to free; *text_len gets its length. NULL: out of memory. */
char *cli_base64_write(const uint8_t *data, size_t len, size_t *text_len);

/* Decodes canonical text: padded, nothing between the characters, no stray bits in the last one (RFC 4648 §3.5). False: it
 * is not that, or memory is short. *data is to be freed, never NULL on success. */
bool cli_base64_read(const char *text, size_t text_len, uint8_t **data, size_t *len);

#endif
