"""The peer in libuv's loop beside `holdfast peer`, each in either part.

    libuv_test.py PROGRAM HOLDFAST"""
import json
import subprocess
import sys
import threading

EXAMPLE, HOLDFAST = sys.argv[1:]


def start(*command):
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def read_text(chat):
    text = ""
    while (line := chat.stdout.readline()) != "\n":
        assert line, "it ended"
        if not line.startswith("("):
            text += line
    return text


def wait_for(peer, **fields):
    for line in peer.stdout:
        event = json.loads(line)
        if all(event.get(name) == value for name, value in fields.items()):
            return event
    raise AssertionError(f"it ended before {fields} came")


def wait_line(chat, expected):
    while (line := chat.stdout.readline()) != expected:
        assert line, f"it ended before {expected!r} came"


def write(peer, **command):
    peer.stdin.write(json.dumps(command) + "\n")


def meet(chat, peer, chat_offers):
    if chat_offers:
        write(peer, type="offer", sdp=read_text(chat))
        chat.stdin.write(wait_for(peer, type="answer")["sdp"] + "\n")
    else:
        chat.stdin.write(wait_for(peer, type="offer")["sdp"] + "\n")
        write(peer, type="answer", sdp=read_text(chat))


def converse(chat_offers, *stun):
    options = ("--raw", "--no-trickle", "--loopback", "--channels", "chat")
    chat = start(EXAMPLE, "offer" if chat_offers else "answer", *stun)
    peer = start(HOLDFAST, "peer", "--answer" if chat_offers else "--offer", *options)
    watchdog = threading.Timer(60, lambda: (chat.kill(), peer.kill()))
    watchdog.start()
    try:
        meet(chat, peer, chat_offers)
        wait_line(chat, "(connected)\n")
        wait_for(peer, type="open", channel="chat")
        chat.stdin.write("hello\n")
        wait_for(peer, type="message", channel="chat", text="hello")
        write(peer, type="send", channel="chat", text="hello yourself")
        wait_line(chat, "> hello yourself\n")
        if chat_offers:
            chat.stdin.close()
        else:
            write(peer, type="close")
        wait_line(chat, "(closed)\n")
        assert chat.wait() == 0
    finally:
        watchdog.cancel()
        for process in (chat, peer):
            process.kill()
            process.wait()


converse(True)
converse(False)
converse(True, "stun:localhost:9")  # nobody answers there: it connects without
