/* error.h: the errors of Holdfast, their names and texts.
 *
 * A function that can fail returns an hf_err: HF_OK (zero) or one negative number of this table. A call that fails has
 * changed nothing unless its own comment says otherwise. Causes in events are of the same type, so that one table names
 * every kind of trouble. */
#ifndef HOLDFAST_ERROR_H
#define HOLDFAST_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* Name, number and text: one home for all three. Numbers are stable: they are never reused or changed. */
#define HF_ERR_MAP(X)                                                                                                       \
    X(HF_OK, 0, "no error")                                                                                                 \
    X(HF_ENOMEM, -1, "out of memory")                                                                                       \
    X(HF_EINVAL, -2, "an argument is not valid")                                                                            \
    X(HF_EAGAIN, -3, "full for now; a writable event follows")                                                              \
    X(HF_ETIMEDOUT, -4, "the peer did not answer in time")                                                                  \
    X(HF_ESTATE, -5, "the call makes no sense in the present state")                                                        \
    X(HF_EMSGSIZE, -6, "the message is larger than the limit")                                                              \
    X(HF_ESYNTAX, -7, "the text or packet can't be parsed")                                                                 \
    X(HF_ENOTSUP, -8, "not supported")                                                                                      \
    X(HF_EBUSY, -9, "in use already")                                                                                       \
    X(HF_ENOENT, -10, "there is no such thing")                                                                             \
    X(HF_EEXIST, -11, "the name or number is taken")                                                                        \
    X(HF_ELIMIT, -12, "a configured limit is reached")                                                                      \
    X(HF_ECLOSED, -13, "closed")                                                                                            \
    X(HF_EFINGERPRINT, -14, "the certificate does not match the fingerprint")                                               \
    X(HF_EDTLS, -15, "the DTLS handshake failed")                                                                           \
    X(HF_ECONSENT, -16, "the peer's consent to receive expired")                                                            \
    X(HF_ENOPATH, -17, "no candidate pair works")                                                                           \
    X(HF_EABORTED, -18, "the peer aborted the association")                                                                 \
    X(HF_ERESOLVE, -19, "the host name can't be resolved")                                                                  \
    X(HF_EIO, -20, "an operation of the system failed")                                                                     \
    X(HF_EAUTH, -21, "authentication failed")                                                                               \
    X(HF_EPROTO, -22, "the peer violated the protocol")                                                                     \
    X(HF_ECERTIFICATE, -23, "the certificate or its key is not usable")                                                     \
    X(HF_EUNREACHABLE, -24, "the network or host can't be reached")                                                         \
    X(HF_EQUOTA, -25, "a quota is used up")                                                                                 \
    X(HF_EREFUSED, -26, "the other side refuses")                                                                           \
    X(HF_EIDENTITY, -27, "the remote shows another identity than before")                                                   \
    X(HF_ECONTINUITY, -28, "the remote does not know the session any more")

typedef enum hf_err {
#define X(name, number, text) name = (number),
    HF_ERR_MAP(X)
#undef X
} hf_err;

/* Marks a function whose result must be looked at. */
#if defined(__GNUC__) || defined(__clang__)
#define HF_CHECKED __attribute__((warn_unused_result))
#else
#define HF_CHECKED
#endif

/* Returns the error's name, such as "HF_EAGAIN"; "HF_E?" for a number that is not in the table. Static, never NULL.
 * May be called from any thread. */
const char *hf_err_name(hf_err err);

/* Returns one lower-case sentence without a full stop; "unknown error" for a number that is not in the table.
 * Static, never NULL. May be called from any thread. */
const char *hf_err_text(hf_err err);

#ifdef __cplusplus
}
#endif
#endif
