/* options.c: a command line against a table. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#define HELP_COLUMN 27
#define SECONDS_MAX (366 * 24 * 3600)

static const cli_option *find(const cli_option *table, size_t len, const char *name, size_t name_len)
{
    for (size_t i = 0; i < len; i++) {
        if (strncmp(table[i].name, name, name_len) == 0 && table[i].name[name_len] == '\0')
            return &table[i];
    }
    return NULL;
}

static hf_err take(const cli_option *option, void *options, const char *value, cli_fault *fault)
{
    cli_fault inner = {0};

    if (option->take) {
        hf_err err = option->take(options, value, &inner);
        return err == HF_OK ? HF_OK : cli_fault_set(fault, err, "%s: %.256s", option->name, inner.text);
    }
    if (!option->flag)
        return cli_fault_set(fault, HF_ENOTSUP, "%s is not supported yet", option->name);
    *(bool *)((char *)options + option->flag) = true;
    return HF_OK;
}

hf_err cli_options_parse(const cli_option *table, size_t len, int argc, char *const *argv, void *options, cli_fault *fault)
{
    for (int i = 0; i < argc; i++) {
        const char *name = argv[i];
        size_t name_len = strcspn(name, "=");
        const char *value = name[name_len] == '=' ? name + name_len + 1 : NULL;

        if (name[0] != '-')
            return cli_fault_set(fault, HF_EINVAL, "unexpected argument \"%s\"", name);
        const cli_option *option = find(table, len, name, name_len);
        if (!option)
            return cli_fault_set(fault, HF_EINVAL, "unknown option %.*s", (int)(name_len < 200 ? name_len : 200), name);
        if (!option->argument && value)
            return cli_fault_set(fault, HF_EINVAL, "%s takes no value", option->name);
        if (option->argument && !value) {
            if (i + 1 == argc)
                return cli_fault_set(fault, HF_EINVAL, "%s needs a value: %s", option->name, option->argument);
            value = argv[++i];
        }
        hf_err err = take(option, options, value, fault);
        if (err != HF_OK)
            return err;
    }
    return HF_OK;
}

static void print_option(const cli_option *option, FILE *out)
{
    int column =
        fprintf(out, "  %s%s%s", option->name, option->argument ? " " : "", option->argument ? option->argument : "");

    for (const char *line = option->help; line;) {
        const char *end = strchr(line, '\n');

        if (column >= HELP_COLUMN)
            column = fprintf(out, "\n") - 1;
        fprintf(out, "%*s%.*s", HELP_COLUMN - column, "", end ? (int)(end - line) : (int)strlen(line), line);
        column = HELP_COLUMN;
        line = end ? end + 1 : NULL;
    }
    fputc('\n', out);
    if (!option->take && !option->flag)
        fprintf(out, "%*s(not supported yet)\n", HELP_COLUMN, "");
}

void cli_options_print_help(const cli_option *table, size_t len, FILE *out)
{
    for (size_t i = 0; i < len; i++)
        print_option(&table[i], out);
}

hf_err cli_parse_file(const char *text, const char **out, cli_fault *fault)
{
    if (*text == '\0')
        return cli_fault_set(fault, HF_EINVAL, "the name is empty");
    *out = text;
    return HF_OK;
}

static bool read_port(const char **text, uint16_t *out)
{
    char *end = NULL;
    long number = **text >= '0' && **text <= '9' ? strtol(*text, &end, 10) : 0;

    if (number < 1 || number > UINT16_MAX)
        return false;
    *out = (uint16_t)number;
    *text = end;
    return true;
}

hf_err cli_parse_bind(const char *text, hf_addr *out, cli_fault *fault)
{
    if (!hf_addr_parse(text, strlen(text), out) || out->port != 0 || hf_addr_is_unspecified(out) ||
        hf_addr_is_multicast(out))
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not the IP address of an interface", text);
    return HF_OK;
}

hf_err cli_parse_ports(const char *text, uint16_t *first, uint16_t *last, cli_fault *fault)
{
    const char *at = text;
    uint16_t low = 0, high = 0;

    if (!read_port(&at, &low) || *at++ != '-' || !read_port(&at, &high) || *at != '\0' || low > high)
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not a range of ports, such as 50000-50100", text);
    *first = low;
    *last = high;
    return HF_OK;
}

hf_err cli_parse_seconds(const char *text, hf_span *out, cli_fault *fault)
{
    hf_span whole = 0, fraction = 0, unit = HF_SECONDS(1);
    const char *at = text;

    for (; *at >= '0' && *at <= '9' && whole <= SECONDS_MAX; at++)
        whole = whole * 10 + (*at - '0');
    bool digits = at > text;
    if (digits && *at == '.') {
        digits = false;
        for (at++; *at >= '0' && *at <= '9'; at++) {
            unit /= 10;
            fraction += unit * (*at - '0');
            digits = true;
        }
    }
    if (!digits || *at != '\0' || whole > SECONDS_MAX || (whole == 0 && fraction == 0))
        return cli_fault_set(fault, HF_EINVAL, "\"%.100s\" is not a number of seconds above zero", text);
    *out = HF_SECONDS(whole) + fraction;
    return HF_OK;
}
