/* session_config.h: what the manager asks of this layer besides its public face: a configuration that owns what it points
 * to, and the time. */
#ifndef HF_SESSION_CONFIG_H
#define HF_SESSION_CONFIG_H

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

#endif
