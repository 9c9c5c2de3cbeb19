/* dtls_tls.h: a TLS client (TLS 1.2, RFC 5246) over memory: for TURN servers behind `turns:`.
 *
 * Sans I/O: bytes of the stream go in and come out; what was decrypted is read, what is to be sent is written. The server's
 * certificate must be signed by one of the authorities and bear the host's name (RFC 6125), or be for its IP address. Its
 * dates are judged by the system's calendar, which mbedTLS looks at itself. */
#ifndef HF_DTLS_TLS_H
#define HF_DTLS_TLS_H

#include <holdfast/certificate.h>
#include <holdfast/io.h>

typedef struct hf_tls hf_tls;

#define HF_TLS_PENDING_MAX ((size_t)256 << 10) /* encrypted bytes that wait to be taken */
#define HF_TLS_INPUT_MAX ((size_t)64 << 10)    /* encrypted bytes that wait to be read */

typedef enum hf_tls_state { HF_TLS_HANDSHAKING = 0, HF_TLS_OPEN, HF_TLS_CLOSED, HF_TLS_FAILED } hf_tls_state;

/* Makes a client for the server `host`, a name or an IP address without brackets; its hello waits to be transmitted. `trust`
 * must outlive it; NULL: nobody is trusted, and it has failed already. HF_EINVAL, HF_ENOMEM. */
HF_CHECKED hf_err hf_tls_new(hf_tls **out, const char *host, const hf_trust *trust, const hf_env *env);
void hf_tls_free(hf_tls *tls); /* NULL is fine; sends nothing */

/* Takes bytes of the stream, all of them or the connection fails: read what they hold before there are more than
 * HF_TLS_INPUT_MAX. */
void hf_tls_input(hf_tls *tls, const uint8_t *bytes, size_t len);

/* Takes out decrypted bytes; 0: none now. */
size_t hf_tls_read(hf_tls *tls, uint8_t *out, size_t cap);

/* Encrypts: all of it, or HF_EAGAIN (too much waits), HF_ESTATE (not open), HF_ENOMEM, and nothing has changed. */
HF_CHECKED hf_err hf_tls_write(hf_tls *tls, const uint8_t *bytes, size_t len);

/* Takes out encrypted bytes, for the stream, where nothing may be left out; 0: none now. Also what is left to say after the
 * end: an alert, close_notify. */
size_t hf_tls_transmit(hf_tls *tls, uint8_t *out, size_t cap);
bool hf_tls_has_output(const hf_tls *tls);

void hf_tls_close(hf_tls *tls); /* close_notify */

hf_tls_state hf_tls_get_state(const hf_tls *tls);

/* FAILED: HF_ECERTIFICATE (not trusted, expired, another name), HF_ENOMEM, HF_EDTLS (any other trouble). The text is static:
 * "the certificate is for another host". */
hf_err hf_tls_cause(const hf_tls *tls);
const char *hf_tls_cause_text(const hf_tls *tls);

#endif
