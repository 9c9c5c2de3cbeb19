/* tls_identity.c: whose certificate a TLS client takes, and what it says of the others. */
#include "tls_duo.h"

#include <clock.h>

#include <criterion/criterion.h>
#include <string.h>

#define HOST "turn.example.org"

static tls_duo duo;

/* RFC 6125 §6.4; RFC 2818 §3.1 for addresses. */
Test(tls_identity, is_the_host_that_was_asked_for)
{
    const struct {
        const char *why, *host;
        tls_recipe recipe;
        bool fits;
    } table[] = {
        {"its name", HOST, {.names = {HOST}}, true},
        {"in other letters", "TURN.Example.ORG", {.names = {HOST}}, true},
        {"one name of several", HOST, {.names = {"www.example.org", HOST}}, true},
        {"a wildcard", HOST, {.names = {"*.example.org"}}, true},
        {"the last dot of a name says nothing", HOST ".", {.names = {HOST}}, true},
        {"a certificate of old without other names", HOST, {.subject = HOST}, true},
        {"an IPv4 address", "192.0.2.1", {.ips = {"192.0.2.1"}}, true},
        {"an IPv6 address, written otherwise", "2001:db8::1", {.ips = {"192.0.2.1", "2001:db8:0:0::0:1"}}, true},
        {"an address beside a name", "192.0.2.1", {.names = {HOST}, .ips = {NULL, "192.0.2.1"}}, true},

        {"another name", HOST, {.names = {"turn.example.net"}}, false},
        {"the name above", HOST, {.names = {"example.org"}}, false},
        {"a name below", HOST, {.names = {"a." HOST}}, false},
        {"a name that begins alike", HOST, {.names = {HOST ".evil.net"}}, false},
        {"a wildcard for another level", "a." HOST, {.names = {"*.example.org"}}, false},
        {"a wildcard has one label at least", "example.org", {.names = {"*.example.org"}}, false},
        {"a wildcard within a label", HOST, {.names = {"t*.example.org"}}, false},
        {"the subject does not count beside other names", HOST, {.subject = HOST, .names = {"www.example.org"}}, false},
        {"a NUL within a name", HOST, {.subject = "x"}, false},
        {"another address", "192.0.2.1", {.ips = {"192.0.2.2"}}, false},
        {"an address as a name", "192.0.2.1", {.names = {"192.0.2.1"}}, false},
        {"an address as the subject", "192.0.2.1", {.subject = "192.0.2.1"}, false},
        {"a wildcard for an address", "192.0.2.1", {.names = {"*.0.2.1"}}, false},
        {"an IPv4 address in IPv6", "::ffff:192.0.2.1", {.ips = {"192.0.2.1"}}, false},
        {"a name where only addresses are", HOST, {.ips = {"192.0.2.1"}}, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        duo_init(&duo, table[i].host, &table[i].recipe);
        duo_run(&duo);
        if (table[i].fits)
            cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_OPEN, "%s: %s", table[i].why, hf_tls_cause_text(duo.client));
        else
            duo_expect_failure(&duo, HF_ECERTIFICATE, "the certificate is for another host", table[i].why);
        duo_clear(&duo);
    }
}

Test(tls_identity, has_a_name_for_each_trouble)
{
    const struct {
        const char *why;
        tls_recipe recipe;
        const char *text;
    } table[] = {
        {"expired", {.names = {HOST}, .from = "20000101000000", .until = "20010101000000"}, "the certificate has expired"},
        {"not valid yet", {.names = {HOST}, .from = "20480101000000"}, "the certificate is not valid yet"},
        {"for clients alone", {.names = {HOST}, .is_for_clients = true}, "the certificate is not one for a server"},
        {"another host's, expired", {.names = {"x.net"}, .until = "20010101000000"}, "the certificate is for another host"},
    };
    clock_set(0);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        duo_init(&duo, HOST, &table[i].recipe);
        duo_run(&duo);
        duo_expect_failure(&duo, HF_ECERTIFICATE, table[i].text, table[i].why);
        cr_expect(duo.server.has_failed, "%s: the alert tells the server", table[i].why);
        duo_clear(&duo);
    }
}

/* clock.c's calendar begins in June 2025. */
Test(tls_identity, expires_when_the_calendar_says_so)
{
    const hf_time year = HF_SECONDS(365 * 86400LL);
    const struct {
        hf_time at;
        bool holds;
    } table[] = {{0, true}, {year, true}, {3 * year, false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        clock_set(table[i].at);
        duo_init(&duo, HOST, &(tls_recipe){.names = {HOST}, .until = "20270101000000"});
        duo_run(&duo);
        cr_expect_eq(hf_tls_get_state(duo.client), table[i].holds ? HF_TLS_OPEN : HF_TLS_FAILED);
        duo_clear(&duo);
    }
}

/* --- Authorities ---------------------------------------------------------------------------------------------------- */

#define UNTRUSTED "no trusted authority has signed the certificate"

static void expect_chain(const char *why, const char *trusted, const tls_card *const *chain, bool is_believed)
{
    memset(&duo, 0, sizeof duo);
    test_env_init(&duo.env, 7);
    tls_server_init(&duo.server, chain);
    cr_assert_eq(hf_trust_new(&duo.trust, trusted, strlen(trusted), &duo.env.env), HF_OK);
    cr_assert_eq(hf_tls_new(&duo.client, HOST, duo.trust, &duo.env.env), HF_OK);
    duo_run(&duo);
    if (is_believed)
        cr_expect_eq(hf_tls_get_state(duo.client), HF_TLS_OPEN, "%s: %s", why, hf_tls_cause_text(duo.client));
    else
        duo_expect_failure(&duo, HF_ECERTIFICATE, UNTRUSTED, why);
    hf_tls_free(duo.client);
    hf_trust_free(duo.trust);
    tls_server_clear(&duo.server);
    cr_expect_eq(duo.env.blocks, 0);
}

Test(tls_identity, is_vouched_for_by_a_chain_that_ends_with_a_trusted_authority)
{
    enum { ROOT, OTHER_ROOT, SAME_NAME, MIDDLE, LEAF, OF_MIDDLE, OF_LEAF, SELF, CARDS };
    static tls_card c[CARDS];
    const tls_recipe leaf = {.subject = HOST, .names = {HOST}};
    tls_card_make(&c[ROOT], &(tls_recipe){.subject = "root", .is_authority = true}, NULL);
    tls_card_make(&c[OTHER_ROOT], &(tls_recipe){.subject = "other root", .is_authority = true}, NULL);
    tls_card_make(&c[SAME_NAME], &(tls_recipe){.subject = "root", .is_authority = true}, NULL);
    tls_card_make(&c[MIDDLE], &(tls_recipe){.subject = "middle", .is_authority = true}, &c[ROOT]);
    tls_card_make(&c[LEAF], &leaf, &c[ROOT]);
    tls_card_make(&c[OF_MIDDLE], &leaf, &c[MIDDLE]);
    tls_card_make(&c[OF_LEAF], &leaf, &c[LEAF]);
    tls_card_make(&c[SELF], &leaf, NULL);
    static char both[5000];
    snprintf(both, sizeof both, "%s%s", c[OTHER_ROOT].pem, c[ROOT].pem);

    const struct {
        const char *why, *trusted;
        const tls_card *chain[4];
        bool is_believed;
    } table[] = {
        {"signed by the authority", c[ROOT].pem, {&c[LEAF]}, true},
        {"one authority of two", both, {&c[LEAF]}, true},
        {"with an authority between", c[ROOT].pem, {&c[OF_MIDDLE], &c[MIDDLE]}, true},
        {"with the authority itself in the chain", c[ROOT].pem, {&c[OF_MIDDLE], &c[MIDDLE], &c[ROOT]}, true},
        {"the authority between is trusted itself", c[MIDDLE].pem, {&c[OF_MIDDLE]}, true},
        {"its own certificate is trusted", c[SELF].pem, {&c[SELF]}, true},
        {"an authority that nobody knows", c[OTHER_ROOT].pem, {&c[LEAF]}, false},
        {"one that only bears the name", c[SAME_NAME].pem, {&c[LEAF]}, false},
        {"the authority between is not shown", c[ROOT].pem, {&c[OF_MIDDLE]}, false},
        {"signed by itself", c[ROOT].pem, {&c[SELF]}, false},
        {"signed by one that is no authority", c[ROOT].pem, {&c[OF_LEAF], &c[LEAF]}, false},
        {"another authority's in the chain does not help", c[ROOT].pem, {&c[SELF], &c[ROOT]}, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        expect_chain(table[i].why, table[i].trusted, table[i].chain, table[i].is_believed);
    for (size_t i = 0; i < CARDS; i++)
        tls_card_clear(&c[i]);
}

Test(tls_identity, is_nobody_where_nobody_is_trusted)
{
    hf_tls *tls = NULL;
    test_env_init(&duo.env, 1);
    cr_assert_eq(hf_tls_new(&tls, HOST, NULL, &duo.env.env), HF_OK);
    cr_expect_eq(hf_tls_get_state(tls), HF_TLS_FAILED);
    cr_expect_eq(hf_tls_cause(tls), HF_ECERTIFICATE);
    cr_expect_str_eq(hf_tls_cause_text(tls), "there are no authorities to trust");
    cr_expect_not(hf_tls_has_output(tls), "a server need not know that we were there");
    hf_tls_free(tls);
    cr_expect_eq(duo.env.blocks, 0);
}

/* Whoever has the certificate alone cannot sign with its key. */
Test(tls_identity, is_proved_by_the_key)
{
    tls_card mine;
    duo_init(&duo, HOST, NULL);
    tls_card_make(&mine, &(tls_recipe){.names = {HOST}}, NULL);
    mbedtls_pk_context kept = duo.card.key;
    duo.card.key = mine.key;
    duo_run(&duo);
    duo_expect_failure(&duo, HF_EDTLS, "the handshake failed", "signed with another key");
    duo.card.key = kept;
    tls_card_clear(&mine);
    duo_clear(&duo);
}
