/* fault.c: what is wrong with something that was written to us. */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

hf_err cli_fault_set(cli_fault *fault, hf_err code, const char *format, ...)
{
    va_list args;

    fault->code = code;
    va_start(args, format);
    vsnprintf(fault->text, sizeof fault->text, format, args); /* NOLINT(clang-analyzer-valist.*): a false alarm */
    va_end(args);
    for (char *c = fault->text; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    return code;
}
