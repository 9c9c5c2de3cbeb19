/* recognition.h: the line by which two Holdfast sessions know each other (docs/protocol.md, "Recognition"):
 * "a=holdfast:1 <the writer's session id: 32 hexadecimal digits>". Pure. */
#ifndef HF_RECOGNITION_H
#define HF_RECOGNITION_H

#include "control.h"

#include <holdfast/session.h>

#define HF_RECOGNITION_SIZE (sizeof "holdfast:1 " + 2 * HF_SESSION_ID_BYTES)

/* The id in hexadecimal digits. */
void hf_session_id_write(const uint8_t id[HF_SESSION_ID_BYTES], char out[HF_SESSION_ID_SIZE]);

/* What stands behind "a=". */
void hf_recognition_write(const uint8_t id[HF_SESSION_ID_BYTES], char out[HF_RECOGNITION_SIZE]);

/* The id in a description; false: no such line, more than one, another version, or not an id that can be (zeroes). */
bool hf_recognition_read(const char *sdp, uint8_t id[HF_SESSION_ID_BYTES]);

#endif
