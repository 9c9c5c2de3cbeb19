/* trust_file.c: who may vouch for servers that are reached by TLS. */
#include "trust_file.h"

#include <holdfast/loop.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PEM_MAX (1 << 20) /* all of a system's authorities have a quarter of that */

static hf_err add_file(hf_trust **out, const char *path, const hf_env *env, cli_fault *fault)
{
    static char pem[PEM_MAX];
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(pem, 1, sizeof pem, file) : 0;
    bool is_read = file && !ferror(file);
    int cause = errno;

    if (file)
        fclose(file);
    if (!is_read)
        return cli_fault_set(fault, HF_EIO, "can't read %.200s: %s", path, strerror(cause));
    hf_err err = *out ? hf_trust_add(*out, pem, len) : hf_trust_new(out, pem, len, env);
    return err == HF_OK ? HF_OK : cli_fault_set(fault, err, "%.200s: no certificate can be read there", path);
}

hf_err cli_trust_file(hf_trust **out, const char *path, const hf_env *env, cli_fault *fault)
{
    *out = NULL;
    hf_err err = hf_trust_system(out, env);
    if (err == HF_ENOMEM)
        return cli_fault_set(fault, err, "the system's authorities: %s", hf_err_text(err));
    err = path ? add_file(out, path, env, fault) : HF_OK;
    if (err != HF_OK) {
        hf_trust_free(*out);
        *out = NULL;
    }
    return err;
}
