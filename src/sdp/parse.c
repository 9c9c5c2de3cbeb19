/* parse.c: from text to a description. A first walk measures what must be allocated, a second one reads. */
#include "sdp_priv.h"

#include "alloc.h"
#include "bytes.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

hf_err hf_sdp_refuse(sdp_parser *p, hf_err err, const char *reason)
{
    if (p->why)
        *p->why = (hf_sdp_error){.line = p->line, .reason = reason};
    return err;
}

static hf_err refuse_at(sdp_parser *p, size_t line, hf_err err, const char *reason)
{
    p->line = line;
    return hf_sdp_refuse(p, err, reason);
}

/* --- Lines --- */

typedef struct sdp_line {
    char type;      /* the letter before the "=" */
    hf_bytes value; /* behind it, without the line end */
} sdp_line;

/* Takes the next line off `rest`. RFC 8866 §5: lines end with CRLF, a lone LF should be accepted too; it may be missing from
 * the last line. */
static hf_err take_line(sdp_parser *p, hf_bytes *rest, sdp_line *out)
{
    hf_bytes line = hf_sdp_take(rest, '\n');
    p->line++;
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    if (line.len > HF_SDP_LINE_MAX)
        return hf_sdp_refuse(p, HF_ELIMIT, "the line is too long");
    if (line.len < 2 || line.data[0] < 'a' || line.data[0] > 'z' || line.data[1] != '=')
        return hf_sdp_refuse(p, HF_ESYNTAX, "the line does not have the form <letter>=<value>");
    if (memchr(line.data, '\0', line.len) || memchr(line.data, '\r', line.len))
        return hf_sdp_refuse(p, HF_ESYNTAX, "the line has a NUL or a CR inside");
    *out = (sdp_line){.type = (char)line.data[0], .value = hf_sdp_skip(line, 2)};
    return HF_OK;
}

/* Leaves out empty lines at the end: descriptions get them when they are pasted. */
static hf_bytes without_empty_lines(hf_bytes text)
{
    for (size_t len = text.len; len > 0 && (text.data[len - 1] == '\n' || text.data[len - 1] == '\r'); len--)
        text.len = len - 1;
    return text;
}

/* --- The first walk --- */

typedef struct sdp_counts {
    size_t media;
    size_t candidates;
} sdp_counts;

static hf_err measure(sdp_parser *p, hf_bytes text, sdp_counts *out)
{
    *out = (sdp_counts){0};
    if (text.len > HF_SDP_TEXT_MAX)
        return hf_sdp_refuse(p, HF_ELIMIT, "the description is too long");
    while (text.len > 0) {
        sdp_line line;
        hf_err err = take_line(p, &text, &line);
        if (err)
            return err;
        if (line.type == 'm' && out->media++ == HF_SDP_MEDIA_MAX)
            return hf_sdp_refuse(p, HF_ELIMIT, "there are too many m= sections");
        if (line.type == 'a' && hf_bytes_equal_text(hf_sdp_take(&line.value, ':'), "candidate"))
            out->candidates++;
    }
    p->line = 0;
    return HF_OK;
}

static_assert(sizeof(hf_sdp_media) % alignof(hf_bytes) == 0, "candidates may stand behind sections");

/* Lays the sections (the session's own attributes first), the candidates and the text into one block. */
static hf_err allocate(sdp_parser *p, const sdp_counts *counts, hf_bytes *text, const hf_env *env)
{
    size_t sections_size = (counts->media + 1) * sizeof(hf_sdp_media);
    size_t candidates_size = counts->candidates * sizeof(hf_bytes);
    uint8_t *memory = hf_alloc(env, sections_size + candidates_size + text->len);
    if (!memory)
        return hf_sdp_refuse(p, HF_ENOMEM, "out of memory");

    p->session = (void *)memory;
    p->media = p->session + 1;
    p->section = p->session;
    p->candidates = (void *)(memory + sections_size);
    uint8_t *copy = memory + sections_size + candidates_size;
    if (text->len > 0)
        memcpy(copy, text->data, text->len);
    text->data = copy;
    return HF_OK;
}

/* --- The second walk --- */

/* o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address> (RFC 8866 §5.2) */
static hf_err read_origin(sdp_parser *p, hf_bytes text, hf_sdp *out)
{
    hf_bytes fields[6];
    bool complete = true;
    for (size_t i = 0; i < 6; i++) {
        fields[i] = hf_sdp_take(&text, ' ');
        complete = complete && fields[i].len > 0;
    }
    if (!complete || text.len > 0)
        return hf_sdp_refuse(p, HF_ESYNTAX, "the o= line does not have six fields");
    if (!hf_sdp_is_digits(fields[1]) || !hf_sdp_is_digits(fields[2]))
        return hf_sdp_refuse(p, HF_ESYNTAX, "the o= line's id or version is not a number");
    out->session_id = fields[1];
    out->session_version = fields[2];
    return HF_OK;
}

/* The lines that must come first. s= and t= say nothing to us and are not missed. */
static hf_err read_header(sdp_parser *p, hf_bytes *text, hf_sdp *out)
{
    sdp_line line;
    if (text->len == 0)
        return hf_sdp_refuse(p, HF_ESYNTAX, "the description is empty");
    hf_err err = take_line(p, text, &line);
    if (err)
        return err;
    if (line.type != 'v' || !hf_bytes_equal_text(line.value, "0"))
        return hf_sdp_refuse(p, HF_ESYNTAX, "the first line is not v=0");
    if (text->len == 0)
        return refuse_at(p, 0, HF_ESYNTAX, "the description ends before its o= line");
    err = take_line(p, text, &line);
    if (err)
        return err;
    if (line.type != 'o')
        return hf_sdp_refuse(p, HF_ESYNTAX, "the second line is not o=");
    return read_origin(p, line.value, out);
}

static void inherit_text(hf_bytes *own, hf_bytes session)
{
    if (own->len == 0)
        *own = session;
}

/* RFC 8839 §5.4, RFC 8122 §5, RFC 4145 §4: a value of the session holds for each section that has none of its own. */
static void inherit(hf_sdp_media *section, const hf_sdp_media *session)
{
    inherit_text(&section->ufrag, session->ufrag);
    inherit_text(&section->pwd, session->pwd);
    inherit_text(&section->tls_id, session->tls_id);
    if (section->setup == HF_SDP_SETUP_NONE)
        section->setup = session->setup;
    if (section->fingerprints_len + section->fingerprints_unknown == 0) {
        memcpy(section->fingerprints, session->fingerprints, sizeof section->fingerprints);
        section->fingerprints_len = session->fingerprints_len;
        section->fingerprints_unknown = session->fingerprints_unknown;
    }
    section->trickle |= session->trickle;
    section->ice2 |= session->ice2;
    section->renomination |= session->renomination;
    section->ice_lite |= session->ice_lite;
    section->end_of_candidates |= session->end_of_candidates;
}

/* RFC 9143 §7: finds the group of the section's mid, and whether it stands first there. */
static hf_err read_bundle(sdp_parser *p, hf_sdp_media *section)
{
    for (size_t i = 0; i < p->groups_len && section->mid.len > 0; i++) {
        hf_bytes group = p->groups[i];
        for (bool first = true; group.len > 0; first = false) {
            if (!hf_bytes_equal(hf_sdp_take(&group, ' '), section->mid) || section->bundle == i + 1)
                continue;
            if (section->bundle != 0)
                return refuse_at(p, p->section_line, HF_ESYNTAX, "the section's mid is in two BUNDLE groups");
            section->bundle = i + 1;
            section->bundle_tag = first;
        }
    }
    section->bundled = section->bundle != 0;
    return HF_OK;
}

/* Completes the section that was being read, at the next m= or at the end. */
static hf_err close_section(sdp_parser *p)
{
    hf_sdp_media *section = p->section;
    if (section == p->session)
        return HF_OK;
    inherit(section, p->session);
    if ((section->ufrag.len > 0) != (section->pwd.len > 0))
        return refuse_at(p, p->section_line, HF_ESYNTAX, "the section has only one of ice-ufrag and ice-pwd");
    return read_bundle(p, section);
}

static hf_err open_section(sdp_parser *p, hf_bytes text)
{
    size_t line = p->line;
    hf_err err = close_section(p);
    if (err)
        return err;
    memset(p->seen, 0, sizeof p->seen);
    p->section = &p->media[p->media_len++];
    p->section->candidates = p->candidates + p->candidates_len;
    p->section_line = line;
    return hf_sdp_read_media(p, text);
}

static hf_err read_line(sdp_parser *p, const sdp_line *line)
{
    switch (line->type) {
    case 'a':
        return hf_sdp_read_attribute(p, line->value);
    case 'm':
        return open_section(p, line->value);
    case 'v':
    case 'o':
        return hf_sdp_refuse(p, HF_ESYNTAX, "v= and o= stand at the beginning only");
    default: /* s, i, u, e, p, c, b, t, r, z, k and what is not known */
        return HF_OK;
    }
}

static hf_err read_lines(sdp_parser *p, hf_bytes text, hf_sdp *out)
{
    hf_err err = read_header(p, &text, out);
    while (!err && text.len > 0) {
        sdp_line line;
        err = take_line(p, &text, &line);
        if (!err)
            err = read_line(p, &line);
    }
    return err ? err : close_section(p);
}

hf_err hf_sdp_parse(hf_sdp *out, const char *text, size_t len, hf_sdp_error *why, const hf_env *env)
{
    sdp_parser p = {.why = why};
    hf_bytes lines = without_empty_lines(hf_bytes_of(text, len));
    sdp_counts counts;

    *out = (hf_sdp){0};
    if (why)
        *why = (hf_sdp_error){0};
    hf_err err = measure(&p, lines, &counts);
    if (!err)
        err = allocate(&p, &counts, &lines, env);
    if (err)
        return err;

    err = read_lines(&p, lines, out);
    if (err) {
        hf_dealloc(env, p.session);
        *out = (hf_sdp){0};
        return err;
    }
    out->media = p.media;
    out->media_len = p.media_len;
    out->memory = p.session;
    return HF_OK;
}

void hf_sdp_clear(hf_sdp *sdp, const hf_env *env)
{
    hf_dealloc(env, sdp->memory);
    *sdp = (hf_sdp){0};
}
