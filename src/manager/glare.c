/* glare.c: two offers that cross: "a higher generation wins; between equal ones the impolite side's offer wins". */
#include "glare.h"

/* Ours is open, too. */
static bool is_theirs_to_win(const hf_glare *glare)
{
    bool comparable = glare->same_pair && glare->ours_generation != 0 && glare->theirs_generation != 0;
    if (comparable && glare->ours_generation != glare->theirs_generation)
        return glare->theirs_generation > glare->ours_generation;
    return glare->polite;
}

hf_glare_verdict hf_glare_judge(const hf_glare *glare)
{
    if (glare->late)
        return HF_GLARE_IGNORE;
    if (glare->ours_open && !is_theirs_to_win(glare))
        return glare->ours_is_vain ? HF_GLARE_WITHDRAW : HF_GLARE_INSIST;
    if (!glare->repeated || (glare->ours_open && glare->answer_is_gone))
        return HF_GLARE_TAKE;
    return glare->ours_open && glare->ours_generation == glare->theirs_generation ? HF_GLARE_GIVE_WAY : HF_GLARE_ANSWER;
}
