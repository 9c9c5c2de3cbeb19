/* sdp.h: session descriptions (RFC 8866) in the form that JSEP (RFC 9429) gives them, as far as a data-channel session
 * needs: read any, write our own.
 *
 * A parsed description is a value that holds its own copy of the text; all views in it point into that copy. Unknown lines
 * are skipped and never come out again. */
#ifndef HF_SDP_H
#define HF_SDP_H

#include <holdfast/base.h>
#include <holdfast/certificate.h>

#define HF_SDP_TEXT_MAX 262144        /* bytes of a description */
#define HF_SDP_LINE_MAX 8192          /* bytes of a line */
#define HF_SDP_MEDIA_MAX 64           /* m= sections */
#define HF_SDP_FINGERPRINTS_MAX 16    /* a=fingerprint lines of one section, or of the session */
#define HF_SDP_CANDIDATES_MAX 256     /* a=candidate lines of one section */

typedef enum hf_sdp_setup {
    HF_SDP_SETUP_NONE = 0,
    HF_SDP_ACTPASS,
    HF_SDP_ACTIVE,
    HF_SDP_PASSIVE,
    HF_SDP_HOLDCONN
} hf_sdp_setup;

typedef struct hf_sdp_media {
    hf_bytes kind;      /* "application", "audio", … */
    uint16_t port;      /* 0: rejected, or bundle-only */
    hf_bytes protocol;  /* "UDP/DTLS/SCTP" */
    hf_bytes formats;   /* the rest of the m= line: "webrtc-datachannel" */
    bool is_data;       /* an SCTP data-channel section, in the form of RFC 8841 or the old "DTLS/SCTP" with a=sctpmap */
    hf_bytes mid;       /* empty: absent */
    bool bundle_only;
    bool bundled;       /* its mid is in an a=group:BUNDLE (RFC 9143) */
    size_t bundle;      /* the number of that group, from 1; 0: none */
    bool bundle_tag;    /* it stands first in that group: the others may leave their transport attributes to it */
    /* Transport attributes: the section's own, or the session's where it has none. */
    hf_bytes ufrag, pwd;                /* empty: absent */
    bool trickle, ice_lite, ice2, renomination;
    hf_sdp_setup setup;
    hf_fingerprint fingerprints[HF_SDP_FINGERPRINTS_MAX]; /* those with a hash that we know */
    size_t fingerprints_len;
    size_t fingerprints_unknown;        /* lines with another hash */
    hf_bytes tls_id;                    /* empty: absent */
    bool end_of_candidates;
    const hf_bytes *candidates;         /* each "candidate:…", unparsed */
    size_t candidates_len;
    /* SCTP */
    uint16_t sctp_port;                 /* 0: absent */
    bool has_max_message_size;
    uint64_t max_message_size;
} hf_sdp_media;

typedef struct hf_sdp {
    hf_bytes session_id, session_version; /* from o= */
    const hf_sdp_media *media;
    size_t media_len;
    void *memory; /* for hf_sdp_clear */
} hf_sdp;

/* Where and why a description was refused. */
typedef struct hf_sdp_error {
    size_t line;        /* from 1; 0: the description as a whole */
    const char *reason; /* static text, such as "fingerprint has an odd number of hex digits" */
} hf_sdp_error;

/* Parses. HF_ESYNTAX, HF_ELIMIT, HF_ENOMEM, with *why filled (may be NULL) and *out cleared. Line ends may be CRLF or LF. */
HF_CHECKED hf_err hf_sdp_parse(hf_sdp *out, const char *text, size_t len, hf_sdp_error *why, const hf_env *env);

/* Gives back what the parse allocated. A struct of zeroes is fine. */
void hf_sdp_clear(hf_sdp *sdp, const hf_env *env);

/* Could stand behind "a=": a name, or a name and a value (RFC 8866 §9). */
bool hf_sdp_is_attribute(hf_bytes text);

/* One m= section to write. */
typedef struct hf_sdp_write_media {
    bool rejected;      /* port 0, and no more than kind, protocol, formats and mid: how we answer what we do not do */
    bool unbundled;     /* stays out of a=group:BUNDLE: an answer may not put in what the offer had not (RFC 9143 §7.3) */
    hf_bytes kind, protocol, formats, mid; /* an empty mid is left out */
} hf_sdp_write_media;

/* A description of ours. All strings are the caller's. */
typedef struct hf_sdp_write {
    uint64_t session_id;       /* below 2^63 (RFC 9429 §5.2.1) */
    uint64_t session_version;
    const hf_sdp_write_media *media;
    size_t media_len;
    const char *attribute;     /* of the session, behind "a="; NULL: none */
    /* For each section that is not rejected: */
    const char *ufrag, *pwd;
    bool renomination;         /* among the a=ice-options */
    hf_sdp_setup setup;
    const hf_fingerprint *fingerprints;
    size_t fingerprints_len;
    const char *tls_id;        /* NULL: left out */
    uint16_t sctp_port;
    uint64_t max_message_size;
    hf_addr default_addr;      /* for m= and c=; family NONE: port 9 and 0.0.0.0 (RFC 9429 §5.2.1) */
    const char *const *candidates; /* each "candidate:…" */
    size_t candidates_len;
    bool end_of_candidates;
} hf_sdp_write;

/* Writes with CRLF line ends and a final NUL; *len gets the length without it. HF_EMSGSIZE: `cap` is too small; `out` then
 * holds an empty text. */
HF_CHECKED hf_err hf_sdp_write_text(const hf_sdp_write *description, char *out, size_t cap, size_t *len);

#endif
