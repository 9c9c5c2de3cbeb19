/* collab.c: the five channels of a collaboration session. */
#include <holdfast/manager.h>

const hf_channel_config hf_collab_channels[HF_COLLAB_CHANNELS_LEN] = {
    {.name = "code-sync", .priority = HF_PRIORITY_CRITICAL},
    {.name = "cursor-pos", .priority = HF_PRIORITY_HIGH, .unordered = true, .reliability = HF_MAX_RETRANSMITS},
    {.name = "ai-stream", .priority = HF_PRIORITY_CRITICAL},
    {.name = "presence", .priority = HF_PRIORITY_NORMAL, .unordered = true, .reliability = HF_MAX_RETRANSMITS},
    {.name = "files", .priority = HF_PRIORITY_LOW},
};
