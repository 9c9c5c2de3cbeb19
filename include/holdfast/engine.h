/* engine.h: the SCTP engine that all peers of a process share.
 *
 * SCTP comes from usrsctp, which is one set of globals with one clock. The engine makes that visible instead of hiding
 * it: there is one in a process, all peers made with it are used from one thread (at a time) and with one clock, and a
 * second one gets HF_EBUSY. hf_loop makes one of its own. */
#ifndef HOLDFAST_ENGINE_H
#define HOLDFAST_ENGINE_H

#include <holdfast/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_engine hf_engine;

/* Starts the engine. HF_EBUSY: the process has one already. HF_EINVAL: `env` has no randomness. */
HF_CHECKED hf_err hf_engine_new(hf_engine **out, const hf_env *env);

/* Stops the engine. Free every peer first; associations that are still alive are dropped without a word to the remote,
 * and calls on their peers answer HF_ECLOSED. NULL is fine. */
void hf_engine_free(hf_engine *engine);

#ifdef __cplusplus
}
#endif
#endif
