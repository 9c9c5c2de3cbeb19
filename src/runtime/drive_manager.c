/* drive_manager.c: how a manager is driven: an object that only dispatches and keeps time, and one for each of its sessions.
 *
 * A session may go inside any handler, and nothing of it may be called after that. The manager tells it by its wake: from
 * then until the list of changes has been read, the crew is stale, and whoever is to be called reads the list first. */
#include "loop_priv.h"

#include "alloc.h"
#include "log.h"

#include <holdfast/manager.h>

#include <string.h>

typedef struct hf_crew crew;

/* One session of a manager; what the loop drives in its place. */
typedef struct managed {
    hf_source source;
    struct managed *next;
    crew *owner;
    hf_session *session; /* NULL: it is gone */
} managed;

/* A manager and its sessions. */
struct hf_crew {
    hf_source source;
    hf_loop *loop;
    hf_manager *manager;
    crew *next;
    hf_bind bind;
    managed *sessions;
    bool stale; /* changes may wait */
    void (*wake)(void *context);
    void *wake_context;
};

static void read_changes(crew *c);

/* The session, if it is still there. */
static hf_session *get(managed *m)
{
    if (m->owner->stale)
        read_changes(m->owner);
    return m->session;
}

static void input(void *object, hf_time now, hf_datagram *datagrams, size_t n)
{
    hf_session *session = get(object);

    if (session)
        hf_session_input(session, now, datagrams, n);
}

static bool poll_transmit(void *object, hf_time now, hf_transmit *out)
{
    hf_session *session = get(object);

    return session && hf_session_poll_transmit(session, now, out);
}

static bool poll_request(void *object, hf_request *out)
{
    hf_session *session = get(object);

    return session && hf_session_poll_request(session, out);
}

static void reply(void *object, hf_time now, const hf_reply *r)
{
    hf_session *session = get(object);

    if (session)
        hf_session_reply(session, now, r);
}

static hf_time deadline(const void *object)
{
    const managed *m = object;

    return m->session && !m->owner->stale ? hf_session_deadline(m->session) : 0;
}

static void tick(void *object, hf_time now)
{
    hf_session *session = get(object);

    if (session)
        hf_session_tick(session, now);
}

static void dispatch(void *object, hf_time now)
{
    hf_session *session = get(object);

    if (session)
        hf_session_dispatch(session, now);
}

static void set_wake(void *object, void (*wake)(void *context), void *context)
{
    hf_session *session = get(object);

    if (session)
        hf_session_set_wake(session, wake, context);
}

static const hf_endpoint session_endpoint = {
    .input = input,
    .poll_transmit = poll_transmit,
    .poll_request = poll_request,
    .reply = reply,
    .deadline = deadline,
    .tick = tick,
    .dispatch = dispatch,
    .set_wake = set_wake,
};

/* --- Coming and going of sessions --- */

static void take_in(crew *c, hf_session *session)
{
    hf_loop *loop = c->loop;
    managed *m = hf_alloc(loop->env, sizeof *m);

    if (m) {
        *m = (managed){.source.kind = HF_SOURCE_OBJECT, .owner = c, .session = session};
        if (hf_loop_add(loop, &session_endpoint, m, &c->bind) == HF_OK) {
            m->next = c->sessions;
            c->sessions = m;
            return;
        }
        hf_dealloc(loop->env, m);
    }
    hf_log(loop->env, HF_LOG_ERROR, "no memory to drive a session");
}

static void let_go(managed **at)
{
    managed *m = *at;

    *at = m->next;
    hf_loop_remove(m->owner->loop, m);
    m->session = NULL; /* nothing of it may be called any more */
    hf_loop_bury(m->owner->loop, &m->source);
}

static managed **find(crew *c, const hf_session *session)
{
    managed **at = &c->sessions;

    while (*at && (*at)->session != session)
        at = &(*at)->next;
    return at;
}

static void read_changes(crew *c)
{
    hf_manager_change change;

    c->stale = false;
    while (hf_manager_poll_change(c->manager, &change)) {
        managed **at = find(c, change.session);

        if (change.added) {
            take_in(c, change.session);
        } else if (*at) {
            let_go(at); /* which sends its last words: until the next poll it may be asked for them */
        }
    }
}

/* --- The manager itself --- */

static void no_input(void *object, hf_time now, hf_datagram *datagrams, size_t n)
{
    (void)object, (void)now, (void)datagrams, (void)n;
}

static bool no_transmit(void *object, hf_time now, hf_transmit *out)
{
    (void)object, (void)now, (void)out;
    return false;
}

static bool no_request(void *object, hf_request *out)
{
    (void)object, (void)out;
    return false;
}

static void no_reply(void *object, hf_time now, const hf_reply *r)
{
    (void)object, (void)now, (void)r;
}

static hf_time manager_deadline(const void *object)
{
    return hf_manager_deadline(((const crew *)object)->manager);
}

static void manager_tick(void *object, hf_time now)
{
    hf_manager_tick(((crew *)object)->manager, now);
}

static void dispatch_manager(void *object, hf_time now)
{
    crew *c = object;

    if (c->stale)
        read_changes(c);
    hf_manager_dispatch(c->manager, now);
}

static void on_manager_wake(void *context)
{
    crew *c = context;

    c->stale = true;
    c->wake(c->wake_context);
}

static void set_manager_wake(void *object, void (*wake)(void *context), void *context)
{
    crew *c = object;

    c->wake = wake;
    c->wake_context = context;
    hf_manager_set_wake(c->manager, wake ? on_manager_wake : NULL, c);
}

static const hf_endpoint manager_endpoint = {
    .input = no_input,
    .poll_transmit = no_transmit,
    .poll_request = no_request,
    .reply = no_reply,
    .deadline = manager_deadline,
    .tick = manager_tick,
    .dispatch = dispatch_manager,
    .set_wake = set_manager_wake,
};

static crew **find_crew(hf_loop *loop, const hf_manager *manager)
{
    crew **at = &loop->crews;

    while (*at && (*at)->manager != manager)
        at = &(*at)->next;
    return at;
}

static void clear_crews(hf_loop *loop)
{
    while (loop->crews)
        hf_loop_remove_manager(loop, loop->crews->manager);
}

hf_err hf_loop_add_manager(hf_loop *loop, hf_manager *manager, const hf_bind *bind)
{
    if (*find_crew(loop, manager))
        return HF_EEXIST;

    crew *c = hf_alloc(loop->env, sizeof *c);
    if (!c)
        return HF_ENOMEM;
    *c = (crew){.source.kind = HF_SOURCE_OBJECT, .loop = loop, .manager = manager, .stale = true};
    hf_err err = hf_bind_copy(&c->bind, bind, loop->env);
    if (err == HF_OK)
        err = hf_loop_add(loop, &manager_endpoint, c, bind);
    if (err != HF_OK) {
        hf_bind_clear(&c->bind, loop->env);
        hf_dealloc(loop->env, c);
        return err;
    }
    c->next = loop->crews;
    loop->crews = c;
    loop->clear_crews = clear_crews;
    return HF_OK;
}

void hf_loop_remove_manager(hf_loop *loop, hf_manager *manager)
{
    crew **at = find_crew(loop, manager);
    crew *c = *at;

    if (!c)
        return;
    if (c->stale)
        read_changes(c);
    while (c->sessions)
        let_go(&c->sessions);
    *at = c->next;
    hf_loop_remove(loop, c);
    hf_bind_clear(&c->bind, loop->env);
    hf_loop_bury(loop, &c->source);
}
