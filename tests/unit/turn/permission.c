/* permission.c: who may send to us through the relay. */
#include "fake.h"

#include <criterion/criterion.h>
#include <stdio.h>

static hf_addr peer_number(unsigned n)
{
    char text[HF_ADDR_TEXT_SIZE];
    snprintf(text, sizeof text, "198.51.%u.%u:7000", 100 + n / 200, n % 200 + 1);
    return fake_addr(text);
}

static void permit(fake *f, const char *peer)
{
    hf_addr addr = fake_addr(peer);
    cr_assert_eq(hf_turn_client_permit(f->client, f->now, &addr), HF_OK);
}

static hf_err try_wrap(fake *f, const char *peer)
{
    hf_addr addr = fake_addr(peer);
    hf_wrap wrap;
    return hf_turn_client_wrap(f->client, &addr, &wrap);
}

static bool hear_from(fake *f, const char *peer)
{
    uint8_t buffer[128];
    static const uint8_t id[HF_STUN_ID_SIZE] = {1};
    hf_addr addr = fake_addr(peer);
    hf_turn_data data;
    hf_stun_writer s = hf_stun_begin(buffer, sizeof buffer, HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, id);
    hf_stun_add_xor_address(&s, HF_STUN_XOR_PEER_ADDRESS, &addr);
    hf_stun_add(&s, HF_STUN_DATA, hf_bytes_of_text("hello"));
    return fake_input(f, buffer, hf_stun_end(&s), &data);
}

Test(turn_permission, is_asked_for_when_the_allocation_stands_and_kept)
{
    fake f;
    fake_init(&f, NULL);
    permit(&f, "198.51.100.7:7000");
    permit(&f, "198.51.100.7:7001");
    permit(&f, "198.51.100.8:7000");
    cr_expect_eq(try_wrap(&f, "198.51.100.7:7000"), HF_ESTATE);
    fake_allocate(&f);
    cr_expect_eq(f.by_method[HF_STUN_CREATE_PERMISSION], 1, "one request");
    cr_expect_eq(f.peers_len, 2, "about each IP");
    hf_turn_client_event e = fake_event(&f, HF_TURN_PERMITTED);
    cr_expect_eq(e.peer.port, 0);
    fake_event(&f, HF_TURN_PERMITTED);
    fake_no_event(&f);
    cr_expect_eq(try_wrap(&f, "198.51.100.7:1"), HF_OK, "any port (RFC 8656 §9)");
    cr_expect_eq(try_wrap(&f, "198.51.100.9:7000"), HF_EAGAIN);
    fake_run(&f, HF_SECONDS(240) - 1);
    cr_expect_eq(f.by_method[HF_STUN_CREATE_PERMISSION], 1);
    fake_run(&f, 1);
    cr_expect_eq(f.by_method[HF_STUN_CREATE_PERMISSION], 2);
    cr_expect_eq(f.peers_len, 2);
    fake_no_event(&f);
    fake_clear(&f);
}

Test(turn_permission, many_take_few_requests_which_fit_a_datagram)
{
    fake f;
    fake_init(&f, NULL);
    for (unsigned n = 0; n < HF_TURN_PEERS_MAX; n++) {
        hf_addr peer = peer_number(n);
        cr_assert_eq(hf_turn_client_permit(f.client, f.now, &peer), HF_OK);
        cr_assert_eq(hf_turn_client_permit(f.client, f.now, &peer), HF_OK);
    }
    hf_addr one_more = peer_number(HF_TURN_PEERS_MAX);
    cr_expect_eq(hf_turn_client_permit(f.client, f.now, &one_more), HF_ELIMIT);
    fake_talk(&f);
    cr_expect_eq(f.by_method[HF_STUN_CREATE_PERMISSION], HF_TURN_PEERS_MAX / 8);
    cr_expect_lt(f.request.whole.len, 600);
    fake_event(&f, HF_TURN_ALLOCATED);
    for (unsigned n = 0; n < HF_TURN_PEERS_MAX; n++)
        fake_event(&f, HF_TURN_PERMITTED);
    fake_no_event(&f);
    fake_clear(&f);
}

Test(turn_permission, no_more_than_seven_requests_are_out)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    for (unsigned n = 0; n < HF_TURN_PEERS_MAX; n++) {
        hf_addr peer = peer_number(n);
        cr_assert_eq(hf_turn_client_permit(f.client, f.now, &peer), HF_OK);
    }
    unsigned out = 0;
    while (fake_take(&f))
        out++;
    cr_expect_eq(out, 7);
    cr_expect_gt(hf_turn_client_deadline(f.client), f.now, "and there is nothing to do");
    fake_answer(&f);
    cr_expect(fake_take(&f), "an answer makes room");
    fake_clear(&f);
}

static void refuse_one(fake *f, const hf_addr *bad, unsigned code)
{
    for (unsigned n = 0; fake_take(f); n++) {
        cr_assert_lt(n, 50);
        f->code[HF_STUN_CREATE_PERMISSION] = 0;
        for (size_t i = 0; i < f->peers_len; i++) {
            if (hf_addr_equal_ip(&f->peers[i], bad))
                f->code[HF_STUN_CREATE_PERMISSION] = code;
        }
        fake_answer(f);
    }
}

Test(turn_permission, one_that_is_refused_spoils_no_other)
{
    static const unsigned codes[] = {403, 443, 400, 508};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        fake f;
        fake_init(&f, NULL);
        fake_allocate(&f);
        permit(&f, "198.51.100.7:7000");
        permit(&f, "10.0.0.8:7000");
        permit(&f, "198.51.100.9:7000");
        hf_addr bad = fake_addr("10.0.0.8:7000");
        refuse_one(&f, &bad, codes[i]);
        cr_expect_eq(f.by_method[HF_STUN_CREATE_PERMISSION], 4, "together, and then each");
        fake_event(&f, HF_TURN_PERMITTED);
        hf_turn_client_event e = fake_event(&f, HF_TURN_REFUSED);
        cr_expect(hf_addr_equal_ip(&e.peer, &bad));
        cr_expect(e.cause == HF_EREFUSED && e.code == codes[i]);
        fake_event(&f, HF_TURN_PERMITTED);
        fake_no_event(&f);
        cr_expect_eq(try_wrap(&f, "10.0.0.8:7000"), HF_EREFUSED);
        cr_expect_eq(try_wrap(&f, "198.51.100.9:7000"), HF_OK);
        unsigned before = f.by_method[HF_STUN_CREATE_PERMISSION];
        f.code[HF_STUN_CREATE_PERMISSION] = 0;
        fake_run(&f, HF_SECONDS(240));
        cr_expect_eq(f.by_method[HF_STUN_CREATE_PERMISSION], before + 1, "the others are kept together again");
        cr_expect_eq(f.peers_len, 2);
        fake_clear(&f);
    }
}

/* One is due for its refresh when two others have been refused together. */
Test(turn_permission, that_was_refused_in_company_is_asked_for_alone)
{
    fake f;
    fake_init(&f, NULL);
    permit(&f, "198.51.100.7:7000");
    fake_allocate(&f);
    fake_run(&f, HF_SECONDS(240) - 1);
    permit(&f, "198.51.100.8:7000");
    permit(&f, "198.51.100.9:7000");
    cr_assert(fake_take(&f));
    cr_expect_eq(f.peers_len, 2);
    f.code[HF_STUN_CREATE_PERMISSION] = 403;
    fake_answer(&f);
    permit(&f, "198.51.100.10:7000");
    f.now++;
    unsigned with_one = 0;
    while (fake_take(&f)) {
        hf_addr first = fake_addr("198.51.100.7:7000"), last = fake_addr("198.51.100.10:7000");
        bool is_in_company = hf_addr_equal_ip(&f.peers[0], &first);
        cr_expect(is_in_company ? f.peers_len == 2 && hf_addr_equal_ip(&f.peers[1], &last) : f.peers_len == 1);
        with_one += f.peers_len == 1;
    }
    cr_expect_eq(with_one, 2);
    fake_clear(&f);

    fake_init(&f, NULL);
    fake_allocate(&f);
    permit(&f, "198.51.100.8:7000");
    permit(&f, "198.51.100.9:7000");
    f.code[HF_STUN_CREATE_PERMISSION] = 403;
    cr_assert(fake_take(&f));
    fake_answer(&f);
    permit(&f, "198.51.100.10:7000");
    while (fake_take(&f))
        cr_expect_eq(f.peers_len, 1, "nobody joins one that is asked for alone");
    cr_expect_eq(f.by_method[HF_STUN_CREATE_PERMISSION], 4);
    fake_clear(&f);
}

Test(turn_permission, of_a_family_that_is_not_relayed_is_not_even_asked_for)
{
    fake f;
    fake_init(&f, NULL);
    permit(&f, "[2001:db8::7]:7000");
    fake_allocate(&f);
    cr_expect_eq(fake_event(&f, HF_TURN_REFUSED).code, 443);
    permit(&f, "[2001:db8::8]:7000");
    fake_talk(&f);
    cr_expect_eq(fake_event(&f, HF_TURN_REFUSED).code, 443);
    cr_expect_eq(f.by_method[HF_STUN_CREATE_PERMISSION], 0);
    cr_expect_eq(try_wrap(&f, "[2001:db8::7]:7000"), HF_EREFUSED);
    fake_clear(&f);

    fake_init(&f, &(hf_turn_client_config){FAKE_CREDENTIALS, .both_families = true});
    f.relayed[0] = "192.0.2.15:1";
    f.relayed[1] = "[2001:db8::15]:1";
    permit(&f, "[2001:db8::7]:7000");
    permit(&f, "198.51.100.7:7000");
    fake_allocate(&f);
    cr_expect_eq(f.peers_len, 2);
    fake_clear(&f);
}

Test(turn_permission, is_not_kept_when_nobody_wants_it)
{
    fake f;
    fake_init(&f, NULL);
    permit(&f, "198.51.100.7:7000");
    permit(&f, "198.51.100.8:7000");
    fake_allocate(&f);
    hf_addr peer = fake_addr("198.51.100.7:7000");
    hf_turn_client_forget(f.client, &peer);
    fake_event(&f, HF_TURN_PERMITTED);
    fake_no_event(&f);
    cr_expect_eq(try_wrap(&f, "198.51.100.7:7000"), HF_EAGAIN);
    fake_run(&f, HF_SECONDS(240));
    cr_expect_eq(f.peers_len, 1);
    hf_turn_client_forget(f.client, &peer);
    fake_run(&f, HF_SECONDS(240) - 1);
    f.now++;
    cr_assert(fake_take(&f));
    cr_expect_eq(try_wrap(&f, "198.51.100.8:7000"), HF_OK);
    hf_addr refreshed = fake_addr("198.51.100.8:7000");
    hf_turn_client_forget(f.client, &refreshed);
    cr_expect_eq(try_wrap(&f, "198.51.100.8:7000"), HF_EAGAIN, "though it still stands, and is being refreshed");
    fake_answer(&f);

    permit(&f, "198.51.100.7:7000");
    cr_assert(fake_take(&f));
    hf_turn_client_forget(f.client, &peer);
    cr_expect_not(hear_from(&f, "198.51.100.7:7000"));
    fake_answer(&f);
    fake_no_event(&f);
    cr_expect_eq(try_wrap(&f, "198.51.100.7:7000"), HF_EAGAIN, "forgotten while it was asked for");
    fake_clear(&f);
}

Test(turn_permission, that_finds_no_allocation_tells_that_it_is_lost)
{
    fake f;
    fake_init(&f, NULL);
    fake_allocate(&f);
    permit(&f, "198.51.100.7:7000");
    f.code[HF_STUN_CREATE_PERMISSION] = 437;
    fake_talk(&f);
    hf_turn_client_event e = fake_event(&f, HF_TURN_FAILED);
    cr_expect(e.cause == HF_EREFUSED && e.code == 437);
    fake_no_event(&f);
    fake_clear(&f);
}

Test(turn_permission, that_nobody_answers_tells_so_unless_data_comes_through)
{
    fake f;
    fake_init(&f, NULL);
    permit(&f, "198.51.100.7:7000");
    fake_allocate(&f);
    fake_event(&f, HF_TURN_PERMITTED);
    permit(&f, "198.51.100.8:7000");
    f.is_mute = true;
    fake_run(&f, HF_SECONDS(14));

    cr_assert(hear_from(&f, "198.51.100.7:7000"));
    fake_run(&f, HF_SECONDS(2));
    fake_no_event(&f);
    fake_run(&f, HF_SECONDS(14) - 1);
    fake_no_event(&f);
    fake_run(&f, 1);
    cr_expect_eq(fake_event(&f, HF_TURN_FAILED).cause, HF_ETIMEDOUT);
    fake_clear(&f);
}

Test(turn_permission, is_for_addresses_only)
{
    static const char *const texts[] = {"0.0.0.0:1", "[::]:1", "224.0.0.1:1", "255.255.255.255:1", "[ff02::1]:1"};
    fake f;
    fake_init(&f, NULL);
    hf_addr none = {0};
    cr_expect_eq(hf_turn_client_permit(f.client, f.now, &none), HF_EINVAL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        hf_addr peer = fake_addr(texts[i]);
        cr_expect_eq(hf_turn_client_permit(f.client, f.now, &peer), HF_EINVAL);
        cr_expect_eq(hf_turn_client_bind(f.client, f.now, &peer), HF_EINVAL);
    }
    fake_clear(&f);
}
