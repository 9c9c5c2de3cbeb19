/* suspicion.h: whether the paths work. */
#ifndef HF_ICE_SUSPICION_H
#define HF_ICE_SUSPICION_H

#include "ice_priv.h"

void hf_ice_suspicion_end(hf_ice *ice);
void hf_ice_suspicion_on_route(hf_ice *ice, hf_time now);                  /* there is another one, or none */
void hf_ice_suspicion_on_sent(hf_ice *ice, hf_time now);                   /* data left by the route */
void hf_ice_suspicion_on_data(hf_time now, hf_ice_pair *pair);             /* and some came */
void hf_ice_suspicion_on_heard(hf_time now, hf_ice_pair *pair);            /* a check of the remote */
void hf_ice_suspicion_on_answer(hf_time now, hf_ice_pair *pair);           /* an answer to one of ours */
void hf_ice_suspicion_on_nomination(hf_time now, const hf_ice_pair *pair); /* which the remote has made */
void hf_ice_suspicion_on_time(hf_ice *ice, hf_time before, hf_time now);   /* `now` is later than ever */
bool hf_ice_suspicion_poll(hf_ice *ice, hf_time now, hf_transmit *out);
void hf_ice_suspicion_tick(hf_ice *ice, hf_time now);
hf_time hf_ice_suspicion_deadline(const hf_ice *ice);
/* Neither the route nor another pair has answered in time: from now on, until one does. */
bool hf_ice_suspicion_is_confirmed(hf_ice *ice, hf_time now);
/* The route was found silent, and this pair has not answered since. */
bool hf_ice_is_silent(const hf_ice_pair *pair);
/* It answers again, but has not done so for long enough to return to it. */
bool hf_ice_is_unsteady(const hf_ice_pair *pair);
/* A check of it may leave now. */
bool hf_ice_can_be_sent_to(const hf_ice_pair *pair);
/* The last one that did. */
hf_time hf_ice_last_sent_at(const hf_ice_pair *pair);

#endif
