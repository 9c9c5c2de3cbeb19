/* Who may use a server: long-term credentials, nonces, time-limited ones (RFC 8489 §9.2). */
#include "desk.h"

#include <criterion/criterion.h>
#include <string.h>

Test(turn_credentials, are_asked_for_with_realm_nonce_and_algorithms)
{
    desk d;
    hf_bytes value;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    desk_challenge(&c);
    cr_expect_str_eq(c.realm, "holdfast");
    cr_expect(memcmp(c.nonce, "obMatJos2", 9) == 0, "RFC 8489 §9.2: it tells that there are algorithms");
    cr_assert(hf_stun_find(&c.answer, HF_STUN_PASSWORD_ALGORITHMS, &value));
    cr_expect_eq(c.answer.integrity_at, 0);
    cr_expect_eq(desk_stats(&d).refused_credentials, 0, "it is how one begins");
    desk_clear(&d);
}

Test(turn_credentials, are_taken_by_either_algorithm)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000"), e = desk_client_of(&d, "192.0.2.7:5001");
    e.sha256 = true;
    cr_expect_eq(desk_allocate(&c), 0);
    cr_expect_neq(c.answer.integrity_at, 0);
    cr_expect_eq(desk_allocate(&e), 0);
    cr_expect_neq(e.answer.integrity256_at, 0);
    cr_expect_eq(desk_permit(&e, "203.0.113.9"), 0);
    desk_clear(&d);
}

Test(turn_credentials, that_are_wrong_are_refused_and_counted)
{
    static const struct {
        const char *user, *password, *why;
    } rows[] = {
        {"alice", "hare", "another password"},
        {"alice", "", "none"},
        {"bob", "rabbit", "another user"},
        {"", "rabbit", "no user"},
        {"alic", "rabbit", "the beginning of a user"},
        {"alice2", "rabbit", "more than a user"},
    };
    desk d;
    desk_init(&d, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        desk_client c = desk_client_of(&d, "192.0.2.7:5000");
        c.user = rows[i].user;
        c.password = rows[i].password;
        cr_expect_eq(desk_allocate(&c), 401, "%s", rows[i].why);
        cr_expect_eq(c.answer.integrity_at, 0, "%s", rows[i].why);
        cr_expect_eq(desk_stats(&d).refused_credentials, i + 1, "%s", rows[i].why);
    }
    cr_expect_eq(desk_stats(&d).allocations, 0);
    desk_clear(&d);
}

Test(turn_credentials, are_found_among_many)
{
    static const hf_turn_user users[] = {{"dora", "d"}, {"alice", "a"}, {"bo", "b"}, {"bob", "bb"}, {"zoe", "z"}};
    hf_turn_server_config config = {.users = users, .users_len = 5, .realm = "wonder.land"};
    desk d;
    desk_init(&d, &config);
    for (size_t i = 0; i < 5; i++) {
        desk_client c = desk_client_of(&d, "192.0.2.7:5000");
        c.path.remote.port = (uint16_t)(5000 + i);
        c.user = users[i].name;
        c.password = users[i].password;
        cr_expect_eq(desk_allocate(&c), 0, "%s", c.user);
        cr_expect_str_eq(c.realm, "wonder.land");
    }
    desk_clear(&d);
}

/* RFC 8489 §9.2.4: what is missing beside the integrity makes a bad request. */
Test(turn_credentials, that_are_not_whole_are_a_bad_request)
{
    static const struct {
        uint16_t leaves_out, adds;
        const char *value, *why;
        size_t len;
    } rows[] = {
        {HF_STUN_USERNAME, 0, "", "no user", 0},
        {HF_STUN_REALM, 0, "", "no realm", 0},
        {HF_STUN_NONCE, 0, "", "no nonce", 0},
        {0, HF_STUN_PASSWORD_ALGORITHM, "\0\1\0\0", "an algorithm without the list", 4},
        {0, HF_STUN_PASSWORD_ALGORITHMS, "\0\2\0\0\0\1\0\0", "the list without an algorithm", 8},
    };
    desk d;
    desk_init(&d, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        desk_client c = desk_client_of(&d, "192.0.2.7:5000");
        uint8_t key[16];
        desk_challenge(&c);
        desk_begin(&c, HF_STUN_REQUEST, HF_STUN_ALLOCATE);
        if (rows[i].leaves_out != HF_STUN_USERNAME)
            hf_stun_add(&c.s, HF_STUN_USERNAME, hf_bytes_of_text(c.user));
        if (rows[i].leaves_out != HF_STUN_REALM)
            hf_stun_add(&c.s, HF_STUN_REALM, hf_bytes_of_text(c.realm));
        if (rows[i].leaves_out != HF_STUN_NONCE)
            hf_stun_add(&c.s, HF_STUN_NONCE, hf_bytes_of_text(c.nonce));
        if (rows[i].adds != 0)
            hf_stun_add(&c.s, rows[i].adds, hf_bytes_of(rows[i].value, rows[i].len));
        cr_assert(hf_stun_long_term_key_md5(hf_bytes_of_text(c.user), hf_bytes_of_text(c.realm),
                                            hf_bytes_of_text(c.password), key));
        hf_stun_add_integrity(&c.s, hf_bytes_of(key, sizeof key));
        c.nonce[0] = '\0'; /* it is signed already */
        cr_expect_eq(desk_ask(&c), 400, "%s", rows[i].why);
    }
    desk_clear(&d);
}

Test(turn_credentials, cannot_be_made_weaker_on_the_way)
{
    desk d;
    uint8_t key[16];
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    desk_challenge(&c);
    desk_begin(&c, HF_STUN_REQUEST, HF_STUN_ALLOCATE);
    hf_stun_add(&c.s, HF_STUN_USERNAME, hf_bytes_of_text(c.user));
    hf_stun_add(&c.s, HF_STUN_REALM, hf_bytes_of_text(c.realm));
    hf_stun_add(&c.s, HF_STUN_NONCE, hf_bytes_of_text(c.nonce));
    hf_stun_add(&c.s, HF_STUN_PASSWORD_ALGORITHMS, hf_bytes_of("\0\1\0\0", 4)); /* as somebody else sent it */
    hf_stun_add(&c.s, HF_STUN_PASSWORD_ALGORITHM, hf_bytes_of("\0\1\0\0", 4));
    cr_assert(
        hf_stun_long_term_key_md5(hf_bytes_of_text(c.user), hf_bytes_of_text(c.realm), hf_bytes_of_text(c.password), key));
    hf_stun_add_integrity(&c.s, hf_bytes_of(key, sizeof key));
    c.nonce[0] = '\0';
    cr_expect_eq(desk_ask(&c), 400);
    desk_clear(&d);
}

/* --- Nonces ----------------------------------------------------------------------------------------------------------- */

Test(turn_nonce, is_good_for_an_hour_and_then_stale)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    desk_challenge(&c);
    char first[128];
    memcpy(first, c.nonce, sizeof first);
    cr_expect_eq(desk_allocate(&c), 0);
    for (int i = 0; i < 6; i++) {
        desk_run(&d, HF_SECONDS(599));
        cr_expect_eq(desk_refresh(&c, 600), 0);
    }
    desk_run(&d, HF_SECONDS(10));
    cr_expect_eq(desk_refresh(&c, 600), 438);
    cr_expect_str_neq(c.nonce, first, "a new one is told");
    cr_expect_eq(desk_refresh(&c, 600), 0);
    cr_expect_eq(desk_stats(&d).refused_credentials, 0);
    desk_clear(&d);
}

Test(turn_nonce, is_good_for_its_own_address_alone)
{
    desk d;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    static const char *const others[] = {"192.0.2.7:5001", "192.0.2.8:5000", "[2001:db8::1]:5000"};
    desk_challenge(&c);
    for (size_t i = 0; i < 3; i++) {
        desk_client thief = c;
        thief.path.remote = desk_addr(others[i]);
        cr_expect_eq(desk_allocate(&thief), 438, "%s", others[i]);
    }
    desk_client by_tcp = c;
    by_tcp.path.transport = HF_TCP;
    desk_reply(&d, &(hf_reply){.type = HF_REPLY_CONNECTED, .path = by_tcp.path});
    cr_expect_eq(desk_allocate(&by_tcp), 438);
    cr_expect_eq(desk_allocate(&c), 0);
    desk_clear(&d);
}

Test(turn_nonce, cannot_be_made_up)
{
    static const char *const rows[] = {
        "x",
        "obMatJos2gAAA",
        "obMatJos2gAAA0000006400000000000000000000",
        "obMatJos2gAAAzzzzzzzz00000000000000000000",
        "obMatJos2gAAA00000064000000000000000000000",
    };
    desk d;
    desk_init(&d, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        desk_client c = desk_client_of(&d, "192.0.2.7:5000");
        strcpy(c.realm, "holdfast");
        strcpy(c.nonce, rows[i]);
        cr_expect_eq(desk_allocate(&c), 438, "%s", rows[i]);
    }
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    desk_challenge(&c);
    for (size_t i = 0; i < strlen(c.nonce); i++) { /* any character of one that is good */
        desk_client forger = c;
        forger.nonce[i] = forger.nonce[i] == '0' ? '1' : '0';
        cr_expect_eq(desk_allocate(&forger), 438, "character %zu", i);
    }
    desk_clear(&d);
}

Test(turn_nonce, of_a_server_before_is_stale)
{
    desk d, e;
    desk_init(&d, NULL);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    desk_challenge(&c);
    desk_clear(&d);
    desk_init_seeded(&e, NULL, 8);
    c.desk = &e;
    cr_expect_eq(desk_allocate(&c), 438, "the nonce, and not the password, is what is wrong");
    cr_expect_eq(desk_allocate(&c), 0);
    desk_clear(&e);
}

/* --- Time-limited ones ------------------------------------------------------------------------------------------------ */

#define CALENDAR 1700000000u

static void open_with_secret(desk *d)
{
    hf_turn_server_config config = {.secret = "s3cret", .calendar = CALENDAR};
    desk_init(d, &config);
}

/* base64(HMAC-SHA1("s3cret", user)), by another implementation. */
static const char *const signed_names[][2] = {
    {"1700000600:alice", "bUIJIVaC05oyFgKsQvKAparqg1Q="},
    {"1699999999:alice", "Uwv+crrUJe+7VvlXMbFuz+4J61Q="},
    {"1700000600", "pUS8iVILfAyNiedx/WoCcYmWBow="},
    {"1700009999:alice", "agiPUlq1+tbBxJ5zBUPG0+iS/O4="},
};

static desk_client secret_client(desk *d, const char *addr, size_t name)
{
    desk_client c = desk_client_of(d, addr);
    c.user = signed_names[name][0];
    c.password = signed_names[name][1];
    return c;
}

Test(turn_secret, lets_in_whom_it_has_signed_until_the_time_is_over)
{
    desk d;
    open_with_secret(&d);
    desk_client c = secret_client(&d, "192.0.2.7:5000", 0), late = secret_client(&d, "192.0.2.7:5001", 1);
    desk_client nameless = secret_client(&d, "192.0.2.7:5002", 2), forged = secret_client(&d, "192.0.2.7:5003", 0);
    cr_expect_eq(desk_allocate(&c), 0);
    cr_expect_eq(desk_allocate(&late), 401);
    cr_expect_eq(desk_allocate(&nameless), 0);
    forged.user = "1800000000:alice";
    cr_expect_eq(desk_allocate(&forged), 401);
    forged.user = "alice";
    cr_expect_eq(desk_allocate(&forged), 401);
    desk_clear(&d);
}

Test(turn_secret, goes_on_for_what_was_begun_in_time)
{
    desk d;
    open_with_secret(&d);
    desk_client c = secret_client(&d, "192.0.2.7:5000", 0);
    cr_expect_eq(desk_allocate(&c), 0);
    desk_run(&d, HF_SECONDS(599));
    cr_expect_eq(desk_refresh(&c, 600), 0);
    desk_run(&d, HF_SECONDS(10));
    cr_expect_eq(desk_refresh(&c, 600), 0, "a call may be longer than a login");
    cr_expect_eq(desk_permit(&c, "203.0.113.9"), 0);
    desk_client again = secret_client(&d, "192.0.2.7:5001", 0);
    cr_expect_eq(desk_allocate(&again), 401, "nothing new is begun");

    desk_client renewed = c; /* the same one, who has fetched later credentials */
    renewed.user = signed_names[3][0];
    renewed.password = signed_names[3][1];
    cr_expect_eq(desk_refresh(&renewed, 600), 0);
    desk_clear(&d);
}

Test(turn_secret, counts_allocations_by_the_name_behind_the_expiry)
{
    hf_turn_server_config config = {.secret = "s3cret", .calendar = CALENDAR, .user_allocations_max = 1};
    desk d;
    desk_init(&d, &config);
    desk_client c = secret_client(&d, "192.0.2.7:5000", 0), again = secret_client(&d, "192.0.2.7:5001", 3);
    cr_expect_eq(desk_allocate(&c), 0);
    cr_expect_eq(desk_allocate(&again), 486, "a new expiry makes nobody new");
    desk_clear(&d);
}

/* --- Whose allocation it is ------------------------------------------------------------------------------------------- */

Test(turn_credentials, of_another_user_do_not_open_an_allocation)
{
    static const hf_turn_user users[] = {{"alice", "rabbit"}, {"bob", "builder"}};
    hf_turn_server_config config = {.users = users, .users_len = 2};
    desk d;
    desk_init(&d, &config);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    cr_expect_eq(desk_allocate(&c), 0);
    desk_client bob = c;
    bob.user = "bob";
    bob.password = "builder";
    cr_expect_eq(desk_refresh(&bob, 0), 441);
    cr_expect_eq(desk_permit(&bob, "203.0.113.9"), 441);
    cr_expect_eq(desk_bind(&bob, "203.0.113.9:1", 0x4000), 441);
    cr_expect_eq(desk_stats(&d).allocations, 1);
    cr_expect_eq(desk_stats(&d).refused_credentials, 3);
    desk_clear(&d);
}

Test(turn_credentials, are_of_no_use_where_there_are_none)
{
    hf_turn_server_config config = {0};
    desk d;
    memset(&d, 0, sizeof d);
    test_env_init(&d.env, 7);
    cr_assert_eq(hf_turn_server_new(&d.server, 0, &config, &d.env.env), HF_OK);
    desk_client c = desk_client_of(&d, "192.0.2.7:5000");
    desk_begin(&c, HF_STUN_REQUEST, HF_STUN_ALLOCATE);
    cr_expect_eq(desk_ask(&c), 403);
    desk_begin(&c, HF_STUN_REQUEST, HF_STUN_BINDING);
    cr_expect_eq(desk_ask(&c), 0, "it is a STUN server");
    desk_clear(&d);
}
