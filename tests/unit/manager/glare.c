/* glare.c: which of two offers holds, row by row. */
#include "glare.h"

#include <criterion/criterion.h>

Test(glare, is_settled_by_lateness_then_generation_then_manners)
{
    static const struct {
        const char *why;
        hf_glare glare;
        hf_glare_verdict verdict;
    } rows[] = {
        {"nothing of ours is open", {.ours_generation = 1, .theirs_generation = 1, .same_pair = true}, HF_GLARE_TAKE},
        {"a restart of an older connection, while the next is being made: it serves yet",
         {.same_pair = true, .ours_generation = 3, .theirs_generation = 2},
         HF_GLARE_TAKE},
        {"the same once more", {.repeated = true}, HF_GLARE_ANSWER},
        {"an older one", {.late = true}, HF_GLARE_IGNORE},
        {"an older one does not win by generation either",
         {.late = true, .ours_open = true, .same_pair = true, .ours_generation = 1, .theirs_generation = 9},
         HF_GLARE_IGNORE},
        {"equals, and we are polite",
         {.ours_open = true, .polite = true, .same_pair = true, .ours_generation = 2, .theirs_generation = 2},
         HF_GLARE_TAKE},
        {"equals, and we are not",
         {.ours_open = true, .same_pair = true, .ours_generation = 2, .theirs_generation = 2},
         HF_GLARE_INSIST},
        {"a higher generation wins, however impolite we are",
         {.ours_open = true, .same_pair = true, .ours_generation = 2, .theirs_generation = 3},
         HF_GLARE_TAKE},
        {"and ours, however polite",
         {.ours_open = true, .polite = true, .same_pair = true, .ours_generation = 3, .theirs_generation = 2},
         HF_GLARE_INSIST},
        {"of another pair of sessions: nothing to compare",
         {.ours_open = true, .polite = true, .ours_generation = 3, .theirs_generation = 1},
         HF_GLARE_TAKE},
        {"nothing to compare, and we are not polite",
         {.ours_open = true, .ours_generation = 1, .theirs_generation = 7},
         HF_GLARE_INSIST},
        {"ours is about a connection with a session that the remote has no more",
         {.ours_open = true, .ours_is_vain = true, .ours_generation = 3, .theirs_generation = 1},
         HF_GLARE_WITHDRAW},
        {"the same, and we are polite",
         {.ours_open = true, .ours_is_vain = true, .polite = true, .ours_generation = 3, .theirs_generation = 1},
         HF_GLARE_TAKE},
        {"it does not say its generation",
         {.ours_open = true, .polite = true, .same_pair = true, .ours_generation = 3},
         HF_GLARE_TAKE},
        {"ours came back to us by a repetition of theirs", {.ours_open = true, .repeated = true}, HF_GLARE_INSIST},
        {"we have answered, it has not heard, and can't take ours before it has",
         {.ours_open = true, .polite = true, .repeated = true},
         HF_GLARE_GIVE_WAY},
        {"the same of one pair",
         {.ours_open = true,
          .polite = true,
          .repeated = true,
          .same_pair = true,
          .ours_generation = 2,
          .theirs_generation = 2},
         HF_GLARE_GIVE_WAY},
        {"the same, but ours is about the connection that follows: nothing stands in its way",
         {.ours_open = true, .polite = true, .repeated = true, .ours_generation = 2, .theirs_generation = 1},
         HF_GLARE_ANSWER},
        {"it was answered, and we have given that up for an offer of ours that it does not take",
         {.ours_open = true,
          .polite = true,
          .repeated = true,
          .answer_is_gone = true,
          .ours_generation = 2,
          .theirs_generation = 1},
         HF_GLARE_TAKE},
        {"the same, and we are not polite",
         {.ours_open = true, .repeated = true, .answer_is_gone = true, .ours_generation = 2, .theirs_generation = 1},
         HF_GLARE_INSIST},
        {"given up, and nothing of ours is open", {.repeated = true, .answer_is_gone = true}, HF_GLARE_ANSWER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_eq(hf_glare_judge(&rows[i].glare), rows[i].verdict, "%s", rows[i].why);
}

/* Whatever both know of each other, one side's offer holds: never both, never none. */
Test(glare, never_leaves_both_or_none)
{
    for (uint32_t alice = 0; alice < 3; alice++) {
        for (uint32_t bob = 0; bob < 3; bob++) {
            for (int same = 0; same < 2; same++) {
                hf_glare of_alice = {.ours_open = true,
                                     .polite = true,
                                     .same_pair = same,
                                     .ours_generation = alice,
                                     .theirs_generation = bob};
                hf_glare of_bob = {.ours_open = true, .same_pair = same, .ours_generation = bob, .theirs_generation = alice};
                bool alice_takes = hf_glare_judge(&of_alice) == HF_GLARE_TAKE,
                     bob_takes = hf_glare_judge(&of_bob) == HF_GLARE_TAKE;
                cr_expect_neq(alice_takes, bob_takes, "%u %u %d", alice, bob, same);
            }
        }
    }
}
