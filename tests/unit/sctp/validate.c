/* validate.c: which packets are shown to usrsctp. */
#include <chunk.h>
#include <corpus.h>

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define HEADER "1388138801020304 00000000 "

static bool is_good(const char *hex)
{
    hf_bytes packet = corpus_bytes_of_hex(hex);
    bool good = hf_packet_is_well_formed(packet);
    corpus_free(packet);
    return good;
}

Test(sctp_validate, takes_the_packets_of_browsers)
{
    char **paths = corpus_list("wire", "sctp-", ".hex");
    for (size_t i = 0; paths[i]; i++) {
        corpus_hex hex = corpus_read_hex(paths[i]);
        for (size_t n = 0; n < hex.packets_len; n++)
            cr_expect(hf_packet_is_well_formed(hex.packets[n]), "%s", paths[i]);
        corpus_hex_clear(&hex);
    }
    corpus_list_free(paths);
}

Test(sctp_validate, takes_no_packet_of_a_browser_that_is_cut_short)
{
    char **paths = corpus_list("wire", "sctp-", ".hex");
    for (size_t i = 0; paths[i]; i++) {
        corpus_hex hex = corpus_read_hex(paths[i]);
        for (size_t len = 0; len < hex.packets[0].len; len++) {
            uint8_t *cut = malloc(len ? len : 1); /* exactly as large, so that the sanitizer sees an overrun */
            memcpy(cut, hex.packets[0].data, len);
            cr_expect_not(hf_packet_is_well_formed((hf_bytes){cut, len}), "%s cut to %zu", paths[i], len);
            free(cut);
        }
        corpus_hex_clear(&hex);
    }
    corpus_list_free(paths);
}

static const struct {
    const char *chunks, *why;
} good[] = {
    {"03000010 00000001 00010000 00000000", "a SACK without gaps"},
    {"03000018 00000001 00010000 00010001 00020003 00000001", "a SACK with a gap and a duplicate"},
    {"00030011 00000001 00000000 00000033 41000000", "one byte of data"},
    {"0b000004 00030012 00000001 00000000 00000033 41420000", "two chunks"},
    {"c0000008 00000005", "FORWARD-TSN"},
    {"c000000c 00000005 00010002", "FORWARD-TSN with a stream"},
    {"82000010 0010000c 00000001 00000001", "a reset's response"},
    {"82000014 000d0010 00000001 00000001 00000001", "a reset of all streams"},
    {"3f000008 00000000", "an unknown kind: usrsctp knows what its upper bits ask for"},
    {"07000008 00000001", "SHUTDOWN"},
    {"06000004", "ABORT without a cause"},
    {"84000008 00000000", "PAD"},
};

static const struct {
    const char *chunks, *why;
} bad[] = {
    {"", "no chunk at all"},
    {"0b00", "half a chunk header"},
    {"0b000003", "a chunk shorter than its header"},
    {"0b000000", "a chunk of no length"},
    {"0b000008", "a chunk longer than the packet"},
    {"0b000005 00000000", "COOKIE ACK with a value"},
    {"0000000c 00000001 00000000", "DATA without its header"},
    {"00000010 00000001 00000000 00000033", "DATA without data"},
    {"40000014 00000001 00000000 00000000 00000033", "I-DATA without data"},
    {"40030018 00000001 00000000 00000000 00000033 41424344", "I-DATA, which we never offer"},
    {"c2000010 00000005 00010000 00000002", "I-FORWARD-TSN, which belongs to it"},
    {"01000010 00000001 00100000 00010001", "INIT without its first TSN"},
    {"0100001c 00000001 00100000 00010001 00000001 00050008 7f000001", "INIT with an IPv4 address"},
    {"01000028 00000001 00100000 00010001 00000001 00060014 00000000 00000000 00000000 00000001",
     "INIT with an IPv6 address"},
    {"01000018 00000001 00100000 00010001 00000001 000b0004", "INIT with a host name"},
    {"01000018 00000001 00100000 00010001 00000001 80080003", "a parameter shorter than its header"},
    {"01000018 00000001 00100000 00010001 00000001 80080008", "a parameter that overruns INIT"},
    {"01000016 00000001 00100000 00010001 00000001 80080000", "half a parameter header"},
    {"0300000c 00000001 00010000", "SACK without its counts"},
    {"03000010 00000001 00010000 00010000", "SACK that lacks its gap"},
    {"03000010 00000001 00010000 00000001", "SACK that lacks its duplicate"},
    {"03000010 00000001 00010000 ffffffff", "SACK with impossible counts"},
    {"04000004", "HEARTBEAT without its parameter"},
    {"04000008 00010009", "HEARTBEAT whose parameter overruns"},
    {"0600000c 000c0010 436c6f73", "ABORT whose cause overruns"},
    {"06000008 000c0003", "a cause shorter than its header"},
    {"07000004", "SHUTDOWN without its TSN"},
    {"0a000004", "COOKIE ECHO without a cookie"},
    {"82000004", "RE-CONFIG without a parameter"},
    {"8200000c 000d0008 00000001", "a reset request cut short"},
    {"8200000c 00100008 00000001", "a response without a result"},
    {"82000008 00990004", "an unknown kind of reconfiguration"},
    {"c0000004", "FORWARD-TSN without its TSN"},
    {"c000000a 00000005 00010000", "FORWARD-TSN with half a stream"},
    {"c200000c 00000005 00010000", "I-FORWARD-TSN with half a stream"},
    {"0f000008 00000000", "AUTH, which we never offer"},
    {"10000014 00000001 00010000 00000000 00000000", "NR-SACK"},
    {"c1000008 00000000", "ASCONF"},
    {"80000008 00000000", "ASCONF-ACK"},
    {"81000008 00000000", "PACKET DROPPED"},
    {"0b000004 0b00", "two bytes behind the last chunk"},
    {"00030011 00000001 00000000 00000033 41", "padding is missing"},
};

Test(sctp_validate, takes_what_is_well_formed)
{
    char hex[256] = HEADER;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        strcpy(hex + strlen(HEADER), good[i].chunks);
        cr_expect(is_good(hex), "%s", good[i].why);
    }
}

Test(sctp_validate, refuses_what_is_not)
{
    char hex[256] = HEADER;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        strcpy(hex + strlen(HEADER), bad[i].chunks);
        cr_expect_not(is_good(hex), "%s", bad[i].why);
    }
    cr_expect_not(is_good("1388138801020304 000000"), "shorter than a common header");
}
