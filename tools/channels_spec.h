/* channels_spec.h: "collab,log:unordered:rtx=0" as channel configurations. */
#ifndef CLI_CHANNELS_SPEC_H
#define CLI_CHANNELS_SPEC_H

#include "fault.h"

#include <holdfast/channel.h>

#define CLI_CHANNELS_MAX 64
#define CLI_CHANNELS_TEXT_MAX 8192

/* Zeroes are an empty list. Strings point into `text`, or are static. */
typedef struct cli_channels {
    hf_channel_config items[CLI_CHANNELS_MAX];
    size_t len;
    char text[CLI_CHANNELS_TEXT_MAX + 1];
} cli_channels;

/* Parses a comma list of `collab` or NAME[:unordered][:rtx=N|:ttl=MS][:protocol=P][:priority=critical|high|normal|low].
 * HF_EINVAL; HF_EEXIST: a name stands there twice; HF_ELIMIT: too many, too long. On an error *out is empty. */
HF_CHECKED hf_err cli_channels_parse(cli_channels *out, const char *spec, cli_fault *fault);

#endif
