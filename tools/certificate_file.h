/* certificate_file.h: an identity that outlives the process. */
#ifndef CLI_CERTIFICATE_FILE_H
#define CLI_CERTIFICATE_FILE_H

#include "fault.h"

#include <holdfast/certificate.h>

/* Reads a certificate and key from the PEM file `path`, or makes both and the file (mode 0600) where there is none. */
HF_CHECKED hf_err cli_certificate_file(hf_certificate **out, const char *path, const hf_env *env, cli_fault *fault);

#endif
