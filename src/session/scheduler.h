/* scheduler.h: which channel's part goes next (session.md, "Who goes next"): critical before high, normal and low; turns
 * within a class; and a small share for the lower ones, so that none starves. Pure; cost does not grow with channels that
 * have nothing to send. */
#ifndef HF_SCHEDULER_H
#define HF_SCHEDULER_H

#include <holdfast/channel.h>

#define HF_CLASSES 4

/* Where a channel stands; embedded in it. */
typedef struct hf_turn {
    struct hf_turn *next;
    hf_priority priority;
    bool queued;
    void *owner;
} hf_turn;

typedef struct hf_scheduler {
    struct {
        hf_turn *first, *last;
        uint64_t credit; /* bytes that the floor owes this class */
    } classes[HF_CLASSES];
} hf_scheduler;

void hf_scheduler_init(hf_scheduler *scheduler);

/* It has something to send: it goes behind the others of its class. Queued already: nothing changes. */
void hf_scheduler_add(hf_scheduler *scheduler, hf_turn *turn);
void hf_scheduler_remove(hf_scheduler *scheduler, hf_turn *turn);

/* Takes the turn that is next off its queue; NULL: nobody's. `low` false: the low class has to wait (window.h). Its owner
 * gives one part, tells its size, and adds it again when it has more. */
hf_turn *hf_scheduler_take(hf_scheduler *scheduler, bool low);
void hf_scheduler_charge(hf_scheduler *scheduler, const hf_turn *turn, size_t bytes);

#endif
