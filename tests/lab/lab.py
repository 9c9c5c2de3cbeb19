#!/usr/bin/env python3
"""lab.py: real peers, relays and kernels in networks of their own, and how soon they connect and recover.

It makes everything in network namespaces of its own, which are gone when it ends, however it ends. docs/laboratory.md
tells how the networks are made and how to read what it prints.
"""
import argparse
import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import signal
import sys
import threading
import time
import traceback

import connecting  # noqa: F401: each adds its cases
import doctoring  # noqa: F401
import holding  # noqa: F401
import recovering  # noqa: F401
import relays
import report
import self_test  # noqa: F401
from cases import ALL
from namespace import kill_all
from networks import Internet
from peers import Failure
from stage import Floor, Stage

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
JOBS = 12  # cases at a time; all but one of them wait
QUICK_SLACK = 2  # on machines that do other things, too


class Lab:
    def __init__(self, options):
        self.options = options
        self.program, self.link_program = os.path.abspath(options.program), os.path.abspath(options.link)
        self.folder = os.path.abspath(options.logs)
        os.makedirs(self.folder, exist_ok=True)
        self.certificate = relays.make_certificate(self.folder)
        self.floor = Floor()
        self.printing = threading.Lock()

    def say(self, text):
        with self.printing:
            print(text, flush=True)

    def run_once(self, case, folder):
        """Runs a case; its result, or the text of its failure."""
        result = failure = None
        try:
            with self.floor if case.timed else contextlib.nullcontext(), Stage(self, folder) as stage:
                try:
                    result = case.run(stage)
                except Failure as reason:
                    failure = str(reason)
                    if self.options.keep:
                        self.keep(case, stage, failure)
        except Exception:  # of the laboratory itself
            failure = traceback.format_exc()
        return result, failure

    def keep(self, case, stage, failure):
        spaces = [stage.net.space, stage.alice.space, stage.bob.space, *(uplink.box for uplink in stage.net.uplinks)]
        self.say(f"{case.name}: {failure}\nIts networks stay until Enter is pressed:")
        for space in spaces:
            self.say(f"  {space.name:16} nsenter --net={space.path}")
        sys.stdin.readline()

    def run_case(self, case):
        repeat = self.options.repeat or (1 if self.options.quick else case.repeat)
        outcome = report.Outcome(case, self.options.slack)
        folder = os.path.join(self.folder, case.name.replace("/", "_"))
        shutil.rmtree(folder, ignore_errors=True)
        for number in range(repeat):
            outcome.add(*self.run_once(case, os.path.join(folder, str(number + 1))))
        outcome.check_limits()
        if not outcome.failures and not self.options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        self.say(outcome.line())
        if self.options.verbose:
            for note in outcome.notes():
                self.say(f"      {note}")
        for text in outcome.failures:
            self.say("      " + text.strip().replace("\n", "\n      "))
        if outcome.failures:
            self.say(f"      alone: ./run lab --only '^{case.name}$' -v; logs: {os.path.relpath(folder)}")
        return outcome

    def run(self, cases):
        """Those first that wait longest."""
        with concurrent.futures.ThreadPoolExecutor(1 if self.options.keep else self.options.jobs) as pool:
            order = sorted(cases, key=lambda case: -case.idle)
            done = dict(zip((case.name for case in order), pool.map(self.run_case, order)))
        return [done[case.name] for case in cases]


def obstacle(options):
    """Why this machine can't have a laboratory; None if it can."""
    for program in ("ip", "nft", "turnserver", "openssl", "setpriv"):
        if not shutil.which(program):
            return f"there is no {program}"
    try:
        net = Internet(os.path.abspath(options.link))
        try:
            net.attach(net.host("alice", 1), "full-cone")
        finally:
            net.close()
    except (OSError, RuntimeError) as error:
        return f"namespaces, TUN devices and nftables are needed: {str(error).strip()}"
    return None


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./run lab", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="the subset of two minutes, each case once")
    parser.add_argument("--only", metavar="PATTERN", help="cases whose name this regular expression finds")
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument("--repeat", type=int, metavar="N", help="run each case N times (10 where times are measured)")
    parser.add_argument("--json", metavar="FILE", help="write all that was measured there")
    parser.add_argument("--table", metavar="FILE", help="write the tables there, too")
    parser.add_argument("--keep", action="store_true",
                        help="one case at a time; keep the logs of all, and the networks of one that fails until Enter")
    parser.add_argument("--slack", type=float, metavar="FACTOR", help="by which limits are stretched: 1, with --quick 2")
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"cases at a time ({JOBS}); one at a time is measured")
    parser.add_argument("--program", default=os.path.join(ROOT, "build/test/tools/holdfast"), help="holdfast")
    parser.add_argument("--link", default=os.path.join(ROOT, "build/test/tests/lab/lab_link"), help="lab_link")
    parser.add_argument("--logs", default=os.path.join(ROOT, "build/lab"), help="the folder for logs of failed cases")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell more of each case")
    options = parser.parse_args(arguments)
    options.slack = options.slack or (QUICK_SLACK if options.quick else 1)
    return options


def interrupted(number, _):
    kill_all()
    os._exit(128 + number)


def main(arguments):
    options = parse(arguments)
    cases = [case for case in ALL if (case.quick or not options.quick) and re.search(options.only or "", case.name)]
    if options.list:
        for case in cases:
            print(f"{case.name:44} {case.about}")
        return 0
    if os.geteuid() != 0:
        os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--net", sys.executable, *sys.argv])
    if reason := obstacle(options):
        print(f"skipped: {reason}\n0 passed, 0 failed, {len(cases)} skipped")
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    started = time.monotonic()
    outcomes = Lab(options).run(cases)
    tables = report.tables(outcomes)
    print("\n" + tables)
    if options.table:
        with open(options.table, "w") as file:
            file.write(tables)
    if options.json:
        with open(options.json, "w") as file:
            json.dump([outcome.record() for outcome in outcomes], file, indent=1, ensure_ascii=False)
    failed = sum(bool(outcome.failures) for outcome in outcomes)
    print(f"{time.monotonic() - started:.0f} s\n{len(outcomes) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
