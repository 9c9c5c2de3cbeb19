/* servers_spec.h: STUN and TURN servers as a command line names them: --stun, --turn, and the credentials. Pure. */
#ifndef CLI_SERVERS_SPEC_H
#define CLI_SERVERS_SPEC_H

#include "fault.h"

#include <holdfast/ice.h>

/* Zeroes are an empty list. Strings are the caller's own. */
typedef struct cli_servers {
    hf_ice_server items[HF_ICE_SERVERS_MAX];
    size_t len;
    const char *username, *password; /* of all TURN servers, as the options say; NULL: they do not */
} cli_servers;

/* "stun:host[:port]" (RFC 7064), or "public" for the preset of servers that anybody may ask. HF_EINVAL; HF_ENOTSUP: stuns;
 * HF_ELIMIT. */
HF_CHECKED hf_err cli_servers_add_stun(cli_servers *servers, const char *text, cli_fault *fault);

/* "turn:host[:port][?transport=udp|tcp]" or "turns:…" (RFC 7065). HF_EINVAL, HF_ELIMIT. */
HF_CHECKED hf_err cli_servers_add_turn(cli_servers *servers, const char *text, cli_fault *fault);

bool cli_servers_have_turn(const cli_servers *servers);
bool cli_servers_have_tls(const cli_servers *servers); /* turns: */

/* What the options say of the credentials. HF_EINVAL. */
HF_CHECKED hf_err cli_servers_take_user(cli_servers *servers, const char *text, cli_fault *fault);
HF_CHECKED hf_err cli_servers_take_password(cli_servers *servers, const char *text, cli_fault *fault);

/* Gives the TURN servers their credentials: those of the options, and what these leave out from here (NULL or "": nothing).
 * Without any, they are asked for when they are needed. HF_EINVAL: a user without a password, or the other way round. */
HF_CHECKED hf_err cli_servers_set_credentials(cli_servers *servers, const char *username, const char *password,
                                              cli_fault *fault);

#endif
