/* plateau.h: a round trip that has become longer and stays where it is, to a few milliseconds: that is no queue of others,
 * which comes and goes with what they send, but a path that became longer without our seeing it. Pure. */
#ifndef HF_PLATEAU_H
#define HF_PLATEAU_H

#include <holdfast/base.h>

typedef struct hf_plateau {
    hf_time since;
    hf_span least, most; /* of the shortest in each round trip since then */
    unsigned rounds;
} hf_plateau;

/* The shortest sample of one more round trip. The span on which it has stood for long enough; 0: none. */
hf_span hf_plateau_note(hf_plateau *plateau, hf_time now, hf_span rtt);

void hf_plateau_leave(hf_plateau *plateau); /* what was until now does not count */

#endif
