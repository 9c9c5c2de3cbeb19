/* watch.h: servers that do not answer (hf_ice_watch_servers). */
#ifndef HF_ICE_WATCH_H
#define HF_ICE_WATCH_H

#include "ice_priv.h"

void hf_ice_watch_begin(hf_ice *ice, hf_time now, bool on);
void hf_ice_watch_on_answer(hf_ice_stun *server);
void hf_ice_watch_tick(hf_ice *ice, hf_time now);
hf_time hf_ice_watch_deadline(const hf_ice *ice);

#endif
