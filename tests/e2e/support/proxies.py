"""Proxies on the way out: Debian's tinyproxy (HTTP CONNECT), microsocks and danted (SOCKS5)."""
import os
import pwd
import socket

from .data import until
from .ports import free_port

USER, PASSWORD = "me", "Hush123"


class Proxy:
    """`url` is what "dial_through" takes, with `address` in it."""

    def __init__(self, scheme, port):
        self.port, self.address = port, f"127.0.0.1:{port}"
        self.url = f"{scheme}://{self.address}"
        until(self.answers, 20, "the proxy listening")

    def answers(self):
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0


def credentials(case, password=PASSWORD):
    """The file for "dial_through_auth"."""
    return case.file("proxy.auth", f"{USER}:{password}\n".encode())


def tinyproxy(case, *more):
    """With further lines of its configuration."""
    port = free_port()
    lines = [f"Port {port}", "Listen 127.0.0.1", "Timeout 60", *more]
    config = case.file("tinyproxy.conf", ("\n".join(lines) + "\n").encode())
    case.spawn(["tinyproxy", "-d", "-c", config])
    return Proxy("http", port)


def microsocks(case, *more):
    """With further options."""
    port = free_port()
    case.spawn(["microsocks", "-i", "127.0.0.1", "-p", str(port), *more])
    return Proxy("socks5", port)


DANTED = """\
logoutput: /dev/null
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
clientmethod: none
socksmethod: none
user.privileged: {user}
user.unprivileged: {user}
client pass {{ from: 127.0.0.1/32 to: 127.0.0.1/32 }}
socks pass {{ from: 127.0.0.1/32 to: 0.0.0.0/0 }}
"""


def danted(case):
    """Without authentication: it knows users of the system only."""
    port = free_port()
    user = pwd.getpwuid(os.getuid()).pw_name
    config = case.file("danted.conf", DANTED.format(port=port, user=user).encode())
    process = case.spawn(["danted", "-f", config, "-p", f"{case.folder}/danted.pid"])
    # SIGKILL would leave its 20 processes to end by themselves.
    case.addCleanup(process.wait, 20)
    case.addCleanup(process.terminate)
    return Proxy("socks5", port)
