/* document.h: a text that is edited, here and, by the same edits, over there. Pure. */
#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLI_DOCUMENT_MAX ((size_t)1 << 20)

/* Zeroes are an empty text. */
typedef struct cli_document {
    char *text;
    size_t len, cap;
} cli_document;

typedef struct cli_edit {
    size_t at, delete_len;
    const char *insert;
    size_t insert_len;
} cli_edit;

/* False: the edit reaches beyond the text, or the text would grow beyond its limit; nothing has changed. */
bool cli_document_apply(cli_document *document, const cli_edit *edit);

/* The SHA-256 of the text in hexadecimal digits. */
void cli_document_digest(const cli_document *document, char out[65]);

void cli_digest_hex(const void *data, size_t len, char out[65]);
void cli_document_clear(cli_document *document);

#endif
