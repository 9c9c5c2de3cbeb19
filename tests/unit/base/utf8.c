/* utf8.c: well-formed UTF-8 at the borders of RFC 3629 §4. */
#include "bytes.h"
#include "corpus.h"

#include <criterion/criterion.h>

Test(utf8, is_told_at_its_borders)
{
    static const struct {
        const char *hex;
        bool ok;
        const char *why;
    } table[] = {
        {"", true, "nothing"},
        {"00", true, "NUL"},
        {"7f", true, "the last of one byte"},
        {"80", false, "a continuation alone"},
        {"bf", false, "another"},
        {"c080", false, "an overlong NUL"},
        {"c1bf", false, "the last overlong of two bytes"},
        {"c280", true, "U+0080, the first of two bytes"},
        {"dfbf", true, "U+07FF"},
        {"c2", false, "the second of two is missing"},
        {"c27f", false, "the second of two is ASCII"},
        {"c2c0", false, "the second of two is a lead"},
        {"e08080", false, "overlong"},
        {"e09fbf", false, "the last overlong of three bytes"},
        {"e0a080", true, "U+0800, the first of three bytes"},
        {"ed9fbf", true, "U+D7FF"},
        {"eda080", false, "U+D800, a surrogate"},
        {"edbfbf", false, "U+DFFF, the last surrogate"},
        {"ee8080", true, "U+E000"},
        {"efbfbf", true, "U+FFFF"},
        {"e0a0", false, "the third of three is missing"},
        {"e0a07f", false, "the third of three is ASCII"},
        {"e0a0c0", false, "the third of three is a lead"},
        {"f0808080", false, "overlong"},
        {"f08fbfbf", false, "the last overlong of four bytes"},
        {"f0908080", true, "U+10000, the first of four bytes"},
        {"f48fbfbf", true, "U+10FFFF, the last of all"},
        {"f4908080", false, "U+110000"},
        {"f5808080", false, "above all"},
        {"f8888080 80", false, "five bytes"},
        {"fe", false, "never"},
        {"ff", false, "never"},
        {"f09080", false, "the fourth of four is missing"},
        {"f0908041", false, "the fourth of four is ASCII"},
        {"f090c180", false, "the third of four is a lead"},
        {"41 c3a9 e282ac f09f9880 42", true, "one of each"},
        {"e282ac e282", false, "cut at the end"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        hf_bytes bytes = corpus_bytes_of_hex(table[i].hex);
        cr_expect_eq(hf_bytes_are_utf8(bytes), table[i].ok, "%s", table[i].why);
        corpus_free(bytes);
    }
    cr_expect(hf_bytes_are_utf8(hf_bytes_of(NULL, 0)));
}

/* Every code point is well-formed, and the number of byte strings of a length that are is known: Unicode §3.9, table 3-7. */
Test(utf8, accepts_exactly_as_many_strings_as_there_are_code_points)
{
    size_t two = 0, three = 0;
    for (unsigned n = 0; n < 0x10000; n++)
        two += hf_bytes_are_utf8(hf_bytes_of((uint8_t[]){(uint8_t)(n >> 8), (uint8_t)n}, 2));
    for (unsigned n = 0xE00000; n < 0xF00000; n++)
        three += hf_bytes_are_utf8(hf_bytes_of((uint8_t[]){(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}, 3));
    cr_expect_eq(two, 128 * 128 + 0x800 - 0x80);
    cr_expect_eq(three, 0x10000 - 0x800 - 0x800, "U+0800 to U+FFFF without the surrogates");
}
