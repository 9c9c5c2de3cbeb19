/* text.c: words of a session description, as views. */
#include "sdp_priv.h"

#include "bytes.h"

#include <string.h>

hf_bytes hf_sdp_skip(hf_bytes text, size_t len)
{
    hf_reader r = hf_reader_of(text);
    hf_read_skip(&r, len);
    return r.rest;
}

hf_bytes hf_sdp_take(hf_bytes *rest, char separator)
{
    const uint8_t *at = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
    hf_bytes taken = {rest->data, at ? (size_t)(at - rest->data) : rest->len};
    *rest = hf_sdp_skip(*rest, taken.len + (at ? 1 : 0));
    return taken;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool hf_sdp_is_token(hf_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (!is_alphanumeric(c) && (c == '\0' || !strchr("!#$%&'*+-.^_`{|}~", c)))
            return false;
    }
    return text.len > 0;
}

bool hf_sdp_is_ice_text(hf_bytes text, size_t min, size_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_alphanumeric(text.data[i]) && text.data[i] != '+' && text.data[i] != '/')
            return false;
    }
    return text.len >= min && text.len <= max;
}

bool hf_sdp_is_digits(hf_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]))
            return false;
    }
    return text.len > 0;
}
