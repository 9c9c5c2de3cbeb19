/* command.c: lines of input: each command and signal, and a table of what is refused. */
#include "command.h"

#include <criterion/criterion.h>
#include <string.h>

static cli_command command;
static cli_fault fault;

static hf_err parse(const char *line)
{
    return cli_command_parse(&command, line, strlen(line), &fault);
}

static void expect_parsed(const char *line, cli_command_type type)
{
    cr_assert_eq(parse(line), HF_OK, "%s: %s", line, fault.text);
    cr_assert_eq(command.type, type, "%s", line);
}

Test(command, is_an_offer_with_its_envelope)
{
    expect_parsed(
        "{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\",\"envelope\":{\"sender\":\"alice\",\"receiver\":\"bob\",\"offer\":3}}",
        CLI_SIGNAL);
    cr_expect_eq(command.u.signal.signal.type, HF_SIGNAL_OFFER);
    cr_expect_str_eq(command.u.signal.signal.sdp, "v=0\r\n");
    cr_expect_str_eq(command.u.signal.sender, "alice");
    cr_expect_str_eq(command.u.signal.receiver, "bob");
    cr_expect_eq(command.u.signal.offer, 3);
    cli_command_clear(&command);
}

Test(command, is_a_bye_that_names_both_sessions)
{
    expect_parsed(
        "{\"type\":\"bye\",\"to\":\"peer\",\"envelope\":{\"sender\":\"a\",\"session\":\"12\",\"remoteSession\":\"34\","
        "\"generation\":9}}",
        CLI_SIGNAL);
    cr_expect_eq(command.u.signal.signal.type, HF_SIGNAL_BYE);
    cr_expect_str_eq(command.u.signal.session, "12");
    cr_expect_str_eq(command.u.signal.remote_session, "34");
    cr_expect_eq(command.u.signal.signal.generation, 9);
    cr_expect_eq(command.u.signal.offer, 0);
    cli_command_clear(&command);
}

Test(command, is_an_answer_of_a_page_that_knows_no_envelope)
{
    expect_parsed("{\"type\":\"answer\",\"sdp\":\"v=0\"}", CLI_SIGNAL);
    cr_expect_eq(command.u.signal.signal.type, HF_SIGNAL_ANSWER);
    cr_expect_null(command.u.signal.sender);
    cr_expect_null(command.u.signal.receiver);
    cr_expect_eq(command.u.signal.offer, 0);
    cli_command_clear(&command);
}

Test(command, is_a_candidate_as_browsers_write_it)
{
    expect_parsed("{\"type\":\"candidate\",\"candidate\":\"candidate:1 1 udp 1 192.0.2.1 1 typ host\",\"sdpMid\":\"0\","
                  "\"sdpMLineIndex\":0,\"usernameFragment\":\"abcd\"}",
                  CLI_SIGNAL);
    cr_expect_eq(command.u.signal.signal.type, HF_SIGNAL_CANDIDATE);
    cr_expect_str_eq(command.u.signal.signal.mid, "0");
    cr_expect_str_eq(command.u.signal.signal.ufrag, "abcd");
    cli_command_clear(&command);

    expect_parsed("{\"type\":\"candidate\",\"candidate\":\"candidate:x\",\"sdpMid\":null,\"sdpMLineIndex\":null,"
                  "\"usernameFragment\":null}",
                  CLI_SIGNAL);
    cr_expect_null(command.u.signal.signal.mid);
    cr_expect_null(command.u.signal.signal.ufrag);
    cli_command_clear(&command);
}

Test(command, is_the_end_of_candidates_when_that_is_empty_or_null)
{
    static const char *const lines[] = {"{\"type\":\"candidate\",\"candidate\":\"\",\"sdpMid\":\"0\"}",
                                        "{\"type\":\"candidate\",\"candidate\":null}"};
    for (size_t i = 0; i < 2; i++) {
        expect_parsed(lines[i], CLI_SIGNAL);
        cr_expect_eq(command.u.signal.signal.type, HF_SIGNAL_END_OF_CANDIDATES);
        cli_command_clear(&command);
    }
}

Test(command, sends_text_with_any_character)
{
    expect_parsed("{\"type\":\"send\",\"channel\":\"code-sync\",\"text\":\"a\\u0000\xc3\xa9\"}", CLI_SEND);
    cr_expect_eq(command.u.send.kind, HF_TEXT);
    cr_expect_eq(command.u.send.len, 4);
    cr_expect_eq(memcmp(command.u.send.data, "a\0\xc3\xa9", 4), 0);
    cr_expect_eq(command.u.send.repeat, 0);
    cli_command_clear(&command);
}

Test(command, sends_bytes_and_made_up_bytes)
{
    expect_parsed("{\"type\":\"send\",\"channel\":\"files\",\"base64\":\"AAH/\",\"repeat\":2}", CLI_SEND);
    cr_expect_eq(command.u.send.kind, HF_BINARY);
    cr_expect_eq(command.u.send.len, 3);
    cr_expect_eq(command.u.send.data[2], 0xff);
    cr_expect_eq(command.u.send.repeat, 2);
    cli_command_clear(&command);

    expect_parsed("{\"type\":\"send\",\"channel\":\"files\",\"size\":16777216}", CLI_SEND);
    cr_expect_null(command.u.send.data);
    cr_expect_eq(command.u.send.len, HF_MESSAGE_MAX_LIMIT);
    cli_command_clear(&command);
}

Test(command, gives_a_server_its_credentials)
{
    expect_parsed("{\"type\":\"credentials\",\"url\":\"turn:a\",\"username\":\"u\",\"password\":\"\"}", CLI_CREDENTIALS);
    cr_expect_str_eq(command.u.credentials.url, "turn:a");
    cr_expect_str_eq(command.u.credentials.username, "u");
    cr_expect_str_eq(command.u.credentials.password, "");
    cli_command_clear(&command);
}

Test(command, may_be_a_bare_word)
{
    static const struct {
        const char *line;
        cli_command_type type;
    } words[] = {
        {"{\"type\":\"restart\"}", CLI_RESTART},
        {"{\"type\":\"reconnect\"}", CLI_RECONNECT},
        {"{\"type\":\"accept-identity\"}", CLI_ACCEPT_IDENTITY},
        {"{\"type\":\"stats\"}", CLI_STATS},
        {" {\"type\":\"close\", \"later\":[1]} ", CLI_CLOSE},
        {"{\"type\":\"close-channel\",\"channel\":\"a\"}", CLI_CLOSE_CHANNEL},
        {"{\"type\":\"bye\",\"to\":\"peer\"}", CLI_SIGNAL},
        {"{\"type\":\"of later days\",\"to\":\"peer\"}", CLI_SIGNAL_OTHER},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        expect_parsed(words[i].line, words[i].type);
        cli_command_clear(&command);
    }
}

Test(command, that_is_wrong_names_what_is_wrong)
{
    static const struct {
        const char *line;
        hf_err err;
        const char *says, *why;
    } bad[] = {
        {"", HF_ESYNTAX, "not JSON", "an empty line"},
        {"hello", HF_ESYNTAX, "not JSON", "words"},
        {"{\"type\":\"close\"", HF_ESYNTAX, "not JSON", "cut off"},
        {"{\"type\":\"close\"} x", HF_ESYNTAX, "not JSON", "something behind it"},
        {"{\"type\":\"close\",\"type\":\"stats\"}", HF_ESYNTAX, "not JSON", "a field twice"},
        {"{\"type\":\"\xff\"}", HF_ESYNTAX, "not JSON", "not UTF-8"},
        {"[\"close\"]", HF_ESYNTAX, "not a JSON object", "an array"},
        {"{}", HF_EINVAL, "\"type\" is missing", "no type"},
        {"{\"type\":1}", HF_EINVAL, "\"type\" is not a string", "a number"},
        {"{\"type\":\"clos\"}", HF_EINVAL, "unknown type \"clos\"", "a misspelt one"},
        {"{\"type\":\"bye\",\"to\":\"me\"}", HF_EINVAL, "\"to\":\"peer\"", "for nobody that we know"},
        {"{\"type\":\"bye\"}", HF_EINVAL, "say close", "a command that there is not"},
        {"{\"type\":\"hello\",\"to\":\"me\"}", HF_EINVAL, "unknown type", "for nobody that we know"},
        {"{\"type\":\"offer\"}", HF_EINVAL, "\"sdp\" is missing", "no description"},
        {"{\"type\":\"offer\",\"sdp\":null}", HF_EINVAL, "\"sdp\"", "null"},
        {"{\"type\":\"offer\",\"sdp\":\"v=0\\u0000\"}", HF_EINVAL, "\"sdp\" holds a NUL", "a NUL in it"},
        {"{\"type\":\"offer\",\"sdp\":\"v\",\"envelope\":1}", HF_EINVAL, "\"envelope\"", "not an object"},
        {"{\"type\":\"offer\",\"sdp\":\"v\",\"envelope\":{\"sender\":1}}", HF_EINVAL, "\"sender\"", "a number as sender"},
        {"{\"type\":\"offer\",\"sdp\":\"v\",\"envelope\":{\"receiver\":[]}}", HF_EINVAL, "\"receiver\"",
         "an array as receiver"},
        {"{\"type\":\"offer\",\"sdp\":\"v\",\"envelope\":{\"offer\":-1}}", HF_EINVAL, "\"offer\"", "below zero"},
        {"{\"type\":\"offer\",\"sdp\":\"v\",\"envelope\":{\"offer\":4294967296}}", HF_EINVAL, "\"offer\"", "above 32 bits"},
        {"{\"type\":\"offer\",\"sdp\":\"v\",\"envelope\":{\"generation\":-1}}", HF_EINVAL, "\"generation\"", "below zero"},
        {"{\"type\":\"offer\",\"sdp\":\"v\",\"envelope\":{\"generation\":4294967296}}", HF_EINVAL, "\"generation\"",
         "above"},
        {"{\"type\":\"offer\",\"sdp\":\"v\",\"envelope\":{\"generation\":\"1\"}}", HF_EINVAL, "\"generation\"", "a string"},
        {"{\"type\":\"offer\",\"sdp\":\"v\",\"envelope\":{\"session\":1}}", HF_EINVAL, "\"session\"", "a number as session"},
        {"{\"type\":\"bye\",\"to\":\"peer\",\"envelope\":{\"remoteSession\":[]}}", HF_EINVAL, "\"remoteSession\"",
         "an array"},
        {"{\"type\":\"bye\",\"to\":\"peer\",\"envelope\":{\"session\":\"\\u0000\"}}", HF_EINVAL, "holds a NUL",
         "a NUL in it"},
        {"{\"type\":\"candidate\"}", HF_EINVAL, "\"candidate\" is missing", "no candidate"},
        {"{\"type\":\"candidate\",\"candidate\":7}", HF_EINVAL, "\"candidate\"", "a number"},
        {"{\"type\":\"candidate\",\"candidate\":\"\",\"sdpMid\":0}", HF_EINVAL, "\"sdpMid\"", "a number as mid"},
        {"{\"type\":\"candidate\",\"candidate\":\"\",\"sdpMLineIndex\":\"0\"}", HF_EINVAL, "\"sdpMLineIndex\"",
         "a string as index"},
        {"{\"type\":\"candidate\",\"candidate\":\"\",\"usernameFragment\":1}", HF_EINVAL, "\"usernameFragment\"",
         "a number"},
        {"{\"type\":\"send\",\"text\":\"a\"}", HF_EINVAL, "\"channel\" is missing", "no channel"},
        {"{\"type\":\"send\",\"channel\":1,\"text\":\"a\"}", HF_EINVAL, "\"channel\"", "a number as channel"},
        {"{\"type\":\"send\",\"channel\":\"a\"}", HF_EINVAL, "\"text\", \"base64\" and \"size\"", "nothing to send"},
        {"{\"type\":\"send\",\"channel\":\"a\",\"text\":\"a\",\"size\":1}", HF_EINVAL, "one of", "two things to send"},
        {"{\"type\":\"send\",\"channel\":\"a\",\"text\":1}", HF_EINVAL, "\"text\"", "a number as text"},
        {"{\"type\":\"send\",\"channel\":\"a\",\"base64\":\"a\"}", HF_EINVAL, "\"base64\"", "not base64"},
        {"{\"type\":\"send\",\"channel\":\"a\",\"base64\":1}", HF_EINVAL, "\"base64\"", "a number"},
        {"{\"type\":\"send\",\"channel\":\"a\",\"size\":-1}", HF_EINVAL, "\"size\"", "below zero"},
        {"{\"type\":\"send\",\"channel\":\"a\",\"size\":1.5}", HF_EINVAL, "\"size\"", "a fraction"},
        {"{\"type\":\"send\",\"channel\":\"a\",\"size\":16777217}", HF_EINVAL, "\"size\"", "above all limits"},
        {"{\"type\":\"send\",\"channel\":\"a\",\"size\":\"9\"}", HF_EINVAL, "\"size\"", "a string"},
        {"{\"type\":\"send\",\"channel\":\"a\",\"size\":9,\"repeat\":0}", HF_EINVAL, "\"repeat\"", "no time"},
        {"{\"type\":\"send\",\"channel\":\"a\",\"size\":9,\"repeat\":true}", HF_EINVAL, "\"repeat\"", "a truth"},
        {"{\"type\":\"send\",\"channel\":\"a\",\"base64\":\"AAAA\",\"repeat\":0}", HF_EINVAL, "\"repeat\"",
         "after a field that allocates"},
        {"{\"type\":\"close-channel\"}", HF_EINVAL, "\"channel\" is missing", "no channel"},
        {"{\"type\":\"credentials\"}", HF_EINVAL, "\"url\" is missing", "no server"},
        {"{\"type\":\"credentials\",\"url\":\"turn:a\"}", HF_EINVAL, "\"username\" is missing", "no user"},
        {"{\"type\":\"credentials\",\"url\":\"turn:a\",\"username\":\"u\"}", HF_EINVAL, "\"password\" is missing",
         "no password"},
        {"{\"type\":\"credentials\",\"url\":\"turn:a\",\"username\":\"u\",\"password\":1}", HF_EINVAL, "\"password\"",
         "a number as password"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(parse(bad[i].line), bad[i].err, "%s: %s (%s)", bad[i].line, bad[i].why, fault.text);
        cr_expect_eq(fault.code, bad[i].err, "%s", bad[i].line);
        cr_expect_not_null(strstr(fault.text, bad[i].says), "%s: \"%s\" is not in \"%s\"", bad[i].why, bad[i].says,
                           fault.text);
        cr_expect_null(command.root, "%s: nothing is left to clear", bad[i].why);
    }
}
