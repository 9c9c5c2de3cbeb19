/* config.c: what a configuration may say, that it is copied, and the words for states. */
#include "session_config.h"
#include "solo.h"

#include <criterion/criterion.h>
#include <string.h>

Test(session_config, is_checked)
{
    static const hf_channel_config twice[] = {{.name = "a"}, {.name = "a"}}, nameless[] = {{.name = ""}},
                                   none[] = {{.name = NULL}}, broken[] = {{.name = "\xC3"}},
                                   protocol[] = {{.name = "a", .protocol = "\xFF"}};
    static const hf_ice_server wrong[] = {{.uri = "http://example.org"}}, nothing[] = {{.uri = NULL}};
    const struct {
        const char *why;
        hf_session_config config;
        hf_err err;
    } rows[] = {
        {"two of one name", {.channels = twice, .channels_len = 2}, HF_EEXIST},
        {"an empty name", {.channels = nameless, .channels_len = 1}, HF_EINVAL},
        {"no name", {.channels = none, .channels_len = 1}, HF_EINVAL},
        {"a name that is not UTF-8", {.channels = broken, .channels_len = 1}, HF_EINVAL},
        {"a protocol that is not UTF-8", {.channels = protocol, .channels_len = 1}, HF_EINVAL},
        {"channels that are not there", {.channels_len = 1}, HF_EINVAL},
        {"more channels than there are streams", {.channels = twice, .channels_len = 1025}, HF_ELIMIT},
        {"a negative linger", {.linger = -1}, HF_EINVAL},
        {"servers that are not there", {.peer.servers_len = 1}, HF_EINVAL},
        {"too many servers", {.peer = {.servers = wrong, .servers_len = 17}}, HF_ELIMIT},
        {"a server that is none", {.peer = {.servers = wrong, .servers_len = 1}}, HF_EINVAL},
        {"a server without URI", {.peer = {.servers = nothing, .servers_len = 1}}, HF_EINVAL},
        {"a small MTU", {.peer.mtu = 100}, HF_EINVAL},
        {"a small message limit", {.peer.message_max = 1}, HF_EINVAL},
    };
    solo s;
    solo_init(&s, NULL);
    size_t before = s.env.blocks;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hf_session *session;
        hf_session_config config = rows[i].config;
        config.peer.engine = s.engine;
        config.peer.certificate = s.certificate;
        hf_err err = hf_session_new(&session, &config, &s.env.env);
        cr_expect_eq(err, rows[i].err, "%s: %s", rows[i].why, hf_err_name(err));
        cr_expect_null(session, "%s", rows[i].why);
        cr_expect_eq(s.env.blocks, before, "%s", rows[i].why);
    }
    solo_clear(&s);
}

Test(session_config, is_copied)
{
    char name[] = "chat", protocol[] = "v1";
    hf_channel_config channels[] = {{.name = name, .protocol = protocol}};
    const char *sdp;
    solo s;
    solo_init(&s, &(hf_session_config){.channels = channels, .channels_len = 1});
    memset(name, 'x', 4);
    memset(protocol, 'x', 2);
    cr_assert_eq(hf_session_create_offer(s.session, s.now, &sdp), HF_OK);
    hf_channel *channel = hf_session_channel(s.session, "chat");
    hf_datachannel_info info;
    cr_assert_not_null(channel);
    cr_assert_eq(hf_channel_info(channel, &info), HF_OK);
    cr_expect_str_eq(info.protocol, "v1");
    cr_expect_eq(hf_session_channel_at(s.session, 0), channel);
    cr_expect_null(hf_session_channel_at(s.session, 1));
    solo_clear(&s);
}

Test(session_config, credentials_are_copied_and_replaced_by_uri)
{
    char user[] = "u", password[] = "p";
    hf_ice_server servers[] = {
        {.uri = "stun:s"}, {.uri = "turn:a", .username = user, .password = password}, {.uri = "turn:b"}};
    const hf_session_config config = {.peer = {.servers = servers, .servers_len = 3}};
    hf_session_config copy;
    solo s;
    solo_init(&s, NULL);
    size_t before = s.env.blocks;
    cr_assert_eq(hf_session_config_copy(&copy, &config, &s.env.env), HF_OK);
    user[0] = password[0] = 'x';
    cr_expect_str_eq(copy.peer.servers[1].username, "u");
    cr_expect_str_eq(copy.peer.servers[1].password, "p");
    cr_expect_null(copy.peer.servers[2].username);

    cr_expect_eq(hf_session_config_set_credentials(&copy, "turn:c", "v", "q", &s.env.env), HF_ENOENT);
    size_t blocks = s.env.blocks;
    s.env.fail_at = s.env.allocations + 4; /* midway */
    cr_expect_eq(hf_session_config_set_credentials(&copy, "turn:b", "v", "q", &s.env.env), HF_ENOMEM);
    cr_expect_eq(s.env.blocks, blocks);
    cr_expect_null(copy.peer.servers[2].username, "nothing has changed");
    s.env.fail_at = 0;
    cr_expect_eq(hf_session_config_set_credentials(&copy, "turn:b", "v", "q", &s.env.env), HF_OK);
    cr_expect_str_eq(copy.peer.servers[2].password, "q");
    cr_expect_str_eq(copy.peer.servers[1].username, "u", "those of others stay");
    hf_session_config_clear(&copy, &s.env.env);
    cr_expect_eq(s.env.blocks, before);
    solo_clear(&s);
}

Test(session_config, states_paths_and_priorities_have_words)
{
    static const char *const states[] = {"new", "connecting", "connected", "unstable", "reconnecting", "failed", "closed"};
    for (int i = 0; i < HF_SESSION_STATE_COUNT; i++)
        cr_expect_str_eq(hf_session_state_name((hf_session_state)i), states[i]);
    cr_expect_str_eq(hf_session_path_name(HF_PATH_NONE), "none");
    cr_expect_str_eq(hf_session_path_name(HF_PATH_DIRECT), "direct");
    cr_expect_str_eq(hf_session_path_name(HF_PATH_RELAYED), "relayed");
    static const char *const priorities[] = {"critical", "high", "normal", "low"};
    for (size_t i = 0; i < 4; i++) {
        hf_priority priority;
        cr_assert(hf_priority_parse(priorities[i], &priority));
        cr_expect_str_eq(hf_priority_name(priority), priorities[i]);
    }
    cr_expect_not(hf_priority_parse("urgent", &(hf_priority){0}));
    cr_expect_not(hf_priority_parse(NULL, &(hf_priority){0}));
}
