/* reassembly.c: a ClientHello from its fragments, in any order, with overlaps and other boundaries on retransmission. */
#include "reassembly.h"

#include "alloc.h"
#include "dtls.h"

#include <assert.h>
#include <string.h>

#define HEADERS_SIZE (HF_RECORD_HEADER_SIZE + HF_HANDSHAKE_HEADER_SIZE)

/* RFC 5246 §6.2.1: a record holds 2^14 bytes, and the whole message has to go into one. */
#define LENGTH_MAX (HF_DTLS_HELLO_MAX - HF_HANDSHAKE_HEADER_SIZE)

void hf_reassembly_init(hf_reassembly *reassembly, const hf_env *env)
{
    *reassembly = (hf_reassembly){.env = env};
}

void hf_reassembly_clear(hf_reassembly *reassembly)
{
    hf_dealloc(reassembly->env, reassembly->record);
    hf_reassembly_init(reassembly, reassembly->env);
}

static bool begin(hf_reassembly *reassembly, const hf_fragment *fragment)
{
    size_t bytes = HEADERS_SIZE + (size_t)fragment->length;
    uint8_t *record = hf_alloc(reassembly->env, bytes + fragment->length / 8 + 1);
    if (!record)
        return false;
    hf_reassembly_clear(reassembly);
    reassembly->record = record;
    reassembly->have = record + bytes;
    reassembly->length = fragment->length;
    reassembly->missing = fragment->length;
    reassembly->message_seq = fragment->message_seq;
    return true;
}

static bool has_byte(const hf_reassembly *reassembly, size_t at)
{
    return reassembly->have[at / 8] >> (at % 8) & 1;
}

static bool contradicts(const hf_reassembly *reassembly, const hf_fragment *fragment)
{
    if (fragment->length != reassembly->length || fragment->message_seq != reassembly->message_seq)
        return true;
    const uint8_t *message = reassembly->record + HEADERS_SIZE + fragment->offset;
    for (size_t i = 0; i < fragment->body.len; i++)
        if (has_byte(reassembly, fragment->offset + i) && message[i] != fragment->body.data[i])
            return true;
    return false;
}

static void keep(hf_reassembly *reassembly, const hf_fragment *fragment)
{
    uint8_t *message = reassembly->record + HEADERS_SIZE + fragment->offset;
    for (size_t i = 0; i < fragment->body.len; i++) {
        size_t at = fragment->offset + i;
        if (has_byte(reassembly, at))
            continue;
        reassembly->have[at / 8] |= (uint8_t)(1U << (at % 8));
        reassembly->missing--;
        message[i] = fragment->body.data[i];
    }
}

static void write_headers(hf_reassembly *reassembly, const hf_record *record)
{
    hf_writer w = hf_writer_of(reassembly->record, HEADERS_SIZE);
    hf_write_bytes(&w, hf_bytes_of(record->whole.data, HF_RECORD_HEADER_SIZE - 2)); /* all but the length */
    hf_write_u16(&w, (uint16_t)(HF_HANDSHAKE_HEADER_SIZE + reassembly->length));
    hf_write_u8(&w, HF_HANDSHAKE_CLIENT_HELLO);
    hf_write_u24(&w, reassembly->length);
    hf_write_u16(&w, reassembly->message_seq);
    hf_write_u24(&w, 0);
    hf_write_u24(&w, reassembly->length);
    assert(w.ok);
}

hf_reassembly_result hf_reassembly_take(hf_reassembly *reassembly, const hf_record *record, const hf_fragment *fragment,
                                        hf_bytes *out)
{
    if (fragment->length == 0 || fragment->length > LENGTH_MAX)
        return HF_REASSEMBLY_REFUSED;

    /* A whole message was handed out by the call before; what comes now begins a retransmission. */
    if (reassembly->record && reassembly->missing == 0)
        hf_reassembly_clear(reassembly);

    /* Which of two that contradict each other is forged, nobody can tell; only the true client will send all of it again. */
    bool restarted = reassembly->record && contradicts(reassembly, fragment);
    if ((!reassembly->record || restarted) && !begin(reassembly, fragment))
        return HF_REASSEMBLY_REFUSED;
    keep(reassembly, fragment);

    if (reassembly->missing > 0)
        return restarted ? HF_REASSEMBLY_RESTARTED : HF_REASSEMBLY_MORE;
    write_headers(reassembly, record);
    *out = hf_bytes_of(reassembly->record, HEADERS_SIZE + (size_t)reassembly->length);
    return HF_REASSEMBLY_WHOLE;
}
