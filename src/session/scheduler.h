/* scheduler.h: which channel's part goes next (session.md, "Who goes next"): critical before high, normal and low; turns
 * within a class; and a small share for the lower ones, so that none starves. Pure; cost does not grow with channels that
 * have nothing to send. */
#ifndef HF_SCHEDULER_H
#define HF_SCHEDULER_H

#include <holdfast/channel.h>

#define HF_CLASSES 4

/* Of what goes before it, a class that waits is owed one part in so many. */
#define HF_FLOOR_SHARE 16

/* So much a channel may give before it goes behind the others of its class: several short messages, or one part. */
#define HF_TURN_BYTES 1024

/* Where a channel stands; embedded in it. Zeroes, a priority and an owner are a beginning. */
typedef struct hf_turn {
    struct hf_turn *before, *behind;
    hf_priority priority;
    bool queued;
    size_t used; /* bytes of this turn */
    void *owner;
} hf_turn;

typedef struct hf_scheduler {
    struct {
        hf_turn *first, *last;
        int64_t credit; /* what the floor owes this class, in bytes / HF_FLOOR_SHARE; below zero: it has had more */
    } classes[HF_CLASSES];
    hf_turn *current; /* taken last: added again at once, it goes on with its turn */
} hf_scheduler;

void hf_scheduler_init(hf_scheduler *scheduler);
bool hf_scheduler_is_empty(const hf_scheduler *scheduler);

/* It has something to send: it goes behind the others of its class; or before them, when it was taken last and has not
 * used its turn up. Queued already: nothing changes. */
void hf_scheduler_add(hf_scheduler *scheduler, hf_turn *turn);
void hf_scheduler_remove(hf_scheduler *scheduler, hf_turn *turn);

/* Takes the turn that is next off its queue; NULL: nobody's. `low` false: the low class has to wait (window.h), and gets no
 * more than its floor. The owner gives one part, tells its size, and adds the turn again when it has more. */
hf_turn *hf_scheduler_take(hf_scheduler *scheduler, bool low);
void hf_scheduler_charge(hf_scheduler *scheduler, hf_turn *turn, size_t bytes);

#endif
