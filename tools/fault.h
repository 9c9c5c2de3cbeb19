/* fault.h: what is wrong with something that was written to us: a code, and a sentence that names the place. */
#ifndef CLI_FAULT_H
#define CLI_FAULT_H

#include <holdfast/error.h>

#define CLI_FAULT_TEXT_SIZE 320

typedef struct cli_fault {
    hf_err code;
    char text[CLI_FAULT_TEXT_SIZE];
} cli_fault;

/* Fills the fault (a longer text is cut) and returns `code`. Bytes that are not printable become '?': faults quote input. */
__attribute__((format(printf, 3, 4))) hf_err cli_fault_set(cli_fault *fault, hf_err code, const char *format, ...);

#endif
