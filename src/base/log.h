/* log.h: formatted lines to the environment's log. */
#ifndef HF_LOG_H
#define HF_LOG_H

#include <holdfast/base.h>

/* Formats one line (cut at 511 bytes) when the environment wants that level. Bytes from a peer are not logged raw. */
__attribute__((format(printf, 3, 4))) void hf_log(const hf_env *env, hf_log_level level, const char *format, ...);

#endif
