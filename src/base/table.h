/* table.h: a hash table whose entries are part of what is kept, found by hash; equality is the caller's affair. The hash is
 * seeded, so that nobody outside can choose keys that meet. */
#ifndef HF_TABLE_H
#define HF_TABLE_H

#include <holdfast/io.h>

typedef struct hf_table_entry {
    struct hf_table_entry *next; /* in its bucket */
    uint64_t hash;
} hf_table_entry;

typedef struct hf_table {
    const hf_env *env;
    hf_table_entry **buckets;
    size_t cap, len; /* cap: a power of two, or 0 */
    uint64_t seed;
} hf_table;

void hf_table_init(hf_table *table, const hf_env *env);
void hf_table_clear(hf_table *table); /* frees the memory; the entries are the caller's. A struct of zeroes is fine */

/* HF_ENOMEM: the entry is not in it. One that is in a table stays where it is in memory. */
HF_CHECKED hf_err hf_table_put(hf_table *table, hf_table_entry *entry, uint64_t hash);
void hf_table_remove(hf_table *table, hf_table_entry *entry);

/* The entries of that hash, one after the other; NULL: no more. */
hf_table_entry *hf_table_first(const hf_table *table, uint64_t hash);
hf_table_entry *hf_table_next(const hf_table_entry *entry);

uint64_t hf_table_hash(const hf_table *table, hf_bytes key);
uint64_t hf_table_hash_addr(const hf_table *table, const hf_addr *addr);
uint64_t hf_table_hash_path(const hf_table *table, const hf_path *path);

#endif
