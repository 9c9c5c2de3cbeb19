/* trust_file.h: who may vouch for servers that are reached by TLS. */
#ifndef CLI_TRUST_FILE_H
#define CLI_TRUST_FILE_H

#include "fault.h"

#include <holdfast/certificate.h>

/* The system's authorities, and those of the PEM file `path` (NULL: none) besides. Without a file, and where the system has
 * none, *out is NULL. HF_EIO, HF_ECERTIFICATE, HF_ENOMEM. */
HF_CHECKED hf_err cli_trust_file(hf_trust **out, const char *path, const hf_env *env, cli_fault *fault);

#endif
