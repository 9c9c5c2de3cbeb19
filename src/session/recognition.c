/* recognition.c: see recognition.h. */
#include "recognition.h"

#include <stdio.h>
#include <string.h>

#define NAME "holdfast"
#define VERSION "1 "

void hf_session_id_write(const uint8_t id[HF_SESSION_ID_BYTES], char out[HF_SESSION_ID_SIZE])
{
    for (size_t i = 0; i < HF_SESSION_ID_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", id[i]);
}

void hf_recognition_write(const uint8_t id[HF_SESSION_ID_BYTES], char out[HF_RECOGNITION_SIZE])
{
    char digits[HF_SESSION_ID_SIZE];
    hf_session_id_write(id, digits);
    snprintf(out, HF_RECOGNITION_SIZE, NAME ":" VERSION "%s", digits);
}

static bool read_digit(char c, uint8_t *out)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    *out = at ? (uint8_t)((at - digits) % 16) : 0;
    return at != NULL;
}

bool hf_recognition_read(const char *sdp, uint8_t id[HF_SESSION_ID_BYTES])
{
    static const uint8_t nobody[HF_SESSION_ID_BYTES];
    char value[sizeof VERSION + 2 * HF_SESSION_ID_BYTES];
    uint8_t read[HF_SESSION_ID_BYTES], high, low;
    if (!hf_sdp_session_attribute(sdp, NAME, value, sizeof value) || strlen(value) != sizeof value - 1 ||
        strncmp(value, VERSION, strlen(VERSION)) != 0)
        return false;
    for (size_t i = 0; i < HF_SESSION_ID_BYTES; i++) {
        const char *digits = value + strlen(VERSION) + 2 * i;
        if (!read_digit(digits[0], &high) || !read_digit(digits[1], &low))
            return false;
        read[i] = (uint8_t)(high << 4 | low);
    }
    if (memcmp(read, nobody, sizeof nobody) == 0) /* control.h: an id that is not known */
        return false;
    memcpy(id, read, sizeof read);
    return true;
}
