/* drop.h: why packets and messages are thrown away. Each is counted by its cause, in one table for all layers. */
#ifndef HOLDFAST_DROP_H
#define HOLDFAST_DROP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The layer that drops, and the name of the cause. */
#define HF_DROP_MAP(X)                                                                                                      \
    X(UDP, OVERSIZE, "oversize")                /* larger than HF_DATAGRAM_MAX, or empty */                                 \
    X(UDP, NOT_EXPECTED, "not_expected")        /* of a protocol that this connection does not carry (RFC 7983) */          \
    X(UDP, EARLY, "early")                      /* before the remote's description, above the bound */                      \
    X(UDP, NO_ROUTE, "no_route")                /* ours, while there was no pair to send them by */                         \
    X(UDP, STREAM_FULL, "stream_full")          /* ours, while the TLS stream that they go by has no room */                \
    X(ICE, STUN_MALFORMED, "stun_malformed")    /* neither STUN nor anything else that it could be, or broken STUN */       \
    X(ICE, STUN_INTEGRITY, "stun_integrity")    /* missing or wrong MESSAGE-INTEGRITY, FINGERPRINT or user name */          \
    X(ICE, STUN_UNMATCHED, "stun_unmatched")    /* a response to nothing that we sent, or from elsewhere than asked */      \
    X(ICE, RATE, "rate")                        /* answers not given, to protect a third party or ourselves */              \
    X(ICE, FRAME, "frame")                      /* of a stream: longer than HF_DATAGRAM_MAX, or more than is kept */        \
    X(ICE, UNKNOWN_PATH, "unknown_path")        /* data from an address that no check has authenticated */                  \
    X(DTLS, DTLS_MALFORMED, "dtls_malformed")   /* not a DTLS record, or one that overruns its datagram */                  \
    X(DTLS, DTLS_RECORD, "dtls_record")         /* forged, replayed, of an unknown epoch, or too many for one call */       \
    X(DTLS, DTLS_REASSEMBLY, "dtls_reassembly") /* ClientHello fragments that contradict each other or a limit */           \
    X(DTLS, DTLS_EARLY, "dtls_early")           /* before start, more than is kept; or data before the handshake */         \
    X(SCTP, SCTP_CHECKSUM, "sctp_checksum")     /* RFC 9260 §6.8 */                                                        \
    X(SCTP, SCTP_MALFORMED, "sctp_malformed")   /* chunks that overrun their packet */                                      \
    X(SCTP, SCTP_EARLY, "sctp_early")           /* before the association begins, or after its end */                       \
    X(SCTP, SCTP_OUTPUT, "sctp_output")         /* ours, that a driver did not take in time */                              \
    X(SCTP, DCEP, "dcep")                       /* malformed or senseless channel openings (RFC 8832) */                    \
    X(SCTP, UNKNOWN_STREAM, "unknown_stream")   /* messages on a stream without a channel, or of an unknown kind (PPID) */

typedef enum hf_drop {
#define X(layer, name, text) HF_DROP_##name,
    HF_DROP_MAP(X)
#undef X
        HF_DROP_COUNT
} hf_drop;

/* Counters, one for each cause. */
typedef struct hf_drops {
    uint64_t by_cause[HF_DROP_COUNT];
} hf_drops;

/* The cause's name: "unknown_path". Static; "" for a number that is none. */
const char *hf_drop_name(hf_drop cause);

#ifdef __cplusplus
}
#endif
#endif
