/* trace.c: writes the lines of the event log. */
#include "trace.h"

#include "bytes.h"

#include <stdio.h>
#include <string.h>

/* What one text may take of a line, escaped. A whole candidate's members fit thrice. */
#define TEXT_MAX 256

static const char cut_mark[] = "…";

static const char *const names[] = {
#define X(name, text) [HF_TRACE_##name] = text,
    HF_TRACE_MAP(X)
#undef X
};

const char *hf_trace_event_name(hf_trace_event event)
{
    return (unsigned)event < HF_TRACE_COUNT ? names[event] : "";
}

/* --- Fields ---------------------------------------------------------------------------------------------------------- */

hf_trace_field hf_trace_bytes(const char *key, hf_bytes text)
{
    return (hf_trace_field){.key = key, .kind = text.len > 0 ? HF_TRACE_TEXT : HF_TRACE_NOTHING, .u.text = text};
}

hf_trace_field hf_trace_text(const char *key, const char *text)
{
    return hf_trace_bytes(key, hf_bytes_of_text(text));
}

hf_trace_field hf_trace_addr(const char *key, const hf_addr *addr)
{
    bool is_there = addr && addr->family != HF_FAMILY_NONE;
    return (hf_trace_field){.key = key, .kind = is_there ? HF_TRACE_ADDR : HF_TRACE_NOTHING, .u.addr = addr};
}

hf_trace_field hf_trace_cause(hf_err cause)
{
    return hf_trace_text("cause", cause == HF_OK ? NULL : hf_err_name(cause));
}

hf_trace_field hf_trace_ms(const char *key, hf_span span)
{
    return (hf_trace_field){.key = key, .kind = span > 0 ? HF_TRACE_MILLISECONDS : HF_TRACE_NOTHING, .u.span = span};
}

/* --- JSON (RFC 8259) ------------------------------------------------------------------------------------------------- */

/* How many bytes the first character of `text` has; 0: it is none (RFC 3629 §4). */
static size_t character(hf_bytes text)
{
    size_t len = text.data[0] < 0x80 ? 1 : text.data[0] < 0xE0 ? 2 : text.data[0] < 0xF0 ? 3 : 4;
    return len <= text.len && hf_bytes_are_utf8(hf_bytes_of(text.data, len)) ? len : 0;
}

static void put(hf_writer *w, const char *text)
{
    hf_write_bytes(w, hf_bytes_of_text(text));
}

/* One character as RFC 8259 §7 wants it; returns its length in `out`. */
static size_t escape(hf_bytes character, char out[8])
{
    uint8_t c = character.data[0];
    if (c == '"' || c == '\\')
        return (size_t)snprintf(out, 8, "\\%c", c);
    if (c < 0x20 || c == 0x7F)
        return (size_t)snprintf(out, 8, "\\u%04x", c);
    memcpy(out, character.data, character.len);
    return character.len;
}

static void put_string(hf_writer *w, hf_bytes text)
{
    size_t first = w->len, at = 0;
    put(w, "\"");
    while (at < text.len) {
        static const uint8_t replacement[] = {0xEF, 0xBF, 0xBD}; /* U+FFFD */
        hf_bytes rest = hf_bytes_of(text.data + at, text.len - at);
        size_t len = character(rest);
        char escaped[8];
        size_t escaped_len = escape(len > 0 ? hf_bytes_of(rest.data, len) : hf_bytes_of(replacement, 3), escaped);
        if (w->len - first + escaped_len > TEXT_MAX) {
            put(w, cut_mark);
            break;
        }
        hf_write_bytes(w, hf_bytes_of(escaped, escaped_len));
        at += len > 0 ? len : 1;
    }
    put(w, "\"");
}

static void put_number(hf_writer *w, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    hf_write_bytes(w, hf_bytes_of(digits + at, sizeof digits - at));
}

/* Microseconds as milliseconds with three decimals. */
static void put_milliseconds(hf_writer *w, int64_t us)
{
    uint64_t magnitude = us < 0 ? 0 : (uint64_t)us;
    char decimals[5];
    put_number(w, magnitude / 1000);
    snprintf(decimals, sizeof decimals, ".%03u", (unsigned)(magnitude % 1000));
    put(w, decimals);
}

static void put_value(hf_writer *w, const hf_trace_field *field)
{
    char text[HF_ADDR_TEXT_SIZE];
    switch (field->kind) {
    case HF_TRACE_NOTHING:
        break;
    case HF_TRACE_TEXT:
        put_string(w, field->u.text);
        break;
    case HF_TRACE_NUMBER:
        put_number(w, field->u.number);
        break;
    case HF_TRACE_ID:
        put(w, "\"");
        put_number(w, field->u.number);
        put(w, "\"");
        break;
    case HF_TRACE_BOOL:
        put(w, field->u.flag ? "true" : "false");
        break;
    case HF_TRACE_MILLISECONDS:
        put_milliseconds(w, field->u.span);
        break;
    case HF_TRACE_ADDR:
        put_string(w, hf_bytes_of_text(hf_addr_write(field->u.addr, text)));
        break;
    }
}

static void put_member(hf_writer *w, const hf_trace_field *field)
{
    put(w, "\"");
    put(w, field->key);
    put(w, "\":");
    put_value(w, field);
}

/* A member that does not fit is left out whole. */
static void put_members(hf_writer *w, const hf_trace_field *fields, size_t n)
{
    bool is_first = true;
    for (size_t i = 0; i < n; i++) {
        if (fields[i].kind == HF_TRACE_NOTHING)
            continue;
        hf_writer before = *w;
        if (!is_first)
            put(w, ",");
        put_member(w, &fields[i]);
        if (w->ok)
            is_first = false;
        else
            *w = before;
    }
}

void hf_trace_write(const hf_env *env, hf_time now, hf_trace_event event, const hf_trace_field *fields, size_t n)
{
    enum { END_MAX = 40 }; /* "},"group_id":"18446744073709551615"} */
    uint8_t line[HF_TRACE_LINE_MAX];
    hf_writer w = hf_writer_of(line, sizeof line - END_MAX);
    put(&w, "{\"time\":");
    put_milliseconds(&w, now);
    put(&w, ",\"name\":\"");
    put(&w, hf_trace_event_name(event));
    put(&w, "\",\"data\":{");
    put_members(&w, fields, n);
    w.cap = sizeof line;
    put(&w, "}");
    if (env->trace_group != 0) {
        const hf_trace_field group = hf_trace_id("group_id", env->trace_group);
        put(&w, ",");
        put_member(&w, &group);
    }
    put(&w, "}");
    env->trace(env->context, (const char *)line, w.len);
}

/* draft-ietf-quic-qlog-main-schema §5 (QlogFileSeq), with line ends where JSON-SEQ (RFC 7464) has record separators. */
size_t hf_trace_header(char line[HF_TRACE_LINE_MAX + 1], hf_time now, const char *title, const char *wall_clock)
{
    const hf_trace_field name = {.key = "title", .kind = HF_TRACE_TEXT, .u.text = hf_bytes_of_text(title)};
    const hf_trace_field clock[] = {hf_trace_text("wall_clock_time", wall_clock), hf_trace_ms("wall_clock_at", now)};
    hf_writer w = hf_writer_of((uint8_t *)line, HF_TRACE_LINE_MAX);
    put(&w, "{\"file_schema\":\"urn:ietf:params:qlog:file:sequential\",\"serialization_format\":\"application/x-ndjson\",");
    put_member(&w, &name);
    put(&w,
        ",\"trace\":{\"event_schemas\":[\"urn:holdfast:events:1\"],\"common_fields\":{\"time_format\":\"relative_to_epoch\","
        "\"reference_time\":{\"clock_type\":\"monotonic\",\"epoch\":\"unknown\"");
    if (wall_clock) {
        put(&w, ",");
        put_members(&w, clock, sizeof clock / sizeof *clock);
    }
    put(&w, "}},\"vantage_point\":{\"name\":\"holdfast\",\"type\":\"unknown\"}}}");
    line[w.len] = '\0';
    return w.len;
}
