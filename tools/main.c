/* main.c: `holdfast`: picks the word. */
#include "words.h"

#include <holdfast/holdfast.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *word;
    const char *help;
    int (*run)(int argc, char *const *argv);
} words[] = {
    {"peer", "one session with one other peer, signalled by JSON lines on stdin and stdout", cli_peer_main},
    {"demo", "two peers that exchange real traffic on five channels, and a table of it", cli_demo_main},
    {"doctor", "what the network does to connections, and what to do about it", cli_doctor_main},
    {"timeline", "draws an event log as a picture", cli_timeline_main},
    {"turn", "a small STUN and TURN server", cli_turn_main},
};
#define WORDS_LEN (sizeof words / sizeof words[0])

static void print_help(FILE *out)
{
    fputs("usage: holdfast WORD [option]...\n\n", out);
    for (size_t i = 0; i < WORDS_LEN; i++)
        fprintf(out, "  %-12s %s\n", words[i].word, words[i].help);
    fputs("  --version    print the version\n"
          "  --help       print this; holdfast WORD --help tells more\n",
          out);
}

/* Whoever closed one of the three before starting us would find a socket of ours in its place. */
static void fill_standard_descriptors(void)
{
    int fd;

    while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
        continue;
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";

    fill_standard_descriptors();
    for (size_t i = 0; i < WORDS_LEN; i++) {
        if (strcmp(word, words[i].word) == 0)
            return words[i].run(argc - 2, argv + 2);
    }
    if (strcmp(word, "--version") == 0) {
        puts("holdfast " HF_VERSION);
        return CLI_EXIT_OK;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "help") == 0 || strcmp(word, "-h") == 0) {
        print_help(stdout);
        return CLI_EXIT_OK;
    }
    if (argc > 1)
        fprintf(stderr, "holdfast: unknown word \"%s\"; see holdfast --help\n", word);
    else
        print_help(stderr);
    return CLI_EXIT_USAGE;
}
