/* event.c: lines of output, byte for byte. */
#include "event.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void expect_line(json_t *event, const char *expected)
{
    size_t len = 0;
    char *line = cli_event_write(event, &len);

    cr_assert_not_null(line);
    cr_expect_eq(len, strlen(expected));
    cr_expect_eq(memcmp(line, expected, len < strlen(expected) ? len : strlen(expected)), 0, "%.*s, not %s", (int)len, line,
                 expected);
    free(line);
}

Test(event, tells_the_state_in_the_words_of_the_w3c)
{
    expect_line(
        cli_event_state(&(cli_state){HF_CONNECTION_FAILED, HF_ICE_FAILED, HF_SESSION_FAILED, HF_PATH_NONE, HF_ENOPATH}),
        "{\"type\":\"state\",\"connection\":\"failed\",\"ice\":\"failed\",\"session\":\"failed\",\"path\":\"none\","
        "\"cause\":\"HF_ENOPATH\"}\n");
}

Test(event, tells_what_a_channel_is_as_a_page_would)
{
    hf_datachannel_info info = {
        .has_id = true, .id = 4, .unordered = true, .reliability = HF_MAX_RETRANSMITS, .protocol = "p", .priority = 256};

    expect_line(cli_event_open("a", &info, true),
                "{\"type\":\"open\",\"channel\":\"a\",\"id\":4,\"ordered\":false,\"maxRetransmits\":0,"
                "\"maxPacketLifeTime\":null,\"protocol\":\"p\",\"priority\":256,\"resumed\":true}\n");
    info = (hf_datachannel_info){.reliability = HF_MAX_LIFETIME, .reliability_limit = 50};
    expect_line(cli_event_open("b", &info, false),
                "{\"type\":\"open\",\"channel\":\"b\",\"id\":null,\"ordered\":true,\"maxRetransmits\":null,"
                "\"maxPacketLifeTime\":50,\"protocol\":\"\",\"priority\":0,\"resumed\":false}\n");
}

Test(event, shows_text_as_text_and_all_else_in_base64)
{
    expect_line(cli_event_message("a", HF_TEXT, (const uint8_t *)"h\xc3\xa9\"\n", 5),
                "{\"type\":\"message\",\"channel\":\"a\",\"text\":\"h\xc3\xa9\\\"\\n\"}\n");
    expect_line(cli_event_message("a", HF_TEXT, (const uint8_t *)"\0", 1),
                "{\"type\":\"message\",\"channel\":\"a\",\"text\":\"\\u0000\"}\n");
    expect_line(cli_event_message("a", HF_TEXT, NULL, 0), "{\"type\":\"message\",\"channel\":\"a\",\"text\":\"\"}\n");
    expect_line(cli_event_message("a", HF_TEXT, (const uint8_t *)"\xff\xfe", 2),
                "{\"type\":\"message\",\"channel\":\"a\",\"base64\":\"//4=\"}\n");
    expect_line(cli_event_message("a", HF_BINARY, (const uint8_t *)"foo", 3),
                "{\"type\":\"message\",\"channel\":\"a\",\"base64\":\"Zm9v\"}\n");
    expect_line(cli_event_message("a", HF_BINARY, NULL, 0), "{\"type\":\"message\",\"channel\":\"a\",\"base64\":\"\"}\n");
}

Test(event, names_both_ends_of_a_pair)
{
    hf_ice_route route = {.rtt = 1200, .local_type = HF_ICE_HOST, .remote_type = HF_ICE_PEER_REFLEXIVE};

    cr_assert(hf_addr_parse("192.0.2.1:5000", 14, &route.path.local));
    cr_assert(hf_addr_parse("[2001:db8::1]:6000", 18, &route.path.remote));
    expect_line(cli_event_pair(&route),
                "{\"type\":\"pair\",\"local\":\"host 192.0.2.1:5000 udp\",\"remote\":\"prflx [2001:db8::1]:6000 udp\","
                "\"rtt_ms\":1.2}\n");

    strcpy(route.local_name, "1f4712db-ea17-4bcf-a596-105139dfd8bf.local"); /* what hides stays hidden */
    expect_line(
        cli_event_pair(&route),
        "{\"type\":\"pair\",\"local\":\"host 1f4712db-ea17-4bcf-a596-105139dfd8bf.local:5000 udp\",\"remote\":\"prflx "
        "[2001:db8::1]:6000 udp\",\"rtt_ms\":1.2}\n");
}

Test(event, tells_how_a_pair_is_relayed)
{
    hf_ice_route route = {
        .rtt = 1200, .local_type = HF_ICE_RELAYED, .remote_type = HF_ICE_HOST, .relay_transport = HF_TCP, .relay_tls = true};

    route.path.transport = HF_TCP;
    cr_assert(hf_addr_parse("10.0.0.1:5000", 13, &route.path.local));
    cr_assert(hf_addr_parse("192.0.2.9:443", 13, &route.path.remote));
    cr_assert(hf_addr_parse("192.0.2.9:50001", 15, &route.local));
    cr_assert(hf_addr_parse("192.0.2.1:6000", 14, &route.remote));
    expect_line(cli_event_pair(&route),
                "{\"type\":\"pair\",\"local\":\"relay 192.0.2.9:50001 udp\",\"remote\":\"host 192.0.2.1:6000 udp\","
                "\"rtt_ms\":1.2,\"relayProtocol\":\"tls\",\"relayServer\":\"192.0.2.9:443\"}\n");
}

Test(event, asks_for_credentials)
{
    expect_line(cli_event_credentials("turn:a"), "{\"type\":\"credentials\",\"url\":\"turn:a\"}\n");
}

Test(event, names_a_channel_only_where_there_is_one)
{
    expect_line(cli_event_error(HF_EAGAIN, "full", false, "files"),
                "{\"type\":\"error\",\"code\":\"HF_EAGAIN\",\"message\":\"full\",\"fatal\":false,\"channel\":\"files\"}\n");
    expect_line(cli_event_error(HF_ENOPATH, "none", true, NULL),
                "{\"type\":\"error\",\"code\":\"HF_ENOPATH\",\"message\":\"none\",\"fatal\":true}\n");
}

Test(event, survives_a_message_that_is_not_utf8)
{
    expect_line(
        cli_event_error(HF_EPROTO, "\xff", false, NULL),
        "{\"type\":\"error\",\"code\":\"HF_EPROTO\",\"message\":\"the peer violated the protocol\",\"fatal\":false}\n");
}

Test(event, writes_signals_that_a_command_reads)
{
    hf_envelope envelope = {
        .sender = "alice", .receiver = NULL, .offer = 1, .signal = {.type = HF_SIGNAL_OFFER, .sdp = "v=0\r\n"}};

    expect_line(cli_event_signal(&envelope),
                "{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\",\"envelope\":{\"sender\":\"alice\",\"offer\":1}}\n");
    envelope = (hf_envelope){.sender = "alice",
                             .receiver = "bob",
                             .offer = 1,
                             .signal = {.type = HF_SIGNAL_END_OF_CANDIDATES, .mid = "0", .ufrag = "abcd"}};
    expect_line(cli_event_signal(&envelope),
                "{\"type\":\"candidate\",\"candidate\":\"\",\"sdpMid\":\"0\",\"usernameFragment\":\"abcd\","
                "\"envelope\":{\"sender\":\"alice\",\"receiver\":\"bob\",\"offer\":1}}\n");
}

#define ID_A "000102030405060708090a0b0c0d0e0f"
#define ID_B "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

Test(event, names_sessions_and_generation_in_the_envelope)
{
    hf_envelope envelope = {.sender = "alice", .receiver = "bob", .session = ID_A, .remote_session = ID_B, .offer = 7};
    envelope.signal = (hf_signal){.type = HF_SIGNAL_ANSWER, .generation = 3, .sdp = "v=0"};
    expect_line(
        cli_event_signal(&envelope),
        "{\"type\":\"answer\",\"sdp\":\"v=0\",\"envelope\":{\"sender\":\"alice\",\"receiver\":\"bob\",\"session\":\"" ID_A
        "\",\"remoteSession\":\"" ID_B "\",\"generation\":3,\"offer\":7}}\n");
    envelope.offer = 0;
    envelope.signal = (hf_signal){.type = HF_SIGNAL_BYE};
    expect_line(
        cli_event_signal(&envelope),
        "{\"type\":\"bye\",\"to\":\"peer\",\"envelope\":{\"sender\":\"alice\",\"receiver\":\"bob\",\"session\":\"" ID_A
        "\",\"remoteSession\":\"" ID_B "\"}}\n");
}

Test(event, tells_whether_the_session_goes_on)
{
    hf_session_event event = {.type = HF_SESSION_RESUMED, .u.resumed_by = {2, 17, HF_MS(1500)}};
    expect_line(cli_event_resumed(&event), "{\"type\":\"resumed\",\"generation\":2,\"messages\":17,\"outage_ms\":1500.0}\n");
    event = (hf_session_event){.type = HF_SESSION_CONTINUITY_LOST, .cause = HF_ECONTINUITY, .u.lost = {3, 4}};
    expect_line(cli_event_continuity(&event),
                "{\"type\":\"continuity\",\"kept\":false,\"possiblyDelivered\":3,\"notSent\":4,"
                "\"cause\":\"HF_ECONTINUITY\"}\n");
    event = (hf_session_event){.type = HF_SESSION_MESSAGE_RETURNED, .cause = HF_ECONTINUITY};
    event.u.returned.kind = HF_TEXT;
    event.u.returned.data = (const uint8_t *)"hello";
    event.u.returned.len = 5;
    event.u.returned.possibly_delivered = true;
    expect_line(cli_event_returned("code-sync", &event),
                "{\"type\":\"returned\",\"channel\":\"code-sync\",\"text\":\"hello\",\"possiblyDelivered\":true,"
                "\"cause\":\"HF_ECONTINUITY\"}\n");
}

Test(event, tells_what_is_being_tried)
{
    hf_attempt attempt = {.phase = HF_ATTEMPT_WAITING, .step = HF_STEP_RECONNECT, .failures = 3, .cause = HF_ENOPATH};
    attempt.next = HF_MS(9500);
    expect_line(cli_event_attempt(HF_SECONDS(8), &attempt),
                "{\"type\":\"attempt\",\"phase\":\"waiting\",\"step\":\"reconnect\",\"failures\":3,\"relayOnly\":false,"
                "\"next_s\":1.5,\"cause\":\"HF_ENOPATH\"}\n");
    attempt = (hf_attempt){.phase = HF_ATTEMPT_OFFERING, .step = HF_STEP_RESTART, .relay_only = true, .next = HF_NEVER};
    expect_line(cli_event_attempt(HF_SECONDS(8), &attempt),
                "{\"type\":\"attempt\",\"phase\":\"offering\",\"step\":\"restart\",\"failures\":0,\"relayOnly\":true,"
                "\"next_s\":null,\"cause\":\"\"}\n");
}

Test(event, shows_the_fingerprint_of_a_stranger_in_the_remotes_name)
{
    json_t *line = cli_event_identity("sha-256 AB:CD");
    cr_expect_str_eq(json_string_value(json_object_get(line, "code")), "HF_EIDENTITY");
    cr_expect_str_eq(json_string_value(json_object_get(line, "fingerprint")), "sha-256 AB:CD");
    cr_expect(json_is_false(json_object_get(line, "fatal")));
    cr_expect_not_null(strstr(json_string_value(json_object_get(line, "message")), "accept-identity"));
    json_decref(line);
}

Test(event, counts_for_each_channel_and_each_cause)
{
    hf_peer_stats peer = {.dtls_version = "", .dtls_cipher = "", .drops.by_cause[HF_DROP_EARLY] = 7};
    hf_datachannel_info info = {.has_id = true, .id = 2, .buffered_amount = 5};
    hf_channel_stats counted = {.bytes_sent = 10, .messages_sent = 1, .messages_replayed = 4, .duplicates = 3, .kept = 9};
    json_t *stats = cli_event_stats(1500, &peer);

    cr_assert(cli_event_stats_add_channel(stats, "a", &info, &counted, 1));
    cr_expect_eq(json_integer_value(json_object_get(json_object_get(stats, "drops"), "early")), 7);
    cr_expect_float_eq(json_real_value(json_object_get(stats, "timestamp")), 1.5, 1e-9);
    json_t *channel = json_array_get(json_object_get(stats, "channels"), 0);
    cr_expect_eq(json_integer_value(json_object_get(channel, "bytesSent")), 10);
    cr_expect_eq(json_integer_value(json_object_get(channel, "messagesQueued")), 1);
    cr_expect_eq(json_integer_value(json_object_get(channel, "messagesReplayed")), 4);
    cr_expect_eq(json_integer_value(json_object_get(channel, "duplicates")), 3);
    cr_expect_eq(json_integer_value(json_object_get(channel, "bytesKept")), 9);
    cr_expect_eq(json_integer_value(json_object_get(channel, "bufferedAmount")), 5);
    cr_expect_eq(json_integer_value(json_object_get(channel, "dataChannelIdentifier")), 2);
    json_decref(stats);
}

Test(event, that_could_not_be_made_has_no_line)
{
    size_t len;
    cr_expect_null(cli_event_write(NULL, &len));
}
