/* chat.c: a chat between two terminals, with copy and paste as the signalling.
 *
 *   chat offer     prints a text: paste it into the other terminal, and the answer back here
 *   chat answer    waits for the text
 *
 * A text ends with an empty line. Then every line that is typed arrives over there, until the end of input (Ctrl-D). */
#include <holdfast/holdfast.h>
#include <stdio.h>
#include <string.h>

static hf_loop *loop;
static hf_session *session;
static hf_signal_type expected; /* of the text that will be pasted; 0: it was */
static char description[16384];

static void check(hf_err err, const char *what)
{
    if (err != HF_OK)
        fprintf(stderr, "%s: %s %s\n", what, hf_err_text(err), hf_session_error_text(session));
}

static void on_event(void *context, hf_session *from, const hf_session_event *event)
{
    hf_session_state state = hf_session_get_state(from);
    if (event->type == HF_SESSION_SIGNAL) {
        printf("%s\n", event->u.signal.sdp); /* one more line end: the empty line */
    } else if (event->type == HF_SESSION_CHANNEL_OPEN) {
        printf("(connected)\n");
    } else if (event->type == HF_SESSION_ON_DATA) {
        printf("> %.*s\n", (int)event->u.data.len, (const char *)event->u.data.data);
    } else if (event->type == HF_SESSION_STATE_CHANGED && (state == HF_SESSION_FAILED || state == HF_SESSION_CLOSED)) {
        printf("(%s)\n", hf_session_state_name(state));
        hf_loop_stop(context);
    }
}

static void on_line(void *context)
{
    char line[4096];
    hf_time now = hf_loop_now(context);
    hf_channel *chat = hf_session_channel(session, "chat");
    if (!fgets(line, sizeof line, stdin)) {
        hf_loop_unwatch(context, 0);
        check(hf_session_disconnect(session, now), "disconnect");
    } else if (!expected) {
        check(chat ? hf_channel_send(chat, now, HF_TEXT, line, strcspn(line, "\n")) : HF_ESTATE, "send");
    } else if (line[0] != '\n') {
        strncat(description, line, sizeof description - strlen(description) - 1);
    } else if (description[0]) {
        check(hf_session_signal(session, now, &(hf_signal){.type = expected, .sdp = description}), "description");
        expected = 0;
    }
}

int main(int argc, char **argv)
{
    bool offers = argc > 1 && strcmp(argv[1], "offer") == 0;
    hf_env env;
    hf_env_system(&env);
    check(hf_loop_new(&loop, &env), "loop");
    hf_session_config config = {.peer.engine = hf_loop_engine(loop),
                                .no_trickle = true,
                                .channels = &(hf_channel_config){.name = "chat"},
                                .channels_len = 1};
    check(hf_session_new(&session, &config, &env), "session");
    for (hf_session_event_type type = 0; type < HF_SESSION_EVENT_COUNT; type++)
        check(hf_session_on(session, type, on_event, loop), "on");
    check(hf_loop_add_session(loop, session, &(hf_bind){.loopback = true}), "add");
    setvbuf(stdin, NULL, _IONBF, 0); /* or the loop would wait for lines that stdio has already */
    setvbuf(stdout, NULL, _IOLBF, 0);
    check(hf_loop_watch(loop, 0, on_line, loop), "watch");
    expected = offers ? HF_SIGNAL_ANSWER : HF_SIGNAL_OFFER;
    if (offers)
        check(hf_session_connect(session, hf_loop_now(loop)), "connect");
    check(hf_loop_run(loop), "run");
    hf_loop_remove(loop, session);
    hf_session_free(session);
    hf_loop_free(loop);
}
