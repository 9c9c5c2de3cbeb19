/* turn_options.c: the command line of `holdfast turn`: a table. */
#include "turn_options.h"

#include "options.h"
#include "peer_options.h"

#include <stdlib.h>
#include <string.h>

#define PORT 3478 /* RFC 8656 §3.3 */

/* --- Users --- */

/* A name has no colon, but for one with an expiry, which nobody names here; a password may have some. */
static hf_err add_user(cli_turn_options *options, const char *text, size_t len, cli_fault *fault)
{
    const char *colon = memchr(text, ':', len);
    size_t name_len = colon ? (size_t)(colon - text) : 0;

    if (name_len == 0 || name_len + 1 == len)
        return cli_fault_set(fault, HF_EINVAL, "a user is NAME:PASSWORD");
    if (options->users_len == CLI_TURN_USERS_MAX)
        return cli_fault_set(fault, HF_ELIMIT, "more than %d users", CLI_TURN_USERS_MAX);
    char *name = strndup(text, name_len), *password = strndup(colon + 1, len - name_len - 1);
    if (!name || !password) {
        free(name);
        free(password);
        return cli_fault_set(fault, HF_ENOMEM, "out of memory");
    }
    options->users[options->users_len++] = (hf_turn_user){.name = name, .password = password};
    return HF_OK;
}

hf_err cli_turn_options_add_users(cli_turn_options *options, const char *text, size_t len, cli_fault *fault)
{
    for (size_t line = 1; len > 0; line++) {
        const char *end = memchr(text, '\n', len);
        size_t used = end ? (size_t)(end - text) : len;
        size_t line_len = used > 0 && text[used - 1] == '\r' ? used - 1 : used;
        cli_fault inner = {0};
        hf_err err = line_len > 0 && text[0] != '#' ? add_user(options, text, line_len, &inner) : HF_OK;

        if (err != HF_OK)
            return cli_fault_set(fault, err, "line %zu: %.200s", line, inner.text);
        used += end ? 1 : 0;
        text += used;
        len -= used;
    }
    return HF_OK;
}

hf_err cli_turn_options_add_secret(cli_turn_options *options, const char *secret, cli_fault *fault)
{
    if (!secret)
        return HF_OK;
    if (*secret == '\0')
        return cli_fault_set(fault, HF_EINVAL, "the secret is empty");
    if (options->secret)
        return cli_fault_set(fault, HF_EEXIST, "there is a secret already");
    options->secret = secret;
    return HF_OK;
}

hf_err cli_turn_options_check(const cli_turn_options *options, cli_fault *fault)
{
    bool has_users = options->users_len > 0 || options->secret;

    if (!has_users && !options->stun_only)
        return cli_fault_set(fault, HF_EINVAL, "nobody may relay: name users or a secret, or say --stun-only");
    if (has_users && options->stun_only)
        return cli_fault_set(fault, HF_EINVAL, "--stun-only has no users");
    return HF_OK;
}

/* --- Values --- */

static hf_err take_user(void *options, const char *value, cli_fault *fault)
{
    return add_user(options, value, strlen(value), fault);
}

static hf_err take_user_file(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_file(value, &((cli_turn_options *)options)->user_file, fault);
}

static hf_err take_secret(void *options, const char *value, cli_fault *fault)
{
    return cli_turn_options_add_secret(options, value, fault);
}

static hf_err take_realm(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_file(value, &((cli_turn_options *)options)->realm, fault);
}

static hf_err take_listen(void *context, const char *value, cli_fault *fault)
{
    cli_turn_options *options = context;
    hf_addr addr;

    if (!hf_addr_parse(value, strlen(value), &addr))
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not an address, such as 0.0.0.0:3478", value);
    if (options->listens_len == CLI_TURN_LISTENS_MAX)
        return cli_fault_set(fault, HF_ELIMIT, "more than %d addresses", CLI_TURN_LISTENS_MAX);
    bool names_port = strstr(value, "]:") || (addr.family == HF_FAMILY_IPV4 && strchr(value, ':'));
    if (!names_port)
        addr.port = PORT;
    options->listens[options->listens_len++] = addr;
    return HF_OK;
}

static hf_err take_relay(void *context, const char *value, cli_fault *fault)
{
    cli_turn_options *options = context;
    hf_addr addr;

    if (!hf_addr_parse(value, strlen(value), &addr) || addr.port != 0 || hf_addr_is_unspecified(&addr))
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not an address of this machine", value);
    if (options->relays_len == 2 || (options->relays_len == 1 && options->relays[0].family == addr.family))
        return cli_fault_set(fault, HF_EEXIST, "there is one of that family already");
    options->relays[options->relays_len++] = addr;
    return HF_OK;
}

static hf_err take_ports(void *context, const char *value, cli_fault *fault)
{
    cli_turn_options *options = context;

    return cli_parse_ports(value, &options->port_first, &options->port_last, fault);
}

/* "10.0.0.0/8", or one address. */
static hf_err take_range(hf_turn_range *ranges, size_t *len, const char *value, cli_fault *fault)
{
    const char *slash = strchr(value, '/');
    size_t addr_len = slash ? (size_t)(slash - value) : strlen(value);
    hf_addr addr;

    if (!hf_addr_parse(value, addr_len, &addr) || addr.port != 0)
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not a range of addresses, such as 10.0.0.0/8", value);
    long prefix_max = addr.family == HF_FAMILY_IPV4 ? 32 : 128, prefix = prefix_max;
    if (slash) {
        char *end = NULL;
        prefix = slash[1] >= '0' && slash[1] <= '9' ? strtol(slash + 1, &end, 10) : -1;
        if (prefix < 0 || prefix > prefix_max || *end != '\0')
            return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" has no prefix of 0 to %ld bits", value, prefix_max);
    }
    if (*len == CLI_TURN_RANGES_MAX)
        return cli_fault_set(fault, HF_ELIMIT, "more than %d ranges", CLI_TURN_RANGES_MAX);
    ranges[(*len)++] = (hf_turn_range){.addr = addr, .prefix = (uint8_t)prefix};
    return HF_OK;
}

static hf_err take_allow(void *context, const char *value, cli_fault *fault)
{
    cli_turn_options *options = context;

    return take_range(options->allowed, &options->allowed_len, value, fault);
}

static hf_err take_deny(void *context, const char *value, cli_fault *fault)
{
    cli_turn_options *options = context;

    return take_range(options->denied, &options->denied_len, value, fault);
}

static hf_err take_number(const char *value, long max, long *out, cli_fault *fault)
{
    char *end = NULL;

    *out = *value >= '0' && *value <= '9' ? strtol(value, &end, 10) : 0;
    if (*out < 1 || *out > max || *end != '\0')
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not a number from 1 to %ld", value, max);
    return HF_OK;
}

static hf_err take_quota(void *context, const char *value, cli_fault *fault)
{
    long number;
    hf_err err = take_number(value, 65535, &number, fault);

    if (err == HF_OK)
        ((cli_turn_options *)context)->user_allocations_max = (size_t)number;
    return err;
}

static hf_err take_allocations(void *context, const char *value, cli_fault *fault)
{
    long number;
    hf_err err = take_number(value, 16384, &number, fault);

    if (err == HF_OK)
        ((cli_turn_options *)context)->allocations_max = (size_t)number;
    return err;
}

static hf_err take_rate(void *context, const char *value, cli_fault *fault)
{
    long number;
    hf_err err = take_number(value, 1000000000000, &number, fault);

    if (err == HF_OK)
        ((cli_turn_options *)context)->rate_max = (uint64_t)number;
    return err;
}

static hf_err take_stats(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_seconds(value, &((cli_turn_options *)options)->stats, fault);
}

static hf_err take_log(void *options, const char *value, cli_fault *fault)
{
    return cli_parse_log_level(value, &((cli_turn_options *)options)->log_level, fault);
}

/* --- The table --- */

static const cli_option table[] = {
    {"--listen", "ADDRESS:PORT", "where clients come to, by UDP and TCP; may repeat;\n0.0.0.0:3478 and [::]:3478 by default",
     take_listen, 0},
    {"--user", "NAME:PASSWORD", "who may relay; may repeat. Others see the command\nline: --user-file is better", take_user,
     0},
    {"--user-file", "FILE", "the same, one a line", take_user_file, 0},
    {"--secret", "SECRET",
     "time-limited credentials: the user name is\nEXPIRY[:ID], in seconds since 1970, the password\n"
     "base64(HMAC-SHA1(SECRET, user name))",
     take_secret, 0},
    {"--stun-only", NULL, "nobody may relay", NULL, offsetof(cli_turn_options, stun_only)},
    {"--realm", "REALM", "\"holdfast\" by default", take_realm, 0},
    {"--relay", "ADDRESS", "relay from here, one of each family; by default\nfrom the address that the client came to",
     take_relay, 0},
    {"--ports", "FIRST-LAST", "relay from these ports; 49152-65535 by default", take_ports, 0},
    {"--allow", "RANGE",
     "peers that may be reached although they are not of\nthe public internet, such as 10.0.0.0/8; may repeat", take_allow,
     0},
    {"--deny", "RANGE", "peers that may not be reached; may repeat", take_deny, 0},
    {"--quota", "N", "allocations of one user; 64 by default", take_quota, 0},
    {"--allocations", "N", "allocations of all; 1024 by default", take_allocations, 0},
    {"--rate", "BYTES", "a second, of one allocation, each way; no limit by\ndefault", take_rate, 0},
    {"--stats", "SECONDS", "print a stats line this often", take_stats, 0},
    {"--log", "LEVEL", "error, warning, info, debug or none, to stderr", take_log, 0},
    {"--help", NULL, "print this", NULL, offsetof(cli_turn_options, help)},
};
#define TABLE_LEN (sizeof table / sizeof table[0])

hf_err cli_turn_options_parse(cli_turn_options *out, int argc, char *const *argv, cli_fault *fault)
{
    *out = (cli_turn_options){.log_level = HF_LOG_WARNING};
    hf_err err = cli_options_parse(table, TABLE_LEN, argc, argv, out, fault);

    if (err != HF_OK || out->listens_len > 0)
        return err;
    out->listens[out->listens_len++] = (hf_addr){.family = HF_FAMILY_IPV4, .port = PORT};
    out->listens[out->listens_len++] = (hf_addr){.family = HF_FAMILY_IPV6, .port = PORT};
    return HF_OK;
}

void cli_turn_options_clear(cli_turn_options *options)
{
    for (size_t i = 0; i < options->users_len; i++) {
        free((void *)(uintptr_t)options->users[i].name); /* ours: add_user made them */
        free((void *)(uintptr_t)options->users[i].password);
    }
    options->users_len = 0;
}

void cli_turn_options_print_help(FILE *out)
{
    fputs("usage: holdfast turn [option]...\n"
          "\n"
          "A small STUN and TURN server: for a demonstration, a test, a small team. It\n"
          "prints JSON lines: where it listens, and what it relays. It ends at SIGINT,\n"
          "SIGTERM, or the end of its input where that is a pipe or a terminal.\n"
          "\n",
          out);
    cli_options_print_help(table, TABLE_LEN, out);
    fputs("\n"
          "exit status: 0, or 1 where it could not run, 2 for a bad command line\n"
          "environment: HOLDFAST_TURN_USERS (NAME:PASSWORD, one a line),\n"
          "HOLDFAST_TURN_SECRET\n",
          out);
}
