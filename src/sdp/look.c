/* look.c: one attribute of the session, looked for in a text that is not parsed otherwise. */
#include "sdp_priv.h"

#include "bytes.h"

#include <holdfast/peer.h>

#include <string.h>

static hf_bytes take_line(hf_bytes *rest)
{
    hf_bytes line = hf_sdp_take(rest, '\n');
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool begins_with(hf_bytes line, const char *letter)
{
    return line.len >= 2 && memcmp(line.data, letter, 2) == 0;
}

static bool find(hf_bytes text, const char *name, hf_bytes *value)
{
    size_t found = 0;
    *value = (hf_bytes){0};
    while (text.len > 0) {
        hf_bytes line = take_line(&text);
        if (begins_with(line, "m=")) /* RFC 8866 §5: what follows belongs to a section */
            break;
        if (!begins_with(line, "a="))
            continue;
        line = hf_sdp_skip(line, 2);
        if (!hf_bytes_equal_text(hf_sdp_take(&line, ':'), name))
            continue;
        *value = line;
        found++;
    }
    return found == 1;
}

bool hf_sdp_session_attribute(const char *sdp, const char *name, char *out, size_t cap)
{
    hf_bytes value;
    if (!sdp || !name || !out || cap == 0)
        return false;
    out[0] = '\0';
    if (!find(hf_bytes_of_text(sdp), name, &value) || value.len >= cap)
        return false;
    if (value.len > 0)
        memcpy(out, value.data, value.len);
    out[value.len] = '\0';
    return true;
}

/* RFC 8866 §9: attribute = (attribute-name ":" attribute-value) / attribute-name; byte-string excludes NUL, CR and LF. */
bool hf_sdp_is_attribute(hf_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\0' || text.data[i] == '\r' || text.data[i] == '\n')
            return false;
    }
    hf_bytes rest = text;
    hf_bytes name = hf_sdp_take(&rest, ':');
    return hf_sdp_is_token(name) && (name.len == text.len || rest.len > 0);
}
