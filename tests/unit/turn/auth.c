/* auth.c: challenges, and who may answer for the server. */
#include "fake.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SHA256_FIRST "\0\2\0\0\0\1\0\0"
#define COOKIE_ALGORITHMS "obMatJos2gAAA"
#define COOKIE_ANONYMITY "obMatJos2QAAA"

Test(turn_auth, a_stale_nonce_costs_one_round_trip_and_nothing_else)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    f.nonce = "nonce-2";
    fake_run(&f, HF_SECONDS(540));
    cr_expect_eq(f.by_method[HF_STUN_REFRESH], 2);
    fake_run(&f, HF_SECONDS(540));
    cr_expect_eq(f.by_method[HF_STUN_REFRESH], 3, "the new one is kept");
    fake_no_event(&f);
    hf_turn_client_stats stats;
    hf_turn_client_get_stats(f.client, &stats);
    cr_expect_eq(stats.stale_nonces, 1);
    cr_expect_eq(stats.dropped, 0);
    cr_expect_eq(stats.requests_sent, 5);
    cr_expect_eq(stats.responses_received, 5);
    fake_clear(&f);
}

/* A server that calls each nonce stale, and each realm its own. */
static void answer_anew(fake *f, bool changes_realm)
{
    static char nonces[32][16], realms[32][16];
    for (unsigned n = 0; fake_take(f); n++) {
        cr_assert_lt(n, 32, "it goes on for ever");
        snprintf(nonces[n], sizeof nonces[n], "nonce %u", n);
        snprintf(realms[n], sizeof realms[n], "realm %u", n);
        f->nonce = nonces[n];
        if (changes_realm) {
            f->realm = realms[n];
            f->is_signed = false;
        }
        fake_answer(f);
    }
}

Test(turn_auth, challenges_without_end_are_not_followed)
{
    for (int changes_realm = 0; changes_realm < 2; changes_realm++) {
        fake f;
        fake_init(&f, NULL);
        answer_anew(&f, changes_realm == 1);
        hf_turn_client_event e = fake_event(&f, HF_TURN_FAILED);
        cr_expect_eq(e.cause, HF_EAUTH);
        cr_expect_eq(e.code, changes_realm ? 401 : 438);
        cr_expect_eq(f.requests, 4);
        fake_clear(&f);
    }
}

Test(turn_auth, wrong_credentials_are_asked_for_again_and_given_up_after_half_a_minute)
{
    fake f;
    fake_init(&f, &(hf_turn_client_config){.username = "mallory", .password = "x"});
    fake_talk(&f);
    cr_expect_eq(f.requests, 2, "RFC 8489 §9.2.5: not again with the same");
    hf_turn_client_event e = fake_event(&f, HF_TURN_CREDENTIALS_NEEDED);
    cr_expect(e.cause == HF_EAUTH && e.code == 401);
    cr_expect_eq(hf_turn_client_set_credentials(f.client, f.now, "mallory", "x"), HF_OK);
    fake_run(&f, HF_SECONDS(30) - 1);
    cr_expect_eq(f.requests, 2, "the same ones change nothing");
    fake_no_event(&f);
    fake_run(&f, 1);
    e = fake_event(&f, HF_TURN_FAILED);
    cr_expect(e.cause == HF_EAUTH && e.code == 401);
    fake_clear(&f);
}

Test(turn_auth, credentials_may_come_late)
{
    fake f;
    fake_init(&f, &(hf_turn_client_config){.patience = HF_SECONDS(2)});
    fake_talk(&f);
    hf_turn_client_event e = fake_event(&f, HF_TURN_CREDENTIALS_NEEDED);
    cr_expect(e.cause == HF_OK && e.code == 0);
    fake_run(&f, HF_SECONDS(20));
    cr_expect_eq(f.requests, 1);
    fake_no_event(&f);
    cr_expect_eq(hf_turn_client_set_credentials(f.client, f.now, NULL, "x"), HF_EINVAL);
    cr_expect_eq(hf_turn_client_set_credentials(f.client, f.now, FAKE_USER, FAKE_PASSWORD), HF_OK);
    fake_allocate(&f);
    cr_expect_eq(f.requests, 2, "the challenge still holds");
    fake_no_event(&f);
    fake_clear(&f);
}

Test(turn_auth, a_server_that_asks_for_no_credentials_gets_none)
{
    fake f;
    fake_init(&f, &(hf_turn_client_config){0});
    f.is_open = true;
    fake_allocate(&f);
    cr_expect_eq(f.requests, 1);
    fake_clear(&f);
}

Test(turn_auth, new_credentials_wait_until_the_old_ones_are_refused)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    cr_expect_eq(hf_turn_client_set_credentials(f.client, f.now, "1700000000:alice", "new"), HF_OK);
    fake_run(&f, HF_SECONDS(540));
    cr_expect(f.is_signed, "by the user whose allocation it is");
    fake_no_event(&f);
    f.code[HF_STUN_REFRESH] = 401;
    fake_run(&f, HF_SECONDS(540));
    hf_bytes user;
    cr_expect(hf_stun_find(&f.request, HF_STUN_USERNAME, &user) && hf_bytes_equal_text(user, "1700000000:alice"));
    fake_event(&f, HF_TURN_CREDENTIALS_NEEDED);
    fake_clear(&f);
}

Test(turn_auth, refused_credentials_of_an_allocation_are_asked_for_while_it_lasts)
{
    fake f;
    fake_init(&f, NULL);
    hf_addr peer = fake_addr("198.51.100.7:7000");
    hf_wrap wrap;
    cr_assert_eq(hf_turn_client_permit(f.client, f.now, &peer), HF_OK);
    fake_allocate(&f);
    fake_event(&f, HF_TURN_PERMITTED);
    f.code[HF_STUN_REFRESH] = 401;
    fake_run(&f, HF_SECONDS(541));
    cr_expect_eq(fake_event(&f, HF_TURN_CREDENTIALS_NEEDED).code, 401);
    cr_expect_eq(hf_turn_client_wrap(f.client, &peer, &wrap), HF_OK, "meanwhile it serves");
    fake_run(&f, HF_SECONDS(59) - 1);
    fake_no_event(&f);
    fake_run(&f, 1);
    hf_turn_client_event e = fake_event(&f, HF_TURN_FAILED);
    cr_expect(e.cause == HF_EAUTH && e.code == 401);
    fake_clear(&f);
}

Test(turn_auth, credentials_are_asked_for_once_whatever_was_refused)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    f.code[HF_STUN_CHANNEL_BIND] = 401;
    for (int i = 0; i < 3; i++) {
        hf_addr peer = fake_addr("198.51.100.7:7000");
        peer.port = (uint16_t)(peer.port + i);
        cr_assert_eq(hf_turn_client_bind(f.client, f.now, &peer), HF_OK);
    }
    hf_stun_message requests[3];
    static uint8_t bytes[3][HF_DATAGRAM_MAX];
    for (int i = 0; i < 3; i++) {
        cr_assert(fake_take(&f));
        memcpy(bytes[i], f.seen, sizeof bytes[i]);
        requests[i] = f.request;
        requests[i].whole.data = bytes[i];
    }
    for (int i = 0; i < 3; i++) {
        f.request = requests[i];
        fake_answer(&f);
        if (i == 0)
            fake_event(&f, HF_TURN_CREDENTIALS_NEEDED);
    }
    fake_no_event(&f);
    cr_expect_not(fake_take(&f), "nothing is asked for meanwhile");
    fake_clear(&f);
}

/* --- Not the server ---------------------------------------------------------------------------------------------------- */

Test(turn_auth, what_is_not_authentic_is_as_if_it_had_not_come)
{
    for (int how = 0; how < 2; how++) {
        fake f;
        fake_init(&f, NULL);
        f.forges = how == 0;
        f.signs_nothing = how == 1;
        fake_run(&f, HF_SECONDS(1));
        fake_no_event(&f);
        hf_turn_client_stats stats;
        hf_turn_client_get_stats(f.client, &stats);
        cr_expect_eq(stats.dropped, 3, "and is asked for again");
        f.forges = f.signs_nothing = false;
        fake_run(&f, HF_SECONDS(1));
        fake_event(&f, HF_TURN_ALLOCATED);
        fake_clear(&f);
    }
}

Test(turn_auth, nothing_but_forgeries_is_an_end_of_its_own)
{
    fake f;
    fake_init(&f, NULL);
    f.forges = true;
    fake_run(&f, HF_SECONDS(5));
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_EAUTH, "RFC 8489 §9.2.5: not a timeout");
    fake_clear(&f);

    fake_init(&f, &(hf_turn_client_config){FAKE_CREDENTIALS, .path.transport = HF_TCP});
    f.forges = true;
    fake_talk(&f);
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_EAUTH, "and over a stream at once");
    fake_clear(&f);
}

Test(turn_auth, an_error_that_is_not_authentic_ends_nothing)
{
    static const unsigned codes[] = {300, 400, 403, 437, 486, 500};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        fake f;
        fake_init(&f, NULL);
        f.code[HF_STUN_ALLOCATE] = codes[i];
        f.alternate = "198.51.100.66:3478";
        f.signs_nothing = true;
        fake_talk(&f);
        fake_no_event(&f);
        f.code[HF_STUN_ALLOCATE] = 0;
        f.signs_nothing = false;
        fake_run(&f, HF_MS(250));
        fake_event(&f, HF_TURN_ALLOCATED);
        fake_clear(&f);
    }
}

Test(turn_auth, a_response_to_nothing_is_dropped)
{
    fake f;
    fake_init(&f, NULL);
    hf_turn_data data;
    uint8_t buffer[128];
    static const uint8_t id[HF_STUN_ID_SIZE] = {1};
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_ERROR, HF_STUN_ALLOCATE, id);
    hf_stun_add_error(&s, 486, "");
    cr_expect_not(fake_input(&f, buffer, hf_stun_end(&s), &data), "another transaction's");
    cr_assert(fake_take(&f));
    s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_ERROR, HF_STUN_REFRESH, f.request.id);
    hf_stun_add_error(&s, 486, "");
    cr_expect_not(fake_input(&f, buffer, hf_stun_end(&s), &data), "another method's");
    s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_ERROR, HF_STUN_ALLOCATE, f.request.id);
    cr_expect_not(fake_input(&f, buffer, hf_stun_end(&s), &data), "no code");
    cr_expect_not(fake_input(&f, "", 0, &data), "nothing");
    cr_expect_not(fake_input(&f, "\0\1\0\0", 4, &data), "cut");
    fake_no_event(&f);
    hf_turn_client_stats stats;
    hf_turn_client_get_stats(f.client, &stats);
    cr_expect_eq(stats.dropped, 5);
    fake_answer(&f);
    fake_allocate(&f);
    fake_clear(&f);
}

/* --- Algorithms ------------------------------------------------------------------------------------------------------- */

Test(turn_auth, the_first_algorithm_that_both_know_is_used)
{
    fake f;
    fake_init(&f, NULL);
    f.nonce = COOKIE_ALGORITHMS "x";
    f.algorithms = SHA256_FIRST;
    f.algorithms_len = 8;
    f.uses_sha256 = true;
    fake_allocate(&f);
    hf_bytes value;
    uint32_t algorithm;
    cr_expect(hf_stun_find(&f.request, HF_STUN_PASSWORD_ALGORITHMS, &value));
    cr_expect(hf_bytes_equal(value, hf_bytes_of(SHA256_FIRST, 8)), "repeated as it came");
    cr_expect(hf_stun_get_u32(&f.request, HF_STUN_PASSWORD_ALGORITHM, &algorithm) && algorithm == 2u << 16);
    cr_expect_not(hf_stun_find(&f.request, HF_STUN_MESSAGE_INTEGRITY, &value), "RFC 8489 §9.2.5: -SHA256 only");
    f.forges = true;
    fake_run(&f, HF_SECONDS(555));
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_EAUTH);
    fake_clear(&f);
}

Test(turn_auth, a_challenge_that_can_not_be_met_ends_it)
{
    static char long_nonce[764], long_list[72];
    memset(long_nonce, 'n', sizeof long_nonce - 1);
    for (size_t i = 0; i < sizeof long_list; i += 4)
        memcpy(long_list + i, "\0\2\0\0", 4);
    static const struct {
        const char *nonce, *algorithms;
        size_t algorithms_len;
        bool is_taken;
        const char *why;
    } table[] = {
        {COOKIE_ALGORITHMS "x", NULL, 0, false, "somebody took the list away (RFC 8489 §9.2.1)"},
        {COOKIE_ALGORITHMS "x", "\0\3\0\0", 4, false, "an algorithm that we don't know"},
        {COOKIE_ALGORITHMS "x", "", 0, false, "none"},
        {COOKIE_ALGORITHMS "x", "\0\2\0", 3, false, "cut"},
        {COOKIE_ALGORITHMS "x", "\0\2\0\4", 4, false, "parameters that reach over the end"},
        {COOKIE_ALGORITHMS "x", "\0\2\0\4\1\1\1\1", 8, false, "SHA-256 with parameters"},
        {COOKIE_ALGORITHMS "x", long_list, sizeof long_list, false, "a list without end"},
        {COOKIE_ALGORITHMS "x", "\0\3\0\1\1\0\0\0\0\1\0\0", 12, true, "one that we skip, and MD5"},
        {"obMatJos2AAAAx", NULL, 0, true, "a cookie without features"},
        {"obMatJos2!!!!x", NULL, 0, true, "none, though it begins like one"},
        {"obMatJos2", NULL, 0, true, "too short for one"},
        {"", NULL, 0, true, "an empty nonce"},
        {long_nonce, NULL, 0, true, "the longest nonce"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        fake f;
        fake_init(&f, NULL);
        f.nonce = table[i].nonce;
        f.algorithms = table[i].algorithms;
        f.algorithms_len = table[i].algorithms_len;
        cr_assert(fake_take(&f));
        fake_answer(&f);
        cr_expect_eq(fake_take(&f), table[i].is_taken, "%s", table[i].why);
        if (!table[i].is_taken) {
            hf_turn_client_event e = fake_event(&f, HF_TURN_FAILED);
            cr_expect(e.cause == HF_EPROTO && e.code == 401, "%s", table[i].why);
        }
        fake_clear(&f);
    }
}

Test(turn_auth, what_a_challenge_lacks_or_has_too_much_of)
{
    static char longer[1600];
    memset(longer, 'x', sizeof longer - 1);
    static const struct {
        unsigned code;
        const char *realm, *nonce, *why;
        size_t nonce_len;
    } table[] = {
        {401, NULL, "n", "no realm", 1},
        {401, "r", NULL, "no nonce", 0},
        {438, "r", NULL, "no nonce", 0},
        {438, NULL, "n", "no realm, and none is known", 1},
        {401, "r", longer, "a nonce above 763 bytes (RFC 8489 §14.10)", 764},
        {401, longer, "n", "a realm above 763 bytes", 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        fake f;
        uint8_t buffer[HF_DATAGRAM_MAX];
        hf_turn_data data;
        fake_init(&f, NULL);
        cr_assert(fake_take(&f));
        hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_ERROR, HF_STUN_ALLOCATE, f.request.id);
        hf_stun_add_error(&s, table[i].code, "");
        if (table[i].realm)
            hf_stun_add(&s, HF_STUN_REALM, hf_bytes_of_text(table[i].realm));
        if (table[i].nonce)
            hf_stun_add(&s, HF_STUN_NONCE, hf_bytes_of(table[i].nonce, table[i].nonce_len));
        cr_expect_not(fake_input(&f, buffer, hf_stun_end(&s), &data));
        hf_turn_client_event e = fake_event(&f, HF_TURN_FAILED);
        cr_expect(e.cause == HF_EPROTO && e.code == table[i].code, "%s", table[i].why);
        fake_clear(&f);
    }
}

/* User name, realm and nonce together: as much as leaves room for the rest. */
Test(turn_auth, the_longest_challenge_that_is_met_fits_a_datagram)
{
    static char user[509], realm[764], nonce[764];
    static const char list[] = COOKIE_ALGORITHMS;
    memset(user, 'u', sizeof user - 1);
    memset(realm, 'r', sizeof realm - 1);
    memset(nonce, 'n', sizeof nonce - 1);
    memcpy(nonce, list, sizeof list - 1);
    for (size_t nonce_len = 1536 - 508 - 763; nonce_len <= 1536 - 508 - 763 + 1; nonce_len++) {
        bool is_taken = nonce_len == 1536 - 508 - 763;
        fake f;
        fake_init(&f, &(hf_turn_client_config){.username = user, .password = FAKE_PASSWORD});
        f.realm = realm;
        nonce[nonce_len] = '\0';
        f.nonce = nonce;
        f.algorithms = SHA256_FIRST;
        f.algorithms_len = 8;
        cr_assert(fake_take(&f));
        fake_answer(&f);
        nonce[nonce_len] = 'n';
        cr_expect_eq(fake_take(&f), is_taken);
        if (!is_taken)
            cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_EPROTO);
        fake_clear(&f);
    }
}

/* RFC 8489 §B.1: user name "マトリックス", realm "example.org". */
Test(turn_auth, a_user_who_is_to_be_hidden_is_named_by_a_hash)
{
    static const char user[] = "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9";
    static const uint8_t expected[32] = {0x4a, 0x3c, 0xf3, 0x8f, 0xef, 0x69, 0x92, 0xbd, 0xa9, 0x52, 0xc6,
                                         0x78, 0x04, 0x17, 0xda, 0x0f, 0x24, 0x81, 0x94, 0x15, 0x56, 0x9e,
                                         0x60, 0xb2, 0x05, 0xc4, 0x6e, 0x41, 0x40, 0x7f, 0x17, 0x04};
    fake f;
    fake_init(&f, &(hf_turn_client_config){.username = user, .password = "TheMatrIX"});
    f.nonce = COOKIE_ANONYMITY "x";
    f.realm = "example.org";
    cr_assert(fake_take(&f));
    fake_answer(&f);
    cr_assert(fake_take(&f));
    hf_bytes hash, name;
    cr_assert(hf_stun_find(&f.request, HF_STUN_USERHASH, &hash));
    cr_expect(hf_bytes_equal(hash, hf_bytes_of(expected, sizeof expected)));
    cr_expect_not(hf_stun_find(&f.request, HF_STUN_USERNAME, &name));
    fake_clear(&f);
}
