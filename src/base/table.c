/* table.c: chained buckets, doubled as entries come. */
#include "table.h"

#include "alloc.h"
#include "random.h"

#include <string.h>

#define CAP_FIRST 16

void hf_table_init(hf_table *table, const hf_env *env)
{
    *table = (hf_table){.env = env, .seed = hf_random_u64(env)};
}

void hf_table_clear(hf_table *table)
{
    if (table->env)
        hf_dealloc(table->env, table->buckets);
    table->buckets = NULL;
    table->cap = table->len = 0;
}

/* --- Hashing --- */

/* One step of a mix that spreads each bit of `word` over all (the constant is that of SplitMix64). */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0xBF58476D1CE4E5B9u;
    return hash ^ hash >> 29;
}

static uint64_t mix_bytes(uint64_t hash, const uint8_t *data, size_t len)
{
    for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, data + at, len - at < sizeof word ? len - at : sizeof word);
        hash = mix(hash, word);
    }
    return mix(hash, len);
}

static uint64_t mix_addr(uint64_t hash, const hf_addr *addr)
{
    hash = mix(hash, (uint64_t)addr->family << 48 | (uint64_t)addr->port << 32 | addr->scope);
    return mix_bytes(hash, addr->ip, addr->family == HF_FAMILY_IPV4 ? 4 : sizeof addr->ip);
}

uint64_t hf_table_hash(const hf_table *table, hf_bytes key)
{
    return mix_bytes(table->seed, key.data, key.len);
}

uint64_t hf_table_hash_addr(const hf_table *table, const hf_addr *addr)
{
    return mix_addr(table->seed, addr);
}

uint64_t hf_table_hash_path(const hf_table *table, const hf_path *path)
{
    return mix_addr(mix_addr(mix(table->seed, path->transport), &path->local), &path->remote);
}

/* --- Entries --- */

static hf_table_entry **bucket_of(const hf_table *table, uint64_t hash)
{
    return &table->buckets[(size_t)(hash >> 20) & (table->cap - 1)];
}

static void push(hf_table_entry **bucket, hf_table_entry *entry)
{
    entry->next = *bucket;
    *bucket = entry;
}

static hf_err grow(hf_table *table)
{
    hf_table old = *table;
    table->cap = old.cap == 0 ? CAP_FIRST : old.cap * 2;
    table->buckets = hf_alloc_array(table->env, table->cap, sizeof(hf_table_entry *));
    if (!table->buckets) {
        *table = old;
        return HF_ENOMEM;
    }
    for (size_t i = 0; i < old.cap; i++) {
        for (hf_table_entry *entry = old.buckets[i], *next; entry; entry = next) {
            next = entry->next;
            push(bucket_of(table, entry->hash), entry);
        }
    }
    hf_dealloc(table->env, old.buckets);
    return HF_OK;
}

hf_err hf_table_put(hf_table *table, hf_table_entry *entry, uint64_t hash)
{
    if (table->len >= table->cap && grow(table) != HF_OK && table->cap == 0)
        return HF_ENOMEM; /* where there are buckets already, longer chains serve, too */
    entry->hash = hash;
    push(bucket_of(table, hash), entry);
    table->len++;
    return HF_OK;
}

void hf_table_remove(hf_table *table, hf_table_entry *entry)
{
    hf_table_entry **at = bucket_of(table, entry->hash);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    table->len--;
}

hf_table_entry *hf_table_first(const hf_table *table, uint64_t hash)
{
    hf_table_entry *entry = table->cap > 0 ? *bucket_of(table, hash) : NULL;
    while (entry && entry->hash != hash)
        entry = entry->next;
    return entry;
}

hf_table_entry *hf_table_next(const hf_table_entry *entry)
{
    hf_table_entry *next = entry->next;
    while (next && next->hash != entry->hash)
        next = next->next;
    return next;
}
