/* scheduler.c: four queues of turns, and a small share of what goes before for those that wait. */
#include "scheduler.h"

/* What a class may be owed, and may owe, at the most: nobody saves much up, and a plain peer's long message is paid for. */
#define CREDIT_MAX (4096 * HF_FLOOR_SHARE)
#define PART_MAX 262144
#define DEBT_MAX (PART_MAX * HF_FLOOR_SHARE)
#define ENOUGH (HF_TURN_BYTES * HF_FLOOR_SHARE)

typedef enum class_index { CRITICAL, HIGH, NORMAL, LOW } class_index;

static class_index class_of(hf_priority priority)
{
    switch (priority) {
    case HF_PRIORITY_CRITICAL:
        return CRITICAL;
    case HF_PRIORITY_HIGH:
        return HIGH;
    case HF_PRIORITY_LOW:
        return LOW;
    case HF_PRIORITY_NORMAL:
        break;
    }
    return NORMAL;
}

void hf_scheduler_init(hf_scheduler *scheduler)
{
    *scheduler = (hf_scheduler){0};
}

bool hf_scheduler_is_empty(const hf_scheduler *scheduler)
{
    for (size_t i = 0; i < HF_CLASSES; i++) {
        if (scheduler->classes[i].first)
            return false;
    }
    return true;
}

static void push_front(hf_scheduler *scheduler, hf_turn *turn, class_index class)
{
    hf_turn *first = scheduler->classes[class].first;
    turn->before = NULL;
    turn->behind = first;
    *(first ? &first->before : &scheduler->classes[class].last) = turn;
    scheduler->classes[class].first = turn;
}

static void push_back(hf_scheduler *scheduler, hf_turn *turn, class_index class)
{
    hf_turn *last = scheduler->classes[class].last;
    turn->before = last;
    turn->behind = NULL;
    *(last ? &last->behind : &scheduler->classes[class].first) = turn;
    scheduler->classes[class].last = turn;
}

void hf_scheduler_add(hf_scheduler *scheduler, hf_turn *turn)
{
    if (turn->queued)
        return;
    bool goes_on = turn == scheduler->current && turn->used < HF_TURN_BYTES;
    turn->queued = true;
    if (goes_on) {
        push_front(scheduler, turn, class_of(turn->priority));
    } else {
        turn->used = 0;
        push_back(scheduler, turn, class_of(turn->priority));
    }
}

void hf_scheduler_remove(hf_scheduler *scheduler, hf_turn *turn)
{
    class_index class = class_of(turn->priority);
    if (scheduler->current == turn)
        scheduler->current = NULL;
    if (!turn->queued)
        return;
    *(turn->before ? &turn->before->behind : &scheduler->classes[class].first) = turn->behind;
    *(turn->behind ? &turn->behind->before : &scheduler->classes[class].last) = turn->before;
    turn->before = turn->behind = NULL;
    turn->queued = false;
}

/* The class that is next; HF_CLASSES: none. What the floor owes comes first. */
static class_index choose(const hf_scheduler *scheduler, bool low)
{
    for (class_index class = HIGH; class < HF_CLASSES; class ++) {
        if (scheduler->classes[class].first && scheduler->classes[class].credit >= ENOUGH)
            return class;
    }
    class_index class = CRITICAL;
    while (class < HF_CLASSES && !(scheduler->classes[class].first && (class != LOW || low)))
        class ++;
    return class;
}

hf_turn *hf_scheduler_take(hf_scheduler *scheduler, bool low)
{
    class_index class = choose(scheduler, low);
    if (class == HF_CLASSES)
        return NULL;
    hf_turn *turn = scheduler->classes[class].first;
    hf_scheduler_remove(scheduler, turn);
    scheduler->current = turn;
    return turn;
}

static int64_t within(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* In shares of a byte, so that short messages count too. */
void hf_scheduler_charge(hf_scheduler *scheduler, hf_turn *turn, size_t bytes)
{
    class_index class = class_of(turn->priority);
    int64_t earned = bytes < PART_MAX ? (int64_t)bytes : PART_MAX;
    int64_t *own = &scheduler->classes[class].credit;
    turn->used += bytes;
    *own = within(*own - earned * HF_FLOOR_SHARE, -DEBT_MAX, CREDIT_MAX);
    for (class_index lower = class + 1; lower < HF_CLASSES; lower++) {
        int64_t *credit = &scheduler->classes[lower].credit;
        if (scheduler->classes[lower].first)
            *credit = within(*credit + earned, -DEBT_MAX, CREDIT_MAX);
    }
}
