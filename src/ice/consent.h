/* consent.h: how long the remote's consent lasts. */
#ifndef HF_ICE_CONSENT_H
#define HF_ICE_CONSENT_H

#include <holdfast/base.h>

/* RFC 7675 §5.1: "consent expires after 30 seconds": from the last valid answer on. */
#define HF_ICE_CONSENT_LIFETIME HF_SECONDS(30)

#endif
