/* field.c: see field.h. */
#include "field.h"

#include "bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FRAMED "holdfast/1;"

hf_err hf_field_read(const char *text, hf_field *out)
{
    if (strncmp(text, FRAMED, strlen(FRAMED)) != 0)
        return HF_ENOENT;
    const char *number = text + strlen(FRAMED);
    size_t len = strcspn(number, ";");
    out->protocol = number[len] == ';' ? number + len + 1 : "";
    bool ok = hf_parse_decimal(hf_bytes_of(number, len), HF_INCARNATION_MAX, &out->incarnation);
    return ok && out->incarnation > 0 ? HF_OK : HF_ESYNTAX;
}

char *hf_field_write(const hf_env *env, const hf_field *field)
{
    size_t size = HF_FIELD_HEAD_MAX + strlen(field->protocol) + 1;
    char *text = hf_alloc(env, size);
    if (text)
        snprintf(text, size, FRAMED "%" PRIu64 "%s%s", field->incarnation, field->protocol[0] ? ";" : "", field->protocol);
    return text;
}
