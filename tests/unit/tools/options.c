/* options.c: the command line of `holdfast peer`. */
#include "options.h"
#include "peer_options.h"

#include <criterion/criterion.h>
#include <string.h>

static cli_peer_options options;
static cli_fault fault;

/* Parses words that are parted by spaces. */
static hf_err parse(const char *line)
{
    static char words[1024];
    char *argv[64];
    int argc = 0;

    cr_assert_lt(strlen(line), sizeof words);
    strcpy(words, line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
        cr_assert_lt((size_t)argc, sizeof argv / sizeof *argv);
        argv[argc++] = word;
    }
    fault = (cli_fault){0};
    return cli_peer_options_parse(&options, argc, argv, &fault);
}

Test(options, have_sensible_defaults)
{
    cr_assert_eq(parse("--offer"), HF_OK);
    cr_expect(options.offer);
    cr_expect_not(options.answer);
    cr_expect_eq(options.channels.len, HF_COLLAB_CHANNELS_LEN);
    cr_expect_eq(options.servers.len, 0, "no server is asked unless it is named");
    cr_expect_eq(options.give_up, 0);
    cr_expect_eq(options.log_level, HF_LOG_ERROR);
    cr_expect_null(options.id);
}

Test(options, are_all_taken)
{
    cr_assert_eq(
        parse("--answer --stun stun:a.example --stun=stun:[2001:db8::1]:3478 --policy all --no-trickle --bind 127.0.0.1 "
              "--bind ::1 --interface eth0 --interface=wlan0 --ports 50000-50000 --mdns --loopback --certificate me.pem "
              "--message-max 16777216 --channels a,b --raw --echo --reconnect --no-reconnect "
              "--give-up 2.5 --id bob --stats 1 --log debug"),
        HF_OK, "%s", fault.text);
    cr_expect(options.answer && options.no_trickle && options.loopback && options.raw && options.echo);
    cr_assert_eq(options.servers.len, 2);
    cr_expect_str_eq(options.servers.items[1].uri, "stun:[2001:db8::1]:3478");
    cr_assert_eq(options.binds_len, 2);
    cr_expect_eq(options.binds[1].family, HF_FAMILY_IPV6);
    cr_assert_eq(options.interfaces_len, 2);
    cr_expect_str_eq(options.interfaces[1], "wlan0");
    cr_expect(options.port_first == 50000 && options.port_last == 50000 && options.mdns);
    cr_expect_str_eq(options.certificate, "me.pem");
    cr_expect_eq(options.message_max, 16777216);
    cr_expect_eq(options.channels.len, 2);
    cr_expect(options.no_reconnect);
    cr_expect_eq(options.give_up, HF_MS(2500));
    cr_expect_str_eq(options.id, "bob");
    cr_expect_eq(options.stats, HF_SECONDS(1));
    cr_expect_eq(options.log_level, HF_LOG_DEBUG);
}

Test(options, name_the_public_servers_by_one_word)
{
    cr_assert_eq(parse("--offer --stun public"), HF_OK);
    cr_assert_gt(options.servers.len, 1);
    cr_expect_str_eq(options.servers.items[0].uri, "stun:stun.l.google.com:19302");
}

Test(options, say_when_a_relay_is_used)
{
    cr_assert_eq(parse("--offer --turn turn:a"), HF_OK);
    cr_expect_not(options.relay_only || options.relay_at_once, "the default is the library's");
    cr_assert_eq(parse("--offer --turn turn:a --relay-after 0"), HF_OK);
    cr_expect(options.relay_at_once && options.relay_after == 0);
    cr_assert_eq(parse("--offer --turn turn:a --relay-after 3"), HF_OK);
    cr_expect(!options.relay_at_once && options.relay_after == 3);
    cr_assert_eq(parse("--offer --policy relay --turn turn:a"), HF_OK, "%s", fault.text);
    cr_expect(options.relay_only);
    cr_assert_eq(parse("--offer --policy relay --policy all"), HF_OK, "the last word counts");
    cr_expect_not(options.relay_only);
}

Test(options, give_all_turn_servers_the_same_credentials)
{
    static const struct {
        const char *line, *user, *pass; /* the two of the environment */
        hf_err err;
        const char *expected_user, *expected_pass, *why;
    } table[] = {
        {"", NULL, NULL, HF_OK, NULL, NULL, "asked for later"},
        {"--turn-user u --turn-pass p", NULL, NULL, HF_OK, "u", "p", "as said"},
        {"", "e", "f", HF_OK, "e", "f", "as the environment says"},
        {"--turn-user u --turn-pass p", "e", "f", HF_OK, "u", "p", "options count more"},
        {"--turn-user u", NULL, "f", HF_OK, "u", "f", "the password is better off in the environment"},
        {"--turn-user u", NULL, NULL, HF_EINVAL, NULL, NULL, "no password"},
        {"--turn-pass p", NULL, NULL, HF_EINVAL, NULL, NULL, "no user"},
        {"--turn-user u", NULL, "", HF_EINVAL, NULL, NULL, "an empty variable is none"},
        {"", "", "", HF_OK, NULL, NULL, "two empty ones, too"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char line[256];
        snprintf(line, sizeof line, "--offer --stun stun:s --turn turn:a:1 --turn turns:[::1]:2?transport=tcp %s",
                 table[i].line);
        cr_assert_eq(parse(line), HF_OK, "%s", fault.text);
        cr_assert_eq(options.servers.len, 3);
        cr_expect_eq(cli_servers_set_credentials(&options.servers, table[i].user, table[i].pass, &fault), table[i].err, "%s",
                     table[i].why);
        cr_expect_null(options.servers.items[0].username, "a STUN server wants none");
        for (size_t n = 1; n < 3 && table[i].err == HF_OK; n++) {
            const hf_ice_server *server = &options.servers.items[n];
            cr_expect(table[i].expected_user ? server->username && strcmp(server->username, table[i].expected_user) == 0
                                             : !server->username,
                      "%s", table[i].why);
            cr_expect(table[i].expected_pass ? server->password && strcmp(server->password, table[i].expected_pass) == 0
                                             : !server->password,
                      "%s", table[i].why);
        }
    }
    cr_assert_eq(parse("--offer --stun stun:s"), HF_OK);
    cr_expect_eq(cli_servers_set_credentials(&options.servers, "e", NULL, &fault), HF_OK, "nobody wants them");
}

Test(options, need_no_role_to_help)
{
    cr_assert_eq(parse("--help"), HF_OK);
    cr_expect(options.help);
}

Test(options, that_are_wrong_are_named)
{
    static const struct {
        const char *line;
        hf_err err;
        const char *says;
    } bad[] = {
        {"", HF_EINVAL, "--offer and --answer"},
        {"--offer --answer", HF_EINVAL, "--offer and --answer"},
        {"--offer --foo", HF_EINVAL, "unknown option --foo"},
        {"--offer --foo=1", HF_EINVAL, "unknown option --foo"},
        {"--off", HF_EINVAL, "unknown option --off"},
        {"--offer now", HF_EINVAL, "unexpected argument \"now\""},
        {"--offer=yes", HF_EINVAL, "--offer takes no value"},
        {"--offer --id", HF_EINVAL, "--id needs a value"},
        {"--offer --id=", HF_EINVAL, "--id"},
        {"--offer --stun stun.example", HF_EINVAL, "not stun:host[:port]"},
        {"--offer --stun stun:", HF_EINVAL, "no host"},
        {"--offer --stun stun:[]:1", HF_EINVAL, "no host"},
        {"--offer --stun stun:[::1", HF_EINVAL, "no host"},
        {"--offer --stun stun:a:", HF_EINVAL, "port"},
        {"--offer --stun stun:a:0", HF_EINVAL, "port"},
        {"--offer --stun stun:a:65536", HF_EINVAL, "port"},
        {"--offer --stun stun:a:1x", HF_EINVAL, "port"},
        {"--offer --stun stuns:a", HF_ENOTSUP, "not supported yet"},
        {"--offer --stun turn:a", HF_EINVAL, "not stun:host[:port]"},
        {"--offer --turn stun:a", HF_EINVAL, "not turn:host[:port]"},
        {"--offer --turn turner:a", HF_EINVAL, "not turn:host[:port]"},
        {"--offer --turn turn", HF_EINVAL, "not turn:host[:port]"},
        {"--offer --turn turn:", HF_EINVAL, "no host"},
        {"--offer --turn turn:?transport=tcp", HF_EINVAL, "no host"},
        {"--offer --turn turns:[::1", HF_EINVAL, "no host"},
        {"--offer --turn turn:[::1?transport=]", HF_EINVAL, "no host"},
        {"--offer --turn turn:a:0", HF_EINVAL, "port"},
        {"--offer --turn turn:a:?transport=udp", HF_EINVAL, "port"},
        {"--offer --turn turn:a:1x?transport=udp", HF_EINVAL, "port"},
        {"--offer --turn turn:a?transport=sctp", HF_EINVAL, "neither udp nor tcp"},
        {"--offer --turn turn:a?tcp", HF_EINVAL, "neither udp nor tcp"},
        {"--offer --turn turn:a?", HF_EINVAL, "neither udp nor tcp"},
        {"--offer --turn-user=", HF_EINVAL, "--turn-user"},
        {"--offer --turn-pass=", HF_EINVAL, "--turn-pass"},
        {"--offer --ca-file=", HF_EINVAL, "--ca-file: the name is empty"},
        {"--offer --policy relay", HF_EINVAL, "--policy relay needs --turn"},
        {"--offer --policy relay --stun stun:a", HF_EINVAL, "--policy relay needs --turn"},
        {"--offer --policy none", HF_EINVAL, "--policy"},
        {"--offer --relay-after -1", HF_EINVAL, "--relay-after"},
        {"--offer --relay-after 1001", HF_EINVAL, "--relay-after"},
        {"--offer --relay-after 0x", HF_EINVAL, "--relay-after"},
        {"--offer --mdns=yes", HF_EINVAL, "--mdns takes no value"},
        {"--offer --tcp passive", HF_EINVAL, "\"passive\" is not active, listen or off"},
        {"--offer --tcp off --no-udp", HF_EINVAL, "--no-udp and --tcp off leave nothing to connect by"},
        {"--offer --interface", HF_EINVAL, "--interface needs a value"},
        {"--offer --interface=", HF_EINVAL, "--interface"},
        {"--offer --interface a/b", HF_EINVAL, "--interface"},
        {"--offer --interface eth0:1", HF_EINVAL, "--interface"},
        {"--offer --interface ..", HF_EINVAL, "--interface"},
        {"--offer --interface sixteen-letters_", HF_EINVAL, "--interface"},
        {"--offer --ports 5000", HF_EINVAL, "--ports"},
        {"--offer --ports 5000-", HF_EINVAL, "--ports"},
        {"--offer --ports -5000", HF_EINVAL, "--ports"},
        {"--offer --ports 0-5000", HF_EINVAL, "--ports"},
        {"--offer --ports 5001-5000", HF_EINVAL, "--ports"},
        {"--offer --ports 5000-65536", HF_EINVAL, "--ports"},
        {"--offer --ports 5000-5001x", HF_EINVAL, "--ports"},
        {"--offer --ports 5000--5001", HF_EINVAL, "--ports"},
        {"--offer --ports +5000-5001", HF_EINVAL, "--ports"},
        {"--offer --bind localhost", HF_EINVAL, "--bind"},
        {"--offer --bind 0.0.0.0", HF_EINVAL, "--bind"},
        {"--offer --bind 127.0.0.1:5000", HF_EINVAL, "--bind"},
        {"--offer --bind 224.0.0.1", HF_EINVAL, "--bind"},
        {"--offer --channels a:b", HF_EINVAL, "--channels: channel \"a\""},
        {"--offer --message-max 1023", HF_EINVAL, "--message-max"},
        {"--offer --message-max 16777217", HF_EINVAL, "--message-max"},
        {"--offer --message-max -1", HF_EINVAL, "--message-max"},
        {"--offer --message-max 2048k", HF_EINVAL, "--message-max"},
        {"--offer --message-max 99999999999999999999", HF_EINVAL, "--message-max"},
        {"--offer --give-up 0", HF_EINVAL, "--give-up"},
        {"--offer --give-up -1", HF_EINVAL, "--give-up"},
        {"--offer --give-up 1.", HF_EINVAL, "--give-up"},
        {"--offer --give-up .5", HF_EINVAL, "--give-up"},
        {"--offer --stats 99999999999", HF_EINVAL, "--stats"},
        {"--offer --stats 1e3", HF_EINVAL, "--stats"},
        {"--offer --log loud", HF_EINVAL, "--log"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(parse(bad[i].line), bad[i].err, "%s: %s", bad[i].line, fault.text);
        cr_expect_eq(fault.code, bad[i].err, "%s", bad[i].line);
        cr_expect_not_null(strstr(fault.text, bad[i].says), "%s: \"%s\" is not in \"%s\"", bad[i].line, bad[i].says,
                           fault.text);
    }
}

Test(options, are_bounded_in_number)
{
    char line[1024] = "--offer";
    for (int i = 0; i <= HF_ICE_SERVERS_MAX; i++)
        strcat(line, " --stun=stun:a");
    cr_expect_eq(parse(line), HF_ELIMIT);

    strcpy(line, "--offer");
    for (int i = 0; i <= CLI_BINDS_MAX; i++)
        strcat(line, " --bind=::1");
    cr_expect_eq(parse(line), HF_ELIMIT);
}

Test(options, do_not_put_control_characters_into_messages)
{
    char *argv[] = {(char[]){"--\x1b[31m"}};

    cr_assert_eq(cli_peer_options_parse(&options, 1, argv, &fault), HF_EINVAL);
    cr_expect_null(strchr(fault.text, '\x1b'));
}
