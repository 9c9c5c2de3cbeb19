/* digest.c: the vectors of RFC 1321 §A.5 (MD5), FIPS 180-2 (SHA-256), RFC 2202 §3 (HMAC-SHA1), RFC 4231 §4 (HMAC-SHA256). */
#include "digest.h"
#include "bytes.h"
#include "corpus.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void expect_hex(const uint8_t *actual, size_t len, const char *hex, const char *why)
{
    hf_bytes expected = corpus_bytes_of_hex(hex);
    cr_assert_leq(expected.len, len);
    cr_expect_arr_eq(actual, expected.data, expected.len, "%s", why);
    corpus_free(expected);
}

Test(digest, md5_is_that_of_rfc_1321)
{
    static const struct {
        const char *message, *md5;
    } table[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"a", "0cc175b9c0f1b6a831c399e269772661"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"},
        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint8_t out[16];
        hf_md5(hf_bytes_of_text(table[i].message), out);
        expect_hex(out, sizeof out, table[i].md5, table[i].message);
    }
}

Test(digest, sha256_is_that_of_fips_180)
{
    static const struct {
        const char *message, *sha256;
    } table[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint8_t out[32];
        hf_sha256(hf_bytes_of_text(table[i].message), out);
        expect_hex(out, sizeof out, table[i].sha256, table[i].message);
    }
}

static hf_bytes repeated(uint8_t byte, size_t len)
{
    uint8_t *data = malloc(len);
    cr_assert_not_null(data);
    memset(data, byte, len);
    return hf_bytes_of(data, len);
}

static hf_bytes text(const char *message)
{
    size_t len = strlen(message);
    uint8_t *data = malloc(len);
    cr_assert_not_null(data);
    memcpy(data, message, len);
    return hf_bytes_of(data, len);
}

/* Keys and messages that both RFCs share; they differ in some lengths. */
Test(digest, hmac_sha1_is_that_of_rfc_2202)
{
    const struct {
        hf_bytes key, message;
        const char *hmac;
    } table[] = {
        {repeated(0x0b, 20), text("Hi There"), "b617318655057264e28bc0b6fb378c8ef146be00"},
        {text("Jefe"), text("what do ya want for nothing?"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {repeated(0xaa, 20), repeated(0xdd, 50), "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
        {corpus_bytes_of_hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), repeated(0xcd, 50),
         "4c9007f4026250c6bc8414f9bf50c86c2d7235da"},
        {repeated(0x0c, 20), text("Test With Truncation"), "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"},
        {repeated(0xaa, 80), text("Test Using Larger Than Block-Size Key - Hash Key First"),
         "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
        {repeated(0xaa, 80), text("Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data"),
         "e8e99d0f45237d786d6bbaa7965c7808bbff1a91"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint8_t out[20];
        cr_assert(hf_hmac_sha1(table[i].key, &table[i].message, 1, out));
        expect_hex(out, sizeof out, table[i].hmac, "RFC 2202");
        corpus_free(table[i].key);
        corpus_free(table[i].message);
    }
}

Test(digest, hmac_sha256_is_that_of_rfc_4231)
{
    const struct {
        hf_bytes key, message;
        const char *hmac;
    } table[] = {
        {repeated(0x0b, 20), text("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {text("Jefe"), text("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {repeated(0xaa, 20), repeated(0xdd, 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {corpus_bytes_of_hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), repeated(0xcd, 50),
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {repeated(0x0c, 20), text("Test With Truncation"), "a3b6167473100ee06e0c796c2955552b"},
        {repeated(0xaa, 131), text("Test Using Larger Than Block-Size Key - Hash Key First"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {repeated(0xaa, 131),
         text("This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
              "hashed "
              "before being used by the HMAC algorithm."),
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint8_t out[32];
        cr_assert(hf_hmac_sha256(table[i].key, &table[i].message, 1, out));
        expect_hex(out, sizeof out, table[i].hmac, "RFC 4231");
        corpus_free(table[i].key);
        corpus_free(table[i].message);
    }
}

Test(digest, hmac_does_not_depend_on_how_the_message_is_cut)
{
    hf_bytes key = hf_bytes_of_text("Jefe"), whole = hf_bytes_of_text("what do ya want for nothing?");
    uint8_t expected[20], out[20];
    cr_assert(hf_hmac_sha1(key, &whole, 1, expected));
    for (size_t at = 0; at <= whole.len; at++) {
        const hf_bytes parts[] = {
            hf_bytes_of(whole.data, at),
            hf_bytes_of(NULL, 0),
            hf_bytes_of(whole.data + at, whole.len - at),
        };
        cr_assert(hf_hmac_sha1(key, parts, 3, out));
        cr_expect_arr_eq(out, expected, sizeof out, "cut at %zu", at);
    }
}

Test(digest, hmac_of_nothing_with_an_empty_key_is_known_too)
{
    uint8_t sha1[20], sha256[32];
    cr_assert(hf_hmac_sha1(hf_bytes_of(NULL, 0), NULL, 0, sha1));
    cr_assert(hf_hmac_sha256(hf_bytes_of(NULL, 0), NULL, 0, sha256));
    expect_hex(sha1, sizeof sha1, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d", "HMAC-SHA1");
    expect_hex(sha256, sizeof sha256, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", "HMAC-SHA256");
}
