/* routes.c: which interfaces the system itself prefers: those that its default routes lead over, by their metric. */
#include "loop_priv.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define DESTINATION_ANY_IPV6 "00000000000000000000000000000000"

/* Coarse, for few bits are left of a local preference. Between the metrics that NetworkManager gives to cables (100), Wi-Fi
 * (600) and mobile networks (700), the one of systemd-networkd (1024), and those of dhcpcd (from 200 on, and from 3000). */
static uint16_t level_of(unsigned metric)
{
    static const unsigned bounds[] = {2000, 800, 650, 400, 150};
    uint16_t level = 1;

    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0] && metric <= bounds[i]; i++)
        level++;
    return level;
}

static void add(hf_routes *routes, const char *name, unsigned metric)
{
    unsigned index = if_nametoindex(name);
    size_t i = 0;

    while (i < routes->len && routes->items[i].interface != index)
        i++;
    if (i == HF_ROUTES_MAX || index == 0)
        return;
    if (i == routes->len)
        routes->items[routes->len++] = (hf_route){.interface = index};
    if (level_of(metric) > routes->items[i].level)
        routes->items[i].level = level_of(metric);
}

/* Kernel, Documentation/filesystems/proc: Iface Destination Gateway Flags RefCnt Use Metric Mask … */
static void read_ipv4(hf_routes *routes)
{
    FILE *file = fopen("/proc/net/route", "re");
    char line[256], name[IF_NAMESIZE];
    unsigned destination, metric, mask;

    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%15s %x %*x %*x %*d %*d %u %x", name, &destination, &metric, &mask) == 4 && destination == 0 &&
            mask == 0)
            add(routes, name, metric);
    }
    if (file)
        fclose(file);
}

/* Destination and its prefix, source and its prefix, next hop, metric, reference count, use count, flags, device; all but
 * the device in hexadecimal. The kernel's own route to nowhere is on "lo". */
static void read_ipv6(hf_routes *routes)
{
    FILE *file = fopen("/proc/net/ipv6_route", "re");
    char line[256], destination[33], name[IF_NAMESIZE];
    unsigned prefix, metric;

    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%32s %x %*s %*x %*s %x %*x %*x %*x %15s", destination, &prefix, &metric, name) == 4 &&
            prefix == 0 && strcmp(destination, DESTINATION_ANY_IPV6) == 0 && strcmp(name, "lo") != 0)
            add(routes, name, metric);
    }
    if (file)
        fclose(file);
}

void hf_routes_read(hf_routes *out)
{
    out->len = 0;
    read_ipv4(out);
    read_ipv6(out);
}

uint16_t hf_routes_level(const hf_routes *routes, uint32_t interface)
{
    for (size_t i = 0; i < routes->len; i++) {
        if (routes->items[i].interface == interface)
            return routes->items[i].level;
    }
    return 0;
}
