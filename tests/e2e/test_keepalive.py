"""A peer whose power was cut is noticed on both ends within the time that "keepalive" sets, with
and without data on the way; skipped where network namespaces cannot be made."""
import threading
import time

from support.backend import Backend
from support.case import Case
from support.dials import FAST
from support.namespaces import Network

IDLE, BUSY, OFFERED = 7443, 7444, 7445  # ports
SECONDS = 2
KEEPALIVE = {"idle": "1s", "interval": "1s", "probes": 1}
SAID = f"the peer has not answered for {SECONDS} s (keepalive): "
GENEROUS = 20  # seconds; without keepalive it takes hours, and 60 s with data that is not sent


class Keepalive(Case):
    def setUp(self):
        super().setUp()
        self.network = Network()
        self.addCleanup(self.network.close)
        self.cut = threading.Event()

    def talk(self, session):
        """Echoes one message, and after the cut sends more than fits into any buffer."""
        session.sock.sendall(session.recv())
        self.cut.wait(60)
        session.sock.sendall(bytes(1 << 25))

    def collector(self):
        backend = self.backend(Backend(self.talk, path=f"{self.folder}/backend.sock"))
        tls = {"certificate": self.certificates.path("device"),
               "key": self.certificates.path("device", "key"), "peer_names": ["front.example"]}
        keys = {"role": "server", "keepalive": KEEPALIVE, "tls": tls}
        return self.actpass(
            self.service("offered", listen=f"{Network.RIGHT}:{OFFERED}", echo=None, offer="pool",
                         **{**keys, "tls": {**tls, "client_auth": "require"}}),
            self.service("idle", listen=f"{Network.RIGHT}:{IDLE}", **keys),
            self.service("busy", listen=f"{Network.RIGHT}:{BUSY}", forward=backend.address,
                         **keys),
            prefix=self.network.right, shutdown_timeout="0s", check=False)

    def device(self):
        return self.actpass(
            *(self.dial_service(f"{Network.RIGHT}:{port}", name=name, keepalive=KEEPALIVE, retry=FAST)
              for name, port in (("idle", IDLE), ("offered", OFFERED))),
            self.dial_service(f"{Network.RIGHT}:{BUSY}", name="busy", keepalive=KEEPALIVE,
                              listen_plain=f"unix:{self.folder}/plain.sock"),
            prefix=self.network.left, shutdown_timeout="0s", check=False)

    def test_a_peer_without_power_is_noticed_on_both_ends(self):
        ends = self.collector(), self.device()
        local = self.connect(ends[1], "busy")
        local.sendall(b"hello")
        self.assertEqual(local.recv(10), b"hello")
        for end in ends:
            for service in "idle", "offered":
                end.wait_for(event="role", service=service)
        self.network.cut()
        began = time.monotonic()
        self.cut.set()
        local.sendall(b"never acknowledged")
        for end in ends:
            for service in "idle", "busy", "offered":
                closed = end.wait_for(event="close", service=service, timeout=GENEROUS)
                self.assertEqual((closed["reason"], closed["error"].startswith(SAID)),
                                 ("TIMEOUT", True), closed)
        self.assertLess(time.monotonic() - began, GENEROUS)
