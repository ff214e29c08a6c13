""""on_reload": "recheck": a reload ends open connections whose peers the new settings refuse."""
import os
import shutil
import signal
import ssl

import test_trust
from support import tls
from support.backend import Backend
from support.data import until
from support.dials import FAST, Dials
from support.each import ROLES, VERSIONS, each
from support.reloads import Reloads
from support.sessions import SessionsCase
from support.site import GET, read_response

WHY = "closed at a reload (on_reload): "
NOBODY = ["nobody.example"]  # peer_names


class Rechecks(Reloads):
    """What the tests below share."""
    openssl = test_trust.Files.openssl
    ca = test_trust.Files.ca
    crl = test_trust.Files.crl
    store = SessionsCase.store

    def setUp(self):
        super().setUp()
        self.keys = self.file("session.keys", b"11" * 32 + b"\n")
        self.index, self.config = self.file("index.txt"), self.file("ca.cnf", b"".join((
            b"[ca]\ndefault_ca=d\n[d]\ndatabase=", self.folder.encode(), b"/index.txt\n"
            b"default_md=sha256\ndefault_crl_days=1\n")))

    def front(self, name="front", tls=None, **changes):
        return self.service(name, {"client_auth": "require", **(tls or {})},
                            **{"on_reload": "recheck", **changes})

    def put_ca(self, name):
        """The file of CAs, put in place at once."""
        path = os.path.join(self.folder, "ca.pem")
        shutil.copy(self.certificates.path(name), path + ".new")
        os.rename(path + ".new", path)
        return path

    def assertEchoes(self, peer):
        self.assertEqual(peer.exchange(b"hello", 5), b"hello")

    def assertCut(self, peer):
        with self.assertRaises(ConnectionResetError):
            peer.recv_all()
        peer.sock.close()

    def refused(self, actpass, *texts, count=1, **fields):
        """The line about a connection that a reload has ended."""
        closed = actpass.wait_for(event="close", reason="REFUSED", count=count, **fields)
        for text in (WHY, *texts):
            self.assertIn(text, closed["error"])


class Recheck(Rechecks):
    @each(role=ROLES, version=VERSIONS)
    def test_a_list_that_revokes_one_of_two(self, role, version):
        front = self.front(tls={"crl": self.crl()},
                           initial_data_timeout="100ms" if role == "client" else "20s")
        actpass = self.actpass(front)
        revoked, good = (self.peer(role, actpass, version, certificate=name)
                         for name in ("device", "client"))
        for peer in revoked, good:
            self.assertEchoes(peer)
        self.reload(actpass, front)
        for peer in revoked, good:
            self.assertEchoes(peer)
        self.crl("device")
        self.reload(actpass, front)
        self.assertCut(revoked)
        self.refused(actpass, "the peer's certificate is refused: certificate revoked (depth 0")
        self.assertEchoes(good)
        good.finish()

    def test_a_ca_that_is_exchanged_while_its_folder_is_watched(self):
        ca = self.put_ca("ca")
        services = [self.front(name, {"ca": ca}, initial_data_timeout="100ms", on_reload=on_reload)
                    for name, on_reload in (("front", "recheck"), ("other", None))]
        actpass = self.actpass(*services)
        actpass.signal(signal.SIGUSR1)  # answered once the folder is watched
        actpass.wait_for(event="status")
        checked, kept = (self.device(actpass, service=name) for name in ("front", "other"))
        for peer in checked, kept:
            self.assertEchoes(peer)
        self.put_ca("stranger-ca")
        self.refused(actpass, "not in ca", service="front")
        self.assertCut(checked)
        actpass.wait_for(event="files", service="other")
        self.assertEchoes(kept)
        kept.finish()
        stranger = self.device(actpass, service="front", certificate="stranger", ca=None)
        self.assertEchoes(stranger)
        stranger.finish()

    def test_http_between_requests(self):
        root = os.path.dirname(self.file("index.html", b"<p>hello</p>"))
        front = self.front(echo=None, http={"root": root})
        actpass = self.actpass(front)
        peer = self.client(actpass, certificate="device")
        for _ in range(2):
            peer.send(GET % (b"/index.html", b""))
            self.assertEqual(read_response(peer).status, 200)
            self.reload(actpass, front)
        names = {**front["tls"], "peer_names": NOBODY}
        self.reload(actpass, {**front, "tls": names})
        self.refused(actpass, "it carries none of peer_names")
        self.assertCut(peer)

    def test_forward_in_the_middle_of_data(self):
        def pour(session):
            while True:
                session.sock.sendall(bytes(65536))
        backend = self.backend(Backend(pour))
        front = self.front(forward=backend.address)
        actpass = self.actpass(front)
        peer = self.client(actpass, certificate="device")
        peer.recv_exactly(1000000)
        self.reload(actpass, {**front, "tls": {**front["tls"], "peer_names": NOBODY}})
        self.refused(actpass, "it carries none of peer_names")
        self.assertCut(peer)
        backend.finished()

    def test_clients_that_must_show_a_certificate_from_now_on(self):
        front = self.front(role="server")
        asks = {**front, "tls": {**front["tls"], "client_auth": "request"}}
        actpass = self.actpass(asks)
        nameless, named = self.client(actpass), self.client(actpass, certificate="device")
        for peer in nameless, named:
            self.assertEchoes(peer)
        self.reload(actpass, front)
        self.refused(actpass, "the peer gave no certificate, which is required")
        self.assertCut(nameless)
        self.assertEchoes(named)
        named.finish()

    def test_what_the_new_configuration_says_counts(self):
        """recheck that comes by the reload itself, and keep."""
        front = self.front(on_reload="keep")
        other_names = {**front, "tls": {**front["tls"], "peer_names": NOBODY}}
        actpass = self.actpass(front)
        peer = self.client(actpass, certificate="device")
        self.assertEchoes(peer)
        self.reload(actpass, other_names)
        self.assertEchoes(peer)
        self.reload(actpass, {**other_names, "on_reload": "recheck"})
        self.refused(actpass, "it carries none of peer_names")
        self.assertCut(peer)

    def test_a_handshake_that_began_before_the_reload(self):
        front = self.front(role="server")
        actpass = self.actpass(front)
        peer = self.client(actpass, "1.2", certificate="device", handshake=False)
        peer.try_handshake()
        until(lambda: peer.feed() or peer.incoming.pending, 20, "the server's flight")
        self.reload(actpass, {**front, "tls": {**front["tls"], "peer_names": NOBODY}})
        peer.handshake()
        self.refused(actpass, "it carries none of peer_names")
        self.assertCut(peer)

    @each(kind=("memory", "tickets", "file"), version=VERSIONS)
    def test_a_resumed_connection(self, kind, version):
        """Its session may not contain the CA between."""
        front = self.front(role="server", tls={**self.store(kind), "ca": self.put_ca("ca")})
        actpass = self.actpass(front)
        made = tls.context(self.certificates, False, version, "by-middle")
        session, reused = SessionsCase.visit(self, actpass, made)
        self.assertFalse(reused)
        with self.connect(actpass) as raw, made.wrap_socket(
                raw, server_hostname="front.example", session=session) as peer:
            self.assertTrue(peer.session_reused)
            for _ in range(2):
                peer.sendall(b"hello")
                self.assertEqual(peer.recv(5), b"hello")
                self.reload(actpass, front)
            self.put_ca("stranger-ca")
            self.reload(actpass, front)
            self.refused(actpass, "not in ca")
            with self.assertRaises((ConnectionError, ssl.SSLError)):
                if not peer.recv(1):
                    raise ConnectionError


class Dialed(Dials, Rechecks):
    def test_a_connection_that_is_kept_up(self):
        server = self.tls_server(self.echo)
        dialer = self.dial_service(server.address, name="front", retry=FAST, on_reload="recheck",
                                   tls={"crl": self.crl()}, role="client")
        actpass = self.actpass(dialer, check=False)
        actpass.wait_for(event="connected")
        self.reload(actpass, dialer)
        self.assertEqual(actpass.find(event="close"), [])
        self.crl("device")
        self.reload(actpass, dialer)
        self.refused(actpass, "certificate revoked (depth 0")
        line = actpass.wait_for(event="close", reason="REFUSED", count=2)
        self.assertNotIn(WHY, line["error"])
        server.close()

    def test_a_bridge(self):
        server = self.tls_server(self.echo)
        dialer = self.dial_service(server.address, name="front", listen_plain="127.0.0.1:0",
                                   on_reload="recheck")
        actpass = self.actpass(dialer, check=False)
        plain = self.connect(actpass)
        plain.sendall(b"hello")
        self.assertEqual(plain.recv(5), b"hello")
        self.reload(actpass, {**dialer, "tls": {**dialer["tls"], "peer_names": NOBODY}})
        self.refused(actpass, "it carries none of peer_names")
        with self.assertRaises(ConnectionError):
            if not plain.recv(1):
                raise ConnectionError
