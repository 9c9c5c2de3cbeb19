/* addr.c: addresses as text, both ways (RFC 4291 §2.2, RFC 5952), and the questions about them. */
#include <holdfast/base.h>

#include <criterion/criterion.h>
#include <string.h>

static hf_addr parse(const char *text)
{
    hf_addr addr = {0};
    cr_assert(hf_addr_parse(text, strlen(text), &addr), "%s", text);
    return addr;
}

Test(addr, text_is_read_and_written_in_the_one_form_of_rfc_5952)
{
    static const struct {
        const char *text, *written, *why;
    } table[] = {
        {"192.0.2.1", "192.0.2.1:0", "IPv4"},
        {"192.0.2.1:3478", "192.0.2.1:3478", "with a port"},
        {"0.0.0.0", "0.0.0.0:0", "the least"},
        {"255.255.255.255:65535", "255.255.255.255:65535", "the greatest"},
        {"::", "[::]:0", "all zero"},
        {"::1", "[::1]:0", "loopback"},
        {"[::1]", "[::1]:0", "in brackets, no port"},
        {"[2001:db8::1]:3478", "[2001:db8::1]:3478", "RFC 5952 §6"},
        {"1::", "[1::]:0", "a gap at the end"},
        {"2001:0db8:0000:0000:0000:0000:0000:0001", "[2001:db8::1]:0", "§4.1: leading zeroes go"},
        {"2001:db8:0:0:0:0:2:1", "[2001:db8::2:1]:0", "§4.2.1: as short as possible"},
        {"2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:0", "§4.2.2: not for a single group"},
        {"2001:db8::1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:0", "§4.2.2, when it was written so"},
        {"2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]:0", "§4.2.3: the longest run"},
        {"2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:0", "§4.2.3: the first of equal runs"},
        {"2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:AbCd", "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:abcd]:0", "§4.3: lower case"},
        {"::ffff:192.0.2.1", "[::ffff:192.0.2.1]:0", "§5: IPv4-mapped"},
        {"::ffff:c000:0201", "[::ffff:192.0.2.1]:0", "§5, from hex"},
        {"64:ff9b::192.0.2.33", "[64:ff9b::c000:221]:0", "IPv4 behind another prefix"},
        {"1:2:3:4:5:6:192.0.2.1", "[1:2:3:4:5:6:c000:201]:0", "IPv4 behind six groups"},
        {"1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7:0]:0", "a gap of one group at the end"},
        {"::2:3:4:5:6:7:8", "[0:2:3:4:5:6:7:8]:0", "a gap of one group at the front"},
        {"0:0:0:1::", "[0:0:0:1::]:0", "the longer run is the last"},
        {"0:0:0:0:0:5:6:7", "[::5:6:7]:0", "five zero groups alone are no IPv4-mapped address"},
        {"fe80::1%2", "[fe80::1%2]:0", "a zone"},
        {"[fe80::1%2]:9", "[fe80::1%2]:9", "a zone in brackets"},
        {"fe80::1%4294967295", "[fe80::1%4294967295]:0", "the largest zone"},
        {"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535", "the longest text"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[HF_ADDR_TEXT_SIZE];
        hf_addr addr = parse(table[i].text);
        cr_expect_str_eq(hf_addr_write(&addr, text), table[i].written, "%s: %s", table[i].why, text);
        hf_addr again = parse(text);
        cr_expect(hf_addr_equal(&addr, &again), "%s", table[i].why);
    }
}

Test(addr, text_that_is_no_address_is_refused_and_nothing_changes)
{
    static const struct {
        const char *text, *why;
    } table[] = {
        {"", "empty"},
        {" ", "a space"},
        {"192.0.2", "three numbers"},
        {"192.0.2.1.5", "five numbers"},
        {"192.0.2.", "the last number is missing"},
        {".0.2.1", "the first number is missing"},
        {"192..2.1", "a number is missing"},
        {"192.0.2.256", "a number above 255"},
        {"192.0.2.01", "a leading zero: octal to some"},
        {"192.0.2.0001", "four digits"},
        {"192.0.2.-1", "a sign"},
        {"192.0.2.1 ", "a space behind it"},
        {" 192.0.2.1", "a space before it"},
        {"0x7f.0.0.1", "hex in IPv4"},
        {"192.0.2.1:", "a colon without port"},
        {"192.0.2.1:65536", "a port above 65535"},
        {"192.0.2.1:-1", "a negative port"},
        {"192.0.2.1:http", "a port by name"},
        {"192.0.2.1%1", "a zone on IPv4"},
        {"[192.0.2.1]:80", "IPv4 in brackets"},
        {":", "one colon"},
        {":::", "three colons"},
        {"1:::2", "three colons inside"},
        {"1::2::3", "two gaps"},
        {"1:2:3:4:5:6:7", "seven groups"},
        {"1:2:3:4:5:6:7:8:9", "nine groups"},
        {"1:2:3:4:5:6:7:8::", "a gap with nothing to stand for"},
        {"::1:2:3:4:5:6:7:8", "the same in front"},
        {":1:2:3:4:5:6:7", "one colon in front"},
        {"1:2:3:4:5:6:7:", "one colon at the end"},
        {"::2:", "the same behind a gap"},
        {"12345::", "five hex digits"},
        {"g::", "not hex"},
        {"::192.0.2", "half an IPv4 address"},
        {"1:2:3:4:5:6:7:192.0.2.1", "IPv4 behind seven groups"},
        {"192.0.2.1::", "IPv4 in front"},
        {"::192.0.2.1:1", "IPv4 in the middle"},
        {"[::1", "no closing bracket"},
        {"::1]", "no opening bracket"},
        {"[]", "empty brackets"},
        {"[]:80", "empty brackets, with a port"},
        {"[::1]80", "a port without colon"},
        {"[::1]:", "a colon without port"},
        {"[::1]:65536", "a port above 65535"},
        {"[[::1]]", "two brackets"},
        {"fe80::1%", "an empty zone"},
        {"fe80::1%eth0", "a zone by name"},
        {"fe80::1%4294967296", "a zone above 32 bits"},
        {"%1", "a zone alone"},
        {"localhost", "a name"},
        {"fe80::1%0000000000000000000000000000000000000000000000000000000000000000000001", "longer than any address"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        hf_addr addr;
        memset(&addr, 0xA5, sizeof addr);
        hf_addr before = addr;
        cr_expect_not(hf_addr_parse(table[i].text, strlen(table[i].text), &addr), "%s", table[i].why);
        cr_expect_arr_eq((const uint8_t *)&addr, (const uint8_t *)&before, sizeof addr, "%s", table[i].why);
    }
    hf_addr addr;
    cr_expect_not(hf_addr_parse(NULL, 0, &addr));
    cr_expect_not(hf_addr_parse("192.0.2.1\0", 10, &addr), "a NUL inside the length");
}

Test(addr, only_the_given_length_is_read)
{
    hf_addr addr;
    char text[HF_ADDR_TEXT_SIZE];
    cr_assert(hf_addr_parse("192.0.2.123", 10, &addr));
    cr_expect_str_eq(hf_addr_write_ip(&addr, text), "192.0.2.12");
}

Test(addr, no_address_is_written_as_nothing)
{
    hf_addr none = {0};
    char text[HF_ADDR_TEXT_SIZE] = "x";
    cr_expect_str_eq(hf_addr_write(&none, text), "");
    cr_expect_str_eq(hf_addr_write_ip(&none, text), "");
}

Test(addr, is_written_without_port_and_brackets_where_that_is_asked)
{
    char text[HF_ADDR_TEXT_SIZE];
    hf_addr four = parse("192.0.2.1:9"), six = parse("[fe80::1%2]:9");
    cr_expect_str_eq(hf_addr_write_ip(&four, text), "192.0.2.1");
    cr_expect_str_eq(hf_addr_write_ip(&six, text), "fe80::1%2");
}

Test(addr, equality_looks_at_everything_that_it_names)
{
    static const struct {
        const char *a, *b;
        bool equal, equal_ip;
    } table[] = {
        {"192.0.2.1:9", "192.0.2.1:9", true, true},
        {"192.0.2.1:9", "192.0.2.1:10", false, true},
        {"192.0.2.1:9", "192.0.2.2:9", false, false},
        {"[fe80::1%2]:9", "[fe80::1%3]:9", false, false},
        {"[fe80::1%2]:9", "[fe80::1%2]:1", false, true},
        {"::ffff:192.0.2.1", "192.0.2.1", false, false},
        {"0.0.0.0", "::", false, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        hf_addr a = parse(table[i].a), b = parse(table[i].b);
        cr_expect_eq(hf_addr_equal(&a, &b), table[i].equal, "%s and %s", table[i].a, table[i].b);
        cr_expect_eq(hf_addr_equal_ip(&a, &b), table[i].equal_ip, "%s and %s", table[i].a, table[i].b);
    }
}

Test(addr, kinds_are_told_at_their_borders)
{
    static const struct {
        const char *text;
        bool loopback, link_local, unspecified, multicast;
    } table[] = {
        {"126.255.255.255", false, false, false, false},
        {"127.0.0.0", true, false, false, false},
        {"127.255.255.255", true, false, false, false},
        {"128.0.0.0", false, false, false, false},
        {"::1", true, false, false, false},
        {"::2", false, false, false, false},
        {"1::1", false, false, false, false},
        {"169.253.255.255", false, false, false, false},
        {"169.254.0.0", false, true, false, false},
        {"169.255.0.0", false, false, false, false},
        {"fe7f:ffff::", false, false, false, false},
        {"fe80::", false, true, false, false},
        {"febf:ffff::", false, true, false, false},
        {"fec0::", false, false, false, false},
        {"0.0.0.0", false, false, true, false},
        {"0.0.0.1", false, false, false, false},
        {"::", false, false, true, false},
        {"223.255.255.255", false, false, false, false},
        {"224.0.0.0", false, false, false, true},
        {"239.255.255.255", false, false, false, true},
        {"240.0.0.0", false, false, false, false},
        {"255.255.255.254", false, false, false, false},
        {"255.255.255.255", false, false, false, true},
        {"ff00::", false, false, false, true},
        {"ff02::fb", false, false, false, true},
        {"fe00::", false, false, false, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        hf_addr addr = parse(table[i].text);
        cr_expect_eq(hf_addr_is_loopback(&addr), table[i].loopback, "%s", table[i].text);
        cr_expect_eq(hf_addr_is_link_local(&addr), table[i].link_local, "%s", table[i].text);
        cr_expect_eq(hf_addr_is_unspecified(&addr), table[i].unspecified, "%s", table[i].text);
        cr_expect_eq(hf_addr_is_multicast(&addr), table[i].multicast, "%s", table[i].text);
    }
    hf_addr none = {0};
    cr_expect_not(hf_addr_is_loopback(&none) || hf_addr_is_link_local(&none) || hf_addr_is_unspecified(&none) ||
                  hf_addr_is_multicast(&none));
}
