/* tls_duo.c: the two ends of a TLS connection. */
#include "tls_duo.h"

#include <criterion/criterion.h>
#include <string.h>

#define HOST "turn.example.org"

static uint8_t carried[TLS_SERVER_BYTES_MAX];

void duo_make_authority(tls_duo *duo)
{
    memset(duo, 0, sizeof *duo);
    test_env_init(&duo->env, 7);
    tls_card_make(&duo->authority, &(tls_recipe){.subject = "authority", .is_authority = true}, NULL);
    cr_assert_eq(hf_trust_new(&duo->trust, duo->authority.pem, strlen(duo->authority.pem), &duo->env.env), HF_OK);
}

void duo_open(tls_duo *duo, const char *host, const tls_card *const *chain)
{
    tls_server_init(&duo->server, chain);
    cr_assert_eq(hf_tls_new(&duo->client, host, duo->trust, &duo->env.env), HF_OK);
}

void duo_init(tls_duo *duo, const char *host, const tls_recipe *recipe)
{
    static const tls_recipe usual = {.subject = HOST, .names = {HOST}};
    duo_make_authority(duo);
    tls_card_make(&duo->card, recipe ? recipe : &usual, &duo->authority);
    duo_open(duo, host, (const tls_card *const[]){&duo->card, NULL});
}

void duo_clear(tls_duo *duo)
{
    hf_tls_free(duo->client);
    hf_trust_free(duo->trust);
    tls_server_clear(&duo->server);
    tls_card_clear(&duo->card);
    tls_card_clear(&duo->authority);
    cr_expect_eq(duo->env.blocks, 0, "%zu blocks leak", duo->env.blocks);
}

void duo_run(tls_duo *duo)
{
    size_t cap = duo->piece ? duo->piece : sizeof carried;
    for (size_t there = 1, back = 1; there > 0 || back > 0;) {
        there = hf_tls_transmit(duo->client, carried, cap);
        if (there > 0)
            tls_server_input(&duo->server, carried, there);
        back = tls_server_transmit(&duo->server, carried, cap);
        if (back > 0)
            hf_tls_input(duo->client, carried, back);
    }
}

void duo_expect_failure(const tls_duo *duo, hf_err cause, const char *text, const char *why)
{
    cr_expect_eq(hf_tls_get_state(duo->client), HF_TLS_FAILED, "%s", why);
    cr_expect_eq(hf_tls_cause(duo->client), cause, "%s: %d", why, hf_tls_cause(duo->client));
    cr_expect_str_eq(hf_tls_cause_text(duo->client), text, "%s", why);
    cr_expect_not(duo->server.is_open, "%s", why);
}

void duo_expect_conversation(tls_duo *duo)
{
    uint8_t got[64];
    cr_assert_eq(hf_tls_get_state(duo->client), HF_TLS_OPEN, "%s", hf_tls_cause_text(duo->client));
    cr_assert(duo->server.is_open);
    cr_expect_eq(hf_tls_write(duo->client, (const uint8_t *)"question", 8), HF_OK);
    duo_run(duo);
    cr_expect_eq(tls_server_read(&duo->server, got, sizeof got), 8);
    cr_expect_arr_eq(got, "question", 8);
    cr_expect(tls_server_write(&duo->server, "answer", 6));
    duo_run(duo);
    cr_expect_eq(hf_tls_read(duo->client, got, sizeof got), 6);
    cr_expect_arr_eq(got, "answer", 6);
    cr_expect_eq(hf_tls_read(duo->client, got, sizeof got), 0);
}
