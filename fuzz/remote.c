/* remote.c: what the remote agent of the targets says, and what it takes note of. */
#include "remote.h"

#include "fuzz.h"

#include <string.h>

const hf_ice_remote_agent remote_identities[REMOTE_IDENTITIES] = {
    {.ufrag = "remote", .pwd = "remoteremoteremoteremote"},
    {.ufrag = "remote1", .pwd = "remote1remote1remote1remote1", .renomination = true},
    {.ufrag = "remote2", .pwd = "remote2remote2remote2remote2"},
};

hf_addr remote_addr(remote *r)
{
    uint8_t byte = hf_read_u8(&r->in);
    hf_addr addr = {.port = (uint16_t)(1000 + byte / 64)};
    switch (byte % 4) {
    case 0:
    case 1:
        addr.family = HF_FAMILY_IPV4;
        memcpy(addr.ip, (uint8_t[]){10, 0, 0, byte % 16}, 4);
        break;
    case 2:
        addr.family = HF_FAMILY_IPV6;
        addr.ip[0] = byte & 32 ? 0xFE : 0x20;
        addr.ip[1] = byte & 32 ? 0x80 : 0x01;
        addr.ip[15] = byte % 16;
        addr.scope = byte & 32 ? 1 : 0;
        break;
    default:
        addr.family = HF_FAMILY_IPV4;
        memcpy(addr.ip, (uint8_t[]){127, 0, 0, byte % 16}, 4);
        break;
    }
    return addr;
}

hf_bytes remote_bytes(remote *r)
{
    size_t len = hf_read_u8(&r->in);
    return hf_read_bytes(&r->in, len < r->in.rest.len ? len : r->in.rest.len);
}

void remote_note_credentials(remote *r, const hf_ice *ice)
{
    const char *ufrag = hf_ice_local_ufrag(ice);
    for (size_t i = 0; i < r->locals_len && i < REMOTE_LOCALS; i++) {
        if (strcmp(r->local_ufrags[i], ufrag) == 0)
            return;
    }
    size_t at = r->locals_len++ % REMOTE_LOCALS;
    strcpy(r->local_ufrags[at], ufrag);
    strcpy(r->local_pwds[at], hf_ice_local_pwd(ice));
    r->as_local = (uint8_t)at;
}

void remote_change_roles(remote *r)
{
    uint8_t who = hf_read_u8(&r->in);
    r->as_remote = who % REMOTE_IDENTITIES;
    r->as_local = who / REMOTE_IDENTITIES % REMOTE_LOCALS;
}

size_t remote_check(remote *r, uint8_t flags, uint8_t buffer[REMOTE_STUN_MAX])
{
    uint8_t id[HF_STUN_ID_SIZE] = {hf_read_u8(&r->in)};
    char user[300];
    strcpy(user, r->local_ufrags[r->as_local]);
    strcat(user, ":");
    strcat(user, flags & 1 ? "other" : remote_identities[r->as_remote].ufrag);
    hf_stun_writer s =
        hf_stun_begin(buffer, REMOTE_STUN_MAX, flags & 2 ? HF_STUN_INDICATION : HF_STUN_REQUEST, HF_STUN_BINDING, id);
    hf_stun_add(&s, HF_STUN_USERNAME, hf_bytes_of_text(user));
    hf_stun_add_u64(&s, flags & 4 ? HF_STUN_ICE_CONTROLLING : HF_STUN_ICE_CONTROLLED, flags & 8 ? UINT64_MAX : 0);
    if (flags & 16)
        hf_stun_add(&s, HF_STUN_USE_CANDIDATE, (hf_bytes){0});
    if (!(flags & 32))
        hf_stun_add_u32(&s, HF_STUN_PRIORITY, hf_read_u32(&r->in));
    if (flags & 64) {
        uint16_t type = hf_read_u16(&r->in);
        hf_stun_add(&s, type, remote_bytes(r));
    }
    hf_stun_add_integrity(&s, hf_bytes_of_text(r->local_pwds[r->as_local]));
    if (!(flags & 128))
        hf_stun_add_fingerprint(&s);
    return hf_stun_end(&s);
}

size_t remote_answer(remote *r, uint8_t flags, const hf_addr *mapped, uint8_t buffer[REMOTE_STUN_MAX])
{
    bool is_error = (flags & 12) == 12;
    hf_stun_writer s =
        hf_stun_begin(buffer, REMOTE_STUN_MAX, is_error ? HF_STUN_ERROR : HF_STUN_SUCCESS, HF_STUN_BINDING, r->asked_id);
    if (is_error)
        hf_stun_add_error(&s, flags & 16 ? 487 : 300 + hf_read_u8(&r->in), "");
    else
        hf_stun_add_xor_address(&s, HF_STUN_XOR_MAPPED_ADDRESS, mapped);
    if (flags & 32) {
        uint16_t type = hf_read_u16(&r->in);
        hf_stun_add(&s, type, remote_bytes(r));
    }
    if (!r->asked_server)
        hf_stun_add_integrity(&s, hf_bytes_of_text(remote_identities[r->asked_remote].pwd));
    hf_stun_add_fingerprint(&s);
    return hf_stun_end(&s);
}

void remote_on_sent(remote *r, const hf_ice *ice, const hf_path *path, hf_bytes bytes)
{
    hf_stun_message m;
    demand(hf_stun_read(bytes, &m));
    demand(!hf_addr_is_multicast(&path->remote) && !hf_addr_is_unspecified(&path->remote) && path->remote.port != 0);
    if (hf_ice_get_state(ice) == HF_ICE_FAILED && m.integrity_at != 0 &&
        !r->looks) { /* RFC 7675: only a restart is answered */
        demand(m.class_ != HF_STUN_REQUEST);
        demand(hf_stun_verify_integrity(&m, hf_bytes_of_text(hf_ice_local_pwd(ice))));
    }
    if (m.class_ != HF_STUN_REQUEST)
        return;
    hf_bytes user;
    for (uint8_t i = 0; i < REMOTE_IDENTITIES && hf_stun_find(&m, HF_STUN_USERNAME, &user); i++) {
        size_t len = strlen(remote_identities[i].ufrag);
        if (user.len > len && user.data[len] == ':' && memcmp(user.data, remote_identities[i].ufrag, len) == 0)
            r->asked_remote = i;
    }
    r->asked = *path;
    memcpy(r->asked_id, m.id, sizeof r->asked_id);
    r->asked_server = m.integrity_at == 0;
}

void remote_pass_time(remote *r, hf_ice *ice, hf_time *now)
{
    static const hf_span spans[] = {0, HF_MS(1), HF_MS(50), HF_MS(500), HF_SECONDS(3), HF_SECONDS(31)};
    uint8_t how = hf_read_u8(&r->in);
    if (how & 128 && hf_ice_deadline(ice) != HF_NEVER)
        *now = hf_ice_deadline(ice) > *now ? hf_ice_deadline(ice) : *now;
    else
        *now += spans[how % 6];
    hf_ice_tick(ice, *now);
}
