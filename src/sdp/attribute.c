/* attribute.c: the attributes that matter to a data-channel session, as a table. */
#include "sdp_priv.h"

#include "bytes.h"

#include <assert.h>
#include <string.h>

/* Where an attribute may stand; elsewhere it is skipped like one that is not known. */
enum { AT_SESSION = 1, AT_MEDIA = 2, AT_BOTH = 3 };

/* RFC 8839 §5.4: ufrag of 4 to 256 characters, pwd of 22 to 256. */
#define UFRAG_MIN 4
#define PWD_MIN 22
#define ICE_TEXT_MAX 256

/* RFC 8842 §4: tls-id-value = 20*255(ALPHA / DIGIT / "+" / "/" / "-" / "_"). */
#define TLS_ID_MIN 20
#define TLS_ID_MAX 255

/* Reads the value (behind "name:"; empty when there is no colon) into p->section. */
typedef hf_err read_fn(sdp_parser *p, hf_bytes value);

static hf_err read_group(sdp_parser *p, hf_bytes value)
{
    if (!hf_bytes_equal_text(hf_sdp_take(&value, ' '), "BUNDLE"))
        return HF_OK;
    if (p->groups_len == SDP_GROUPS_MAX)
        return hf_sdp_refuse(p, HF_ELIMIT, "there are too many BUNDLE groups");
    p->groups[p->groups_len++] = value;
    return HF_OK;
}

static hf_err read_mid(sdp_parser *p, hf_bytes value)
{
    if (!hf_sdp_is_token(value))
        return hf_sdp_refuse(p, HF_ESYNTAX, "the mid is not a token");
    for (const hf_sdp_media *other = p->media; other < p->section; other++) {
        if (hf_bytes_equal(other->mid, value)) /* RFC 5888 §4: unique within the description */
            return hf_sdp_refuse(p, HF_ESYNTAX, "the mid is another section's");
    }
    p->section->mid = value;
    return HF_OK;
}

static hf_err read_bundle_only(sdp_parser *p, hf_bytes value)
{
    (void)value;
    p->section->bundle_only = true;
    return HF_OK;
}

static hf_err read_ufrag(sdp_parser *p, hf_bytes value)
{
    if (!hf_sdp_is_ice_text(value, UFRAG_MIN, ICE_TEXT_MAX))
        return hf_sdp_refuse(p, HF_ESYNTAX, "the ice-ufrag is not 4 to 256 characters of A-Z a-z 0-9 + /");
    p->section->ufrag = value;
    return HF_OK;
}

static hf_err read_pwd(sdp_parser *p, hf_bytes value)
{
    if (!hf_sdp_is_ice_text(value, PWD_MIN, ICE_TEXT_MAX))
        return hf_sdp_refuse(p, HF_ESYNTAX, "the ice-pwd is not 22 to 256 characters of A-Z a-z 0-9 + /");
    p->section->pwd = value;
    return HF_OK;
}

static void note_ice_option(hf_sdp_media *section, hf_bytes option)
{
    section->trickle |= hf_bytes_equal_text(option, "trickle");
    section->ice2 |= hf_bytes_equal_text(option, "ice2");
    section->renomination |= hf_bytes_equal_text(option, "renomination");
}

/* RFC 8839 §5.6 has spaces between the options; libdatachannel writes "ice2,trickle". */
static hf_err read_ice_options(sdp_parser *p, hf_bytes value)
{
    while (value.len > 0) {
        hf_bytes options = hf_sdp_take(&value, ' ');
        while (options.len > 0)
            note_ice_option(p->section, hf_sdp_take(&options, ','));
    }
    return HF_OK;
}

static hf_err read_ice_lite(sdp_parser *p, hf_bytes value)
{
    (void)value;
    p->section->ice_lite = true;
    return HF_OK;
}

const char *const hf_sdp_setup_names[] = {
    [HF_SDP_ACTPASS] = "actpass", [HF_SDP_ACTIVE] = "active", [HF_SDP_PASSIVE] = "passive", [HF_SDP_HOLDCONN] = "holdconn"};

static hf_err read_setup(sdp_parser *p, hf_bytes value)
{
    for (unsigned setup = HF_SDP_ACTPASS; setup <= HF_SDP_HOLDCONN; setup++) {
        if (hf_bytes_equal_text_nocase(value, hf_sdp_setup_names[setup])) {
            p->section->setup = (hf_sdp_setup)setup;
            return HF_OK;
        }
    }
    return hf_sdp_refuse(p, HF_ESYNTAX, "the setup is none of actpass, active, passive, holdconn");
}

static hf_err read_tls_id(sdp_parser *p, hf_bytes value)
{
    bool ok = value.len >= TLS_ID_MIN && value.len <= TLS_ID_MAX;
    for (size_t i = 0; ok && i < value.len; i++) {
        hf_bytes character = {value.data + i, 1};
        ok = value.data[i] == '-' || value.data[i] == '_' || hf_sdp_is_ice_text(character, 1, 1);
    }
    if (!ok)
        return hf_sdp_refuse(p, HF_ESYNTAX, "the tls-id is not 20 to 255 characters of A-Z a-z 0-9 + / - _");
    p->section->tls_id = value;
    return HF_OK;
}

static hf_err read_candidate(sdp_parser *p, hf_bytes value)
{
    (void)value;
    if (p->section->candidates_len == HF_SDP_CANDIDATES_MAX)
        return hf_sdp_refuse(p, HF_ELIMIT, "the section has too many candidates");
    p->candidates[p->candidates_len++] = p->attribute;
    p->section->candidates_len++;
    return HF_OK;
}

static hf_err read_end_of_candidates(sdp_parser *p, hf_bytes value)
{
    (void)value;
    p->section->end_of_candidates = true;
    return HF_OK;
}

static hf_err read_port(sdp_parser *p, hf_bytes value, uint16_t *out)
{
    uint64_t port = 0;
    if (!hf_parse_decimal(value, UINT16_MAX, &port) || port == 0)
        return hf_sdp_refuse(p, HF_ESYNTAX, "the sctp-port is not a number from 1 to 65535");
    *out = (uint16_t)port;
    return HF_OK;
}

/* In the old form, where the m= line has the port, the a=sctpmap that bears it out counts, wherever it stands. */
static hf_err read_sctp_port(sdp_parser *p, hf_bytes value)
{
    uint16_t ignored;
    bool is_mapped =
        p->section->is_data && hf_sdp_is_old_form(p->section, p->section->formats) && hf_sdp_is_digits(p->section->formats);
    return read_port(p, value, is_mapped ? &ignored : &p->section->sctp_port);
}

static hf_err read_max_message_size(sdp_parser *p, hf_bytes value)
{
    if (!hf_parse_decimal(value, UINT64_MAX, &p->section->max_message_size))
        return hf_sdp_refuse(p, HF_ESYNTAX, "the max-message-size is not a number below 2^64");
    p->section->has_max_message_size = true;
    return HF_OK;
}

/* The old form, as aiortc 1.4 writes it: "m=application 9 DTLS/SCTP 5000", "a=sctpmap:5000 webrtc-datachannel 65535", where
 * the last number counts streams. The port stands here and nowhere else. Maps of other numbers or applications are not
 * ours. */
static hf_err read_sctpmap(sdp_parser *p, hf_bytes value)
{
    hf_bytes number = hf_sdp_take(&value, ' ');
    if (!hf_sdp_is_old_form(p->section, number) || !hf_bytes_equal_text(hf_sdp_take(&value, ' '), "webrtc-datachannel"))
        return HF_OK;
    hf_err err = read_port(p, number, &p->section->sctp_port);
    p->section->is_data = err == HF_OK;
    return err;
}

/* --- a=fingerprint:<hash> <hex>:<hex>:… (RFC 8122 §5) --- */

static int digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Reads pairs of hex digits with colons between, exactly `size` of them. NULL: done, or the reason why not. The RFC wants
 * capitals; everybody takes both. */
static const char *read_digest(hf_bytes text, uint8_t *digest, size_t size)
{
    if (text.len != 3 * size - 1)
        return "the fingerprint does not have the length of its hash";
    for (size_t i = 0; i < size; i++) {
        hf_bytes pair = hf_sdp_take(&text, ':');
        if (pair.len != 2 || digit_of(pair.data[0]) < 0 || digit_of(pair.data[1]) < 0)
            return "the fingerprint is not pairs of hex digits with colons between";
        digest[i] = (uint8_t)(digit_of(pair.data[0]) << 4 | digit_of(pair.data[1]));
    }
    return NULL;
}

static hf_err read_fingerprint(sdp_parser *p, hf_bytes value)
{
    hf_sdp_media *section = p->section;
    hf_bytes name = hf_sdp_take(&value, ' ');
    if (!hf_sdp_is_token(name) || value.len == 0)
        return hf_sdp_refuse(p, HF_ESYNTAX, "the fingerprint is not a hash's name and its value");
    if (section->fingerprints_len + section->fingerprints_unknown == HF_SDP_FINGERPRINTS_MAX)
        return hf_sdp_refuse(p, HF_ELIMIT, "there are too many fingerprints");

    hf_fingerprint fingerprint = {.hash = hf_hash_parse((const char *)name.data, name.len)};
    if (fingerprint.hash == HF_HASH_NONE) {
        section->fingerprints_unknown++;
        return HF_OK;
    }
    const char *reason = read_digest(value, fingerprint.digest, hf_hash_size(fingerprint.hash));
    if (reason)
        return hf_sdp_refuse(p, HF_ESYNTAX, reason);
    section->fingerprints[section->fingerprints_len++] = fingerprint;
    return HF_OK;
}

/* --- The table --- */

/* An attribute with a `conflict` has one value in a section: the same once more is fine (Firefox writes a=sendrecv twice), a
 * second one that contradicts the first is refused for that reason. */
static const struct attribute {
    const char *name;
    unsigned where;
    const char *conflict;
    read_fn *read;
} attributes[] = {
    {"group", AT_SESSION, NULL, read_group},
    {"mid", AT_MEDIA, "the section has two different mids", read_mid},
    {"bundle-only", AT_MEDIA, NULL, read_bundle_only},
    {"ice-ufrag", AT_BOTH, "there are two different ice-ufrags", read_ufrag},
    {"ice-pwd", AT_BOTH, "there are two different ice-pwds", read_pwd},
    {"ice-options", AT_BOTH, NULL, read_ice_options},
    {"ice-lite", AT_BOTH, NULL, read_ice_lite},
    {"setup", AT_BOTH, "there are two different setups", read_setup},
    {"fingerprint", AT_BOTH, NULL, read_fingerprint},
    {"tls-id", AT_BOTH, "there are two different tls-ids", read_tls_id},
    {"candidate", AT_MEDIA, NULL, read_candidate},
    {"end-of-candidates", AT_BOTH, NULL, read_end_of_candidates},
    {"sctp-port", AT_MEDIA, "there are two different sctp-ports", read_sctp_port},
    {"sctpmap", AT_MEDIA, NULL, read_sctpmap},
    {"max-message-size", AT_MEDIA, "there are two different max-message-sizes", read_max_message_size},
};

#define ATTRIBUTES_LEN (sizeof attributes / sizeof attributes[0])
static_assert(ATTRIBUTES_LEN <= SDP_ATTRIBUTES_MAX, "each row needs a place in sdp_parser.seen");

hf_err hf_sdp_read_attribute(sdp_parser *p, hf_bytes text)
{
    unsigned where = p->section == p->session ? AT_SESSION : AT_MEDIA;
    hf_bytes value = text;
    hf_bytes name = hf_sdp_take(&value, ':');
    p->attribute = text;
    if (!hf_sdp_is_token(name))
        return hf_sdp_refuse(p, HF_ESYNTAX, "the attribute has no name");

    for (size_t i = 0; i < ATTRIBUTES_LEN; i++) {
        const struct attribute *attribute = &attributes[i];
        if (!hf_bytes_equal_text(name, attribute->name) || (attribute->where & where) == 0)
            continue;
        if (attribute->conflict && p->seen[i].data) {
            bool same = hf_bytes_equal(p->seen[i], value);
            return same ? HF_OK : hf_sdp_refuse(p, HF_ESYNTAX, attribute->conflict);
        }
        p->seen[i] = value;
        return attribute->read(p, value);
    }
    return HF_OK;
}
