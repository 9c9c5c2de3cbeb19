/* base64.c: bytes as text (RFC 4648 §4). */
#include "base64.h"

#include <stdlib.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *cli_base64_write(const uint8_t *data, size_t len, size_t *text_len)
{
    if (len > SIZE_MAX / 2)
        return NULL;

    char *text = malloc((len + 2) / 3 * 4 + 1);
    if (!text)
        return NULL;
    char *at = text;
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)data[i] << 16 | (uint32_t)(n > 1 ? data[i + 1] : 0) << 8 | (n > 2 ? data[i + 2] : 0);

        *at++ = alphabet[bits >> 18];
        *at++ = alphabet[bits >> 12 & 63];
        *at++ = n > 1 ? alphabet[bits >> 6 & 63] : '=';
        *at++ = n > 2 ? alphabet[bits & 63] : '=';
    }
    *at = '\0';
    *text_len = (size_t)(at - text);
    return text;
}

/* The six bits of a character, or 64. */
static uint32_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

bool cli_base64_read(const char *text, size_t text_len, uint8_t **data, size_t *len)
{
    if (text_len % 4 != 0)
        return false;

    size_t padding = 0;
    while (padding < 2 && padding < text_len && text[text_len - 1 - padding] == '=')
        padding++;
    uint8_t *out = malloc(text_len / 4 * 3 + 1);
    if (!out)
        return false;

    uint32_t bits = 0, bad = 0;
    size_t n = 0;
    for (size_t i = 0; i < text_len; i++) {
        uint32_t value = i < text_len - padding ? value_of(text[i]) : 0;

        bad |= value & 64;
        bits = bits << 6 | (value & 63);
        if (i % 4 == 3) {
            out[n++] = (uint8_t)(bits >> 16);
            out[n++] = (uint8_t)(bits >> 8);
            out[n++] = (uint8_t)bits;
        }
    }
    bad |= bits & ((1u << 8 * padding) - 1); /* the bits that padding leaves over are zero: each value has one text */
    if (bad) {
        free(out);
        return false;
    }
    *data = out;
    *len = n - padding;
    return true;
}
