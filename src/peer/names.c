/* names.c: the W3C's words for states and types. */
#include <holdfast/peer.h>

const char *hf_signaling_state_name(hf_signaling_state state)
{
    switch (state) {
    case HF_SIGNALING_STABLE:
        return "stable";
    case HF_SIGNALING_HAVE_LOCAL_OFFER:
        return "have-local-offer";
    case HF_SIGNALING_HAVE_REMOTE_OFFER:
        return "have-remote-offer";
    case HF_SIGNALING_HAVE_LOCAL_PRANSWER:
        return "have-local-pranswer";
    case HF_SIGNALING_HAVE_REMOTE_PRANSWER:
        return "have-remote-pranswer";
    case HF_SIGNALING_CLOSED:
        return "closed";
    case HF_SIGNALING_STATE_COUNT:
        break;
    }
    return "";
}

const char *hf_connection_state_name(hf_connection_state state)
{
    switch (state) {
    case HF_CONNECTION_NEW:
        return "new";
    case HF_CONNECTION_CONNECTING:
        return "connecting";
    case HF_CONNECTION_CONNECTED:
        return "connected";
    case HF_CONNECTION_DISCONNECTED:
        return "disconnected";
    case HF_CONNECTION_FAILED:
        return "failed";
    case HF_CONNECTION_CLOSED:
        return "closed";
    }
    return "";
}

const char *hf_sdp_type_name(hf_sdp_type type)
{
    switch (type) {
    case HF_SDP_OFFER:
        return "offer";
    case HF_SDP_PRANSWER:
        return "pranswer";
    case HF_SDP_ANSWER:
        return "answer";
    case HF_SDP_ROLLBACK:
        return "rollback";
    }
    return "";
}
