/* rival.c: selective acknowledgements, three later ones tell a loss, one halving in a round trip. */
#include "rival.h"

#include <string.h>

#define PACKET 1187 /* 1215 on the wire */
#define ACK 40
#define FIRST_WINDOW 10
#define TIMEOUT HF_SECONDS(1)
#define DUPLICATES 3

static void send(rival *r, sim_host *from, int to, uint32_t number, size_t len)
{
    uint8_t data[PACKET] = {0};
    hf_path path = {.local = r->addrs[1 - to], .remote = r->addrs[to]};
    memcpy(data, &number, sizeof number);
    sim_net_send(&from->interfaces[0], &path, data, len);
}

static bool *slot(bool *ring, uint32_t number)
{
    return &ring[number % RIVAL_WINDOW_MAX];
}

static void send_new(rival *r)
{
    while (r->is_on && r->flying < (uint32_t)r->window && r->next - r->oldest < RIVAL_WINDOW_MAX) {
        *slot(r->acked, r->next) = *slot(r->repeated, r->next) = false;
        r->flying++;
        send(r, &r->sender, 1, r->next++, PACKET);
    }
}

static void on_loss(rival *r, uint32_t number)
{
    if ((int32_t)(number - r->recover) >= 0) {
        r->threshold = r->window / 2 > 2 ? r->window / 2 : 2;
        r->window = r->threshold;
        r->recover = r->next;
    }
    *slot(r->repeated, number) = true;
    send(r, &r->sender, 1, number, PACKET);
}

static void on_ack(rival *r, uint32_t number)
{
    if (number - r->oldest >= r->next - r->oldest || *slot(r->acked, number))
        return;
    *slot(r->acked, number) = true;
    r->flying--;
    r->progress_at = r->s->now;
    r->delivered += PACKET;
    r->window += r->window < r->threshold ? 1 : 1 / r->window;
    while (r->oldest != r->next && *slot(r->acked, r->oldest))
        r->oldest++;
    for (uint32_t lost = r->oldest; (int32_t)(number - lost) >= DUPLICATES; lost++) {
        if (!*slot(r->acked, lost) && !*slot(r->repeated, lost))
            on_loss(r, lost);
    }
    send_new(r);
}

/* Nothing has come for a second: it begins again. */
static void on_timeout(rival *r)
{
    r->progress_at = r->s->now;
    r->threshold = r->window / 2 > 2 ? r->window / 2 : 2;
    r->window = FIRST_WINDOW;
    r->recover = r->next;
    r->flying = 0;
    for (uint32_t lost = r->oldest; lost != r->next; lost++) {
        r->flying += !*slot(r->acked, lost);
        *slot(r->repeated, lost) = false;
    }
    on_loss(r, r->oldest);
}

/* --- Its two ends, as the simulation drives them ------------------------------------------------------------------- */

static uint32_t number_in(const hf_datagram *datagram)
{
    uint32_t number;
    memcpy(&number, datagram->data, sizeof number);
    return number;
}

static void sender_input(void *object, hf_time now, hf_datagram *datagrams, size_t n)
{
    (void)now;
    for (size_t i = 0; i < n; i++)
        on_ack(object, number_in(&datagrams[i]));
}

static void receiver_input(void *object, hf_time now, hf_datagram *datagrams, size_t n)
{
    rival *r = object;
    (void)now;
    for (size_t i = 0; i < n; i++)
        send(r, &r->receiver, 0, number_in(&datagrams[i]), ACK);
}

static bool no_transmit(void *object, hf_time now, hf_transmit *out)
{
    (void)object;
    (void)now;
    (void)out;
    return false;
}

static bool no_request(void *object, hf_request *out)
{
    (void)object;
    (void)out;
    return false;
}

static void no_reply(void *object, hf_time now, const hf_reply *reply)
{
    (void)object;
    (void)now;
    (void)reply;
}

static hf_time sender_deadline(const void *object)
{
    const rival *r = object;
    return r->flying > 0 ? r->progress_at + TIMEOUT : HF_NEVER;
}

static void sender_tick(void *object, hf_time now)
{
    (void)now;
    on_timeout(object);
}

static hf_time no_deadline(const void *object)
{
    (void)object;
    return HF_NEVER;
}

static void no_tick(void *object, hf_time now)
{
    (void)object;
    (void)now;
}

static const sim_endpoint sender = {sender_input, no_transmit, no_request, no_reply, sender_deadline, sender_tick};
static const sim_endpoint receiver = {receiver_input, no_transmit, no_request, no_reply, no_deadline, no_tick};

void rival_init(rival *r, sim *s)
{
    *r = (rival){.s = s, .window = FIRST_WINDOW, .threshold = RIVAL_WINDOW_MAX / 2};
    r->addrs[0] = sim_addr("192.0.2.101:7000");
    r->addrs[1] = sim_addr("192.0.2.102:7000");
    sim_host *hosts[2] = {&r->sender, &r->receiver};
    for (int i = 0; i < 2; i++) {
        sim_host_init(hosts[i], s);
        hosts[i]->object = r;
        hosts[i]->endpoint = i == 0 ? &sender : &receiver;
        sim_host_plug(hosts[i], sim_internet(s), &r->addrs[i], &(hf_addr){0}, (sim_link){0}, 0);
    }
}

void rival_set(rival *r, bool on)
{
    r->is_on = on;
    r->progress_at = r->s->now;
    send_new(r);
}
