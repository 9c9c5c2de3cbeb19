/* glare.h: what becomes of an offer of the remote, while there may be one of ours (session.md, "Signalling"). Pure. */
#ifndef HF_GLARE_H
#define HF_GLARE_H

#include <stdbool.h>
#include <stdint.h>

/* What is known of the two offers. */
typedef struct hf_glare {
    bool late;                                   /* an older one of its maker, or of one before this */
    bool repeated;                               /* the last one that was taken, once more */
    bool answer_is_gone;                         /* that, but the connection that was agreed on has been given up */
    bool ours_open;                              /* an offer of ours waits for its answer */
    bool polite;                                 /* between equals we give way */
    bool same_pair;                              /* it names the two sessions as we know them: generations can be compared */
    bool ours_is_vain;                           /* it is about a connection with another session of the remote's */
    uint32_t ours_generation, theirs_generation; /* of the connections that they are about; 0: not said */
} hf_glare;

typedef enum hf_glare_verdict {
    HF_GLARE_TAKE = 0, /* accept it; ours, where one is open, is taken back */
    HF_GLARE_ANSWER,   /* say the same answer again */
    HF_GLARE_GIVE_WAY, /* that, and take ours back: the remote can't answer it before it has the answer to its own */
    HF_GLARE_INSIST,   /* ours holds; the remote takes its own back */
    HF_GLARE_WITHDRAW, /* take ours back, which the remote can't answer; another way is tried, or its own comes again */
    HF_GLARE_IGNORE
} hf_glare_verdict;

hf_glare_verdict hf_glare_judge(const hf_glare *glare);

#endif
