/* doctor_report.c: the findings as text for people, and as JSON. */
#include "demo_table.h"
#include "doctor.h"

#include <time.h>

static const char *const clock_words[] = {
    [CLI_CLOCK_UNKNOWN] = "unknown",
    [CLI_CLOCK_SYNCHRONISED] = "synchronised",
    [CLI_CLOCK_FREE] = "not synchronised",
};
static const char *const udp_words[] = {
    [CLI_UDP_UNKNOWN] = "unknown",
    [CLI_UDP_PASSES] = "passes",
    [CLI_UDP_BLOCKED] = "blocked",
};

/* "none", "no address", "link-local only", "works", "no answer", or "unknown": no server of that family. */
static const char *ipv6_word(const cli_doctor_findings *f)
{
    const char *word = "no address";
    for (size_t i = 0; i < f->locals_len; i++) {
        const hf_addr *addr = &f->locals[i].local.addr;
        if (addr->family != HF_FAMILY_IPV6)
            continue;
        if (f->locals[i].mapped.family == HF_FAMILY_IPV6)
            return "works";
        word = "not tried";
    }
    for (size_t i = 0; i < f->answers_len; i++) {
        if (f->locals[f->answers[i].local].local.addr.family == HF_FAMILY_IPV6)
            word = "no answer";
    }
    return word;
}

static void write_time(int64_t seconds, char out[40])
{
    time_t when = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&when, &tm) || strftime(out, 40, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, 40, "?");
}

static void print_locals(const cli_doctor_findings *f, FILE *out)
{
    char addr[HF_ADDR_TEXT_SIZE], mapped[HF_ADDR_TEXT_SIZE];
    fputs("Addresses of this machine\n", out);
    if (f->locals_len == 0)
        fputs("  none\n", out);
    for (size_t i = 0; i < f->locals_len; i++) {
        const hf_probe_local *local = &f->locals[i];
        fprintf(out, "  %-38s ", hf_addr_write_ip(&local->local.addr, addr));
        if (local->mapped.family == HF_FAMILY_NONE)
            fputs("no server has seen it\n", out);
        else if (local->mapping == HF_NAT_NONE)
            fprintf(out, "no NAT; filtering %s\n", hf_nat_behavior_name(local->filtering));
        else
            fprintf(out, "seen as %s; mapping %s, filtering %s\n", hf_addr_write_ip(&local->mapped, mapped),
                    hf_nat_behavior_name(local->mapping), hf_nat_behavior_name(local->filtering));
    }
}

static hf_span best_rtt(const cli_doctor_findings *f, size_t server)
{
    hf_span best = 0;
    for (size_t i = 0; i < f->answers_len; i++) {
        const hf_probe_answer *a = &f->answers[i];
        if (a->server == server && a->err == HF_OK && a->rtt > 0 && (best == 0 || a->rtt < best))
            best = a->rtt;
    }
    return best;
}

static void print_servers(const cli_doctor_findings *f, FILE *out)
{
    char span[16];
    if (f->servers_len > 0)
        fputs("STUN servers, over UDP\n", out);
    for (size_t i = 0; i < f->servers_len; i++) {
        const hf_probe_server *server = &f->servers[i];
        hf_span rtt = best_rtt(f, i);
        fprintf(out, "  %-38s ", server->uri);
        if (server->err == HF_ETIMEDOUT)
            fputs("no answer\n", out);
        else if (server->err != HF_OK)
            fprintf(out, "%s\n", hf_err_text(server->err));
        else if (rtt > 0)
            fprintf(out, "answers within %s\n", cli_write_span(rtt, span));
        else
            fputs("answers\n", out);
    }
}

static void print_relays(const cli_doctor_findings *f, FILE *out)
{
    char addr[HF_ADDR_TEXT_SIZE], span[16];
    if (f->relays_len > 0)
        fputs("TURN servers\n", out);
    for (size_t i = 0; i < f->relays_len; i++) {
        const cli_doctor_relay *relay = &f->relays[i];
        fprintf(out, "  %-38s ", relay->uri);
        if (relay->err == HF_OK)
            fprintf(out, "relays from %s, after %s\n", hf_addr_write_ip(&relay->relayed, addr),
                    cli_write_span(relay->took, span));
        else if (relay->err == HF_ETIMEDOUT)
            fputs("no answer\n", out);
        else
            fprintf(out, "%s\n", relay->why ? relay->why : hf_err_text(relay->err));
    }
}

void cli_doctor_print(const cli_doctor_findings *f, FILE *out)
{
    char when[40], advice[CLI_DOCTOR_ADVICE_SIZE];
    print_locals(f, out);
    print_servers(f, out);
    print_relays(f, out);
    write_time(f->now, when);
    fprintf(out, "UDP    %s\n", udp_words[cli_doctor_judge_udp(f)]);
    fprintf(out, "IPv6   %s\n", ipv6_word(f));
    fprintf(out, "Clock  %s, %s\n", when, clock_words[f->clock]);
    if (f->credentials_end > 0) {
        write_time(f->credentials_end, when);
        fprintf(out, "TURN credentials %s %s\n", f->credentials_end < f->now ? "expired on" : "hold until", when);
    }
    (void)cli_doctor_advise(f, advice);
    fprintf(out, "\n%s\n", advice);
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static json_t *text_of(const hf_addr *addr)
{
    char text[HF_ADDR_TEXT_SIZE];
    return addr->family == HF_FAMILY_NONE ? json_null() : json_string(hf_addr_write(addr, text));
}

static json_t *error_of(hf_err err)
{
    return err == HF_OK ? json_null() : json_string(hf_err_name(err));
}

static json_t *milliseconds(hf_span span)
{
    return span > 0 ? json_real((double)span / (double)HF_MS(1)) : json_null();
}

static json_t *locals_json(const cli_doctor_findings *f)
{
    json_t *array = json_array();
    for (size_t i = 0; i < f->locals_len; i++) {
        const hf_probe_local *local = &f->locals[i];
        json_array_append_new(array, json_pack("{so so ss ss}", "address", text_of(&local->local.addr), "mapped",
                                               text_of(&local->mapped), "mapping", hf_nat_behavior_name(local->mapping),
                                               "filtering", hf_nat_behavior_name(local->filtering)));
    }
    return array;
}

static json_t *servers_json(const cli_doctor_findings *f)
{
    json_t *array = json_array();
    for (size_t i = 0; i < f->servers_len; i++)
        json_array_append_new(array,
                              json_pack("{ss so so sb}", "uri", f->servers[i].uri, "error", error_of(f->servers[i].err),
                                        "rtt_ms", milliseconds(best_rtt(f, i)), "rfc5780", f->servers[i].has_two));
    return array;
}

static json_t *relays_json(const cli_doctor_findings *f)
{
    json_t *array = json_array();
    for (size_t i = 0; i < f->relays_len; i++) {
        const cli_doctor_relay *relay = &f->relays[i];
        json_array_append_new(array,
                              json_pack("{ss so ss? so so}", "uri", relay->uri, "error", error_of(relay->err), "why",
                                        relay->why, "relayed", text_of(&relay->relayed), "ms", milliseconds(relay->took)));
    }
    return array;
}

json_t *cli_doctor_json(const cli_doctor_findings *f)
{
    char when[40], end[40], advice[CLI_DOCTOR_ADVICE_SIZE];
    bool is_well = cli_doctor_advise(f, advice);
    write_time(f->now, when);
    write_time(f->credentials_end, end);
    return json_pack("{so so so ss ss s{ss ss} so sb ss}", "addresses", locals_json(f), "stun", servers_json(f), "turn",
                     relays_json(f), "udp", udp_words[cli_doctor_judge_udp(f)], "ipv6", ipv6_word(f), "clock", "now", when,
                     "state", clock_words[f->clock], "credentialsEnd",
                     f->credentials_end > 0 ? json_string(end) : json_null(), "ok", is_well, "advice", advice);
}
