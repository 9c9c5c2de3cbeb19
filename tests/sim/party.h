/* party.h: a program with a manager, on a machine of its own, that talks with others and keeps a history. Its process may
 * end and begin again. */
#ifndef SIM_PARTY_H
#define SIM_PARTY_H

#include "history.h"
#include "places.h"
#include "post.h"

#define PARTIES_MAX 3
#define PARTY_TALKS_MAX 4  /* sessions at once, those that end included */
#define PARTY_LINES_MAX 64 /* channels of a session, over its life */
#define PARTY_IDENTITIES_MAX 4
#define PARTY_SAYS_MAX 262144 /* bytes of the longest message */

typedef struct party_line {
    hf_channel *channel; /* NULL: closed */
    uint32_t number;     /* in the history */
    uint64_t sequence;   /* of what is said next */
    bool is_paused, is_refused;
    uint8_t *partial; /* what came of a message that comes in parts; NULL: none is under way */
    size_t partial_len;
} party_line;

typedef struct party_talk {
    struct sim_party *party;
    int remote;          /* -1: a stranger */
    hf_session *session; /* NULL: free */
    uint32_t number;
    hf_session_state state;
    sim_host host;
    sim_interface *uplink;
    char told[128]; /* whom it was told of with IDENTITY_CHANGED, by fingerprint; "": nobody */
    bool is_left;   /* the application has ended it */
    party_line lines[PARTY_LINES_MAX];
    size_t lines_len;
} party_talk;

typedef struct sim_party {
    struct story *story;
    int index;
    history history;
    test_env env;
    hf_manager *manager; /* NULL: its process does not run */
    hf_certificate *certificates[PARTY_IDENTITIES_MAX];
    uint64_t identity;                /* which of them */
    uint64_t believed[PARTIES_MAX];   /* the identity of each other as it knows it */
    bool is_turned_away[PARTIES_MAX]; /* somebody in its name, as another, while there is no session */
    sim_host self;                    /* drives the manager; the sessions have hosts of their own */
    sim_place place;
    sim_link link;
    party_talk talks[PARTY_TALKS_MAX];
} sim_party;

/* What all stories share. */
typedef struct story {
    sim s; /* first: a sim of this file's making is one of these */
    sim_places places;
    sim_party parties[PARTIES_MAX];
    int parties_len;
    hf_manager_config config;          /* of all managers, but for names, certificates and handlers */
    const hf_channel_config *channels; /* that may be opened, by name */
    size_t channels_len;
    bool post_cut[PARTIES_MAX][PARTIES_MAX];                                       /* from, to */
    void (*on_letter)(struct story *st, int from, int to, const struct letter *l); /* a tap; may be NULL */
    uint64_t strangers;                                                            /* sessions that those began */
} story;

const char *party_name(int index);
int party_of_name(const char *name); /* -1: nobody's */

/* Makes machine and history; its process does not run yet. */
void party_init(sim_party *p, story *st, int index, sim_kind kind, sim_link link);
void party_clear(sim_party *p);

/* Its process begins, and ends without a word. */
void party_begin(sim_party *p, uint64_t identity);
void party_end(sim_party *p);

/* Writes a record that is about another party. */
void party_note(sim_party *p, record_type type, int remote, hf_err cause, uint64_t number);

/* The session with that party; NULL: none, or it is over. */
party_talk *party_talk_with(sim_party *p, int remote);

/* What an application may do at any moment. */
void party_connect(sim_party *p, int remote);
void party_disconnect(sim_party *p, int remote);
void party_forget(sim_party *p, int remote);
void party_restart_ice(sim_party *p, int remote);
void party_reconnect(sim_party *p, int remote);
void party_accept_identity(sim_party *p, int remote);
void party_open(sim_party *p, int remote, const hf_channel_config *config);

/* Of one of its lines: */
bool party_say(party_talk *t, party_line *line, hf_message_kind kind, size_t len); /* false: refused */
void party_pause(party_talk *t, party_line *line, bool paused);
void party_close(party_talk *t, party_line *line);

/* A letter for it goes by the post, whoever wrote it. */
void party_deliver(sim_party *p, struct letter *l);

void party_sleep(sim_party *p, bool asleep);

/* Everything between the two that a link does. */
void party_cut_path(sim_party *p, int remote, bool cut);

delivery party_delivery(const hf_channel_config *config);

#endif
