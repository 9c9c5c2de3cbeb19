/* output.h: lines to a descriptor, each in one write, at once. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Writes all bytes, waiting where the reader is slow. False: nobody reads any more. */
bool cli_write_all(int fd, const char *data, size_t len);

/* Writes the object as a line and frees it. NULL (out of memory) is lost with a word to stderr. False: as above. */
bool cli_write_event(int fd, json_t *event);

#endif
