#include "table.h"

#include "../../support/env.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

typedef struct item {
    hf_table_entry entry;
    uint32_t key;
} item;

static uint64_t hash_of(const hf_table *table, uint32_t key)
{
    return hf_table_hash(table, (hf_bytes){(const uint8_t *)&key, sizeof key});
}

static item *find(const hf_table *table, uint32_t key)
{
    hf_table_entry *e = hf_table_first(table, hash_of(table, key));
    while (e && ((item *)e)->key != key)
        e = hf_table_next(e);
    return (item *)e;
}

Test(table, finds_what_was_put_until_it_is_removed)
{
    enum { MANY = 5000 };
    static item items[MANY];
    test_env t;
    hf_table table;
    hf_table_init(&table, test_env_init(&t, 7));
    cr_expect_null(find(&table, 1));
    for (uint32_t i = 0; i < MANY; i++) {
        items[i].key = i;
        cr_assert_eq(hf_table_put(&table, &items[i].entry, hash_of(&table, i)), HF_OK);
    }
    for (uint32_t i = 0; i < MANY; i++)
        cr_assert_eq(find(&table, i), &items[i]);
    cr_expect_null(find(&table, MANY));
    for (uint32_t i = 0; i < MANY; i += 2)
        hf_table_remove(&table, &items[i].entry);
    for (uint32_t i = 0; i < MANY; i++)
        cr_assert_eq(find(&table, i), i % 2 == 0 ? NULL : &items[i]);
    cr_expect_eq(table.len, MANY / 2);
    hf_table_clear(&table);
    cr_expect_eq(t.blocks, 0);
}

Test(table, shows_all_entries_of_a_hash)
{
    item items[4] = {{.key = 0}, {.key = 1}, {.key = 2}, {.key = 3}};
    test_env t;
    hf_table table;
    unsigned seen = 0;
    hf_table_init(&table, test_env_init(&t, 7));
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(hf_table_put(&table, &items[i].entry, i == 3 ? 9 : 8), HF_OK);
    for (hf_table_entry *e = hf_table_first(&table, 8); e; e = hf_table_next(e))
        seen |= 1u << ((item *)e)->key;
    cr_expect_eq(seen, 7);
    hf_table_clear(&table);
}

Test(table, goes_on_with_fewer_buckets_where_memory_is_short)
{
    item items[40];
    test_env t;
    hf_table table;
    memset(&t, 0, sizeof t);
    test_env_init(&t, 7);
    hf_table_init(&table, &t.env);
    t.fail_at = 1;
    cr_expect_eq(hf_table_put(&table, &items[0].entry, 1), HF_ENOMEM);
    cr_expect_eq(table.len, 0);
    cr_assert_eq(hf_table_put(&table, &items[0].entry, 0), HF_OK);
    t.fail_at = t.allocations + 1;
    t.fail_on = true;
    for (uint32_t i = 1; i < 40; i++)
        cr_assert_eq(hf_table_put(&table, &items[i].entry, i), HF_OK);
    for (uint32_t i = 0; i < 40; i++)
        cr_expect_eq(hf_table_first(&table, i), &items[i].entry);
    hf_table_clear(&table);
    cr_expect_eq(t.blocks, 0);
    hf_table_clear(&(hf_table){0});
}

/* Not what an attacker can foresee, and not what makes one bucket long. */
Test(table, hashes_by_its_seed_and_spreads_addresses)
{
    test_env t, u;
    hf_table a, b;
    unsigned counts[64] = {0};
    hf_addr addr = {.family = HF_FAMILY_IPV4, .ip = {10}};
    hf_table_init(&a, test_env_init(&t, 7));
    hf_table_init(&b, test_env_init(&u, 8));
    cr_expect_neq(hf_table_hash_addr(&a, &addr), hf_table_hash_addr(&b, &addr));
    for (unsigned i = 0; i < 6400; i++) {
        addr.port = (uint16_t)i;
        counts[hf_table_hash_addr(&a, &addr) >> 20 & 63]++;
    }
    for (int i = 0; i < 64; i++)
        cr_expect(counts[i] > 40 && counts[i] < 200, "bucket %d: %u", i, counts[i]);
    hf_path path = {.local = addr, .remote = addr}, other = path;
    other.transport = HF_TCP;
    cr_expect_neq(hf_table_hash_path(&a, &path), hf_table_hash_path(&a, &other));
    cr_expect_eq(hf_table_hash_path(&a, &path), hf_table_hash_path(&a, &path));
}
