/* doctor.h: what `holdfast doctor` finds, and how it says it. Pure: doctor.c looks. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <holdfast/ice.h>
#include <holdfast/probe.h>

#include <jansson.h>
#include <stdio.h>

#define CLI_DOCTOR_RELAYS_MAX (2 * HF_ICE_SERVERS_MAX)
#define CLI_DOCTOR_ANSWERS_MAX (HF_PROBE_SERVERS_MAX * HF_PROBE_LOCALS_MAX)
#define CLI_DOCTOR_URI_SIZE 320
#define CLI_DOCTOR_ADVICE_SIZE 600

/* A TURN server over one transport. */
typedef struct cli_doctor_relay {
    char uri[CLI_DOCTOR_URI_SIZE];
    bool over_udp;
    hf_err err;      /* HF_OK: it gave an allocation */
    const char *why; /* static: more than `err` says; NULL: nothing */
    hf_addr relayed; /* the first one */
    hf_span took;    /* from the first look at the name */
} cli_doctor_relay;

typedef enum cli_doctor_clock { CLI_CLOCK_UNKNOWN = 0, CLI_CLOCK_SYNCHRONISED, CLI_CLOCK_FREE } cli_doctor_clock;

typedef struct cli_doctor_findings {
    hf_probe_local locals[HF_PROBE_LOCALS_MAX];
    size_t locals_len;
    hf_probe_server servers[HF_PROBE_SERVERS_MAX];
    size_t servers_len;
    hf_probe_answer answers[CLI_DOCTOR_ANSWERS_MAX];
    size_t answers_len;
    cli_doctor_relay relays[CLI_DOCTOR_RELAYS_MAX];
    size_t relays_len;
    cli_doctor_clock clock;
    int64_t now;             /* seconds since 1970 by this machine's clock */
    int64_t credentials_end; /* of time-limited TURN credentials; 0: they don't say */
} cli_doctor_findings;

typedef enum cli_doctor_udp { CLI_UDP_UNKNOWN = 0, CLI_UDP_PASSES, CLI_UDP_BLOCKED } cli_doctor_udp;

/* Whether any server has answered by UDP; UNKNOWN: none could be asked. */
cli_doctor_udp cli_doctor_judge_udp(const cli_doctor_findings *findings);

/* One sentence or two on what to do, the most urgent alone. False: a connection to somebody in another network is not to be
 * expected. */
bool cli_doctor_advise(const cli_doctor_findings *findings, char out[CLI_DOCTOR_ADVICE_SIZE]);

/* The seconds since 1970 that a user name of time-limited credentials begins with; 0: it is none. */
int64_t cli_doctor_credentials_end(const char *username);

void cli_doctor_print(const cli_doctor_findings *findings, FILE *out);

/* The same as one object; NULL: no memory. */
json_t *cli_doctor_json(const cli_doctor_findings *findings);

#endif
