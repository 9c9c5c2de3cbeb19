/* vector.c: the messages that the RFCs print, byte for byte: RFC 5769 §2.1 to §2.4, and RFC 8489 appendix B.1 in the form
 * of its verified erratum 6268. */
#include "corpus.h"
#include "digest.h"
#include "stun.h"

#include <criterion/criterion.h>
#include <string.h>

/* RFC 5769 §2.1 to §2.3 share these. Padding is 0x20 there, so a reader that insists on zeroes fails. */
#define SHORT_TERM_PASSWORD "VOkJxbRl1RmTxUk/WvJxBt"
#define SHORT_TERM_ID "b7e7a701bc34d686fa87dfae"

static const char rfc5769_request[] = "00010058 2112a442 b7e7a701bc34d686fa87dfae"
                                      "80220010 5354554e 20746573 7420636c 69656e74" /* SOFTWARE */
                                      "00240004 6e0001ff"                            /* PRIORITY */
                                      "80290008 932ff9b1 51263b36"                   /* ICE-CONTROLLED */
                                      "00060009 6576746a 3a683676 59202020"          /* USERNAME */
                                      "00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2"
                                      "80280004 e57a3bcf";

static const char rfc5769_response_ipv4[] = "0101003c 2112a442 b7e7a701bc34d686fa87dfae"
                                            "8022000b 74657374 20766563 746f7220" /* SOFTWARE */
                                            "00200008 0001a147 e112a643"          /* XOR-MAPPED-ADDRESS */
                                            "00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7"
                                            "80280004 c07d4c96";

static const char rfc5769_response_ipv6[] = "01010048 2112a442 b7e7a701bc34d686fa87dfae"
                                            "8022000b 74657374 20766563 746f7220"
                                            "00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9"
                                            "00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41"
                                            "80280004 c8fb0b4c";

/* The long-term ones: "マトリックス", example.org, and the password "TheMatrIX" as it is after OpaqueString. */
#define LONG_TERM_USER "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9"
#define LONG_TERM_REALM "example.org"
#define LONG_TERM_PASSWORD "TheMatrIX"
#define LONG_TERM_ID "78ad3433c6ad72c029da412e"

static const char rfc5769_request_long_term[] = "00010060 2112a442 78ad3433c6ad72c029da412e"
                                                "00060012 e3839ee3 8388e383 aae38383 e382afe3 82b90000"
                                                "0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341"
                                                "0014000b 6578616d 706c652e 6f726700"
                                                "00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666";

static const char rfc8489_request[] = "00010090 2112a442 78ad3433c6ad72c029da412e"
                                      "001e0020 4a3cf38f ef6992bd a952c678 0417da0f 24819415 569e60b2 05c46e41 407f1704"
                                      "00150029 6f624d61 744a6f73 32414141 43662f2f 3439396b 39353464 364f4c33 346f4c39"
                                      "         46535476 79363473 41000000"
                                      "0014000b 6578616d 706c652e 6f726700"
                                      "001d0004 00020000"
                                      "001c0020 b5c7bf00 5b6c52a2 1c51c5e8 92f81924 136296cb 927c4314 9309278c c6518e65";

static hf_stun_message read_vector(hf_bytes bytes)
{
    hf_stun_message message;
    cr_assert(hf_stun_read(bytes, &message));
    return message;
}

static void expect_text(const hf_stun_message *message, uint16_t type, const char *text)
{
    hf_bytes value;
    cr_assert(hf_stun_find(message, type, &value));
    cr_expect(hf_bytes_equal_text(value, text), "attribute 0x%04x is not %s", type, text);
}

Test(stun_vector, reads_the_request_of_rfc_5769)
{
    hf_bytes bytes = corpus_bytes_of_hex(rfc5769_request), id = corpus_bytes_of_hex(SHORT_TERM_ID);
    hf_stun_message message = read_vector(bytes);
    uint32_t priority;
    uint64_t tie_breaker;

    cr_expect_eq(message.class_, HF_STUN_REQUEST);
    cr_expect_eq(message.method, HF_STUN_BINDING);
    cr_expect_arr_eq(message.id, id.data, HF_STUN_ID_SIZE);
    cr_expect_neq(message.fingerprint_at, 0);
    expect_text(&message, HF_STUN_SOFTWARE, "STUN test client");
    expect_text(&message, HF_STUN_USERNAME, "evtj:h6vY");
    cr_expect(hf_stun_get_u32(&message, HF_STUN_PRIORITY, &priority) && priority == 0x6e0001ff);
    cr_expect(hf_stun_get_u64(&message, HF_STUN_ICE_CONTROLLED, &tie_breaker) && tie_breaker == 0x932ff9b151263b36);
    cr_expect(hf_stun_verify_integrity(&message, hf_bytes_of_text(SHORT_TERM_PASSWORD)));
    cr_expect_not(hf_stun_verify_integrity(&message, hf_bytes_of_text("VOkJxbRl1RmTxUk/WvJxBT")));
    corpus_free(bytes);
    corpus_free(id);
}

static void expect_response(const char *hex, const char *mapped)
{
    hf_bytes bytes = corpus_bytes_of_hex(hex);
    hf_stun_message message = read_vector(bytes);
    hf_addr addr;
    char text[HF_ADDR_TEXT_SIZE];

    cr_expect_eq(message.class_, HF_STUN_SUCCESS);
    cr_expect_eq(message.method, HF_STUN_BINDING);
    expect_text(&message, HF_STUN_SOFTWARE, "test vector");
    cr_assert(hf_stun_get_xor_address(&message, HF_STUN_XOR_MAPPED_ADDRESS, &addr));
    cr_expect_str_eq(hf_addr_write(&addr, text), mapped);
    cr_expect(hf_stun_verify_integrity(&message, hf_bytes_of_text(SHORT_TERM_PASSWORD)));
    corpus_free(bytes);
}

Test(stun_vector, reads_the_responses_of_rfc_5769)
{
    expect_response(rfc5769_response_ipv4, "192.0.2.1:32853");
    expect_response(rfc5769_response_ipv6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}

/* We pad with zeroes and the RFC with spaces, so what follows the first padding differs in the two digests alone. */
static void expect_written(const char *hex, const char *mapped, size_t address_at, size_t address_size)
{
    hf_bytes rfc = corpus_bytes_of_hex(hex), id = corpus_bytes_of_hex(SHORT_TERM_ID);
    hf_bytes key = hf_bytes_of_text(SHORT_TERM_PASSWORD);
    uint8_t buffer[128];
    hf_addr addr;
    cr_assert(hf_addr_parse(mapped, strlen(mapped), &addr));

    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_SUCCESS, HF_STUN_BINDING, id.data);
    hf_stun_add(&s, HF_STUN_SOFTWARE, hf_bytes_of_text("test vector"));
    hf_stun_add_xor_address(&s, HF_STUN_XOR_MAPPED_ADDRESS, &addr);
    hf_stun_add_integrity(&s, key);
    hf_stun_add_fingerprint(&s);

    cr_assert_eq(hf_stun_end(&s), rfc.len);
    cr_expect_arr_eq(buffer, rfc.data, address_at - 1);
    cr_expect_eq(buffer[address_at - 1], 0, "padding is written as zero");
    cr_expect_arr_eq(buffer + address_at, rfc.data + address_at, address_size);
    hf_stun_message message = read_vector(hf_bytes_of(buffer, rfc.len));
    cr_expect(hf_stun_verify_integrity(&message, key));
    corpus_free(rfc);
    corpus_free(id);
}

Test(stun_vector, writes_the_responses_of_rfc_5769)
{
    expect_written(rfc5769_response_ipv4, "192.0.2.1:32853", 36, 12);
    expect_written(rfc5769_response_ipv6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853", 36, 24);
}

Test(stun_vector, reads_and_writes_the_long_term_request_of_rfc_5769)
{
    hf_bytes rfc = corpus_bytes_of_hex(rfc5769_request_long_term), id = corpus_bytes_of_hex(LONG_TERM_ID);
    hf_stun_message message = read_vector(rfc);
    uint8_t key_bytes[16], buffer[256];
    cr_assert(hf_stun_long_term_key_md5(hf_bytes_of_text(LONG_TERM_USER), hf_bytes_of_text(LONG_TERM_REALM),
                                        hf_bytes_of_text(LONG_TERM_PASSWORD), key_bytes));
    hf_bytes key = hf_bytes_of(key_bytes, sizeof key_bytes);

    expect_text(&message, HF_STUN_USERNAME, LONG_TERM_USER);
    expect_text(&message, HF_STUN_NONCE, "f//499k954d6OL34oL9FSTvy64sA");
    expect_text(&message, HF_STUN_REALM, LONG_TERM_REALM);
    cr_expect_eq(message.fingerprint_at, 0);
    cr_expect(hf_stun_verify_integrity(&message, key));
    cr_expect_not(hf_stun_verify_integrity256(&message, key));

    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, id.data);
    hf_stun_add(&s, HF_STUN_USERNAME, hf_bytes_of_text(LONG_TERM_USER));
    hf_stun_add(&s, HF_STUN_NONCE, hf_bytes_of_text("f//499k954d6OL34oL9FSTvy64sA"));
    hf_stun_add(&s, HF_STUN_REALM, hf_bytes_of_text(LONG_TERM_REALM));
    hf_stun_add_integrity(&s, key);
    cr_assert_eq(hf_stun_end(&s), rfc.len);
    cr_expect_arr_eq(buffer, rfc.data, rfc.len);
    corpus_free(rfc);
    corpus_free(id);
}

Test(stun_vector, reads_and_writes_the_sha256_request_of_rfc_8489)
{
    hf_bytes rfc = corpus_bytes_of_hex(rfc8489_request), id = corpus_bytes_of_hex(LONG_TERM_ID);
    hf_stun_message message = read_vector(rfc);
    uint8_t key_bytes[32], user_hash[32], buffer[256];
    cr_assert(hf_stun_long_term_key_sha256(hf_bytes_of_text(LONG_TERM_USER), hf_bytes_of_text(LONG_TERM_REALM),
                                           hf_bytes_of_text(LONG_TERM_PASSWORD), key_bytes));
    hf_bytes key = hf_bytes_of(key_bytes, sizeof key_bytes);
    hf_sha256(hf_bytes_of_text(LONG_TERM_USER ":" LONG_TERM_REALM), user_hash); /* RFC 8489 §14.4 */

    cr_expect(hf_stun_verify_integrity256(&message, key));
    cr_expect_not(hf_stun_verify_integrity(&message, key));

    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_REQUEST, HF_STUN_BINDING, id.data);
    hf_stun_add(&s, HF_STUN_USERHASH, hf_bytes_of(user_hash, sizeof user_hash));
    hf_stun_add(&s, HF_STUN_NONCE, hf_bytes_of_text("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"));
    hf_stun_add(&s, HF_STUN_REALM, hf_bytes_of_text(LONG_TERM_REALM));
    hf_stun_add_u32(&s, HF_STUN_PASSWORD_ALGORITHM, 0x00020000);
    hf_stun_add_integrity256(&s, key);
    cr_assert_eq(hf_stun_end(&s), rfc.len);
    cr_expect_arr_eq(buffer, rfc.data, rfc.len);
    corpus_free(rfc);
    corpus_free(id);
}

Test(stun_vector, finds_every_flipped_bit_of_the_request)
{
    hf_bytes rfc = corpus_bytes_of_hex(rfc5769_request);
    uint8_t bytes[128];
    hf_stun_message message;

    for (size_t bit = 0; bit < (rfc.len - 8) * 8; bit++) { /* FINGERPRINT, 8 bytes, covers all before it */
        memcpy(bytes, rfc.data, rfc.len);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        /* A length that reaches over the FINGERPRINT hides it; whoever asks for one sees that it is missing. */
        bool is_accepted = hf_stun_read(hf_bytes_of(bytes, rfc.len), &message) && message.fingerprint_at != 0;
        cr_expect_not(is_accepted, "bit %zu", bit);
    }
    corpus_free(rfc);
}

Test(stun_vector, finds_every_flipped_bit_of_the_long_term_request)
{
    hf_bytes rfc = corpus_bytes_of_hex(rfc5769_request_long_term);
    uint8_t bytes[128], key[16];
    hf_stun_message message;
    cr_assert(hf_stun_long_term_key_md5(hf_bytes_of_text(LONG_TERM_USER), hf_bytes_of_text(LONG_TERM_REALM),
                                        hf_bytes_of_text(LONG_TERM_PASSWORD), key));

    for (size_t bit = 0; bit < rfc.len * 8; bit++) {
        memcpy(bytes, rfc.data, rfc.len);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        bool is_accepted = hf_stun_read(hf_bytes_of(bytes, rfc.len), &message) &&
                           hf_stun_verify_integrity(&message, hf_bytes_of(key, sizeof key));
        cr_expect_not(is_accepted, "bit %zu", bit);
    }
    corpus_free(rfc);
}
