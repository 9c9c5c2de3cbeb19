/* log.c: formatted lines to the environment's log. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

void hf_log(const hf_env *env, hf_log_level level, const char *format, ...)
{
    char line[512];
    va_list arguments;

    if (!env->log || level > env->log_level)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    env->log(env->context, level, line);
}
