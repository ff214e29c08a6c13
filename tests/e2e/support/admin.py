"""The base of the tests of the admin listener: what it says is asked for with curl."""
import json
import os
import socket
import subprocess
import unittest

from .case import Case, program
from .data import until

JUNK = b"SSH-2.0-OpenSSH_9.2\r\n"


class Answer:
    """What curl -i has printed."""

    def __init__(self, text):
        head, _, self.body = text.partition("\r\n\r\n")
        first, *rest = head.split("\r\n")
        self.status = int(first.split()[1])
        self.headers = dict(line.lower().split(": ", 1) for line in rest)


def samples(text):
    """Prometheus' text as {name and labels: value}."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


class Admin(Case):
    @classmethod
    def setUpClass(cls):
        version = subprocess.run([program(), "--version"], capture_output=True, text=True,
                                 check=True).stdout
        if "admin listener: no" in version:
            raise unittest.SkipTest("built without libmicrohttpd")
        super().setUpClass()

    def admin(self, *services, listen=None, **options):
        """An actpass with an admin listener, by default on a unix socket."""
        self.socket = os.path.join(self.folder, "admin.sock")
        listen = listen or f"unix:{self.socket}"
        actpass = self.actpass(*services, admin={"listen": listen}, **options)
        self.address = actpass.wait_for(event="admin")["address"]
        return actpass

    def curl(self, path, *options):
        where = (["--unix-socket", self.socket, f"http://actpass{path}"]
                 if self.address.startswith("unix:") else [f"http://{self.address}{path}"])
        done = subprocess.run(["curl", "--silent", "--show-error", "--include", "--max-time", "20",
                               "--noproxy", "*", *options, *where],
                              capture_output=True, timeout=30, check=True)
        return Answer(done.stdout.decode())

    def status(self, query=""):
        answer = self.curl("/status" + query)
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "application/json"))
        return json.loads(answer.body)

    def metrics(self):
        return samples(self.curl("/metrics").body)

    def settled(self, name="front", ended=1):
        """A service of /status, once so many of its connections have ended, and none is open."""
        def found():
            service = next(one for one in self.status()["services"] if one["name"] == name)
            done = service["open"] == 0 and sum(one["count"] for one in service["closed"]) == ended
            return done and service
        return until(found, 20, f"{ended} connections of {name} having ended")

    def junk(self, actpass):
        """A connection that fails: the answer is an alert, a text or a reset."""
        with self.connect(actpass) as sock:
            sock.sendall(JUNK)
            sock.shutdown(socket.SHUT_WR)
            try:
                while sock.recv(1024):
                    pass
            except ConnectionResetError:
                pass
