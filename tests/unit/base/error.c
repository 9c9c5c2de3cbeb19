/* error.c: every error has a name, a number that never changes, and a text. */
#include <holdfast/error.h>

#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

static const struct {
    hf_err err;
    int number; /* as released: a change here breaks programs */
    const char *name;
} table[] = {
    {HF_OK, 0, "HF_OK"},
    {HF_ENOMEM, -1, "HF_ENOMEM"},
    {HF_EINVAL, -2, "HF_EINVAL"},
    {HF_EAGAIN, -3, "HF_EAGAIN"},
    {HF_ETIMEDOUT, -4, "HF_ETIMEDOUT"},
    {HF_ESTATE, -5, "HF_ESTATE"},
    {HF_EMSGSIZE, -6, "HF_EMSGSIZE"},
    {HF_ESYNTAX, -7, "HF_ESYNTAX"},
    {HF_ENOTSUP, -8, "HF_ENOTSUP"},
    {HF_EBUSY, -9, "HF_EBUSY"},
    {HF_ENOENT, -10, "HF_ENOENT"},
    {HF_EEXIST, -11, "HF_EEXIST"},
    {HF_ELIMIT, -12, "HF_ELIMIT"},
    {HF_ECLOSED, -13, "HF_ECLOSED"},
    {HF_EFINGERPRINT, -14, "HF_EFINGERPRINT"},
    {HF_EDTLS, -15, "HF_EDTLS"},
    {HF_ECONSENT, -16, "HF_ECONSENT"},
    {HF_ENOPATH, -17, "HF_ENOPATH"},
    {HF_EABORTED, -18, "HF_EABORTED"},
    {HF_ERESOLVE, -19, "HF_ERESOLVE"},
    {HF_EIO, -20, "HF_EIO"},
    {HF_EAUTH, -21, "HF_EAUTH"},
    {HF_EPROTO, -22, "HF_EPROTO"},
    {HF_ECERTIFICATE, -23, "HF_ECERTIFICATE"},
    {HF_EUNREACHABLE, -24, "HF_EUNREACHABLE"},
};

Test(error, names_and_numbers_stay_what_they_are)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        cr_expect_eq((int)table[i].err, table[i].number, "%s", table[i].name);
        cr_expect_str_eq(hf_err_name(table[i].err), table[i].name);
    }
}

Test(error, texts_are_one_lower_case_sentence_each)
{
#define X(name, number, text) text,
    static const char *const texts[] = {HF_ERR_MAP(X)};
#undef X
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t len = strlen(texts[i]);
        cr_assert_gt(len, 4);
        cr_expect_neq(texts[i][len - 1], '.', "%s", texts[i]);
        cr_expect(islower((unsigned char)texts[i][0]), "%s", texts[i]);
        for (size_t k = 0; k < i; k++)
            cr_expect_str_neq(texts[i], texts[k]);
    }
#define X(name, number, text) cr_expect_str_eq(hf_err_text(name), text);
    HF_ERR_MAP(X)
#undef X
}

Test(error, numbers_that_are_none_have_a_name_and_text_too)
{
    static const int numbers[] = {1, -1000, 1000};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        cr_expect_str_eq(hf_err_name((hf_err)numbers[i]), "HF_E?");
        cr_expect_str_eq(hf_err_text((hf_err)numbers[i]), "unknown error");
    }
}
