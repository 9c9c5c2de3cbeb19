/* scheduler.c: the order of turns, and what the floor gives those that wait. */
#include <scheduler.h>

#include <criterion/criterion.h>

#include <string.h>

typedef struct line {
    char name;
    hf_turn turn;
    size_t part;
    size_t given;
} line;

static line make(char name, hf_priority priority, size_t part)
{
    return (line){.name = name, .turn = {.priority = priority}, .part = part};
}

static void add(hf_scheduler *s, line *l)
{
    l->turn.owner = l;
    hf_scheduler_add(s, &l->turn);
}

/* One that has more to send than will ever go. */
static line *give(hf_scheduler *s, bool low)
{
    hf_turn *turn = hf_scheduler_take(s, low);
    if (!turn)
        return NULL;
    line *l = turn->owner;
    l->given += l->part;
    hf_scheduler_charge(s, turn, l->part);
    hf_scheduler_add(s, turn);
    return l;
}

static void cr_expect_order(hf_scheduler *s, const char *expected)
{
    char order[64] = "";
    for (size_t i = 0; i < strlen(expected); i++) {
        const line *l = give(s, true);
        order[i] = '-';
        if (l)
            order[i] = l->name;
    }
    cr_expect_str_eq(order, expected);
}

Test(scheduler, takes_the_most_urgent_class_first)
{
    hf_scheduler s;
    hf_scheduler_init(&s);
    line low = make('l', HF_PRIORITY_LOW, 100), normal = make('n', HF_PRIORITY_NORMAL, 100),
         high = make('h', HF_PRIORITY_HIGH, 100), critical = make('c', HF_PRIORITY_CRITICAL, 100);
    line *in_the_wrong_order[] = {&low, &normal, &high, &critical};
    cr_expect_null(hf_scheduler_take(&s, true));
    for (size_t i = 0; i < 4; i++)
        add(&s, in_the_wrong_order[i]);
    static const char expected[] = "chnl";
    for (size_t i = 0; i < 4; i++) {
        const hf_turn *turn = hf_scheduler_take(&s, true);
        cr_assert_not_null(turn);
        cr_expect_eq(((line *)turn->owner)->name, expected[i]);
    }
    cr_expect_null(hf_scheduler_take(&s, true));
}

Test(scheduler, gives_turns_within_a_class)
{
    hf_scheduler s;
    hf_scheduler_init(&s);
    line a = make('a', HF_PRIORITY_NORMAL, 4096), b = make('b', HF_PRIORITY_NORMAL, 4096),
         c = make('c', HF_PRIORITY_NORMAL, 4096);
    add(&s, &a);
    add(&s, &b);
    add(&s, &c);
    add(&s, &a); /* is in it already */
    cr_expect_order(&s, "abcabcabc");
}

Test(scheduler, lets_short_messages_share_a_turn)
{
    hf_scheduler s;
    hf_scheduler_init(&s);
    line a = make('a', HF_PRIORITY_NORMAL, 300), b = make('b', HF_PRIORITY_NORMAL, 4096);
    add(&s, &a);
    add(&s, &b);
    cr_expect_order(&s, "aaaabaaaabaaaab");
}

Test(scheduler, ends_a_turn_that_is_not_taken_up)
{
    hf_scheduler s;
    hf_scheduler_init(&s);
    line a = make('a', HF_PRIORITY_NORMAL, 100), b = make('b', HF_PRIORITY_NORMAL, 100);
    add(&s, &a);
    add(&s, &b);
    hf_turn *first = hf_scheduler_take(&s, true);
    hf_scheduler_charge(&s, first, 100);
    cr_expect_eq(hf_scheduler_take(&s, true), &b.turn);
    hf_scheduler_add(&s, &b.turn);
    hf_scheduler_add(&s, first);
    cr_expect_eq(hf_scheduler_take(&s, true), &b.turn, "b goes on, a comes anew");
}

/* Whatever goes before, and in whatever parts, the lower classes get their share. */
Test(scheduler, starves_nobody)
{
    static const struct {
        size_t urgent, waiting;
        bool low;
        const char *why;
    } rows[] = {
        {4096, 4096, true, "parts alike"},
        {8, 4096, true, "very short messages in front"},
        {4096, 100, true, "short messages behind"},
        {4096, 4096, false, "the low class has to wait for the path, but not for ever"},
        {65536, 65536, true, "whole messages of a plain peer"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hf_scheduler s;
        hf_scheduler_init(&s);
        line critical = make('c', HF_PRIORITY_CRITICAL, rows[i].urgent), low = make('l', HF_PRIORITY_LOW, rows[i].waiting),
             normal = make('n', HF_PRIORITY_NORMAL, rows[i].waiting);
        add(&s, &critical);
        add(&s, &low);
        add(&s, &normal);
        size_t all = 0;
        while (all < 40000000)
            all += give(&s, rows[i].low)->part;
        double share[] = {(double)normal.given / (double)all, (double)low.given / (double)all};
        for (size_t k = 0; k < 2; k++)
            cr_expect(share[k] > 0.03 && share[k] < 0.08, "%s: %.3f", rows[i].why, share[k]);
    }
}

Test(scheduler, saves_no_credit_for_who_has_nothing_to_send)
{
    hf_scheduler s;
    hf_scheduler_init(&s);
    line critical = make('c', HF_PRIORITY_CRITICAL, 1000), low = make('l', HF_PRIORITY_LOW, 1000);
    add(&s, &critical);
    for (int i = 0; i < 1000; i++)
        give(&s, true);
    add(&s, &low);
    for (int i = 0; i < 16; i++)
        cr_expect_eq(give(&s, true), &critical);
}

Test(scheduler, holds_the_low_class_while_it_has_to_wait)
{
    hf_scheduler s;
    hf_scheduler_init(&s);
    line low = make('l', HF_PRIORITY_LOW, 1000);
    add(&s, &low);
    cr_expect_null(hf_scheduler_take(&s, false));
    cr_expect_eq(give(&s, true), &low);
}

Test(scheduler, forgets_who_is_taken_out)
{
    hf_scheduler s;
    hf_scheduler_init(&s);
    line a = make('a', HF_PRIORITY_HIGH, 10), b = make('b', HF_PRIORITY_HIGH, 10), c = make('c', HF_PRIORITY_HIGH, 10);
    add(&s, &a);
    add(&s, &b);
    add(&s, &c);
    hf_scheduler_remove(&s, &b.turn);
    hf_scheduler_remove(&s, &b.turn);
    cr_expect_eq(hf_scheduler_take(&s, true), &a.turn);
    cr_expect_eq(hf_scheduler_take(&s, true), &c.turn);
    hf_scheduler_remove(&s, &c.turn); /* taken, and gone before it came back */
    cr_expect_null(hf_scheduler_take(&s, true));
    add(&s, &b);
    cr_expect_eq(hf_scheduler_take(&s, true), &b.turn);
}
