/* trace.c: lines of the event log: always one JSON object in UTF-8, whatever the fields say. */
#include "trace.h"
#include "bytes.h"
#include "env.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char last[HF_TRACE_LINE_MAX + 1];
static size_t lines;

static void keep(void *context, const char *line, size_t len)
{
    (void)context;
    cr_assert_leq(len, HF_TRACE_LINE_MAX);
    memcpy(last, line, len);
    last[len] = '\0';
    lines++;
}

static hf_env *listening(test_env *e)
{
    test_env_init(e, 1);
    e->env.trace = keep;
    return &e->env;
}

Test(trace, a_line_has_time_name_and_data)
{
    test_env e;
    hf_addr addr;
    hf_env *env = listening(&e);
    cr_assert(hf_addr_parse("192.0.2.1:9", 11, &addr));
    hf_trace(env, HF_MS(1500) + 7, HF_TRACE_ICE_PAIR_SELECTED, hf_trace_number("pair", 3), hf_trace_addr("local", &addr),
             hf_trace_ms("rtt_ms", 1250), hf_trace_bool("nominated", true));
    cr_expect_str_eq(last,
                     "{\"time\":1500.007,\"name\":\"ice:pair_selected\",\"data\":{\"pair\":3,\"local\":\"192.0.2.1:9\","
                     "\"rtt_ms\":1.250,\"nominated\":true}}");
}

Test(trace, what_is_not_known_is_left_out)
{
    test_env e;
    hf_addr nowhere = {0};
    hf_env *env = listening(&e);
    hf_trace(env, 0, HF_TRACE_ICE_STATE_CHANGED, hf_trace_cause(HF_OK), hf_trace_text("a", NULL), hf_trace_text("b", ""),
             hf_trace_addr("c", &nowhere), hf_trace_addr("d", NULL), hf_trace_ms("e", 0), hf_trace_text("new", "checking"));
    cr_expect_str_eq(last, "{\"time\":0.000,\"name\":\"ice:state_changed\",\"data\":{\"new\":\"checking\"}}");
    hf_trace_change(env, 0, HF_TRACE_ICE_STATE_CHANGED, "checking", "failed", HF_ENOPATH);
    cr_expect_str_eq(last,
                     "{\"time\":0.000,\"name\":\"ice:state_changed\",\"data\":{\"old\":\"checking\",\"new\":\"failed\","
                     "\"cause\":\"HF_ENOPATH\"}}");
}

Test(trace, the_group_is_a_string_for_it_may_be_too_large_for_a_number)
{
    test_env e;
    hf_env *env = listening(&e);
    env->trace_group = UINT64_MAX;
    hf_trace(env, 0, HF_TRACE_UDP_PACKETS_SENT, hf_trace_number("count", UINT64_MAX));
    cr_expect_str_eq(last, "{\"time\":0.000,\"name\":\"udp:packets_sent\",\"data\":{\"count\":18446744073709551615},"
                           "\"group_id\":\"18446744073709551615\"}");
}

static int evaluated;

static uint64_t evaluate(void)
{
    return (uint64_t)++evaluated;
}

Test(trace, nothing_is_computed_where_nobody_listens)
{
    test_env e;
    hf_env *env = test_env_init(&e, 1);
    hf_trace(env, 0, HF_TRACE_UDP_PACKETS_SENT, hf_trace_number("count", evaluate()));
    cr_expect_eq(evaluated, 0);
    env->trace = keep;
    hf_trace(env, 0, HF_TRACE_UDP_PACKETS_SENT, hf_trace_number("count", evaluate()));
    cr_expect_eq(evaluated, 1);
    cr_expect_eq(lines, 1);
}

Test(trace, texts_from_outside_are_escaped)
{
    static const struct {
        const char *text;
        size_t len;
        const char *written;
        const char *why;
    } table[] = {
        {"a\"b\\c", 5, "a\\\"b\\\\c", "quote and backslash would end the string"},
        {"a\nb\r\t\x1b[2J", 9, "a\\u000ab\\u000d\\u0009\\u001b[2J", "control characters may not stand in JSON"},
        {"a\0b", 3, "a\\u0000b", "a NUL is a character like others"},
        {"\x7f", 1, "\\u007f", "DEL is not for terminals"},
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", 11, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", "UTF-8 stays"},
        {"\xff\xc3", 2, "\xef\xbf\xbd\xef\xbf\xbd", "bytes that are no UTF-8"},
        {"\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "a surrogate (RFC 3629 §3)"},
        {"\xc0\xaf", 2, "\xef\xbf\xbd\xef\xbf\xbd", "an overlong form"},
        {"\"},{\"x\":1", 9, "\\\"},{\\\"x\\\":1", "no text makes an object of its own"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        test_env e;
        char expected[256];
        hf_trace(listening(&e), 0, HF_TRACE_SCTP_CHANNEL_STATE_CHANGED,
                 hf_trace_bytes("label", hf_bytes_of(table[i].text, table[i].len)));
        snprintf(expected, sizeof expected,
                 "{\"time\":0.000,\"name\":\"sctp:channel_state_changed\",\"data\":{\"label\":\"%s\"}}", table[i].written);
        cr_expect_str_eq(last, expected, "%s: %s", table[i].why, last);
    }
}

/* Whatever is at the place where it is cut. */
Test(trace, long_texts_are_cut_between_characters)
{
    for (size_t before = 0; before < 12; before++) {
        char label[4000];
        test_env e;
        memset(label, 'x', before);
        for (size_t i = before; i < sizeof label; i += 2)
            memcpy(label + i, i + 2 <= sizeof label ? "\xc3\xbc" : "y", i + 2 <= sizeof label ? 2 : 1);
        hf_trace(listening(&e), 0, HF_TRACE_SCTP_CHANNEL_STATE_CHANGED,
                 hf_trace_bytes("label", hf_bytes_of(label, sizeof label)), hf_trace_text("new", "open"));
        cr_expect(hf_bytes_are_utf8(hf_bytes_of_text(last)));
        cr_expect_not_null(strstr(last, "…\",\"new\":\"open\"}}"), "%s", last);
        cr_expect_lt(strlen(last), 400);
    }
}

Test(trace, a_member_that_does_not_fit_is_left_out_whole)
{
    char noise[300];
    test_env e;
    hf_env *env = listening(&e);
    env->trace_group = UINT64_MAX;
    memset(noise, 1, sizeof noise);
    hf_bytes text = hf_bytes_of(noise, sizeof noise);
    hf_trace(env, HF_NEVER, HF_TRACE_SCTP_CHANNEL_STATE_CHANGED, hf_trace_bytes("a", text), hf_trace_bytes("b", text),
             hf_trace_bytes("c", text), hf_trace_bytes("d", text), hf_trace_bytes("e", text), hf_trace_number("last", 7));
    cr_expect_not_null(strstr(last, "\"c\":"));
    cr_expect_null(strstr(last, "\"e\":"));
    cr_expect_not_null(strstr(last, ",\"last\":7},\"group_id\":\"18446744073709551615\"}"), "%s", last);
}

Test(trace, the_header_tells_what_the_log_is)
{
    char line[HF_TRACE_LINE_MAX + 1];
    size_t len = hf_trace_header(line, HF_MS(5), "a \"test\"", "2026-01-02T03:04:05Z");
    cr_expect_eq(len, strlen(line));
    cr_expect_not_null(strstr(line, "\"file_schema\":\"urn:ietf:params:qlog:file:sequential\""));
    cr_expect_not_null(strstr(line, "\"title\":\"a \\\"test\\\"\""));
    cr_expect_not_null(strstr(line, "\"wall_clock_time\":\"2026-01-02T03:04:05Z\",\"wall_clock_at\":5.000}"), "%s", line);
    cr_expect_eq(hf_trace_header(line, 0, NULL, NULL), strlen(line));
    cr_expect_not_null(strstr(line, "\"title\":\"\""));
    cr_expect_null(strstr(line, "wall_clock"));
}

Test(trace, each_event_has_a_layer_and_a_name_of_its_own)
{
    for (hf_trace_event event = 0; event < HF_TRACE_COUNT; event++) {
        const char *name = hf_trace_event_name(event);
        cr_expect_not_null(strchr(name, ':'), "%s", name);
        for (hf_trace_event other = 0; other < event; other++)
            cr_expect_str_neq(name, hf_trace_event_name(other));
    }
    cr_expect_str_eq(hf_trace_event_name(HF_TRACE_COUNT), "");
}
