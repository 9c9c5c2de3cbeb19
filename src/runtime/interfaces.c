/* interfaces.c: the addresses of this machine, and news of their coming and going.
 *
 * The list is read by getifaddrs and kept as long as rtnetlink reports no change, so that a thousand objects that ask for
 * local addresses cost one look. Where there is no rtnetlink (a sandbox) each one costs a look, and changes stay unseen. */
#include "loop_priv.h"

#include "sockaddr.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SETTLE HF_MS(50)

/* RFC 8445 §5.1.1.1: temporary IPv6 addresses (RFC 8981) are preferred, for they say less about who we are. */
#define PREFERENCE_TEMPORARY 1
/* The system's own choice of interface comes first: a cable before a radio that costs. */
#define PREFERENCE_ROUTE 2

/* --- What /proc/net/if_inet6 tells and getifaddrs does not --- */

#define FLAG_TEMPORARY 0x01 /* IFA_F_… of linux/if_addr.h */
#define FLAG_DAD_FAILED 0x08
#define FLAG_DEPRECATED 0x20
#define FLAG_TENTATIVE 0x40

#define INET6_FLAGS_MAX HF_INTERFACES_MAX

typedef struct inet6_flags {
    uint8_t ip[16];
    unsigned index, flags;
} inet6_flags;

static bool read_hex_ip(const char *text, uint8_t ip[16])
{
    for (size_t i = 0; i < 16; i++) {
        unsigned byte;

        if (sscanf(text + 2 * i, "%2x", &byte) != 1)
            return false;
        ip[i] = (uint8_t)byte;
    }
    return true;
}

static size_t read_inet6_flags(inet6_flags out[INET6_FLAGS_MAX])
{
    FILE *file = fopen("/proc/net/if_inet6", "re");
    char line[256], ip[33];
    unsigned prefix, scope;
    size_t n = 0;

    if (!file)
        return 0;
    while (n < INET6_FLAGS_MAX && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%32s %x %x %x %x", ip, &out[n].index, &prefix, &scope, &out[n].flags) == 5 &&
            read_hex_ip(ip, out[n].ip))
            n++;
    }
    fclose(file);
    return n;
}

static unsigned find_inet6_flags(const inet6_flags *all, size_t n, const hf_interface *of)
{
    for (size_t i = 0; i < n; i++) {
        if (all[i].index == of->index && memcmp(all[i].ip, of->addr.ip, sizeof all[i].ip) == 0)
            return all[i].flags;
    }
    return 0;
}

/* --- The list --- */

static bool is_usable(const struct ifaddrs *entry)
{
    return entry->ifa_addr && (entry->ifa_flags & IFF_UP) != 0;
}

/* RFC 4862 §5.5.4: a deprecated address should not be used for new communication; a tentative one can't be bound to. */
static bool is_settled(unsigned flags)
{
    return (flags & (FLAG_DAD_FAILED | FLAG_DEPRECATED | FLAG_TENTATIVE)) == 0;
}

static uint8_t count_prefix(const struct sockaddr *mask)
{
    hf_addr addr;
    uint8_t bits = 0;

    if (!mask || !hf_sockaddr_read(mask, &addr))
        return 0;
    while (bits < 8 * sizeof addr.ip && (addr.ip[bits / 8] & 0x80 >> bits % 8) != 0)
        bits++;
    return bits;
}

static hf_err read_list(hf_interfaces *interfaces)
{
    struct ifaddrs *list;
    inet6_flags flags[INET6_FLAGS_MAX];
    hf_routes routes;

    if (getifaddrs(&list) != 0)
        return HF_EIO;
    size_t flags_len = read_inet6_flags(flags);
    hf_routes_read(&routes);

    interfaces->len = 0;
    for (struct ifaddrs *entry = list; entry && interfaces->len < HF_INTERFACES_MAX; entry = entry->ifa_next) {
        hf_interface item = {0};

        if (!is_usable(entry) || !hf_sockaddr_read(entry->ifa_addr, &item.addr))
            continue;
        if (hf_addr_is_unspecified(&item.addr) || hf_addr_is_multicast(&item.addr))
            continue;
        item.index = if_nametoindex(entry->ifa_name);
        item.prefix = count_prefix(entry->ifa_netmask);
        item.preference = (uint16_t)(hf_routes_level(&routes, item.index) * PREFERENCE_ROUTE);
        if (!if_indextoname(item.index, item.name)) /* the label of an alias, "eth0:1", is not its name */
            continue;
        if (item.addr.family == HF_FAMILY_IPV6) {
            unsigned f = find_inet6_flags(flags, flags_len, &item);

            if (!is_settled(f))
                continue;
            if (f & FLAG_TEMPORARY)
                item.preference += PREFERENCE_TEMPORARY;
        }
        interfaces->items[interfaces->len++] = item;
    }
    freeifaddrs(list);
    return HF_OK;
}

/* --- News --- */

static void open_news(hf_loop *loop)
{
    struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    union {
        struct sockaddr any;
        struct sockaddr_nl netlink;
    } to = {.netlink = name};

    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return;
    loop->interfaces.source.kind = HF_SOURCE_INTERFACES;
    if (bind(fd, &to.any, sizeof to.netlink) != 0 || hf_loop_attach(loop, &loop->interfaces.source, fd, EPOLLIN) != HF_OK) {
        close(fd);
        return;
    }
    loop->interfaces.fd = fd;
}

/* Whether there were any. What they say is not read: the list is. */
static bool drain_news(int fd)
{
    char ignored[8192];
    bool any = false;

    for (;;) {
        ssize_t n = recv(fd, ignored, sizeof ignored, MSG_DONTWAIT);

        if (n < 0 && errno != EINTR && errno != ENOBUFS) /* ENOBUFS: there were more than it could keep */
            return any;
        any = true;
    }
}

static bool is_same_list(const hf_interfaces *interfaces, const hf_interface *items, size_t len)
{
    if (interfaces->len != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (interfaces->items[i].index != items[i].index || !hf_addr_equal(&interfaces->items[i].addr, &items[i].addr))
            return false;
    }
    return true;
}

static void on_settled(void *context)
{
    hf_loop *loop = context;
    hf_interfaces *interfaces = &loop->interfaces;
    hf_interface before[HF_INTERFACES_MAX];
    size_t before_len = interfaces->len;

    memcpy(before, interfaces->items, sizeof before);
    interfaces->current = false;
    if (hf_interfaces_read(loop) == HF_OK && !is_same_list(interfaces, before, before_len)) {
        hf_multicast_refresh(loop); /* first: who gets a new address may want a name for it */
        hf_objects_refresh_locals(loop);
    }
}

void hf_interfaces_on_readable(hf_loop *loop)
{
    hf_timer *settle = &loop->interfaces.settle;

    if (!drain_news(loop->interfaces.fd) || settle->slot != 0)
        return;
    if (hf_loop_timer_set(loop, settle, loop->now + SETTLE, on_settled, loop) != HF_OK)
        on_settled(loop);
}

hf_err hf_interfaces_read(hf_loop *loop)
{
    hf_interfaces *interfaces = &loop->interfaces;

    if (interfaces->fd < 0)
        open_news(loop);
    if (interfaces->current && interfaces->settle.slot == 0)
        return HF_OK;

    hf_err err = read_list(interfaces);
    interfaces->current = err == HF_OK && interfaces->fd >= 0;
    return err;
}

const hf_interface *hf_interfaces_find(const hf_interfaces *interfaces, const hf_addr *addr)
{
    for (size_t i = 0; i < interfaces->len; i++) {
        if (hf_addr_equal_ip(&interfaces->items[i].addr, addr))
            return &interfaces->items[i];
    }
    return NULL;
}

void hf_interfaces_close(hf_loop *loop)
{
    if (loop->interfaces.fd >= 0)
        close(loop->interfaces.fd);
    loop->interfaces.fd = -1;
}
