"""Debian's redis-server, for one test, on a unix socket or a free port of 127.0.0.1."""
import os
import socket
import subprocess
import time

from .actpass import died_with_us


class Redis:
    """`url` is what "sessions" takes. May be killed and started again at the same place."""

    def __init__(self, folder, port=None, host="127.0.0.1", prefix=(), more=(),
                 password=None):
        self.folder, self.port, self.host, self.prefix = folder, port, host, list(prefix)
        self.socket = os.path.join(folder, "redis.sock")
        self.more, self.password = list(more), password
        self.process = None

    @property
    def url(self):
        return f"redis://{self.host}:{self.port}/0" if self.port else f"redis:unix:{self.socket}"

    def start(self):
        command = self.prefix + ["redis-server", "--save", "", "--appendonly", "no", "--dir",
                                 self.folder, "--daemonize", "no", "--protected-mode", "no",
                                 "--bind", self.host, "--port", str(self.port or 0),
                                 "--unixsocket", self.socket] + self.more
        self.process = subprocess.Popen(died_with_us(command), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("redis-server does not start")
            time.sleep(0.01)
        return self

    def ask(self, *words):
        """The first bytes of the answer to a command."""
        request = b"*%d\r\n" % len(words)
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            request += b"$%d\r\n%s\r\n" % (len(word), word)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(self.socket)
            if self.password:
                client.sendall(f"AUTH {self.password}\r\n".encode())
                client.recv(100)
            client.sendall(request)
            return client.recv(1000000)

    def answers(self):
        try:
            return self.ask("PING").startswith(b"+PONG")
        except OSError:
            return False

    def keys(self):
        """The names of all records."""
        return [line for line in self.ask("KEYS", "*").split(b"\r\n") if line.startswith(b"actpass")]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process:
            self.kill()
