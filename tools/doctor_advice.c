/* doctor_advice.c: from findings to advice: the first row that fits. */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>

/* A public clock of 2001 has ten digits; what is shorter is somebody's name. */
#define CREDENTIALS_DIGITS_MIN 10

int64_t cli_doctor_credentials_end(const char *username)
{
    size_t digits = username ? strspn(username, "0123456789") : 0;
    if (digits < CREDENTIALS_DIGITS_MIN || digits > 12 || (username[digits] != '\0' && username[digits] != ':'))
        return 0;
    return strtoll(username, NULL, 10);
}

static const cli_doctor_relay *find_relay(const cli_doctor_findings *f, hf_err err)
{
    for (size_t i = 0; i < f->relays_len; i++) {
        if (f->relays[i].err == err)
            return &f->relays[i];
    }
    return NULL;
}

static size_t count_servers(const cli_doctor_findings *f, hf_err err)
{
    size_t n = 0;
    for (size_t i = 0; i < f->servers_len; i++)
        n += f->servers[i].err == err;
    return n;
}

cli_doctor_udp cli_doctor_judge_udp(const cli_doctor_findings *f)
{
    for (size_t i = 0; i < f->relays_len; i++) {
        if (f->relays[i].over_udp && f->relays[i].err == HF_OK)
            return CLI_UDP_PASSES;
    }
    if (count_servers(f, HF_OK) > 0)
        return CLI_UDP_PASSES;
    return count_servers(f, HF_ETIMEDOUT) > 0 ? CLI_UDP_BLOCKED : CLI_UDP_UNKNOWN;
}

static bool maps_for_each(hf_nat_behavior mapping)
{
    return mapping == HF_NAT_ADDRESS_DEPENDENT || mapping == HF_NAT_ADDRESS_AND_PORT_DEPENDENT ||
           mapping == HF_NAT_DEPENDENT;
}

/* Every address that is known to be seen from outside is seen as another one by each. */
static bool is_symmetric(const cli_doctor_findings *f)
{
    bool any = false;
    for (size_t i = 0; i < f->locals_len; i++) {
        if (f->locals[i].mapping != HF_NAT_UNKNOWN && !maps_for_each(f->locals[i].mapping))
            return false;
        any |= maps_for_each(f->locals[i].mapping);
    }
    return any;
}

/* What hinders the relays, where none works. */
static void advise_on_relay(const cli_doctor_findings *f, char out[CLI_DOCTOR_ADVICE_SIZE])
{
    const cli_doctor_relay *relay;
    if (f->credentials_end > 0 && f->credentials_end < f->now)
        snprintf(out, CLI_DOCTOR_ADVICE_SIZE,
                 "The TURN credentials have expired, by this machine's clock: get new ones, or set the clock.");
    else if ((relay = find_relay(f, HF_EAUTH)))
        snprintf(out, CLI_DOCTOR_ADVICE_SIZE, "%s refuses user name and password: check --turn-user and --turn-pass.",
                 relay->uri);
    else if ((relay = find_relay(f, HF_ECERTIFICATE)))
        snprintf(
            out, CLI_DOCTOR_ADVICE_SIZE,
            "The certificate of %s is not trusted, has expired, or is for another name: check the server's, this machine's "
            "clock, or give the authority with --ca-file.",
            relay->uri);
    else if ((relay = find_relay(f, HF_EDTLS)))
        snprintf(out, CLI_DOCTOR_ADVICE_SIZE, "TLS with %s fails (%s): check that the server speaks TLS 1.2 at this port.",
                 relay->uri, relay->why ? relay->why : hf_err_text(HF_EDTLS));
    else if ((relay = find_relay(f, HF_EQUOTA)))
        snprintf(out, CLI_DOCTOR_ADVICE_SIZE,
                 "%s has given this user as many relays as it may have: wait, or raise the quota.", relay->uri);
    else if ((relay = find_relay(f, HF_ERESOLVE)))
        snprintf(out, CLI_DOCTOR_ADVICE_SIZE, "The host name in %s can't be resolved: check it, and the DNS.", relay->uri);
    else
        snprintf(out, CLI_DOCTOR_ADVICE_SIZE, "No TURN server is reached: check their addresses, ports and firewalls.");
}

bool cli_doctor_advise(const cli_doctor_findings *f, char out[CLI_DOCTOR_ADVICE_SIZE])
{
    const cli_doctor_relay *works = find_relay(f, HF_OK);
    cli_doctor_udp udp = cli_doctor_judge_udp(f);
    const char *text = "";
    bool is_well = true;

    *out = '\0';
    if (f->locals_len == 0) {
        text = "This machine has no address to connect from: join a network.";
        is_well = false;
    } else if (udp != CLI_UDP_PASSES && works) {
        snprintf(
            out, CLI_DOCTOR_ADVICE_SIZE,
            "UDP does not pass here. Connections go by the relay %s, which works; they would be faster if the network let "
            "UDP out.",
            works->uri);
    } else if (f->servers_len > 0 && count_servers(f, HF_ERESOLVE) == f->servers_len) {
        text = "Host names can't be resolved: check the DNS.";
        is_well = false;
    } else if (udp == CLI_UDP_BLOCKED && f->relays_len == 0) {
        text = "UDP is blocked here: give a TURN server that is reached over TLS (--turn turns:HOST:443).";
        is_well = false;
    } else if (udp != CLI_UDP_PASSES && f->relays_len > 0) {
        advise_on_relay(f, out);
        is_well = false;
    } else if (udp == CLI_UDP_UNKNOWN) {
        text =
            "No server could be asked from any address here: give one with --stun that has an address of the same family.";
        is_well = false;
    } else if (f->relays_len > 0 && !works) {
        advise_on_relay(f, out);
        is_well = !is_symmetric(f);
    } else if (is_symmetric(f) && !works) {
        text = "This NAT shows each destination another port, so peers behind a NAT of their own will often not be reached: "
               "give a "
               "TURN server (--turn).";
        is_well = false;
    } else if (!works) {
        text = "Direct connections should work. For peers behind stricter networks, give a TURN server (--turn).";
    } else {
        text = "All is well: direct connections should work, and where they do not, the relay does.";
    }
    if (*text)
        snprintf(out, CLI_DOCTOR_ADVICE_SIZE, "%s", text);
    return is_well;
}
