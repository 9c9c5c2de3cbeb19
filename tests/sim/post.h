/* post.h: envelopes on their way: the signalling server of the simulated world. */
#ifndef SIM_POST_H
#define SIM_POST_H

#include "world.h"

/* An envelope with its texts, in one block of malloc. */
typedef struct letter letter;

letter *letter_of(const hf_envelope *envelope);
letter *letter_copy(const letter *l);

/* Who has written it, and as whom: a party, and which of its identities. Nobody: not signed, as when it is made up. */
void letter_sign(letter *l, int writer, uint64_t identity);
bool letter_is_signed(const letter *l, int *writer, uint64_t *identity);

/* Its texts are the letter's. */
hf_envelope letter_read(const letter *l);

/* Puts a letter on its way over the world's post, which may lose or repeat it; `land` gets it, and it is freed then. What
 * is posted before s->post_since waits for that moment. */
void post_send(sim *s, letter *l, timeline_land land, void *receiver);

#endif
