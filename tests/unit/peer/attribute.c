/* attribute.c: a session-level line of our own in descriptions, and another's in theirs. */
#include "duo.h"

#include <criterion/criterion.h>
#include <string.h>

static hf_err new_peer(duo *d, const char *attribute)
{
    hf_peer_config config = {.engine = d->engine, .certificate = d->certificate, .attribute = attribute};
    hf_peer_free(d->peer[0]);
    return hf_peer_new(&d->peer[0], &config, &d->env.env);
}

Test(peer_attribute, stands_before_the_sections_of_every_description)
{
    duo d;
    char line[] = "x-name:some value", value[32];
    duo_init(&d, 2);
    cr_assert_eq(new_peer(&d, line), HF_OK);
    line[0] = '?'; /* it is copied */
    for (int from = 0; from < 2; from++) {
        duo_agree(&d, from);
        const char *sdp;
        cr_assert_eq(hf_peer_local_description(d.peer[0], NULL, &sdp), HF_OK);
        const char *at = strstr(sdp, "\r\na=x-name:some value\r\n");
        cr_assert_not_null(at);
        cr_expect_lt(at, strstr(sdp, "\r\nm="));
        cr_assert(hf_sdp_session_attribute(sdp, "x-name", value, sizeof value));
        cr_expect_str_eq(value, "some value");
        cr_assert_eq(hf_peer_get_description(d.peer[1], HF_CURRENT_REMOTE_DESCRIPTION, NULL, &sdp), HF_OK);
        cr_expect(hf_sdp_session_attribute(sdp, "x-name", value, sizeof value), "and arrives with the text");
    }
    duo_clear(&d);
}

Test(peer_attribute, that_can_be_none_is_refused)
{
    static char long_one[HF_PEER_ATTRIBUTE_MAX + 2];
    memset(long_one, 'a', sizeof long_one - 1);
    const struct {
        const char *why, *attribute;
        hf_err err;
    } rows[] = {
        {"a name alone", "name", HF_OK},
        {"as long as may be", long_one + 1, HF_OK},
        {"too long", long_one, HF_EINVAL},
        {"empty", "", HF_EINVAL},
        {"no name", ":value", HF_EINVAL},
        {"no value", "name:", HF_EINVAL},
        {"a name with a space", "a name:value", HF_EINVAL},
        {"another line in it", "name:value\r\na=fingerprint:x", HF_EINVAL},
        {"a line end", "name:value\n", HF_EINVAL},
    };
    duo d;
    duo_init(&d, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_eq(new_peer(&d, rows[i].attribute), rows[i].err, "%s", rows[i].why);
    duo_clear(&d);
}

Test(peer_attribute, is_found_where_the_session_says_it_once)
{
    static const struct {
        const char *why, *sdp, *value; /* NULL: not found */
    } rows[] = {
        {"a value", "v=0\r\na=x:1 2\r\n", "1 2"},
        {"no value", "v=0\r\na=x\r\n", ""},
        {"colons in it", "a=x:1:2", "1:2"},
        {"other lines are wrong", "?\nx\na=x:1\n=\n", "1"},
        {"in a section", "v=0\r\nm=audio 9 x 0\r\na=x:1\r\n", NULL},
        {"twice", "a=x:1\r\na=x:1\r\n", NULL},
        {"once for the session", "a=x:1\r\nm=audio 9 x 0\r\na=x:2\r\n", "1"},
        {"a longer name", "a=xy:1\r\n", NULL},
        {"as long as there is room for", "a=x:1234567\r\n", "1234567"},
        {"longer", "a=x:12345678\r\n", NULL},
        {"another kind of line", "b=x:1\r\n", NULL},
    };
    char out[8];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect_eq(hf_sdp_session_attribute(rows[i].sdp, "x", out, sizeof out), rows[i].value != NULL, "%s", rows[i].why);
        cr_expect_str_eq(out, rows[i].value ? rows[i].value : "", "%s", rows[i].why);
    }
    cr_expect_not(hf_sdp_session_attribute(NULL, "x", out, sizeof out));
    cr_expect_not(hf_sdp_session_attribute("a=x:1", "x", out, 0));
}
