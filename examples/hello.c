/* hello.c: two peers that hold on to each other: the least that a program needs. Both live in one process here, so that
 * carrying an envelope is a call; between machines it is whatever you have: a WebSocket, a mail, a message queue. */
#include <holdfast/holdfast.h>
#include <stdio.h>

static hf_loop *loop;
static hf_manager *alice, *bob;

static void check(hf_err err)
{
    if (err != HF_OK)
        fprintf(stderr, "%s\n", hf_err_text(err));
}

/* Your signalling: takes an envelope to the other side. It may be late, lost, or come twice. */
static void carry(void *context, hf_manager *from, const hf_envelope *envelope)
{
    (void)context;
    check(hf_manager_receive(from == alice ? bob : alice, hf_loop_now(loop), envelope));
}

static void on_data(void *context, hf_session *session, const hf_session_event *event)
{
    (void)context, (void)session;
    printf("%s: %.*s\n", hf_channel_name(event->channel), (int)event->u.data.len, (const char *)event->u.data.data);
    hf_loop_stop(loop);
}

static void on_session(void *context, hf_manager *manager, hf_session *session)
{
    (void)manager;
    check(hf_session_on(session, HF_SESSION_ON_DATA, on_data, context));
}

int main(void)
{
    hf_env env;
    hf_session *session;

    hf_env_system(&env);
    check(hf_loop_new(&loop, &env));
    hf_manager_config config = {.peer_id = "alice", .handlers = {.on_envelope = carry, .on_session = on_session}};
    config.session.peer.engine = hf_loop_engine(loop);
    config.session.channels = hf_collab_channels; /* code-sync, cursor-pos, ai-stream, presence, files */
    config.session.channels_len = HF_COLLAB_CHANNELS_LEN;
    check(hf_manager_new(&alice, &config, &env));
    check(hf_loop_add_manager(loop, alice, &(hf_bind){.loopback = true}));
    config.peer_id = "bob";
    check(hf_manager_new(&bob, &config, &env));
    check(hf_loop_add_manager(loop, bob, &(hf_bind){.loopback = true}));

    check(hf_manager_connect(alice, hf_loop_now(loop), "bob", &session));
    hf_channel *edits = hf_session_channel(session, "code-sync");
    check(hf_channel_send(edits, hf_loop_now(loop), HF_TEXT, "hold fast", 9)); /* it waits until there is a connection */
    check(hf_loop_run(loop));

    hf_loop_remove_manager(loop, alice);
    hf_loop_remove_manager(loop, bob);
    hf_manager_free(alice);
    hf_manager_free(bob);
    hf_loop_free(loop);
}
