/* signalling.c: how descriptions and candidates of two peers travel, and what is done when they arrive. */
#include "signalling.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct letter {
    hf_signal_type type;
    char mid[16], ufrag[HF_ICE_UFRAG_MAX + 1];
    char text[];
} letter;

/* None of the others is longer than "actpass"; the rest of the text moves up. */
static void replace_setup(char *sdp, const char *setup)
{
    char *value = strstr(sdp, "a=setup:actpass");
    assert(value && strlen(setup) <= strlen("actpass"));
    value += strlen("a=setup:");
    memmove(value + strlen(setup), value + strlen("actpass"), strlen(value + strlen("actpass")) + 1);
    memcpy(value, setup, strlen(setup));
}

/* Lets the man in the middle do his work. */
static void tamper(const sim_config *config, letter *l)
{
    bool is_answer = l->type == HF_SIGNAL_ANSWER;
    char *line = is_answer && config->swap_fingerprint ? strstr(l->text, "a=fingerprint:sha-256 ") : NULL;
    char *max = is_answer && config->swap_message_max ? strstr(l->text, "max-message-size:") : NULL;
    if (max)
        memcpy(max + 17, config->swap_message_max, 6);
    if (line)
        memcpy(line + 22, config->swap_fingerprint, 95);
    if (l->type == HF_SIGNAL_OFFER && config->offer_setup)
        replace_setup(l->text, config->offer_setup);
}

static void land(void *context, void *cargo);

static void send_signal(sim_side *side, hf_signal_type type, const char *text, const char *mid, const char *ufrag)
{
    sim *s = side->sim;
    size_t size = strlen(text) + 1;
    letter *l = malloc(sizeof *l + size);
    assert(l);
    *l = (letter){.type = type};
    memcpy(l->text, text, size);
    snprintf(l->mid, sizeof l->mid, "%s", mid ? mid : "");
    snprintf(l->ufrag, sizeof l->ufrag, "%s", ufrag ? ufrag : "");
    tamper(&s->config, l);
    timeline_add(&s->timeline, s->now + s->config.signalling, land, &s->side[1 - side->index], l);
}

static void signal_description(sim_side *side)
{
    hf_sdp_type type;
    const char *sdp;
    hf_err err = hf_peer_local_description(side->peer, &type, &sdp);
    assert(err == HF_OK);
    (void)err;
    send_signal(side, type == HF_SDP_OFFER ? HF_SIGNAL_OFFER : HF_SIGNAL_ANSWER, sdp, NULL, NULL);
}

void sim_offer(sim_side *side)
{
    hf_err err = hf_peer_set_local_description(side->peer, side->sim->now, HF_SDP_OFFER, NULL);
    assert(err == HF_OK);
    (void)err;
    side->offers++;
    if (!side->sim->config.no_trickle)
        signal_description(side);
}

/* In a glare the polite one, 0, gives way: its offer is taken back by the other's, and no answer comes for it. */
static bool is_ignored(const sim_side *side, const letter *l)
{
    return l->type == HF_SIGNAL_OFFER && side->sim->config.negotiate && side->index == 1 &&
           hf_peer_signaling_state(side->peer) != HF_SIGNALING_STABLE;
}

static void receive(sim_side *side, const letter *l)
{
    hf_time now = side->sim->now;
    hf_err err = HF_OK;
    if (is_ignored(side, l))
        return;
    switch (l->type) {
    case HF_SIGNAL_OFFER:
        err = hf_peer_set_remote_description(side->peer, now, HF_SDP_OFFER, l->text);
        if (err == HF_OK)
            err = hf_peer_set_local_description(side->peer, now, HF_SDP_ANSWER, NULL);
        if (err == HF_OK && !side->sim->config.no_trickle)
            signal_description(side);
        break;
    case HF_SIGNAL_ANSWER:
        err = hf_peer_set_remote_description(side->peer, now, HF_SDP_ANSWER, l->text);
        break;
    case HF_SIGNAL_CANDIDATE:
    case HF_SIGNAL_END_OF_CANDIDATES:
        err = hf_peer_add_ice_candidate(side->peer, now, l->text, l->mid, l->ufrag);
        if (err == HF_ENOTSUP && side->sim->config.may_refuse_candidates)
            err = HF_OK;
        break;
    case HF_SIGNAL_BYE: /* not between plain peers */
        break;
    }
    if (err != HF_OK) {
        fprintf(stderr, "sim: a signal was refused: %s: %s\n", hf_err_name(err), hf_peer_error_text(side->peer));
        abort();
    }
}

static void land(void *context, void *cargo)
{
    receive(context, cargo);
}

void sim_signal_candidate(sim_side *side, const hf_peer_event *event)
{
    const char *text = event->u.candidate.text;
    bool last = text[0] == '\0';
    if (!side->sim->config.no_trickle)
        send_signal(side, last ? HF_SIGNAL_END_OF_CANDIDATES : HF_SIGNAL_CANDIDATE, text, event->u.candidate.mid,
                    event->u.candidate.ufrag);
    else if (last)
        signal_description(side);
}
