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

void duo_set_remote(duo *d, int which, hf_sdp_type type, const char *sdp)
{
    hf_err err = hf_peer_set_remote_description(d->peer[which], d->now, type, sdp);
    cr_assert_eq(err, HF_OK, "%s: %s", hf_err_name(err), hf_peer_error_text(d->peer[which]));
}

void duo_agree(duo *d, int from)
{
    duo_set_remote(d, !from, HF_SDP_OFFER, duo_set_local(d, from, HF_SDP_OFFER));
    duo_set_remote(d, from, HF_SDP_ANSWER, duo_set_local(d, !from, HF_SDP_ANSWER));
}

bool duo_next(duo *d, int which, hf_peer_event_type type, hf_peer_event *out)
{
    while (hf_peer_poll_event(d->peer[which], out)) {
        if (out->type == type)
            return true;
    }
    return false;
}

void duo_reply_local(duo *d, int which)
{
    hf_request request;
    hf_local local = {.addr = {.family = HF_FAMILY_IPV4, .port = 5000, .ip = {192, 0, 2, (uint8_t)(which + 1)}}};
    cr_assert(hf_peer_poll_request(d->peer[which], &request));
    cr_assert_eq(request.type, HF_REQUEST_LOCALS);
    hf_peer_reply(d->peer[which], d->now,
                  &(hf_reply){.type = HF_REPLY_LOCALS, .id = request.id, .locals = &local, .locals_len = 1});
}

char *duo_value(const char *sdp, const char *line)
{
    const char *at = strstr(sdp, line);
    cr_assert_not_null(at, "%s is not there", line);
    return strndup(at + strlen(line), strcspn(at + strlen(line), "\r\n"));
}
