/* lookout.h: what is sent when no path works, to see when one does (hf_ice_config.keeps_looking). */
#ifndef HF_ICE_LOOKOUT_H
#define HF_ICE_LOOKOUT_H

#include "ice_priv.h"

bool hf_ice_lookout_poll(hf_ice *ice, hf_time now, hf_transmit *out);
void hf_ice_lookout_tick(hf_ice *ice, hf_time now);
hf_time hf_ice_lookout_deadline(const hf_ice *ice);

#endif
