/* certificate_file.c: an identity that outlives the process. */
#include "certificate_file.h"

#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PEM_MAX (65536 + 1) /* what the library takes, and one more, by which it sees that there is more */

static hf_err read_file(hf_certificate **out, int fd, const char *path, const hf_env *env, cli_fault *fault)
{
    static char pem[PEM_MAX];
    size_t len = 0;
    ssize_t n = 0;

    while (len < sizeof pem && ((n = read(fd, pem + len, sizeof pem - len)) > 0 || (n < 0 && errno == EINTR)))
        len += n > 0 ? (size_t)n : 0;
    if (n < 0)
        return cli_fault_set(fault, HF_EIO, "can't read %.200s: %s", path, strerror(errno));
    const char *why;
    hf_err err = hf_certificate_from_pem(out, pem, len, &why, env);
    explicit_bzero(pem, sizeof pem);
    return err == HF_OK ? HF_OK : cli_fault_set(fault, err, "%.200s: %s", path, why ? why : hf_err_text(err));
}

/* O_EXCL: two processes that start at once do not mix their keys, and a link does not lead us elsewhere. */
static hf_err make_file(hf_certificate **out, const char *path, const hf_env *env, cli_fault *fault)
{
    char pem[HF_CERTIFICATE_PEM_SIZE];

    hf_err err = hf_certificate_new(out, env);
    if (err == HF_OK)
        err = hf_certificate_to_pem(*out, pem, sizeof pem);
    if (err != HF_OK)
        return cli_fault_set(fault, err, "can't make a certificate: %s", hf_err_text(err));

    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written = fd >= 0 && cli_write_all(fd, pem, strlen(pem));
    int cause = errno;
    explicit_bzero(pem, sizeof pem);
    if (fd >= 0 && close(fd) != 0)
        written = false;
    return written ? HF_OK : cli_fault_set(fault, HF_EIO, "can't write %.200s: %s", path, strerror(cause));
}

hf_err cli_certificate_file(hf_certificate **out, const char *path, const hf_env *env, cli_fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *out = NULL;
    if (fd < 0 && errno == ENOENT)
        return make_file(out, path, env, fault);
    if (fd < 0)
        return cli_fault_set(fault, HF_EIO, "can't read %.200s: %s", path, strerror(errno));
    hf_err err = read_file(out, fd, path, env, fault);
    close(fd);
    return err;
}
