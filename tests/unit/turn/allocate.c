/* allocate.c: an allocation is made, kept, given back, refused, lost. */
#include "fake.h"

#include <criterion/criterion.h>
#include <string.h>

Test(turn_allocate, takes_two_round_trips)
{
    fake f;
    fake_init(&f, NULL);
    cr_assert(fake_take(&f));
    cr_expect_eq(f.request.method, HF_STUN_ALLOCATE);
    hf_bytes value;
    cr_expect_not(hf_stun_find(&f.request, HF_STUN_USERNAME, &value), "RFC 8489 §9.2.3.1");
    uint32_t transport;
    cr_expect(hf_stun_get_u32(&f.request, HF_STUN_REQUESTED_TRANSPORT, &transport) && transport == 17u << 24);
    cr_expect_not(fake_take(&f), "one request is out");
    fake_answer(&f);
    cr_assert(fake_take(&f), "at once");
    cr_expect(f.is_signed);
    fake_answer(&f);
    hf_turn_client_event e = fake_event(&f, HF_TURN_ALLOCATED);
    hf_addr relayed = fake_addr("192.0.2.15:50000"), mapped = fake_addr("203.0.113.5:6000");
    cr_expect(hf_addr_equal(&e.relayed[0], &relayed));
    cr_expect_eq(e.relayed[1].family, HF_FAMILY_NONE);
    cr_expect(hf_addr_equal(&e.mapped, &mapped));
    fake_no_event(&f);
    cr_expect_eq(f.requests, 2);
    fake_clear(&f);
}

Test(turn_allocate, is_kept_and_given_back)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    fake_run(&f, HF_SECONDS(540) - 1);
    cr_expect_eq(f.by_method[HF_STUN_REFRESH], 0);
    fake_run(&f, 1);
    cr_expect_eq(f.by_method[HF_STUN_REFRESH], 1, "a minute before the end");
    fake_run(&f, HF_SECONDS(3600));
    cr_expect_eq(f.by_method[HF_STUN_REFRESH], 7);
    fake_no_event(&f);
    hf_turn_client_close(f.client, f.now);
    cr_assert(fake_take(&f));
    cr_expect(f.request.method == HF_STUN_REFRESH && f.has_lifetime && f.asked_lifetime == 0 && f.is_signed);
    fake_answer(&f);
    fake_event(&f, HF_TURN_CLOSED);
    fake_no_event(&f);
    cr_expect_eq(hf_turn_client_deadline(f.client), HF_NEVER);
    fake_clear(&f);
}

Test(turn_allocate, refreshes_by_the_lifetime_that_the_server_grants)
{
    static const struct {
        uint32_t lifetime;
        hf_span refresh_at;
        const char *why;
    } table[] = {
        {100, HF_SECONDS(50), "half of a short one"},    {121, HF_SECONDS(61), "a minute before the end"},
        {3600, HF_SECONDS(3540), "an hour is believed"}, {1, HF_SECONDS(5), "not every moment"},
        {UINT32_MAX, HF_SECONDS(3540), "nor never"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        fake f;
        fake_init(&f, NULL);
        f.lifetime = table[i].lifetime;
        fake_allocate(&f);
        cr_expect_eq(hf_turn_client_deadline(f.client), f.now + table[i].refresh_at, "%s", table[i].why);
        fake_clear(&f);
    }
}

Test(turn_allocate, asks_for_the_family_that_is_wanted)
{
    static const struct {
        hf_family family;
        bool both;
        const char *relayed[3];
        uint16_t attribute;
        bool is_taken;
        const char *why;
    } table[] = {
        {HF_FAMILY_NONE, false, {"192.0.2.15:1"}, 0, true, "IPv4 unasked"},
        {HF_FAMILY_IPV4, false, {"192.0.2.15:1"}, 0, true, "and asked"},
        {HF_FAMILY_IPV6, false, {"[2001:db8::15]:1"}, HF_STUN_REQUESTED_ADDRESS_FAMILY, true, "IPv6"},
        {HF_FAMILY_NONE, true, {"192.0.2.15:1", "[2001:db8::15]:1"}, HF_STUN_ADDITIONAL_ADDRESS_FAMILY, true, "both"},
        {HF_FAMILY_NONE, true, {"192.0.2.15:1"}, HF_STUN_ADDITIONAL_ADDRESS_FAMILY, true, "both, and there is one"},
        {HF_FAMILY_NONE, true, {"[2001:db8::15]:1"}, HF_STUN_ADDITIONAL_ADDRESS_FAMILY, true, "the other one"},
        {HF_FAMILY_NONE, true, {"192.0.2.15:1", "192.0.2.16:1"}, HF_STUN_ADDITIONAL_ADDRESS_FAMILY, false, "one twice"},
        {HF_FAMILY_IPV6, false, {"192.0.2.15:1"}, HF_STUN_REQUESTED_ADDRESS_FAMILY, false, "another one than asked for"},
        {HF_FAMILY_NONE, false, {"192.0.2.15:1", "[2001:db8::15]:1"}, 0, false, "more than asked for"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        fake f;
        uint32_t family;
        fake_init(&f, &(hf_turn_client_config){FAKE_CREDENTIALS, .family = table[i].family, .both_families = table[i].both});
        memcpy(f.relayed, table[i].relayed, sizeof f.relayed);
        fake_talk(&f);
        bool asks = hf_stun_get_u32(&f.request, HF_STUN_REQUESTED_ADDRESS_FAMILY, &family) ||
                    hf_stun_get_u32(&f.request, HF_STUN_ADDITIONAL_ADDRESS_FAMILY, &family);
        cr_expect_eq(asks, table[i].attribute != 0, "%s", table[i].why);
        if (asks)
            cr_expect(hf_stun_get_u32(&f.request, table[i].attribute, &family) && family == 2u << 24);
        hf_turn_client_event e = fake_event(&f, table[i].is_taken ? HF_TURN_ALLOCATED : HF_TURN_FAILED);
        cr_expect_eq(e.cause, table[i].is_taken ? HF_OK : HF_EPROTO, "%s", table[i].why);
        fake_clear(&f);
    }
}

Test(turn_allocate, does_not_take_an_address_that_nobody_could_reach)
{
    static const struct {
        const char *relayed, *server, *why;
        bool is_taken;
    } table[] = {
        {"0.0.0.0:50000", "192.0.2.1:3478", "unspecified", false},
        {"192.0.2.15:0", "192.0.2.1:3478", "no port", false},
        {"224.0.0.1:50000", "192.0.2.1:3478", "multicast", false},
        {"255.255.255.255:50000", "192.0.2.1:3478", "broadcast", false},
        {"169.254.1.1:50000", "192.0.2.1:3478", "link-local", false},
        {"127.0.0.1:50000", "192.0.2.1:3478", "the loopback of another machine", false},
        {"127.0.0.1:50000", "127.0.0.1:3478", "of this one", true},
        {"10.0.0.9:50000", "192.0.2.1:3478", "private: in a company's network it is one", true},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        fake f;
        hf_turn_client_config config = {FAKE_CREDENTIALS, .path.remote = fake_addr(table[i].server)};
        fake_init(&f, &config);
        f.relayed[0] = table[i].relayed;
        fake_talk(&f);
        hf_turn_client_event e = fake_event(&f, table[i].is_taken ? HF_TURN_ALLOCATED : HF_TURN_FAILED);
        cr_expect_eq(e.cause, table[i].is_taken ? HF_OK : HF_EPROTO, "%s", table[i].why);
        fake_clear(&f);
    }
}

Test(turn_allocate, names_why_it_is_refused)
{
    static const struct {
        unsigned code;
        hf_err cause;
    } table[] = {
        {400, HF_EPROTO},   {403, HF_EREFUSED}, {420, HF_EREFUSED}, {440, HF_EREFUSED},
        {441, HF_EAUTH},    {442, HF_EREFUSED}, {443, HF_EREFUSED}, {486, HF_EQUOTA},
        {500, HF_EREFUSED}, {508, HF_EREFUSED}, {699, HF_EREFUSED},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        fake f;
        fake_init(&f, NULL);
        f.code[HF_STUN_ALLOCATE] = table[i].code;
        fake_talk(&f);
        hf_turn_client_event e = fake_event(&f, HF_TURN_FAILED);
        cr_expect_eq(e.cause, table[i].cause, "%u", table[i].code);
        cr_expect_eq(e.code, table[i].code);
        cr_expect_eq(e.alternate.family, HF_FAMILY_NONE);
        cr_expect_eq(hf_turn_client_deadline(f.client), HF_NEVER);
        fake_no_event(&f);
        fake_clear(&f);
    }
}

Test(turn_allocate, tells_where_else_to_ask)
{
    static const struct {
        const char *alternate, *why;
        bool is_taken, is_open;
    } table[] = {
        {"192.0.2.2:3478", "another server", true, false},
        {"192.0.2.1:3479", "another port", true, false},
        {"192.0.2.2:3478", "before anything was asked for (RFC 8489 §10: it need not be authentic)", true, true},
        {"192.0.2.1:3478", "itself", false, false},
        {"[2001:db8::1]:3478", "another family", false, false},
        {"0.0.0.0:3478", "nobody", false, false},
        {"192.0.2.2:0", "no port", false, false},
        {NULL, "nothing", false, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        fake f;
        fake_init(&f, NULL);
        f.is_open = table[i].is_open;
        f.code[HF_STUN_ALLOCATE] = 300;
        f.alternate = table[i].alternate;
        f.domain = hf_bytes_of_text("other.example");
        fake_talk(&f);
        hf_turn_client_event e = fake_event(&f, HF_TURN_FAILED);
        cr_expect_eq(e.code, 300);
        cr_expect_eq(e.cause, table[i].is_taken ? HF_EREFUSED : HF_EPROTO, "%s", table[i].why);
        cr_expect_eq(e.alternate.family, table[i].is_taken ? HF_FAMILY_IPV4 : HF_FAMILY_NONE, "%s", table[i].why);
        cr_expect_str_eq(e.alternate_domain, table[i].is_taken ? "other.example" : "", "%s", table[i].why);
        fake_clear(&f);
    }
}

Test(turn_allocate, tells_a_name_that_can_be_one)
{
    static char longer[HF_TURN_DOMAIN_SIZE + 1];
    memset(longer, 'a', HF_TURN_DOMAIN_SIZE);
    static const struct {
        const char *name;
        size_t len, taken_len;
        const char *why;
    } table[] = {
        {longer, HF_TURN_DOMAIN_SIZE - 1, HF_TURN_DOMAIN_SIZE - 1, "the longest"},
        {longer, HF_TURN_DOMAIN_SIZE, 0, "RFC 8489 §14.16: less than 256 bytes"},
        {"good.example\0.evil.example", 26, 0, "a NUL"},
        {"", 0, 0, "nothing"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        fake f;
        fake_init(&f, NULL);
        f.code[HF_STUN_ALLOCATE] = 300;
        f.alternate = "192.0.2.2:3478";
        f.domain = hf_bytes_of(table[i].name, table[i].len);
        fake_talk(&f);
        hf_turn_client_event e = fake_event(&f, HF_TURN_FAILED);
        cr_expect_eq(strlen(e.alternate_domain), table[i].taken_len, "%s", table[i].why);
        fake_clear(&f);
    }
}

Test(turn_allocate, gives_back_what_an_earlier_client_left_on_its_socket)
{
    fake f;
    fake_init(&f, NULL);
    f.code[HF_STUN_ALLOCATE] = 437;
    for (int i = 0; i < 2; i++) {
        cr_assert(fake_take(&f));
        fake_answer(&f);
    }
    cr_assert(fake_take(&f));
    cr_expect(f.request.method == HF_STUN_REFRESH && f.has_lifetime && f.asked_lifetime == 0 && f.is_signed);
    f.code[HF_STUN_ALLOCATE] = 0;
    fake_answer(&f);
    fake_allocate(&f);
    cr_expect_eq(f.by_method[HF_STUN_ALLOCATE], 3);
    fake_clear(&f);
}

Test(turn_allocate, asks_only_once_more_where_something_is_in_the_way)
{
    static const unsigned refresh_codes[] = {0, 437, 441, 500};
    for (size_t i = 0; i < sizeof refresh_codes / sizeof *refresh_codes; i++) {
        fake f;
        fake_init(&f, NULL);
        f.code[HF_STUN_ALLOCATE] = 437;
        f.code[HF_STUN_REFRESH] = refresh_codes[i];
        fake_talk(&f);
        hf_turn_client_event e = fake_event(&f, HF_TURN_FAILED);
        cr_expect(e.cause == HF_EREFUSED && e.code == 437);
        cr_expect_eq(f.by_method[HF_STUN_REFRESH], 1);
        cr_expect_eq(f.by_method[HF_STUN_ALLOCATE], i < 2 ? 3 : 2);
        fake_clear(&f);
    }
}

Test(turn_allocate, an_attribute_that_must_be_understood_ends_it)
{
    fake f;
    fake_init(&f, NULL);
    f.adds_unknown = 0x7FFF;
    fake_talk(&f);
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_EPROTO, "RFC 8489 §6.3.3");
    fake_clear(&f);

    fake_init(&f, NULL);
    f.adds_unknown = 0xFFFE;
    fake_allocate(&f);
    fake_clear(&f);
}

/* --- Silence ---------------------------------------------------------------------------------------------------------- */

Test(turn_allocate, a_silent_server_is_asked_at_growing_intervals_until_patience_ends)
{
    static const hf_span at[] = {0, HF_MS(250), HF_MS(750), HF_MS(1750), HF_MS(3750)};
    fake f;
    fake_init(&f, NULL);
    hf_time begin = f.now;
    uint8_t id[HF_STUN_ID_SIZE];
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        if (i > 0) {
            f.now = begin + at[i] - 1;
            hf_turn_client_tick(f.client, f.now);
            cr_expect_not(fake_take(&f), "too early");
        }
        f.now = begin + at[i];
        cr_assert(fake_take(&f), "%zu", i);
        if (i > 0)
            cr_expect_arr_eq(f.request.id, id, sizeof id, "one transaction");
        memcpy(id, f.request.id, sizeof id);
    }
    f.is_mute = true;
    fake_run(&f, HF_SECONDS(5) - at[4] - 1);
    fake_no_event(&f);
    fake_run(&f, 1);
    hf_turn_client_event e = fake_event(&f, HF_TURN_FAILED);
    cr_expect(e.cause == HF_ETIMEDOUT && e.code == 0);
    cr_expect_eq(hf_turn_client_deadline(f.client), HF_NEVER);
    cr_expect_eq(f.requests, 5);
    fake_clear(&f);
}

Test(turn_allocate, patience_is_for_the_whole_setup)
{
    fake f;
    fake_init(&f, &(hf_turn_client_config){FAKE_CREDENTIALS, .patience = HF_MS(400)});
    cr_assert(fake_take(&f));
    f.now += HF_MS(200);
    fake_answer(&f);
    f.is_mute = true;
    fake_run(&f, HF_MS(200) - 1);
    cr_expect_eq(f.requests, 2);
    fake_no_event(&f);
    fake_run(&f, 1);
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_ETIMEDOUT);
    fake_clear(&f);
}

Test(turn_allocate, a_stream_loses_nothing_and_is_asked_once)
{
    fake f;
    fake_init(&f, &(hf_turn_client_config){FAKE_CREDENTIALS, .path.transport = HF_TCP});
    f.is_mute = true;
    fake_run(&f, HF_SECONDS(5) - 1);
    cr_expect_eq(f.requests, 1, "RFC 8489 §6.2.2");
    fake_no_event(&f);
    fake_run(&f, 1);
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_ETIMEDOUT);
    fake_clear(&f);
}

Test(turn_allocate, a_lost_allocation_is_told_at_once)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    f.code[HF_STUN_REFRESH] = 437;
    fake_run(&f, HF_SECONDS(540));
    hf_turn_client_event e = fake_event(&f, HF_TURN_FAILED);
    cr_expect(e.cause == HF_EREFUSED && e.code == 437);
    fake_clear(&f);
}

Test(turn_allocate, a_server_that_went_away_is_told_after_fifteen_seconds)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    f.is_mute = true;
    fake_run(&f, HF_SECONDS(555) - 1);
    cr_expect_eq(f.by_method[HF_STUN_REFRESH], 15);
    fake_no_event(&f);
    fake_run(&f, 1);
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_ETIMEDOUT);
    fake_clear(&f);
}

Test(turn_allocate, has_ended_when_the_machine_wakes_up)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    f.now += HF_SECONDS(3600);
    hf_turn_client_tick(f.client, f.now);
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_ETIMEDOUT);
    hf_wrap wrap;
    hf_addr peer = fake_addr("198.51.100.7:7000");
    cr_expect_eq(hf_turn_client_wrap(f.client, &peer, &wrap), HF_ESTATE);
    cr_expect_eq(hf_turn_client_permit(f.client, f.now, &peer), HF_ESTATE);
    fake_clear(&f);
}

/* --- The end ---------------------------------------------------------------------------------------------------------- */

Test(turn_allocate, closes_within_a_second_though_nobody_answers)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    f.is_mute = true;
    hf_turn_client_close(f.client, f.now);
    fake_run(&f, HF_SECONDS(1) - 1);
    cr_expect_geq(f.by_method[HF_STUN_REFRESH], 3, "asked more than once");
    fake_no_event(&f);
    fake_run(&f, 1);
    fake_event(&f, HF_TURN_CLOSED);
    hf_turn_client_close(f.client, f.now);
    fake_no_event(&f);
    fake_clear(&f);
}

Test(turn_allocate, that_is_being_made_while_its_owner_closes_is_given_back)
{
    fake f;
    fake_init(&f, NULL);
    cr_assert(fake_take(&f));
    fake_answer(&f);
    cr_assert(fake_take(&f));
    hf_turn_client_close(f.client, f.now);
    fake_no_event(&f);
    fake_answer(&f);
    cr_assert(fake_take(&f));
    cr_expect(f.request.method == HF_STUN_REFRESH && f.has_lifetime && f.asked_lifetime == 0);
    fake_answer(&f);
    fake_event(&f, HF_TURN_CLOSED);
    fake_no_event(&f);
    fake_clear(&f);
}

Test(turn_allocate, closes_at_once_where_the_user_is_not_known_any_more)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    f.code[HF_STUN_REFRESH] = 401;
    hf_turn_client_close(f.client, f.now);
    fake_talk(&f);
    fake_event(&f, HF_TURN_CLOSED);
    fake_no_event(&f);
    fake_clear(&f);
}

Test(turn_allocate, that_nobody_began_closes_at_once)
{
    fake f;
    fake_init(&f, NULL);
    hf_turn_client_close(f.client, f.now);
    fake_event(&f, HF_TURN_CLOSED);
    cr_expect_not(fake_take(&f));
    fake_clear(&f);

    fake_init(&f, NULL);
    f.code[HF_STUN_ALLOCATE] = 486;
    fake_talk(&f);
    fake_event(&f, HF_TURN_FAILED);
    hf_turn_client_close(f.client, f.now);
    fake_event(&f, HF_TURN_CLOSED);
    fake_clear(&f);
}

Test(turn_allocate, refuses_what_can_not_be)
{
    test_env env;
    test_env_init(&env, 1);
    char user[HF_DATAGRAM_MAX], password[HF_DATAGRAM_MAX];
    memset(user, 'u', sizeof user);
    memset(password, 'p', sizeof password);
    user[509] = password[764] = '\0';
    hf_path path = {.remote = fake_addr("192.0.2.1:3478")};
    const hf_turn_client_config table[] = {
        {.path.transport = HF_UDP},
        {.path = path, .username = "alice"},
        {.path = path, .password = "rabbit"},
        {.path = path, .username = user, .password = "rabbit"},
        {.path = path, .username = "alice", .password = password},
        {.path = path, .patience = -1},
        {.path = path, .both_families = true, .family = HF_FAMILY_IPV6},
    };
    hf_turn_client *client = NULL;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        cr_expect_eq(hf_turn_client_new(&client, 0, &table[i], &env.env), HF_EINVAL, "%zu", i);
    cr_expect_eq(hf_turn_client_new(&client, 0, &(hf_turn_client_config){.path = path}, NULL), HF_EINVAL);
    cr_expect_null(client);
    hf_turn_client_free(NULL);
    cr_expect_eq(env.blocks, 0);
}
