/* duo.c: one peer, or two. */
#include "duo.h"

#include "clock.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

void duo_init(duo *d, size_t peers)
{
    *d = (duo){.now = HF_SECONDS(1)};
    clock_set(d->now);
    clock_seed(1);
    cr_assert_eq(hf_engine_new(&d->engine, test_env_init(&d->env, 1)), HF_OK);
    cr_assert_eq(hf_certificate_new(&d->certificate, &d->env.env), HF_OK);
    hf_peer_config config = {.engine = d->engine, .certificate = d->certificate};
    for (size_t i = 0; i < peers; i++)
        cr_assert_eq(hf_peer_new(&d->peer[i], &config, &d->env.env), HF_OK);
}

void duo_clear(duo *d)
{
    hf_peer_free(d->peer[0]);
    hf_peer_free(d->peer[1]);
    hf_certificate_free(d->certificate);
    hf_engine_free(d->engine);
    cr_expect_eq(d->env.blocks, 0);
}

char *duo_replace(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    cr_assert_not_null(at, "%s is not there", from);
    char *out = malloc(strlen(text) + strlen(to) + 1);
    cr_assert_not_null(out);
    memcpy(out, text, (size_t)(at - text));
    strcpy(out + (at - text), to);
    strcat(out, at + strlen(from));
    return out;
}

const char *duo_set_local(duo *d, int which, hf_sdp_type type)
{
    const char *sdp;
    cr_assert_eq(hf_peer_set_local_description(d->peer[which], d->now, type, NULL), HF_OK);
    cr_assert_eq(hf_peer_local_description(d->peer[which], NULL, &sdp), HF_OK);
    return sdp;
}
