/* browser.c: the STUN messages of Chromium 156 and Firefox 153, as they were on the wire. */
#include "corpus.h"
#include "stun.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect_request(const char *path, const hf_stun_message *message)
{
    hf_bytes user, empty;
    uint32_t priority;
    uint64_t tie_breaker;
    uint16_t unknown[4];

    cr_expect_eq(message->class_, HF_STUN_REQUEST, "%s", path);
    cr_expect(hf_stun_find(message, HF_STUN_USERNAME, &user) && memchr(user.data, ':', user.len), "%s", path);
    cr_expect(hf_stun_get_u32(message, HF_STUN_PRIORITY, &priority) && priority > 0, "%s", path);
    bool controlling = hf_stun_get_u64(message, HF_STUN_ICE_CONTROLLING, &tie_breaker);
    bool controlled = hf_stun_get_u64(message, HF_STUN_ICE_CONTROLLED, &tie_breaker);
    cr_expect_eq(controlling, strstr(path, "-controlling") != NULL, "%s", path);
    cr_expect_neq(controlling, controlled, "%s", path);
    cr_expect_eq(hf_stun_find(message, HF_STUN_USE_CANDIDATE, &empty), strstr(path, "-usecand") != NULL, "%s", path);
    cr_expect_eq(hf_stun_unknown(message, NULL, 0, unknown, 4), 0, "%s: its own attributes are comprehension-optional",
                 path);
}

static void expect_response(const char *path, const hf_stun_message *message)
{
    hf_addr mapped;

    cr_expect_eq(message->class_, HF_STUN_SUCCESS, "%s", path);
    cr_expect(hf_stun_get_xor_address(message, HF_STUN_XOR_MAPPED_ADDRESS, &mapped), "%s", path);
    cr_expect_eq(mapped.family, HF_FAMILY_IPV4, "%s", path);
    cr_expect_arr_eq(mapped.ip, ((uint8_t[]){10, 99, 0}), 3, "%s: the network that it was captured in", path);
}

Test(stun_browser, messages_are_read_and_verified)
{
    char **paths = corpus_list("wire", "stun-", ".hex");
    size_t requests = 0, responses = 0;
    for (char **path = paths; *path; path++) {
        corpus_hex file = corpus_read_hex(*path);
        const char *password = corpus_hex_comment(&file, "message-integrity key (ice-pwd): ");
        cr_assert_not_null(password, "%s", *path);

        for (size_t i = 0; i < file.packets_len; i++) {
            hf_stun_message message;
            cr_assert(hf_stun_is_message(file.packets[i]), "%s", *path);
            cr_assert(hf_stun_read(file.packets[i], &message), "%s", *path);
            cr_expect_eq(message.method, HF_STUN_BINDING, "%s", *path);
            cr_expect(hf_stun_verify_integrity(&message, hf_bytes_of_text(password)), "%s", *path);
            cr_expect_not(hf_stun_verify_integrity(&message, hf_bytes_of_text("another password altogether")), "%s", *path);
            cr_expect_neq(message.fingerprint_at, 0, "%s", *path);
            if (strstr(*path, "-request")) {
                expect_request(*path, &message);
                requests++;
            } else {
                expect_response(*path, &message);
                responses++;
            }
        }
        corpus_hex_clear(&file);
    }
    cr_expect_geq(requests, 8);
    cr_expect_geq(responses, 5);
    corpus_list_free(paths);
}

/* A port that carries STUN carries DTLS too: RFC 7983 tells them by the first byte, the cookie makes sure. */
Test(stun_browser, nothing_else_is_taken_for_stun)
{
    char **paths = corpus_list("wire", "", ".hex");
    size_t others = 0;
    for (char **path = paths; *path; path++) {
        if (strncmp(*path, "wire/stun-", 10) == 0)
            continue;
        corpus_hex file = corpus_read_hex(*path);
        for (size_t i = 0; i < file.packets_len; i++) {
            hf_stun_message message;
            cr_expect_not(hf_stun_is_message(file.packets[i]), "%s", *path);
            cr_expect_not(hf_stun_read(file.packets[i], &message), "%s", *path);
            others++;
        }
        corpus_hex_clear(&file);
    }
    cr_expect_geq(others, 30);
    corpus_list_free(paths);
}
