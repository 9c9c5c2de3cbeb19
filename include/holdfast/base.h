/* base.h: the few types that every part of Holdfast speaks: time, bytes, addresses, and the environment.
 *
 * Nothing here allocates or keeps state; every function may be called from any thread. */
#ifndef HOLDFAST_BASE_H
#define HOLDFAST_BASE_H

#include <holdfast/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Time ---------------------------------------------------------------------------------------------------------
 * No layer reads a clock: the caller hands the moment in. The clock is monotonic, starts anywhere at or above zero, and
 * should go on while the machine sleeps (CLOCK_BOOTTIME). A `now` earlier than one given before counts as that one. */
typedef int64_t hf_time; /* a moment: microseconds on the caller's monotonic clock */
typedef int64_t hf_span; /* a length of time: microseconds */

#define HF_NEVER INT64_MAX
#define HF_MS(n) ((hf_span)(n)*1000)
#define HF_SECONDS(n) ((hf_span)(n)*1000000)

/* --- Bytes --------------------------------------------------------------------------------------------------------- */

/* A view of bytes that somebody else owns. `data` may be NULL when `len` is zero. */
typedef struct hf_bytes {
    const uint8_t *data;
    size_t len;
} hf_bytes;

/* --- Addresses ----------------------------------------------------------------------------------------------------- */

typedef enum hf_family {
    HF_FAMILY_NONE = 0, /* no address */
    HF_FAMILY_IPV4 = 4,
    HF_FAMILY_IPV6 = 6
} hf_family;

/* An IP address with a port. A struct of zeroes is "no address". */
typedef struct hf_addr {
    hf_family family;
    uint16_t port;   /* host byte order */
    uint32_t scope;  /* IPv6 zone (interface index) of a link-local address, otherwise 0 */
    uint8_t ip[16];  /* network byte order; IPv4 uses the first four, the others are zero */
} hf_addr;

/* Room for any address as text with port, brackets, zone and the final NUL. */
#define HF_ADDR_TEXT_SIZE 72

/* Parses "192.0.2.1", "192.0.2.1:3478", "2001:db8::1", "[2001:db8::1]:3478" or "fe80::1%2" (RFC 4291 §2.2; zones as
 * numbers, RFC 4007 §11). Without a port in the text, out->port is 0. False: not an address; *out is untouched. */
bool hf_addr_parse(const char *text, size_t len, hf_addr *out);

/* Writes the address with its port ("192.0.2.1:3478", "[2001:db8::1]:3478", RFC 5952 §6) and returns `text`. */
const char *hf_addr_write(const hf_addr *addr, char text[HF_ADDR_TEXT_SIZE]);

/* Writes the address without port or brackets (RFC 5952 §4) and returns `text`; "" for no address. */
const char *hf_addr_write_ip(const hf_addr *addr, char text[HF_ADDR_TEXT_SIZE]);

/* Family, IP, zone and port are equal. */
bool hf_addr_equal(const hf_addr *a, const hf_addr *b);

/* Family, IP and zone are equal; ports may differ. */
bool hf_addr_equal_ip(const hf_addr *a, const hf_addr *b);

/* 127.0.0.0/8 or ::1. */
bool hf_addr_is_loopback(const hf_addr *addr);

/* 169.254.0.0/16 or fe80::/10. */
bool hf_addr_is_link_local(const hf_addr *addr);

/* 0.0.0.0 or ::. */
bool hf_addr_is_unspecified(const hf_addr *addr);

/* 224.0.0.0/4, ff00::/8, or the IPv4 broadcast address. */
bool hf_addr_is_multicast(const hf_addr *addr);

/* --- Environment --------------------------------------------------------------------------------------------------- */

typedef enum hf_log_level { HF_LOG_NONE = 0, HF_LOG_ERROR, HF_LOG_WARNING, HF_LOG_INFO, HF_LOG_DEBUG } hf_log_level;

/* What a layer may not fetch by itself: memory, randomness, and places to log to. The application owns it and keeps it
 * alive and unchanged as long as any object made with it. hf_env_system() of loop.h fills one from the operating system.
 *
 * Time is never in it; it comes with each call. */
typedef struct hf_env {
    void *context; /* handed back to each function below */

    /* Memory of `size` bytes, aligned for any type, or NULL. Leave both NULL to use malloc and free. */
    void *(*alloc)(void *context, size_t size);
    void (*free)(void *context, void *memory); /* takes NULL */

    /* Fills `out` with bytes that nobody can predict. Required: there is no default. */
    void (*random)(void *context, void *out, size_t len);

    /* Takes one line without line end. NULL: nothing is logged. It must not call back into Holdfast. */
    void (*log)(void *context, hf_log_level level, const char *line);
    hf_log_level log_level; /* the most talkative level that `log` wants; zero: none */

    /* Takes one line of the event log (trace.h): a JSON object of `len` bytes, without line end. NULL: none is made. It must
     * not call back into Holdfast. */
    void (*trace)(void *context, const char *line, size_t len);
    uint64_t trace_group; /* the "group_id" of the events of what is made with this env; 0: they bear none */
} hf_env;

#ifdef __cplusplus
}
#endif
#endif
