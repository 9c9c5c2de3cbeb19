/* trust.c: the system's certificate authorities, where Linux distributions keep them. */
#include "trust_priv.h"

#include "alloc.h"

#include <holdfast/certificate.h>
#include <holdfast/loop.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)8 << 20)

static const char *const places[] = {
    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch, Alpine */
    "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",             /* openSUSE */
    "/etc/ssl/cert.pem",                  /* Alpine of old, and others */
    NULL,
};

static hf_err read_whole(int fd, char **out, size_t *len, const hf_env *env)
{
    struct stat is;

    if (fstat(fd, &is) != 0 || !S_ISREG(is.st_mode))
        return HF_ENOENT;
    if ((uint64_t)is.st_size > FILE_MAX)
        return HF_ECERTIFICATE;
    size_t cap = (size_t)is.st_size;
    *out = hf_alloc_unfilled(env, cap + 1);
    if (!*out)
        return HF_ENOMEM;
    for (*len = 0; *len < cap;) {
        ssize_t n = read(fd, *out + *len, cap - *len);
        if (n > 0)
            *len += (size_t)n;
        else if (n == 0 || errno != EINTR)
            break; /* it has shrunk, or can't be read: what there is counts */
    }
    return HF_OK;
}

hf_err hf_trust_from_file(struct hf_trust **out, const char *path, const hf_env *env)
{
    char *text = NULL;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us up */

    if (fd < 0)
        return HF_ENOENT;
    hf_err err = read_whole(fd, &text, &len, env);
    close(fd);
    if (err == HF_OK)
        err = hf_trust_new(out, text, len, env);
    hf_dealloc(env, text);
    return err;
}

hf_err hf_trust_from_places(struct hf_trust **out, const char *const *paths, const hf_env *env)
{
    hf_err err = HF_ENOENT;

    for (; *paths && err == HF_ENOENT; paths++)
        err = hf_trust_from_file(out, *paths, env);
    return err;
}

/* SSL_CERT_FILE is what OpenSSL looks at, and with it most programs; a setuid program had better not. */
hf_err hf_trust_system(struct hf_trust **out, const hf_env *env)
{
    if (!out || !env)
        return HF_EINVAL;
    *out = NULL;
    const char *file = secure_getenv("SSL_CERT_FILE");
    return file && *file ? hf_trust_from_file(out, file, env) : hf_trust_from_places(out, places, env);
}
