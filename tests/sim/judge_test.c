/* judge_test.c: the judge is asked about histories in which one thing each is wrong.
 *
 * A history is written as steps, "PARTY VERB [arguments]", with commas between. Before the first one a and b are connected,
 * and have the channels "o" (ordered), "u" (unordered) and "f" (fresh); each step takes a millisecond. */
#include "content.h"
#include "judge.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 100
#define CHANNELS 3

typedef struct stage {
    history histories[2];
    uint64_t said[2][CHANNELS + 1]; /* so far */
    uint32_t channels[2][CHANNELS]; /* that each name stands for at the moment */
    hf_time now;
} stage;

static const struct {
    const char *name;
    record_type type;
    uint64_t number;
    hf_err cause;
} plain[] = {
    /* verbs about the session */
    {"begins", RECORD_BEGAN, 0, HF_OK},
    {"begins-as-another", RECORD_BEGAN, 1, HF_OK},
    {"ends", RECORD_ENDED, 0, HF_OK},
    {"is-connecting", RECORD_STATE, HF_SESSION_CONNECTING, HF_OK},
    {"is-connected", RECORD_STATE, HF_SESSION_CONNECTED, HF_OK},
    {"is-reconnecting", RECORD_STATE, HF_SESSION_RECONNECTING, HF_ECONSENT},
    {"is-unstable-without-cause", RECORD_STATE, HF_SESSION_UNSTABLE, HF_OK},
    {"is-new", RECORD_STATE, HF_SESSION_NEW, HF_OK},
    {"is-closed", RECORD_STATE, HF_SESSION_CLOSED, HF_OK},
    {"told-connected", RECORD_CONNECTED, 0, HF_OK},
    {"told-disconnected", RECORD_DISCONNECTED, 0, HF_ECONSENT},
    {"continuity-lost", RECORD_CONTINUITY_LOST, 0, HF_OK},
    {"identity-changed", RECORD_IDENTITY_CHANGED, 0, HF_OK},
    {"accepts", RECORD_IDENTITY_ACCEPTED, 0, HF_OK},
    {"forged", RECORD_FORGED, 0, HF_OK},
    {"replayed", RECORD_REPLAYED, 0, HF_OK},
    {"turns-it-away", RECORD_TURNED_AWAY, 0, HF_EIDENTITY},
    {"forgets-whom-it-knew", RECORD_IDENTITY_FORGOTTEN, 0, HF_OK},
    {"reads-an-old-letter", RECORD_OUTLIVED, 1, HF_OK},
    {"reads-a-letter-of-this-one", RECORD_OUTLIVED, 0, HF_OK},
    {"calm", RECORD_CALM, 0, HF_OK},
    {"trouble", RECORD_TROUBLE, 0, HF_OK},
    {"gone", RECORD_GONE, 0, HF_OK},
    {"settled", RECORD_SETTLED, 0, HF_OK},
    /* verbs about a channel */
    {"is-refused", RECORD_REFUSED, 0, HF_EAGAIN},
    {"may-say-more", RECORD_WRITABLE, 0, HF_OK},
    {"stops-reading", RECORD_PAUSED, 0, HF_OK},
    {"reads-again", RECORD_UNPAUSED, 0, HF_OK},
    {"opened", RECORD_CHANNEL_OPEN, 0, HF_OK},
    {"closed", RECORD_CHANNEL_CLOSED, 0, HF_OK},
    {"garbled", RECORD_GARBLED, 0, HF_OK},
};

static bool is_about_process(record_type type)
{
    return type == RECORD_BEGAN || type == RECORD_ENDED || type == RECORD_CALM || type == RECORD_TROUBLE ||
           type == RECORD_SETTLED || type == RECORD_FORGED || type == RECORD_OUTLIVED || type == RECORD_REPLAYED ||
           type == RECORD_TURNED_AWAY || type == RECORD_IDENTITY_FORGOTTEN;
}

static message make(uint64_t id, size_t len)
{
    uint8_t bytes[SIZE];
    content_fill(bytes, len, HF_BINARY, id);
    return content_read(HF_BINARY, bytes, len);
}

static void add(stage *s, int party, record r)
{
    history *h = &s->histories[party];
    r.at = s->now;
    r.remote = 1 - party;
    r.session = is_about_process(r.type) ? 0 : h->sessions;
    history_add(h, &r);
}

static void begin_session(stage *s, int party)
{
    static const char *const names[CHANNELS] = {"o", "u", "f"};
    static const delivery how[CHANNELS] = {ORDERED, UNORDERED, FRESH};
    uint32_t session = ++s->histories[party].sessions;
    add(s, party, (record){.type = RECORD_SESSION});
    for (int i = 0; i < CHANNELS; i++) {
        s->channels[party][i] = history_add_channel(&s->histories[party], session, names[i], how[i]);
        s->said[party][i] = 0;
    }
}

static void connect(stage *s, int party)
{
    add(s, party, (record){.type = RECORD_STATE, .number = HF_SESSION_CONNECTING});
    add(s, party, (record){.type = RECORD_STATE, .number = HF_SESSION_CONNECTED});
    add(s, party, (record){.type = RECORD_CONNECTED});
    for (int i = 0; i < CHANNELS; i++)
        add(s, party, (record){.type = RECORD_CHANNEL_OPEN, .channel = s->channels[party][i]});
}

/* "says o [short]", "hears o NUMBER [short, formerly, before-that]", "gets-back o NUMBER [unsent]" (of its own session,
 * channels of that name) */
static bool play_message(stage *s, int party, const char *verb, int name, const char *argument, const char *extra)
{
    record r = {.channel = s->channels[party][name]};
    uint64_t number = argument ? strtoull(argument, NULL, 10) : 0;
    const bool is_short = (argument && strcmp(argument, "short") == 0) || (extra && strcmp(extra, "short") == 0);
    const size_t len = is_short ? 5 : SIZE;
    if (strcmp(verb, "says") == 0) {
        r.type = RECORD_SENT;
        r.message = make(content_id(party, r.channel, s->said[party][name]++), len);
    } else if (strcmp(verb, "hears") == 0) {
        r.type = RECORD_RECEIVED;
        uint32_t formerly = extra && strcmp(extra, "formerly") == 0 ? CHANNELS : 0; /* of the session before */
        formerly = extra && strcmp(extra, "before-that") == 0 ? 2 * CHANNELS : formerly;
        r.message = make(content_id(1 - party, s->channels[1 - party][name] - formerly, number), len);
        r.message.hash += extra && strcmp(extra, "damaged") == 0;
        if (extra && strcmp(extra, "on-another") == 0)
            r.channel = s->channels[party][(name + 1) % 2];
    } else if (strcmp(verb, "gets-back") == 0) {
        r.type = RECORD_RETURNED;
        r.cause = HF_ECONTINUITY;
        r.number = !(extra && strcmp(extra, "unsent") == 0);
        r.message = make(content_id(party, r.channel, number), SIZE);
    } else
        return false;
    add(s, party, r);
    return true;
}

static void play_step(stage *s, char *step)
{
    char *words[4] = {strtok(step, " "), strtok(NULL, " "), strtok(NULL, " "), strtok(NULL, " ")},
         *extra = strtok(NULL, " ");
    s->now += HF_MS(1);
    if (strcmp(words[0], "wait") == 0) {
        s->now += HF_SECONDS(strtoll(words[1], NULL, 10));
        return;
    }
    if (strcmp(words[0], "at-once") == 0) { /* the step behind it happens together with the one before it */
        s->now -= HF_MS(2);
        return;
    }
    int party = words[0][0] - 'a', name = words[2] ? (int)(strchr("ouf", words[2][0]) - "ouf") : 0;
    if (strcmp(words[1], "meets") == 0) {
        begin_session(s, party);
        return;
    }
    if (strcmp(words[1], "connects") == 0) {
        connect(s, party);
        return;
    }
    if (play_message(s, party, words[1], name, words[3], extra))
        return;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (strcmp(plain[i].name, words[1]) == 0) {
            add(s, party,
                (record){.type = plain[i].type,
                         .number = plain[i].number,
                         .cause = plain[i].cause,
                         .channel = words[2] ? s->channels[party][name] : 0});
            return;
        }
    }
    cr_assert_fail("no such verb: %s", words[1]);
}

static void play(stage *s, const char *script)
{
    char text[2048], *rest = text;
    snprintf(text, sizeof text, "%s", script);
    while (rest) {
        char *step = rest;
        rest = strstr(rest, ", ");
        if (rest) {
            *rest = '\0';
            rest += 2;
        }
        play_step(s, step);
    }
}

static void judge_script(const char *script, verdict *v)
{
    stage s = {.now = HF_SECONDS(1)};
    play(&s, "a begins, b begins, a calm, b calm, a meets, b meets, a connects, b connects");
    if (*script)
        play(&s, script);
    play(&s, "a settled, b settled");
    judge(s.histories, 2, v);
    history_clear(&s.histories[0]);
    history_clear(&s.histories[1]);
}

Test(judge, has_nothing_against_what_may_be)
{
    static const struct {
        const char *script, *why;
    } rows[] = {
        {"", "nothing happens"},
        {"a says o, a says o, b hears o 0, b hears o 1", "in order"},
        {"a says o, a says o short, b hears o 0, b hears o 1 short", "a message too short for an id"},
        {"a says u, a says u, b hears u 1, b hears u 0", "another order, on an unordered channel"},
        {"a says o short, b hears o 0 short, a closed o, b closed o", "nothing but one too short for an id"},
        {"a says f, a says f, b hears f 1", "one that is not reliable is lost"},
        {"a is-reconnecting, a told-disconnected, a says o, a is-connected, a told-connected, b hears o 0", "an outage"},
        {"a is-reconnecting, a told-disconnected, a says f, a is-connected, a told-connected", "a fresh one in it"},
        {"a says o, a says o, b hears o 0, b ends, b begins, b meets, a gets-back o 1, a continuity-lost, b connects, a "
         "says "
         "o, b hears o 2",
         "the remote is started again, and numbers go on"},
        {"a says o, b ends, b begins, b meets, a gets-back o 0 unsent, a continuity-lost, b connects", "nothing was given"},
        {"a says o, b stops-reading o, b ends, b begins, b meets, a continuity-lost, b connects",
         "it was acknowledged, and never read"},
        {"a says o, b stops-reading o, b reads-again o, at-once, b ends, b begins, b meets, a continuity-lost, b connects",
         "it would have been read in that moment"},
        {"a says o, a says o short, b stops-reading o, a ends, a begins, a meets, b continuity-lost, a connects, a says o, "
         "b "
         "reads-again o, b hears o 0 formerly, b hears o 1 short, b hears o 0",
         "what waited when continuity was lost is heard behind that"},
        {"a says o, b stops-reading o, a ends, a begins, a meets, b continuity-lost, a connects, a says o, a ends, a "
         "begins, a "
         "meets, b continuity-lost, a connects, a says o, b reads-again o, b hears o 0 before-that, b hears o 0 formerly, b "
         "hears o 0",
         "the same, of two sessions"},
        {"a says o, a ends", "whoever ends without a word may have left something unsaid"},
        {"a says o, a says o, b hears o 0, b ends, a is-closed, a told-disconnected",
         "it was acknowledged, and whoever said it ended the session before it met the next"},
        {"a is-refused o, a may-say-more o", "room again"},
        {"b stops-reading f, a says f, wait 4, b reads-again f, b hears f 0", "the hearer did not read"},
        {"a says f, wait 4, b replayed, b hears f 0", "somebody had held it up on its way"},
        {"b ends, b begins-as-another, a identity-changed, wait 100", "it is never accepted"},
        {"b ends, b begins-as-another, b meets, a identity-changed, a accepts, a continuity-lost, b connects, a says o, b "
         "hears o 0",
         "it is accepted"},
        {"b ends, b begins-as-another, b meets, a identity-changed, a accepts, a continuity-lost, b connects, b ends, "
         "b begins, b meets, a identity-changed, wait 100",
         "it is another, and then the first again"},
        {"a is-closed, a told-disconnected, a gone, b ends, b begins-as-another, a turns-it-away, wait 100",
         "there is no session that could tell it"},
        {"a forged, a identity-changed", "somebody has forged an offer"},
        {"a reads-an-old-letter, a identity-changed",
         "an offer comes that another certificate's owner made, before it ended"},
        {"b ends, b begins, b meets, a continuity-lost, b is-connecting, b opened o, a says o, b hears o 0, b is-connected, "
         "b told-connected",
         "the path has doubts at first, and carries all the same"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        verdict v;
        judge_script(rows[i].script, &v);
        cr_expect_eq(v.len, 0, "%s: %s", rows[i].why, v.faults[0].rule);
    }
}

Test(judge, finds_each_fault)
{
    static const struct {
        const char *script, *rule, *why;
    } rows[] = {
        {"a says o", "what it said was neither heard nor handed back", "lost"},
        {"a says o short, b hears o 0 short, a says o short", "what it said was neither heard nor handed back",
         "the second of those too short for an id"},
        {"a says u, a says u, b hears u 1", "what it said was neither heard nor handed back", "lost, unordered"},
        {"a says o, a says o, b hears o 0, a closed o, b closed o", "what it said was neither heard nor handed back",
         "the channel was closed before all of it was there"},
        {"a says o, b ends, b begins, b meets, a continuity-lost, b connects",
         "what it said was neither heard nor handed back", "continuity is lost, and what was unacknowledged not returned"},
        {"a says o, b stops-reading o, b reads-again o, b ends, b begins, b meets, a continuity-lost, b connects",
         "what it said was neither heard nor handed back", "lost, and it could have been read"},
        {"a says o, b hears o 0, b ends, a says o, a is-closed, a told-disconnected",
         "what it said was neither heard nor handed back", "the remote was gone when it was said"},
        {"a says o, b hears o 0, b hears o 0", "it hears twice", "ordered"},
        {"a says u, b hears u 0, b hears u 0", "it hears twice", "unordered"},
        {"a says f, b hears f 0, b hears f 0", "it hears twice", "fresh"},
        {"a says o, a says o, b hears o 1, b hears o 0", "it hears out of order, or not all", "the other order"},
        {"a says o, a says o, a says o, b hears o 0, b hears o 2", "it hears out of order, or not all", "a gap"},
        {"a says o, a says o short, a says o, b hears o 0, b hears o 2", "it hears out of order, or not all", "a short one"},
        {"a says f, a says f, b hears f 1, b hears f 0", "it hears a late one", "overtaken"},
        {"a says f, wait 4, b hears f 0", "it hears a stale one", "old"},
        {"b replayed, wait 2, a says f, wait 4, b hears f 0", "it hears a stale one", "nobody held that up"},
        {"b stops-reading f, b reads-again f, a says f, wait 4, b hears f 0", "it hears a stale one", "read all the while"},
        {"a is-reconnecting, a told-disconnected, a says f, a is-connected, a told-connected, b hears f 0",
         "it hears what was said in an outage", "fresh"},
        {"a says f, a is-reconnecting, a told-disconnected, a is-connected, a told-connected, b hears f 0",
         "it hears behind an outage what was said before it", "fresh"},
        {"a says o, b hears o 0 damaged", "it hears what nobody said", "damaged"},
        {"b hears o 0", "it hears what nobody said", "invented"},
        {"a says o, b hears o 0 on-another", "it hears it on a channel of another name", "on the wrong channel"},
        {"a says o, b hears o 0, a gets-back o 0 unsent", "it got back as not sent what was heard", "delivered"},
        {"a says o, a gets-back o 0, a gets-back o 0", "it gets back what it has not said, twice, or out of order",
         "returned twice"},
        {"a says o, a says o, a gets-back o 1, a gets-back o 0", "it gets back what it has not said, twice, or out of order",
         "in the wrong order"},
        {"a is-new", "the session takes a step that it may not", "back to the beginning"},
        {"a is-closed, a told-disconnected, a is-connected", "the session takes a step that it may not", "from closed"},
        {"a is-unstable-without-cause, a is-connected", "bad news without a cause", "unstable"},
        {"a told-connected", "it is told twice that it is connected", "connected again"},
        {"a told-disconnected, a told-disconnected, a told-connected",
         "it is told that it is not connected, and never was, or was told before", "twice"},
        {"a continuity-lost", "continuity is lost, and the remote had no other session", "nobody was started again"},
        {"a identity-changed", "the remote's identity is said to have changed, and has not", "a false alarm"},
        {"a reads-a-letter-of-this-one, a identity-changed", "the remote's identity is said to have changed, and has not",
         "a false alarm behind a late letter of the same identity"},
        {"b ends, b begins-as-another, b meets, a identity-changed, b connects, b says o, a hears o 0",
         "it hears an identity that it has not accepted", "a byte from another"},
        {"b ends, b begins-as-another, b meets, b connects, a says o, b hears o 0",
         "it is spoken to, though its identity was not accepted", "a byte to another"},
        {"a is-refused o", "it was refused, and never told that there is room", "starving"},
        {"a may-say-more o", "it may say more, and was never refused", "unasked"},
        {"a closed o, a may-say-more o", "something happens on a channel that was closed", "behind its end"},
        {"a garbled o", "parts of messages are out of order", "parts"},
        {"a is-reconnecting, a told-disconnected", "it is not connected, though it could be for long", "in the end"},
        {"a is-closed, a told-disconnected, a gone, b ends, b begins-as-another, a turns-it-away, a forgets-whom-it-knew, "
         "wait 100",
         "it is not connected, though it could be for long", "another, who may begin a session"},
        {"a is-reconnecting, a told-disconnected, wait 200, a trouble, a calm, a is-connected, a told-connected",
         "it is not connected, though it could be for long", "in a calm that was long enough"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        verdict v;
        judge_script(rows[i].script, &v);
        bool is_found = false;
        for (size_t k = 0; k < v.len && k < JUDGE_FAULTS_MAX; k++)
            is_found |= strcmp(v.faults[k].rule, rows[i].rule) == 0;
        cr_expect(is_found, "%s: %s (%zu faults, first: %s)", rows[i].why, rows[i].rule, v.len,
                  v.len > 0 ? v.faults[0].rule : "none");
    }
}
