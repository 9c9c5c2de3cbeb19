/* peer_options.c: the command line of `holdfast peer`: a table. */
#include "peer_options.h"

#include "options.h"

#include <stdlib.h>
#include <string.h>

#define RELAY_AFTER_MAX 1000

static hf_err take_stun(void *options, const char *value, cli_fault *fault)
{
    return cli_servers_add_stun(&((cli_peer_options *)options)->servers, value, fault);
}

static hf_err take_turn(void *options, const char *value, cli_fault *fault)
{
    return cli_servers_add_turn(&((cli_peer_options *)options)->servers, value, fault);
}

static hf_err take_turn_user(void *options, const char *value, cli_fault *fault)
{
    return cli_servers_take_user(&((cli_peer_options *)options)->servers, value, fault);
}

static hf_err take_turn_pass(void *options, const char *value, cli_fault *fault)
{
    return cli_servers_take_password(&((cli_peer_options *)options)->servers, value, fault);
}

static hf_err take_policy(void *options, const char *value, cli_fault *fault)
{
    bool relay = strcmp(value, "relay") == 0;

    if (!relay && strcmp(value, "all") != 0)
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not all or relay", value);
    ((cli_peer_options *)options)->relay_only = relay;
    return HF_OK;
}

/* 0 is a matter of one attempt, and takes the head start of direct paths away, too. */
static hf_err take_relay_after(void *options, const char *value, cli_fault *fault)
{
    char *end = NULL;
    long number = *value >= '0' && *value <= '9' ? strtol(value, &end, 10) : -1;

    if (number < 0 || number > RELAY_AFTER_MAX || *end != '\0')
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not a number from 0 to %d", value, RELAY_AFTER_MAX);
    ((cli_peer_options *)options)->relay_at_once = number == 0;
    ((cli_peer_options *)options)->relay_after = (unsigned)number;
    return HF_OK;
}

static hf_err take_tcp(void *options, const char *value, cli_fault *fault)
{
    static const char *const words[] = {
        [HF_ICE_TCP_DEFAULT] = "active", [HF_ICE_TCP_LISTEN] = "listen", [HF_ICE_TCP_OFF] = "off"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(value, words[i]) == 0) {
            ((cli_peer_options *)options)->tcp = (hf_ice_tcp)i;
            return HF_OK;
        }
    }
    return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not active, listen or off", value);
}

static hf_err take_bind(void *context, const char *value, cli_fault *fault)
{
    cli_peer_options *options = context;
    hf_addr addr;

    hf_err err = cli_parse_bind(value, &addr, fault);
    if (err != HF_OK)
        return err;
    if (options->binds_len == CLI_BINDS_MAX)
        return cli_fault_set(fault, HF_ELIMIT, "more than %d addresses", CLI_BINDS_MAX);
    options->binds[options->binds_len++] = addr;
    return HF_OK;
}

/* The kernel's own rules (dev_valid_name). Whether there is such an interface is seen while it runs: it may come. */
static hf_err take_interface(void *context, const char *value, cli_fault *fault)
{
    cli_peer_options *options = context;

    if (*value == '\0' || strlen(value) > 15 || strpbrk(value, "/: \t\n") || strcmp(value, ".") == 0 ||
        strcmp(value, "..") == 0)
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not the name of an interface, such as eth0", value);
    if (options->interfaces_len == CLI_INTERFACES_MAX)
        return cli_fault_set(fault, HF_ELIMIT, "more than %d interfaces", CLI_INTERFACES_MAX);
    options->interfaces[options->interfaces_len++] = value;
    return HF_OK;
}

static hf_err take_ports(void *context, const char *value, cli_fault *fault)
{
    cli_peer_options *options = context;

    return cli_parse_ports(value, &options->port_first, &options->port_last, fault);
}

static hf_err take_certificate(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_file(value, &((cli_peer_options *)options)->certificate, fault);
}

static hf_err take_ca_file(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_file(value, &((cli_peer_options *)options)->ca_file, fault);
}

static hf_err take_channels(void *options, const char *value, cli_fault *fault)
{
    return cli_channels_parse(&((cli_peer_options *)options)->channels, value, fault);
}

/* The last word counts. */
static hf_err take_reconnect(void *options, const char *value, cli_fault *fault)
{
    (void)value;
    (void)fault;
    ((cli_peer_options *)options)->no_reconnect = false;
    return HF_OK;
}

static hf_err take_message_max(void *options, const char *value, cli_fault *fault)
{
    char *end = NULL;
    long number = *value >= '0' && *value <= '9' ? strtol(value, &end, 10) : 0;
    if (number < HF_MESSAGE_MAX_LEAST || number > HF_MESSAGE_MAX_LIMIT || *end != '\0')
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not a number from %d to %d", value, HF_MESSAGE_MAX_LEAST,
                             HF_MESSAGE_MAX_LIMIT);
    ((cli_peer_options *)options)->message_max = (size_t)number;
    return HF_OK;
}

static hf_err take_give_up(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_seconds(value, &((cli_peer_options *)options)->give_up, fault);
}

static hf_err take_id(void *options, const char *value, cli_fault *fault)
{
    if (*value == '\0' || strlen(value) > HF_PEER_ID_MAX)
        return cli_fault_set(fault, HF_EINVAL, "a peer id has 1 to %d bytes", HF_PEER_ID_MAX);
    ((cli_peer_options *)options)->id = value;
    return HF_OK;
}

static hf_err take_stats(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_seconds(value, &((cli_peer_options *)options)->stats, fault);
}

static hf_err take_event_log(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_file(value, &((cli_peer_options *)options)->event_log, fault);
}

static hf_err take_log(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_log_level(value, &((cli_peer_options *)options)->log_level, fault);
}

#define FLAG(name) NULL, offsetof(cli_peer_options, name)
static const cli_option table[] = {
    {"--offer", NULL, "make the offer", FLAG(offer)},
    {"--answer", NULL, "wait for one", FLAG(answer)},
    {"--stun", "URI", "stun:host[:port], or `public` for some servers that\nanybody may ask; may repeat", take_stun, 0},
    {"--turn", "URI", "turn:host[:port][?transport=udp|tcp] or turns:…;\nmay repeat", take_turn, 0},
    {"--turn-user", "USER", "or HOLDFAST_TURN_USER, which ps does not show;\nwithout either, a `credentials` line asks",
     take_turn_user, 0},
    {"--turn-pass", "PASSWORD", "or HOLDFAST_TURN_PASS", take_turn_pass, 0},
    {"--ca-file", "FILE", "trust these certificates for turns:, too", take_ca_file, 0},
    {"--policy", "all|relay", "which candidates may be used", take_policy, 0},
    {"--relay-after", "N", "no relay before N failed attempts; 0: at once,\nwithout the head start of direct paths",
     take_relay_after, 0},
    {"--no-trickle", NULL, "the description carries every candidate", FLAG(no_trickle)},
    {"--bind", "ADDRESS", "gather on this address only; may repeat", take_bind, 0},
    {"--interface", "NAME", "gather on this interface only; may repeat", take_interface, 0},
    {"--ports", "FIRST-LAST", "gather on these UDP ports only", take_ports, 0},
    {"--tcp", "active|listen|off", "connect over TCP where UDP does not work; listen for\nthat, too; or neither", take_tcp,
     0},
    {"--no-udp", NULL, "no candidates over UDP", FLAG(no_udp)},
    {"--loopback", NULL, "gather on loopback addresses, too", FLAG(loopback)},
    {"--certificate", "FILE", "PEM certificate and key, made there if absent: who we\nare, also after a restart",
     take_certificate, 0},
    {"--mdns", NULL, "hide our host addresses behind .local names", FLAG(mdns)},
    {"--channels", "SPEC",
     "what the offerer opens: a comma list of `collab` (the\ndefault) or NAME[:unordered][:rtx=N|:ttl=MS]\n"
     "[:protocol=P][:priority=critical|high|normal|low]",
     take_channels, 0},
    {"--message-max", "BYTES", "the longest message taken, as the remote is told;\n262144 by default, at most 16777216",
     take_message_max, 0},
    {"--raw", NULL, "plain data channels: nothing outlives a connection", FLAG(raw)},
    {"--echo", NULL, "send every message back; on a channel `sink` count,\non `source` send on demand", FLAG(echo)},
    {"--reconnect", NULL, "when the path is lost, look for another, and take the\nsession up there (the default)",
     take_reconnect, 0},
    {"--no-reconnect", NULL, "do not: the end of the path is the end", FLAG(no_reconnect)},
    {"--give-up", "SECONDS", "end with status 1 when nothing has connected for\nso long", take_give_up, 0},
    {"--id", "NAME", "our peer id; by default made from --certificate, or\nrandom", take_id, 0},
    {"--stats", "SECONDS", "print a stats line this often", take_stats, 0},
    {"--log", "LEVEL", "error, warning, info, debug or none, to stderr", take_log, 0},
    {"--event-log", "FILE", "what happens inside, as JSON lines;\n`holdfast timeline` draws it", take_event_log, 0},
    {"--help", NULL, "print this", FLAG(help)},
};
#define TABLE_LEN (sizeof table / sizeof table[0])

hf_err cli_peer_options_parse(cli_peer_options *out, int argc, char *const *argv, cli_fault *fault)
{
    *out = (cli_peer_options){.log_level = HF_LOG_ERROR};

    hf_err err = cli_channels_parse(&out->channels, "collab", fault);
    if (err == HF_OK)
        err = cli_options_parse(table, TABLE_LEN, argc, argv, out, fault);
    if (err == HF_OK && out->no_udp && out->tcp == HF_ICE_TCP_OFF)
        return cli_fault_set(fault, HF_EINVAL, "--no-udp and --tcp off leave nothing to connect by");
    if (err == HF_OK && out->relay_only && !cli_servers_have_turn(&out->servers))
        return cli_fault_set(fault, HF_EINVAL, "--policy relay needs --turn: there is nothing else to connect by");
    if (err == HF_OK && !out->help && out->offer == out->answer)
        return cli_fault_set(fault, HF_EINVAL, "one of --offer and --answer is needed");
    return err;
}

void cli_peer_options_print_help(FILE *out)
{
    fputs("usage: holdfast peer (--offer | --answer) [option]...\n"
          "\n"
          "One session with one other peer. Signals and commands are read from stdin,\n"
          "signals and events written to stdout: one JSON object a line. Carry each line\n"
          "of type offer, answer or candidate, and each that bears \"to\":\"peer\", to the\n"
          "other peer, and its own back. The end of input ends it.\n"
          "\n",
          out);
    cli_options_print_help(table, TABLE_LEN, out);
    fputs("\n"
          "commands: {\"type\":\"send\",\"channel\":\"code-sync\",\"text\":\"hello\"}, or \"base64\",\n"
          "          or \"size\" with \"repeat\":N; close-channel, restart, reconnect,\n"
          "          accept-identity (with the \"fingerprint\" that was told: that one\n"
          "          alone), stats, credentials, close\n"
          "status:   0 after a clean close, 1 when the connection failed, 2 for a bad\n"
          "          command line\n",
          out);
}

hf_err cli_parse_log_level(const char *text, hf_log_level *out, cli_fault *fault)
{
    static const char *const names[] = {"none", "error", "warning", "info", "debug"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (hf_log_level)i;
            return HF_OK;
        }
    }
    return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not error, warning, info, debug or none", text);
}
