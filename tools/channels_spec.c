/* channels_spec.c: "collab,log:unordered:rtx=0" as channel configurations. */
#include "channels_spec.h"

#include <holdfast/manager.h>

#include <jansson.h>
#include <string.h>

static hf_err add(cli_channels *list, const hf_channel_config *config, cli_fault *fault)
{
    for (size_t i = 0; i < list->len; i++) {
        if (strcmp(list->items[i].name, config->name) == 0)
            return cli_fault_set(fault, HF_EEXIST, "channel \"%.100s\" stands there twice", config->name);
    }
    if (list->len == CLI_CHANNELS_MAX)
        return cli_fault_set(fault, HF_ELIMIT, "more than %d channels", CLI_CHANNELS_MAX);
    list->items[list->len++] = *config;
    return HF_OK;
}

static bool parse_u16(const char *text, uint16_t *out)
{
    uint32_t value = 0;

    if (*text == '\0' || strlen(text) > 5 || text[strspn(text, "0123456789")] != '\0')
        return false;
    for (; *text; text++)
        value = value * 10 + (uint32_t)(*text - '0');
    *out = (uint16_t)value;
    return value <= UINT16_MAX;
}

/* What follows `key` in `word`; NULL: it begins otherwise. */
static const char *value_of(const char *word, const char *key)
{
    size_t len = strlen(key);

    return strncmp(word, key, len) == 0 ? word + len : NULL;
}

static hf_err parse_limit(hf_channel_config *config, hf_reliability kind, const char *value, cli_fault *fault)
{
    if (config->reliability != HF_RELIABLE)
        return cli_fault_set(fault, HF_EINVAL, "channel \"%.100s\": one of rtx and ttl, once", config->name);
    if (!parse_u16(value, &config->reliability_limit))
        return cli_fault_set(fault, HF_EINVAL, "channel \"%.100s\": \"%.100s\" is not a number from 0 to 65535",
                             config->name, value);
    config->reliability = kind;
    return HF_OK;
}

static hf_err parse_word(hf_channel_config *config, const char *word, cli_fault *fault)
{
    const char *value;

    if (strcmp(word, "unordered") == 0) {
        config->unordered = true;
        return HF_OK;
    }
    if ((value = value_of(word, "rtx=")))
        return parse_limit(config, HF_MAX_RETRANSMITS, value, fault);
    if ((value = value_of(word, "ttl=")))
        return parse_limit(config, HF_MAX_LIFETIME, value, fault);
    if ((value = value_of(word, "protocol="))) {
        config->protocol = value;
        return HF_OK;
    }
    if ((value = value_of(word, "priority="))) {
        if (hf_priority_parse(value, &config->priority))
            return HF_OK;
        return cli_fault_set(fault, HF_EINVAL,
                             "channel \"%.100s\": priority \"%.100s\" is not critical, high, normal or low", config->name,
                             value);
    }
    return cli_fault_set(fault, HF_EINVAL, "channel \"%.100s\": unknown word \"%.100s\"", config->name, word);
}

static hf_err parse_channel(cli_channels *list, char *item, cli_fault *fault)
{
    hf_err err = HF_OK;

    if (strcmp(item, "collab") == 0) {
        for (size_t i = 0; i < HF_COLLAB_CHANNELS_LEN && err == HF_OK; i++)
            err = add(list, &hf_collab_channels[i], fault);
        return err;
    }

    hf_channel_config config = {.name = strsep(&item, ":")};
    if (*config.name == '\0')
        return cli_fault_set(fault, HF_EINVAL, "a channel without a name");
    if (strcmp(config.name, "collab") == 0)
        return cli_fault_set(fault, HF_EINVAL, "collab, the five channels, takes no words");
    while (item && err == HF_OK)
        err = parse_word(&config, strsep(&item, ":"), fault);
    return err == HF_OK ? add(list, &config, fault) : err;
}

/* The JSON library knows UTF-8 when it sees it. */
static bool is_utf8(const char *text, size_t len)
{
    json_t *string = json_stringn(text, len);

    json_decref(string);
    return string;
}

hf_err cli_channels_parse(cli_channels *out, const char *spec, cli_fault *fault)
{
    size_t len = strlen(spec);
    hf_err err = HF_OK;

    out->len = 0;
    if (len > CLI_CHANNELS_TEXT_MAX)
        return cli_fault_set(fault, HF_ELIMIT, "longer than %d bytes", CLI_CHANNELS_TEXT_MAX);
    if (!is_utf8(spec, len))
        return cli_fault_set(fault, HF_EINVAL, "not UTF-8");

    memcpy(out->text, spec, len + 1);
    for (char *rest = out->text; rest && err == HF_OK;)
        err = parse_channel(out, strsep(&rest, ","), fault);
    if (err != HF_OK)
        out->len = 0;
    return err;
}
