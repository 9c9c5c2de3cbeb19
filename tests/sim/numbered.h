/* numbered.h: messages whose content follows from their number, so that the receiver can check them to the last byte. */
#ifndef SIM_NUMBERED_H
#define SIM_NUMBERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBERED_SIZE_LEAST 8

void numbered_fill(uint8_t *out, uint64_t number, size_t size);

/* False: too short to have a number. A message with other content than its number's ends the run. */
bool numbered_read(const uint8_t *data, size_t len, uint64_t *number);

#endif
