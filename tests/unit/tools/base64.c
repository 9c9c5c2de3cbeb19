/* base64.c: the vectors of RFC 4648 §10, and what is not canonical. */
#include "base64.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *bytes, *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xfe", "+//+"},
};

Test(base64, agrees_with_the_vectors_of_the_rfc_both_ways)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        size_t text_len = 0, len = 0;
        uint8_t *data = NULL;
        char *text = cli_base64_write((const uint8_t *)vectors[i].bytes, strlen(vectors[i].bytes), &text_len);

        cr_assert_str_eq(text, vectors[i].text);
        cr_expect_eq(text_len, strlen(vectors[i].text));
        cr_assert(cli_base64_read(vectors[i].text, text_len, &data, &len), "%s", vectors[i].text);
        cr_expect_eq(len, strlen(vectors[i].bytes));
        cr_expect_eq(memcmp(data, vectors[i].bytes, len), 0);
        free(text);
        free(data);
    }
}

Test(base64, refuses_what_is_not_canonical)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"Zg", "no padding"},
        {"Zg=", "half of the padding"},
        {"Zg===", "too much of it"},
        {"Z===", "six bits are no byte"},
        {"====", "padding alone"},
        {"Zh==", "stray bits in the last character"},
        {"Zm9=", "stray bits before one padding character"},
        {"Zm=v", "padding in the middle"},
        {"Zm9v\nZm9v", "a line end"},
        {"Zm9-", "the URL alphabet"},
        {"Zm 9", "a space"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t *data = NULL;
        size_t len = 0;
        cr_expect_not(cli_base64_read(bad[i].text, strlen(bad[i].text), &data, &len), "%s", bad[i].why);
    }
}
