/* dcep.h: the Data Channel Establishment Protocol (RFC 8832 §5), as bytes. */
#ifndef HF_DCEP_H
#define HF_DCEP_H

#include "bytes.h"

#include <holdfast/datachannel.h>

#define HF_DCEP_ACK_SIZE 1
#define HF_DCEP_OPEN_SIZE 12 /* without label and protocol */
#define HF_DCEP_MESSAGE_MAX (HF_DCEP_OPEN_SIZE + 2 * HF_LABEL_MAX)

typedef enum hf_dcep_type { HF_DCEP_ACK = 2, HF_DCEP_OPEN = 3 } hf_dcep_type;

typedef struct hf_dcep_open {
    bool unordered;
    hf_reliability reliability;
    uint32_t reliability_limit;
    uint16_t priority;
    hf_bytes label, protocol; /* point into the message */
} hf_dcep_open;

/* Reads the whole message. False: malformed, or of an unknown kind. `open` is filled for an OPEN. */
bool hf_dcep_read(hf_bytes message, hf_dcep_type *type, hf_dcep_open *open);

void hf_dcep_write_open(hf_writer *w, const hf_dcep_open *open);
void hf_dcep_write_ack(hf_writer *w);

#endif
