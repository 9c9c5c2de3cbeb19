/* engine_standin.c: the loop carries an engine and never looks into it. This one lets its tests do without SCTP. */
#include <holdfast/engine.h>

struct hf_engine {
    int nothing;
};

hf_err hf_engine_new(hf_engine **out, const hf_env *env)
{
    static hf_engine engine;

    (void)env;
    *out = &engine;
    return HF_OK;
}

void hf_engine_free(hf_engine *engine)
{
    (void)engine;
}
