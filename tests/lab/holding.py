"""Holding on: what happens to networks and to processes while all five channels are in use and a transfer saturates the
link, both ways. Nothing is lost, nothing comes twice or out of order, nothing is stale, and data flows again in time.
"""
import os

import history
from cases import RECOVER, RECOVER_SIGNALLED, Result, case
from peers import LOADED, Failure, now
from recovering import PATIENCE, RESTRICTED, first, two_uplinks, used
from stage import all_servers

RATE = 10e6  # bits a second of each access link, each way
QUEUE = 128 * 1024
WARM = 3.0   # seconds until the transfer is in full swing
LOAD = 0.2   # the share of the link that it has to carry by then, at least
REPEAT = 10
BLACKOUT = 60
ASLEEP = 40  # longer than consent lasts: RFC 7675 §5.1
DOWN = 1.0   # seconds between the end of a process and the start of the next
BACK = 25    # seconds until a direct path that works again is used
SILENCE = 3.0  # seconds for which nobody is told anything who is not who he was


def certificate(stage, host):
    return os.path.join(stage.folder, f"{host.name}.pem")


def options(stage, host):
    return [*all_servers(host), "--id", host.name, "--certificate", certificate(stage, host)]


def load(stage, networks=RESTRICTED):
    """Two peers that are connected and busy; the time to connect, and what the transfer carries."""
    networks(stage)
    stage.start_relay()
    for uplink in stage.net.uplinks:
        uplink.link.shape(rate_bits=int(RATE), queue_bytes=QUEUE)
    connect = stage.connect(options(stage, stage.alice), options(stage, stage.bob), LOADED)
    stage.pair.quiet.wait(WARM)  # on the floor: it is no time of waiting
    rate = stage.pair.rate(now() - 1, now())
    if rate * 8 < LOAD * 2 * RATE:
        raise Failure(f"no load: the transfers carry {rate / 1e6:.2f} MB/s")
    return connect, rate


def check_none_refused(pair):
    for peer in pair.peers:
        for name, flow in peer.flows.items():
            if flow.refused:
                raise Failure(f"{name}: {flow.refused} of {peer.name}'s messages were refused")


def hold(name, about, limit, networks=RESTRICTED, **more):
    """Makes a case of a function that gets a loaded stage, and returns the moment since which messages can arrive."""
    def add(function):
        def run(stage):
            connect, rate = load(stage, networks)
            since = function(stage)
            recover = stage.pair.wait_recovered(since, PATIENCE)
            resumed = [len(peer.all(type="open", resumed=True)) for peer in stage.pair.peers]
            stage.pair.finish(30)
            check_none_refused(stage.pair)
            return Result(path=stage.pair.path(), connect=connect, recover=recover, recover_limit=limit,
                          note=f"{rate / 1e6:.2f} MB/s before; {resumed} channels resumed; {stage.pair.pair_text()}")
        case(f"hold/{name}", about, repeat=REPEAT, **more)(run)
        return function
    return add


# --- Blackouts -------------------------------------------------------------------------------------------------------

def blackout(stage, seconds, with_signalling):
    link = first(stage.alice).link
    link.cut()
    if with_signalling:
        stage.pair.signalling.cut()
    stage.idle(seconds)
    link.restore()
    if with_signalling:
        stage.pair.signalling.restore()
    return now()


@hold("blackout", "an access link carries nothing for 60 s, signals pass", RECOVER, idle=BLACKOUT)
def path_blackout(stage):
    return blackout(stage, BLACKOUT, with_signalling=False)


@hold("blackout-signalling", "an access link carries nothing for 60 s, and no signal passes", RECOVER_SIGNALLED,
      idle=BLACKOUT)
def whole_blackout(stage):
    return blackout(stage, BLACKOUT, with_signalling=True)


# --- Addresses and uplinks -------------------------------------------------------------------------------------------

@hold("both-change", "both hosts and both boxes get another address at the same moment", RECOVER_SIGNALLED, quick=True)
def both_change(stage):
    for host in (stage.alice, stage.bob):
        first(host).change_public_address()
        first(host).change_local_address()
    return now()


@hold("uplink-gone", "the interface in use goes away, another is there", RECOVER, networks=two_uplinks)
def uplink_gone(stage):
    since = now()
    used(stage).down()
    return since


@hold("uplink-silent", "the uplink in use carries nothing any more, another is there", RECOVER, networks=two_uplinks,
      quick=True)
def uplink_silent(stage):
    since = now()
    used(stage).link.cut()
    return since


@case("hold/relay-and-back", "the direct path is closed, a relay takes over; it is opened again", repeat=REPEAT)
def relay_and_back(stage):
    connect, rate = load(stage)
    since = now()
    stage.net.close_direct_paths()
    recover = stage.pair.wait_recovered(since, PATIENCE)
    stage.pair.quiet.wait(1)
    if stage.pair.path() != "relayed":
        raise Failure(f"{stage.pair.path()}, where only a relay is left")
    opened = now()
    stage.net.open_direct_paths()
    while stage.pair.path() != "direct":
        if now() - opened > BACK:
            raise Failure(f"still {stage.pair.path()} {BACK} s later")
        stage.pair.quiet.wait(0.1)
    taken = now() - opened
    stage.pair.quiet.wait(1)
    silence = stage.pair.longest_silence(opened)
    stage.pair.finish(30)
    check_none_refused(stage.pair)
    return Result(path=stage.pair.path(), connect=connect, recover=recover, recover_limit=RECOVER,
                  note=f"{rate / 1e6:.2f} MB/s before; direct again after {taken:.1f} s, then a silence of {silence:.2f} s")


# --- Processes -------------------------------------------------------------------------------------------------------

@hold("stopped", "a process is stopped for 40 s, longer than consent lasts", RECOVER_SIGNALLED, quick=True, idle=ASLEEP)
def stopped(stage):
    stage.pair.offerer.pause()
    stage.idle(ASLEEP)
    stage.pair.offerer.go_on()
    return now()


@hold("reconnect", "another connection is asked for, which resumes", RECOVER)
def reconnect(stage):
    since = now()
    stage.pair.offerer.command(type="reconnect")
    for peer in stage.pair.peers:
        peer.wait_line(PATIENCE, since=since, type="open", channel="code-sync", resumed=True)
    return since


def check_before(name, sender, receiver):
    """The channel in one direction while both lived; `receiver` or `sender` has ended. How many did not arrive."""
    sent = sender.flows[name].sent
    arrived = receiver.flows[name].arrived[:receiver.flows[name].epoch[1] or None]
    numbers = [number for _, number in arrived]
    what = f"{name}, {sender.name} to {receiver.name}"
    if not sender.flows[name].traffic.reliable:
        history.check_fresh(what, sent, arrived, [])
        return 0
    history.check_numbers(what, numbers, len(sent))
    if numbers != list(range(len(numbers))):
        raise Failure(f"{what}: something is missing within")
    return numbers[-1] + 1 if numbers else 0


def check_after(pair, place, old):
    """That the survivor was told the truth, and that all that was said since then arrived."""
    survivor, new = pair.peers[1 - place], pair.peers[place]
    told = survivor.last(type="continuity", kept=False)
    gone = 0
    for name, flow in survivor.flows.items():
        check_before(name, old, survivor)
        taken = check_before(name, survivor, old)
        numbers = [number for _, number in new.flows[name].arrived]
        what = f"{name}, {survivor.name} to {new.name}"
        history.check_numbers(what, numbers, len(flow.sent))
        if flow.traffic.reliable:
            begun = numbers[0] if numbers else len(flow.sent)
            if begun < taken:
                raise Failure(f"{what}: {begun} had come to {old.name} already")
            if numbers != list(range(begun, begun + len(numbers))) or begun + len(numbers) + flow.refused < len(flow.sent):
                raise Failure(f"{what}: not all since {begun} arrived")
            gone += begun - taken
        back = flow.since_then()
        what = f"{name}, {new.name} to {survivor.name}"
        if flow.traffic.reliable:
            history.check_reliable(what, [number for _, number in back], len(new.flows[name].sent), new.flows[name].refused)
        else:
            history.check_fresh(what, new.flows[name].sent, back, [])
    returned = told["possiblyDelivered"] + told.get("notSent", 0) + sum(flow.refused for flow in survivor.flows.values())
    if gone > returned:
        raise Failure(f"{gone} messages are gone, and {survivor.name} was told of {returned}")
    return f"{gone} gone, {told['possiblyDelivered']} possibly delivered, {told.get('notSent', 0)} not sent"


def restart(stage, place, **changed):
    """A process is killed, and started again a second later; the moment at which it was."""
    old = stage.pair.peers[place]
    old.kill()
    stage.pair.quiet.wait(DOWN)
    since = now()
    return since, old, stage.pair.replace(place, **changed)


def restarted(place):
    def run(stage):
        connect, rate = load(stage)
        since, old, _ = restart(stage, place)
        survivor = stage.pair.peers[1 - place]
        survivor.wait_line(PATIENCE, since=since, type="continuity", kept=False)
        recover = stage.pair.wait_recovered(since, PATIENCE)
        stage.pair.quiet.wait(1)
        stage.pair.fall_silent()
        stage.pair.wait_still(10)
        note = check_after(stage.pair, place, old)
        return Result(path=stage.pair.path(), connect=connect, recover=recover, recover_limit=RECOVER_SIGNALLED, note=note)
    return run


case("hold/restarted-offerer", "the process that made the offer is killed, and another has its certificate",
     repeat=REPEAT)(restarted(0))
case("hold/restarted-answerer", "the process that answered is killed, and another has its certificate",
     repeat=REPEAT)(restarted(1))


@case("hold/impostor", "a process is killed, and another has another certificate: nothing is said until it is accepted")
def impostor(stage):
    connect, _ = load(stage)
    since, _, new = restart(stage, 1, certificate=os.path.join(stage.folder, "impostor.pem"))
    alice = stage.pair.offerer
    alice.wait(lambda: any(moment >= since and "identity" in str(e).lower() for moment, e in alice.lines), PATIENCE,
               "word of another identity")
    stage.pair.quiet.wait(SILENCE)
    if any(flow.arrived for flow in new.flows.values()):
        raise Failure("something was said to somebody else")
    if any(moment >= since for flow in alice.flows.values() for moment, _ in flow.arrived):
        raise Failure("something of somebody else was handed over")
    accepted = now()
    alice.command(type="accept-identity")
    recover = stage.pair.wait_recovered(accepted, PATIENCE)
    return Result(path=stage.pair.path(), connect=connect, recover=recover, recover_limit=RECOVER_SIGNALLED)
