/* event_log.c: two peers' event logs tell how they connected; the same seed writes the same ones. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_MAX (4 << 20)

/* Both sides' lines, each behind the number of its side. */
static struct {
    char text[LOG_MAX];
    size_t len;
    const void *first; /* context of side 0: the first that speaks */
} kept;

static void keep(void *context, const char *line, size_t len)
{
    cr_assert_leq(len, HF_TRACE_LINE_MAX);
    cr_assert_null(memchr(line, '\n', len));
    if (!kept.first)
        kept.first = context;
    cr_assert_lt(kept.len + len + 4, sizeof kept.text);
    kept.len += (size_t)snprintf(kept.text + kept.len, sizeof kept.text - kept.len, "%c %.*s\n",
                                 context == kept.first ? '0' : '1', (int)len, line);
}

static void connect_and_talk(uint64_t seed, unsigned loss)
{
    sim s;
    kept.len = 0;
    sim_init(&s, &(sim_config){.seed = seed,
                               .link = {.delay = HF_MS(20), .jitter = HF_MS(5), .loss = loss},
                               .signalling = HF_MS(10),
                               .trace = keep});
    sim_channel *channel = sim_open(&s.side[0], &(hf_datachannel_config){.label = "a \"quoted\" label"});
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(30), sim_both_open));
    for (uint64_t k = 0; k < 20; k++)
        cr_assert_eq(sim_send_numbered(&s.side[0], channel, k, 3000), HF_OK);
    sim_run(&s, s.now + HF_SECONDS(5), NULL);
    hf_peer_close(s.side[0].peer, s.now);
    sim_run(&s, s.now + HF_SECONDS(1), NULL);
    sim_clear(&s);
}

/* In that order, on that side. Times and numbers are left out of what is looked for. */
static void expect_sequence(char side, const char *const *wanted, size_t n)
{
    size_t found = 0;
    for (const char *line = kept.text; *line && found < n; line = strchr(line, '\n') + 1) {
        size_t len = (size_t)(strchr(line, '\n') - line);
        if (*line == side && memmem(line, len, wanted[found], strlen(wanted[found])))
            found++;
    }
    cr_expect_eq(found, n, "side %c has no (further) %s", side, found < n ? wanted[found] : "");
}

Test(sim_event_log, tells_a_connection_from_the_offer_to_the_close, .timeout = 60)
{
    static const char *const offerer[] = {
        "\"ice:gathering_state_changed\",\"data\":{\"old\":\"new\",\"new\":\"gathering\"}",
        "\"peer:description_applied\",\"data\":{\"side\":\"local\",\"type\":\"offer\"}",
        "\"peer:signaling_state_changed\",\"data\":{\"old\":\"stable\",\"new\":\"have-local-offer\"}",
        "\"ice:candidate_added\",\"data\":{\"side\":\"local\"",
        "\"ice:credentials_changed\"",
        "\"ice:state_changed\",\"data\":{\"old\":\"new\",\"new\":\"checking\"}",
        "\"peer:description_applied\",\"data\":{\"side\":\"remote\",\"type\":\"answer\"}",
        "\"ice:candidate_added\",\"data\":{\"side\":\"remote\"",
        "\"ice:pair_added\"",
        "\"new\":\"in-progress\"}",
        "\"ice:check_sent\"",
        "\"ice:packets_sent\"",
        "\"udp:packets_sent\"",
        "\"ice:check_answered\"",
        "\"new\":\"succeeded\"",
        "\"ice:pair_selected\"",
        "\"ice:state_changed\",\"data\":{\"old\":\"checking\",\"new\":\"connected\"}",
        "\"dtls:state_changed\",\"data\":{\"old\":\"new\",\"new\":\"connecting\"}",
        ("\"dtls:state_changed\",\"data\":{\"old\":\"connecting\",\"new\":\"connected\",\"version\":\"FEFD\",\"cipher\":"
         "\"TLS_"),
        "\"sctp:state_changed\",\"data\":{\"old\":\"new\",\"new\":\"connecting\"}",
        "\"sctp:state_changed\",\"data\":{\"old\":\"connecting\",\"new\":\"connected\"}",
        "\"label\":\"a \\\"quoted\\\" label\",\"old\":\"connecting\",\"new\":\"open\"",
        "\"sctp:message_sent\",\"data\":{\"channel\":1,\"kind\":\"binary\",\"bytes\":3000}",
        "\"sctp:state_changed\",\"data\":{\"old\":\"connected\",\"new\":\"closed\"",
        "\"peer:connection_state_changed\",\"data\":{\"old\":\"connected\",\"new\":\"closed\"}",
    };
    static const char *const answerer[] = {
        "\"peer:description_applied\",\"data\":{\"side\":\"remote\",\"type\":\"offer\"}",
        "\"peer:description_applied\",\"data\":{\"side\":\"local\",\"type\":\"answer\"}",
        "\"ice:check_received\"",
        "\"ice:pair_nominated\"",
        "\"ice:state_changed\",\"data\":{\"old\":\"connected\",\"new\":\"completed\"}",
        "\"sctp:message_received\",\"data\":{\"channel\":1,\"kind\":\"binary\",\"bytes\":3000}",
    };
    connect_and_talk(1, 0);
    expect_sequence('0', offerer, sizeof offerer / sizeof *offerer);
    expect_sequence('1', answerer, sizeof answerer / sizeof *answerer);
}

static bool blocks_udp(sim *s, int from, const hf_datagram *datagram)
{
    (void)s;
    (void)from;
    return datagram->path.transport == HF_UDP;
}

Test(sim_event_log, tells_of_streams, .timeout = 60)
{
    static const char *const opener[] = {
        "\"ice:stream_opened\",\"data\":{\"local\":\"192.0.2.1:40000\",\"remote\":\"192.0.2.2:6000\",\"pair\":",
        "\"protocol\":\"tcp\"",
        "\"ice:stream_closed\",\"data\":{\"local\":\"192.0.2.1:40000\",\"remote\":\"192.0.2.2:6000\",\"pair\":",
        "\"ice:stream_opened\",\"data\":{\"local\":\"192.0.2.1:40001\"",
    };
    static const char *const listener[] = {
        "\"ice:stream_accepted\",\"data\":{\"local\":\"192.0.2.2:6000\",\"remote\":\"192.0.2.1:40000\"}",
        "\"cause\":\"HF_EUNREACHABLE\"",
        "\"ice:stream_accepted\",\"data\":{\"local\":\"192.0.2.2:6000\",\"remote\":\"192.0.2.1:40001\"}",
    };
    sim s;
    kept.len = 0;
    sim_init(&s, &(sim_config){.seed = 4, .link = {.delay = HF_MS(20)}, .tcp[1] = HF_ICE_TCP_LISTEN, .trace = keep});
    s.loses = blocks_udp;
    sim_open(&s.side[0], &(hf_datachannel_config){.label = "chat"});
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(30), sim_both_open));
    sim_reset_streams(&s);
    sim_run(&s, s.now + HF_SECONDS(2), NULL);
    expect_sequence('0', opener, sizeof opener / sizeof *opener);
    expect_sequence('1', listener, sizeof listener / sizeof *listener);
    sim_clear(&s);
}

Test(sim_event_log, has_no_secrets, .timeout = 60)
{
    sim s;
    char pwd[HF_ICE_PWD_MAX + 1] = "";
    const char *sdp;
    kept.len = 0;
    sim_init(&s, &(sim_config){.seed = 3, .link = {.delay = HF_MS(20)}, .trace = keep});
    sim_open(&s.side[0], &(hf_datachannel_config){.label = "chat"});
    sim_connect(&s);
    cr_assert(sim_run(&s, HF_SECONDS(30), sim_both_open));
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(hf_peer_local_description(s.side[i].peer, NULL, &sdp), HF_OK);
        const char *at = strstr(sdp, "a=ice-pwd:");
        cr_assert_not_null(at);
        snprintf(pwd, sizeof pwd, "%.*s", (int)strcspn(at + 10, "\r"), at + 10);
        cr_expect_geq(strlen(pwd), 22);
        cr_expect_null(strstr(kept.text, pwd));
    }
    sim_clear(&s);
}

/* Each run has a process of its own, for usrsctp's globals outlive a run. */
static char *log_of(uint64_t seed, size_t *len)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        connect_and_talk(seed, 50);
        size_t at = 0;
        for (ssize_t n; at < kept.len && (n = write(ends[1], kept.text + at, kept.len - at)) > 0;)
            at += (size_t)n;
        _exit(at == kept.len ? 0 : 1);
    }
    close(ends[1]);
    char *text = malloc(LOG_MAX);
    cr_assert_not_null(text);
    *len = 0;
    for (ssize_t n; (n = read(ends[0], text + *len, LOG_MAX - *len)) > 0;)
        *len += (size_t)n;
    close(ends[0]);
    waitpid(child, NULL, 0);
    return text;
}

Test(sim_event_log, is_the_same_for_the_same_seed, .timeout = 60)
{
    size_t first_len, second_len, other_len;
    char *first = log_of(7, &first_len), *second = log_of(7, &second_len), *other = log_of(8, &other_len);
    cr_expect_gt(first_len, 50000);
    cr_expect(first_len == second_len && memcmp(first, second, first_len) == 0);
    cr_expect(first_len != other_len || memcmp(first, other, first_len) != 0);
    free(first);
    free(second);
    free(other);
}
