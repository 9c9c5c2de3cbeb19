"""The judge: what both applications have seen of a channel, and whether that may be. It knows nothing of how it came about."""

# Seconds that a message of a channel that is not reliable may take, whatever happens meanwhile: then it is stale.
FRESH = 1.5


class Failure(Exception):
    """What a case shows that should not be."""


def age(sent, arrived, sleeps):
    """How long it took, without the time in which one of the two slept."""
    return arrived - sent - sum(max(0, min(arrived, until) - max(sent, since)) for since, until in sleeps)


def check_numbers(what, numbers, count):
    """Each at most once and in order, and nothing that was not sent."""
    seen, last = set(), -1
    for number in numbers:
        if number <= last:
            raise Failure(f"{what}: {number} came after {last}: {'doubled' if number in seen else 'out of order'}")
        seen.add(number)
        last = number
    if numbers and numbers[-1] >= count:
        raise Failure(f"{what}: {numbers[-1]} came, and was never sent")


def check_reliable(what, numbers, count, lost):
    """All but so many."""
    check_numbers(what, numbers, count)
    if missing := count - len(numbers) - lost:
        first = next((i for i, number in enumerate(numbers) if number != i), len(numbers))
        raise Failure(f"{what}: {missing} of {count} are missing, {first} is the first")


def check_fresh(what, sent, arrived, sleeps):
    """Nothing overtaken, nothing twice, nothing stale."""
    check_numbers(what, [number for _, number in arrived], len(sent))
    for moment, number in arrived:
        if (taken := age(sent[number], moment, sleeps)) > FRESH:
            raise Failure(f"{what}: {number} came {taken:.1f} s after it was said")


def check(name, sender, receiver):
    """A channel in one direction, between two processes that lived all the time."""
    flow, there = sender.flows[name], receiver.flows[name]
    what = f"{name}, {sender.name} to {receiver.name}"
    if flow.traffic.reliable:
        check_reliable(what, [number for _, number in there.arrived], len(flow.sent), flow.refused)
    else:
        check_fresh(what, flow.sent, there.arrived, sender.sleeps + receiver.sleeps)
