/* handshake.c: connecting, through a network that does its worst. */
#include "pair.h"

#include <criterion/criterion.h>
#include <string.h>

Test(dtls_handshake, connects_client_and_server)
{
    static pair p;
    pair_init(&p, 1);
    pair_open(&p);
    cr_assert(pair_connect(&p, HF_SECONDS(5)));
    cr_expect_leq(p.client.connected_at, HF_SECONDS(1000) + 4 * PAIR_DELAY, "two round trips");
    cr_expect_str_eq(hf_dtls_cipher(p.client.dtls), "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
    cr_expect_str_eq(hf_dtls_version(p.server.dtls), "FEFD");

    cr_assert(pair_send(&p, &p.client, "from the client"));
    cr_assert(pair_send(&p, &p.server, "from the server"));
    pair_run(&p, HF_SECONDS(1));
    cr_expect_eq(p.client.packets, 1);
    cr_expect_eq(p.server.packets, 1);
    cr_expect_arr_eq(p.server.last, "from the client", 15);
    cr_expect_arr_eq(p.client.last, "from the server", 15);
    cr_expect_eq(hf_dtls_deadline(p.client.dtls), HF_NEVER, "an idle association needs no call");
    cr_expect_eq(hf_dtls_deadline(p.server.dtls), HF_NEVER);
    pair_clear(&p);
}
