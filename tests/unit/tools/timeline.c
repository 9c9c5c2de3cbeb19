/* timeline.c: what becomes of the lines of an event log, and what the picture is made of. */
#include "timeline.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void take(cli_timeline *t, const char *line)
{
    cli_fault fault = {0};
    cr_assert_eq(cli_timeline_take(t, line, strlen(line), &fault), HF_OK, "%s: %s", line, fault.text);
}

static char *draw(const cli_timeline *t)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    cr_assert_not_null(out);
    cli_timeline_draw(out, t);
    fclose(out);
    return text;
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        n++;
    return n;
}

static const char *const connection[] = {
    "{\"file_schema\":\"urn:ietf:params:qlog:file:sequential\",\"title\":\"a test\",\"trace\":{}}",
    "{\"time\":100,\"name\":\"peer:description_applied\",\"data\":{\"side\":\"local\",\"type\":\"offer\"},\"group_id\":"
    "\"1\"}",
    "{\"time\":100,\"name\":\"ice:state_changed\",\"data\":{\"old\":\"new\",\"new\":\"checking\"},\"group_id\":\"1\"}",
    "{\"time\":110,\"name\":\"ice:pair_added\",\"data\":{\"pair\":3,\"local\":\"192.0.2.1:1\",\"remote\":\"192.0.2.2:2\","
    "\"state\":\"waiting\"},\"group_id\":\"1\"}",
    "{\"time\":111,\"name\":\"ice:check_sent\",\"data\":{\"pair\":3},\"group_id\":\"1\"}",
    "{\"time\":120,\"name\":\"ice:pair_state_changed\",\"data\":{\"pair\":3,\"new\":\"succeeded\"},\"group_id\":\"1\"}",
    "{\"time\":120,\"name\":\"ice:pair_selected\",\"data\":{\"pair\":3},\"group_id\":\"1\"}",
    "{\"time\":120,\"name\":\"ice:state_changed\",\"data\":{\"old\":\"checking\",\"new\":\"connected\"},\"group_id\":\"1\"}",
    "{\"time\":150,\"name\":\"peer:connection_state_changed\",\"data\":{\"old\":\"connecting\",\"new\":\"connected\"},"
    "\"group_id\":\"1\"}",
    "{\"time\":160,\"name\":\"udp:packets_sent\",\"data\":{\"count\":4,\"bytes\":4000},\"group_id\":\"1\"}",
    "{\"time\":170,\"name\":\"dtls:packets_dropped\",\"data\":{\"cause\":\"dtls_record\",\"bytes\":9},\"group_id\":\"1\"}",
    "{\"time\":200,\"name\":\"ice:state_changed\",\"data\":{\"old\":\"connected\",\"new\":\"failed\",\"cause\":\"HF_"
    "ENOPATH\"},"
    "\"group_id\":\"1\"}",
};

static void take_connection(cli_timeline *t)
{
    for (size_t i = 0; i < sizeof connection / sizeof *connection; i++)
        take(t, connection[i]);
}

Test(timeline, states_follow_each_other_without_gaps)
{
    cli_timeline t = {0};
    take_connection(&t);
    cr_assert_eq(t.groups_len, 1);
    const cli_row *ice = &t.groups[0].lanes[CLI_LANE_ICE];
    cr_assert_eq(ice->spans_len, 4);
    cr_expect_str_eq(ice->spans[0].name, "new");
    for (size_t i = 1; i < ice->spans_len; i++)
        cr_expect_float_eq(ice->spans[i].from, ice->spans[i - 1].to, 1e-9);
    cr_expect_str_eq(ice->spans[3].cause, "HF_ENOPATH");
    cr_expect_str_eq(t.groups[0].role, "offerer");
    cr_expect_eq(t.groups[0].density.packets[CLI_FLOW_SENT], 4);
    cr_expect_eq(t.groups[0].density.bytes[CLI_FLOW_SENT], 4000);
    cli_timeline_clear(&t);
}

Test(timeline, the_picture_has_a_bar_for_each_state_and_names_causes)
{
    cli_timeline t = {0};
    take_connection(&t);
    char *svg = draw(&t);
    cr_expect_eq(strncmp(svg, "<svg xmlns=", 11), 0);
    cr_expect_eq(count_of(svg, "<title>checking at"), 1);
    cr_expect_eq(count_of(svg, "<title>connected at"), 2, "of ICE and of the connection");
    cr_expect_eq(count_of(svg, "<title>failed at 100 ms, for 0 ms: HF_ENOPATH"), 1);
    cr_expect_eq(count_of(svg, "192.0.2.1:1 → 192.0.2.2:2"), 2, "a label, and the whole of it when pointed at");
    cr_expect_eq(count_of(svg, "<title>check sent</title>"), 1);
    cr_expect_eq(count_of(svg, "class=\"chosen\""), 2, "the pair, and the legend");
    cr_expect_eq(count_of(svg, "dtls_record × 1"), 1);
    cr_expect_eq(count_of(svg, "connected after 50 ms"), 1);
    cr_expect_eq(count_of(svg, "<g>") + count_of(svg, "<g "), count_of(svg, "</g>"));
    cr_expect_not_null(strstr(svg, "prefers-color-scheme:dark"));
    free(svg);
    cli_timeline_clear(&t);
}

Test(timeline, a_window_leaves_out_what_is_not_in_it)
{
    cli_timeline t = {.window = {.from = 0, .to = 9}};
    take_connection(&t);
    char *svg = draw(&t);
    cr_expect_eq(count_of(svg, "<title>checking at"), 1);
    cr_expect_eq(count_of(svg, "<title>failed at"), 0);
    cr_expect_eq(count_of(svg, "192.0.2.1"), 0, "the pair came later");
    free(svg);
    cli_timeline_clear(&t);
}

Test(timeline, hostile_texts_stay_texts)
{
    static const struct {
        const char *label, *drawn, *why;
    } table[] = {
        {"<script>alert(1)</script>", "&#60;script&#62;", "no element of its own"},
        {"\\\" onload=\\\"x", "&#34; onload=&#34;x", "no attribute of its own"},
        {"a&b", "a&#38;b", "no entity of its own"},
        {"\\u0001x", "\xef\xbf\xbdx", "a character that XML has no place for"},
        {"\\uffff", "\xef\xbf\xbd", "another one"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        cli_timeline t = {0};
        char line[400];
        snprintf(
            line, sizeof line,
            "{\"time\":1,\"name\":\"sctp:channel_state_changed\",\"data\":{\"channel\":1,\"label\":\"%s\",\"new\":\"%s\"}}",
            table[i].label, table[i].label);
        take(&t, line);
        take(&t, "{\"time\":50,\"name\":\"udp:packets_sent\",\"data\":{\"count\":1,\"bytes\":1}}");
        char *svg = draw(&t);
        cr_expect_not_null(strstr(svg, table[i].drawn), "%s", table[i].why);
        cr_expect_null(strstr(svg, "<script"));
        for (const char *c = svg; *c; c++)
            cr_expect(*c == '\n' || (uint8_t)*c >= 0x20);
        free(svg);
        cli_timeline_clear(&t);
    }
}

Test(timeline, a_line_that_is_no_event_is_refused_with_a_reason)
{
    static const struct {
        const char *line, *fault;
    } table[] = {
        {"", "column"},
        {"nonsense", "column"},
        {"{\"time\":1", "column"},
        {"[]", "not an object"},
        {"{\"name\":\"ice:state_changed\",\"data\":{}}", "\"time\""},
        {"{\"time\":\"1\",\"name\":\"ice:state_changed\",\"data\":{}}", "\"time\""},
        {"{\"time\":-1,\"name\":\"ice:state_changed\",\"data\":{}}", "\"time\""},
        {"{\"time\":1e300,\"name\":\"ice:state_changed\",\"data\":{}}", "\"time\""},
        {"{\"time\":1,\"data\":{}}", "\"name\""},
        {"{\"time\":1,\"name\":7,\"data\":{}}", "\"name\""},
        {"{\"time\":1,\"name\":\"ice:state_changed\"}", "\"data\""},
        {"{\"time\":1,\"name\":\"ice:state_changed\",\"data\":[]}", "\"data\""},
        {"{\"time\":1,\"name\":\"\xff\",\"data\":{}}", "unable to decode"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        cli_timeline t = {0};
        cli_fault fault = {0};
        cr_expect_eq(cli_timeline_take(&t, table[i].line, strlen(table[i].line), &fault), HF_ESYNTAX, "%s", table[i].line);
        cr_expect_not_null(strstr(fault.text, table[i].fault), "%s: %s", table[i].line, fault.text);
        cli_timeline_clear(&t);
    }
}

Test(timeline, unknown_events_and_senseless_members_are_survived)
{
    static const char *const lines[] = {
        "{\"time\":1,\"name\":\"quic:packet_sent\",\"data\":{}}",
        "{\"time\":2,\"name\":\"ice:pair_selected\",\"data\":{\"pair\":\"x\"}}",
        "{\"time\":2,\"name\":\"ice:pair_state_changed\",\"data\":{\"pair\":99,\"new\":\"failed\"}}",
        "{\"time\":2,\"name\":\"udp:packets_sent\",\"data\":{\"count\":9223372036854775807,\"bytes\":-4}}",
        "{\"time\":2,\"name\":\"udp:packets_sent\",\"data\":{\"count\":9223372036854775807}}",
        "{\"time\":1e15,\"name\":\"udp:packets_received\",\"data\":{\"count\":1.5}}",
        "{\"time\":1,\"name\":\"session:state_changed\",\"data\":{\"old\":7,\"new\":null},\"group_id\":7}",
    };
    cli_timeline t = {0};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        take(&t, lines[i]);
    cr_expect_eq(t.unknown, 1);
    char *svg = draw(&t);
    cr_expect_not_null(strstr(svg, "1 of unknown names"));
    cr_expect_null(strstr(svg, "nan"));
    cr_expect_null(strstr(svg, "inf"));
    free(svg);
    cli_timeline_clear(&t);
}

Test(timeline, a_long_log_of_many_connections_makes_a_picture_of_bounded_size)
{
    cli_timeline t = {0};
    char line[300];
    for (int i = 0; i < 30000; i++) {
        snprintf(
            line, sizeof line,
            "{\"time\":%d.5,\"name\":\"ice:state_changed\",\"data\":{\"old\":\"a\",\"new\":\"s%d\"},\"group_id\":\"%d\"}", i,
            i % 7, i % 50);
        take(&t, line);
        snprintf(line, sizeof line, "{\"time\":%d.5,\"name\":\"ice:pair_added\",\"data\":{\"pair\":%d},\"group_id\":\"%d\"}",
                 i, i, i % 50);
        take(&t, line);
    }
    cr_expect_eq(t.groups_len, CLI_TIMELINE_GROUPS_MAX);
    cr_expect_gt(t.left_out, 0);
    char *svg = draw(&t);
    cr_expect_lt(strlen(svg), 2u << 20);
    cr_expect_not_null(strstr(svg, "events that had no room"));
    free(svg);
    cli_timeline_clear(&t);
}
