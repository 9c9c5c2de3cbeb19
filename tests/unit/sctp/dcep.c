/* dcep.c: OPEN and ACK as bytes. */
#include <chunk.h>
#include <corpus.h>
#include <dcep.h>

#include <criterion/criterion.h>

#include <string.h>

static bool read_hex(const char *hex, hf_dcep_type *type, hf_dcep_open *open, hf_bytes *message)
{
    *message = corpus_bytes_of_hex(hex);
    return hf_dcep_read(*message, type, open);
}

static const struct {
    uint8_t type;
    bool unordered;
    hf_reliability reliability;
} types[] = {
    {0x00, false, HF_RELIABLE},       {0x80, true, HF_RELIABLE},      {0x01, false, HF_MAX_RETRANSMITS},
    {0x81, true, HF_MAX_RETRANSMITS}, {0x02, false, HF_MAX_LIFETIME}, {0x82, true, HF_MAX_LIFETIME},
};

Test(sctp_dcep, writes_and_reads_each_channel_type_of_rfc_8832_5_1)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        uint8_t bytes[64];
        hf_writer w = hf_writer_of(bytes, sizeof bytes);
        hf_dcep_open in = {
            .unordered = types[i].unordered,
            .reliability = types[i].reliability,
            .reliability_limit = types[i].reliability == HF_RELIABLE ? 0 : 500,
            .priority = 256,
            .label = hf_bytes_of_text("a label"),
            .protocol = hf_bytes_of_text("proto"),
        };
        hf_dcep_write_open(&w, &in);
        cr_assert(w.ok);
        cr_expect_eq(bytes[0], 3);
        cr_expect_eq(bytes[1], types[i].type);

        hf_dcep_type type;
        hf_dcep_open out;
        cr_assert(hf_dcep_read(hf_bytes_of(bytes, w.len), &type, &out));
        cr_expect_eq(type, HF_DCEP_OPEN);
        cr_expect_eq(out.unordered, in.unordered);
        cr_expect_eq(out.reliability, in.reliability);
        cr_expect_eq(out.reliability_limit, in.reliability_limit);
        cr_expect_eq(out.priority, 256);
        cr_expect(hf_bytes_equal_text(out.label, "a label"));
        cr_expect(hf_bytes_equal_text(out.protocol, "proto"));
    }
}

Test(sctp_dcep, reads_what_browsers_send)
{
    static const char *const paths[] = {"wire/sctp-chromium156-data-ppid50-open-type00.hex",
                                        "wire/sctp-firefox153-data-ppid50-open-type00.hex"};
    static const uint16_t priorities[] = {256, 0};
    for (size_t i = 0; i < 2; i++) {
        corpus_hex hex = corpus_read_hex(paths[i]);
        hf_reader chunks;
        hf_chunk chunk;
        hf_dcep_type type;
        hf_dcep_open open;
        cr_assert(hf_chunks_of(hex.packets[0], &chunks) && hf_chunk_next(&chunks, &chunk));
        cr_assert(hf_dcep_read(hf_bytes_of(chunk.value.data + 12, chunk.value.len - 12), &type, &open));
        cr_expect_eq(type, HF_DCEP_OPEN);
        cr_expect(hf_bytes_equal_text(open.label, "echo"));
        cr_expect_eq(open.protocol.len, 0);
        cr_expect_eq(open.priority, priorities[i]);
        corpus_hex_clear(&hex);
    }
}

Test(sctp_dcep, ignores_the_limit_of_a_reliable_channel)
{
    hf_dcep_type type;
    hf_dcep_open open;
    hf_bytes message;
    cr_assert(read_hex("03 00 0100 00000007 0000 0000", &type, &open, &message));
    cr_expect_eq(open.reliability_limit, 0);
    corpus_free(message);
}

Test(sctp_dcep, refuses_what_is_malformed)
{
    static const struct {
        const char *hex, *why;
    } rows[] = {
        {"", "nothing"},
        {"01", "an unknown message"},
        {"04", "an unknown message"},
        {"0200", "an ACK with something behind it"},
        {"03", "an OPEN cut behind its type"},
        {"03 00 0100 00000000 0000 00", "an OPEN cut in its header"},
        {"03 03 0100 00000000 0000 0000", "an unknown channel type"},
        {"03 83 0100 00000000 0000 0000", "an unknown unordered channel type"},
        {"03 10 0100 00000000 0000 0000", "a reserved bit"},
        {"03 00 0100 00000000 0005 0000 41424344", "a label that overruns"},
        {"03 00 0100 00000000 0000 0001", "a protocol that overruns"},
        {"03 00 0100 00000000 ffff ffff 41", "lengths far too large"},
        {"03 00 0100 00000000 0001 0000 4142", "a byte behind the names"},
        {"03 00 0100 00000000 0001 0000 ff", "a label that is not UTF-8"},
        {"03 00 0100 00000000 0002 0000 c080", "an overlong NUL"},
        {"03 00 0100 00000000 0000 0003 eda080", "a surrogate in the protocol"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hf_dcep_type type;
        hf_dcep_open open;
        hf_bytes message;
        cr_expect_not(read_hex(rows[i].hex, &type, &open, &message), "%s", rows[i].why);
        corpus_free(message);
    }
}
