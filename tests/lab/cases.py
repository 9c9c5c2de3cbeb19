"""A case: its name, what it does, and what must come out; and the list of all."""
import dataclasses
import typing

# Seconds until a message has arrived at both ends: what the best of the existing stacks needs in such networks, or better.
CONNECT_DIRECT = 0.5
CONNECT_RELAYED = 1.264
CONNECT_RELAYED_TCP = 1.721

# Seconds from the moment at which the network allows it.
RECOVER = 1.0
RECOVER_SIGNALLED = 2.0


@dataclasses.dataclass
class Result:
    path: str = ""
    expected_path: str = ""
    connect: float | None = None
    connect_limit: float | None = None
    recover: float | None = None
    recover_limit: float | None = None
    note: str = ""


@dataclasses.dataclass
class Case:
    name: str
    about: str
    run: typing.Callable  # (stage) -> Result; raises Failure
    quick: bool = False   # one of the subset of two minutes
    repeat: int = 1        # times in the full run
    idle: float = 0       # seconds in which it only waits
    timed: bool = True    # it has the floor for itself


ALL: list[Case] = []


def case(name, about, **options):
    """Makes a case of a function of a stage."""
    def add(function):
        ALL.append(Case(name, about, function, **options))
        return function
    return add
