/* names.c: words for states, paths and priorities. */
#include <holdfast/session.h>

#include <string.h>

const char *hf_session_state_name(hf_session_state state)
{
    switch (state) {
    case HF_SESSION_NEW:
        return "new";
    case HF_SESSION_CONNECTING:
        return "connecting";
    case HF_SESSION_CONNECTED:
        return "connected";
    case HF_SESSION_UNSTABLE:
        return "unstable";
    case HF_SESSION_RECONNECTING:
        return "reconnecting";
    case HF_SESSION_FAILED:
        return "failed";
    case HF_SESSION_CLOSED:
        return "closed";
    case HF_SESSION_STATE_COUNT:
        break;
    }
    return "";
}

const char *hf_session_path_name(hf_session_path path)
{
    switch (path) {
    case HF_PATH_NONE:
        return "none";
    case HF_PATH_DIRECT:
        return "direct";
    case HF_PATH_RELAYED:
        return "relayed";
    }
    return "";
}

const char *hf_priority_name(hf_priority priority)
{
    switch (priority) {
    case HF_PRIORITY_NORMAL:
        return "normal";
    case HF_PRIORITY_CRITICAL:
        return "critical";
    case HF_PRIORITY_HIGH:
        return "high";
    case HF_PRIORITY_LOW:
        return "low";
    }
    return "";
}

bool hf_priority_parse(const char *name, hf_priority *out)
{
    static const hf_priority all[] = {HF_PRIORITY_NORMAL, HF_PRIORITY_CRITICAL, HF_PRIORITY_HIGH, HF_PRIORITY_LOW};
    for (size_t i = 0; name && i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(name, hf_priority_name(all[i])) == 0) {
            *out = all[i];
            return true;
        }
    }
    return false;
}
