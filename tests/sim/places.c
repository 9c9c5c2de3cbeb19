/* places.c: boxes by their kind, and addresses for those behind them. */
#include "places.h"

#define PORT_FIRST 5000

typedef struct kind_info {
    const char *name;
    nat_scope mapping, filtering;
    nat_passes passes;
    bool carrier, hairpins; /* of the carrier */
    bool ipv6;
} kind_info;

static const kind_info kinds[SIM_KIND_COUNT] = {
    [SIM_NONE] = {.name = "none"},
    [SIM_FULL_CONE] = {.name = "full-cone"},
    [SIM_ADDRESS_RESTRICTED] = {.name = "address-restricted", .filtering = NAT_ADDRESS_DEPENDENT},
    [SIM_PORT_RESTRICTED] = {.name = "port-restricted", .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT},
    [SIM_SYMMETRIC] = {.name = "symmetric",
                       .mapping = NAT_ADDRESS_AND_PORT_DEPENDENT,
                       .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT},
    [SIM_CARRIER] = {.name = "carrier", .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT, .carrier = true},
    [SIM_CARRIER_HAIRPIN] = {.name = "carrier-hairpin",
                             .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT,
                             .carrier = true,
                             .hairpins = true},
    [SIM_UDP_BLOCKED] = {.name = "udp-blocked", .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT, .passes = NAT_PASSES_TCP},
    [SIM_ONLY_443] = {.name = "only-443", .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT, .passes = NAT_PASSES_TCP_443},
    [SIM_IPV6_ONLY] = {.name = "ipv6-only", .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT, .ipv6 = true},
};

const char *sim_kind_name(sim_kind kind)
{
    return kinds[kind].name;
}

bool sim_passes_udp(sim_kind kind)
{
    return kinds[kind].passes == NAT_PASSES_ALL;
}

bool sim_is_direct(sim_kind a, sim_kind b)
{
    const kind_info *one = &kinds[a], *two = &kinds[b];
    if (!sim_passes_udp(a) || !sim_passes_udp(b) || one->ipv6 != two->ipv6)
        return false;
    if (one->carrier && two->carrier && a == b) /* the same box */
        return one->hairpins;
    bool is_known[2] = {one->mapping == NAT_ENDPOINT_INDEPENDENT, two->mapping == NAT_ENDPOINT_INDEPENDENT};
    if (is_known[0] && is_known[1])
        return true; /* each sends to where the other is seen, and so opens its own box for it */
    if (!is_known[0] && !is_known[1])
        return false;
    /* One side's port towards the other is unknown before its packet comes: that packet must be let in. */
    return (is_known[0] ? one : two)->filtering != NAT_ADDRESS_AND_PORT_DEPENDENT;
}

static hf_addr ipv4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    return (hf_addr){.family = HF_FAMILY_IPV4, .ip = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}};
}

/* 2001:db8:SITE::HOST */
static hf_addr ipv6(unsigned site, unsigned host)
{
    return (hf_addr){.family = HF_FAMILY_IPV6,
                     .ip = {0x20, 0x01, 0x0d, 0xb8, 0, (uint8_t)site, [14] = (uint8_t)(host >> 8), (uint8_t)host}};
}

/* --- Boxes ------------------------------------------------------------------------------------------------------- */

static sim_realm *carrier_of(sim_places *places, sim_kind kind)
{
    if (!places->carriers[kind]) {
        nat_config config = {.ipv4 = ipv4(192, 0, 2, 1 + (unsigned)kind),
                             .filtering = kinds[kind].filtering,
                             .ports = NAT_PORTS_RANDOM,
                             .hairpins = kinds[kind].hairpins};
        places->carriers[kind] = sim_add_realm(places->sim, NULL, &config);
    }
    return places->carriers[kind];
}

static hf_addr outside_of(const sim_place *place)
{
    if (kinds[place->kind].carrier)
        return ipv4(100, 64, place->number, 1 + place->outside);
    return ipv4(203, 1 + place->number, place->outside / 250, 1 + place->outside % 250);
}

void sim_place_init(sim_place *place, sim_places *places, sim_kind kind)
{
    const kind_info *info = &kinds[kind];
    *place = (sim_place){.kind = kind, .number = places->count++, .realm = sim_internet(places->sim)};
    if (kind == SIM_NONE)
        return;
    nat_config config = {
        .mapping = info->mapping, .filtering = info->filtering, .passes = info->passes, .ports = NAT_PORTS_RANDOM};
    if (!info->ipv6)
        config.ipv4 = outside_of(place);
    place->realm = sim_add_realm(places->sim, info->carrier ? carrier_of(places, kind) : NULL, &config);
}

void sim_place_rebind(sim_place *place)
{
    if (place->kind != SIM_NONE)
        nat_rebind(&place->realm->gate);
}

void sim_place_move(sim_place *place)
{
    if (place->kind == SIM_NONE || kinds[place->kind].ipv6)
        return;
    place->outside++;
    hf_addr outside = outside_of(place);
    nat_move(&place->realm->gate, &outside);
}

/* --- Hosts ------------------------------------------------------------------------------------------------------- */

/* The homes of two sides have the same addresses inside, as it is in life: the other's host candidate leads to oneself. */
static void next_address(sim_place *place, hf_addr addrs[2])
{
    unsigned host = 2 + place->hosts++;
    addrs[0] = addrs[1] = (hf_addr){0};
    if (kinds[place->kind].ipv6)
        addrs[1] = ipv6(1 + place->number, host);
    else if (place->kind == SIM_NONE)
        addrs[0] = ipv4(203, 1 + place->number, 100 + host / 250, 1 + host % 250);
    else
        addrs[0] = ipv4(10, 1 + place->number / 2, host / 250, 1 + host % 250);
    addrs[0].port = addrs[1].port = (uint16_t)(PORT_FIRST + host);
}

sim_interface *sim_place_plug(sim_place *place, sim_host *host, sim_link link, uint16_t preference)
{
    hf_addr addrs[2];
    next_address(place, addrs);
    return sim_host_plug(host, place->realm, &addrs[0], &addrs[1], link, preference);
}

void sim_place_renumber(sim_place *place, sim_interface *interface)
{
    next_address(place, interface->addrs);
    sim_host_replug(interface, place->realm);
}
