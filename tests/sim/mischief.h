/* mischief.h: somebody who hears all that passes by the post and on the paths, and speaks himself. */
#ifndef SIM_MISCHIEF_H
#define SIM_MISCHIEF_H

#include "party.h"

#define MISCHIEF_LETTERS_MAX 48
#define MISCHIEF_DATAGRAMS_MAX 64

typedef struct mischief_datagram {
    int from; /* the host that sent it */
    hf_path path;
    size_t len;
    uint8_t data[HF_DATAGRAM_MAX];
} mischief_datagram;

typedef struct mischief_letter {
    int to;
    struct letter *letter; /* NULL: none yet */
} mischief_letter;

/* What was overheard, the older ones overwritten at random. */
typedef struct mischief {
    mischief_letter letters[MISCHIEF_LETTERS_MAX];
    mischief_datagram datagrams[MISCHIEF_DATAGRAMS_MAX];
    size_t letters_len, datagrams_len;
    uint64_t heard;
} mischief;

void mischief_clear(mischief *m);
void mischief_hear_letter(mischief *m, int to, const struct letter *l);
void mischief_hear_datagram(mischief *m, uint64_t *chance, int from, const hf_datagram *datagram);

/* One of the datagrams again, or damaged, or one that he has made up. They come from where the real ones do. */
void mischief_replay_datagram(mischief *m, story *st, uint64_t *chance);
void mischief_forge_datagram(mischief *m, story *st, uint64_t *chance);

/* Letters that were carried before, are carried again. */
void mischief_replay_letter(mischief *m, story *st, uint64_t *chance);

/* One of them in a stranger's name. */
void mischief_write_as_stranger(mischief *m, story *st, uint64_t *chance);

/* One of them, with something changed in it that its writer would not have said. */
void mischief_forge_letter(mischief *m, story *st, uint64_t *chance);

#endif
