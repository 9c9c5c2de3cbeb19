/* roam.c: what can happen to a network while two sessions talk, and how soon they talk again. The limits are those of the
 * laboratory (tests/lab/cases.py). */
#include "roamers.h"

#include <criterion/criterion.h>

#define SIGNALLING HF_MS(20)
#define PATIENCE HF_SECONDS(60)

static roam r; /* too large for the stack */

static void expect_all(const char *name)
{
    const char *wrong = roam_settle(&r, HF_SECONDS(30));
    cr_expect_null(wrong, "%s: %s", name, wrong);
}

Test(sim_roam, raises_no_alarm_where_a_fifth_is_lost)
{
    roam_init(&r,
              &(roam_config){.seed = 201, .kinds = {SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED}, .signalling = SIGNALLING});
    cr_assert(roam_connect(&r, PATIENCE));
    r.uplink[0][0]->link.loss = 200;
    roam_talk(&r, HF_SECONDS(120));
    r.uplink[0][0]->link.loss = 0;
    for (int i = 0; i < 2; i++)
        cr_expect_not(r.s.side[i].unsteady, "side %d: %s", i, r.s.side[i].connections);
    expect_all("a fifth is lost");
    roam_clear(&r);
}
