"""Two chats, wired as two people would with copy and paste.

    chat_test.py PROGRAM"""
import subprocess
import sys
import threading


def start(role):
    return subprocess.Popen([sys.argv[1], role], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def read_description(chat):
    text = ""
    while (line := chat.stdout.readline()) != "\n":
        assert line, "it ended"
        if not line.startswith("("):
            text += line
    return text + "\n"


def read_until(chat, expected):
    while (line := chat.stdout.readline()) != expected:
        assert line, f"it ended before {expected!r} came"


alice, bob = start("offer"), start("answer")
watchdog = threading.Timer(60, lambda: (alice.kill(), bob.kill()))
watchdog.start()
try:
    bob.stdin.write(read_description(alice))
    alice.stdin.write(read_description(bob))
    for chat in (alice, bob):
        read_until(chat, "(connected)\n")
    alice.stdin.write("hello, bob\n")
    read_until(bob, "> hello, bob\n")
    bob.stdin.write("hello, alice\n")
    read_until(alice, "> hello, alice\n")
    bob.stdin.close()
    for chat in (alice, bob):
        read_until(chat, "(closed)\n")
        assert chat.wait() == 0
finally:
    watchdog.cancel()
    for chat in (alice, bob):
        chat.kill()
