"""The kinds of box between a host and the internet: what they do (RFC 4787), how nftables does it, and what follows for
two hosts that want to connect."""
import dataclasses

# How long a box remembers, in seconds, beyond what any case waits.
MEMORY = "5m"


@dataclasses.dataclass(frozen=True)
class Kind:
    name: str
    translates: bool = True
    mapping: str = "endpoint-independent"            # RFC 4787 §4.1; or: address-and-port-dependent
    filtering: str = "address-and-port-dependent"    # §5; or: address-dependent, endpoint-independent
    udp: bool = True
    tcp_ports: tuple = ()                            # outward, none other; empty: all
    family: int = 4
    carrier: bool = False                            # a second box behind the first, shared with others
    hairpin: bool = False                            # of the carrier's box


KINDS = {kind.name: kind for kind in (
    Kind("none", translates=False, filtering="endpoint-independent"),
    Kind("full-cone", filtering="endpoint-independent"),
    Kind("address-restricted", filtering="address-dependent"),
    Kind("port-restricted"),
    Kind("symmetric", mapping="address-and-port-dependent"),
    Kind("carrier", carrier=True),
    Kind("carrier-hairpin", carrier=True, hairpin=True),
    Kind("udp-blocked", udp=False),
    Kind("only-443", udp=False, tcp_ports=(443,)),
    Kind("ipv6-only", translates=False, family=6),
)}


def is_direct(a, b):
    """What theory says: whether two hosts behind boxes of these kinds can find a direct path over UDP."""
    if not a.udp or not b.udp or a.family != b.family:
        return False
    if a.carrier and a == b:  # the two share it
        return a.hairpin
    known = [kind.mapping == "endpoint-independent" for kind in (a, b)]
    if all(known):
        return True  # each sends to where the other is seen, and so opens its own box for it
    if not any(known):
        return False
    # One side's port towards the other is unknown before its packet comes: that packet must be let in.
    other = a if known[0] else b
    return other.filtering != "address-and-port-dependent"


# --- nftables --------------------------------------------------------------------------------------------------------

def rules(kind, ports):
    """The rules of a box whose interfaces are "in…" inside and "up" outside, and which maps to these ports ("1-2")."""
    return f"""
        table inet lab
        delete table inet lab
        table inet lab {{
            map mappings {{ type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout {MEMORY}; size 4096; }}
            set contacts {{ type inet_service . ipv4_addr; flags dynamic,timeout; timeout {MEMORY}; size 4096; }}
            chain input {{
                type filter hook input priority filter; policy accept;
                meta l4proto {{ tcp, udp }} drop
            }}
            chain forward {{
                type filter hook forward priority filter; policy drop;
                {blocking(kind)}
                iifname != "up" accept
                ct state established,related accept
                ct status dnat accept
                {"accept" if not kind.translates and kind.family == 4 else ""}
            }}
            {translation(kind, ports) if kind.translates else ""}
        }}
    """


def blocking(kind):
    lines = [] if kind.udp else ["meta l4proto udp drop"]
    if kind.tcp_ports:
        ports = ", ".join(map(str, kind.tcp_ports))
        lines.append(f'iifname != "up" tcp dport != {{ {ports} }} drop')
    return "\n".join(lines)


def translation(kind, ports):
    # Linux gives a source the port that it has already, where a range is named: endpoint-independent mapping. Filtering is
    # by address and port, for what belongs to no connection meets the chain input above; a wider one is made by sending
    # to the mapping's owner what comes to its port from anybody, or from an address that it has sent to.
    symmetric = kind.mapping != "endpoint-independent"
    masquerade = "masquerade fully-random" if symmetric else f"masquerade to :{ports}"
    admit = {
        "endpoint-independent": 'iifname "up" meta nfproto ipv4 dnat ip to udp dport map @mappings',
        "address-dependent": 'iifname "up" udp dport . ip saddr @contacts dnat ip to udp dport map @mappings',
        "address-and-port-dependent": "",
    }[kind.filtering]
    hairpin = 'iifname != "up" fib daddr type local dnat ip to udp dport map @mappings' if kind.hairpin else ""
    return f"""
        chain arriving {{
            type nat hook prerouting priority dstnat; policy accept;
            {admit}
            {hairpin}
        }}
        chain leaving {{
            type nat hook postrouting priority srcnat; policy accept;
            oifname "up" meta l4proto udp {masquerade}
            oifname "up" masquerade
            {hairpin_source(ports) if kind.hairpin else ""}
        }}
        chain learn {{
            type filter hook postrouting priority srcnat + 1; policy accept;
            oifname "up" meta l4proto udp ct direction original update @mappings {{ udp sport : ct original ip saddr . ct original proto-src }}
            oifname "up" meta l4proto udp update @contacts {{ udp sport . ip daddr }}
        }}
    """


def hairpin_source(ports):
    # RFC 4787 REQ-9: who is called by his own box's address sees the caller's there.
    return f'oifname != "up" ct status dnat meta l4proto udp snat ip to ct original ip daddr:{ports}'
