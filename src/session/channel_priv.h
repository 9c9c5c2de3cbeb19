/* channel_priv.h: the inside of a channel, and what all channels of a session share. */
#ifndef HF_CHANNEL_PRIV_H
#define HF_CHANNEL_PRIV_H

#include "inbox.h"
#include "outbox.h"
#include "ranges.h"
#include "scheduler.h"
#include "window.h"

#include <holdfast/session.h>

/* A CLOSE may overtake the OPEN of its channel: so many are remembered. */
#define HF_EARLY_CLOSES_MAX HF_SESSION_CHANNELS_MAX

/* Of the remote's incarnations, in which those that there were lie; where there are more, the two oldest become one. */
#define HF_INCARNATION_RANGES_MAX 256

/* What a channel has to tell the application, in this order. */
typedef enum hf_news {
    HF_NEWS_OPEN = 1 << 0,
    HF_NEWS_DATA = 1 << 1,
    HF_NEWS_TOO_LONG = 1 << 2, /* some of what was queued is longer than the remote takes */
    HF_NEWS_LOW = 1 << 3,
    HF_NEWS_WRITABLE = 1 << 4,
    HF_NEWS_CLOSED = 1 << 5
} hf_news;

struct hf_channel {
    hf_session *session;
    char *name, *protocol;
    hf_channel_config config; /* its strings are the two above */
    void *user;

    hf_session_protocol speaks; /* since it was carried first; UNKNOWN: it was not */
    uint64_t incarnation;       /* HOLDFAST: with the next it is what both sides know it by */
    uint64_t outdone;           /* that of the remote's channel of this name, which gives way to ours; 0: there was none */
    bool remote;                /* the remote opened it, and opens it again on other connections */
    hf_datachannel carrier;     /* the data channel of the present connection; 0: none */
    bool was_open;              /* the application has been told of it */
    bool has_id;
    uint16_t id; /* of the carrier's stream, or the last one's */

    hf_turn turn;
    hf_inbox inbox;   /* HOLDFAST */
    hf_outbox outbox; /* all */
    hf_outbox returning;
    hf_err returning_cause;
    size_t low; /* bytes queued at which the application wants to know */

    bool paused;
    bool announce;        /* the remote shall know our window */
    bool closing;         /* nothing more is accepted: the application, the remote or the session's end wants it so */
    bool close_said;      /* CLOSE, on this connection */
    bool close_confirmed; /* CLOSED: the remote has all of ours */
    bool close_heard;     /* the remote's CLOSE, */
    uint64_t last;        /* and the number of its last message */
    bool confirm_owed;    /* CLOSED is to be said once all is here */
    bool over;            /* nothing happens to it but that CHANNEL_CLOSED is told */
    hf_err cause;         /* of that */

    unsigned news;
    hf_channel *news_next;

    uint64_t messages_sent, bytes_sent, messages_received, bytes_received;
};

/* One of a session. */
typedef struct hf_traffic {
    hf_scheduler scheduler;
    hf_window window;
    hf_channel *news_first, *news_last;
    hf_channel *recent; /* the last that a message came for */

    uint64_t incarnation_last; /* of ours */
    hf_ranges incarnations;    /* of the remote's, that there were */
    hf_control_last *early;    /* CLOSE that overtook its OPEN */
    size_t early_len, early_cap;

    uint64_t delivered;  /* bytes, the last time when the connection was asked, */
    hf_time progress_at; /* and the last time when there were more, or nothing was on its way */
    bool was_idle;       /* nothing was */
    bool is_silent;      /* that is much too long ago */
    bool is_muted;       /* what fresh channels would say now were stale when it arrives */

    hf_time ack_due; /* HF_NEVER: nothing is to be acknowledged */
    bool owes;       /* there may be something to say of a channel */

    bool bye_wanted;    /* the application has ended the session */
    bool bye_confirmed; /* BYE_DONE has come */
    bool bye_heard;     /* the remote has ended it */

    bool returning; /* some channel hands messages back */
    bool continuity_lost;
    uint64_t lost_possibly_delivered, lost_not_sent;

    unsigned breaches;
    hf_time breach_at;
} hf_traffic;

void hf_traffic_init(hf_traffic *traffic);
void hf_traffic_clear(hf_traffic *traffic, const hf_env *env);

/* channel.c */
hf_priority hf_priority_of_wire(uint16_t priority); /* RFC 8831 §6.4 */
uint16_t hf_priority_on_wire(hf_priority priority);
HF_CHECKED hf_err hf_channel_new(hf_channel **out, hf_session *session, const hf_channel_config *config);
void hf_channel_detach(hf_channel *channel);  /* its name is free again */
void hf_channel_destroy(hf_channel *channel); /* after detach */
void hf_channel_describe(const hf_channel *channel, hf_datachannel_info *out);
hf_delivery hf_channel_delivery(const hf_channel_config *config);
void hf_channel_mind_lifetime(hf_channel *channel); /* its configuration is known */
hf_channel *hf_channel_find(const hf_session *session, bool remote, uint64_t incarnation);
hf_channel *hf_channel_of_carrier(hf_session *session, hf_datachannel carrier);

/* carry.c */
HF_CHECKED hf_err hf_channel_carry(hf_channel *channel, hf_time now); /* on the current connection, once it may be */
void hf_channel_carry_by(hf_channel *channel, hf_datachannel carrier);
void hf_channel_close_carrier(hf_channel *channel);
void hf_session_close_carrier(hf_session *session, hf_datachannel carrier);
void hf_channel_deliver(hf_channel *channel, const hf_inbox_piece *piece); /* to the application, at once */
void hf_channel_mind_ack(hf_channel *channel); /* something came, or the application has taken something */

/* glare.c: the remote has opened a channel of the name of one of ours. */
bool hf_session_is_lower(
    const hf_session *session); /* our session id: ours survives. Otherwise it goes on upon the remote's: */
HF_CHECKED hf_err hf_channel_say_dead(hf_channel *channel);
void hf_channel_give_way(hf_channel *channel, hf_datachannel carrier, uint64_t incarnation, const hf_datachannel_info *info);

/* pump.c: it has something to give, or may have. */
void hf_channel_feed(hf_channel *channel);

/* close.c */
void hf_channel_begin_close(hf_channel *channel);
void hf_channel_end_if_done(hf_channel *channel);
void hf_channel_end(hf_channel *channel, hf_err cause); /* nothing more comes of it but CHANNEL_CLOSED */

void hf_channel_hear_ack(hf_channel *channel);
bool hf_traffic_is_kept(const hf_session *session); /* something waits for an acknowledgement */

/* resume.c: what was not acknowledged comes as HF_SESSION_MESSAGE_RETURNED. */
void hf_channel_hand_back(hf_channel *channel, hf_err cause);

/* tell.c */
void hf_channel_tell(hf_channel *channel, hf_news news);
void hf_channel_tell_queue(hf_channel *channel, size_t queued_before); /* LOW, WRITABLE: where they are due */

#endif
