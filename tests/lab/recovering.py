"""Recovering: what happens to networks while two peers are connected, and how soon messages flow again.

A scenario sets its stage, does something to it, and says since when the network allows messages to arrive. What is sent
after that moment must arrive at both ends within the limit, and at the end nothing is lost, doubled or out of order.
"""
from cases import RECOVER, RECOVER_SIGNALLED, Result, case
from networks import SERVERS
from peers import Failure, now
from stage import SPARE, all_servers, at, stun_options, turn_options

SETTLE = 1.0   # seconds in which a new connection finds its best path
REPEAT = 10
PATIENCE = 15  # seconds after which a scenario has failed
DIRECT_PATIENCE = 20
LOSS_SECONDS = 60
SLEEP_SECONDS = 60


def pair_of(alice, bob):
    return lambda stage: stage.networks(alice, bob)


RESTRICTED = pair_of("port-restricted", "port-restricted")
SYMMETRIC = pair_of("symmetric", "symmetric")


def two_uplinks(stage):
    stage.net.attach(stage.alice, "port-restricted", "lan")
    stage.net.attach(stage.alice, "port-restricted", "wifi", delay_ms=20)
    stage.net.attach(stage.bob, "port-restricted")


def scenario(name, about, limit, networks=RESTRICTED, servers=all_servers, **options):
    """Makes a case of a function that gets a connected stage, and returns the moment since which messages can arrive."""
    def add(function):
        def run(stage):
            networks(stage)
            connect = connected(stage, servers)
            since = function(stage)
            recover = stage.pair.wait_recovered(since, PATIENCE)
            signals = stage.pair.signalling.carried_since(since)
            stage.pair.finish(10)
            return Result(path=stage.pair.path(), connect=connect, recover=recover, recover_limit=limit,
                          note=f"{signals} signals; {stage.pair.pair_text()}")
        case(f"recover/{name}", about, repeat=REPEAT, **options)(run)
        return function
    return add


def connected(stage, servers=all_servers):
    stage.start_relay()
    connect = stage.connect(servers(stage.alice), servers(stage.bob))
    stage.idle(SETTLE)
    return connect


def first(host):
    return host.uplinks[0]


# --- Cut -------------------------------------------------------------------------------------------------------------

def cut(stage, seconds):
    """Alice's access link carries nothing, her signalling included."""
    link = first(stage.alice).link
    link.cut()
    stage.pair.signalling.cut()
    stage.idle(seconds)
    link.restore()
    stage.pair.signalling.restore()
    return now()


@scenario("cut-5s", "an access link carries nothing for 5 s", RECOVER, quick=True, idle=5)
def cut_5s(stage):
    return cut(stage, 5)


@scenario("cut-40s", "an access link carries nothing for 40 s: consent is lost", RECOVER_SIGNALLED, quick=True, idle=40)
def cut_40s(stage):
    return cut(stage, 40)


@scenario("cut-40s-relayed", "the same, relayed", RECOVER_SIGNALLED, networks=SYMMETRIC, idle=40)
def cut_40s_relayed(stage):
    return cut(stage, 40)


# --- Addresses and boxes ---------------------------------------------------------------------------------------------

@scenario("rebind", "a box maps to other ports, and forgets the old ones", RECOVER_SIGNALLED, quick=True)
def rebind(stage):
    first(stage.alice).rebind()
    return now()


@scenario("rebind-no-relay", "the same without a relay to fall back to", RECOVER_SIGNALLED, servers=stun_options)
def rebind_no_relay(stage):
    first(stage.alice).rebind()
    return now()


@scenario("rebind-to-open", "the same, the other box lets everybody in", RECOVER, networks=pair_of("port-restricted", "full-cone"))
def rebind_to_open(stage):
    first(stage.alice).rebind()
    return now()


@scenario("rebind-relayed", "the same, relayed", RECOVER_SIGNALLED, networks=SYMMETRIC)
def rebind_relayed(stage):
    first(stage.alice).rebind()
    return now()


@scenario("new-public-address", "a box gets another address outside", RECOVER_SIGNALLED, quick=True)
def new_public_address(stage):
    first(stage.alice).change_public_address()
    return now()


@scenario("new-local-address", "a host gets another address from its box", RECOVER_SIGNALLED, quick=True)
def new_local_address(stage):
    first(stage.alice).change_local_address()
    return now()


@scenario("both-change", "both boxes get another address at the same moment", RECOVER_SIGNALLED, quick=True)
def both_change(stage):
    for host in (stage.alice, stage.bob):
        first(host).change_public_address()
    return now()


@case("recover/direct-again", "after a rebinding that a relay has bridged, the path becomes direct again")
def direct_again(stage):
    RESTRICTED(stage)
    connect = connected(stage)
    first(stage.alice).rebind()
    since = now()
    recover = stage.pair.wait_recovered(since, PATIENCE)
    while stage.pair.path() != "direct":
        if now() - since > DIRECT_PATIENCE:
            raise Failure(f"still {stage.pair.path()} {DIRECT_PATIENCE} s later")
        stage.idle(0.1)
    taken = now() - since
    stage.pair.finish(10)
    return Result(path=stage.pair.path(), connect=connect, recover=recover, recover_limit=RECOVER_SIGNALLED,
                  note=f"direct again after {taken:.1f} s")


# --- Two uplinks -----------------------------------------------------------------------------------------------------

def used(stage):
    """The uplink that Alice's selected pair is on."""
    local = stage.pair.offerer.last(type="pair").get("local", "")
    for uplink in stage.alice.uplinks:
        if uplink.address in local:
            return uplink
    return first(stage.alice)


@scenario("uplink-gone", "the interface in use goes away, another is there", RECOVER, networks=two_uplinks, quick=True)
def uplink_gone(stage):
    since = now()
    used(stage).down()
    return since


@scenario("uplink-silent", "the uplink in use carries nothing any more, another is there", RECOVER, networks=two_uplinks,
          quick=True)
def uplink_silent(stage):
    since = now()
    used(stage).link.cut()
    return since


def lan_alone(stage):
    two_uplinks(stage)
    stage.alice.uplinks[1].down()


def wifi_alone(stage):
    two_uplinks(stage)
    stage.alice.uplinks[0].down()


@scenario("uplink-swapped", "the only uplink goes away, 1 s later another comes", RECOVER_SIGNALLED, networks=lan_alone,
          quick=True)
def uplink_swapped(stage):
    lan, wifi = stage.alice.uplinks
    stage.pair.signalling.cut()
    lan.down()
    stage.idle(1)
    wifi.up()
    stage.pair.signalling.restore()
    return now()


@case("recover/better-interface", "a better interface comes: it is used, and nothing is missed meanwhile", quick=True)
def better_interface(stage):
    wifi_alone(stage)
    connect = connected(stage)
    lan = first(stage.alice)
    since = now()
    lan.up()
    peer = stage.pair.offerer
    peer.wait(lambda: lan.address in peer.last(type="pair").get("local", ""), PATIENCE, "a pair on the better interface")
    taken = now() - since
    stage.idle(1)
    silence = stage.pair.longest_silence(since)
    stage.pair.finish(10)
    return Result(path=stage.pair.path(), connect=connect, recover=silence, recover_limit=0.3,
                  note=f"taken after {taken * 1000:.0f} ms; recover: the longest silence")


# --- Relays ----------------------------------------------------------------------------------------------------------

@scenario("relay-restarted", "the only relay is killed, and started again after 2 s", RECOVER_SIGNALLED,
          networks=SYMMETRIC, quick=True)
def relay_restarted(stage):
    stage.relay.kill()
    stage.idle(2)
    stage.relay.start()
    return now()


def two_relays(stage):
    SYMMETRIC(stage)
    stage.spare = stage.start_holdfast_relay(address=SPARE)


def both_relays(host):
    return [*stun_options(host), *turn_options(f"turn:{at(SERVERS[0], 3478)}", f"turn:{at(SPARE, 3478)}")]


@scenario("relay-failover", "the relay in use is killed, another is there", RECOVER, networks=two_relays, servers=both_relays,
          quick=True)
def relay_failover(stage):
    relay = stage.spare if SPARE in stage.pair.pair_text() else stage.relay
    relay.kill()
    return now()


# --- Asleep ----------------------------------------------------------------------------------------------------------

def sleep(stage, peers):
    for peer in peers:
        peer.pause()
    stage.idle(SLEEP_SECONDS)
    for peer in peers:
        peer.go_on()
    return now()


@scenario("asleep", "a laptop sleeps for a minute", RECOVER_SIGNALLED, quick=True, idle=SLEEP_SECONDS)
def asleep(stage):
    return sleep(stage, [stage.pair.offerer])


@scenario("both-asleep", "both sleep for a minute", RECOVER_SIGNALLED, idle=SLEEP_SECONDS)
def both_asleep(stage):
    return sleep(stage, stage.pair.peers)


# --- Loss ------------------------------------------------------------------------------------------------------------

@case("recover/loss-20", "one packet in five is lost for a minute: no alarm", quick=True, idle=LOSS_SECONDS)
def loss(stage):
    RESTRICTED(stage)
    connect = connected(stage)
    link = first(stage.alice).link
    link.shape(loss=0.2)
    since = now()
    stage.idle(LOSS_SECONDS)
    link.shape(loss=0)
    for peer in stage.pair.peers:
        alarms = [e for e in peer.all(since, type="state") if e.get("session") != "connected"]
        if alarms:
            raise Failure(f"{peer.name} told of trouble: {alarms[0]}")
    stage.pair.finish(20)
    return Result(path=stage.pair.path(), connect=connect, note=f"longest silence {stage.pair.longest_silence(since):.1f} s")
