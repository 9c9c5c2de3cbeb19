/* allocate.c: an allocation is made, kept, and given back. */
#include "fake.h"

#include <criterion/criterion.h>

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
    cr_assert(fake_take(&f));
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
    fake_run(&f, HF_SECONDS(600) - 1);
    cr_expect_eq(f.by_method[HF_STUN_REFRESH], 1, "a minute before the end");
    fake_run(&f, HF_SECONDS(3600));
    cr_expect_eq(f.by_method[HF_STUN_REFRESH], 7);
    fake_no_event(&f);
    hf_turn_client_close(f.client, f.now);
    cr_assert(fake_take(&f));
    cr_expect(f.request.method == HF_STUN_REFRESH && f.has_lifetime && f.asked_lifetime == 0);
    fake_answer(&f);
    fake_event(&f, HF_TURN_CLOSED);
    fake_no_event(&f);
    cr_expect_eq(hf_turn_client_deadline(f.client), HF_NEVER);
    fake_clear(&f);
}

Test(turn_permission, and_channel_wrap)
{
    fake f;
    fake_init(&f, NULL);
    hf_addr peer = fake_addr("198.51.100.7:7000");
    hf_wrap wrap;
    cr_assert_eq(hf_turn_client_permit(f.client, f.now, &peer), HF_OK);
    cr_expect_eq(hf_turn_client_wrap(f.client, &peer, &wrap), HF_ESTATE);
    fake_allocate(&f);
    fake_event(&f, HF_TURN_PERMITTED);
    cr_assert_eq(hf_turn_client_wrap(f.client, &peer, &wrap), HF_OK);
    cr_expect_eq(wrap.before, 36);
    cr_assert_eq(hf_turn_client_bind(f.client, f.now, &peer), HF_OK);
    fake_talk(&f);
    fake_event(&f, HF_TURN_PERMITTED);
    cr_assert_eq(hf_turn_client_wrap(f.client, &peer, &wrap), HF_OK);
    cr_expect_eq(wrap.before, 4);
    fake_clear(&f);
}
