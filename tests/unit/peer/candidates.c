/* candidates.c: candidates of the remote come when they like, and go to the generation that they are of. */
#include "duo.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static hf_err add(duo *d, const char *text, const char *mid, const char *ufrag)
{
    return hf_peer_add_ice_candidate(d->peer[0], d->now, text, mid, ufrag);
}

static const char good[] = "candidate:1 1 udp 2122187007 198.51.100.9 999 typ host";
static const char other[] = "candidate:2 1 udp 2122187006 198.51.100.8 999 typ host";

static size_t pairs(const duo *d)
{
    hf_ice_pair_info pair;
    size_t n = 0;
    while (hf_peer_get_pair(d->peer[0], n, &pair))
        n++;
    return n;
}

Test(peer_candidates, are_kept_ignored_or_refused_by_name)
{
    duo d;
    duo_init(&d, 2);
    cr_expect_eq(add(&d, good, "0", NULL), HF_OK, "before anything");
    cr_expect_eq(add(&d, "", "0", "of-another-offer"), HF_OK);
    cr_expect_eq(add(&d, "candidate", "0", NULL), HF_ESYNTAX, "even then");
    duo_set_remote(&d, 0, HF_SDP_OFFER, duo_set_local(&d, 1, HF_SDP_OFFER));
    (void)duo_set_local(&d, 0, HF_SDP_ANSWER);
    duo_reply_local(&d, 0);
    cr_expect_eq(pairs(&d), 1, "the early one makes a pair");
    cr_expect_eq(add(&d, other, "another", NULL), HF_OK, "ignored");
    cr_expect_eq(add(&d, other, "0", "another"), HF_OK, "kept, for its description may come");
    cr_expect_eq(add(&d, "candidate:1 1 udp 5 example.org 9 typ host", "0", NULL), HF_ENOTSUP);
    cr_expect_eq(add(&d, "candidate", "0", NULL), HF_ESYNTAX);
    cr_expect_neq(hf_peer_error_text(d.peer[0])[0], '\0');
    cr_expect_eq(add(&d, "candidate:1 1 udp 5 198.51.100.9 0 typ host", "0", NULL), HF_EINVAL);
    cr_expect_eq(pairs(&d), 1);
    cr_expect_eq(add(&d, other, "0", NULL), HF_OK);
    cr_expect_eq(pairs(&d), 2);
    duo_clear(&d);
}

Test(peer_candidates, of_an_offer_that_is_not_answered_wait_for_the_answer)
{
    duo d;
    duo_init(&d, 2);
    char *offer = strdup(duo_set_local(&d, 1, HF_SDP_OFFER)), *ufrag = duo_value(offer, "a=ice-ufrag:");
    duo_set_remote(&d, 0, HF_SDP_OFFER, offer);
    cr_expect_eq(add(&d, good, "0", ufrag), HF_OK);
    cr_expect_eq(add(&d, other, "0", NULL), HF_OK);
    (void)duo_set_local(&d, 0, HF_SDP_ANSWER);
    duo_reply_local(&d, 0);
    cr_expect_eq(pairs(&d), 2);
    free(offer);
    free(ufrag);
    duo_clear(&d);
}

Test(peer_candidates, of_an_offer_that_was_taken_back_are_forgotten_by_the_next)
{
    duo d;
    duo_init(&d, 2);
    hf_peer *third;
    hf_peer_config config = {.engine = d.engine, .certificate = d.certificate};
    cr_assert_eq(hf_peer_new(&third, &config, &d.env.env), HF_OK);
    char *offer = strdup(duo_set_local(&d, 1, HF_SDP_OFFER)), *ufrag = duo_value(offer, "a=ice-ufrag:");
    const char *next;
    duo_set_remote(&d, 0, HF_SDP_OFFER, offer);
    cr_expect_eq(add(&d, good, "0", ufrag), HF_OK);
    cr_expect_eq(add(&d, "", "0", NULL), HF_OK);
    cr_assert_eq(hf_peer_set_remote_description(d.peer[0], d.now, HF_SDP_ROLLBACK, NULL), HF_OK);
    cr_assert_eq(hf_peer_create_offer(third, d.now, &next), HF_OK);
    duo_set_remote(&d, 0, HF_SDP_OFFER, next);
    (void)duo_set_local(&d, 0, HF_SDP_ANSWER);
    duo_reply_local(&d, 0);
    cr_expect_eq(pairs(&d), 0);
    hf_peer_tick(d.peer[0], d.now + HF_SECONDS(1));
    cr_expect_eq(hf_peer_ice_connection_state(d.peer[0]), HF_ICE_CHECKING, "the end was that of the other offer");
    hf_peer_free(third);
    free(offer);
    free(ufrag);
    duo_clear(&d);
}

Test(peer_candidates, that_nobody_asked_for_are_bounded_and_do_not_keep_out_those_that_count)
{
    duo d;
    hf_peer_stats stats;
    duo_init(&d, 2);
    const char *offer = duo_set_local(&d, 1, HF_SDP_OFFER);
    char *ufrag = duo_value(offer, "a=ice-ufrag:");
    for (int i = 0; i < 5 * HF_ICE_REMOTE_CANDIDATES_MAX; i++)
        cr_expect_eq(add(&d, other, "0", "rubbish"), HF_OK);
    cr_expect_eq(add(&d, good, "0", ufrag), HF_OK);
    duo_set_remote(&d, 0, HF_SDP_OFFER, offer);
    (void)duo_set_local(&d, 0, HF_SDP_ANSWER);
    duo_reply_local(&d, 0);
    cr_expect_eq(pairs(&d), 1);
    hf_peer_get_stats(d.peer[0], &stats);
    cr_expect_eq(stats.candidates_ignored, 4 * HF_ICE_REMOTE_CANDIDATES_MAX + 1);
    free(ufrag);
    duo_clear(&d);
}
