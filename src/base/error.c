/* error.c: the table of error.h as functions. */
#include <holdfast/error.h>

const char *hf_err_name(hf_err err)
{
    switch (err) {
#define X(name, number, text)                                                                                               \
    case name:                                                                                                              \
        return #name;
        HF_ERR_MAP(X)
#undef X
    }
    return "HF_E?";
}

const char *hf_err_text(hf_err err)
{
    switch (err) {
#define X(name, number, text)                                                                                               \
    case name:                                                                                                              \
        return text;
        HF_ERR_MAP(X)
#undef X
    }
    return "unknown error";
}
