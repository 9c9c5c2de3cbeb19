/* trace.h: the event log: what happens inside, as JSON lines in the manner of qlog (draft-ietf-quic-qlog-main-schema).
 *
 * It is opt-in: an environment whose `trace` is NULL costs one branch where an event would be made. One that has it is
 * given a line for each change of a state or a pair, each candidate, and the fate of packets; docs/event-log.md has them
 * all. The first line of a file should be that of hf_trace_header, which tells a reader what the others are.
 *
 * No line holds a password, a key or a payload. User names (ufrags), labels and addresses are in it. Two runs that are
 * handed the same bytes, moments and randomness make the same lines. */
#ifndef HOLDFAST_TRACE_H
#define HOLDFAST_TRACE_H

#include <holdfast/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The longest line, without its end. Texts from outside are cut to fit. */
#define HF_TRACE_LINE_MAX 1024

/* Writes the line that begins a log, NUL-terminated, and returns its length. `title` says what was done (NULL: ""), and
 * `wall_clock` (RFC 3339; may be NULL) what the clock on the wall showed when the caller's clock was at `now`. */
size_t hf_trace_header(char line[HF_TRACE_LINE_MAX + 1], hf_time now, const char *title, const char *wall_clock);

#ifdef __cplusplus
}
#endif
#endif
