/* engine.c: the only owner of usrsctp's globals: its birth, its clock, and the way from an id to an association. */
#include "sctp_priv.h"

#include "alloc.h"
#include "random.h"

#include <usrsctp.h>

#include <assert.h>
#include <stdatomic.h>

/* A machine that slept has not missed more timers than one round of them. */
#define CATCH_UP_MAX HF_SECONDS(60)

#define ASSOCIATIONS_MAX 1000000

struct hf_engine {
    const hf_env *env;
    hf_sctp **associations; /* by id, ascending */
    size_t len, cap;
    hf_sctp *current; /* whose call we are in */
    bool ticking;
    hf_time ticked_at;
};

/* usrsctp calls back without a context, so there must be one. */
static hf_engine *the_engine;
static atomic_flag exists = ATOMIC_FLAG_INIT;
static bool usrsctp_runs; /* stays true when usrsctp could not be finished */
static uintptr_t id_last; /* never goes back, not even for the next engine: late packets find nobody */

static size_t position(const hf_engine *engine, uintptr_t id)
{
    size_t low = 0, high = engine->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (engine->associations[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static hf_sctp *find(const hf_engine *engine, uintptr_t id)
{
    if (engine->current && engine->current->id == id)
        return engine->current;
    size_t at = position(engine, id);
    return at < engine->len && engine->associations[at]->id == id ? engine->associations[at] : NULL;
}

/* Only copies: usrsctp must not be called from here (an input inside an output hangs). */
static int on_output(void *address, void *packet, size_t len, uint8_t tos, uint8_t set_df)
{
    (void)tos;
    (void)set_df;
    hf_sctp *sctp = the_engine ? find(the_engine, (uintptr_t)address) : NULL;
    if (sctp)
        hf_sctp_on_output(sctp, packet, len);
    return 0;
}

hf_err hf_engine_new(hf_engine **out, const hf_env *env)
{
    if (!env || !hf_env_is_usable(env))
        return HF_EINVAL;
    if (atomic_flag_test_and_set(&exists))
        return HF_EBUSY;
    hf_engine *engine = hf_alloc(env, sizeof *engine);
    if (!engine) {
        atomic_flag_clear(&exists);
        return HF_ENOMEM;
    }
    engine->env = env;
    the_engine = engine;
    if (!usrsctp_runs)
        usrsctp_init_nothreads(0, on_output, NULL);
    usrsctp_runs = true;
    hf_settings_of_engine();
    *out = engine;
    return HF_OK;
}

void hf_engine_free(hf_engine *engine)
{
    if (!engine)
        return;
    assert(engine == the_engine);
    while (engine->len > 0)
        hf_sctp_on_engine_gone(engine->associations[engine->len - 1]);
    usrsctp_runs = usrsctp_finish() != 0;
    the_engine = NULL;
    hf_dealloc(engine->env, engine->associations);
    hf_dealloc(engine->env, engine);
    atomic_flag_clear(&exists);
}

hf_err hf_engine_add(hf_engine *engine, hf_sctp *sctp)
{
    hf_err err =
        hf_grow(engine->env, &engine->associations, &engine->cap, engine->len + 1, ASSOCIATIONS_MAX, sizeof(hf_sctp *));
    if (err != HF_OK)
        return err;
    sctp->id = ++id_last;
    engine->associations[engine->len++] = sctp;
    return HF_OK;
}

void hf_engine_remove(hf_engine *engine, hf_sctp *sctp)
{
    size_t at = position(engine, sctp->id);
    if (engine->current == sctp)
        engine->current = NULL;
    assert(at < engine->len && engine->associations[at] == sctp);
    engine->len--;
    for (; at < engine->len; at++)
        engine->associations[at] = engine->associations[at + 1];
}

void hf_engine_enter(hf_engine *engine, hf_sctp *sctp, hf_time now)
{
    engine->current = sctp;
    if (!engine->ticking) {
        engine->ticking = true;
        engine->ticked_at = now;
    }
    if (now - engine->ticked_at < HF_SCTP_TICK)
        return;
    hf_span elapsed = now - engine->ticked_at;
    hf_span ms = (elapsed < CATCH_UP_MAX ? elapsed : CATCH_UP_MAX) / HF_MS(1);
    engine->ticked_at = elapsed < CATCH_UP_MAX ? engine->ticked_at + ms * HF_MS(1) : now;
    usrsctp_handle_timers((uint32_t)ms);
}
