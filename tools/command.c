/* command.c: a line of input as a command or a signal, checked field by field. */
#include "command.h"

#include "base64.h"

#include <stdlib.h>
#include <string.h>

#define REPEAT_MAX ((json_int_t)1 << 53) /* what every JSON writer can say exactly */

/* --- Fields --- */

/* A string without NUL, which C strings of the library can't hold; `otherwise` where it is absent or null. NULL: a fault. */
static const char *text_field(const json_t *object, const char *name, const char *otherwise, cli_fault *fault)
{
    const json_t *value = json_object_get(object, name);

    if (!value || json_is_null(value)) {
        if (!otherwise)
            cli_fault_set(fault, HF_EINVAL, "field \"%s\" is missing", name);
        return otherwise;
    }
    if (!json_is_string(value)) {
        cli_fault_set(fault, HF_EINVAL, "field \"%s\" is not a string", name);
        return NULL;
    }
    if (strlen(json_string_value(value)) != json_string_length(value)) {
        cli_fault_set(fault, HF_EINVAL, "field \"%s\" holds a NUL", name);
        return NULL;
    }
    return json_string_value(value);
}

/* An integer from min to max; absent: *out stays. */
static hf_err integer_field(const json_t *object, const char *name, json_int_t min, json_int_t max, json_int_t *out,
                            cli_fault *fault)
{
    const json_t *value = json_object_get(object, name);

    if (!value)
        return HF_OK;
    if (!json_is_integer(value) || json_integer_value(value) < min || json_integer_value(value) > max)
        return cli_fault_set(fault, HF_EINVAL, "field \"%s\" is not an integer from %lld to %lld", name, (long long)min,
                             (long long)max);
    *out = json_integer_value(value);
    return HF_OK;
}

static const char *null_if_empty(const char *text)
{
    return *text ? text : NULL;
}

/* --- Signals --- */

/* "envelope":{"sender","receiver"?,"session"?,"remoteSession"?,"generation"?,"offer"?}, on the lines of a Holdfast peer
 * alone. */
static hf_err parse_envelope(hf_envelope *out, const json_t *object, cli_fault *fault)
{
    const json_t *envelope = json_object_get(object, "envelope");
    if (!envelope)
        return HF_OK;
    if (!json_is_object(envelope))
        return cli_fault_set(fault, HF_EINVAL, "field \"envelope\" is not an object");

    const char *sender, *receiver, *session, *remote_session;
    json_int_t generation = 0, offer = 0;
    if (!(sender = text_field(envelope, "sender", "", fault)) || !(receiver = text_field(envelope, "receiver", "", fault)) ||
        !(session = text_field(envelope, "session", "", fault)) ||
        !(remote_session = text_field(envelope, "remoteSession", "", fault)))
        return fault->code;
    if (strlen(sender) > HF_PEER_ID_MAX || strlen(receiver) > HF_PEER_ID_MAX)
        return cli_fault_set(fault, HF_EINVAL, "a peer id of more than %d bytes", HF_PEER_ID_MAX);
    hf_err err = integer_field(envelope, "offer", 0, UINT32_MAX, &offer, fault);
    if (err == HF_OK)
        err = integer_field(envelope, "generation", 0, UINT32_MAX, &generation, fault);
    out->sender = null_if_empty(sender);
    out->receiver = null_if_empty(receiver);
    out->session = null_if_empty(session);
    out->remote_session = null_if_empty(remote_session);
    out->offer = (uint32_t)offer;
    out->signal.generation = (uint32_t)generation;
    return err;
}

static hf_err parse_description(cli_command *out, const json_t *object, hf_signal_type type, cli_fault *fault)
{
    const char *sdp = text_field(object, "sdp", NULL, fault);

    if (!sdp)
        return fault->code;
    out->type = CLI_SIGNAL;
    out->u.signal = (hf_envelope){.signal = {.type = type, .sdp = sdp}};
    return parse_envelope(&out->u.signal, object, fault);
}

static hf_err parse_offer(cli_command *out, const json_t *object, cli_fault *fault)
{
    return parse_description(out, object, HF_SIGNAL_OFFER, fault);
}

static hf_err parse_answer(cli_command *out, const json_t *object, cli_fault *fault)
{
    return parse_description(out, object, HF_SIGNAL_ANSWER, fault);
}

/* A page passes RTCIceCandidate.toJSON() on, where members may be null; its last event has a null or empty candidate. */
static hf_err parse_candidate(cli_command *out, const json_t *object, cli_fault *fault)
{
    const char *candidate, *mid, *ufrag;
    json_int_t index = 0;

    if (!json_object_get(object, "candidate"))
        return cli_fault_set(fault, HF_EINVAL, "field \"candidate\" is missing");
    if (!(candidate = text_field(object, "candidate", "", fault)) || !(mid = text_field(object, "sdpMid", "", fault)) ||
        !(ufrag = text_field(object, "usernameFragment", "", fault)))
        return fault->code;
    if (!json_is_null(json_object_get(object, "sdpMLineIndex"))) {
        hf_err err = integer_field(object, "sdpMLineIndex", 0, UINT16_MAX, &index, fault);
        if (err != HF_OK)
            return err;
    }
    out->type = CLI_SIGNAL;
    out->u.signal = (hf_envelope){.signal = {.type = *candidate ? HF_SIGNAL_CANDIDATE : HF_SIGNAL_END_OF_CANDIDATES,
                                             .candidate = null_if_empty(candidate),
                                             .mid = null_if_empty(mid),
                                             .ufrag = null_if_empty(ufrag)}};
    return parse_envelope(&out->u.signal, object, fault);
}

static bool is_to_peer(const json_t *object)
{
    const char *to = json_string_value(json_object_get(object, "to"));

    return to && strcmp(to, "peer") == 0;
}

static hf_err parse_bye(cli_command *out, const json_t *object, cli_fault *fault)
{
    if (!is_to_peer(object))
        return cli_fault_set(fault, HF_EINVAL, "a bye bears \"to\":\"peer\"; to end this side, say close");
    out->type = CLI_SIGNAL;
    out->u.signal = (hf_envelope){.signal = {.type = HF_SIGNAL_BYE}};
    return parse_envelope(&out->u.signal, object, fault);
}

/* --- Commands --- */

static hf_err parse_text(cli_send *send, const json_t *text, cli_fault *fault)
{
    if (!json_is_string(text))
        return cli_fault_set(fault, HF_EINVAL, "field \"text\" is not a string");
    send->kind = HF_TEXT;
    send->data = (const uint8_t *)json_string_value(text);
    send->len = json_string_length(text);
    return HF_OK;
}

static hf_err parse_base64(cli_command *out, cli_send *send, const json_t *base64, cli_fault *fault)
{
    if (!json_is_string(base64) ||
        !cli_base64_read(json_string_value(base64), json_string_length(base64), &out->memory, &send->len))
        return cli_fault_set(fault, HF_EINVAL, "field \"base64\" is not a string in base64");
    send->data = out->memory;
    return HF_OK;
}

static hf_err parse_send(cli_command *out, const json_t *object, cli_fault *fault)
{
    const json_t *text = json_object_get(object, "text"), *base64 = json_object_get(object, "base64");
    const json_t *size = json_object_get(object, "size");
    json_int_t len = 0, repeat = 0;
    cli_send *send = &out->u.send;

    out->type = CLI_SEND;
    *send = (cli_send){.channel = text_field(object, "channel", NULL, fault)};
    if (!send->channel)
        return fault->code;
    if ((text != NULL) + (base64 != NULL) + (size != NULL) != 1)
        return cli_fault_set(fault, HF_EINVAL, "one of the fields \"text\", \"base64\" and \"size\" is needed");

    hf_err err = integer_field(object, "repeat", 1, REPEAT_MAX, &repeat, fault);
    if (err != HF_OK)
        return err;
    send->repeat = (uint64_t)repeat;
    if (text)
        return parse_text(send, text, fault);
    if (base64)
        return parse_base64(out, send, base64, fault);
    err = integer_field(object, "size", 0, HF_MESSAGE_MAX_LIMIT, &len, fault);
    send->len = (size_t)len;
    return err;
}

static hf_err parse_close_channel(cli_command *out, const json_t *object, cli_fault *fault)
{
    out->type = CLI_CLOSE_CHANNEL;
    out->u.close_channel = text_field(object, "channel", NULL, fault);
    return out->u.close_channel ? HF_OK : fault->code;
}

static hf_err parse_accept_identity(cli_command *out, const json_t *object, cli_fault *fault)
{
    const char *fingerprint = text_field(object, "fingerprint", "", fault);

    out->u.fingerprint = fingerprint && *fingerprint ? fingerprint : NULL;
    return fingerprint ? HF_OK : fault->code;
}

static hf_err parse_credentials(cli_command *out, const json_t *object, cli_fault *fault)
{
    cli_credentials *credentials = &out->u.credentials;

    out->type = CLI_CREDENTIALS;
    *credentials = (cli_credentials){.url = text_field(object, "url", NULL, fault)};
    credentials->username = credentials->url ? text_field(object, "username", NULL, fault) : NULL;
    credentials->password = credentials->username ? text_field(object, "password", NULL, fault) : NULL;
    return credentials->password ? HF_OK : fault->code;
}

/* --- Lines --- */

static const struct {
    const char *word;
    hf_err (*parse)(cli_command *out, const json_t *object, cli_fault *fault); /* NULL: the type says it all */
    cli_command_type type;
} types[] = {
    {"offer", parse_offer, CLI_SIGNAL},
    {"answer", parse_answer, CLI_SIGNAL},
    {"candidate", parse_candidate, CLI_SIGNAL},
    {"bye", parse_bye, CLI_SIGNAL},
    {"send", parse_send, CLI_SEND},
    {"close-channel", parse_close_channel, CLI_CLOSE_CHANNEL},
    {"credentials", parse_credentials, CLI_CREDENTIALS},
    {"restart", NULL, CLI_RESTART},
    {"reconnect", NULL, CLI_RECONNECT},
    {"accept-identity", parse_accept_identity, CLI_ACCEPT_IDENTITY},
    {"stats", NULL, CLI_STATS},
    {"close", NULL, CLI_CLOSE},
};

static hf_err parse_object(cli_command *out, const json_t *object, cli_fault *fault)
{
    const char *type = text_field(object, "type", NULL, fault);

    if (!type)
        return fault->code;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(type, types[i].word) != 0)
            continue;
        out->type = types[i].type;
        return types[i].parse ? types[i].parse(out, object, fault) : HF_OK;
    }

    if (is_to_peer(object)) {
        out->type = CLI_SIGNAL_OTHER;
        return HF_OK;
    }
    return cli_fault_set(fault, HF_EINVAL, "unknown type \"%.100s\"", type);
}

hf_err cli_command_parse(cli_command *out, const char *line, size_t len, cli_fault *fault)
{
    json_error_t error;

    *out = (cli_command){.root = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error)};
    *fault = (cli_fault){0};
    if (!out->root) {
        hf_err code = json_error_code(&error) == json_error_out_of_memory ? HF_ENOMEM : HF_ESYNTAX;
        return cli_fault_set(fault, code, "not JSON: %s", error.text);
    }

    hf_err err = json_is_object(out->root) ? parse_object(out, out->root, fault)
                                           : cli_fault_set(fault, HF_ESYNTAX, "not a JSON object");
    if (err != HF_OK)
        cli_command_clear(out);
    return err;
}

void cli_command_clear(cli_command *command)
{
    json_decref(command->root);
    free(command->memory);
    *command = (cli_command){0};
}
