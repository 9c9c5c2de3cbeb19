/* demo_files.c: the tree on files, and its receiver, who hashes what came. */
#include "demo_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)16384)
#define CHUNKS_PER_TICK 64 /* 100 MB/s at a tick each 10 ms: others have their turn */

/* --- The sender --- */

static void drop_file(cli_sending *sending)
{
    free(sending->data);
    sending->data = NULL;
    sending->next++;
}

static hf_err announce(cli_demo_end *end)
{
    cli_sending *sending = &end->sending;
    char digest[65];

    if (!sending->data) {
        hf_err err = cli_tree_load(&sending->tree, sending->next, &sending->data, &sending->len);
        if (err != HF_OK) {
            cli_demo_fail(end, err, "a file of the tree can't be read");
            return err;
        }
        sending->at = SIZE_MAX; /* not announced yet */
    }
    if (sending->at != SIZE_MAX)
        return HF_OK;
    cli_digest_hex(sending->data, sending->len, digest);
    hf_err err = cli_demo_say(end, FILES,
                              json_pack("{ss sI ss}", "file", sending->tree.paths[sending->next], "size",
                                        (json_int_t)sending->len, "sha256", digest));
    if (err == HF_OK)
        sending->at = 0;
    return err;
}

static hf_err send_chunk(cli_demo_end *end)
{
    static uint8_t stamped[CLI_DEMO_STAMP_SIZE + CHUNK];
    cli_sending *sending = &end->sending;
    size_t len = sending->len - sending->at < CHUNK ? sending->len - sending->at : CHUNK;

    if (len > 0) {
        memcpy(stamped + CLI_DEMO_STAMP_SIZE, sending->data + sending->at, len);
        hf_err err = cli_demo_say_bytes(end, FILES, stamped, len);
        if (err != HF_OK)
            return err;
        sending->at += len;
        sending->bytes += len;
    }
    if (sending->at == sending->len)
        drop_file(sending);
    return HF_OK;
}

static hf_err send_some(cli_demo_end *end)
{
    hf_err err = announce(end);

    return err == HF_OK ? send_chunk(end) : err;
}

static void send_files(cli_demo_end *end)
{
    cli_sending *sending = &end->sending;
    hf_err err = HF_OK;

    for (int i = 0; i < CHUNKS_PER_TICK && sending->next < sending->tree.len && err == HF_OK; i++)
        err = send_some(end);
    if (err == HF_OK && sending->next == sending->tree.len)
        err = cli_demo_say(end, FILES, json_pack("{sb sI}", "last", 1, "files", (json_int_t)sending->tree.len));
    else if (err == HF_OK)
        return;
    if (err == HF_OK)
        end->flows[FILES].last_sent = true;
    else if (err != HF_EAGAIN)
        cli_demo_fail(end, err, "a part of a file could not be sent");
}

/* --- The receiver --- */

static void verify(cli_demo_end *end)
{
    cli_receiving *receiving = &end->receiving;
    char digest[65];

    cli_digest_hex(receiving->data, receiving->len, digest);
    if (strcmp(digest, receiving->digest) == 0)
        receiving->verified++;
    else
        receiving->wrong++;
    free(receiving->data);
    receiving->data = NULL;
}

/* One number says it all: a receipt that finds no room is made up for by the next. */
static void send_receipt(cli_demo_end *end)
{
    cli_receiving *receiving = &end->receiving;
    bool last = end->flows[FILES].last_received;
    uint64_t seen = receiving->verified + receiving->wrong;

    if (seen == receiving->told && !last)
        return;
    if (cli_demo_say(end, FILES,
                     json_pack("{sb sI sI}", "last", last, "verified", (json_int_t)receiving->verified, "wrong",
                               (json_int_t)receiving->wrong)) != HF_OK)
        return;
    receiving->told = seen;
    end->flows[FILES].last_sent = last;
}

static void begin_file(cli_demo_end *end, const json_t *message)
{
    cli_receiving *receiving = &end->receiving;
    const char *digest = json_string_value(json_object_get(message, "sha256"));
    json_int_t size = json_integer_value(json_object_get(message, "size"));

    if (receiving->data || !digest || size < 0 || (uint64_t)size > CLI_TREE_FILE_MAX ||
        !(receiving->data = malloc((size_t)size + 1))) {
        cli_demo_fail(end, HF_EPROTO, "a file began before the last one was whole");
        return;
    }
    receiving->len = (size_t)size;
    receiving->at = 0;
    memcpy(receiving->digest, digest, strnlen(digest, 64) + 1);
    receiving->digest[64] = '\0';
    if (size == 0)
        verify(end);
}

void cli_files_take(cli_demo_end *end, const json_t *message)
{
    if (end->is_alice) {
        end->sending.verified = (uint64_t)json_integer_value(json_object_get(message, "verified"));
        end->sending.wrong = (uint64_t)json_integer_value(json_object_get(message, "wrong"));
        if (end->sending.arrived == 0 && end->sending.verified + end->sending.wrong == end->sending.tree.len)
            end->sending.arrived = hf_loop_now(end->loop);
    } else if (json_object_get(message, "file")) {
        begin_file(end, message);
    } else if ((uint64_t)json_integer_value(json_object_get(message, "files")) !=
               end->receiving.verified + end->receiving.wrong) {
        cli_demo_fail(end, HF_EPROTO, "the tree on files is not whole");
    }
}

void cli_files_take_bytes(cli_demo_end *end, const uint8_t *data, size_t len)
{
    cli_receiving *receiving = &end->receiving;

    if (!receiving->data || len > receiving->len - receiving->at) {
        cli_demo_fail(end, HF_EPROTO, "bytes on files that belong to no file");
        return;
    }
    memcpy(receiving->data + receiving->at, data, len);
    receiving->at += len;
    if (receiving->at == receiving->len)
        verify(end);
}

void cli_files_tick(cli_demo_end *end)
{
    if (end->flows[FILES].last_sent)
        return;
    if (end->is_alice)
        send_files(end);
    else
        send_receipt(end);
}
