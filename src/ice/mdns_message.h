/* mdns_message.h: DNS messages (RFC 1035 §4), as much of them as multicast DNS needs for host names (RFC 6762 §18). */
#ifndef HF_MDNS_MESSAGE_H
#define HF_MDNS_MESSAGE_H

#include "bytes.h"

#define HF_MDNS_NAME_SIZE 254 /* RFC 1035 §3.1: 255 bytes on the wire are 253 characters; with the NUL */

/* RFC 1035 §3.2.2, RFC 3596 §2.1, RFC 4034 §4 */
#define HF_DNS_A 1
#define HF_DNS_AAAA 28
#define HF_DNS_NSEC 47
#define HF_DNS_ANY 255

/* A question of the question section. */
typedef struct hf_mdns_question {
    char name[HF_MDNS_NAME_SIZE]; /* without the last dot; "": the root, or one that no host name looks like */
    uint16_t type;
    bool wants_unicast; /* the QU bit (RFC 6762 §5.4) */
} hf_mdns_question;

/* A record of the other sections. */
typedef struct hf_mdns_record {
    char name[HF_MDNS_NAME_SIZE];
    uint32_t ttl; /* seconds */
    hf_addr addr; /* of an A or AAAA record; family NONE: it is another, or of another class */
} hf_mdns_record;

typedef struct hf_mdns_reader {
    hf_bytes whole;
    hf_reader r;
    uint16_t id;
    bool is_response;
    bool is_ordinary; /* opcode and rcode are 0 (RFC 6762 §18.3, §18.11): others are to be ignored */
    size_t questions_left, answers_left, records_left; /* answers are records, too */
} hf_mdns_reader;

/* Reads the header. False: there is none. */
bool hf_mdns_read(hf_mdns_reader *m, hf_bytes message);

/* Reads the next question, then the next record. False: there is none left, or it is malformed: then m->r.ok is false. */
bool hf_mdns_next_question(hf_mdns_reader *m, hf_mdns_question *out);
bool hf_mdns_next_record(hf_mdns_reader *m, hf_mdns_record *out);

/* Whether all of it can be read. */
bool hf_mdns_is_well_formed(hf_bytes message);

/* A query for the A and AAAA records of a name. Returns its length; 0: no room. */
size_t hf_mdns_write_query(uint8_t *out, size_t cap, const char *name, bool wants_unicast);

/* What a response says. */
typedef struct hf_mdns_response {
    const char *name;
    hf_addr addr;
    uint32_t ttl;
    /* RFC 6762 §6.7: for a resolver that knows only unicast DNS: its id and question are repeated, and no bit is set that it
     * does not know. */
    bool is_legacy;
    uint16_t id, type;
} hf_mdns_response;

size_t hf_mdns_write_response(uint8_t *out, size_t cap, const hf_mdns_response *response);

#endif
