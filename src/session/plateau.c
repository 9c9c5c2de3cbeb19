/* plateau.c: for how long round trips have been alike. */
#include "plateau.h"

#define WIDTH HF_MS(3)
#define LONG_ENOUGH HF_SECONDS(8)
#define ROUNDS 32 /* so that a few samples far apart are none */

void hf_plateau_leave(hf_plateau *plateau)
{
    *plateau = (hf_plateau){0};
}

hf_span hf_plateau_note(hf_plateau *plateau, hf_time now, hf_span rtt)
{
    hf_span least = rtt < plateau->least ? rtt : plateau->least, most = rtt > plateau->most ? rtt : plateau->most;
    if (plateau->rounds == 0 || most - least > WIDTH) {
        *plateau = (hf_plateau){.since = now, .least = rtt, .most = rtt, .rounds = 1};
        return 0;
    }
    plateau->least = least;
    plateau->most = most;
    plateau->rounds++;
    return now - plateau->since >= LONG_ENOUGH && plateau->rounds >= ROUNDS ? least : 0;
}
