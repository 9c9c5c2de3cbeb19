/* document.c: a text that is edited. */
#include "document.h"

#include "digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cli_document_apply(cli_document *document, const cli_edit *edit)
{
    if (edit->at > document->len || edit->delete_len > document->len - edit->at || edit->insert_len > CLI_DOCUMENT_MAX ||
        document->len - edit->delete_len + edit->insert_len > CLI_DOCUMENT_MAX)
        return false;

    size_t len = document->len - edit->delete_len + edit->insert_len;
    size_t behind = edit->at + edit->delete_len;
    if (len > document->cap) {
        size_t cap = len * 2;
        char *text = realloc(document->text, cap);
        if (!text)
            return false;
        document->text = text;
        document->cap = cap;
    }
    if (len == 0 && !document->text)
        return true;
    memmove(document->text + edit->at + edit->insert_len, document->text + behind, document->len - behind);
    if (edit->insert_len > 0)
        memcpy(document->text + edit->at, edit->insert, edit->insert_len);
    document->len = len;
    return true;
}

void cli_digest_hex(const void *data, size_t len, char out[65])
{
    uint8_t digest[32];

    hf_sha256((hf_bytes){data, len}, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void cli_document_digest(const cli_document *document, char out[65])
{
    cli_digest_hex(document->text, document->len, out);
}

void cli_document_clear(cli_document *document)
{
    free(document->text);
    *document = (cli_document){0};
}
