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
    cr_expect_eq(options.servers_len, 0, "no server is asked unless it is named");
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
    cr_expect(options.answer && options.no_trickle && options.loopback && options.echo);
    cr_assert_eq(options.servers_len, 2);
    cr_expect_str_eq(options.servers[1].uri, "stun:[2001:db8::1]:3478");
    cr_assert_eq(options.binds_len, 2);
    cr_expect_eq(options.binds[1].family, HF_FAMILY_IPV6);
    cr_assert_eq(options.interfaces_len, 2);
    cr_expect_str_eq(options.interfaces[1], "wlan0");
    cr_expect(options.port_first == 50000 && options.port_last == 50000 && options.mdns);
    cr_expect_str_eq(options.certificate, "me.pem");
    cr_expect_eq(options.message_max, 16777216);
    cr_expect_eq(options.channels.len, 2);
    cr_expect_eq(options.give_up, HF_MS(2500));
    cr_expect_str_eq(options.id, "bob");
    cr_expect_eq(options.stats, HF_SECONDS(1));
    cr_expect_eq(options.log_level, HF_LOG_DEBUG);
}

Test(options, name_the_public_servers_by_one_word)
{
    cr_assert_eq(parse("--offer --stun public"), HF_OK);
    cr_assert_gt(options.servers_len, 1);
    cr_expect_str_eq(options.servers[0].uri, "stun:stun.l.google.com:19302");
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
        {"--offer --turn turn:a", HF_ENOTSUP, "--turn is not supported yet"},
        {"--offer --turn-user u", HF_ENOTSUP, "--turn-user is not supported yet"},
        {"--offer --turn-pass p", HF_ENOTSUP, "--turn-pass is not supported yet"},
        {"--offer --ca-file f", HF_ENOTSUP, "--ca-file is not supported yet"},
        {"--offer --policy relay", HF_ENOTSUP, "not supported yet"},
        {"--offer --policy none", HF_EINVAL, "--policy"},
        {"--offer --relay-after 3", HF_ENOTSUP, "--relay-after is not supported yet"},
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
