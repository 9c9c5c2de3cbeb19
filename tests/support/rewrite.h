/* rewrite.h: a parsed description, written again by our own writer and compared: parse → write → parse keeps what it can.
 *
 * The writer knows one section for data with its transport: the first one of the text is that, all others are rejected. */
#ifndef TEST_REWRITE_H
#define TEST_REWRITE_H

#include "sdp.h"

#define REWRITE_TEXT_MAX (2 * HF_SDP_TEXT_MAX)

/* Writes it again; returns the length. Ends the program when the writer fails. */
size_t rewrite_sdp(const hf_sdp *sdp, char text[REWRITE_TEXT_MAX]);

/* What differs between a description and itself written again and parsed; NULL: nothing. */
const char *rewrite_difference(const hf_sdp *sdp, const hf_sdp *again);

#endif
