"""Proxies on the way out: Debian's tinyproxy (HTTP CONNECT) and microsocks (SOCKS5)."""
import socket

from .data import until
from .redis import free_port

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
