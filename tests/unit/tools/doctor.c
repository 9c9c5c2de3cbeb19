/* doctor.c: what is advised for what was found. */
#include "doctor.h"

#include "doctor_options.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static cli_doctor_findings base(void)
{
    cli_doctor_findings f = {.locals_len = 1, .servers_len = 2, .now = 1800000000};
    (void)hf_addr_parse("10.0.0.2:5000", 13, &f.locals[0].local.addr);
    (void)hf_addr_parse("203.0.113.1:40000", 17, &f.locals[0].mapped);
    f.locals[0].mapping = HF_NAT_ENDPOINT_INDEPENDENT;
    f.servers[0] = (hf_probe_server){.uri = "stun:a"};
    f.servers[1] = (hf_probe_server){.uri = "stun:b"};
    return f;
}

static void add_relay(cli_doctor_findings *f, const char *uri, bool over_udp, hf_err err)
{
    cli_doctor_relay *relay = &f->relays[f->relays_len++];
    snprintf(relay->uri, sizeof relay->uri, "%s", uri);
    relay->over_udp = over_udp;
    relay->err = err;
}

static void silence(cli_doctor_findings *f, hf_err err)
{
    f->servers[0].err = f->servers[1].err = err;
    f->locals[0].mapped.family = HF_FAMILY_NONE;
    f->locals[0].mapping = HF_NAT_UNKNOWN;
}

Test(doctor, advises_the_most_urgent_thing)
{
    const struct {
        const char *why;
        bool no_address, symmetric;
        hf_err stun, udp_relay, tls_relay; /* HF_EAGAIN: there is none */
        int64_t credentials_end;
        bool ok;
        const char *says;
    } table[] = {
        {"all works", 0, 0, HF_OK, HF_OK, HF_EAGAIN, 0, true, "All is well"},
        {"no relay given", 0, 0, HF_OK, HF_EAGAIN, HF_EAGAIN, 0, true, "Direct connections should work"},
        {"no address", 1, 0, HF_EAGAIN, HF_ETIMEDOUT, HF_EAGAIN, 0, false, "join a network"},
        {"no DNS", 0, 0, HF_ERESOLVE, HF_EAGAIN, HF_EAGAIN, 0, false, "check the DNS"},
        {"UDP blocked, no relay given", 0, 0, HF_ETIMEDOUT, HF_EAGAIN, HF_EAGAIN, 0, false, "UDP is blocked"},
        {"UDP blocked, a relay by TLS", 0, 0, HF_ETIMEDOUT, HF_ETIMEDOUT, HF_OK, 0, true, "go by the relay turns:r:443"},
        {"UDP blocked, relays too", 0, 0, HF_ETIMEDOUT, HF_ETIMEDOUT, HF_ETIMEDOUT, 0, false, "No TURN server is reached"},
        {"UDP blocked, certificate", 0, 0, HF_ETIMEDOUT, HF_ETIMEDOUT, HF_ECERTIFICATE, 0, false,
         "certificate of turns:r:443"},
        {"UDP blocked, no TLS there", 0, 0, HF_ETIMEDOUT, HF_ETIMEDOUT, HF_EDTLS, 0, false, "TLS with turns:r:443 fails"},
        {"symmetric, no relay", 0, 1, HF_OK, HF_EAGAIN, HF_EAGAIN, 0, false, "another port"},
        {"symmetric, refused", 0, 1, HF_OK, HF_EAUTH, HF_EAGAIN, 0, false, "turn:r refuses user name"},
        {"symmetric, expired", 0, 1, HF_OK, HF_EAUTH, HF_EAGAIN, 1799999999, false, "have expired"},
        {"symmetric, a relay", 0, 1, HF_OK, HF_OK, HF_EAGAIN, 0, true, "All is well"},
        {"no NAT in the way, refused", 0, 0, HF_OK, HF_EAUTH, HF_EAGAIN, 0, true, "refuses user name"},
        {"quota", 0, 1, HF_OK, HF_EQUOTA, HF_EAGAIN, 0, false, "quota"},
        {"relay has no name", 0, 1, HF_OK, HF_ERESOLVE, HF_EAGAIN, 0, false, "host name in turn:r"},
        {"only another family", 0, 0, HF_EUNREACHABLE, HF_EAGAIN, HF_EAGAIN, 0, false, "No server could be asked"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        cli_doctor_findings f = base();
        char advice[CLI_DOCTOR_ADVICE_SIZE];
        if (table[i].stun != HF_OK)
            silence(&f, table[i].stun);
        if (table[i].symmetric)
            f.locals[0].mapping = HF_NAT_DEPENDENT;
        if (table[i].no_address)
            f.locals_len = 0;
        if (table[i].udp_relay != HF_EAGAIN)
            add_relay(&f, "turn:r", true, table[i].udp_relay);
        if (table[i].tls_relay != HF_EAGAIN)
            add_relay(&f, "turns:r:443", false, table[i].tls_relay);
        f.credentials_end = table[i].credentials_end;
        cr_expect_eq(cli_doctor_advise(&f, advice), table[i].ok, "%s", table[i].why);
        cr_expect_not_null(strstr(advice, table[i].says), "%s: %s", table[i].why, advice);
    }
}

Test(doctor, knows_time_limited_credentials)
{
    static const struct {
        const char *user;
        int64_t end;
    } table[] = {
        {"1800000000:alice", 1800000000},
        {"1800000000", 1800000000},
        {"alice", 0},
        {"12345:alice", 0},
        {"1800000000x", 0},
        {"9999999999999:a", 0},
        {"", 0},
        {NULL, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        cr_expect_eq(cli_doctor_credentials_end(table[i].user), table[i].end, "%zu", i);
}

Test(doctor, says_the_same_in_text_and_json)
{
    cli_doctor_findings f = base();
    char *text = NULL;
    size_t len = 0;
    add_relay(&f, "turn:r", true, HF_EAUTH);
    f.answers[f.answers_len++] = (hf_probe_answer){.rtt = HF_MS(23)};
    f.credentials_end = 1800000060;
    FILE *out = open_memstream(&text, &len);
    cli_doctor_print(&f, out);
    fclose(out);
    static const char *const lines[] = {"10.0.0.2 ",        "seen as 203.0.113.1;", "mapping endpoint-independent",
                                        "stun:a ",          "answers within 23",    "turn:r ",
                                        "authentication",   "UDP    passes",        "IPv6   no address",
                                        "2027-01-15T08:00", "hold until",           "refuses user name"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_expect_not_null(strstr(text, lines[i]), "%s is not in:\n%s", lines[i], text);
    free(text);

    json_t *json = cli_doctor_json(&f);
    cr_assert_not_null(json);
    cr_expect_str_eq(json_string_value(json_object_get(json, "udp")), "passes");
    cr_expect(json_is_true(json_object_get(json, "ok")));
    json_t *relay = json_array_get(json_object_get(json, "turn"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(relay, "error")), "HF_EAUTH");
    json_t *server = json_array_get(json_object_get(json, "stun"), 0);
    cr_expect_float_eq(json_real_value(json_object_get(server, "rtt_ms")), 23.0, 0.001);
    cr_expect(json_is_null(json_object_get(server, "error")));
    json_decref(json);
}

Test(doctor, refuses_a_bad_command_line)
{
    static const struct {
        const char *words[3];
        const char *says;
    } table[] = {
        {{"--stun", "example.org"}, "not stun:"}, {{"--turn", "stun:x"}, "not turn:"},
        {{"--turn", "turn:x"}, "--turn-user"},    {{"--bind", "eth0"}, "not the IP address"},
        {{"--timeout", "0"}, "--timeout"},        {{"--nothing"}, "--nothing"},
    };
    unsetenv("HOLDFAST_TURN_USER");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        cli_doctor_options options;
        cli_fault fault = {0};
        char *argv[3] = {0};
        int argc = 0;
        while (argc < 3 && table[i].words[argc]) {
            argv[argc] = strdup(table[i].words[argc]);
            argc++;
        }
        cr_expect_eq(cli_doctor_options_parse(&options, argc, argv, &fault), HF_EINVAL, "%zu", i);
        cr_expect_not_null(strstr(fault.text, table[i].says), "%s", fault.text);
        for (int n = 0; n < argc; n++)
            free(argv[n]);
    }
}

Test(doctor, without_servers_asks_public_ones)
{
    cli_doctor_options options;
    cli_fault fault;
    cr_assert_eq(cli_doctor_options_parse(&options, 0, NULL, &fault), HF_OK);
    cr_expect_eq(options.servers.len, HF_ICE_PUBLIC_STUN_LEN);
    cr_expect_str_eq(options.servers.items[0].uri, "stun:stun.l.google.com:19302");
}
