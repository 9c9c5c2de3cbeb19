/* event_kinds.c: what can happen in a story. */
#include "events.h"

#include <string.h>

static sim_party *party_at(events *t, int i)
{
    return &t->st.parties[i];
}

/* --- Networks ---------------------------------------------------------------------------------------------------- */

static void cut(events *t, int a, int b)
{
    (void)b;
    party_cut_path(party_at(t, a), -1, true);
}

static void mend(events *t, int a, int b)
{
    (void)b;
    party_cut_path(party_at(t, a), -1, false);
}

static void part_pair(events *t, int a, int b)
{
    party_cut_path(party_at(t, a), b, true);
    party_cut_path(party_at(t, b), a, true);
    t->st.post_cut[a][b] = t->st.post_cut[b][a] = true;
}

static void join_pair(events *t, int a, int b)
{
    party_cut_path(party_at(t, a), b, false);
    party_cut_path(party_at(t, b), a, false);
    t->st.post_cut[a][b] = t->st.post_cut[b][a] = false;
}

static void set_post(events *t, int a, bool is_cut)
{
    for (int i = 0; i < t->st.parties_len; i++)
        t->st.post_cut[a][i] = t->st.post_cut[i][a] = is_cut;
}

static void cut_post(events *t, int a, int b)
{
    (void)b;
    set_post(t, a, true);
}

static void mend_post(events *t, int a, int b)
{
    (void)b;
    set_post(t, a, false);
}

static void rebind(events *t, int a, int b)
{
    (void)b;
    sim_place_rebind(&party_at(t, a)->place);
}

static void move(events *t, int a, int b)
{
    (void)b;
    sim_place_move(&party_at(t, a)->place);
}

static void renumber(events *t, int a, int b)
{
    (void)b;
    for (size_t i = 0; i < PARTY_TALKS_MAX; i++)
        sim_place_renumber(&party_at(t, a)->place, party_at(t, a)->talks[i].uplink);
}

static void renumber_both(events *t, int a, int b)
{
    renumber(t, a, b);
    renumber(t, b, a);
}

static void unplug(events *t, int a, int b)
{
    (void)b;
    for (size_t i = 0; i < PARTY_TALKS_MAX; i++)
        sim_host_unplug(party_at(t, a)->talks[i].uplink);
}

static void plug(events *t, int a, int b)
{
    sim_party *p = party_at(t, a);
    (void)b;
    for (size_t i = 0; i < PARTY_TALKS_MAX; i++)
        sim_host_replug(p->talks[i].uplink, p->place.realm);
}

static void kill_relay(events *t, int a, int b)
{
    (void)a;
    (void)b;
    if (t->has_relay && t->relay.server)
        sim_relay_kill(&t->relay);
}

static void restart_relay(events *t, int a, int b)
{
    (void)a;
    (void)b;
    if (t->has_relay && !t->relay.server)
        sim_relay_restart(&t->relay);
}

static void sleep_machine(events *t, int a, int b)
{
    (void)b;
    sim_run(&t->st.s, t->st.s.now, NULL); /* no machine sleeps between what is said and what leaves because of it */
    party_sleep(party_at(t, a), true);
}

static void wake_machine(events *t, int a, int b)
{
    (void)b;
    party_sleep(party_at(t, a), false);
}

/* --- Processes --------------------------------------------------------------------------------------------------- */

static void kill_process(events *t, int a, int b)
{
    (void)b;
    party_end(party_at(t, a));
}

/* What is over is let go first. */
void events_connect(events *t, int a, int b)
{
    sim_party *p = party_at(t, a);
    party_talk *talk = p->manager && !p->self.asleep ? party_talk_with(p, b) : NULL;
    if (!p->manager || p->self.asleep || (talk && talk->state != HF_SESSION_NEW))
        return;
    if (!talk)
        party_forget(p, b);
    party_connect(p, b); /* NEW: nothing but candidates has come */
}

static void connect_all(events *t, int a)
{
    for (int i = 0; i < t->st.parties_len; i++) {
        if (i != a)
            events_connect(t, a, i);
    }
}

static void begin_process(events *t, int a, int b)
{
    (void)b;
    if (party_at(t, a)->manager)
        return;
    party_begin(party_at(t, a), party_at(t, a)->identity);
    if (events_draw(t, 2) == 0)
        connect_all(t, a);
}

static void begin_stranger(events *t, int a, int b)
{
    sim_party *p = party_at(t, a);
    (void)b;
    if (p->manager)
        return;
    party_begin(p, (p->identity + 1) % PARTY_IDENTITIES_MAX);
    if (events_draw(t, 2) == 0)
        connect_all(t, a);
}

/* --- Applications ------------------------------------------------------------------------------------------------ */

static bool is_able(events *t, int a)
{
    return party_at(t, a)->manager && !party_at(t, a)->self.asleep;
}

static void restart_ice(events *t, int a, int b)
{
    if (is_able(t, a))
        party_restart_ice(party_at(t, a), b);
}

static void restart_ice_both(events *t, int a, int b)
{
    restart_ice(t, a, b);
    restart_ice(t, b, a);
}

static void reconnect(events *t, int a, int b)
{
    if (is_able(t, a))
        party_reconnect(party_at(t, a), b);
}

static void reconnect_both(events *t, int a, int b)
{
    reconnect(t, a, b);
    reconnect(t, b, a);
}

static void disconnect(events *t, int a, int b)
{
    if (is_able(t, a))
        party_disconnect(party_at(t, a), b);
}

static void connect_again(events *t, int a, int b)
{
    events_connect(t, a, b);
}

static void forget(events *t, int a, int b)
{
    if (is_able(t, a))
        party_forget(party_at(t, a), b);
}

/* --- Channels ---------------------------------------------------------------------------------------------------- */

static party_line *draw_line(events *t, party_talk *talk)
{
    party_line *line = talk && talk->lines_len > 0 ? &talk->lines[events_draw(t, (uint32_t)talk->lines_len)] : NULL;
    return line && line->channel ? line : NULL;
}

static void open_channel(events *t, int a, int b)
{
    const hf_channel_config *config = &t->st.channels[events_draw(t, (uint32_t)t->st.channels_len)];
    if (is_able(t, a))
        party_open(party_at(t, a), b, config);
}

static void open_channel_both(events *t, int a, int b)
{
    const hf_channel_config *config = &t->st.channels[events_draw(t, (uint32_t)t->st.channels_len)];
    for (int i = 0; i < 2; i++) {
        if (is_able(t, i == 0 ? a : b))
            party_open(party_at(t, i == 0 ? a : b), i == 0 ? b : a, config);
    }
}

static void close_channel(events *t, int a, int b)
{
    party_talk *talk = is_able(t, a) ? party_talk_with(party_at(t, a), b) : NULL;
    party_line *line = draw_line(t, talk);
    if (line)
        party_close(talk, line);
}

static void close_channel_both(events *t, int a, int b)
{
    party_talk *one = is_able(t, a) ? party_talk_with(party_at(t, a), b) : NULL;
    party_talk *two = is_able(t, b) ? party_talk_with(party_at(t, b), a) : NULL;
    party_line *line = draw_line(t, one);
    for (size_t i = 0; line && two && i < two->lines_len; i++) {
        if (two->lines[i].channel && strcmp(hf_channel_name(two->lines[i].channel), hf_channel_name(line->channel)) == 0) {
            party_close(two, &two->lines[i]);
            break;
        }
    }
    if (line)
        party_close(one, line);
}

static void set_reading(events *t, int a, int b, bool paused)
{
    party_talk *talk = is_able(t, a) ? party_talk_with(party_at(t, a), b) : NULL;
    for (size_t i = 0; talk && i < talk->lines_len; i++) {
        party_line *line = &talk->lines[i];
        if (line->channel && line->is_paused != paused && (!paused || events_draw(t, 2) == 0))
            party_pause(talk, line, paused);
    }
}

static void pause_reading(events *t, int a, int b)
{
    set_reading(t, a, b, true);
}

static void read_again(events *t, int a, int b)
{
    set_reading(t, a, b, false);
}

static void shout(events *t, int a, int b)
{
    party_talk *talk = is_able(t, a) ? party_talk_with(party_at(t, a), b) : NULL;
    party_line *line = draw_line(t, talk);
    const bool is_fresh = line && party_at(t, a)->history.channels[line->number - 1].delivery == FRESH;
    for (int i = 0; line && i < 50; i++) {
        if (!party_say(talk, line, HF_BINARY, is_fresh ? 1000 : 60000))
            return;
    }
}

/* --- Others ------------------------------------------------------------------------------------------------------ */

static void some(events *t, void (*deed)(mischief *m, story *st, uint64_t *chance), uint32_t most)
{
    for (uint32_t n = 1 + events_draw(t, most); n > 0; n--)
        deed(&t->mischief, &t->st, &t->chance);
}

static void replay_datagrams(events *t, int a, int b)
{
    (void)a;
    (void)b;
    some(t, mischief_replay_datagram, 40);
    for (int i = 0; i < t->st.parties_len; i++)
        party_note(&t->st.parties[i], RECORD_REPLAYED, -1, HF_OK, 0);
}

static void forge_datagrams(events *t, int a, int b)
{
    (void)a;
    (void)b;
    some(t, mischief_forge_datagram, 40);
}

static void replay_letters(events *t, int a, int b)
{
    (void)a;
    (void)b;
    some(t, mischief_replay_letter, 6);
}

static void strangers(events *t, int a, int b)
{
    (void)a;
    (void)b;
    some(t, mischief_write_as_stranger, 6);
}

static void forge_letters(events *t, int a, int b)
{
    (void)a;
    (void)b;
    some(t, mischief_forge_letter, 3);
}

/* --- All of them ------------------------------------------------------------------------------------------------- */

const event_kind event_kinds[] = {
    {"no path", false, cut, mend, 100, 8000, false},
    {"no path and no post between them", true, part_pair, join_pair, 100, 8000, false},
    {"no post", false, cut_post, mend_post, 100, 6000, false},
    {"rebinding", false, rebind, NULL, 0, 0, false},
    {"another address outside", false, move, NULL, 0, 0, false},
    {"another address", false, renumber, NULL, 0, 0, false},
    {"other addresses on both sides", true, renumber_both, NULL, 0, 0, false},
    {"no uplink", false, unplug, plug, 10, 8000, false},
    {"no relay", false, kill_relay, restart_relay, 10, 5000, false},
    {"sleep", false, sleep_machine, wake_machine, 100, 10000, false},
    {"a process restarted", false, kill_process, begin_process, 1, 5000, false},
    {"a process with another identity", false, kill_process, begin_stranger, 1, 5000, false},
    {"ICE restarted", true, restart_ice, NULL, 0, 0, true},
    {"ICE restarted by both", true, restart_ice_both, NULL, 0, 0, true},
    {"another connection", true, reconnect, NULL, 0, 0, true},
    {"another connection, by both", true, reconnect_both, NULL, 0, 0, true},
    {"disconnected", true, disconnect, connect_again, 1, 6000, false},
    {"forgotten", true, forget, connect_again, 1, 6000, false},
    {"a channel opened", true, open_channel, NULL, 0, 0, true},
    {"a channel opened by both", true, open_channel_both, NULL, 0, 0, true},
    {"a channel closed", true, close_channel, NULL, 0, 0, true},
    {"a channel closed by both", true, close_channel_both, NULL, 0, 0, true},
    {"not reading", true, pause_reading, read_again, 100, 5000, true},
    {"shouting", true, shout, NULL, 0, 0, true},
    {"old datagrams again", true, replay_datagrams, NULL, 0, 0, true},
    {"forged datagrams", true, forge_datagrams, NULL, 0, 0, true},
    {"old letters again", true, replay_letters, NULL, 0, 0, true},
    {"letters of strangers", true, strangers, NULL, 0, 0, true},
    {"forged letters", true, forge_letters, NULL, 0, 0, true},
};
const size_t event_kinds_len = sizeof event_kinds / sizeof *event_kinds;
