/* trust_priv.h: authorities from files. */
#ifndef HF_RUNTIME_TRUST_PRIV_H
#define HF_RUNTIME_TRUST_PRIV_H

#include <holdfast/base.h>

struct hf_trust;

/* HF_ENOENT: no such file, or it can't be opened. HF_ECERTIFICATE: nothing in it can be read. HF_ENOMEM. */
HF_CHECKED hf_err hf_trust_from_file(struct hf_trust **out, const char *path, const hf_env *env);

/* The first that there is; NULL ends them. */
HF_CHECKED hf_err hf_trust_from_places(struct hf_trust **out, const char *const *paths, const hf_env *env);

#endif
