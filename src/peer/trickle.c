/* trickle.c: the remote's candidates (RFC 9429 §4.1.19, RFC 8838). ICE gets those of the generation that it knows; what
 * comes ahead of its description waits here. */
#include "peer_priv.h"

#include <string.h>

/* Of which generation a candidate is that does not say so: the last description's. */
static const char *last_ufrag(const hf_peer *peer)
{
    const hf_remote_description *remote = hf_peer_remote(peer);
    return remote ? remote->ufrag : NULL;
}

static bool is_in_force(const hf_peer *peer, const char *ufrag)
{
    const hf_remote_description *known = hf_peer_in_force(peer);
    return known && ufrag && strcmp(known->ufrag, ufrag) == 0;
}

/* --- Early ones -------------------------------------------------------------------------------------------------------- */

static void free_early(hf_peer *peer, hf_early_candidate *early)
{
    hf_dealloc(peer->env, early->text);
    hf_dealloc(peer->env, early->ufrag);
}

static void remove_early(hf_peer *peer, size_t at)
{
    free_early(peer, &peer->early_candidates[at]);
    peer->early_candidates_len--;
    memmove(&peer->early_candidates[at], &peer->early_candidates[at + 1],
            (peer->early_candidates_len - at) * sizeof(hf_early_candidate));
}

void hf_peer_clear_candidates(hf_peer *peer)
{
    while (peer->early_candidates_len > 0)
        remove_early(peer, peer->early_candidates_len - 1);
    hf_dealloc(peer->env, peer->early_candidates);
    peer->early_candidates = NULL;
    peer->early_candidates_cap = 0;
}

/* A generation that never comes must not keep out the one that does: the oldest goes. */
static hf_err keep_early(hf_peer *peer, const char *text, const char *ufrag)
{
    hf_early_candidate early = {.text = hf_alloc_text(peer->env, text, strlen(text)),
                                .ufrag = ufrag ? hf_alloc_text(peer->env, ufrag, strlen(ufrag)) : NULL};
    if (peer->early_candidates_len == HF_ICE_REMOTE_CANDIDATES_MAX) {
        remove_early(peer, 0);
        peer->candidates_ignored++;
    }
    hf_err err = hf_grow(peer->env, &peer->early_candidates, &peer->early_candidates_cap, peer->early_candidates_len + 1,
                         HF_ICE_REMOTE_CANDIDATES_MAX, sizeof early);
    if (!early.text || (ufrag && !early.ufrag))
        err = HF_ENOMEM;
    if (err != HF_OK) {
        free_early(peer, &early);
        return err;
    }
    peer->early_candidates[peer->early_candidates_len++] = early;
    return HF_OK;
}

static hf_err give_to_ice(hf_peer *peer, hf_time now, hf_bytes text, const char *ufrag)
{
    hf_ice_candidate candidate;
    hf_err err = hf_ice_candidate_parse((const char *)text.data, text.len, &candidate);
    if (err == HF_OK)
        err = hf_ice_add_remote_candidate(peer->ice, now, &candidate, ufrag);
    if (err != HF_OK)
        peer->candidates_ignored++;
    return err;
}

void hf_peer_take_candidates(hf_peer *peer, hf_time now, const hf_remote_description *remote)
{
    bool is_end = remote->transport->end_of_candidates;
    for (size_t i = 0; i < remote->transport->candidates_len; i++)
        (void)give_to_ice(peer, now, remote->transport->candidates[i], remote->ufrag);
    for (size_t i = 0; i < peer->early_candidates_len;) {
        const hf_early_candidate *early = &peer->early_candidates[i];
        if (early->ufrag && strcmp(early->ufrag, remote->ufrag) != 0) {
            i++;
            continue;
        }
        if (early->text[0])
            (void)give_to_ice(peer, now, hf_bytes_of_text(early->text), remote->ufrag);
        else
            is_end = true;
        remove_early(peer, i);
    }
    if (is_end)
        hf_ice_end_of_remote_candidates(peer->ice, now);
}

/* --- As they come ------------------------------------------------------------------------------------------------------ */

/* A candidate names the section that it is for. Ours, or one whose transport ours shares (RFC 9143 §9.2). */
static bool is_for_us(const hf_peer *peer, const char *mid)
{
    const hf_remote_description *remote = hf_peer_remote(peer);
    if (!remote)
        return true;
    if (remote->data_section == NO_SECTION)
        return false;
    if (!mid || !*mid || strcmp(mid, hf_peer_data_mid(peer)) == 0)
        return true;
    const hf_sdp_media *ours = &remote->sdp.media[remote->data_section];
    for (size_t i = 0; i < remote->sdp.media_len; i++) {
        if (hf_bytes_equal_text(remote->sdp.media[i].mid, mid))
            return ours->bundle != 0 && remote->sdp.media[i].bundle == ours->bundle;
    }
    return false;
}

static hf_err add(hf_peer *peer, hf_time now, const char *text, const char *ufrag)
{
    hf_ice_candidate candidate;
    hf_err err = text[0] ? hf_ice_candidate_parse(text, strlen(text), &candidate) : HF_OK;
    if (err == HF_ESYNTAX)
        return err;
    if (!ufrag)
        ufrag = last_ufrag(peer);
    if (!is_in_force(peer, ufrag))
        return keep_early(peer, text, ufrag);
    if (text[0])
        return give_to_ice(peer, now, hf_bytes_of_text(text), ufrag);
    hf_ice_end_of_remote_candidates(peer->ice, now);
    return HF_OK;
}

hf_err hf_peer_add_ice_candidate(hf_peer *peer, hf_time now, const char *candidate, const char *mid, const char *ufrag)
{
    if (!peer)
        return HF_EINVAL;
    hf_err err = hf_peer_begin(peer, now);
    if (err != HF_OK)
        return err;
    if (!is_for_us(peer, mid)) {
        peer->candidates_ignored++;
        return HF_OK;
    }
    err = add(peer, now, candidate ? candidate : "", ufrag && *ufrag ? ufrag : NULL);
    if (err != HF_OK)
        (void)hf_peer_refuse(peer, err, 0,
                             err == HF_ESYNTAX ? "the candidate can't be parsed" : "the candidate is of no use");
    hf_peer_pump(peer, now);
    hf_peer_wake(peer);
    return err;
}
