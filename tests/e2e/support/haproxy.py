"""HAProxy, started with a configuration."""
import socket
import subprocess

from .actpass import died_with_us
from .data import until

DEFAULTS = """global
    maxconn 100
defaults
    mode tcp
    timeout connect 20s
    timeout client 60s
    timeout server 60s
"""


class Haproxy:
    """`ports` are those that it listens on: it is there once all answer."""

    def __init__(self, folder, config, ports):
        path = folder + "/haproxy.cfg"
        with open(path, "w") as out:
            out.write(DEFAULTS + config)
        self.process = subprocess.Popen(died_with_us(["haproxy", "-db", "-f", path]),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for port in ports:
            until(lambda port=port: self.answers(port), 20, f"haproxy listening on {port}")

    @staticmethod
    def answers(port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def close(self):
        self.process.kill()
        self.process.wait()
