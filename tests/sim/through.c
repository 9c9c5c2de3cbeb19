/* through.c: through any network: every pair of kinds of network connects, directly where theory says that it can be. The
 * limits are those of the laboratory (tests/lab/cases.py). */
#include "roamers.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>

#define CONNECT_DIRECT HF_MS(500)
#define CONNECT_RELAYED HF_MS(1264)
#define CONNECT_RELAYED_TCP HF_MS(1721)

#define SIGNALLING HF_MS(20)
#define PATIENCE HF_SECONDS(60)

static roam r; /* too large for the stack */

static void expect_all(const char *name)
{
    const char *wrong = roam_settle(&r, HF_SECONDS(30));
    cr_expect_null(wrong, "%s: %s", name, wrong);
}

#define PAIRS (SIM_KIND_COUNT * (SIM_KIND_COUNT + 1) / 2)

ParameterizedTestParameters(sim_through, connects_each_pair_of_kinds)
{
    static int pairs[PAIRS];
    size_t n = 0;
    for (int a = 0; a < SIM_KIND_COUNT; a++) {
        for (int b = a; b < SIM_KIND_COUNT; b++)
            pairs[n++] = a * SIM_KIND_COUNT + b;
    }
    return cr_make_param_array(int, pairs, PAIRS);
}

ParameterizedTest(int *pair, sim_through, connects_each_pair_of_kinds)
{
    sim_kind a = (sim_kind)(*pair / SIM_KIND_COUNT), b = (sim_kind)(*pair % SIM_KIND_COUNT);
    bool is_direct = sim_is_direct(a, b);
    hf_span limit = is_direct                                ? CONNECT_DIRECT
                    : sim_passes_udp(a) && sim_passes_udp(b) ? CONNECT_RELAYED
                                                             : CONNECT_RELAYED_TCP;
    char name[64];
    snprintf(name, sizeof name, "%s and %s", sim_kind_name(a), sim_kind_name(b));
    roam_init(&r, &(roam_config){.seed = (uint64_t)*pair, .kinds = {a, b}, .signalling = SIGNALLING});
    hf_time began = r.s.now;
    cr_assert(roam_connect(&r, PATIENCE), "%s: no connection", name);
    cr_expect_leq(r.s.now - began, limit, "%s: after %d ms", name, (int)((r.s.now - began) / 1000));
    roam_talk(&r, HF_SECONDS(2)); /* where it may still become better */
    for (int i = 0; i < 2; i++)
        cr_expect_eq(roam_path(&r, i), is_direct ? HF_PATH_DIRECT : HF_PATH_RELAYED, "%s, side %d: %s", name, i,
                     hf_session_path_name(roam_path(&r, i)));
    expect_all(name);
    roam_clear(&r);
}
