"""Network namespaces, and processes in them.

A namespace is held by a file descriptor of this process and has no name, and its processes die with this one: whatever
happens, nothing of the laboratory outlives it.
"""
import contextlib
import ctypes
import os
import socket
import struct
import subprocess
import threading

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

running = set()  # processes that were started and have not been seen to end


def call(function, *arguments):
    if function(*arguments) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{function.__name__}: {os.strerror(error)}")


def open_own():
    return os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Namespace:
    """One network stack: a host, or a box between hosts."""

    def __init__(self, name):
        self.name = name
        home = open_own()
        try:
            call(libc.unshare, CLONE_NEWNET)
            self.fd = open_own()
        finally:
            call(libc.setns, home, CLONE_NEWNET)
            os.close(home)
        self.path = f"/proc/{os.getpid()}/fd/{self.fd}"
        self.ip("link set lo up")
        self.set({"ipv4/conf/all/rp_filter": 0, "ipv4/conf/default/rp_filter": 0,
                  "ipv4/conf/all/accept_redirects": 0, "ipv4/conf/all/send_redirects": 0,
                  "ipv4/conf/default/send_redirects": 0,
                  "ipv6/conf/default/accept_dad": 0, "ipv6/conf/default/accept_ra": 0})

    @contextlib.contextmanager
    def entered(self):
        """What this thread makes meanwhile, such as a socket, belongs to the namespace."""
        home = open_own()
        call(libc.setns, self.fd, CLONE_NEWNET)
        try:
            yield self
        finally:
            call(libc.setns, home, CLONE_NEWNET)
            os.close(home)

    def set(self, values):
        """Values of /proc/sys/net; what the kernel was built without stays so."""
        with self.entered():
            for name, value in values.items():
                path = f"/proc/sys/net/{name}"
                if os.path.exists(path):
                    with open(path, "w") as file:
                        file.write(str(value))

    def start(self, command, mortal=False, **options):
        """Starts a process here. One that does not end with its input is `mortal`: it is killed when this thread ends."""
        with self.entered():  # of which the child inherits
            process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command] if mortal else command,
                                       process_group=0, **options)  # Ctrl-C is for the laboratory, which ends them
        running.add(process)
        return process

    def run(self, command, text=None):
        process = self.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output, _ = process.communicate(text)
        running.discard(process)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} in {self.name}: {output.strip()}\n{text or ''}")
        return output

    def ip(self, *lines, family=4):
        """Lines of `ip -batch`; all are done, or it raises. The family matters for rules alone."""
        self.run(["ip", *(["-6"] if family == 6 else []), "-batch", "-"], "\n".join(lines) + "\n")

    def nft(self, rules):
        self.run(["nft", "-f", "-"], rules)

    def forget_flows(self):
        """Empties the table of connections, as a box does that has been restarted."""
        with self.entered(), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netlink:  # NETLINK_NETFILTER
            for family in (socket.AF_INET, socket.AF_INET6):
                # nlmsghdr: IPCTNL_MSG_CT_DELETE of NFNL_SUBSYS_CTNETLINK, request and acknowledge; nfgenmsg
                netlink.send(struct.pack("=IHHII", 20, 1 << 8 | 2, 1 | 4, 1, 0) + struct.pack("=BBH", family, 0, 0))
                error = struct.unpack_from("=i", netlink.recv(4096), 16)[0]
                if error:
                    raise OSError(-error, "the table of connections could not be emptied")

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


def kill_all():
    for process in list(running):
        if process.poll() is None:
            process.kill()


def connect(a, a_name, b, b_name):
    """A cable between two namespaces."""
    a.ip(f"link add name {a_name} type veth peer name {b_name} netns {b.path}", f"link set dev {a_name} up")
    b.ip(f"link set dev {b_name} up")
