/* identity.c: the remote is held to the certificate that it had before, by whatever hash a description names it. */
#include "peer_identity.h"

#include "duo.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static hf_identity identity_of(const hf_certificate *certificate, unsigned hashes)
{
    hf_identity out = {0};
    for (unsigned hash = HF_SHA512; hash >= HF_SHA256; hash--) {
        if (hashes & 1u << hash)
            cr_assert_eq(hf_certificate_fingerprint(certificate, (hf_hash)hash, &out.hashes[out.len++]), HF_OK);
    }
    return out;
}

#define ALL (1u << HF_SHA256 | 1u << HF_SHA384 | 1u << HF_SHA512)

/* Peer 0 shows these hashes of the certificate that peer 1 expects, or of another. */
static const struct {
    const char *why;
    unsigned known, shown;
    bool is_other;
    hf_err err;
} rows[] = {
    {"the same", 1u << HF_SHA256, 1u << HF_SHA256, false, HF_OK},
    {"all hashes are known, another is shown", ALL, 1u << HF_SHA512, false, HF_OK},
    {"all hashes are known, all are shown", ALL, ALL, false, HF_OK},
    {"one is known, among those shown", 1u << HF_SHA384, ALL, false, HF_OK},
    {"none in common: nobody can tell", 1u << HF_SHA256, 1u << HF_SHA512, false, HF_EIDENTITY},
    {"another certificate", ALL, 1u << HF_SHA256, true, HF_EIDENTITY},
    {"another certificate, by another hash", ALL, 1u << HF_SHA512, true, HF_EIDENTITY},
    {"another certificate, by all hashes", ALL, ALL, true, HF_EIDENTITY},
    {"nobody is expected", 0, ALL, true, HF_OK},
};

Test(peer_identity, is_told_by_each_hash)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        duo d;
        hf_certificate *other;
        duo_init(&d, 0);
        cr_assert_eq(hf_certificate_new(&other, &d.env.env), HF_OK);
        const hf_certificate *shown = rows[i].is_other ? other : d.certificate;
        hf_peer_config config = {.engine = d.engine, .certificate = shown, .fingerprints = rows[i].shown};
        cr_assert_eq(hf_peer_new(&d.peer[0], &config, &d.env.env), HF_OK);
        cr_assert_eq(hf_peer_new(&d.peer[1], &config, &d.env.env), HF_OK);
        hf_identity expected = identity_of(d.certificate, rows[i].known), refused;
        hf_peer_expect(d.peer[1], &expected);
        const char *offer = duo_set_local(&d, 0, HF_SDP_OFFER);
        cr_expect_eq(hf_peer_set_remote_description(d.peer[1], d.now, HF_SDP_OFFER, offer), rows[i].err, "%s", rows[i].why);
        hf_peer_get_refused_identity(d.peer[1], &refused);
        hf_identity is = identity_of(shown, rows[i].shown);
        bool told = hf_identity_fits(&refused, &is) && refused.len == is.len;
        cr_expect_eq(told, rows[i].err == HF_EIDENTITY, "%s", rows[i].why);
        hf_signaling_state state = rows[i].err == HF_OK ? HF_SIGNALING_HAVE_REMOTE_OFFER : HF_SIGNALING_STABLE;
        cr_expect_eq(hf_peer_signaling_state(d.peer[1]), state, "%s", rows[i].why);
        hf_certificate_free(other);
        duo_clear(&d);
    }
}

/* RFC 8122 §5.1: the first of several with one hash is whom a description is told to show. */
Test(peer_identity, of_the_right_one_among_others_is_believed_but_only_that)
{
    duo d;
    duo_init(&d, 2);
    hf_identity expected = identity_of(d.certificate, ALL);
    hf_peer_expect(d.peer[1], &expected);
    char *both =
        duo_replace(duo_set_local(&d, 0, HF_SDP_OFFER), "a=fingerprint:",
                    "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:"
                    "99:AA:BB:CC:DD:EE:FF\r\na=fingerprint:");
    duo_set_remote(&d, 1, HF_SDP_OFFER, both); /* the handshake decides, by what is expected alone */
    free(both);
    duo_clear(&d);
}

Test(peer_identity, is_written_as_sdp_writes_it)
{
    char text[HF_IDENTITY_TEXT_SIZE];
    hf_identity nobody = {0}, one = {.hashes = {{.hash = HF_SHA512, .digest = {0xAB, 0x01}}}, .len = 1};
    cr_expect_str_eq(hf_identity_write(&nobody, text), "");
    const char *written = hf_identity_write(&one, text);
    cr_expect_eq(strncmp(written, "sha-512 AB:01:00:", 17), 0, "%s", written);
    cr_expect_eq(strlen(written), strlen("sha-512 ") + 3 * 64 - 1);
    cr_expect_not(hf_identity_fits(&nobody, &nobody));
    cr_expect(hf_identity_fits(&one, &one));
}
