/* vectors.c: runs tests/corpus/protocol, which implementations in other languages run, too. */
#include "control.h"
#include "field.h"
#include "inbox.h"
#include "outbox.h"
#include "recognition.h"

#include "corpus.h"
#include "env.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static test_env t;

/* --- Reading the files ------------------------------------------------------------------------------------------------ */

static json_t *load(const char *path)
{
    json_error_t error;
    hf_bytes text = corpus_read_file(path);
    json_t *root = json_loadb((const char *)text.data, text.len, 0, &error);
    corpus_free(text);
    cr_assert(root, "%s:%d: %s", path, error.line, error.text);
    return root;
}

static json_t *get(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    cr_assert(value, "there is no '%s'", key);
    return value;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(get(object, key));
    cr_assert(text, "'%s' is no text", key);
    return text;
}

static uint64_t number_of(const json_t *object, const char *key)
{
    cr_assert(json_is_integer(get(object, key)), "'%s' is no number", key);
    return (uint64_t)json_integer_value(get(object, key));
}

/* HF_OK where there is no error. */
static hf_err error_of(const json_t *object)
{
    static const hf_err known[] = {HF_ENOENT, HF_ENOTSUP, HF_ESYNTAX, HF_EPROTO, HF_EMSGSIZE, HF_ELIMIT};
    const char *name = json_string_value(json_object_get(object, "error"));
    for (size_t i = 0; name && i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, hf_err_name(known[i])) == 0)
            return known[i];
    }
    cr_assert(!name, "there is no error %s", name);
    return HF_OK;
}

static bool has(const json_t *object, const char *key)
{
    return json_object_get(object, key) != NULL;
}

static hf_message_kind kind_of(const json_t *object)
{
    return strcmp(text_of(object, "kind"), "text") == 0 ? HF_TEXT : HF_BINARY;
}

static hf_delivery delivery_of(const json_t *object)
{
    static const char *const names[] = {"ordered", "unordered", "fresh"};
    int i = 0;
    while (strcmp(names[i], text_of(object, "delivery")) != 0)
        cr_assert_lt(++i, 3);
    return (hf_delivery)i;
}

static void expect_bytes(hf_bytes found, const char *hex, const char *why)
{
    hf_bytes expected = corpus_bytes_of_hex(hex);
    cr_expect(hf_bytes_equal(found, expected), "%s: %s", why, hex);
    corpus_free(expected);
}

/* --- Frames ------------------------------------------------------------------------------------------------------------ */

static uint64_t optional(const json_t *object, const char *key)
{
    return has(object, key) ? number_of(object, key) : 0;
}

static hf_part part_of(const json_t *frame)
{
    static const char *const names[] = {"whole", "first", "middle", "last"};
    int i = 0;
    while (strcmp(names[i], text_of(frame, "part")) != 0)
        cr_assert_lt(++i, 4);
    return (hf_part)i;
}

static void expect_frame(const json_t *row, hf_bytes bytes, const hf_frame *found)
{
    const char *why = text_of(row, "why");
    const json_t *frame = get(row, "frame");
    uint8_t header[HF_FRAME_HEADER_MAX];
    cr_expect_eq(found->part, part_of(frame), "%s", why);
    cr_expect_eq(found->kind, kind_of(frame), "%s", why);
    cr_expect_eq(found->number, optional(frame, "number"), "%s", why);
    cr_expect_eq(found->offset, optional(frame, "offset"), "%s", why);
    cr_expect(!has(frame, "length") || found->length == number_of(frame, "length"), "%s", why);
    expect_bytes(found->payload, text_of(frame, "payload"), why);
    if (has(row, "writers_choose_otherwise"))
        return;
    size_t len = hf_frame_write_header(header, delivery_of(row), found);
    cr_expect(hf_bytes_equal(hf_bytes_of(header, len), hf_bytes_of(bytes.data, bytes.len - found->payload.len)), "%s", why);
}

Test(vectors, frames)
{
    json_t *root = load("protocol/frames.json"), *row;
    size_t i;
    json_array_foreach(get(root, "frames"), i, row)
    {
        hf_frame frame;
        hf_bytes bytes = corpus_bytes_of_hex(text_of(row, "bytes"));
        hf_err err = hf_frame_read(bytes, delivery_of(row), &frame);
        cr_expect_eq(err, error_of(row), "%s: %s", text_of(row, "why"), hf_err_name(err));
        if (err == HF_OK && has(row, "frame"))
            expect_frame(row, bytes, &frame);
        corpus_free(bytes);
    }
    json_decref(root);
}

/* --- Control ----------------------------------------------------------------------------------------------------------- */

static hf_channel_ref ref_of(const json_t *item)
{
    const json_t *channel = get(item, "channel");
    return (hf_channel_ref){.incarnation = number_of(channel, "incarnation"),
                            .of_writer = json_is_true(get(channel, "of_writer"))};
}

static void ranges_of(const json_t *item, hf_ranges *out)
{
    json_t *pair;
    size_t i;
    json_array_foreach(get(item, "ranges"), i, pair)
    {
        hf_range range = {(uint64_t)json_integer_value(json_array_get(pair, 0)),
                          (uint64_t)json_integer_value(json_array_get(pair, 1))};
        cr_assert_eq(hf_ranges_add(out, &t.env, range, 1000), HF_OK);
    }
}

static bool is_ref(const hf_channel_ref *found, hf_channel_ref expected)
{
    return found->incarnation == expected.incarnation && found->of_writer == expected.of_writer;
}

static void expect_received(hf_bytes list, const json_t *items, const char *why, hf_writer *w)
{
    hf_control_received found;
    json_t *item;
    size_t i;
    json_array_foreach(items, i, item)
    {
        hf_ranges ranges = {0};
        hf_range range;
        ranges_of(item, &ranges);
        cr_assert(hf_control_next_received(&list, &found), "%s", why);
        cr_expect(is_ref(&found.channel, ref_of(item)), "%s", why);
        cr_expect(found.received == number_of(item, "received") && found.window == number_of(item, "window") &&
                      found.message_max == number_of(item, "message_max"),
                  "%s", why);
        hf_control_ranges rest = found.ranges;
        for (size_t k = 0; k < ranges.len; k++) {
            cr_assert(hf_control_next_range(&rest, &range), "%s", why);
            cr_expect(range.first == ranges.items[k].first && range.last == ranges.items[k].last, "%s", why);
        }
        cr_expect_not(hf_control_next_range(&rest, &range), "%s", why);
        cr_expect(hf_control_write_received(w, &found, &ranges));
        hf_ranges_clear(&ranges, &t.env);
    }
    cr_expect_not(hf_control_next_received(&list, &found), "%s", why);
}

static void expect_hello(const hf_control *found, const json_t *message, const char *why, hf_writer *w)
{
    cr_expect_eq(found->u.hello.version, number_of(message, "version"), "%s", why);
    cr_expect_eq(found->u.hello.generation, number_of(message, "generation"), "%s", why);
    expect_bytes(hf_bytes_of(found->u.hello.session, HF_SESSION_ID_BYTES), text_of(message, "session"), why);
    expect_bytes(hf_bytes_of(found->u.hello.remote, HF_SESSION_ID_BYTES), text_of(message, "remote"), why);
    hf_control_write_hello(w, found->u.hello.session, found->u.hello.remote, found->u.hello.generation);
    expect_received(found->u.hello.received, get(message, "received"), why, w);
}

static void expect_last(const hf_control_last *found, const json_t *item, const char *why)
{
    cr_expect(is_ref(&found->channel, ref_of(item)) && found->last == number_of(item, "last"), "%s", why);
}

static void expect_bye(hf_bytes list, const json_t *message, const char *why, hf_writer *w)
{
    hf_control_last found;
    json_t *item;
    size_t i;
    hf_control_write_bye(w, HF_CONTROL_BYE);
    json_array_foreach(get(message, "lasts"), i, item)
    {
        cr_assert(hf_control_next_last(&list, &found), "%s", why);
        expect_last(&found, item, why);
        hf_control_write_last(w, &found);
    }
    cr_expect_not(hf_control_next_last(&list, &found), "%s", why);
}

static void expect_token(uint64_t token, const json_t *message, const char *why)
{
    char digits[17];
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)token);
    cr_expect_str_eq(digits, text_of(message, "token"), "%s", why);
}

static bool is_type(const json_t *message, hf_control_type type)
{
    static const char *const names[] = {"", "HELLO", "ACK", "CLOSE", "CLOSED", "BYE", "BYE_DONE", "PING", "PONG"};
    const json_t *name = get(message, "type");
    if (json_is_integer(name))
        return json_integer_value(name) == (json_int_t)type;
    return type <= HF_CONTROL_PONG && strcmp(json_string_value(name), names[type]) == 0;
}

/* What was found is what the row says, and is written as the bytes are. */
static void expect_control(const json_t *row, hf_bytes bytes, const hf_control *found)
{
    uint8_t again[256];
    const char *why = text_of(row, "why");
    const json_t *message = get(row, "message");
    hf_writer w = hf_writer_of(again, sizeof again);
    cr_assert(is_type(message, found->type), "%s", why);
    switch (found->type) {
    case HF_CONTROL_HELLO:
        expect_hello(found, message, why, &w);
        break;
    case HF_CONTROL_ACK:
        hf_control_write_ack(&w);
        expect_received(found->u.ack.received, get(message, "received"), why, &w);
        break;
    case HF_CONTROL_CLOSE:
    case HF_CONTROL_CLOSED: {
        const hf_control_last *last = found->type == HF_CONTROL_CLOSE ? &found->u.close : &found->u.closed;
        expect_last(last, message, why);
        hf_control_write_close(&w, found->type, last);
        break;
    }
    case HF_CONTROL_BYE:
        expect_bye(found->u.bye.lasts, message, why, &w);
        break;
    case HF_CONTROL_BYE_DONE:
        hf_control_write_bye(&w, HF_CONTROL_BYE_DONE);
        break;
    case HF_CONTROL_PING:
    case HF_CONTROL_PONG: {
        uint64_t token = found->type == HF_CONTROL_PING ? found->u.ping.token : found->u.pong.token;
        expect_token(token, message, why);
        hf_control_write_ping(&w, found->type, token);
        break;
    }
    }
    cr_expect(w.ok, "%s", why);
    bool as_written = hf_bytes_equal(hf_bytes_of(again, w.len), bytes);
    cr_expect_eq(as_written, !has(row, "writers_choose_otherwise"), "%s", why);
}

Test(vectors, control)
{
    json_t *root = load("protocol/control.json"), *row;
    size_t i;
    test_env_init(&t, 1);
    json_array_foreach(get(root, "messages"), i, row)
    {
        hf_control message;
        hf_bytes bytes = corpus_bytes_of_hex(text_of(row, "bytes"));
        hf_err err = hf_control_read(bytes, &message);
        cr_expect_eq(err, error_of(row), "%s: %s", text_of(row, "why"), hf_err_name(err));
        if (err == HF_OK && has(row, "message"))
            expect_control(row, bytes, &message);
        corpus_free(bytes);
    }
    json_decref(root);
}

/* --- Names ------------------------------------------------------------------------------------------------------------- */

static void expect_field(const json_t *row, const char *text)
{
    hf_field field = {0};
    const char *why = text_of(row, "why");
    hf_err err = hf_field_read(text, &field);
    cr_expect_eq(err, error_of(row), "%s: %s", why, hf_err_name(err));
    if (err != HF_OK)
        return;
    cr_expect_eq(field.incarnation, number_of(row, "incarnation"), "%s", why);
    cr_expect_str_eq(field.protocol, text_of(row, "protocol"), "%s", why);
    char *again = hf_field_write(&t.env, &field);
    cr_expect_eq(strcmp(again, text) == 0, !has(row, "writers_choose_otherwise"), "%s", why);
    hf_dealloc(&t.env, again);
}

static void expect_lines(const json_t *row)
{
    char sdp[1024], line[HF_RECOGNITION_SIZE];
    uint8_t id[HF_SESSION_ID_BYTES];
    const char *why = text_of(row, "why"), *expected = json_string_value(get(row, "id"));
    json_t *one;
    size_t i;
    int len = snprintf(sdp, sizeof sdp, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
    json_array_foreach(get(row, "lines"), i, one) len +=
        snprintf(sdp + len, sizeof sdp - (size_t)len, "%s\r\n", json_string_value(one));
    cr_assert_eq(hf_recognition_read(sdp, id), expected != NULL, "%s", why);
    if (!expected)
        return;
    expect_bytes(hf_bytes_of(id, sizeof id), expected, why);
    hf_recognition_write(id, line);
    bool as_written = strcmp(line, json_string_value(json_array_get(get(row, "lines"), 0)) + 2) == 0;
    cr_expect_eq(as_written, !has(row, "writers_choose_otherwise"), "%s", why);
}

Test(vectors, names)
{
    json_t *root = load("protocol/names.json"), *row;
    size_t i;
    test_env_init(&t, 1);
    json_array_foreach(get(root, "fields"), i, row) expect_field(row, text_of(row, "field"));
    json_array_foreach(get(root, "lines"), i, row) expect_lines(row);
    json_decref(root);
}

/* --- Receiving ----------------------------------------------------------------------------------------------------- */

static void expect_pieces(hf_inbox *box, const json_t *step, const char *why)
{
    hf_inbox_piece piece;
    json_t *message;
    size_t i;
    json_array_foreach(get(step, "gives"), i, message)
    {
        cr_assert(hf_inbox_next(box, &piece), "%s", why);
        cr_expect(piece.first && piece.last && !piece.discarded, "%s", why);
        cr_expect_eq(piece.kind, kind_of(message), "%s", why);
        expect_bytes(piece.bytes, text_of(message, "payload"), why);
        hf_inbox_release(box);
    }
    cr_expect_not(hf_inbox_next(box, &piece), "%s", why);
}

static void expect_report(hf_inbox *box, const json_t *report, const char *why)
{
    hf_control_received said;
    hf_ranges ranges = {0};
    hf_inbox_report(box, &said);
    ranges_of(report, &ranges);
    cr_expect(said.received == number_of(report, "received") && said.window == number_of(report, "window") &&
                  said.message_max == number_of(report, "message_max"),
              "%s: %llu, window %llu", why, (unsigned long long)said.received, (unsigned long long)said.window);
    bool same = ranges.len == box->ranges.len;
    for (size_t i = 0; same && i < ranges.len; i++)
        same = ranges.items[i].first == box->ranges.items[i].first && ranges.items[i].last == box->ranges.items[i].last;
    cr_expect(same, "%s", why);
    hf_ranges_clear(&ranges, &t.env);
}

static void receive(hf_inbox *box, const json_t *step, const char *why)
{
    if (has(step, "frame")) {
        hf_bytes frame = corpus_bytes_of_hex(text_of(step, "frame"));
        hf_err err = hf_inbox_take(box, frame, NULL, NULL);
        cr_expect_eq(err, error_of(step), "%s: %s", why, hf_err_name(err));
        corpus_free(frame);
    }
    if (has(step, "gives") && !has(step, "hold"))
        expect_pieces(box, step, why);
    if (has(step, "report"))
        expect_report(box, get(step, "report"), why);
    if (has(step, "lost"))
        hf_inbox_forget_partials(box);
}

Test(vectors, receive)
{
    json_t *root = load("protocol/receive.json"), *row, *step;
    size_t i, k;
    json_array_foreach(get(root, "scenarios"), i, row)
    {
        hf_inbox box;
        hf_inbox_init(&box, test_env_init(&t, 1), delivery_of(row), number_of(row, "window"), number_of(row, "message_max"));
        json_array_foreach(get(row, "steps"), k, step) receive(&box, step, text_of(row, "why"));
        hf_inbox_clear(&box);
        cr_expect_eq(t.blocks, 0);
    }
    json_decref(root);
}

/* --- Sending ------------------------------------------------------------------------------------------------------- */

static void expect_frames(hf_outbox *box, const json_t *step, const char *why)
{
    hf_outbox_part part;
    json_t *frame;
    size_t i;
    json_array_foreach(get(step, "frames"), i, frame)
    {
        uint8_t bytes[512];
        cr_assert(hf_outbox_peek(box, number_of(step, "part_max"), &part), "%s: frame %zu", why, i);
        cr_assert_lt(part.header_len + part.payload.len, sizeof bytes);
        memcpy(bytes, part.header, part.header_len);
        memcpy(bytes + part.header_len, part.payload.data, part.payload.len);
        expect_bytes(hf_bytes_of(bytes, part.header_len + part.payload.len), json_string_value(frame), why);
        hf_outbox_given(box, part.payload.len);
    }
    cr_expect_not(hf_outbox_peek(box, number_of(step, "part_max"), &part), "%s", why);
}

static void expect_returned(hf_outbox *box, const json_t *step, const char *why)
{
    hf_returned returned;
    json_t *message;
    size_t i;
    json_array_foreach(json_object_get(step, "returns"), i, message)
    {
        cr_assert(hf_outbox_take_too_long(box, &returned), "%s", why);
        expect_bytes(returned.message, text_of(message, "payload"), why);
        hf_dealloc(&t.env, returned.memory);
    }
    cr_expect_not(hf_outbox_take_too_long(box, &returned), "%s", why);
}

/* The item as it is read from a message. NULL: there is none. */
static const hf_control_received *item_of(const json_t *value, uint8_t *memory, size_t size)
{
    static hf_control message;
    static hf_control_received item;
    hf_ranges ranges = {0};
    if (json_is_null(value))
        return NULL;
    hf_writer w = hf_writer_of(memory, size);
    ranges_of(value, &ranges);
    item = (hf_control_received){.channel = {.incarnation = 1},
                                 .received = number_of(value, "received"),
                                 .window = number_of(value, "window"),
                                 .message_max = number_of(value, "message_max")};
    hf_control_write_ack(&w);
    cr_assert(hf_control_write_received(&w, &item, &ranges));
    hf_ranges_clear(&ranges, &t.env);
    cr_assert_eq(hf_control_read(hf_bytes_of(memory, w.len), &message), HF_OK);
    cr_assert(hf_control_next_received(&message.u.ack.received, &item));
    return &item;
}

static void send(hf_outbox *box, const json_t *step, const char *why)
{
    uint8_t memory[256];
    hf_err err = HF_OK;
    if (has(step, "push")) {
        hf_bytes payload = corpus_bytes_of_hex(text_of(get(step, "push"), "payload"));
        err = hf_outbox_push(box, 0, kind_of(get(step, "push")), payload);
        corpus_free(payload);
    } else if (has(step, "acknowledge")) {
        err = hf_outbox_acknowledge(box, item_of(get(step, "acknowledge"), memory, sizeof memory));
    } else if (has(step, "hello")) {
        err = hf_outbox_resume(box, item_of(get(step, "hello"), memory, sizeof memory));
    } else if (has(step, "lost")) {
        hf_outbox_pause(box);
    } else {
        expect_frames(box, step, why);
    }
    cr_expect_eq(err, error_of(step), "%s: %s", why, hf_err_name(err));
    expect_returned(box, step, why);
}

Test(vectors, send)
{
    json_t *root = load("protocol/send.json"), *row, *step;
    size_t i, k;
    json_array_foreach(get(root, "scenarios"), i, row)
    {
        hf_outbox box;
        hf_outbox_init(&box, test_env_init(&t, 1), delivery_of(row), 1 << 20);
        hf_outbox_open(&box);
        json_array_foreach(get(row, "steps"), k, step) send(&box, step, text_of(row, "why"));
        hf_outbox_clear(&box);
        cr_expect_eq(t.blocks, 0);
    }
    json_decref(root);
}
