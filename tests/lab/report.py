"""What came out: a case's outcome, and the tables of all."""
import statistics

from nat import KINDS


class Outcome:
    """The results of one case, once for each time that it ran."""

    def __init__(self, case, slack):
        self.case, self.slack = case, slack
        self.results, self.failures = [], []

    def add(self, result, failure):
        if failure:
            self.failures.append(failure)
            return
        self.results.append(result)
        if result.expected_path and result.path != result.expected_path:
            self.failures.append(f"{result.path}, where {result.expected_path} is possible ({result.note})")

    def median(self, quantity):
        values = [value for result in self.results if (value := getattr(result, quantity)) is not None]
        return statistics.median(values) if values else None

    def check_limits(self):
        """To be called once, when all results are there."""
        for quantity in ("connect", "recover"):
            value = self.median(quantity)
            limit = self.limit(quantity)
            if value is not None and limit is not None and value > limit * self.slack:
                self.failures.append(f"{quantity}: {value * 1000:.0f} ms; {limit * self.slack * 1000:.0f} ms is the limit")

    def limit(self, quantity):
        return getattr(self.results[0], f"{quantity}_limit") if self.results else None

    def path(self):
        return "/".join(sorted({result.path for result in self.results if result.path}))

    def line(self):
        words = [f"{'FAILED' if self.failures else 'ok':6} {self.case.name:42} {self.path():8}"]
        for quantity in ("connect", "recover"):
            if (value := self.median(quantity)) is not None:
                words.append(f"{quantity} {value * 1000:5.0f} ms")
        return "  ".join(words).rstrip()

    def notes(self):
        return [result.note for result in self.results if result.note]

    def record(self):
        def values(quantity):
            return [round(1000 * value, 1) for result in self.results if (value := getattr(result, quantity)) is not None]
        return {"name": self.case.name, "about": self.case.about, "path": self.path(), "connect_ms": values("connect"),
                "recover_ms": values("recover"), "notes": self.notes(), "failures": self.failures}


def markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]) + "\n"


def milliseconds(value):
    return "–" if value is None else f"{value * 1000:.0f}"


def cell(outcome):
    if outcome is None:
        return ""
    if not outcome.results:
        return "**failed**"
    text = f"{outcome.path()} {milliseconds(outcome.median('connect'))}"
    return f"**{text}**" if outcome.failures else text


def connect_table(by_name):
    kinds = [kind for kind in KINDS if any(f"/{kind}" in name for name in by_name)]
    rows = [["connect, ms", *kinds]]
    for i, a in enumerate(kinds):
        rows.append([a, *("" if j < i else cell(by_name.get(f"connect/{a}/{b}")) for j, b in enumerate(kinds))])
    return markdown(rows)


def relay_table(outcomes):
    return markdown([["relay alone", "connect, ms"],
                     *([f"{outcome.case.name.removeprefix('relay/')}: {outcome.case.about}", cell(outcome)]
                       for outcome in outcomes)])


def recover_table(outcomes):
    return times_table("what happens", outcomes)


def hold_table(outcomes):
    return times_table("what happens while the link is saturated", outcomes)


def times_table(title, outcomes):
    rows = [[title, "path after", "recover, ms: median", "least", "most", "limit", ""]]
    for outcome in outcomes:
        values = [result.recover for result in outcome.results if result.recover is not None]
        rows.append([f"{outcome.case.name.split('/', 1)[1]}: {outcome.case.about}", outcome.path(),
                     milliseconds(outcome.median("recover")), milliseconds(min(values, default=None)),
                     milliseconds(max(values, default=None)), milliseconds(outcome.limit("recover")),
                     "**failed**" if outcome.failures else ""])
    return markdown(rows)


def tables(outcomes):
    """Bold is what failed."""
    parts = []
    for group, make in (("connect/", lambda found: connect_table({o.case.name: o for o in found})),
                        ("relay/", relay_table), ("recover/", recover_table),
                        ("hold/", hold_table)):
        if found := [outcome for outcome in outcomes if outcome.case.name.startswith(group)]:
            parts.append(make(found))
    return "\n".join(parts)
