/* doctor_options.c: the command line of `holdfast doctor`: a table. */
#include "doctor_options.h"

#include "options.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT HF_SECONDS(8)

static hf_err take_stun(void *options, const char *value, cli_fault *fault)
{
    return cli_servers_add_stun(&((cli_doctor_options *)options)->servers, value, fault);
}

static hf_err take_turn(void *options, const char *value, cli_fault *fault)
{
    return cli_servers_add_turn(&((cli_doctor_options *)options)->servers, value, fault);
}

static hf_err take_user(void *options, const char *value, cli_fault *fault)
{
    return cli_servers_take_user(&((cli_doctor_options *)options)->servers, value, fault);
}

static hf_err take_pass(void *options, const char *value, cli_fault *fault)
{
    return cli_servers_take_password(&((cli_doctor_options *)options)->servers, value, fault);
}

static hf_err take_ca_file(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_file(value, &((cli_doctor_options *)options)->ca_file, fault);
}

static hf_err take_bind(void *context, const char *value, cli_fault *fault)
{
    cli_doctor_options *options = context;
    hf_addr addr;

    hf_err err = cli_parse_bind(value, &addr, fault);
    if (err != HF_OK)
        return err;
    if (options->binds_len == CLI_DOCTOR_BINDS_MAX)
        return cli_fault_set(fault, HF_ELIMIT, "more than %d addresses", CLI_DOCTOR_BINDS_MAX);
    options->binds[options->binds_len++] = addr;
    return HF_OK;
}

static hf_err take_timeout(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_seconds(value, &((cli_doctor_options *)options)->timeout, fault);
}

#define FLAG(name) NULL, offsetof(cli_doctor_options, name)
static const cli_option table[] = {
    {"--stun", "URI", "stun:host[:port]; may repeat. Without any server, or\nas `public`: some that anybody may ask",
     take_stun, 0},
    {"--turn", "URI", "turn:host[:port][?transport=udp|tcp] or turns:…;\nmay repeat; without a transport over UDP and TCP",
     take_turn, 0},
    {"--turn-user", "USER", "or HOLDFAST_TURN_USER, which ps does not show", take_user, 0},
    {"--turn-pass", "PASSWORD", "or HOLDFAST_TURN_PASS", take_pass, 0},
    {"--ca-file", "FILE", "trust these certificates for turns:, too", take_ca_file, 0},
    {"--bind", "ADDRESS", "look from this address only; may repeat", take_bind, 0},
    {"--loopback", NULL, "look from loopback addresses, too", FLAG(loopback)},
    {"--timeout", "SECONDS", "for all of it; 8 by default", take_timeout, 0},
    {"--json", NULL, "one JSON object instead of text", FLAG(json)},
    {"--help", NULL, "print this", FLAG(help)},
};
#define TABLE_LEN (sizeof table / sizeof table[0])

const char *cli_doctor_turn_user(const cli_doctor_options *options)
{
    for (size_t i = 0; i < options->servers.len; i++) {
        if (options->servers.items[i].username)
            return options->servers.items[i].username;
    }
    return NULL;
}

hf_err cli_doctor_options_parse(cli_doctor_options *out, int argc, char *const *argv, cli_fault *fault)
{
    *out = (cli_doctor_options){.timeout = TIMEOUT};
    hf_err err = cli_options_parse(table, TABLE_LEN, argc, argv, out, fault);
    if (err != HF_OK || out->help)
        return err;
    if (out->servers.len == 0)
        return cli_servers_add_stun(&out->servers, "public", fault);
    err = cli_servers_set_credentials(&out->servers, getenv("HOLDFAST_TURN_USER"), getenv("HOLDFAST_TURN_PASS"), fault);
    if (err == HF_OK && cli_servers_have_turn(&out->servers) && !cli_doctor_turn_user(out))
        return cli_fault_set(fault, HF_EINVAL, "--turn needs --turn-user and --turn-pass");
    return err;
}

void cli_doctor_options_print_help(FILE *out)
{
    fputs("usage: holdfast doctor [option]...\n"
          "\n"
          "What to run when it does not connect: which addresses this machine has, what\n"
          "NATs and firewalls do to them, which servers answer by which transport, and\n"
          "what to do about it.\n"
          "\n",
          out);
    cli_options_print_help(table, TABLE_LEN, out);
    fputs("\n"
          "status: 0 when connections are to be expected, 1 when not, 2 for a bad command\n"
          "        line\n",
          out);
}
