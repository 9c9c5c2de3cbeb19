/* secured.h: TLS between the streams of an ICE agent and the driver, which knows plain streams alone (RFC 7065 `turns:`).
 *
 * It stands between the two with a face like ICE's own: requests pass through it to the driver, replies to ICE. A CONNECT
 * with `tls` becomes a plain one, and is answered when the server has shown a certificate that holds; what ICE sends on such
 * a stream is encrypted, and what the driver brings decrypted. */
#ifndef HF_PEER_SECURED_H
#define HF_PEER_SECURED_H

#include "dtls_tls.h"
#include "trace.h"

#include <holdfast/ice.h>

typedef struct hf_secured_stream hf_secured_stream;

/* For each relay one, as many that are about to end. */
#define HF_SECURED_STREAMS_MAX (2 * HF_ICE_RELAYS_MAX)

typedef struct hf_secured {
    const hf_env *env;
    const hf_trust *trust;
    hf_ice *ice;
    hf_time now; /* of the last call that told it */
    hf_secured_stream *streams;
    size_t streams_len;
    hf_drops drops;
} hf_secured;

/* `trust` and `ice` must outlive it. */
void hf_secured_init(hf_secured *secured, const hf_trust *trust, hf_ice *ice, const hf_env *env);
void hf_secured_clear(hf_secured *secured); /* a struct of zeroes is fine */

bool hf_secured_poll_request(hf_secured *secured, hf_request *out);
void hf_secured_reply(hf_secured *secured, hf_time now, const hf_reply *reply);

bool hf_secured_has(const hf_secured *secured, const hf_path *path);

/* Takes the bytes of a stream that is secured. */
void hf_secured_input(hf_secured *secured, hf_time now, const hf_datagram *bytes);

/* Gives the next bytes for ICE that the last input has brought; false: there are none now. They stay valid until the next
 * call, and may be overwritten. */
bool hf_secured_poll_input(hf_secured *secured, hf_time now, const hf_path *path, hf_datagram *out);

/* Encrypts what ICE sends, where its stream is secured. False: nothing is to be sent. What the stream has no room for is
 * lost, as on a network. */
bool hf_secured_seal(hf_secured *secured, hf_transmit *out);

/* Gives encrypted bytes that wait; false: there are none now. */
bool hf_secured_poll_transmit(hf_secured *secured, hf_transmit *out);

/* Says goodbye on all of them: for the end of the connection. What is left to say is there to be transmitted. */
void hf_secured_close(hf_secured *secured);

hf_time hf_secured_deadline(const hf_secured *secured);
void hf_secured_tick(hf_secured *secured, hf_time now);

#endif
