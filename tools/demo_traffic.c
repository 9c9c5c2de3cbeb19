/* demo_traffic.c: what is said on code-sync, cursor-pos, ai-stream and presence. */
#include "demo_priv.h"

#include <string.h>

enum { EDIT, CURSOR, TOKEN, WHO };

static const hf_span every[] = {
    [EDIT] = HF_MS(20),   /* two fast typists and an assistant */
    [CURSOR] = HF_MS(33), /* 30 a second */
    [TOKEN] = HF_MS(15),
    [WHO] = HF_SECONDS(1),
};
#define TOKENS_PER_ANSWER 80
#define DOCUMENT_BYTES 65536 /* above it, more is deleted than typed */

static const char *const words[] = {
    "return", "hf_session", "*session", "if",      "(err",   "!=",        "HF_OK)",   "const", "now",
    ";\n",    "{\n",        "}\n",      "uint8_t", "static", "/* why */", "päckchen", "→"};
#define WORDS_LEN (sizeof words / sizeof words[0])

static uint32_t random_below(cli_author *author, size_t limit)
{
    author->random = author->random * 1664525 + 1013904223;
    return limit > 0 ? (uint32_t)((author->random >> 8) % limit) : 0;
}

void cli_traffic_start(cli_demo_end *end)
{
    end->author.random = end->is_alice ? 1 : 2;
    for (size_t i = 0; i < sizeof end->due / sizeof end->due[0]; i++)
        end->due[i] = hf_loop_now(end->loop);
}

/* --- Edits: each end writes a text of its own and follows the other's. Positions count bytes. --- */

static void send_edit(cli_demo_end *end)
{
    cli_author *author = &end->author;
    const char *word = words[random_below(author, WORDS_LEN)];
    size_t len = author->own.len;
    cli_edit edit = {.at = random_below(author, len + 1), .insert = word, .insert_len = strlen(word)};

    if (len > DOCUMENT_BYTES || random_below(author, 4) == 0)
        edit.delete_len = random_below(author, len - edit.at + 1 < 12 ? len - edit.at + 1 : 12);
    hf_err err = cli_demo_say(
        end, CODE_SYNC,
        json_pack("{sI sI ss}", "at", (json_int_t)edit.at, "delete", (json_int_t)edit.delete_len, "insert", word));
    if (err == HF_EAGAIN)
        return; /* typed a moment later */
    if (err != HF_OK || !cli_document_apply(&author->own, &edit))
        cli_demo_fail(end, err == HF_OK ? HF_ENOMEM : err, "an edit could not be sent");
    author->edits++;
}

static void send_last_edit(cli_demo_end *end)
{
    char digest[65];

    cli_document_digest(&end->author.own, digest);
    if (cli_demo_say(end, CODE_SYNC,
                     json_pack("{sb sI ss}", "last", 1, "edits", (json_int_t)end->author.edits, "sha256", digest)) == HF_OK)
        end->flows[CODE_SYNC].last_sent = true;
}

static void take_edit(cli_demo_end *end, const json_t *message)
{
    cli_author *author = &end->author;
    const char *digest = json_string_value(json_object_get(message, "sha256"));
    const char *insert = json_string_value(json_object_get(message, "insert"));
    char ours[65];

    if (digest) {
        cli_document_digest(&author->mirror, ours);
        if (strcmp(ours, digest) != 0 ||
            (json_int_t)author->mirrored != json_integer_value(json_object_get(message, "edits")))
            cli_demo_fail(end, HF_EPROTO, "the text on code-sync is not the same at both ends");
        return;
    }
    cli_edit edit = {.at = (size_t)json_integer_value(json_object_get(message, "at")),
                     .delete_len = (size_t)json_integer_value(json_object_get(message, "delete")),
                     .insert = insert ? insert : "",
                     .insert_len = insert ? strlen(insert) : 0};
    if (!cli_document_apply(&author->mirror, &edit))
        cli_demo_fail(end, HF_EPROTO, "an edit on code-sync does not fit");
    author->mirrored++;
}

/* --- Cursors and presence: late ones are of no use --- */

static void send_and_forget(cli_demo_end *end, cli_demo_channel channel, json_t *object)
{
    hf_err err = cli_demo_say(end, channel, object);

    if (err != HF_OK && err != HF_EAGAIN)
        cli_demo_fail(end, err, "a message that may be lost could not be sent");
}

static void send_cursor(cli_demo_end *end)
{
    send_and_forget(
        end, CURSOR_POS,
        json_pack("{si si}", "line", (int)random_below(&end->author, 400), "column", (int)random_below(&end->author, 100)));
}

static void send_presence(cli_demo_end *end)
{
    send_and_forget(end, PRESENCE, json_pack("{ss ss}", "who", end->name, "status", "typing"));
}

/* --- The assistant: alice asks, bob streams the answer word by word --- */

static void ask(cli_demo_end *end)
{
    if (end->tokens < end->tokens_promised)
        return; /* it is still answering */
    if (cli_demo_say(end, AI_STREAM, json_pack("{ss}", "prompt", "explain this function")) != HF_OK)
        return;
    end->prompts++;
    end->tokens_promised += TOKENS_PER_ANSWER;
}

static void stream(cli_demo_end *end)
{
    if (end->tokens_left == 0 ||
        cli_demo_say(end, AI_STREAM, json_pack("{ss}", "token", words[random_below(&end->author, WORDS_LEN)])) != HF_OK)
        return;
    end->tokens_left--;
    end->tokens++;
}

static void send_last_on_ai_stream(cli_demo_end *end)
{
    if (!end->is_alice && (!end->flows[AI_STREAM].last_received || end->tokens_left > 0))
        return; /* questions that were asked are answered */
    if (cli_demo_say(end, AI_STREAM, json_pack("{sb sI}", "last", 1, "tokens", (json_int_t)end->tokens)) == HF_OK)
        end->flows[AI_STREAM].last_sent = true;
}

static void take_ai(cli_demo_end *end, const json_t *message)
{
    if (json_object_get(message, "prompt")) {
        end->prompts++;
        end->tokens_left += TOKENS_PER_ANSWER;
    } else if (json_object_get(message, "token")) {
        end->tokens++;
    } else if (end->is_alice && ((uint64_t)json_integer_value(json_object_get(message, "tokens")) != end->tokens ||
                                 end->tokens != end->tokens_promised)) {
        cli_demo_fail(end, HF_EPROTO, "an answer on ai-stream is not whole");
    }
}

/* --- All of it --- */

static void send_due(cli_demo_end *end, int what)
{
    hf_time now = hf_loop_now(end->loop);

    if (end->due[what] > now)
        return;
    end->due[what] = now - end->due[what] > HF_MS(200) ? now + every[what] : end->due[what] + every[what];
    if (what == EDIT)
        send_edit(end);
    else if (what == CURSOR)
        send_cursor(end);
    else if (what == WHO)
        send_presence(end);
    else if (end->is_alice)
        ask(end);
    else
        stream(end);
}

void cli_traffic_tick(cli_demo_end *end)
{
    bool over = cli_demo_is_time_over(end);

    for (int what = EDIT; what <= WHO; what++) {
        bool answers = what == TOKEN && !end->is_alice; /* what was asked in time is answered later */
        if (!over || answers)
            send_due(end, what);
    }
    if (over && !end->flows[CODE_SYNC].last_sent)
        send_last_edit(end);
    if (over && !end->flows[AI_STREAM].last_sent)
        send_last_on_ai_stream(end);
}

void cli_traffic_take(cli_demo_end *end, cli_demo_channel channel, const json_t *message)
{
    switch (channel) {
    case CODE_SYNC:
        take_edit(end, message);
        break;
    case AI_STREAM:
        take_ai(end, message);
        break;
    case CURSOR_POS:
    case PRESENCE: /* shown by an editor; here it is enough that they came */
        break;
    case FILES:
        cli_files_take(end, message);
        break;
    }
}
