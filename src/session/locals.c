/* locals.c: which local addresses there are: one that was not there before is a reason to try again. */
#include "session_priv.h"

#include <string.h>

/* The address without its port, which each socket has its own of. */
static bool is_among(const hf_addr *addr, const hf_addr *addrs, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (hf_addr_equal_ip(addr, &addrs[i]))
            return true;
    }
    return false;
}

void hf_session_note_locals(hf_session *session, const hf_reply *reply)
{
    hf_addr before[LOCALS_MAX];
    size_t before_len = session->locals_len;
    bool appeared = false, known = session->locals_known;
    if (reply->type != HF_REPLY_LOCALS || reply->err != HF_OK)
        return;
    memcpy(before, session->locals, sizeof before);
    session->locals_known = true;
    session->locals_len = 0;
    for (size_t i = 0; i < reply->locals_len && session->locals_len < LOCALS_MAX; i++) {
        const hf_addr *addr = &reply->locals[i].addr;
        appeared |= !is_among(addr, before, before_len);
        if (!is_among(addr, session->locals, session->locals_len))
            session->locals[session->locals_len++] = *addr;
    }
    if (known && appeared)
        hf_session_push_or_log(session, (hf_session_event){.type = HF_SESSION_NETWORK_CHANGED}, NULL);
}
