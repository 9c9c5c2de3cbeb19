/* wrap.c: what stands around a datagram, byte for byte. */
#include "fake.h"
#include "turn_stream.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Wraps `len` bytes of 'x' in memory that has just the room that is asked for, and unwraps them as the server would. */
static void check(const hf_wrap *wrap, hf_transport transport, size_t len, const hf_addr *peer)
{
    uint8_t *memory = malloc(wrap->before + len + wrap->after);
    cr_assert(memory);
    cr_assert_leq(wrap->before + wrap->after, HF_WRAP_MAX);
    memset(memory, 0xA5, wrap->before + len + wrap->after);
    memset(memory + wrap->before, 'x', len);
    size_t whole = hf_wrap_write(wrap, memory + wrap->before, len);
    cr_assert_leq(whole, wrap->before + len + wrap->after);

    hf_bytes data = {0};
    if (wrap->channel) {
        cr_expect_eq(memory[0] << 8 | memory[1], wrap->channel);
        cr_expect_eq((size_t)(memory[2] << 8 | memory[3]), len);
        cr_expect_eq(whole, 4 + (transport == HF_TCP ? (len + 3) / 4 * 4 : len));
        data = hf_bytes_of(memory + 4, len);
    } else {
        hf_stun_message message;
        hf_addr to;
        cr_assert(hf_stun_read(hf_bytes_of(memory, whole), &message));
        cr_expect(message.class_ == HF_STUN_INDICATION && message.method == HF_STUN_SEND_INDICATION);
        cr_expect(hf_stun_get_xor_address(&message, HF_STUN_XOR_PEER_ADDRESS, &to) && hf_addr_equal(&to, peer));
        cr_assert(hf_stun_find(&message, HF_STUN_DATA, &data));
    }
    cr_assert_eq(data.len, len);
    for (size_t i = 0; i < len; i++)
        cr_assert_eq(data.data[i], 'x');
    for (const uint8_t *at = data.data + len; at < memory + whole; at++)
        cr_assert_eq(*at, 0, "padding is zeroes");
    free(memory);
}

Test(turn_wrap, the_server_reads_what_was_wrapped)
{
    for (int transport = HF_UDP; transport <= HF_TCP; transport++) {
        fake f;
        hf_turn_client_config config = {FAKE_CREDENTIALS, .both_families = true, .path.transport = (hf_transport)transport};
        fake_init(&f, &config);
        f.relayed[0] = "192.0.2.15:50000";
        f.relayed[1] = "[2001:db8::15]:50000";
        hf_addr peers[] = {fake_addr("198.51.100.7:7000"), fake_addr("[2001:db8::7]:7000"), fake_addr("198.51.100.7:7001")};
        cr_assert_eq(hf_turn_client_permit(f.client, f.now, &peers[1]), HF_OK);
        cr_assert_eq(hf_turn_client_bind(f.client, f.now, &peers[2]), HF_OK);
        fake_allocate(&f);
        for (size_t i = 0; i < 3; i++) {
            static const size_t before[] = {36, 48, 4};
            static const size_t lengths[] = {0, 1, 2, 3, 4, 5, 1199, HF_MTU_DEFAULT};
            hf_wrap wrap, again;
            cr_assert_eq(hf_turn_client_wrap(f.client, &peers[i], &wrap), HF_OK);
            cr_assert_eq(hf_turn_client_wrap(f.client, &peers[i], &again), HF_OK);
            cr_expect_eq(wrap.before, before[i]);
            cr_expect_eq(memcmp(wrap.id, again.id, sizeof wrap.id) != 0, i < 2, "an id of its own");
            for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++)
                check(&wrap, (hf_transport)transport, lengths[n], &peers[i]);
        }
        fake_clear(&f);
    }
}

Test(turn_wrap, data_comes_to_the_relayed_address_of_its_family)
{
    static const char *const relayed[] = {"192.0.2.15:50000", "[2001:db8::15]:50000"};
    static const char *const peers[] = {"198.51.100.7:7000", "[2001:db8::7]:7000"};
    for (size_t first = 0; first < 2; first++) {
        fake f;
        fake_init(&f, &(hf_turn_client_config){FAKE_CREDENTIALS, .both_families = true});
        f.relayed[0] = relayed[first];
        f.relayed[1] = relayed[1 - first];
        for (size_t i = 0; i < 2; i++) {
            hf_addr peer = fake_addr(peers[i]);
            cr_assert_eq(hf_turn_client_bind(f.client, f.now, &peer), HF_OK);
        }
        fake_allocate(&f);
        for (size_t i = 0; i < 2; i++) {
            hf_turn_data data;
            hf_addr expected = fake_addr(relayed[i]);
            cr_assert(fake_input(&f, (const char *const[]){"\x40\0\0\0", "\x40\1\0\0"}[i], 4, &data));
            cr_expect(hf_addr_equal(&data.relayed, &expected));
        }
        fake_clear(&f);
    }
}

static size_t write_data(uint8_t *buffer, size_t cap, hf_stun_class class_, uint16_t method, const char *peer,
                         const char *data, uint16_t more)
{
    static const uint8_t id[HF_STUN_ID_SIZE] = {1};
    hf_stun_writer s = hf_stun_begin(buffer, cap, class_, method, id);
    hf_addr addr = peer ? fake_addr(peer) : (hf_addr){0};
    if (peer)
        hf_stun_add_xor_address(&s, HF_STUN_XOR_PEER_ADDRESS, &addr);
    if (data)
        hf_stun_add(&s, HF_STUN_DATA, hf_bytes_of_text(data));
    if (more)
        hf_stun_add_u32(&s, more, 0);
    return hf_stun_end(&s);
}

Test(turn_wrap, indications_are_taken_from_permitted_peers_alone)
{
    static const struct {
        hf_stun_class class_;
        uint16_t method;
        const char *peer, *data;
        uint16_t more;
        bool is_data;
        const char *why;
    } table[] = {
        {HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, "198.51.100.7:7000", "hello", 0, true, "as it should be"},
        {HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, "198.51.100.7:9", "", 0, true, "any port, and nothing in it"},
        {HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, "198.51.100.7:7000", "hello", 0x8022, true, "SOFTWARE"},
        {HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, "198.51.100.8:7000", "hello", 0, false, "of a stranger"},
        {HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, "[2001:db8::7]:7000", "hello", 0, false, "of another family"},
        {HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, NULL, "hello", 0, false, "of nobody"},
        {HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, "198.51.100.7:7000", NULL, 0x8004, false, "ICMP, no data (§11.5)"},
        {HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, "198.51.100.7:7000", "hello", 0x7FFF, false, "unknown attribute"},
        {HF_STUN_INDICATION, HF_STUN_SEND_INDICATION, "198.51.100.7:7000", "hello", 0, false, "ours come back"},
        {HF_STUN_INDICATION, HF_STUN_BINDING, "198.51.100.7:7000", "hello", 0, false, "another method"},
        {HF_STUN_REQUEST, HF_STUN_DATA_INDICATION, "198.51.100.7:7000", "hello", 0, false, "a request"},
        {HF_STUN_SUCCESS, HF_STUN_DATA_INDICATION, "198.51.100.7:7000", "hello", 0, false, "a response"},
    };
    fake f;
    fake_init(&f, NULL);
    hf_addr peer = fake_addr("198.51.100.7:7000");
    cr_assert_eq(hf_turn_client_permit(f.client, f.now, &peer), HF_OK);
    uint8_t buffer[256];
    hf_turn_data data;
    size_t len = write_data(buffer, sizeof buffer, HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, table[0].peer, "x", 0);
    cr_expect_not(fake_input(&f, buffer, len, &data), "there is no allocation yet");
    fake_allocate(&f);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        len =
            write_data(buffer, sizeof buffer, table[i].class_, table[i].method, table[i].peer, table[i].data, table[i].more);
        cr_expect_eq(fake_input(&f, buffer, len, &data), table[i].is_data, "%s", table[i].why);
        if (table[i].is_data) {
            cr_expect(hf_bytes_equal_text(hf_bytes_of(data.data, data.len), table[i].data));
            cr_expect(hf_addr_equal_ip(&data.peer, &peer));
        }
    }
    hf_turn_client_stats stats;
    hf_turn_client_get_stats(f.client, &stats);
    cr_expect_eq(stats.dropped, 10);
    hf_turn_client_forget(f.client, &peer);
    len = write_data(buffer, sizeof buffer, HF_STUN_INDICATION, HF_STUN_DATA_INDICATION, table[0].peer, "x", 0);
    cr_expect_not(fake_input(&f, buffer, len, &data), "not wanted any more");
    cr_assert_eq(hf_turn_client_permit(f.client, f.now, &peer), HF_OK);
    fake_talk(&f);
    cr_expect(fake_input(&f, buffer, len, &data));
    hf_turn_client_close(f.client, f.now);
    cr_expect_not(fake_input(&f, buffer, len, &data), "nor when it is given back");
    fake_clear(&f);
}
