/* names.c: the W3C's words for the states of agents, gathering and pairs. */
#include <holdfast/ice.h>

const char *hf_ice_state_name(hf_ice_state state)
{
    switch (state) {
    case HF_ICE_NEW:
        return "new";
    case HF_ICE_CHECKING:
        return "checking";
    case HF_ICE_CONNECTED:
        return "connected";
    case HF_ICE_COMPLETED:
        return "completed";
    case HF_ICE_DISCONNECTED:
        return "disconnected";
    case HF_ICE_FAILED:
        return "failed";
    case HF_ICE_CLOSED:
        return "closed";
    case HF_ICE_STATE_COUNT:
        break;
    }
    return "";
}

const char *hf_ice_gathering_name(hf_ice_gathering gathering)
{
    switch (gathering) {
    case HF_ICE_GATHERING_NEW:
        return "new";
    case HF_ICE_GATHERING:
        return "gathering";
    case HF_ICE_GATHERING_COMPLETE:
        return "complete";
    }
    return "";
}

const char *hf_ice_pair_state_name(hf_ice_pair_state state)
{
    switch (state) {
    case HF_ICE_PAIR_FROZEN:
        return "frozen";
    case HF_ICE_PAIR_WAITING:
        return "waiting";
    case HF_ICE_PAIR_IN_PROGRESS:
        return "in-progress";
    case HF_ICE_PAIR_SUCCEEDED:
        return "succeeded";
    case HF_ICE_PAIR_FAILED:
        return "failed";
    }
    return "";
}
