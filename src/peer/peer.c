/* peer.c: a peer's birth and end, and the driver's calls that only pass through. */
#include "peer_priv.h"

#include <string.h>

#define MTU_LEAST 576 /* RFC 791: what every IPv4 host takes */
#define HASHES (1u << HF_SHA256 | 1u << HF_SHA384 | 1u << HF_SHA512)

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static hf_err check_config(const hf_peer_config *config, const hf_env *env)
{
    if (!config || !config->engine || !hf_env_is_usable(env) || (config->servers_len > 0 && !config->servers))
        return HF_EINVAL;
    if (config->mtu != 0 && (config->mtu < MTU_LEAST || config->mtu > HF_DATAGRAM_MAX))
        return HF_EINVAL;
    if (config->message_max != 0 &&
        (config->message_max < HF_MESSAGE_MAX_LEAST || config->message_max > HF_MESSAGE_MAX_LIMIT))
        return HF_EINVAL;
    hf_bytes attribute = hf_bytes_of_text(config->attribute);
    if (config->attribute && (attribute.len > HF_PEER_ATTRIBUTE_MAX || !hf_sdp_is_attribute(attribute)))
        return HF_EINVAL;
    return (config->fingerprints & ~HASHES) == 0 ? HF_OK : HF_EINVAL;
}

static hf_err make_layers(hf_peer *peer, const hf_peer_config *config)
{
    hf_ice_config ice = {.servers = config->servers,
                         .servers_len = config->servers_len,
                         .patience = config->patience,
                         .keeps_looking = config->keeps_looking,
                         .mdns = config->mdns,
                         .tcp = config->tcp,
                         .no_udp = config->no_udp,
                         .relay = config->relay,
                         .head_start = config->head_start};
    hf_sctp_config sctp = {.mtu = peer->mtu - HF_DTLS_OVERHEAD_MAX, .message_max = peer->message_max};

    if (config->attribute) {
        peer->attribute = hf_alloc_text(peer->env, config->attribute, strlen(config->attribute));
        if (!peer->attribute)
            return HF_ENOMEM;
    }
    if (!peer->certificate) {
        hf_err err = hf_certificate_new(&peer->own_certificate, peer->env);
        if (err != HF_OK)
            return err;
        peer->certificate = peer->own_certificate;
    }
    hf_err err = hf_ice_new(&peer->ice, &ice, peer->env);
    if (err != HF_OK)
        return err;
    hf_secured_init(&peer->secured, config->trust, peer->ice, peer->env);
    return hf_sctp_new(&peer->sctp, &sctp, config->engine, peer->env);
}

hf_err hf_peer_new(hf_peer **out, const hf_peer_config *config, const hf_env *env)
{
    if (!out)
        return HF_EINVAL;
    *out = NULL;
    hf_err err = check_config(config, env);
    if (err != HF_OK)
        return err;
    hf_peer *peer = hf_alloc(env, sizeof *peer);
    if (!peer)
        return HF_ENOMEM;
    peer->own_env = *env;
    peer->env = &peer->own_env;
    peer->certificate = config->certificate;
    peer->mtu = smaller(config->mtu ? config->mtu : HF_MTU_DEFAULT, HF_DATAGRAM_MAX - HF_WRAP_MAX);
    peer->message_max = config->message_max ? config->message_max : HF_MESSAGE_MAX_DEFAULT;
    peer->sdp_session_id = hf_random_u64(env) >> 2; /* RFC 9429 §5.2.1: 62 bits */
    hf_random_ice_chars(env, peer->tls_id, TLS_ID_LEN);
    hf_peer_choose_fresh_mid(peer);
    peer->fingerprints = config->fingerprints ? config->fingerprints : 1u << HF_SHA256;
    peer->own_env.trace_group = peer->sdp_session_id;
    hf_ring_init(&peer->events, peer->env, sizeof(hf_queued_event), EVENTS_MAX);
    hf_packet_queue_init(&peer->early, peer->env, 0, 0, HF_PEER_EARLY_BYTES_MAX);

    err = make_layers(peer, config);
    if (err != HF_OK) {
        hf_peer_free(peer);
        return err;
    }
    *out = peer;
    return HF_OK;
}

void hf_peer_free(hf_peer *peer)
{
    if (!peer)
        return;
    hf_sctp_free(peer->sctp);
    hf_dtls_free(peer->dtls);
    hf_secured_clear(&peer->secured);
    hf_ice_free(peer->ice);
    hf_certificate_free(peer->own_certificate);
    hf_peer_clear_description(peer, &peer->created);
    hf_peer_clear_description(peer, &peer->local_current);
    hf_peer_clear_description(peer, &peer->local_pending);
    hf_peer_clear_remote(peer, &peer->remote_current);
    hf_peer_clear_remote(peer, &peer->remote_pending);
    hf_peer_clear_candidates(peer);
    hf_peer_clear_events(peer);
    hf_packet_queue_clear(&peer->early);
    hf_dealloc(peer->env, peer->description_text);
    hf_dealloc(peer->env, peer->attribute);
    hf_dealloc(peer->env, peer);
}

uint64_t hf_peer_id(const hf_peer *peer)
{
    return peer ? peer->sdp_session_id : 0;
}

void hf_peer_close(hf_peer *peer, hf_time now)
{
    if (!peer || peer->closed)
        return;
    peer->now = now;
    hf_sctp_abort(peer->sctp, now);
    peer->closing_alert_due = peer->dtls_connected && !peer->dtls_closed;
    hf_peer_enter_signaling(peer, HF_SIGNALING_CLOSED);
    peer->ice_state = HF_ICE_CLOSED;
    peer->closed = true;
    hf_peer_update_states(peer, HF_OK);
    hf_peer_wake(peer);
}

void hf_peer_set_wake(hf_peer *peer, void (*wake)(void *context), void *context)
{
    peer->wake = (hf_wake){.fn = wake, .context = context};
}

void hf_peer_wake(hf_peer *peer)
{
    if (peer->wake.fn)
        peer->wake.fn(peer->wake.context);
}

/* Closed, and the last word said: what TURN servers have for us is given back. */
static bool is_giving_back(const hf_peer *peer)
{
    return hf_ice_get_state(peer->ice) == HF_ICE_CLOSED;
}

bool hf_peer_poll_request(hf_peer *peer, hf_request *out)
{
    return peer && out && (!peer->closed || is_giving_back(peer)) && hf_secured_poll_request(&peer->secured, out);
}

void hf_peer_reply(hf_peer *peer, hf_time now, const hf_reply *reply)
{
    if (!peer || !reply || (peer->closed && !is_giving_back(peer)))
        return;
    peer->now = now;
    hf_secured_reply(&peer->secured, now, reply);
    hf_peer_pump(peer, now);
}

void hf_peer_watch_servers(hf_peer *peer, hf_time now, bool on)
{
    if (!peer || peer->closed)
        return;
    peer->now = now;
    hf_ice_watch_servers(peer->ice, now, on);
    hf_peer_wake(peer);
}

hf_err hf_peer_set_credentials(hf_peer *peer, hf_time now, const char *uri, const char *username, const char *password)
{
    if (!peer)
        return HF_EINVAL;
    hf_err err = hf_peer_begin(peer, now);
    if (err != HF_OK)
        return err;
    err = hf_ice_set_credentials(peer->ice, now, uri, username, password);
    hf_peer_pump(peer, now);
    hf_peer_wake(peer);
    return err;
}

static hf_time earlier(hf_time a, hf_time b)
{
    return a < b ? a : b;
}

hf_time hf_peer_deadline(const hf_peer *peer)
{
    if (!peer || (peer->closed && !is_giving_back(peer)))
        return HF_NEVER;
    hf_time due = earlier(hf_ice_deadline(peer->ice), hf_secured_deadline(&peer->secured));
    if (peer->closed)
        return due;
    if (peer->dtls)
        due = earlier(due, hf_dtls_deadline(peer->dtls));
    return earlier(due, hf_sctp_deadline(peer->sctp));
}

void hf_peer_tick(hf_peer *peer, hf_time now)
{
    if (!peer || (peer->closed && !is_giving_back(peer)))
        return;
    peer->now = now;
    hf_secured_tick(&peer->secured, now);
    hf_ice_tick(peer->ice, now);
    if (peer->closed)
        return;
    if (peer->dtls)
        hf_dtls_tick(peer->dtls, now);
    hf_sctp_tick(peer->sctp, now);
    hf_peer_pump(peer, now);
}
