/* ice_priv.h: what the files of this folder share. Each section names the file that it belongs to. */
#ifndef HF_ICE_PRIV_H
#define HF_ICE_PRIV_H

#include "ice_types.h"

#include "alloc.h"
#include "bytes.h"
#include "log.h"
#include "random.h"
#include "stun.h"
#include "trace.h"

#include <assert.h>
#include <string.h>

/* Counts what is thrown away, and tells it. */
static inline void hf_ice_drop(hf_ice *ice, hf_drop cause, size_t bytes)
{
    hf_drop_count(&ice->stats.drops, ice->env, ice->now, cause, bytes);
}

static inline bool hf_ice_path_equal(const hf_path *a, const hf_path *b)
{
    return a->transport == b->transport && hf_addr_equal(&a->remote, &b->remote) && hf_addr_equal(&a->local, &b->local);
}

static inline hf_time hf_ice_earlier(hf_time a, hf_time b)
{
    return a < b ? a : b;
}

/* --- candidate.c: text ---------------------------------------------------------------------------------------------- */

bool hf_ice_is_ice_char(uint8_t c);

/* --- generation.c: credentials ------------------------------------------------------------------------------------- */

/* Makes one with credentials of its own; NULL: no memory. */
hf_ice_generation *hf_ice_generation_new(hf_ice *ice, bool is_controlling);
void hf_ice_generation_free(hf_ice_generation *g);
bool hf_ice_ufrag_is_valid(hf_bytes ufrag);
bool hf_ice_pwd_is_valid(hf_bytes pwd);
HF_CHECKED hf_err hf_ice_generation_set_remote(hf_ice_generation *g, const char *ufrag, const char *pwd);
static inline bool hf_ice_remote_is_known(const hf_ice_generation *g)
{
    return g->remote_ufrag != NULL;
}

/* --- restart.c ----------------------------------------------------------------------------------------------------- */

/* The generation of the remote's last description: the one that checks are made for. */
static inline hf_ice_generation *hf_ice_checked(const hf_ice *ice)
{
    return hf_ice_remote_is_known(ice->newest) ? ice->newest : ice->current;
}
static inline bool hf_ice_is_restarting(const hf_ice *ice)
{
    return ice->newest != ice->current;
}
HF_CHECKED hf_err hf_ice_restart_open(hf_ice *ice);
HF_CHECKED hf_err hf_ice_restart_cancel(hf_ice *ice, hf_time now);
/* The remote's description of the newest generation has come, the first one or a restart's. */
void hf_ice_restart_begin_checks(hf_ice *ice, hf_time now);
/* A pair of the newest generation is selected: data goes by it from now on. */
void hf_ice_restart_succeed(hf_ice *ice, hf_time now);
hf_time hf_ice_restart_deadline(const hf_ice *ice);
void hf_ice_restart_tick(hf_ice *ice, hf_time now);

/* --- local.c: local candidates ------------------------------------------------------------------------------------- */

uint32_t hf_ice_priority(hf_ice_candidate_type type, hf_ice_tcp_type tcp_type, uint16_t local_preference);

/* Adds one unless it is redundant (RFC 8445 §5.1.3); NULL: it is, or there is no room. */
hf_ice_local *hf_ice_local_add_host(hf_ice_generation *g, const hf_ice_socket *socket);
hf_ice_local *hf_ice_local_add_reflexive(hf_ice_generation *g, hf_ice_local *base, const hf_addr *addr,
                                         const hf_ice_stun *server, const hf_addr *server_addr);
hf_ice_local *hf_ice_local_add_peer_reflexive(hf_ice_generation *g, hf_ice_local *base, const hf_addr *addr);
hf_ice_local *hf_ice_local_add_relayed(hf_ice_generation *g, struct hf_ice_allocation *a, const hf_addr *addr);
/* Removes a host or relayed candidate, all that are based on it, and their pairs. The route is to be considered anew
 * then. */
void hf_ice_local_remove(hf_ice_generation *g, hf_ice_local *host);
hf_ice_local *hf_ice_local_find_host(const hf_ice_generation *g, const hf_addr *addr, hf_ice_tcp_type tcp_type);
hf_ice_local *hf_ice_local_find(const hf_ice_generation *g, const hf_addr *addr, const hf_ice_local *base);
/* Whether it belongs into our description. */
bool hf_ice_local_is_for_the_remote(const hf_ice_generation *g, const hf_ice_local *local);
void hf_ice_local_describe(const hf_ice_generation *g, const hf_ice_local *local, hf_ice_candidate *out);

/* --- remote.c: remote candidates ----------------------------------------------------------------------------------- */

/* Nobody may be sent to there. */
bool hf_ice_addr_is_forbidden(const hf_addr *addr);
bool hf_ice_port_is_forbidden_for_tcp(uint16_t port);
HF_CHECKED hf_err hf_ice_remote_add(hf_ice_generation *g, const hf_ice_candidate *candidate, const char *ufrag);
hf_ice_remote *hf_ice_remote_add_reflexive(hf_ice_generation *g, const hf_addr *addr, hf_ice_tcp_type tcp_type,
                                           uint32_t priority);
hf_ice_remote *hf_ice_remote_find(const hf_ice_generation *g, const hf_addr *addr, hf_ice_tcp_type tcp_type);
void hf_ice_remote_drop_other_generations(hf_ice_generation *g);
void hf_ice_remote_describe(const hf_ice_remote *remote, hf_ice_candidate *out);
void hf_ice_remote_free(hf_ice_generation *g, hf_ice_remote *remote);

/* --- alias.c: names instead of addresses ----------------------------------------------------------------------------- */

bool hf_ice_alias_is_made_up(const char *name);
HF_CHECKED hf_err hf_ice_alias_add(hf_ice_generation *g, const hf_ice_candidate *candidate, const char *ufrag);
void hf_ice_alias_on_resolved(hf_ice *ice, const hf_reply *reply);
void hf_ice_alias_forget(hf_ice_generation *g);
/* Gives this address of ours a name, where they are to be hidden. */
void hf_ice_alias_hide(hf_ice *ice, const hf_addr *addr);
void hf_ice_alias_on_advertised(hf_ice *ice, const hf_reply *reply);
bool hf_ice_alias_is_settled(const hf_ice *ice); /* every address has a name, or can't have one */
bool hf_ice_alias_allows_telling(const hf_ice *ice, const hf_ice_local *local);
void hf_ice_alias_conceal(const hf_ice *ice, const hf_ice_local *local, hf_ice_candidate *out);
void hf_ice_alias_name_route(const hf_ice *ice, const hf_ice_pair *pair, hf_ice_route *out);
bool hf_ice_alias_poll_request(hf_ice *ice, hf_request *out);
void hf_ice_alias_clear(hf_ice *ice);

/* --- server.c: STUN and TURN servers ------------------------------------------------------------------------------- */

HF_CHECKED hf_err hf_ice_servers_init(hf_ice *ice, const hf_ice_config *config);
void hf_ice_servers_clear(hf_ice *ice);
/* The first of its addresses that `local` may reach; NULL: none. */
const hf_addr *hf_ice_server_addr(const hf_ice_stun *server, const hf_addr *local);
/* The policy of the newest generation has a use for it. */
bool hf_ice_server_is_of_use(const hf_ice *ice, const hf_ice_stun *server);
HF_CHECKED hf_err hf_ice_server_set_credentials(hf_ice *ice, hf_ice_stun *server, const char *username,
                                                const char *password);

/* --- gather.c ------------------------------------------------------------------------------------------------------ */

void hf_ice_gather_begin(hf_ice *ice, hf_time now);
bool hf_ice_has_socket(const hf_ice *ice, const hf_addr *local, hf_ice_tcp_type tcp_type);
/* Brings the host candidates in step with the sockets that there are. */
void hf_ice_gather_take_locals(hf_ice *ice, hf_time now);
bool hf_ice_gather_poll_request(hf_ice *ice, hf_request *out);
void hf_ice_gather_on_locals(hf_ice *ice, hf_time now, const hf_reply *reply);
void hf_ice_gather_on_resolved(hf_ice *ice, hf_time now, const hf_reply *reply);
bool hf_ice_gather_on_response(hf_ice *ice, hf_time now, const hf_path *path, const hf_stun_message *message);
void hf_ice_gather_forget_base(hf_ice_generation *g, const hf_ice_local *base);
void hf_ice_gather_settle(hf_ice *ice);                 /* something that it waits for has come */
void hf_ice_gather_on_answer(hf_ice *ice, hf_time now); /* a server has said something */
void hf_ice_gather_tick(hf_ice *ice, hf_time now);
void hf_ice_gather_refresh(hf_ice_generation *g, hf_time now); /* servers are asked whether they see us as before */
void hf_ice_gather_ask_again(hf_ice_generation *g, hf_time since, const hf_ice_stun *server); /* unless it was since */
bool hf_ice_gather_repeat(hf_ice *ice, hf_time now, hf_transmit *out); /* what is due for its second or later time */
bool hf_ice_gather_start_one(hf_ice *ice, hf_time now, hf_transmit *out);
bool hf_ice_gather_has_waiting(const hf_ice *ice);
hf_time hf_ice_gather_deadline(const hf_ice *ice);

/* --- pair.c -------------------------------------------------------------------------------------------------------- */

uint64_t hf_ice_pair_priority(bool is_controlling, uint32_t local, uint32_t remote);
bool hf_ice_may_reach(const hf_addr *local, const hf_addr *remote);
void hf_ice_pair_add_for_local(hf_ice_generation *g, hf_ice_local *local);
void hf_ice_pair_add_for_remote(hf_ice_generation *g, hf_ice_remote *remote);
/* Returns the pair of these two, made if need be; NULL: no room. One on which a check has come is made room for in any
 * case. */
hf_ice_pair *hf_ice_pair_ensure(hf_ice_generation *g, hf_ice_local *local, hf_ice_remote *remote, bool has_come);
hf_ice_pair *hf_ice_pair_find(const hf_ice_generation *g, const hf_path *path);
void hf_ice_pair_remove(hf_ice_generation *g, hf_ice_pair *pair);
void hf_ice_pair_reprioritize(hf_ice_generation *g); /* a role or a candidate's priority changed */
bool hf_ice_pair_shares_foundation(const hf_ice_pair *a, const hf_ice_pair *b);
/* RFC 8445 §6.1.4.2: a frozen pair whose foundation has neither a waiting nor a running one. */
bool hf_ice_pair_may_thaw(const hf_ice_generation *g, const hf_ice_pair *pair);
bool hf_ice_pair_thaw(hf_ice_generation *g); /* all of those; false: there is none */
void hf_ice_pair_describe(const hf_ice_pair *pair, hf_ice_pair_info *out);

/* The doors. Entering the present state is nothing. */
void hf_ice_pair_enter(hf_ice_pair *pair, hf_ice_pair_state next);
void hf_ice_pair_nominate(hf_ice_pair *pair);

/* --- trace.c: the event log ---------------------------------------------------------------------------------------- */

void hf_ice_trace_local(const hf_ice_generation *g, const hf_ice_local *local, hf_trace_event event);
void hf_ice_trace_remote(const hf_ice_generation *g, const hf_ice_remote *remote, hf_trace_event event);
void hf_ice_trace_pair(const hf_ice_pair *pair, hf_trace_event event);
void hf_ice_trace_no_pair(const hf_ice *ice);
void hf_ice_trace_stream(const hf_ice *ice, const hf_ice_stream *stream, hf_trace_event event);
void hf_ice_trace_dropped(const hf_ice_generation *g); /* a generation with its pairs; NULL is fine */

/* --- check.c ------------------------------------------------------------------------------------------------------- */

void hf_ice_check_trigger(hf_ice_pair *pair);
void hf_ice_check_cancel(hf_ice_pair *pair);
bool hf_ice_check_poll(hf_ice *ice, hf_time now, hf_transmit *out);
void hf_ice_check_tick(hf_ice *ice, hf_time now);
hf_time hf_ice_check_deadline(const hf_ice *ice);
bool hf_ice_check_send(hf_time now, hf_ice_pair *pair, hf_transmit *out);
void hf_ice_check_on_response(hf_ice *ice, hf_time now, const hf_path *path, const hf_stun_message *message);
void hf_ice_set_role(hf_ice_generation *g, bool is_controlling);
/* Every pair has had its chance and failed. */
bool hf_ice_check_all_failed(const hf_ice_generation *g);
void hf_ice_pair_fail(hf_time now, hf_ice_pair *pair);

/* --- budget.c ------------------------------------------------------------------------------------------------------ */

/* Whether one more check may be sent; `spend` counts it, `prove` ends the counting: an answer came from there. */
bool hf_ice_budget_allows(const hf_ice_pair *pair);
bool hf_ice_budget_spend(const hf_ice_pair *pair);
void hf_ice_budget_prove(const hf_ice_pair *pair);
/* Its host has answered, now or before a restart. */
bool hf_ice_budget_has_proof(const hf_ice_pair *pair);
void hf_ice_budget_inherit(hf_ice_generation *g, const hf_ice_generation *from);

/* --- stream.c: TCP (RFC 6544) -------------------------------------------------------------------------------------- */

/* There is room for one more to that address. */
bool hf_ice_stream_may_open(const hf_ice *ice, const hf_addr *remote);
/* Opens one for a pair that needs it; false: it can't have one. */
bool hf_ice_stream_open(hf_time now, hf_ice_pair *pair);
/* The same to the server of an allocation, by its path. */
bool hf_ice_stream_open_to_server(hf_ice *ice, struct hf_ice_allocation *a, hf_time give_up_at);
hf_ice_stream *hf_ice_stream_find(const hf_ice *ice, const hf_path *path); /* an open one */
/* Closes it and leaves its pair without: the route is to be considered anew then. NULL is fine. */
void hf_ice_stream_close(hf_ice *ice, hf_ice_stream *stream);
/* A valid check of the remote has come on it. */
void hf_ice_stream_on_check(hf_time now, hf_ice_stream *stream);
bool hf_ice_stream_poll_request(hf_ice *ice, hf_request *out);
void hf_ice_stream_on_connected(hf_ice *ice, hf_time now, const hf_reply *reply);
void hf_ice_stream_on_disconnected(hf_ice *ice, hf_time now, const hf_reply *reply);
void hf_ice_stream_input(hf_ice *ice, hf_time now, const hf_datagram *bytes);
void hf_ice_stream_tick(hf_ice *ice, hf_time now);
hf_time hf_ice_stream_deadline(const hf_ice *ice);
void hf_ice_streams_clear(hf_ice *ice);

/* --- ice.c: what a stream has brought is taken like a datagram ------------------------------------------------------- */

/* Keeps what is STUN, drops what nobody has shown a right to send. True: it is data, to be counted. */
bool hf_ice_is_data(hf_ice *ice, hf_time now, const hf_datagram *datagram);
void hf_ice_on_stun(hf_ice *ice, hf_time now, const hf_path *path, hf_bytes message);
bool hf_ice_is_authenticated(hf_ice *ice, const hf_path *path);
void hf_ice_count_received(hf_ice *ice, hf_time now, const hf_path *path,
                           size_t len); /* data of a path just authenticated */
bool hf_ice_may_be_data(uint8_t first);

/* --- answer.c: requests from the remote, and what is owed for them ------------------------------------------------- */

void hf_ice_answer_on_request(hf_ice *ice, hf_time now, const hf_path *path, const hf_stun_message *message);
bool hf_ice_answer_poll(hf_ice *ice, hf_transmit *out);
/* The remote's credentials have come: what came early is taken up. */
void hf_ice_answer_take_early(hf_ice_generation *g, hf_time now);
bool hf_ice_answer_is_early(const hf_ice_generation *g, const hf_path *path);

/* --- nominate.c ---------------------------------------------------------------------------------------------------- */

/* The valid pair to take, of those to which the remote's consent is fresh; NULL: none. */
hf_ice_pair *hf_ice_best_of(const hf_ice_generation *g, hf_time now);
/* Looks at the valid pairs anew: the route, the state that follows, and whether to nominate. */
void hf_ice_nominate_consider(hf_ice *ice, hf_time now);
/* A nomination holds: its check has succeeded. */
void hf_ice_nominate_accept(hf_time now, hf_ice_pair *pair, uint32_t nomination);
/* RFC 8445 §8.1.2: whether a pair is still to be checked, once one is nominated. */
bool hf_ice_nominate_wants(const hf_ice_pair *pair);

/* The door of the route; NULL: there is none. What else follows is the caller's. */
void hf_ice_select(hf_ice *ice, hf_ice_pair *pair);

/* --- consent.c ----------------------------------------------------------------------------------------------------- */

void hf_ice_consent_on_route(hf_ice *ice, hf_time now);
void hf_ice_consent_on_answer(hf_ice *ice, hf_time now, const hf_ice_pair *pair);
bool hf_ice_consent_poll(hf_ice *ice, hf_time now, hf_transmit *out);
void hf_ice_consent_tick(hf_ice *ice, hf_time now);
hf_time hf_ice_consent_deadline(const hf_ice *ice);

/* --- state.c ------------------------------------------------------------------------------------------------------- */

/* The one door. Entering the present state is nothing. */
void hf_ice_enter(hf_ice *ice, hf_time now, hf_ice_state next, hf_err cause);
/* Closed, or failed and silent. */
bool hf_ice_is_over(const hf_ice *ice);
void hf_ice_fall_silent(hf_ice *ice);
void hf_ice_give_up_if_hopeless(hf_ice *ice, hf_time now);

#endif
