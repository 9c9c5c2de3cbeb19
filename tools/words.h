/* words.h: the words of the program. Each is given its own arguments, without the word, and returns the exit status. */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#define CLI_EXIT_OK 0
#define CLI_EXIT_FAILED 1
#define CLI_EXIT_USAGE 2

int cli_peer_main(int argc, char *const *argv);
int cli_demo_main(int argc, char *const *argv);
int cli_doctor_main(int argc, char *const *argv);
int cli_timeline_main(int argc, char *const *argv);
int cli_turn_main(int argc, char *const *argv);

#endif
