/* stun.h: STUN messages (RFC 8489; peers of RFC 5389 too) and the client's retransmission schedule. Pure: no state but
 * what the caller holds, no allocation.
 *
 * Reading: hf_stun_read checks the whole structure once and yields a view; attributes are then looked up in it.
 * Writing: hf_stun_begin, hf_stun_add_… in order, then integrity, then fingerprint; hf_stun_end tells the length. */
#ifndef HF_STUN_H
#define HF_STUN_H

#include "bytes.h"

#include <holdfast/base.h>

#define HF_STUN_HEADER_SIZE 20
#define HF_STUN_ID_SIZE 12
#define HF_STUN_COOKIE 0x2112A442u

/* user:realm:password at most: RFC 8489 §14.3 has 508 bytes of user, §14.9 763 of realm. */
#define HF_STUN_CREDENTIALS_MAX 2048

typedef enum hf_stun_class {
    HF_STUN_REQUEST = 0,
    HF_STUN_INDICATION = 1,
    HF_STUN_SUCCESS = 2,
    HF_STUN_ERROR = 3
} hf_stun_class;

/* Methods: RFC 8489 §18.2, RFC 8656 §17. Unknown ones are numbers too. */
enum {
    HF_STUN_BINDING = 0x001,
    HF_STUN_ALLOCATE = 0x003,
    HF_STUN_REFRESH = 0x004,
    HF_STUN_SEND_INDICATION = 0x006,
    HF_STUN_DATA_INDICATION = 0x007, /* HF_STUN_DATA is the attribute */
    HF_STUN_CREATE_PERMISSION = 0x008,
    HF_STUN_CHANNEL_BIND = 0x009
};

/* Attributes: name, number. RFC 8489 §18.3, RFC 8445 §20.1, RFC 8656 §18, RFC 5780 §9.1. */
#define HF_STUN_ATTRIBUTE_MAP(X)                \
    X(MAPPED_ADDRESS, 0x0001)                   \
    X(CHANGE_REQUEST, 0x0003)                   \
    X(USERNAME, 0x0006)                         \
    X(MESSAGE_INTEGRITY, 0x0008)                \
    X(ERROR_CODE, 0x0009)                       \
    X(UNKNOWN_ATTRIBUTES, 0x000A)               \
    X(CHANNEL_NUMBER, 0x000C)                   \
    X(LIFETIME, 0x000D)                         \
    X(XOR_PEER_ADDRESS, 0x0012)                 \
    X(DATA, 0x0013)                             \
    X(REALM, 0x0014)                            \
    X(NONCE, 0x0015)                            \
    X(XOR_RELAYED_ADDRESS, 0x0016)              \
    X(REQUESTED_ADDRESS_FAMILY, 0x0017)         \
    X(EVEN_PORT, 0x0018)                        \
    X(REQUESTED_TRANSPORT, 0x0019)              \
    X(DONT_FRAGMENT, 0x001A)                    \
    X(MESSAGE_INTEGRITY_SHA256, 0x001C)         \
    X(PASSWORD_ALGORITHM, 0x001D)               \
    X(USERHASH, 0x001E)                         \
    X(XOR_MAPPED_ADDRESS, 0x0020)               \
    X(RESERVATION_TOKEN, 0x0022)                \
    X(PRIORITY, 0x0024)                         \
    X(USE_CANDIDATE, 0x0025)                    \
    X(ADDITIONAL_ADDRESS_FAMILY, 0x8000)        \
    X(ADDRESS_ERROR_CODE, 0x8001)               \
    X(PASSWORD_ALGORITHMS, 0x8002)              \
    X(ALTERNATE_DOMAIN, 0x8003)                 \
    X(ICMP, 0x8004)                             \
    X(SOFTWARE, 0x8022)                         \
    X(ALTERNATE_SERVER, 0x8023)                 \
    X(FINGERPRINT, 0x8028)                      \
    X(ICE_CONTROLLED, 0x8029)                   \
    X(ICE_CONTROLLING, 0x802A)                  \
    X(RESPONSE_ORIGIN, 0x802B)                  \
    X(OTHER_ADDRESS, 0x802C)                    \
    X(NOMINATION, 0xC001) /* draft-thatcher-ice-renomination-01: a number, 32 bits; known to libwebrtc */

enum {
#define X(name, number) HF_STUN_##name = (number),
    HF_STUN_ATTRIBUTE_MAP(X)
#undef X
};

/* A message that was read. Views point into the datagram. */
typedef struct hf_stun_message {
    hf_stun_class class_;
    uint16_t method;
    uint8_t id[HF_STUN_ID_SIZE];
    hf_bytes whole;                       /* header and attributes */
    size_t integrity_at, integrity256_at; /* offsets of those attributes in `whole`; 0: absent */
    size_t fingerprint_at;
} hf_stun_message;

/* The first byte and the cookie say that this can be STUN (RFC 7983 §7, RFC 8489 §6.3); nothing more is checked. */
bool hf_stun_is_message(hf_bytes datagram);

/* Reads one message that fills the datagram exactly. False: malformed. Attributes behind MESSAGE-INTEGRITY other than
 * -SHA256 and FINGERPRINT are ignored as RFC 8489 §14.5 asks; a FINGERPRINT that is present but wrong makes it malformed. */
bool hf_stun_read(hf_bytes datagram, hf_stun_message *out);

/* Finds the first attribute of that type (ignored ones excepted); false: absent. */
bool hf_stun_find(const hf_stun_message *message, uint16_t type, hf_bytes *out);

/* Finds number `n` of that type, 0 being the first. */
bool hf_stun_find_nth(const hf_stun_message *message, uint16_t type, size_t n, hf_bytes *out);

/* Finds and decodes. False: absent, or its length or content is wrong. */
bool hf_stun_get_u32(const hf_stun_message *message, uint16_t type, uint32_t *out);
bool hf_stun_get_u64(const hf_stun_message *message, uint16_t type, uint64_t *out);
bool hf_stun_get_address(const hf_stun_message *message, uint16_t type, hf_addr *out);     /* MAPPED-ADDRESS and others */
bool hf_stun_get_xor_address(const hf_stun_message *message, uint16_t type, hf_addr *out); /* XOR-… */
bool hf_stun_get_xor_address_nth(const hf_stun_message *message, uint16_t type, size_t n, hf_addr *out);
bool hf_stun_get_error(const hf_stun_message *message, unsigned *code, hf_bytes *reason);  /* 300 to 699 */

/* Lists comprehension-required attributes (0x0000 to 0x7FFF) that are not in the table above or not wanted by `known`
 * (types; NULL: the whole table). Writes at most `cap` of them, each once, and returns how many (RFC 8489 §6.3.1). */
size_t hf_stun_unknown(const hf_stun_message *message, const uint16_t *known, size_t known_len, uint16_t *out, size_t cap);

/* Verifies MESSAGE-INTEGRITY (HMAC-SHA1) or -SHA256 (RFC 8489 §14.5, §14.6; truncated forms of 16 to 32 bytes accepted).
 * Constant time in the digest. False: absent or wrong. */
bool hf_stun_verify_integrity(const hf_stun_message *message, hf_bytes key);
bool hf_stun_verify_integrity256(const hf_stun_message *message, hf_bytes key);

/* The long-term key: MD5 of user:realm:password, or SHA-256 of the same (RFC 8489 §9.2.2, §18.5.1). All three are taken as
 * they are: OpaqueString preparation (RFC 8265) is the caller's. False: together they are longer than any that are valid. */
HF_CHECKED bool hf_stun_long_term_key_md5(hf_bytes user, hf_bytes realm, hf_bytes password, uint8_t out[16]);
HF_CHECKED bool hf_stun_long_term_key_sha256(hf_bytes user, hf_bytes realm, hf_bytes password, uint8_t out[32]);

/* A message being written into the caller's memory. When it runs out of room, `w.ok` becomes false and stays so. */
typedef struct hf_stun_writer {
    hf_writer w;
} hf_stun_writer;

hf_stun_writer hf_stun_begin(uint8_t *buffer, size_t cap, hf_stun_class class_, uint16_t method,
                             const uint8_t id[HF_STUN_ID_SIZE]);
void hf_stun_add(hf_stun_writer *s, uint16_t type, hf_bytes value);
void hf_stun_add_u32(hf_stun_writer *s, uint16_t type, uint32_t value);
void hf_stun_add_u64(hf_stun_writer *s, uint16_t type, uint64_t value);
void hf_stun_add_address(hf_stun_writer *s, uint16_t type, const hf_addr *addr);
void hf_stun_add_xor_address(hf_stun_writer *s, uint16_t type, const hf_addr *addr);
void hf_stun_add_error(hf_stun_writer *s, unsigned code, const char *reason);
void hf_stun_add_unknown_attributes(hf_stun_writer *s, const uint16_t *types, size_t n);
void hf_stun_add_integrity(hf_stun_writer *s, hf_bytes key);
void hf_stun_add_integrity256(hf_stun_writer *s, hf_bytes key);
void hf_stun_add_fingerprint(hf_stun_writer *s);

/* The length of the finished message; 0: it did not fit. */
size_t hf_stun_end(hf_stun_writer *s);

/* When a request over UDP is sent, and when it has failed: RTO, doubling, Rc times, then Rm * RTO (RFC 8489 §6.2.1).
 * Sans I/O and pure: start, and whenever `due` comes, advance. */
typedef struct hf_stun_transaction {
    uint8_t id[HF_STUN_ID_SIZE];
    hf_span rto;      /* the first one; 500 ms unless the caller knows better */
    unsigned sent;    /* transmissions so far */
    hf_time sent_at;  /* the last one */
    hf_time due;      /* when to send again or to give up */
} hf_stun_transaction;

#define HF_STUN_RTO HF_MS(500)
#define HF_STUN_RC 7
#define HF_STUN_RM 16

typedef enum hf_stun_step { HF_STUN_WAIT, HF_STUN_SEND_NOW, HF_STUN_GIVE_UP } hf_stun_step;

/* Begins with a random id; the first transmission is due at `now`. */
void hf_stun_transaction_start(hf_stun_transaction *t, hf_time now, hf_span rto, const hf_env *env);

/* Says what to do at `now`, and moves the schedule on when that is to send. */
hf_stun_step hf_stun_transaction_step(hf_stun_transaction *t, hf_time now);

#endif
