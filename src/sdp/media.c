/* media.c: the m= line (RFC 8866 §5.14), and whether it means data channels (RFC 8841 §4). */
#include "sdp_priv.h"

#include "bytes.h"

/* One or more tokens with a separator between each two. */
static bool are_tokens(hf_bytes text, char separator)
{
    bool more = true;
    while (more) {
        size_t before = text.len;
        hf_bytes token = hf_sdp_take(&text, separator);
        if (!hf_sdp_is_token(token))
            return false;
        more = token.len < before;
    }
    return true;
}

/* <port>, or <port>/<number of ports>, which we do not use. */
static bool read_port(hf_bytes text, uint16_t *out)
{
    uint64_t port = 0;
    hf_bytes first = hf_sdp_take(&text, '/');
    if (!hf_parse_decimal(first, UINT16_MAX, &port) || (text.len > 0 && !hf_sdp_is_digits(text)))
        return false;
    *out = (uint16_t)port;
    return true;
}

/* RFC 8841 §4.4.2: the one format of a data-channel section is "webrtc-datachannel". "DTLS/SCTP" with that format was
 * written by browsers between the old form and the RFC. */
static bool is_data(const hf_sdp_media *section)
{
    return hf_bytes_equal_text(section->kind, "application") &&
           (hf_bytes_equal_text(section->protocol, "UDP/DTLS/SCTP") ||
            hf_bytes_equal_text(section->protocol, "TCP/DTLS/SCTP") ||
            hf_bytes_equal_text(section->protocol, "DTLS/SCTP")) &&
           hf_bytes_equal_text(section->formats, "webrtc-datachannel");
}

bool hf_sdp_is_old_form(const hf_sdp_media *section, hf_bytes number)
{
    return hf_bytes_equal_text(section->kind, "application") && hf_bytes_equal_text(section->protocol, "DTLS/SCTP") &&
           hf_bytes_equal(section->formats, number);
}

hf_err hf_sdp_read_media(sdp_parser *p, hf_bytes text)
{
    hf_sdp_media *section = p->section;
    section->kind = hf_sdp_take(&text, ' ');
    hf_bytes port = hf_sdp_take(&text, ' ');
    section->protocol = hf_sdp_take(&text, ' ');
    section->formats = text;

    if (!hf_sdp_is_token(section->kind))
        return hf_sdp_refuse(p, HF_ESYNTAX, "the m= line has no media type");
    if (!read_port(port, &section->port))
        return hf_sdp_refuse(p, HF_ESYNTAX, "the m= line's port is not a number up to 65535");
    if (!are_tokens(section->protocol, '/'))
        return hf_sdp_refuse(p, HF_ESYNTAX, "the m= line has no protocol");
    if (!are_tokens(section->formats, ' '))
        return hf_sdp_refuse(p, HF_ESYNTAX, "the m= line has no list of formats");
    section->is_data = is_data(section);
    return HF_OK;
}
