#!/bin/sh
# Lays out the network namespace that it is started in, then becomes the given command.
#
# One interface with an IPv4 and an IPv6 address and default routes: browsers never offer loopback addresses, and without a
# default route they offer nothing usable. Nothing leaves the namespace.
set -eu

ip link set lo up
if ! ip link add lan type dummy 2>/dev/null; then
    # Some kernels have no dummy. A veth carries only while its other end is up; that end gets no address.
    ip link add lan type veth peer name lan-end
    ip link set lan-end addrgenmode none
    ip link set lan-end up
fi
ip link set lan up
ip address add 10.99.0.1/24 dev lan
ip route add default dev lan
# IPv6 may be switched off in the kernel.
if [ -e /proc/net/if_inet6 ]; then
    ip address add fd99::1/64 dev lan nodad
    ip -6 route add default dev lan
fi
exec "$@"
