/* transaction.c: when a request over UDP is sent again, and when it has failed (RFC 8489 §6.2.1). */
#include "stun.h"

#include "random.h"

#include <assert.h>

void hf_stun_transaction_start(hf_stun_transaction *t, hf_time now, hf_span rto, const hf_env *env)
{
    assert(rto >= 0);
    *t = (hf_stun_transaction){.rto = rto > 0 ? rto : HF_STUN_RTO, .sent_at = now, .due = now};
    hf_random_bytes(env, t->id, sizeof t->id);
}

/* "…the retransmission timer … doubling after each retransmission", until Rc requests are out: "If, after the last
 * request, a duration equal to Rm times the RTO has passed without a response …, the client SHOULD consider the
 * transaction to have failed." */
static hf_span wait_after(unsigned sent, hf_span rto)
{
    return sent < HF_STUN_RC ? rto << (sent - 1) : HF_STUN_RM * rto;
}

hf_stun_step hf_stun_transaction_step(hf_stun_transaction *t, hf_time now)
{
    if (now < t->due)
        return HF_STUN_WAIT;
    if (t->sent >= HF_STUN_RC)
        return HF_STUN_GIVE_UP;

    t->sent++;
    t->sent_at = now;
    t->due = now + wait_after(t->sent, t->rto);
    return HF_STUN_SEND_NOW;
}
