/* session_seeds.c: two or three managers whose world is made from a number: networks, channels, what is said on them, and
 * what happens meanwhile. Each party keeps a history; the judge reads them (judge.h).
 *
 *     session_seeds FIRST COUNT [log] [only=LETTERS]
 *
 * runs that many worlds. A failing seed prints the line that runs it again, and then its histories whole; with `log` the
 * event logs too (docs/event-log.md), with `only` some kinds of event alone (event_kinds.c; "A" is the first). */
#include "events.h"
#include "judge.h"
#include "runner.h"

#include "chance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINTED_MAX 60 /* records of a failing story, up to the first fault */

static events t; /* too large for the stack */
static bool logs;
static const char *only;                                                /* NULL: all kinds of event */
static bool is_alone;                                                   /* one seed: somebody looks at it */
static hf_certificate *certificates[PARTIES_MAX][PARTY_IDENTITIES_MAX]; /* to make one takes as long as a story */

static void print_log(void *context, const char *line, size_t len)
{
    for (int i = 0; i < t.st.parties_len; i++) {
        if (context == &t.st.parties[i].env)
            printf("%c %.*s\n", 'a' + i, (int)len, line);
    }
}

static void describe(void)
{
    const story *st = &t.st;
    printf("  seed %llu:", (unsigned long long)st->s.config.seed);
    for (int i = 0; i < st->parties_len; i++)
        printf(" %c on %s", 'a' + i, sim_kind_name(st->parties[i].place.kind));
    printf(", %.3f s\n", (double)st->s.now / 1e6);
    events_print(&t);
}

static hf_time first_fault(const verdict *v)
{
    hf_time first = HF_NEVER;
    for (size_t i = 0; i < v->len && i < JUDGE_FAULTS_MAX; i++)
        first = v->faults[i].at < first ? v->faults[i].at : first;
    return first;
}

static bool is_approved(void)
{
    history histories[PARTIES_MAX];
    verdict v;
    for (int i = 0; i < t.st.parties_len; i++)
        histories[i] = t.st.parties[i].history;
    judge(histories, (size_t)t.st.parties_len, &v);
    if (v.len == 0)
        return true;
    describe();
    history_print(histories, (size_t)t.st.parties_len, is_alone ? SIZE_MAX : PRINTED_MAX,
                  is_alone ? HF_NEVER : first_fault(&v) + HF_MS(10));
    printf("  %zu faults:\n", v.len);
    for (size_t i = 0; i < v.len && i < JUDGE_FAULTS_MAX; i++)
        judge_print(histories, &v.faults[i]);
    return false;
}

static bool is_well(uint64_t seed)
{
    events_init(&t, seed, only, certificates, logs ? print_log : NULL);
    events_live(&t);
    bool well = is_approved();
    printf("%s", well && is_alone ? "  all is well\n" : "");
    events_clear(&t);
    for (int i = 0; i < t.st.parties_len; i++) {
        if (t.st.parties[i].env.blocks > 0 && well) {
            printf("memory was not given back\n");
            well = false;
        }
    }
    return well;
}

int main(int argc, char **argv)
{
    static test_env env;
    test_env_init(&env, 1);
    for (int i = 0; i < PARTIES_MAX; i++) {
        for (int k = 0; k < PARTY_IDENTITIES_MAX; k++) {
            if (hf_certificate_new(&certificates[i][k], &env.env) != HF_OK)
                return 2;
        }
    }
    for (int i = 3; i < argc; i++) {
        logs |= strcmp(argv[i], "log") == 0;
        only = strncmp(argv[i], "only=", 5) == 0 ? argv[i] + 5 : only;
    }
    is_alone = argc < 3 || strcmp(argv[2], "1") == 0;
    int status = sim_run_worlds(argc, argv, is_well);
    for (int i = 0; i < PARTIES_MAX; i++) {
        for (int k = 0; k < PARTY_IDENTITIES_MAX; k++)
            hf_certificate_free(certificates[i][k]);
    }
    return status;
}
