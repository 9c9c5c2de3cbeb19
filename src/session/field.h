/* field.h: the protocol field of the OPEN of a framed channel (docs/protocol.md, "Channels"):
 * "holdfast/1;<incarnation>[;<the application's subprotocol>]". Pure. */
#ifndef HF_FIELD_H
#define HF_FIELD_H

#include "alloc.h"

/* With its side it stands in one varint. */
#define HF_INCARNATION_MAX (((uint64_t)1 << 61) - 1)

/* What it has beside the subprotocol, at most. */
#define HF_FIELD_HEAD_MAX (sizeof "holdfast/1;2305843009213693951;" - 1)

typedef struct hf_field {
    uint64_t incarnation;
    const char *protocol; /* within the text that was read */
} hf_field;

/* HF_ENOENT: another field, so that the channel is a plain one. HF_ESYNTAX: it begins as one, and goes on otherwise. */
HF_CHECKED hf_err hf_field_read(const char *text, hf_field *out);

/* Memory for the text; NULL: there is none. */
char *hf_field_write(const hf_env *env, const hf_field *field);

#endif
