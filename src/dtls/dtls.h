/* dtls.h: DTLS 1.2 (RFC 6347) over memory, as WebRTC uses it (RFC 8827 §6.5, RFC 8842): self-signed certificates, each
 * side checked against the fingerprint from the description before one application byte is handed up.
 *
 * Sans I/O; paths are none of its business. Retransmission runs by the caller's clock: it doubles up to three seconds, and
 * a handshake that gets no answer ends with HF_ETIMEDOUT after about a minute. A server that hears nothing at all waits
 * without end. mbedTLS does the handshake; sealing and opening records stand behind record.h, so that another record layer
 * can take their place.
 *
 * Whatever a stranger sends is counted and dropped. Two things nothing protects in DTLS 1.2: a handshake message in the
 * clear, forged and in the right place, can end an attempt; an alert in the clear ends one when a second passes without
 * progress. */
#ifndef HF_DTLS_H
#define HF_DTLS_H

#include <holdfast/certificate.h>
#include <holdfast/drop.h>
#include <holdfast/io.h>

typedef struct hf_dtls hf_dtls;

#define HF_DTLS_FINGERPRINTS_MAX 16
#define HF_DTLS_FIRST_TIMEOUT HF_MS(100) /* first retransmission, where the round trip is not known */
#define HF_DTLS_HELLO_MAX 16384          /* bytes of a fragmented ClientHello that are put together */
#define HF_DTLS_OVERHEAD_MAX 37          /* what sealing adds to a packet at the most (AES-GCM) */

typedef enum hf_dtls_role { HF_DTLS_CLIENT, HF_DTLS_SERVER } hf_dtls_role;

typedef struct hf_dtls_config {
    hf_dtls_role role;
    const hf_certificate *certificate;  /* required; must outlive the object */
    size_t mtu;                         /* the largest datagram; 0: HF_MTU_DEFAULT */
    hf_span first_timeout;              /* 0: HF_DTLS_FIRST_TIMEOUT. One and a half round trips are good; at least 20 ms */
    const hf_fingerprint *fingerprints; /* the remote's, at least one: its certificate must match one of those with the
                                           strongest hash */
    size_t fingerprints_len;
} hf_dtls_config;

/* HF_EINVAL: no certificate, no fingerprint, no randomness. HF_ELIMIT: too many fingerprints. HF_ENOMEM. */
HF_CHECKED hf_err hf_dtls_new(hf_dtls **out, const hf_dtls_config *config, const hf_env *env);
void hf_dtls_free(hf_dtls *dtls); /* NULL is fine; sends nothing */

/* Begins: a client's first flight is then there to be taken by poll_transmit. */
void hf_dtls_start(hf_dtls *dtls, hf_time now);

/* Takes datagrams (before start too: they are kept, bounded, until then). Opens records in place: `packets` receives views
 * into the datagrams' memory, application data only, in order; returns how many. They stay valid as long as that memory.
 * When there are more than `cap`, the rest is dropped and counted; n + 8 is plenty. */
size_t hf_dtls_input(hf_dtls *dtls, hf_time now, hf_datagram *datagrams, size_t n, hf_bytes *packets, size_t cap);

/* Writes handshake datagrams and alerts, each in its `wrap` (NULL: nothing around it), which counts in out->segment; false:
 * none. out->path is left alone. */
bool hf_dtls_poll_transmit(hf_dtls *dtls, hf_time now, const hf_wrap *wrap, hf_transmit *out);

/* Seals application packets, one record and datagram each, behind each other into `out`, and returns how many it took: it
 * stops before one that would break the run (longer than the first) and behind one that ends it (shorter), or when
 * room or packets end. 0 before the handshake is done, after the end, and while handshake datagrams wait to be taken, for it
 * must not overtake them: call hf_dtls_poll_transmit first. A packet of more than mtu - overhead is never
 * given. `wrap` and out->path as above. */
size_t hf_dtls_seal(hf_dtls *dtls, const hf_bytes *packets, size_t n, const hf_wrap *wrap, hf_transmit *out);

/* Sends close_notify (RFC 5246 §7.2.1) once; nothing can be sealed after it. */
void hf_dtls_close(hf_dtls *dtls, hf_time now);

/* The path works again after an outage: a flight that has waited long enough is due now. */
void hf_dtls_kick(hf_dtls *dtls, hf_time now);

hf_time hf_dtls_deadline(const hf_dtls *dtls);
void hf_dtls_tick(hf_dtls *dtls, hf_time now);

typedef enum hf_dtls_event_type {
    HF_DTLS_CONNECTED = 1, /* the remote has shown the certificate that it should, and both Finished are in */
    HF_DTLS_FAILED,        /* cause: HF_EFINGERPRINT, HF_EDTLS, HF_ETIMEDOUT, HF_ENOMEM */
    HF_DTLS_CLOSED         /* the remote sent close_notify */
} hf_dtls_event_type;

typedef struct hf_dtls_event {
    hf_dtls_event_type type;
    hf_err cause; /* FAILED */
} hf_dtls_event;

bool hf_dtls_poll_event(hf_dtls *dtls, hf_dtls_event *out);

/* The W3C's word (RTCDtlsTransportState): "new", "connecting", "connected", "closed" or "failed". Static. */
const char *hf_dtls_state_name(const hf_dtls *dtls);

/* What was agreed (W3C RTCTransportStats): static strings, "" before. The cipher has IANA's name, the
 * version is "FEFD". */
const char *hf_dtls_cipher(const hf_dtls *dtls);
const char *hf_dtls_version(const hf_dtls *dtls);

/* The remote's certificate in DER, for those who pin it; empty before the handshake is done. */
hf_bytes hf_dtls_remote_certificate(const hf_dtls *dtls);

/* A hash of it. HF_ESTATE: before the handshake is done. HF_EINVAL: no hash of ours. HF_ENOMEM. */
HF_CHECKED hf_err hf_dtls_remote_fingerprint(const hf_dtls *dtls, hf_hash hash, hf_fingerprint *out);

typedef struct hf_dtls_stats {
    uint64_t records_sent, records_received; /* application data */
    uint64_t handshake_datagrams_sent, handshake_datagrams_received;
    hf_drops drops; /* HF_DROP_DTLS_MALFORMED to HF_DROP_DTLS_EARLY */
} hf_dtls_stats;

void hf_dtls_get_stats(const hf_dtls *dtls, hf_dtls_stats *out);

#endif
