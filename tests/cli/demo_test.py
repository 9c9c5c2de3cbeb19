"""`holdfast demo` as a program.

    demo_test.py PROGRAM"""
import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import threading

PROGRAM = os.path.abspath(sys.argv[1])
BOUND = 120


def run(*arguments, **more):
    return subprocess.run([PROGRAM, "demo", *arguments], capture_output=True, text=True, timeout=BOUND, **more)


def check_json():
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "a", "b"))
        for name, size in (("a/empty", 0), ("a/small", 1), ("a/b/exact", 16384), ("large", 3000000)):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(os.urandom(size))
        done = run("--calm", "--seconds", "1", "--files", folder, "--json")
    assert done.returncode == 0 and not done.stderr, done
    summary = json.loads(done.stdout)
    assert summary["ok"] and summary["step"] == "done"
    assert (summary["files"], summary["files_verified"], summary["files_bytes"]) == (4, 4, 3016385), summary
    by_name = {c["channel"]: c for c in summary["channels"]}
    assert set(by_name) == {"code-sync", "cursor-pos", "ai-stream", "presence", "files"}
    for channel in by_name.values():
        assert channel["received_by_bob"] > 0 and channel["received_by_alice"] > 0 and channel["p50_ms"] > 0, channel
    for name in ("code-sync", "ai-stream", "files"):
        channel = by_name[name]
        assert channel["sent_by_alice"] == channel["received_by_bob"] and channel["sent_by_bob"] == channel["received_by_alice"], channel


def check_plain_output():
    done = run("--calm", "--seconds", "0.3", cwd="/")
    assert done.returncode == 0 and not done.stderr, done
    assert "\x1b" not in done.stdout
    assert "200 files" in done.stdout and "none lost, none doubled" in done.stdout, done.stdout


def check_terminal():
    main, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"}
    process = subprocess.Popen([PROGRAM, "demo", "--calm", "--seconds", "0.5"], stdout=terminal, env=environment, cwd="/")
    os.close(terminal)
    output = b""
    try:
        while data := os.read(main, 65536):
            output += data
    except OSError:  # the terminal's other end has closed
        pass
    assert process.wait(BOUND) == 0
    assert b"\x1b[" in output and b"A\x1b[J" in output, "it draws in place"
    assert not re.search(rb"\x1b\[[0-9;]*m", output), "NO_COLOR is honoured"


def check_story():
    """The network between them fails, in a fixed order; the times are the machine's affair."""
    done = run("--seconds", "7", "--json", cwd="/")
    assert done.returncode == 0 and not done.stderr, done
    summary = json.loads(done.stdout)
    assert summary["ok"] and summary["files_verified"] == summary["files"] == 200, summary
    told = [line["what"] for line in summary["story"]]
    wanted = ["the path is cut", "unstable", "the path is back", "connected, direct", "the direct path is closed",
              "the relay has taken over", "the direct path is open", "a new connection is asked for", "resumed on connection 2"]
    rest = iter(told)
    missing = [words for words in wanted if not any(line.startswith(words) for line in rest)]
    assert not missing, (missing, told)
    assert summary["outages"] >= 1 and summary["resumed"] >= 1, summary
    for channel in summary["channels"]:
        if channel["channel"] in ("code-sync", "ai-stream", "files"):
            assert channel["sent_by_alice"] == channel["received_by_bob"] > 0, channel
            assert channel["sent_by_bob"] == channel["received_by_alice"] > 0, channel


def check_failures():
    done = run("--files", "/nowhere/at/all")
    assert done.returncode == 2 and "/nowhere/at/all" in done.stderr
    process = subprocess.Popen([PROGRAM, "demo", "--calm", "--seconds", "30"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
    watchdog = threading.Timer(BOUND, process.kill)
    watchdog.start()
    while "connected" not in process.stdout.readline():
        pass
    children = f"/proc/{process.pid}/task/{process.pid}/children"
    with open(children) as file:
        os.kill(int(file.read().split()[0]), signal.SIGKILL)
    _, errors = process.communicate()
    watchdog.cancel()
    # A slow machine may still be opening them.
    steps = [f"demo: failed at: {step} (HF_ECLOSED: " for step in ("open the channels", "exchange")]
    assert process.returncode == 1 and errors.startswith(tuple(steps)), errors


check_json()
check_plain_output()
check_terminal()
check_story()
check_failures()
