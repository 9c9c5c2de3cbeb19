"""Counts the results in meson's testlog.json: prints "passed failed skipped", and what failed to stderr.

A Criterion program says how many tests it held ("Synthesis: Tested: 37 | Passing: 37 | ..."); they are counted one by one.
"""

import json
import re
import sys

SYNTHESIS = re.compile(r"Synthesis: Tested: .*?(\d+).*?Passing: .*?(\d+)", re.S)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def count(test):
    """Returns passed, failed and skipped of one program."""
    if test["result"] == "SKIP":
        return 0, 0, 1
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    output = COLOUR.sub("", (test.get("stdout") or "") + (test.get("stderr") or ""))
    found = SYNTHESIS.search(output)
    if not found:
        return (1, 0, 0) if good else (0, 1, 0)
    tested, passing = int(found[1]), int(found[2])
    failing = tested - passing
    if tested == 0 or (not good and failing == 0):
        failing += 1  # no test at all, or the program failed beside its tests
    return passing, failing, 0


def main(path):
    total = [0, 0, 0]
    with open(path, encoding="utf-8") as log:
        for line in log:
            test = json.loads(line)
            counts = count(test)
            total = [a + b for a, b in zip(total, counts)]
            if counts[1]:
                output = COLOUR.sub("", (test.get("stdout") or "") + (test.get("stderr") or ""))
                print(f"   FAILED: {test['name']} ({test['result']})", file=sys.stderr)
                for row in output.splitlines()[-40:]:
                    print(f"   | {row}", file=sys.stderr)
    print(*total)


main(sys.argv[1])
