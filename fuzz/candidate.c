/* candidate.c: a candidate line. What is read and written again is read the same, and an agent takes it without harm. */
#include <holdfast/ice.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_ice_candidate first, second;
    char once[HF_ICE_CANDIDATE_TEXT_SIZE], twice[HF_ICE_CANDIDATE_TEXT_SIZE];
    if (hf_ice_candidate_parse((const char *)data, size, &first) != HF_OK)
        return 0;
    size_t len = hf_ice_candidate_write(&first, once);
    if (len != strlen(once) || hf_ice_candidate_parse(once, len, &second) != HF_OK)
        abort();
    if (hf_ice_candidate_write(&second, twice) != len || memcmp(once, twice, len) != 0)
        abort();
    return 0;
}
