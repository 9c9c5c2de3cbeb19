"""--event-log and `holdfast timeline` as a user sees them; and that docs/event-log.md tells all that is in a log.

    timeline_test.py PROGRAM SOURCE_ROOT"""
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.dom.minidom

from pair import BOUND, Pair

PROGRAM, ROOT = sys.argv[1:3]


def run(*arguments, text=""):
    return subprocess.run([PROGRAM, "timeline", *arguments], input=text, capture_output=True, text=True, timeout=BOUND)


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def documented():
    rows = re.findall(r"^\| `(\w+:\w+)` \| ([^|]*) \|", read("docs", "event-log.md"), re.M)
    return {name: set(fields.replace(",", " ").split()) for name, fields in rows}


def the_page_and_the_code_name_the_same_events():
    in_code = set(re.findall(r'X\(\w+, "(\w+:\w+)"\)', read("src", "base", "trace.h")))
    assert in_code == set(documented()), in_code ^ set(documented())


def make_log(folder):
    log = os.path.join(folder, "offerer.log")
    with Pair(PROGRAM, offer=("--event-log", log), answer=("--echo", "--event-log", os.path.join(folder, "answerer.log"))) as pair:
        pair.wait_open(5)
        pair.offerer.command(type="send", channel="code-sync", text="tell this to nobody")
        pair.offerer.wait_for(type="message", channel="code-sync")
        pair.offerer.command(type="close")
        assert (pair.offerer.status(), pair.answerer.status()) == (0, 0)
    return log


def a_log_holds_a_header_and_documented_events(log):
    with open(log, encoding="utf-8") as file:
        text = file.read()
    header, *events = [json.loads(line) for line in text.splitlines()]
    assert header["file_schema"].startswith("urn:ietf:params:qlog:file:"), header
    assert "tell this to nobody" not in text
    page = documented()
    seen = set()
    for event in events:
        assert set(event) <= {"time", "name", "data", "group_id"}, event
        assert set(event["data"]) <= page[event["name"]], event
        seen.add(event["name"])
    assert len({event["group_id"] for event in events if "group_id" in event}) == 1
    for name in ("session:state_changed", "ice:pair_selected", "dtls:state_changed", "sctp:message_sent", "udp:packets_sent"):
        assert name in seen, name


def a_log_becomes_a_picture(log, folder):
    picture = os.path.join(folder, "picture.svg")
    done = run(log, "--output", picture)
    assert done.returncode == 0 and done.stdout == done.stderr == "", done
    with open(picture, encoding="utf-8") as file:
        text = file.read()
    assert xml.dom.minidom.parseString(text).documentElement.tagName == "svg"
    for word in ("offerer", "connected after", "code-sync", "candidate pairs", "succeeded"):
        assert word in text, word
    assert run(log).stdout == text
    with open(log, encoding="utf-8") as file:
        assert run("-", text=file.read()).stdout == text
    assert run(log, "--to", "0.001").stdout != text


def what_cannot_be_read_is_named(log, folder):
    event = '{"time":1,"name":"ice:state_changed","data":{"new":"checking"}}\n'
    table = (  # arguments, input, status, words of the error
        ((), "", 2, "the log is missing"),
        (("--output",), "", 2, "needs a value"),
        ((log, "--nonsense"), "", 2, "unknown option"),
        ((log, "--output", ""), "", 2, "the name is empty"),
        ((log, "--from", "2", "--to", "1"), "", 2, "--to is not behind --from"),
        ((log, log), "", 2, "unexpected argument"),
        (("/nowhere/log",), "", 1, "No such file"),
        ((log, "--output", "/nowhere/picture"), "", 1, "No such file"),
        ((folder,), "", 1, "Is a directory"),
        (("-",), "", 1, "there is no event in it"),
        (("-",), event + "nonsense\n", 1, "line 2: column"),
        (("-",), event + event + "[]\n", 1, "line 3: not an object"),
        (("-",), event + '{"time":"soon"}\n', 1, 'line 2: "time"'),
        (("-",), event + '{"time":2,"na', 0, "line 2 is cut off"),
        (("-",), event + '{"time":1,"name":"quic:packet_sent","data":{}}\n', 0, "1 events of unknown names"),
        (("-",), event + '{"time":1,"name":"' + "x" * 70000 + '","data":{}}\n', 1, "line 2: longer than"),
    )
    for arguments, text, status, words in table:
        done = run(*arguments, text=text)
        assert done.returncode == status and words in done.stderr, (arguments, done)
    assert "usage: holdfast timeline" in run("--help").stdout


def a_log_that_cannot_be_written_is_named(folder):
    for word in (("peer", "--offer"), ("demo",)):
        done = subprocess.run([PROGRAM, *word, "--event-log", os.path.join(folder, "no", "log")], input="", capture_output=True,
                              text=True, timeout=BOUND, check=False)
        assert done.returncode == 1 and "--event-log" in done.stderr and "No such file" in done.stderr, done
        done = subprocess.run([PROGRAM, *word, "--event-log", ""], input="", capture_output=True, text=True, timeout=BOUND,
                              check=False)
        assert done.returncode == 2 and "the name is empty" in done.stderr, done


the_page_and_the_code_name_the_same_events()
with tempfile.TemporaryDirectory() as folder:
    log = make_log(folder)
    a_log_holds_a_header_and_documented_events(log)
    a_log_becomes_a_picture(log, folder)
    what_cannot_be_read_is_named(log, folder)
    a_log_that_cannot_be_written_is_named(folder)
