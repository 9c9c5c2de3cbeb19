/* peer_options.h: the command line of `holdfast peer`. Pure. */
#ifndef CLI_PEER_OPTIONS_H
#define CLI_PEER_OPTIONS_H

#include "channels_spec.h"
#include "servers_spec.h"

#include <holdfast/manager.h>

#include <stdio.h>

#define CLI_BINDS_MAX 16
#define CLI_INTERFACES_MAX 16

/* Strings are the command line's own. */
typedef struct cli_peer_options {
    cli_servers servers; /* credentials of the environment: cli_servers_set_credentials */
    bool relay_only, relay_at_once;
    unsigned relay_after; /* failed attempts; 0: none are needed */
    bool help;
    bool offer, answer; /* one of them */
    bool no_trickle;
    hf_addr binds[CLI_BINDS_MAX];
    size_t binds_len;
    const char *interfaces[CLI_INTERFACES_MAX];
    size_t interfaces_len;
    uint16_t port_first, port_last; /* 0: any */
    bool loopback;
    bool mdns, no_udp;
    hf_ice_tcp tcp;
    const char *certificate; /* a file; NULL: none */
    const char *ca_file;     /* the same */
    cli_channels channels;
    bool raw, echo;
    size_t message_max; /* 0: the default */
    bool no_reconnect;
    hf_span give_up; /* 0: never */
    const char *id;  /* NULL: the certificate's, or random */
    hf_span stats;   /* 0: none */
    hf_log_level log_level;
    const char *event_log; /* a file; NULL: none */
} cli_peer_options;

/* HF_ENOTSUP: something that this version does not do yet; HF_EINVAL, HF_EEXIST, HF_ELIMIT: see the fault. */
HF_CHECKED hf_err cli_peer_options_parse(cli_peer_options *out, int argc, char *const *argv, cli_fault *fault);

void cli_peer_options_print_help(FILE *out);

/* "error", "warning", "info", "debug" or "none". */
HF_CHECKED hf_err cli_parse_log_level(const char *text, hf_log_level *out, cli_fault *fault);

#endif
