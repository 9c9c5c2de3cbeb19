/* watch.c: asks servers that do not answer once more each second, for their answer tells that the network is back. */
#include "watch.h"

#include "relay_priv.h"

#define WATCH_INTERVAL HF_SECONDS(1)

static bool has_answered(const hf_ice *ice, const hf_ice_stun *server)
{
    if (!server->is_turn)
        return server->has_answered;
    for (size_t i = 0; i < ice->allocations_len; i++) {
        if (ice->allocations[i]->server == server && ice->allocations[i]->state == HF_ICE_ALLOCATION_STANDING)
            return true;
    }
    return false;
}

/* Those that credentials are missing for do answer. */
static bool is_silent(const hf_ice *ice, const hf_ice_stun *server)
{
    return hf_ice_server_is_of_use(ice, server) && !server->lacks_credentials && !has_answered(ice, server);
}

static bool has_silent(const hf_ice *ice)
{
    for (size_t i = 0; i < ice->servers_len; i++) {
        if (is_silent(ice, &ice->servers[i]))
            return true;
    }
    return false;
}

void hf_ice_watch_tick(hf_ice *ice, hf_time now)
{
    if (!ice->is_watching || now < ice->watch_at)
        return;
    ice->watch_at = now + WATCH_INTERVAL;
    for (size_t i = 0; i < ice->servers_len; i++) {
        hf_ice_stun *server = &ice->servers[i];
        if (!is_silent(ice, server))
            continue;
        server->is_missed = true;
        if (server->state == HF_ICE_SERVER_LOST)
            server->state = HF_ICE_SERVER_UNASKED; /* its name is looked up again */
        else if (server->is_turn)
            hf_ice_allocations_hurry(ice, now, server);
        else
            hf_ice_gather_ask_again(ice->newest, now - WATCH_INTERVAL, server);
    }
}

hf_time hf_ice_watch_deadline(const hf_ice *ice)
{
    return ice->is_watching && has_silent(ice) ? ice->watch_at : HF_NEVER;
}

void hf_ice_watch_on_answer(hf_ice_stun *server)
{
    server->answers_again |= server->is_missed;
    server->is_missed = false;
}

void hf_ice_watch_begin(hf_ice *ice, hf_time now, bool on)
{
    if (on == ice->is_watching)
        return;
    ice->is_watching = on;
    ice->watch_at = now + WATCH_INTERVAL;
    for (size_t i = 0; i < ice->servers_len; i++)
        ice->servers[i].is_missed = ice->servers[i].answers_again = false;
}
