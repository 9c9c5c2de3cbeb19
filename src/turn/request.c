/* request.c: requests in flight: sent, sent again, answered, challenged, given up (RFC 8489 §6.2, §6.3, §9.2.5). */
#include "client_priv.h"

#include <string.h>

/* RFC 8489 §6.2.1 asks for 500 ms unless the round trip is known; a lost first packet would cost that much. */
#define REQUEST_RTO HF_MS(250)
#define REQUEST_RTO_MIN HF_MS(100)

/* A probe goes to a server that is suspected already: it is over when that many have brought no answer. */
#define PROBE_INTERVAL HF_MS(100)
#define PROBE_PATIENCE HF_MS(800)

/* An allocation is lost when the server has been silent for so long: three requests, each sent five times or more, so that
 * one lost packet out of five does not end it. Whoever wants to know sooner probes. */
#define SILENCE_PATIENCE HF_SECONDS(15)

/* How many challenges in a row one request takes up: one that begins, one whose nonce ran out meanwhile, and one more. */
#define CHALLENGES_MAX 3

static hf_span rto_of(const hf_turn_client *client)
{
    hf_span rto = client->rtt > 0 ? 2 * client->rtt : REQUEST_RTO;
    return rto < REQUEST_RTO_MIN ? REQUEST_RTO_MIN : rto > REQUEST_RTO ? REQUEST_RTO : rto;
}

static void listen_for_answer(hf_turn_client *client)
{
    if (client->silent_since == HF_NEVER)
        client->silent_since = client->now;
}

void hf_turn_request_begin(hf_turn_client *client, size_t slot, uint16_t method, hf_span patience)
{
    turn_request *r = &client->requests[slot];
    *r = (turn_request){.method = method, .began_at = client->now, .give_up_at = client->now + patience};
    listen_for_answer(client);
    hf_stun_transaction_start(&r->transaction, client->now, rto_of(client), client->env);
}

void hf_turn_request_heard(hf_turn_client *client)
{
    client->silent_since = HF_NEVER;
}

void hf_turn_request_end(hf_turn_client *client, size_t slot)
{
    client->requests[slot] = (turn_request){0};
}

size_t hf_turn_request_free_slot(const hf_turn_client *client)
{
    for (size_t slot = TURN_ALLOCATION_SLOT + 1; slot < TURN_REQUESTS_MAX; slot++) {
        if (client->requests[slot].method == 0)
            return slot;
    }
    return TURN_NO_SLOT;
}

/* --- Sending -------------------------------------------------------------------------------------------------------- */

static size_t write_request(const hf_turn_client *client, size_t slot, uint8_t *buffer, size_t cap)
{
    const turn_request *r = &client->requests[slot];
    hf_stun_writer s = hf_stun_begin(buffer, cap, HF_STUN_REQUEST, r->method, r->transaction.id);
    if (slot == TURN_ALLOCATION_SLOT)
        hf_turn_allocation_write(client, r, &s);
    else if (r->method == HF_STUN_CREATE_PERMISSION)
        hf_turn_permission_write(client, slot, &s);
    else
        hf_turn_channel_write(client, slot, &s);
    hf_turn_auth_sign(&client->auth, &s);
    return hf_stun_end(&s);
}

/* RFC 8489 §6.2.2: over a stream "the client … does not retransmit"; only the whole takes its time. */
static hf_time due_after(const hf_turn_client *client, const turn_request *r)
{
    hf_time due = r->transaction.due;
    if (client->path.transport == HF_TCP)
        due = r->give_up_at;
    else if (r->is_probe)
        due = client->now + PROBE_INTERVAL;
    return hf_turn_earlier(due, r->give_up_at);
}

bool hf_turn_request_transmit(hf_turn_client *client, size_t slot, hf_transmit *out)
{
    turn_request *r = &client->requests[slot];
    if (r->method == 0 || client->now >= r->give_up_at)
        return false;
    switch (hf_stun_transaction_step(&r->transaction, client->now)) {
    case HF_STUN_WAIT:
        return false;
    case HF_STUN_GIVE_UP:
        r->transaction.due = r->give_up_at;
        return false;
    case HF_STUN_SEND_NOW:
        break;
    }
    out->len = out->segment = write_request(client, slot, out->buffer, out->cap);
    if (out->len == 0) { /* no memory for the digest, or no room: as if it were lost */
        r->transaction.due = hf_turn_earlier(client->now + r->transaction.rto, r->give_up_at);
        return false;
    }
    r->transaction.due = due_after(client, r);
    r->is_signed = hf_turn_auth_signs(&client->auth);
    out->path = client->path;
    client->stats.requests_sent++;
    return true;
}

/* --- Answers --------------------------------------------------------------------------------------------------------- */

static void answer(hf_turn_client *client, size_t slot, const turn_answer *a)
{
    turn_request r = client->requests[slot];
    hf_turn_request_end(client, slot);
    if (slot == TURN_ALLOCATION_SLOT)
        hf_turn_allocation_on_answer(client, &r, a);
    else if (r.method == HF_STUN_CREATE_PERMISSION)
        hf_turn_permission_on_answer(client, slot, r.began_at, a);
    else
        hf_turn_channel_on_answer(client, slot, r.began_at, a);
}

/* Ends a request; what it was about is due again at once. */
static void again(hf_turn_client *client, size_t slot)
{
    uint16_t method = client->requests[slot].method;
    hf_turn_request_end(client, slot);
    if (slot == TURN_ALLOCATION_SLOT)
        hf_turn_allocation_again(client);
    else if (method == HF_STUN_CREATE_PERMISSION)
        hf_turn_permission_again(client, slot);
    else
        hf_turn_channel_again(client, slot);
}

/* How long an owner has time to fetch credentials. */
#define CREDENTIALS_PATIENCE HF_SECONDS(30)

static void wait_for_credentials(hf_turn_client *client, size_t slot)
{
    if (client->state == TURN_CLOSING) {
        hf_turn_enter(client, TURN_CLOSED);
        return;
    }
    again(client, slot);
    if (client->credentials_by != HF_NEVER)
        return;
    client->credentials_by = client->now + CREDENTIALS_PATIENCE;
    client->tells_credentials = true;
}

/* RFC 8489 §9.2.5: the same request again, "with a new transaction". */
static void retry(hf_turn_client *client, size_t slot)
{
    turn_request *r = &client->requests[slot];
    hf_stun_transaction_start(&r->transaction, client->now, rto_of(client), client->env);
    r->challenges++;
}

static void on_challenge(hf_turn_client *client, size_t slot, const hf_stun_message *message, unsigned code)
{
    turn_request *r = &client->requests[slot];
    if (r->challenges >= CHALLENGES_MAX) {
        hf_turn_fail(client, HF_EAUTH, code);
        return;
    }
    switch (hf_turn_auth_challenge(&client->auth, message, code, r->is_signed)) {
    case TURN_AUTH_RETRY:
        retry(client, slot);
        break;
    case TURN_AUTH_NEEDS_USER:
        wait_for_credentials(client, slot);
        break;
    case TURN_AUTH_BROKEN:
        hf_turn_fail(client, HF_EPROTO, code);
        break;
    case TURN_AUTH_NO_MEMORY: /* it will be sent again, and challenged again */
        break;
    }
}

static size_t slot_of(const hf_turn_client *client, const hf_stun_message *message)
{
    for (size_t slot = 0; slot < TURN_REQUESTS_MAX; slot++) {
        const turn_request *r = &client->requests[slot];
        if (r->method != 0 && r->method == message->method && r->transaction.sent > 0 &&
            memcmp(r->transaction.id, message->id, HF_STUN_ID_SIZE) == 0)
            return slot;
    }
    return TURN_NO_SLOT;
}

/* RFC 8489 §9.2.5: "If the request was sent over a reliable transport, the response MUST be discarded, and the layer MUST
 * immediately end the transaction"; over an unreliable one, it is as if it had never come. */
static void on_forged(hf_turn_client *client, size_t slot)
{
    client->stats.dropped++;
    client->requests[slot].was_forged = true;
    if (client->path.transport == HF_TCP)
        hf_turn_fail(client, HF_EAUTH, 0);
}

static void measure(hf_turn_client *client, const turn_request *r)
{
    if (r->transaction.sent == 1) /* otherwise nobody knows which one was answered */
        client->rtt = client->now - r->transaction.sent_at;
}

void hf_turn_request_on_response(hf_turn_client *client, const hf_stun_message *message)
{
    size_t slot = slot_of(client, message);
    unsigned code = 0;
    hf_bytes reason;
    if (slot == TURN_NO_SLOT || (message->class_ == HF_STUN_ERROR && !hf_stun_get_error(message, &code, &reason))) {
        client->stats.dropped++;
        return;
    }
    const turn_request *r = &client->requests[slot];
    bool is_challenge = code == 401 || code == 438;
    if (!is_challenge && r->is_signed && !hf_turn_auth_verify(&client->auth, message)) {
        on_forged(client, slot);
        return;
    }
    measure(client, r);
    hf_turn_request_heard(client);
    client->stats.responses_received++;
    client->stats.stale_nonces += code == 438;

    uint16_t unknown;
    if (is_challenge)
        on_challenge(client, slot, message, code);
    else if (hf_stun_unknown(message, NULL, 0, &unknown, 1) > 0) /* RFC 8489 §6.3.3, §6.3.4: the transaction has failed */
        answer(client, slot, &(turn_answer){.message = message, .code = code, .cause = HF_EPROTO});
    else
        answer(client, slot, &(turn_answer){.message = message, .code = code});
}

/* --- Time ------------------------------------------------------------------------------------------------------------ */

/* A server that relays data is alive, whatever becomes of our requests; and one of them may be lost several times. */
static bool is_lost(const hf_turn_client *client, const turn_request *r)
{
    return r->is_probe ? client->silent_since <= r->began_at : client->now - client->silent_since >= SILENCE_PATIENCE;
}

static void on_silence(hf_turn_client *client, size_t slot)
{
    const turn_request *r = &client->requests[slot];
    hf_err cause = r->was_forged ? HF_EAUTH : HF_ETIMEDOUT;
    if (client->state != TURN_ALLOCATED)
        answer(client, slot, &(turn_answer){.cause = cause});
    else if (is_lost(client, r))
        hf_turn_fail(client, cause, 0);
    else
        again(client, slot);
}

void hf_turn_request_tick(hf_turn_client *client)
{
    for (size_t slot = 0; slot < TURN_REQUESTS_MAX; slot++) {
        const turn_request *r = &client->requests[slot];
        if (r->method != 0 && client->now >= r->give_up_at)
            on_silence(client, slot);
    }
}

hf_time hf_turn_request_deadline(const hf_turn_client *client)
{
    hf_time at = HF_NEVER;
    for (size_t slot = 0; slot < TURN_REQUESTS_MAX; slot++) {
        const turn_request *r = &client->requests[slot];
        if (r->method != 0)
            at = hf_turn_earlier(at, hf_turn_earlier(r->transaction.due, r->give_up_at));
    }
    return at;
}

void hf_turn_client_probe(hf_turn_client *client, hf_time now)
{
    hf_turn_set_now(client, now);
    turn_request *r = &client->requests[TURN_ALLOCATION_SLOT];
    if (client->state != TURN_ALLOCATED || client->credentials_by != HF_NEVER || r->is_probe)
        return;
    if (r->method == 0)
        hf_turn_allocation_begin(client);
    r->is_probe = true;
    r->began_at = client->now;
    listen_for_answer(client);
    r->give_up_at = client->now + (4 * client->rtt > PROBE_PATIENCE ? 4 * client->rtt : PROBE_PATIENCE);
    r->transaction.due = client->now;
    r->transaction.sent = 0;
}
