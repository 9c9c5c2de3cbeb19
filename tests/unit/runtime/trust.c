/* trust.c: the system's certificate authorities. */
#include "trust_priv.h"

#include <env.h>

#include <holdfast/certificate.h>
#include <holdfast/loop.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static test_env t;
static char folder[] = "/tmp/holdfast-trust-XXXXXX";
static char path[64], pem[HF_CERTIFICATE_PEM_SIZE];

/* A folder of our own, and a certificate's text. */
static void prepare(void)
{
    hf_certificate *certificate = NULL;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    test_env_init(&t, 1);
    cr_assert_eq(hf_certificate_new(&certificate, &t.env), HF_OK);
    cr_assert_eq(hf_certificate_to_pem(certificate, pem, sizeof pem), HF_OK);
    hf_certificate_free(certificate);
}

static void clean_up(void)
{
    unlink(path);
    rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect(hf_err err, hf_trust *trust, hf_err expected, const char *why)
{
    cr_expect_eq(err, expected, "%s: %d", why, err);
    cr_expect_eq(trust != NULL, expected == HF_OK, "%s", why);
    hf_trust_free(trust);
    cr_expect_eq(t.blocks, 0, "%s", why);
}

TestSuite(trust, .init = prepare, .fini = clean_up);

Test(trust, comes_from_the_first_place_that_there_is)
{
    const char *const nowhere[] = {"/nonexistent/a", "/nonexistent/b", NULL};
    const char *const second[] = {"/nonexistent/a", path, folder, NULL};
    hf_trust *trust = NULL;

    write_file(pem);
    expect(hf_trust_from_places(&trust, nowhere, &t.env), trust, HF_ENOENT, "no file");
    hf_err err = hf_trust_from_places(&trust, second, &t.env);
    expect(err, trust, HF_OK, "the second");
}

Test(trust, names_what_is_wrong_with_a_file)
{
    hf_trust *trust = NULL;

    expect(hf_trust_from_file(&trust, path, &t.env), trust, HF_ENOENT, "it does not exist");
    expect(hf_trust_from_file(&trust, folder, &t.env), trust, HF_ENOENT, "a folder");
    write_file("");
    expect(hf_trust_from_file(&trust, path, &t.env), trust, HF_ECERTIFICATE, "empty");
    write_file("no certificate");
    expect(hf_trust_from_file(&trust, path, &t.env), trust, HF_ECERTIFICATE, "words");
    cr_assert_eq(truncate(path, 9 << 20), 0);
    expect(hf_trust_from_file(&trust, path, &t.env), trust, HF_ECERTIFICATE, "too long");
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect(hf_trust_from_file(&trust, path, &t.env), trust, HF_ENOENT, "a FIFO that nobody writes to");
}

Test(trust, of_the_system_is_what_SSL_CERT_FILE_names)
{
    hf_trust *trust = NULL;

    write_file(pem);
    setenv("SSL_CERT_FILE", path, 1);
    hf_err err = hf_trust_system(&trust, &t.env);
    expect(err, trust, HF_OK, "a file of ours");
    trust = NULL;
    setenv("SSL_CERT_FILE", "/nonexistent/a", 1);
    expect(hf_trust_system(&trust, &t.env), trust, HF_ENOENT, "no other file in its place");
    cr_expect_eq(hf_trust_system(NULL, &t.env), HF_EINVAL);
    cr_expect_eq(hf_trust_system(&trust, NULL), HF_EINVAL);
}

Test(trust, survives_each_failing_allocation)
{
    size_t n = 1;

    write_file(pem);
    for (; test_env_next_failure(&t, n, 1); n++) {
        hf_trust *trust = NULL;
        hf_err err = hf_trust_from_file(&trust, path, &t.env);
        expect(err, trust, n <= 3 ? HF_ENOMEM : HF_OK, "one at a time");
    }
    cr_expect_eq(n, 5);
}
