/* server_stream.c: clients that come by TCP (RFC 8656 §2.1).
 *
 * A stream is held for a client that has an allocation. Until it has one it stands in a row that has an end: who opens
 * streams and says nothing, or a byte now and then, is put out when his time is over, or when others need the room. */
#include "server_priv.h"

#include "alloc.h"

/* --- Rows ------------------------------------------------------------------------------------------------------------- */

static void append(hf_turn_guest_list *list, hf_turn_guest *guest)
{
    guest->next = NULL;
    guest->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = guest;
    list->last = guest;
    list->len++;
}

static void take_off(hf_turn_guest_list *list, hf_turn_guest *guest)
{
    *(guest->prev ? &guest->prev->next : &list->first) = guest->next;
    *(guest->next ? &guest->next->prev : &list->last) = guest->prev;
    guest->next = guest->prev = NULL;
    list->len--;
}

static hf_turn_guest *find(const hf_turn_server *server, const hf_path *path)
{
    hf_table_entry *e = hf_table_first(&server->guests, hf_table_hash_path(&server->guests, path));
    for (; e; e = hf_table_next(e)) {
        hf_turn_guest *guest = (hf_turn_guest *)e;
        if (hf_turn_path_equal(&guest->path, path))
            return guest;
    }
    return NULL;
}

/* --- Coming and going ------------------------------------------------------------------------------------------------- */

/* Takes it out of where it can be found, with its allocation. */
static void detach(hf_turn_server *server, hf_turn_guest *guest)
{
    hf_turn_allocation *a = hf_turn_allocation_find(server, &guest->path);
    if (a)
        hf_turn_allocation_free(server, a);
    if (guest->is_waiting)
        take_off(&server->waiting, guest);
    guest->is_waiting = false;
    hf_table_remove(&server->guests, &guest->by_path);
}

/* Its memory serves to ask for its end. */
static void put_out(hf_turn_server *server, hf_turn_guest *guest)
{
    detach(server, guest);
    append(&server->leaving, guest);
}

static void wait_in_row(hf_turn_server *server, hf_turn_guest *guest)
{
    guest->since = server->now;
    guest->is_waiting = true;
    append(&server->waiting, guest);
    if (server->waiting.len > TURN_STREAMS_MAX)
        put_out(server, server->waiting.first);
}

void hf_turn_on_connected(hf_turn_server *server, const hf_reply *reply)
{
    hf_turn_guest *guest = find(server, &reply->path);
    if (reply->id != 0 || reply->err != HF_OK || reply->path.transport != HF_TCP)
        return;
    if (guest) { /* its end has not been told, or is on the way to be asked for */
        detach(server, guest);
        hf_dealloc(server->env, guest);
    }
    guest = hf_alloc(server->env, sizeof *guest);
    if (!guest)
        return;
    guest->path = reply->path;
    if (hf_table_put(&server->guests, &guest->by_path, hf_table_hash_path(&server->guests, &guest->path)) != HF_OK) {
        append(&server->leaving, guest);
        return;
    }
    wait_in_row(server, guest);
}

void hf_turn_on_disconnected(hf_turn_server *server, const hf_path *path)
{
    hf_turn_guest *guest = find(server, path);
    if (!guest)
        return;
    detach(server, guest);
    hf_dealloc(server->env, guest);
}

void hf_turn_stream_settle(hf_turn_server *server, const hf_path *path, bool has_allocation)
{
    hf_turn_guest *guest = path->transport == HF_TCP ? find(server, path) : NULL;
    if (!guest || guest->is_waiting != has_allocation)
        return;
    if (has_allocation) {
        take_off(&server->waiting, guest);
        guest->is_waiting = false;
    } else {
        wait_in_row(server, guest);
    }
}

bool hf_turn_stream_poll_request(hf_turn_server *server, hf_request *out)
{
    hf_turn_guest *guest = server->leaving.first;
    if (!guest)
        return false;
    *out = (hf_request){.type = HF_REQUEST_DISCONNECT, .path = guest->path};
    take_off(&server->leaving, guest);
    hf_dealloc(server->env, guest);
    return true;
}

void hf_turn_streams_clear(hf_turn_server *server)
{
    while (server->waiting.first)
        put_out(server, server->waiting.first);
    for (hf_request request; hf_turn_stream_poll_request(server, &request);)
        ;
}

/* --- Time ------------------------------------------------------------------------------------------------------------- */

hf_time hf_turn_streams_deadline(const hf_turn_server *server)
{
    return server->waiting.first ? server->waiting.first->since + TURN_STREAM_PATIENCE : HF_NEVER;
}

void hf_turn_streams_expire(hf_turn_server *server, hf_time now)
{
    while (hf_turn_streams_deadline(server) <= now)
        put_out(server, server->waiting.first);
}

/* --- Bytes ------------------------------------------------------------------------------------------------------------ */

void hf_turn_stream_input(hf_turn_server *server, hf_time now, const hf_datagram *datagram)
{
    hf_turn_guest *guest = find(server, &datagram->path);
    uint8_t *rest = datagram->data, *message;
    size_t rest_len = datagram->len, len;
    if (!guest) {
        server->stats.dropped++;
        return;
    }
    for (;;) {
        switch (hf_turn_deframe(&guest->deframer, &rest, &rest_len, &message, &len)) {
        case HF_TURN_DEFRAMED_MESSAGE:
            hf_turn_on_message(server, now, &guest->path, message, len);
            break;
        case HF_TURN_DEFRAMED_NOTHING:
            return;
        case HF_TURN_DEFRAMED_BROKEN:
            server->stats.dropped++;
            put_out(server, guest);
            return;
        }
    }
}
