/* corpus.h: files below tests/corpus, and bytes written as hex.
 *
 * Whatever can't be read or parsed ends the test program with a message: a test without its input proves nothing.
 * Each byte string is an allocation of exactly its length, so that AddressSanitizer sees every overrun. */
#ifndef TEST_CORPUS_H
#define TEST_CORPUS_H

#include <holdfast/base.h>

/* A .hex file: comment lines starting with '#', and one byte string a line; possibly none. */
typedef struct corpus_hex {
    hf_bytes *packets;
    size_t packets_len;
    char **comments; /* without "# " */
    size_t comments_len;
} corpus_hex;

/* Reads a file; `path` is relative to tests/corpus ("wire/stun-….hex"). */
corpus_hex corpus_read_hex(const char *path);
void corpus_hex_clear(corpus_hex *hex);

/* Returns what follows `start` in the first comment that begins with it; NULL: there is none. */
const char *corpus_hex_comment(const corpus_hex *hex, const char *start);

/* Reads a whole file below tests/corpus. A NUL stands behind the bytes, not counted. Free with corpus_free. */
hf_bytes corpus_read_file(const char *path);

/* Parses hex digits; white space between bytes is skipped. Free with corpus_free. */
hf_bytes corpus_bytes_of_hex(const char *text);

void corpus_free(hf_bytes bytes);

/* Lists the paths (relative to tests/corpus, sorted, ended by NULL) of the files in `folder` whose name begins with `start`
 * and ends with `end`; there is at least one. Free with corpus_list_free. */
char **corpus_list(const char *folder, const char *start, const char *end);
void corpus_list_free(char **paths);

#endif
