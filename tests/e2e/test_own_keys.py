"""A key of ours is never a peer's: not that of another service of the process, nor the one from
before a reload while a connection of that time is open."""
import signal
import ssl

from support import tls
from support.case import Case
from support.data import until
from support.each import ROLES, VERSIONS, each

OURS = ("its key is our own: the peer is this process, a mirror, or has a copy; "
        "give each end a process and a key of its own")


class OwnKeys(Case):
    def setUp(self):
        super().setUp()
        self.seen = 0

    def own(self, certificate):
        """The files of a service, in this test's folder, with the certificate's key in them."""
        files = {}
        for key, end in ("certificate", "pem"), ("key", "key"):
            with open(self.certificates.path(certificate, end), "rb") as file:
                files[key] = self.file("own." + end, file.read())
        return {**files, "client_auth": "require",
                "peer_names": ["front.example", "*.devices.example"]}

    def meets(self, actpass, role, version, certificate, service=None):
        """Why the peer was refused; "" if it was not."""
        peer = self.peer(role, actpass, version, certificate=certificate, handshake=False, verify=False,
                         **({"service": service} if service else {}))
        self.seen += 1
        try:
            good = peer.handshake().exchange(b"hello", 5) == b"hello"
            peer.finish()
        except (ssl.SSLError, tls.Truncated, OSError):
            good = False
        peer.sock.close()
        closed = actpass.wait_for(event="close", count=self.seen)
        self.assertEqual(closed["reason"], "CLEAN" if good else "REFUSED", closed)
        return "" if good else closed["error"]

    @each(role=ROLES, version=VERSIONS)
    def test_two_services(self, role, version):
        """What one shows, by a stolen key or a mirror, opens no other."""
        wait = {"initial_data_timeout": "100ms" if role == "client" else "20s"}
        actpass = self.actpass(
            self.service("a", tls={**self.own("front"), "certificate":
                                   self.certificates.path("front"),
                                   "key": self.certificates.path("front", "key")}, **wait),
            self.service("b", tls=self.own("device"), **wait))
        for service in "a", "b":
            for certificate in "front", "device":
                self.assertIn(OURS, self.meets(actpass, role, version, certificate, service))
            self.assertEqual(self.meets(actpass, role, version, "client", service), "")

    @each(version=VERSIONS)
    def test_reload(self, version):
        """The key from before is ours until the last connection of that time has ended."""
        actpass = self.actpass(self.service(role="server", tls=self.own("front")))
        before = self.client(actpass, version, certificate="client")
        self.assertEqual(before.exchange(b"hello", 5), b"hello")
        self.own("device")
        actpass.signal(signal.SIGHUP)
        self.assertNotIn("error", actpass.wait_for(event="reload"))
        for certificate in "front", "device":
            self.assertIn(OURS, self.meets(actpass, "server", version, certificate))
        self.assertEqual(before.exchange(b"still", 5), b"still")
        before.finish()
        self.seen += 1
        until(lambda: not self.meets(actpass, "server", version, "front"), 20,
              "the old key is nobody's any more")
        self.assertIn(OURS, self.meets(actpass, "server", version, "device"))

    @each(version=VERSIONS)
    def test_a_reload_that_fails(self, version):
        """Its key was never ours, and what was ours still is."""
        actpass = self.actpass(self.service(role="server", tls=self.own("front")))
        self.own("device")
        self.file("own.key", b"nothing")
        actpass.signal(signal.SIGHUP)
        self.assertIn("own.key", actpass.wait_for(event="reload")["error"])
        self.assertIn(OURS, self.meets(actpass, "server", version, "front"))
        self.assertEqual(self.meets(actpass, "server", version, "device"), "")
