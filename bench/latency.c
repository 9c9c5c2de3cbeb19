/* latency.c: one side of a latency measurement: messages of 100 bytes on code-sync beside a transfer on files.
 *
 *     bench_latency offer|answer session|plain|peer
 *
 * bench/latency.py starts one for each side, carries their signals, and tells them what to do; it speaks the same lines with
 * other stacks. A line is a JSON object. In: what the other side signals, {"type":"offer"|"answer","sdp":…}, and
 *
 *     {"type":"flood"}               keep files full from now on
 *     {"type":"ask","seconds":S}     say something on code-sync every 20 ms for so long; its end is told by {"type":"asked"}
 *     {"type":"count"}               answered by {"type":"count","bytes":…}: received on files
 *     {"type":"report"}              stop the flood, and wait until what is asked is answered: {"type":"trips",…} follows
 *
 * Out: signals, {"type":"ready"} when both channels are open, and those answers. A trip is [sent, there, back] in
 * milliseconds of the clock that both sides share. */
#include "latency.h"
#include "bench.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASK_SIZE 100
#define ASK_EVERY HF_MS(20)
#define TRIPS_MAX 65536
#define FLOOD_SIZE 65536
#define LINE_MAX_BYTES 65536

/* The first bytes of a question and of its answer. */
typedef struct trip {
    double number, sent, there, back;
} trip;

typedef struct side {
    const carrier *carrier;
    trip trips[TRIPS_MAX];
    size_t asked, answered;
    hf_time ask_at, ask_until;
    uint64_t received;
    hf_timer timer;
    bool offers, flooding, reporting, open[LANE_COUNT];
    char line[LINE_MAX_BYTES];
    size_t line_len;
} side;

static hf_env env;
static hf_loop *loop;
static side here;

/* --- Lines ----------------------------------------------------------------------------------------------------------- */

static void tell(json_t *object)
{
    BENCH_CHECK(object && json_dumpf(object, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF && fflush(stdout) == 0);
    json_decref(object);
}

static void tell_trips(side *s)
{
    json_t *trips = json_array();

    for (size_t i = 0; i < s->asked; i++) {
        const trip *t = &s->trips[i];
        BENCH_CHECK(json_array_append_new(trips, t->back > 0 ? json_pack("[fff]", t->sent, t->there, t->back)
                                                             : json_pack("[f]", t->sent)) == 0);
    }
    tell(json_pack("{ss so}", "type", "trips", "trips", trips));
    s->reporting = false;
}

/* --- Channels -------------------------------------------------------------------------------------------------------- */

static double now_ms(void)
{
    return bench_now() * 1e3;
}

void latency_on_room(void)
{
    static const uint8_t bytes[FLOOD_SIZE];
    hf_err err = HF_OK;

    while (here.flooding && (err = here.carrier->send(LANE_FILES, bytes, sizeof bytes)) == HF_OK)
        continue;
    BENCH_CHECK(err == HF_OK || err == HF_EAGAIN);
}

static void say(side *s, const trip *t)
{
    uint8_t bytes[ASK_SIZE] = {0};

    memcpy(bytes, t, sizeof *t);
    BENCH_CHECK(s->carrier->send(LANE_SYNC, bytes, sizeof bytes) == HF_OK);
}

static void on_ask(void *context)
{
    side *s = context;

    BENCH_CHECK(s->asked < TRIPS_MAX);
    trip *t = &s->trips[s->asked];
    *t = (trip){.number = (double)s->asked++, .sent = now_ms()};
    say(s, t);
    s->ask_at += ASK_EVERY;
    if (s->ask_at < s->ask_until)
        BENCH_CHECK(hf_loop_timer_set(loop, &s->timer, s->ask_at, on_ask, s) == HF_OK);
    else
        tell(json_pack("{ss}", "type", "asked"));
}

static void on_answer(side *s, trip t)
{
    size_t number = (size_t)t.number;

    BENCH_CHECK(number == s->answered && number < s->asked);
    s->answered++;
    s->trips[number].there = t.there;
    s->trips[number].back = now_ms();
    if (s->reporting && s->answered == s->asked)
        tell_trips(s);
}

void latency_on_message(lane from, const uint8_t *data, size_t len)
{
    trip t;

    if (from == LANE_FILES) {
        here.received += len;
        return;
    }
    BENCH_CHECK(len == ASK_SIZE);
    memcpy(&t, data, sizeof t);
    if (here.offers) {
        on_answer(&here, t);
    } else {
        t.there = now_ms();
        say(&here, &t);
    }
}

void latency_on_open(lane of)
{
    here.open[of] = true;
    if (here.open[LANE_SYNC] && here.open[LANE_FILES])
        tell(json_pack("{ss}", "type", "ready"));
}

void latency_on_description(bool is_offer, const char *sdp)
{
    tell(json_pack("{ss ss}", "type", is_offer ? "offer" : "answer", "sdp", sdp));
}

/* --- What it is told ------------------------------------------------------------------------------------------------- */

static void obey(side *s, const json_t *line)
{
    const char *type = json_string_value(json_object_get(line, "type"));
    const char *sdp = json_string_value(json_object_get(line, "sdp"));

    BENCH_CHECK(type);
    if (sdp) {
        s->carrier->take(strcmp(type, "offer") == 0, sdp);
    } else if (strcmp(type, "flood") == 0) {
        s->flooding = true;
        latency_on_room();
    } else if (strcmp(type, "ask") == 0) {
        s->ask_at = hf_loop_now(loop);
        s->ask_until = s->ask_at + (hf_span)(json_number_value(json_object_get(line, "seconds")) * 1e6);
        BENCH_CHECK(hf_loop_timer_set(loop, &s->timer, s->ask_at, on_ask, s) == HF_OK);
    } else if (strcmp(type, "count") == 0) {
        tell(json_pack("{ss sI}", "type", "count", "bytes", (json_int_t)s->received));
    } else {
        BENCH_CHECK(strcmp(type, "report") == 0);
        /* Whoever has waited too long asks again, and gets what there is. */
        bool is_late = s->reporting;
        s->flooding = false;
        s->reporting = true;
        if (is_late || s->answered == s->asked)
            tell_trips(s);
    }
}

static void on_input(void *context)
{
    side *s = context;
    ssize_t len = read(STDIN_FILENO, s->line + s->line_len, sizeof s->line - s->line_len);

    if (len <= 0)
        exit(0);
    s->line_len += (size_t)len;
    for (char *end; (end = memchr(s->line, '\n', s->line_len)) != NULL;) {
        json_t *line = json_loadb(s->line, (size_t)(end - s->line), 0, NULL);

        BENCH_CHECK(line);
        obey(s, line);
        json_decref(line);
        s->line_len -= (size_t)(end + 1 - s->line);
        memmove(s->line, end + 1, s->line_len);
    }
    BENCH_CHECK(s->line_len < sizeof s->line);
}

/* --- Birth ----------------------------------------------------------------------------------------------------------- */

static const carrier *find_carrier(const char *name)
{
    static const carrier *const all[] = {&carrier_session, &carrier_plain, &carrier_peer};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    }
    return NULL;
}

int main(int argc, char **argv)
{
    here.carrier = argc == 3 ? find_carrier(argv[2]) : NULL;
    if (!here.carrier || (strcmp(argv[1], "offer") != 0 && strcmp(argv[1], "answer") != 0)) {
        fputs("usage: bench_latency offer|answer session|plain|peer\n", stderr);
        return 2;
    }
    here.offers = strcmp(argv[1], "offer") == 0;
    hf_env_system(&env);
    BENCH_CHECK(hf_loop_new(&loop, &env) == HF_OK);
    BENCH_CHECK(hf_loop_watch(loop, STDIN_FILENO, on_input, &here) == HF_OK);
    here.carrier->begin(loop, &env, here.offers);
    BENCH_CHECK(hf_loop_run(loop) == HF_OK);
    return 0;
}
