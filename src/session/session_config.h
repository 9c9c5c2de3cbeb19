/* session_config.h: what the manager asks of this layer besides its public face: a configuration that owns what it points
 * to, the time, descriptions to repeat, and who the remote is. */
#ifndef HF_SESSION_CONFIG_H
#define HF_SESSION_CONFIG_H

#include "peer_identity.h"

#include <holdfast/session.h>

/* Checks and copies, strings and arrays included. HF_EINVAL, HF_EEXIST (two channels of one name), HF_ELIMIT, HF_ENOMEM. */
HF_CHECKED hf_err hf_session_config_copy(hf_session_config *out, const hf_session_config *from, const hf_env *env);

/* Replaces the credentials of a server of a copy, named by its URI. HF_ENOENT: there is none. HF_ENOMEM. */
HF_CHECKED hf_err hf_session_config_set_credentials(hf_session_config *config, const char *uri, const char *username,
                                                    const char *password, const hf_env *env);

/* Frees what a copy owns. A struct of zeroes is fine. */
void hf_session_config_clear(hf_session_config *config, const hf_env *env);

/* The moment of the last call that told one: within a handler, of the dispatch that runs it. */
hf_time hf_session_now(const hf_session *session);

/* As hf_peer_watch_servers, for the connections that there are and those that follow. */
void hf_session_watch_servers(hf_session *session, hf_time now, bool on);

/* The connection that is being made, or else the one of this moment. */
hf_peer *hf_session_newest_peer(const hf_session *session);

/* A connection with another session of the remote's is being made: this one goes on with that. */
bool hf_session_is_being_replaced(const hf_session *session);

/* The application has ended it. */
bool hf_session_is_disconnecting(const hf_session *session);

/* The generation of the newest connection on which an offer of ours waits for its answer; 0: there is none. */
uint32_t hf_session_open_offer(const hf_session *session);

/* That session of the remote's can answer it: nobody has agreed to the connection yet, or it is with that one. True, where
 * no offer is open. */
bool hf_session_may_answer(const hf_session *session, const char *remote_id);

/* Takes an offer of ours on the connection that serves back, where one is open. No other follows before somebody asks. */
void hf_session_withdraw_restart(hf_session *session, hf_time now);

/* A session has at most so many connections with descriptions: the one that is being made comes first. */
#define HF_SESSION_DESCRIPTIONS 2

/* What may have to be said again for one of them, an OFFER that is open or an ANSWER, as it is now: with all candidates so
 * far. `waits`: it is not to be told before it holds them all. False: nothing. Valid until the next call on the session. */
bool hf_session_description(const hf_session *session, size_t index, hf_signal *out, bool *waits);

/* Who the remote has to be, for a session that has no connection yet. Whoever else comes is HF_SESSION_IDENTITY_CHANGED.
 * NULL: whoever comes first, as without this call. */
void hf_session_pin(hf_session *session, const hf_identity *identity);

/* Who the remote is: verified by a handshake, pinned, or accepted by hf_session_accept_identity. False: nobody knows yet. */
bool hf_session_pinned(const hf_session *session, hf_identity *out);

#endif
