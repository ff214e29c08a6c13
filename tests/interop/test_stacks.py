"""GnuTLS, wolfSSL, mbedTLS, Go and Node as peers of actpass: 8 MiB each way at once, both ends
checked."""
from peers import SIZE, STACKS, VERSIONS, Peers
from support import data
from support.backend import Backend
from support.each import each
from support.tls import reset

PEER_ROLES = ("tls-client", "tls-server")
FIRST = ("peer", "actpass")  # who sends close_notify first
TRANSPORTS = ("relay", "direct")
CAUSES = {"tls-client": ("server", "client_hello"), "tls-server": ("client", "silence")}

# What the stacks say of a certificate whose name is not the expected one, mbedTLS last.
NAME_REFUSED = ("the name in the certificate", "error in the certificate verification",
                "peer subject name mismatch", "not other.example", "does not match certificate",
                "certificate verification failed")

# What the stacks and system calls say of a connection that was reset. The last is Node's peer:
# where a write has taken the reset, Node's next read sees a bare end, and only the count of bytes
# tells.
CUT = ("reset", "closed", "terminated", "pipe", "eof", "pull function", "push function",
       "error state on socket", "end before all data")


class Stacks(Peers):
    def check(self, actpass, backend, version, role, cause):
        session = backend.finished()
        self.assertEqual((session.ended, session.error), ("eof", None), "the backend's end")
        self.assertEqual(session.digest, data.sha256(self.up), "from the peer to the backend")
        line = actpass.role()
        self.assertEqual((line["role"], line["cause"]), (role, cause))
        closed = actpass.close(line)
        self.assertEqual((closed["reason"], closed["protocol"]), ("CLEAN", f"TLSv{version}"))

    @each(stack=STACKS, role=PEER_ROLES, first=FIRST, transport=TRANSPORTS)
    def test_peer_connects(self, stack, role, first, transport):
        """As an ordinary client, or silent as a device that calls home."""
        name, version = stack.split()
        backend = self.bulk(first)
        actpass = self.front(backend, transport, role)
        self.succeeds(self.start(name, version, role, first, connect=actpass.port()))
        self.check(actpass, backend, version, *CAUSES[role])

    @each(stack=STACKS, role=PEER_ROLES, first=FIRST)
    def test_actpass_dials(self, stack, role, first):
        """actpass connects, as TLS client or as a device that calls home."""
        name, version = stack.split()
        backend = self.bulk(first)
        peer = self.start(name, version, role, first)
        own = "client" if role == "tls-server" else "server"
        actpass = self.actpass(self.dial_service(f"127.0.0.1:{self.port(peer)}", role=own,
                                                 forward=backend.address,
                                                 tls={"client_auth": "require"}), check=False)
        self.succeeds(peer)
        self.check(actpass, backend, version, own, "configured")
        self.assertEqual(actpass.stop(), 0, "exit status of actpass, which dials on")


class PeersCanFail(Peers):
    """A peer that accepted everything would prove nothing."""

    @each(stack=STACKS, role=PEER_ROLES)
    def test_wrong_name(self, stack, role):
        name, version = stack.split()
        backend = self.bulk("peer")
        actpass = self.front(backend, "relay", role)
        peer = self.start(name, version, role, "peer", connect=actpass.port(),
                          name="other.example")
        self.fails(peer, *NAME_REFUSED)
        self.assertNotEqual(actpass.close()["reason"], "CLEAN")

    @each(stack=list(VERSIONS))
    def test_wrong_data(self, stack):
        self.down = self.down[:-1] + bytes([self.down[-1] ^ 1])
        backend = self.bulk("peer")
        self.down = data.block(SIZE, 2)
        actpass = self.front(backend, "relay")
        self.fails(self.start(stack, "1.2", "tls-client", "peer", connect=actpass.port()),
                   "other data")

    @each(stack=STACKS, role=PEER_ROLES)
    def test_cut(self, stack, role):
        """A backend that resets halfway: no peer may take what came for all."""
        def half(session):
            session.sock.sendall(self.down[:SIZE // 2])
            reset(session.sock)
        name, version = stack.split()
        actpass = self.front(self.backend(Backend(half)), "relay", role)
        self.fails(self.start(name, version, role, "actpass", connect=actpass.port()),
                   *CUT)
        self.assertNotEqual(actpass.close()["reason"], "CLEAN")

    @each(stack=STACKS, role=PEER_ROLES)
    def test_stranger(self, stack, role):
        """actpass refuses a certificate of another CA, whichever role its owner takes."""
        name, version = stack.split()
        backend = self.bulk("peer")
        actpass = self.front(backend, "relay", role)
        peer = self.start(name, version, role, "peer", connect=actpass.port(),
                          certificate="stranger")
        self.fails(peer, "")
        self.assertNotEqual(actpass.close()["reason"], "CLEAN")
        self.assertEqual(backend.sessions, [], "connections that reached the backend")

    def test_mbedtls_has_no_tls_1_3(self):
        """Should Debian's mbedTLS have it one day, then it belongs into VERSIONS of peers.py."""
        peer = self.start("mbedtls", "1.3", "tls-client", "peer",
                          connect=self.front(self.bulk("peer"), "relay").port())
        self.fails(peer, "no tls 1.3")
