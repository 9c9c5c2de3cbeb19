/* demo.c: stub */
#include "words.h"
#include <stdio.h>
int cli_demo_main(int argc, char *const *argv)
{
    (void)argc; (void)argv;
    fputs("holdfast demo: not there yet\n", stderr);
    return CLI_EXIT_FAILED;
}
