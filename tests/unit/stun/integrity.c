/* integrity.c: what the integrity attributes cover, what they hide, and the keys they are made with. */
#include "corpus.h"
#include "digest.h"
#include "stun.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint8_t id[HF_STUN_ID_SIZE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static uint8_t buffer[1024];

static hf_bytes key(void)
{
    return hf_bytes_of_text("a password of ICE");
}

static hf_stun_writer begin(void)
{
    return hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, id);
}

static hf_stun_message end(hf_stun_writer *s)
{
    hf_stun_message message;
    cr_assert(hf_stun_read(hf_bytes_of(buffer, hf_stun_end(s)), &message));
    return message;
}

Test(stun_integrity, both_kinds_and_a_fingerprint_stand_in_one_message)
{
    hf_stun_writer s = begin();
    hf_stun_add_u32(&s, HF_STUN_PRIORITY, 7);
    hf_stun_add_integrity(&s, key());
    hf_stun_add_integrity256(&s, key());
    hf_stun_add_fingerprint(&s);
    hf_stun_message message = end(&s);
    hf_bytes value;

    cr_expect(hf_stun_verify_integrity(&message, key()));
    cr_expect(hf_stun_verify_integrity256(&message, key()));
    cr_expect_not(hf_stun_verify_integrity(&message, hf_bytes_of_text("a password of ice")));
    cr_expect_not(hf_stun_verify_integrity256(&message, hf_bytes_of_text("a password of ice")));
    cr_expect(hf_stun_find(&message, HF_STUN_MESSAGE_INTEGRITY, &value) && value.len == 20);
    cr_expect(hf_stun_find(&message, HF_STUN_MESSAGE_INTEGRITY_SHA256, &value) && value.len == 32);
    cr_expect(hf_stun_find(&message, HF_STUN_FINGERPRINT, &value) && value.len == 4);
}

/* RFC 8489 §14.5: "agents MUST ignore all other attributes that follow MESSAGE-INTEGRITY." */
Test(stun_integrity, what_follows_message_integrity_is_ignored)
{
    hf_stun_writer s = begin();
    hf_stun_add_u32(&s, HF_STUN_PRIORITY, 7);
    hf_stun_add_integrity(&s, key());
    hf_stun_add_u32(&s, HF_STUN_PRIORITY, 8);
    hf_stun_add(&s, HF_STUN_USE_CANDIDATE, hf_bytes_of(NULL, 0));
    hf_stun_add(&s, 0x7000, hf_bytes_of(NULL, 0));
    hf_stun_add_integrity(&s, hf_bytes_of_text("another"));
    hf_stun_add_integrity256(&s, key());
    hf_stun_add(&s, HF_STUN_SOFTWARE, hf_bytes_of(NULL, 0));
    hf_stun_add_fingerprint(&s);
    hf_stun_message message = end(&s);
    hf_bytes value;
    uint32_t priority;
    uint16_t unknown[4];

    cr_expect(hf_stun_verify_integrity(&message, key()));
    cr_expect_not(hf_stun_verify_integrity(&message, hf_bytes_of_text("another")), "the second one is ignored");
    cr_expect(hf_stun_verify_integrity256(&message, key()), "but -SHA256 counts");
    cr_expect_neq(message.fingerprint_at, 0);
    cr_expect(hf_stun_get_u32(&message, HF_STUN_PRIORITY, &priority) && priority == 7);
    cr_expect_not(hf_stun_find(&message, HF_STUN_USE_CANDIDATE, &value));
    cr_expect_not(hf_stun_find(&message, HF_STUN_SOFTWARE, &value));
    cr_expect_eq(hf_stun_unknown(&message, NULL, 0, unknown, 4), 0);
}

/* RFC 8489 §14.6: the same behind -SHA256, where even MESSAGE-INTEGRITY is ignored. */
Test(stun_integrity, what_follows_message_integrity_sha256_is_ignored)
{
    hf_stun_writer s = begin();
    hf_stun_add_integrity256(&s, key());
    hf_stun_add(&s, HF_STUN_USE_CANDIDATE, hf_bytes_of(NULL, 0));
    hf_stun_add_integrity(&s, key());
    hf_stun_add_integrity256(&s, hf_bytes_of_text("another"));
    hf_stun_add_fingerprint(&s);
    hf_stun_message message = end(&s);
    hf_bytes value;

    cr_expect(hf_stun_verify_integrity256(&message, key()));
    cr_expect_not(hf_stun_verify_integrity256(&message, hf_bytes_of_text("another")));
    cr_expect_eq(message.integrity_at, 0);
    cr_expect_not(hf_stun_verify_integrity(&message, key()));
    cr_expect_not(hf_stun_find(&message, HF_STUN_MESSAGE_INTEGRITY, &value));
    cr_expect_not(hf_stun_find(&message, HF_STUN_USE_CANDIDATE, &value));
    cr_expect(hf_stun_find(&message, HF_STUN_FINGERPRINT, &value));
}

Test(stun_integrity, a_message_without_it_is_not_verified)
{
    hf_stun_writer s = begin();
    hf_stun_add_fingerprint(&s);
    hf_stun_message message = end(&s);

    cr_expect_not(hf_stun_verify_integrity(&message, key()));
    cr_expect_not(hf_stun_verify_integrity256(&message, key()));
}

Test(stun_integrity, an_empty_key_neither_signs_nor_verifies)
{
    hf_bytes none = hf_bytes_of(NULL, 0);
    uint8_t hmac[20];
    hf_stun_writer s = begin();
    hf_stun_add_integrity(&s, none);
    cr_expect_eq(hf_stun_end(&s), 0);
    s = begin();
    hf_stun_add_integrity256(&s, none);
    cr_expect_eq(hf_stun_end(&s), 0);

    hf_bytes covered = corpus_bytes_of_hex("00010018 2112a442 000102030405060708090a0b");
    cr_assert(hf_hmac_sha1(none, &covered, 1, hmac));
    s = begin();
    hf_stun_add(&s, HF_STUN_MESSAGE_INTEGRITY, hf_bytes_of(hmac, sizeof hmac));
    hf_stun_message message = end(&s);
    cr_expect_not(hf_stun_verify_integrity(&message, none), "whoever knows no password is not authenticated by that");
    corpus_free(covered);
}

/* Signs a message by hand, so that the value may be cut: RFC 8489 §14.6 counts the cut value in the header's length. */
static hf_stun_message signed_with(uint16_t type, size_t value_len, bool sha256)
{
    uint8_t header[HF_STUN_HEADER_SIZE], digest[36] = {0};
    hf_stun_writer s = begin();
    memcpy(header, buffer, sizeof header);
    header[3] = (uint8_t)(4 + value_len);
    hf_bytes covered = hf_bytes_of(header, sizeof header);
    cr_assert(sha256 ? hf_hmac_sha256(key(), &covered, 1, digest) : hf_hmac_sha1(key(), &covered, 1, digest));
    hf_stun_add(&s, type, hf_bytes_of(digest, value_len));
    return end(&s);
}

Test(stun_integrity, sha256_may_be_cut_to_a_multiple_of_four_from_16_to_32)
{
    for (size_t len = 0; len <= 36; len++) {
        hf_stun_message message = signed_with(HF_STUN_MESSAGE_INTEGRITY_SHA256, len, true);
        bool allowed = len >= 16 && len <= 32 && len % 4 == 0;
        cr_expect_eq(hf_stun_verify_integrity256(&message, key()), allowed, "%zu bytes", len);
    }
}

Test(stun_integrity, sha1_may_not_be_cut)
{
    for (size_t len = 0; len <= 24; len++) {
        hf_stun_message message = signed_with(HF_STUN_MESSAGE_INTEGRITY, len, false);
        cr_expect_eq(hf_stun_verify_integrity(&message, key()), len == 20, "%zu bytes", len);
    }
}

Test(stun_integrity, every_flipped_bit_before_it_is_found)
{
    hf_stun_writer s = begin();
    hf_stun_add(&s, HF_STUN_USERNAME, hf_bytes_of_text("abcd:efgh:i"));
    hf_stun_add_integrity256(&s, key());
    size_t len = hf_stun_end(&s);

    for (size_t bit = 0; bit < len * 8; bit++) {
        hf_stun_message message;
        buffer[bit / 8] ^= (uint8_t)(1 << bit % 8);
        bool is_accepted = hf_stun_read(hf_bytes_of(buffer, len), &message) && hf_stun_verify_integrity256(&message, key());
        cr_expect_not(is_accepted, "bit %zu", bit);
        buffer[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(stun_key, is_the_digest_of_user_realm_and_password)
{
    /* RFC 8489 §9.2.2: the example with user "user", realm "realm" and password "pass". */
    static const uint8_t md5[16] = {0x84, 0x93, 0xfb, 0xc5, 0x3b, 0xa5, 0x82, 0xfb,
                                    0x4c, 0x04, 0x4c, 0x45, 0x6b, 0xdc, 0x40, 0xeb};
    uint8_t out[16], sha256[32], expected[32];
    hf_bytes user = hf_bytes_of_text("user"), realm = hf_bytes_of_text("realm"), password = hf_bytes_of_text("pass");

    cr_assert(hf_stun_long_term_key_md5(user, realm, password, out));
    cr_expect_arr_eq(out, md5, sizeof md5);
    cr_assert(hf_stun_long_term_key_sha256(user, realm, password, sha256));
    hf_sha256(hf_bytes_of_text("user:realm:pass"), expected);
    cr_expect_arr_eq(sha256, expected, sizeof expected);
}

Test(stun_key, is_refused_for_credentials_longer_than_any_valid_ones)
{
    static uint8_t text[HF_STUN_CREDENTIALS_MAX];
    uint8_t md5[16], sha256[32];
    hf_bytes one = hf_bytes_of_text("a");
    hf_bytes longest = hf_bytes_of(text, HF_STUN_CREDENTIALS_MAX - 4),
             longer = hf_bytes_of(text, HF_STUN_CREDENTIALS_MAX - 3);

    cr_expect(hf_stun_long_term_key_md5(longest, one, one, md5));
    cr_expect_not(hf_stun_long_term_key_md5(longer, one, one, md5));
    cr_expect(hf_stun_long_term_key_sha256(one, one, longest, sha256));
    cr_expect_not(hf_stun_long_term_key_sha256(one, one, longer, sha256));
}
