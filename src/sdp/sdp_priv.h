/* sdp_priv.h: what the files of this layer share: views of text, the parser's state, and the attribute table's door. */
#ifndef HF_SDP_PRIV_H
#define HF_SDP_PRIV_H

#include "sdp.h"

/* --- text.c: words, as views --- */

/* Takes what stands before the next `separator` and drops the separator; takes everything where there is none. */
hf_bytes hf_sdp_take(hf_bytes *rest, char separator);

/* The text without its first `len` bytes; empty when it is not longer. */
hf_bytes hf_sdp_skip(hf_bytes text, size_t len);

bool hf_sdp_is_token(hf_bytes text);                            /* RFC 8866 §9, token */
bool hf_sdp_is_ice_text(hf_bytes text, size_t min, size_t max); /* RFC 8839 §5.1, ice-char */
bool hf_sdp_is_digits(hf_bytes text);

/* --- parse.c --- */

/* More BUNDLE groups than there can be sections make no sense. */
#define SDP_GROUPS_MAX HF_SDP_MEDIA_MAX

/* Rows of the table in attribute.c, with room to grow. */
#define SDP_ATTRIBUTES_MAX 16

typedef struct sdp_parser {
    size_t line; /* of what is being read, from 1 */
    hf_sdp_error *why;
    hf_sdp_media *session; /* collects the session's transport attributes; the sections stand behind it */
    hf_sdp_media *section; /* the one being read: session, or one of media */
    hf_sdp_media *media;
    size_t media_len;
    size_t section_line;             /* of the section's m= */
    hf_bytes *candidates;            /* room for all that the text has */
    size_t candidates_len;           /* of all sections */
    hf_bytes groups[SDP_GROUPS_MAX]; /* the mids of each a=group:BUNDLE */
    size_t groups_len;
    hf_bytes attribute;                /* the a= line being read, behind "a=" */
    hf_bytes seen[SDP_ATTRIBUTES_MAX]; /* values of the section's attributes that may not be contradicted, by row */
} sdp_parser;

/* Notes the line and the static reason, and returns `err`. */
HF_CHECKED hf_err hf_sdp_refuse(sdp_parser *p, hf_err err, const char *reason);

/* --- attribute.c --- */

extern const char *const hf_sdp_setup_names[]; /* by hf_sdp_setup, RFC 4145 §4; none for HF_SDP_SETUP_NONE */

/* Reads the a= line `text` (behind "a=") into p->section. Attributes that are not known are skipped. */
HF_CHECKED hf_err hf_sdp_read_attribute(sdp_parser *p, hf_bytes text);

/* --- media.c --- */

/* Reads the m= line `text` (behind "m=") into p->section. */
HF_CHECKED hf_err hf_sdp_read_media(sdp_parser *p, hf_bytes text);

/* Whether the section's m= line is of the old form "DTLS/SCTP 5000", with this number (draft-ietf-mmusic-sctp-sdp-06). */
bool hf_sdp_is_old_form(const hf_sdp_media *section, hf_bytes number);

#endif
