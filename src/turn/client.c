/* client.c: birth, input, time, output: it directs, and the other files know how. */
#include "client_priv.h"

#include "alloc.h"
#include "log.h"
#include "random.h"

#include <assert.h>

#define SETUP_PATIENCE HF_SECONDS(5)
#define CLOSE_PATIENCE HF_SECONDS(1)

hf_time hf_turn_earlier(hf_time a, hf_time b)
{
    return a < b ? a : b;
}

void hf_turn_set_now(hf_turn_client *client, hf_time now)
{
    if (now > client->now)
        client->now = now;
}

/* --- Birth and end ---------------------------------------------------------------------------------------------------- */

static bool is_valid(const hf_turn_client_config *config, const hf_env *env)
{
    return config && hf_env_is_usable(env) && config->path.remote.family != HF_FAMILY_NONE && config->patience >= 0 &&
           !(config->both_families && config->family == HF_FAMILY_IPV6);
}

hf_err hf_turn_client_new(hf_turn_client **out, hf_time now, const hf_turn_client_config *config, const hf_env *env)
{
    if (!is_valid(config, env))
        return HF_EINVAL;
    hf_turn_client *client = hf_alloc(env, sizeof *client);
    if (!client)
        return HF_ENOMEM;
    client->env = env;
    client->path = config->path;
    client->family = config->family == HF_FAMILY_NONE ? HF_FAMILY_IPV4 : config->family;
    client->both_families = config->both_families;
    client->patience = config->patience > 0 ? config->patience : SETUP_PATIENCE;
    client->now = now;
    client->credentials_by = client->expires_at = client->silent_since = HF_NEVER;
    hf_err err = hf_turn_auth_init(&client->auth, env, config->username, config->password);
    if (err) {
        hf_turn_client_free(client);
        return err;
    }
    client->ask_at = now;
    client->give_up_at = now + client->patience;
    *out = client;
    return HF_OK;
}

void hf_turn_client_free(hf_turn_client *client)
{
    if (!client)
        return;
    hf_turn_auth_clear(&client->auth);
    hf_dealloc(client->env, client->peers);
    hf_dealloc(client->env, client->channels);
    hf_dealloc(client->env, client);
}

/* --- States ----------------------------------------------------------------------------------------------------------- */

#define BIT(state) (1u << (state))

static const unsigned reachable[TURN_STATE_COUNT] = {
    [TURN_ALLOCATING] =
        BIT(TURN_ALLOCATED) | BIT(TURN_GIVING_BACK) | BIT(TURN_CLOSING) | BIT(TURN_FAILED) | BIT(TURN_CLOSED),
    [TURN_GIVING_BACK] = BIT(TURN_ALLOCATING) | BIT(TURN_CLOSING) | BIT(TURN_FAILED),
    [TURN_ALLOCATED] = BIT(TURN_CLOSING) | BIT(TURN_FAILED),
    [TURN_CLOSING] = BIT(TURN_CLOSED),
    [TURN_FAILED] = BIT(TURN_CLOSED),
    [TURN_CLOSED] = 0,
};

/* An end leaves nothing to be done. */
static void stop(hf_turn_client *client)
{
    for (size_t slot = 0; slot < TURN_REQUESTS_MAX; slot++)
        hf_turn_request_end(client, slot);
    client->ask_at = client->give_up_at = client->credentials_by = client->expires_at = HF_NEVER;
    client->tells_allocated = client->tells_credentials = false;
    client->tells_end = true;
    client->peers_len = client->channels_len = 0;
}

void hf_turn_enter(hf_turn_client *client, turn_state next)
{
    assert(reachable[client->state] & BIT(next));
    client->state = next; /* nowhere else is it assigned */
    switch (next) {
    case TURN_ALLOCATING:
    case TURN_GIVING_BACK:
        client->ask_at = client->now;
        break;
    case TURN_ALLOCATED:
        client->give_up_at = HF_NEVER;
        client->tells_allocated = true;
        break;
    case TURN_CLOSING:
        client->give_up_at = client->now + CLOSE_PATIENCE;
        break;
    case TURN_FAILED:
    case TURN_CLOSED:
        stop(client);
        break;
    case TURN_STATE_COUNT:
        break;
    }
}

void hf_turn_fail(hf_turn_client *client, hf_err cause, unsigned code)
{
    if (client->state == TURN_CLOSING) {
        hf_turn_enter(client, TURN_CLOSED);
        return;
    }
    client->cause = cause;
    client->code = code;
    hf_log(client->env, HF_LOG_INFO, "turn: no allocation: %s, %u", hf_err_text(cause), code);
    hf_turn_enter(client, TURN_FAILED);
}

/* What stands on the server is given back; a request that may still make something there is waited for. */
void hf_turn_client_close(hf_turn_client *client, hf_time now)
{
    hf_turn_set_now(client, now);
    if (client->state == TURN_CLOSING || client->state == TURN_CLOSED)
        return;
    const turn_request *r = &client->requests[TURN_ALLOCATION_SLOT];
    bool may_be_making = client->state == TURN_ALLOCATING && r->method == HF_STUN_ALLOCATE && r->is_signed;
    bool is_giving_back = client->state == TURN_GIVING_BACK && r->method != 0;
    if (client->state == TURN_FAILED || (client->state != TURN_ALLOCATED && !may_be_making && !is_giving_back)) {
        if (client->state == TURN_GIVING_BACK)
            hf_turn_enter(client, TURN_CLOSING);
        hf_turn_enter(client, TURN_CLOSED);
        return;
    }
    bool stands = client->state == TURN_ALLOCATED;
    hf_turn_enter(client, TURN_CLOSING);
    for (size_t slot = TURN_ALLOCATION_SLOT + 1; slot < TURN_REQUESTS_MAX; slot++)
        hf_turn_request_end(client, slot);
    if (stands) {
        hf_turn_request_end(client, TURN_ALLOCATION_SLOT);
        hf_turn_allocation_again(client);
    }
}

/* --- Driving ---------------------------------------------------------------------------------------------------------- */

bool hf_turn_is_idle(const hf_turn_client *client)
{
    return client->state >= TURN_FAILED || client->credentials_by != HF_NEVER;
}

static bool begin_next(hf_turn_client *client)
{
    if (hf_turn_is_idle(client))
        return false;
    if (client->now >= client->ask_at && client->requests[TURN_ALLOCATION_SLOT].method == 0) {
        hf_turn_allocation_begin(client);
        return true;
    }
    return client->state == TURN_ALLOCATED && (hf_turn_channel_begin(client) || hf_turn_permission_begin(client));
}

bool hf_turn_client_poll_transmit(hf_turn_client *client, hf_time now, hf_transmit *out)
{
    hf_turn_set_now(client, now);
    while (begin_next(client))
        ;
    for (size_t slot = 0; slot < TURN_REQUESTS_MAX; slot++) {
        if (hf_turn_request_transmit(client, slot, out))
            return true;
    }
    return false;
}

/* What begins needs a slot: the deadline of what has none is when one becomes free. */
static hf_time work_deadline(const hf_turn_client *client)
{
    if (hf_turn_is_idle(client))
        return HF_NEVER;
    hf_time at = client->requests[TURN_ALLOCATION_SLOT].method == 0 ? client->ask_at : HF_NEVER;
    if (client->state == TURN_ALLOCATED && hf_turn_request_free_slot(client) != TURN_NO_SLOT) {
        at = hf_turn_earlier(at, hf_turn_permission_deadline(client));
        at = hf_turn_earlier(at, hf_turn_channel_deadline(client));
    }
    return at;
}

hf_time hf_turn_client_deadline(const hf_turn_client *client)
{
    hf_time at = hf_turn_earlier(work_deadline(client), hf_turn_request_deadline(client));
    if (client->state == TURN_ALLOCATED)
        return hf_turn_earlier(at, client->expires_at);
    return hf_turn_earlier(at, client->credentials_by != HF_NEVER ? client->credentials_by : client->give_up_at);
}

/* Of the response that made us ask for credentials; 0: none were given. */
static unsigned refused_code(const hf_turn_client *client)
{
    return client->auth.are_refused ? 401 : 0;
}

static void on_expired(hf_turn_client *client)
{
    bool is_waiting = client->credentials_by != HF_NEVER;
    hf_turn_fail(client, is_waiting ? HF_EAUTH : HF_ETIMEDOUT, is_waiting ? refused_code(client) : 0);
}

static void on_patience_lost(hf_turn_client *client)
{
    if (client->state == TURN_CLOSING)
        hf_turn_enter(client, TURN_CLOSED);
    else
        hf_turn_fail(client, HF_ETIMEDOUT, 0);
}

void hf_turn_client_tick(hf_turn_client *client, hf_time now)
{
    hf_turn_set_now(client, now);
    hf_turn_request_tick(client);
    if (client->now >= client->credentials_by && client->state != TURN_ALLOCATED)
        hf_turn_fail(client, HF_EAUTH, refused_code(client));
    else if (client->credentials_by == HF_NEVER && client->now >= client->give_up_at)
        on_patience_lost(client);
    else if (client->state == TURN_ALLOCATED && client->now >= client->expires_at)
        on_expired(client);
}

/* --- Input ------------------------------------------------------------------------------------------------------------ */

static hf_addr relayed_for(const hf_turn_client *client, const hf_addr *peer)
{
    return client->relayed[client->relayed[0].family == peer->family ? 0 : 1];
}

static bool take_channel_data(hf_turn_client *client, uint8_t *message, size_t len, hf_turn_data *out)
{
    hf_reader r = hf_reader_of(hf_bytes_of(message, len));
    uint16_t number = hf_read_u16(&r);
    uint16_t data_len = hf_read_u16(&r);
    const turn_channel *channel = hf_turn_channel_of_number(client, number);
    /* It may overtake the answer that the channel stands. */
    bool is_bound = channel && channel->is_wanted && (client->now < channel->expires_at || channel->slot != TURN_NO_SLOT);
    if (!r.ok || data_len > r.rest.len || !is_bound)
        return false;
    *out = (hf_turn_data){.relayed = relayed_for(client, &channel->peer),
                          .peer = channel->peer,
                          .data = message + (r.rest.data - message),
                          .len = data_len};
    return true;
}

/* RFC 8656 §11.4: of an IP "for which the client believes it has installed a permission". */
static bool take_indication(hf_turn_client *client, uint8_t *message, const hf_stun_message *read, hf_turn_data *out)
{
    static const uint16_t known[] = {HF_STUN_XOR_PEER_ADDRESS, HF_STUN_DATA};
    uint16_t unknown;
    hf_addr peer;
    hf_bytes data;
    if (read->class_ != HF_STUN_INDICATION || read->method != HF_STUN_DATA_INDICATION ||
        !hf_stun_get_xor_address(read, HF_STUN_XOR_PEER_ADDRESS, &peer) || !hf_stun_find(read, HF_STUN_DATA, &data) ||
        hf_stun_unknown(read, known, sizeof known / sizeof *known, &unknown, 1) > 0)
        return false;
    const turn_peer *permission = hf_turn_peer_find(client, &peer);
    bool is_permitted =
        permission && permission->is_wanted && (client->now < permission->expires_at || permission->slot != TURN_NO_SLOT);
    if (!is_permitted)
        return false;
    *out = (hf_turn_data){
        .relayed = relayed_for(client, &peer), .peer = peer, .data = message + (data.data - message), .len = data.len};
    return true;
}

bool hf_turn_client_input(hf_turn_client *client, hf_time now, uint8_t *message, size_t len, hf_turn_data *out)
{
    hf_turn_set_now(client, now);
    hf_stun_message read;
    bool is_channel = len > 0 && (message[0] & 0xC0) == 0x40;
    bool is_stun = !is_channel && hf_stun_read(hf_bytes_of(message, len), &read);
    if (is_stun && (read.class_ == HF_STUN_SUCCESS || read.class_ == HF_STUN_ERROR)) {
        hf_turn_request_on_response(client, &read);
        return false;
    }
    bool is_data = client->state == TURN_ALLOCATED && (is_channel ? take_channel_data(client, message, len, out)
                                                                  : is_stun && take_indication(client, message, &read, out));
    if (is_data)
        hf_turn_request_heard(client);
    else
        client->stats.dropped++;
    return is_data;
}

/* --- The owner -------------------------------------------------------------------------------------------------------- */

hf_err hf_turn_client_set_credentials(hf_turn_client *client, hf_time now, const char *username, const char *password)
{
    hf_turn_set_now(client, now);
    hf_err err = hf_turn_auth_offer(&client->auth, username, password);
    if (err || client->credentials_by == HF_NEVER)
        return err;
    if (!hf_turn_auth_adopt(&client->auth))
        return HF_OK;
    client->credentials_by = HF_NEVER;
    client->tells_credentials = false;
    if (client->state != TURN_ALLOCATED)
        client->give_up_at = client->now + client->patience;
    return HF_OK;
}

static bool take_event(bool *tells, hf_turn_client_event_type type, hf_turn_client_event *out)
{
    bool is_due = *tells;
    *tells = false;
    if (is_due)
        *out = (hf_turn_client_event){.type = type};
    return is_due;
}

bool hf_turn_client_poll_event(hf_turn_client *client, hf_turn_client_event *out)
{
    if (take_event(&client->tells_credentials, HF_TURN_CREDENTIALS_NEEDED, out)) {
        out->code = refused_code(client);
        out->cause = client->auth.are_refused ? HF_EAUTH : HF_OK;
        return true;
    }
    if (take_event(&client->tells_allocated, HF_TURN_ALLOCATED, out)) {
        for (size_t i = 0; i < HF_TURN_RELAYED_MAX; i++)
            out->relayed[i] = client->relayed[i];
        out->mapped = client->mapped;
        return true;
    }
    if (take_event(&client->tells_end, client->state == TURN_CLOSED ? HF_TURN_CLOSED : HF_TURN_FAILED, out)) {
        out->cause = client->state == TURN_CLOSED ? HF_OK : client->cause;
        out->code = client->state == TURN_CLOSED ? 0 : client->code;
        out->alternate = client->alternate;
        out->alternate_domain = client->alternate_domain;
        return true;
    }
    return hf_turn_permission_poll_event(client, out) || hf_turn_channel_poll_event(client, out);
}

void hf_turn_client_get_stats(const hf_turn_client *client, hf_turn_client_stats *out)
{
    *out = client->stats;
}
