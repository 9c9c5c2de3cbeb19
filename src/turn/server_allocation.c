/* server_allocation.c: allocations, with their permissions and channels.
 *
 * What an allocation has is looked at when it is used, and thrown out when room is needed: only the allocation itself, by
 * its relayed addresses, has a moment at which something must be done. */
#include "server_priv.h"

#include "alloc.h"

#include <assert.h>
#include <string.h>

/* --- The heap --------------------------------------------------------------------------------------------------------- */

static void place(hf_turn_heap *heap, size_t at, hf_turn_allocation *a)
{
    heap->items[at] = a;
    a->due_at = at;
}

static void sift_up(hf_turn_heap *heap, size_t at, hf_turn_allocation *a)
{
    for (; at > 0 && heap->items[(at - 1) / 2]->due > a->due; at = (at - 1) / 2)
        place(heap, at, heap->items[(at - 1) / 2]);
    place(heap, at, a);
}

static void sift_down(hf_turn_heap *heap, size_t at, hf_turn_allocation *a)
{
    for (size_t child = 2 * at + 1; child < heap->len; child = 2 * at + 1) {
        if (child + 1 < heap->len && heap->items[child + 1]->due < heap->items[child]->due)
            child++;
        if (heap->items[child]->due >= a->due)
            break;
        place(heap, at, heap->items[child]);
        at = child;
    }
    place(heap, at, a);
}

static void resift(hf_turn_heap *heap, hf_turn_allocation *a)
{
    sift_up(heap, a->due_at, a);
    sift_down(heap, a->due_at, a);
}

static void take_out(hf_turn_heap *heap, hf_turn_allocation *a)
{
    hf_turn_allocation *last = heap->items[--heap->len];
    if (last == a)
        return;
    last->due_at = a->due_at;
    resift(heap, last);
}

/* --- Accounts --------------------------------------------------------------------------------------------------------- */

static hf_turn_account *find_account(const hf_turn_server *server, hf_bytes name, uint64_t hash)
{
    for (hf_table_entry *e = hf_table_first(&server->accounts, hash); e; e = hf_table_next(e)) {
        hf_turn_account *account = (hf_turn_account *)e;
        if (hf_bytes_equal(hf_bytes_of(account->name, account->name_len), name))
            return account;
    }
    return NULL;
}

static hf_err ensure_account(hf_turn_server *server, hf_bytes name, hf_turn_account **out)
{
    uint64_t hash = hf_table_hash(&server->accounts, name);
    *out = find_account(server, name, hash);
    if (*out)
        return HF_OK;
    hf_turn_account *account = hf_alloc(server->env, sizeof *account + name.len);
    if (!account)
        return HF_ENOMEM;
    account->name_len = name.len;
    memcpy(account->name, name.data, name.len);
    hf_err err = hf_table_put(&server->accounts, &account->by_name, hash);
    if (err != HF_OK)
        hf_dealloc(server->env, account);
    else
        *out = account;
    return err;
}

static void leave_account(hf_turn_server *server, hf_turn_account *account)
{
    if (account->allocations > 0)
        return;
    hf_table_remove(&server->accounts, &account->by_name);
    hf_dealloc(server->env, account);
}

/* --- Birth and death -------------------------------------------------------------------------------------------------- */

hf_err hf_turn_allocation_new(hf_turn_call *call, hf_turn_allocation **out)
{
    hf_turn_server *server = call->server;
    hf_turn_heap *heap = &server->heap;
    hf_turn_account *account;
    hf_err err =
        hf_grow(server->env, &heap->items, &heap->cap, heap->len + 1, server->allocations_max, sizeof(hf_turn_allocation *));
    if (err != HF_OK)
        return err;
    err = ensure_account(server, call->account, &account);
    if (err != HF_OK)
        return err;
    hf_turn_allocation *a = NULL;
    err = HF_EQUOTA;
    if (account->allocations >= server->user_allocations_max)
        goto leave;
    err = HF_ENOMEM;
    a = hf_alloc(server->env, sizeof *a);
    if (!a)
        goto leave;
    *a = (hf_turn_allocation){.account = account,
                              .asker = call->asker,
                              .is_pending = true,
                              .lifetime = hf_turn_lifetime_of(call->message),
                              .due = call->now + TURN_BIND_PATIENCE};
    if (hf_table_put(&server->allocations, &a->by_path, hf_table_hash_path(&server->allocations, &call->asker.path)) !=
        HF_OK)
        goto leave;
    account->allocations++;
    sift_up(heap, heap->len++, a);
    server->stats.allocations++;
    hf_turn_stream_settle(server, &call->asker.path, true);
    *out = a;
    return HF_OK;

leave:
    hf_dealloc(server->env, a);
    leave_account(server, account);
    return err;
}

void hf_turn_allocation_free(hf_turn_server *server, hf_turn_allocation *a)
{
    for (size_t i = 0; i < TURN_RELAYS; i++) {
        if (a->relays[i])
            hf_turn_relay_drop(server, a->relays[i]);
    }
    hf_table_remove(&server->allocations, &a->by_path);
    take_out(&server->heap, a);
    server->stats.allocations--;
    a->account->allocations--;
    leave_account(server, a->account);
    hf_turn_stream_settle(server, &a->asker.path, false);
    explicit_bzero(a->asker.key, sizeof a->asker.key);
    hf_dealloc(server->env, a->permissions);
    hf_dealloc(server->env, a->channels);
    hf_dealloc(server->env, a);
}

hf_turn_allocation *hf_turn_allocation_find(const hf_turn_server *server, const hf_path *path)
{
    hf_table_entry *e = hf_table_first(&server->allocations, hf_table_hash_path(&server->allocations, path));
    for (; e; e = hf_table_next(e)) {
        hf_turn_allocation *a = (hf_turn_allocation *)e;
        if (hf_turn_path_equal(&a->asker.path, path))
            return a;
    }
    return NULL;
}

hf_turn_relay *hf_turn_allocation_relay(const hf_turn_allocation *a, hf_family family)
{
    for (size_t i = 0; i < TURN_RELAYS; i++) {
        if (a->relays[i] && a->relays[i]->addr.family == family)
            return a->relays[i];
    }
    return NULL;
}

/* --- Time ------------------------------------------------------------------------------------------------------------- */

void hf_turn_allocation_set_due(hf_turn_server *server, hf_turn_allocation *a)
{
    hf_time due = HF_NEVER;
    for (size_t i = 0; i < TURN_RELAYS; i++) {
        if (a->relays[i] && a->relays[i]->expires < due)
            due = a->relays[i]->expires;
    }
    a->due = due;
    resift(&server->heap, a);
}

static void expire(hf_turn_server *server, hf_time now, hf_turn_allocation *a)
{
    bool is_alive = false;
    for (size_t i = 0; i < TURN_RELAYS; i++) {
        if (a->relays[i] && a->relays[i]->expires <= now) {
            hf_turn_relay_drop(server, a->relays[i]);
            a->relays[i] = NULL;
        }
        is_alive |= a->relays[i] != NULL;
    }
    if (is_alive)
        hf_turn_allocation_set_due(server, a);
    else
        hf_turn_allocation_free(server, a);
}

void hf_turn_allocations_expire(hf_turn_server *server, hf_time now)
{
    const hf_turn_heap *heap = &server->heap;
    while (heap->len > 0 && heap->items[0]->due <= now) {
        if (heap->items[0]->is_pending)
            hf_turn_allocate_give_up(server, now, heap->items[0], 508);
        else
            expire(server, now, heap->items[0]);
    }
}

/* --- Permissions ------------------------------------------------------------------------------------------------------ */

static hf_turn_permission *find_permission(hf_turn_allocation *a, const hf_addr *peer)
{
    if (a->permission_hit < a->permissions_len && hf_addr_equal_ip(&a->permissions[a->permission_hit].peer, peer))
        return &a->permissions[a->permission_hit];
    for (size_t i = 0; i < a->permissions_len; i++) {
        if (hf_addr_equal_ip(&a->permissions[i].peer, peer)) {
            a->permission_hit = i;
            return &a->permissions[i];
        }
    }
    return NULL;
}

const hf_turn_permission *hf_turn_find_permission(hf_turn_allocation *a, hf_time now, const hf_addr *peer)
{
    const hf_turn_permission *permission = find_permission(a, peer);
    return permission && permission->expires > now ? permission : NULL;
}

static void drop_old_permissions(hf_turn_allocation *a, hf_time now)
{
    size_t n = 0;
    assert(a->permissions || a->permissions_len == 0);
    for (size_t i = 0; i < a->permissions_len; i++) {
        if (a->permissions[i].expires > now)
            a->permissions[n++] = a->permissions[i];
    }
    a->permissions_len = n;
}

hf_err hf_turn_permit(hf_turn_server *server, hf_time now, hf_turn_allocation *a, const hf_addr *peer)
{
    hf_turn_permission *permission = find_permission(a, peer);
    if (!permission) {
        if (a->permissions_len == a->permissions_cap)
            drop_old_permissions(a, now);
        hf_err err = hf_grow(server->env, &a->permissions, &a->permissions_cap, a->permissions_len + 1, TURN_PERMISSIONS_MAX,
                             sizeof *a->permissions);
        if (err != HF_OK)
            return err;
        permission = &a->permissions[a->permissions_len++];
        *permission = (hf_turn_permission){.peer = *peer};
    }
    permission->expires = now + TURN_PERMISSION_LIFETIME;
    return HF_OK;
}

/* --- Channels --------------------------------------------------------------------------------------------------------- */

static const hf_turn_channel *hit(hf_turn_allocation *a, hf_time now, size_t at)
{
    a->channel_hit = at;
    return a->channels[at].expires > now ? &a->channels[at] : NULL;
}

const hf_turn_channel *hf_turn_find_channel(hf_turn_allocation *a, hf_time now, uint16_t number)
{
    if (a->channel_hit < a->channels_len && a->channels[a->channel_hit].number == number)
        return hit(a, now, a->channel_hit);
    for (size_t i = 0; i < a->channels_len; i++) {
        if (a->channels[i].number == number)
            return hit(a, now, i);
    }
    return NULL;
}

const hf_turn_channel *hf_turn_find_channel_to(hf_turn_allocation *a, hf_time now, const hf_addr *peer)
{
    if (a->channel_hit < a->channels_len && hf_addr_equal(&a->channels[a->channel_hit].peer, peer))
        return hit(a, now, a->channel_hit);
    for (size_t i = 0; i < a->channels_len; i++) {
        if (hf_addr_equal(&a->channels[i].peer, peer))
            return hit(a, now, i);
    }
    return NULL;
}

/* Also those whose number or peer is bound anew: they had run out. */
static void drop_old_channels(hf_turn_allocation *a, hf_time now)
{
    size_t n = 0;
    for (size_t i = 0; i < a->channels_len; i++) {
        if (a->channels[i].expires > now)
            a->channels[n++] = a->channels[i];
    }
    a->channels_len = n;
}

hf_err hf_turn_bind_channel(hf_turn_server *server, hf_time now, hf_turn_allocation *a, const hf_addr *peer, uint16_t number)
{
    const hf_turn_channel *bound = hf_turn_find_channel(a, now, number);
    if (bound) {
        a->channels[bound - a->channels].expires = now + TURN_CHANNEL_LIFETIME;
        return HF_OK;
    }
    drop_old_channels(a, now);
    hf_err err =
        hf_grow(server->env, &a->channels, &a->channels_cap, a->channels_len + 1, TURN_CHANNELS_MAX, sizeof *a->channels);
    if (err != HF_OK)
        return err;
    a->channels[a->channels_len++] =
        (hf_turn_channel){.peer = *peer, .number = number, .expires = now + TURN_CHANNEL_LIFETIME};
    return HF_OK;
}
