"""The networks of a case: an internet with servers, sites with a host behind boxes, and access links between."""
import ipaddress
import json
import subprocess

from nat import KINDS, rules
from namespace import Namespace, connect

SERVERS = ("198.51.100.1", "198.51.100.2", "198.51.100.3")
SERVER_V6 = "2001:db8:ffff::1"
DELAY_MS = 10

PORT_RANGES = ("10000-19999", "20000-29999", "30000-39999")
FORWARDING = {"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1}


class Link:
    """An access link: `lab_link` between a box's interface "up" and the network that it leads to."""

    def __init__(self, program, box, parent, parent_name, seed):
        self.process = box.start([program, box.path, "up", parent.path, parent_name, str(seed)],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.answer()
        box.ip("link set dev up up mtu 1500")
        parent.ip(f"link set dev {parent_name} up mtu 1500")
        self.shape(delay_ms=DELAY_MS)

    def answer(self):
        line = self.process.stdout.readline().split()
        if line[:1] != ["ok"]:
            raise RuntimeError("the link has ended")
        return [int(word) for word in line[1:]]

    def command(self, text):
        self.process.stdin.write(text + "\n")
        return self.answer()

    def shape(self, delay_ms=None, rate_bits=None, queue_bytes=None, loss=None):
        for word, value in (("delay", None if delay_ms is None else int(delay_ms * 1000)), ("rate", rate_bits),
                            ("queue", queue_bytes), ("loss", None if loss is None else int(loss * 1e6))):
            if value is not None:
                self.command(f"{word} {value}")

    def cut(self):
        self.command("cut")

    def restore(self):
        self.command("restore")

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Internet:
    """The network in the middle, where the servers are."""

    def __init__(self, link_program):
        self.link_program = link_program
        self.space = Namespace("internet")
        self.space.set(FORWARDING)
        self.space.ip(*(f"addr add {address}/32 dev lo" for address in SERVERS), f"addr add {SERVER_V6}/128 dev lo nodad")
        # What is addressed to nobody vanishes without a word, as it does in the real one.
        self.space.ip("link add name void type veth peer name void-end", "link set dev void up arp off",
                      "link set dev void-end up", "route add default dev void", "route add 2000::/3 dev void metric 9999")
        self.uplinks, self.carriers, self.hosts = [], {}, []

    def carrier(self, kind):
        """The carrier's box of this kind; all of its customers share it."""
        if kind.name not in self.carriers:
            self.carriers[kind.name] = Carrier(self, kind, len(self.carriers))
        return self.carriers[kind.name]

    def host(self, name, number):
        host = Host(name, number)
        self.hosts.append(host)
        return host

    def attach(self, host, kind_name, interface="lan", delay_ms=DELAY_MS):
        uplink = Uplink(self, host, KINDS[kind_name], len(self.uplinks), interface)
        self.uplinks.append(uplink)
        host.uplinks.append(uplink)
        uplink.link.shape(delay_ms=delay_ms)
        return uplink

    def count_forwarded(self):
        self.space.nft("table inet watch { chain forward { type filter hook forward priority filter; counter; }; }")

    def forwarded(self):
        """Packets since then that went between sites, past every server."""
        rules = json.loads(self.space.run(["nft", "-j", "list", "table", "inet", "watch"]))["nftables"]
        return sum(part["counter"]["packets"] for rule in rules if "rule" in rule for part in rule["rule"]["expr"])

    def close_direct_paths(self):
        """Nothing passes between sites any more, but to and from the servers."""
        self.space.nft("table inet direct { chain forward { type filter hook forward priority filter; policy drop; }; }")

    def open_direct_paths(self):
        self.space.nft("delete table inet direct")

    def close(self):
        for uplink in self.uplinks:
            uplink.close()
        for box in (*self.carriers.values(), *self.hosts):
            box.space.close()
        self.space.close()


class Carrier:
    """A carrier's box: customers inside at 100.64.0.0/10 (RFC 6598), one public address outside."""

    def __init__(self, internet, kind, number):
        self.space = Namespace(f"carrier{number}")
        self.space.set(FORWARDING)
        self.address = f"192.0.2.{number + 1}"
        connect(self.space, "up", internet.space, f"carrier{number}")
        gateway = f"192.0.2.{number + 129}"
        internet.space.ip(f"addr add {gateway}/32 dev carrier{number}", f"route add {self.address}/32 dev carrier{number}")
        self.space.ip(f"addr add {self.address}/32 dev up", f"route add default via {gateway} dev up onlink")
        self.space.nft(rules(kind, PORT_RANGES[2]))


class Host:
    def __init__(self, name, number):
        self.name, self.number = name, number
        self.space = Namespace(name)
        self.uplinks = []

    def close(self):
        self.space.close()


class Uplink:
    """A host's interface, the box that it leads to, and that one's access link."""

    def __init__(self, internet, host, kind, number, interface):
        self.internet, self.host, self.kind, self.number, self.interface = internet, host, kind, number, interface
        self.table = 100 + len(host.uplinks)
        self.metric = 100 * (len(host.uplinks) + 1)
        self.range = 0
        self.public_number = 0
        self.box = Namespace(f"{host.name}-{interface}-box")
        self.box.set(FORWARDING)
        connect(host.space, interface, self.box, "in")
        self.parent = internet.carrier(kind) if kind.carrier else internet
        self.parent_name = f"down{number}"
        self.link = Link(internet.link_program, self.box, self.parent.space, self.parent_name, seed=number + 1)
        self.box.nft(rules(self.home_kind(), PORT_RANGES[0]))
        (self.address_v6 if kind.family == 6 else self.address_v4)()

    def home_kind(self):
        return KINDS["port-restricted"] if self.kind.carrier else self.kind

    def outside(self):
        """The box's addresses outside, one after the other."""
        return f"100.64.{self.number}.{self.public_number + 1}" if self.kind.carrier else \
            f"203.0.113.{self.number * 16 + self.public_number + 1}"

    def address_v4(self):
        network = f"100.64.{self.number}.0/28" if self.kind.carrier else f"203.0.113.{self.number * 16}/28"
        self.parent.space.ip(f"route add {network} dev {self.parent_name}")
        self.box.ip(f"addr add {self.outside()}/32 dev up", "route add default dev up")
        if self.kind.translates:
            lan = f"192.168.{self.metric // 100}"
            self.gateway, self.address, self.prefix = f"{lan}.1", f"{lan}.{10 * self.host.number}", 24
        else:
            base = f"203.0.113.{self.number * 16 + 8}"
            self.gateway, self.address, self.prefix = after(base, 1), after(base, 2), 29
        self.box.ip(f"addr add {self.gateway}/{self.prefix} dev in")
        self.up()

    def address_v6(self):
        lan = f"2001:db8:{self.number + 1}:1::"
        self.gateway, self.address, self.prefix = f"{lan}1", f"{lan}10", 64
        self.parent.space.ip(f"route add 2001:db8:{self.number + 1}::/48 dev {self.parent_name}")
        self.box.ip(f"addr add {self.gateway}/64 dev in nodad", f"addr add 2001:db8:{self.number + 1}::1/128 dev up nodad",
                    "route add 2000::/3 dev up")
        self.up()

    # --- What happens to it ------------------------------------------------------------------------------------------

    def up(self):
        """The host's interface comes up, with its address and routes. A packet leaves by the interface that its source
        address belongs to, as on every system that knows several uplinks."""
        nodad = " nodad" if self.kind.family == 6 else ""
        way = f"route add default via {self.gateway} dev {self.interface}"
        self.configure(f"link set dev {self.interface} up", f"addr add {self.address}/{self.prefix} dev {self.interface}{nodad}",
                       f"{way} metric {self.metric}", f"{way} table {self.table}",
                       f"rule add from {self.address} lookup {self.table}")

    def down(self):
        """The interface goes away, as when a cable is pulled."""
        self.configure(*self.without_address(), f"link set dev {self.interface} down")

    def change_local_address(self):
        """The host gets another address from its box, the old one is gone."""
        self.configure(*self.without_address())
        self.address = after(self.address, 1)
        self.up()

    def without_address(self):
        return f"rule del from {self.address} lookup {self.table}", f"addr flush dev {self.interface} scope global"

    def configure(self, *lines):
        self.host.space.ip(*lines, family=self.kind.family)

    def change_public_address(self):
        """The box gets another address from the network, and forgets what it knew."""
        old = self.outside()
        self.public_number += 1
        self.box.ip(f"addr add {self.outside()}/32 dev up", f"addr del {old}/32 dev up")
        self.box.forget_flows()

    def rebind(self):
        """The box forgets its mappings, and makes others from now on."""
        self.range = 1 - self.range
        self.box.nft(rules(self.home_kind(), PORT_RANGES[self.range]))
        self.box.forget_flows()

    def close(self):
        self.link.close()
        self.box.close()


def after(address, n):
    return str(ipaddress.ip_address(address) + n)
