/* groups.c: the groups of sockets of one object (io.h). Each further one is an hf_object of its own that is never driven:
 * what comes in for it is handed to its root with its number, and the root's requests find it by that. */
#include "loop_priv.h"

#include "alloc.h"

hf_object *hf_group_find(hf_object *root, uint32_t id)
{
    hf_object *d = root;

    while (d && d->group != id)
        d = d->next_group;
    return d;
}

static size_t count(const hf_object *root)
{
    size_t n = 1;

    for (const hf_object *d = root->next_group; d; d = d->next_group)
        n++;
    return n;
}

hf_object *hf_group_need(hf_object *root, uint32_t id)
{
    hf_object *found = hf_group_find(root, id);

    if (found || count(root) >= HF_GROUPS_MAX)
        return found;
    hf_object *d = hf_alloc(root->loop->env, sizeof *d);
    if (!d)
        return NULL;
    *d = (hf_object){.source.kind = HF_SOURCE_OBJECT,
                     .loop = root->loop,
                     .endpoint = root->endpoint,
                     .object = root->object,
                     .root = root,
                     .next_group = root->next_group,
                     .group = id,
                     .bind = root->bind, /* which outlives it */
                     .streams_max = root->streams_max,
                     .never_waits = root->never_waits};
    hf_table_init(&d->bound_by_addr, root->loop->env);
    hf_table_init(&d->streams_by_path, root->loop->env);
    root->next_group = d;
    return d;
}

/* The first one stays for as long as its object, without anything in it. */
void hf_group_release(hf_object *root, uint32_t id)
{
    hf_object **at = &root->next_group;

    if (id == root->group)
        hf_object_close_all(root);
    while (*at && (*at)->group != id)
        at = &(*at)->next_group;
    if (!*at)
        return;
    hf_object *d = *at;
    *at = d->next_group;
    hf_object_close_all(d);
    hf_loop_bury(d->loop, &d->source);
}

void hf_groups_clear(hf_object *root)
{
    while (root->next_group)
        hf_group_release(root, root->next_group->group);
}

void hf_group_reply(hf_object *d, hf_reply *reply)
{
    reply->group = d->group;
    d->endpoint->reply(d->object, d->loop->now, reply);
    hf_object_make_ready(d->root);
}

void hf_group_refuse(hf_object *root, const hf_request *request)
{
    static const hf_reply_type types[] = {
        [HF_REQUEST_LOCALS] = HF_REPLY_LOCALS,        [HF_REQUEST_RESOLVE] = HF_REPLY_RESOLVED,
        [HF_REQUEST_ADVERTISE] = HF_REPLY_ADVERTISED, [HF_REQUEST_CONNECT] = HF_REPLY_CONNECTED,
        [HF_REQUEST_BIND] = HF_REPLY_BOUND,           [HF_REQUEST_RELEASE] = 0};
    hf_reply reply = {.type = types[request->type], .group = request->group, .id = request->id, .err = HF_ELIMIT};

    reply.path = request->path;
    if (reply.type != 0) /* nobody waits for the others */
        root->endpoint->reply(root->object, root->loop->now, &reply);
}
