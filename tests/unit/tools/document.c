/* document.c: edits, and those that do not fit. */
#include "document.h"

#include <criterion/criterion.h>
#include <string.h>

static void apply(cli_document *document, size_t at, size_t delete_len, const char *insert, const char *expected)
{
    cr_assert(cli_document_apply(document, &(cli_edit){at, delete_len, insert, strlen(insert)}));
    cr_expect_eq(document->len, strlen(expected));
    cr_expect_eq(memcmp(document->text ? document->text : "", expected, document->len), 0, "not \"%s\"", expected);
}

Test(document, is_edited_anywhere)
{
    cli_document document = {0};

    apply(&document, 0, 0, "", "");
    apply(&document, 0, 0, "world", "world");
    apply(&document, 0, 0, "hello ", "hello world");
    apply(&document, 5, 1, ", ", "hello, world");
    apply(&document, 12, 0, "!", "hello, world!");
    apply(&document, 0, 13, "", "");
    cli_document_clear(&document);
}

Test(document, refuses_an_edit_that_does_not_fit_and_stays_as_it_was)
{
    static const struct {
        cli_edit edit;
        const char *why;
    } bad[] = {
        {{4, 0, "x", 1}, "behind the end"},
        {{3, 1, "", 0}, "deletes what is not there"},
        {{1, SIZE_MAX, "", 0}, "deletes more than there is memory"},
        {{0, 0, "x", CLI_DOCUMENT_MAX + 1}, "inserts too much"},
        {{0, 0, "x", SIZE_MAX}, "inserts more than there is memory"},
    };
    cli_document document = {0};

    apply(&document, 0, 0, "abc", "abc");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_not(cli_document_apply(&document, &bad[i].edit), "%s", bad[i].why);
        cr_expect_eq(document.len, 3);
    }
    cli_document_clear(&document);
}

Test(document, has_the_digest_of_its_text)
{
    cli_document document = {0};
    char digest[65];

    apply(&document, 0, 0, "abc", "abc"); /* FIPS 180-2, appendix B.1 */
    cli_document_digest(&document, digest);
    cr_expect_str_eq(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cli_document_clear(&document);
}
