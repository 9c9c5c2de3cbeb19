/* numbered.c: content from a number. */
#include "numbered.h"

#include "chance.h"

#include <stdio.h>
#include <stdlib.h>

static uint8_t content(uint64_t *state)
{
    return (uint8_t)chance_next(state);
}

static uint64_t first_state(uint64_t number)
{
    return number * 2654435761u + 1;
}

void numbered_fill(uint8_t *out, uint64_t number, size_t size)
{
    uint64_t state = first_state(number);
    for (int i = 0; i < NUMBERED_SIZE_LEAST; i++)
        out[i] = (uint8_t)(number >> (8 * i));
    for (size_t i = NUMBERED_SIZE_LEAST; i < size; i++)
        out[i] = content(&state);
}

bool numbered_read(const uint8_t *data, size_t len, uint64_t *number)
{
    if (len < NUMBERED_SIZE_LEAST)
        return false;
    *number = 0;
    for (int i = 0; i < NUMBERED_SIZE_LEAST; i++)
        *number |= (uint64_t)data[i] << (8 * i);
    uint64_t state = first_state(*number);
    for (size_t i = NUMBERED_SIZE_LEAST; i < len; i++) {
        if (data[i] != content(&state)) {
            fprintf(stderr, "sim: message %llu arrived damaged\n", (unsigned long long)*number);
            abort();
        }
    }
    return true;
}
