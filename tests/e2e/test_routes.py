"""Routes: which handler a connection gets, by what its handshake has shown."""
import collections
import ssl
import subprocess
import threading

from support import tls
from support.backend import Backend, exchange, nobody
from support.case import SHORT, Case
from support.data import until
from support.each import VERSIONS, each
from support.reloads import Reloads


class Routed(Case):
    def named(self, text):
        """A backend that says who it is."""
        return self.backend(Backend(exchange(text))).address

    def asking(self, actpass, name, version=None, alpn=None, session=None, **options):
        """A client that asks for that server name, and keeps the context for another session."""
        made = options.pop("made", None) or tls.context(self.certificates, False, version, verify=False,
                                                        **options)
        if alpn:
            made.set_alpn_protocols(alpn)
        return tls.Tls(self.connect(actpass), made, server_hostname=name).handshake()

    def assertAnswers(self, peer, text):
        self.assertEqual(peer.recv_exactly(len(text)), text)
        peer.finish()

    def assertRefused(self, actpass, peer, count=1):
        with self.assertRaises(tls.Truncated):
            peer.recv_all()
        peer.sock.close()
        closed = actpass.wait_for(event="close", reason="REFUSED", count=count, handler="refuse")
        self.assertIn('its connection is refused by the configuration ("refuse")', closed["error"])


class Routes(Routed):
    @each(version=VERSIONS)
    def test_by_server_name_protocol_certificate_and_network(self, version):
        actpass = self.actpass(self.service(
            tls={"client_auth": "request", "alpn": ["one", "two"]}, echo=None, refuse=True, routes=[
                {"name": "a", "server_name": ["a.example"], "forward": self.named(b"a")},
                {"server_name": ["*.b.example"], "alpn": ["two"], "forward": self.named(b"b")},
                {"alpn": ["two"], "from": ["192.0.2.0/24"], "refuse": True},
                {"peer_name": ["dev1.devices.example"], "forward": self.named(b"device")},
                {"peer_pin": [self.certificates.pin("client")], "from": ["127.0.0.0/8"],
                 "forward": self.named(b"pinned")}]))
        self.assertAnswers(self.asking(actpass, "A.example", version), b"a")
        self.assertEqual(actpass.wait_for(event="close", route="a")["handler"], "forward")
        self.assertAnswers(self.asking(actpass, "x.b.example", version, alpn=["two"]), b"b")
        actpass.wait_for(event="close", route="1", sni="x.b.example", alpn="two")
        self.assertAnswers(self.asking(actpass, "c.example", version, certificate="device"), b"device")
        self.assertAnswers(self.asking(actpass, "c.example", version, certificate="client"), b"pinned")
        self.assertRefused(actpass, self.asking(actpass, "x.b.example", version, alpn=["one"]))
        self.assertRefused(actpass, self.asking(actpass, "a.b.b.example", version), count=2)
        self.assertFalse("route" in actpass.find(event="close", handler="refuse")[0])

    def test_by_role_and_the_name_of_a_device(self):
        actpass = self.actpass(self.service(initial_data_timeout=SHORT, echo=None, refuse=True, routes=[
            {"role": "client", "peer_name": ["dev1.devices.example"], "forward": self.named(b"device")},
            {"role": "client", "forward": self.named(b"another")},
            {"server_name": ["front.example"], "forward": self.named(b"server")}]))
        self.assertAnswers(self.device(actpass), b"device")
        self.assertAnswers(self.device(actpass, certificate="client"), b"another")
        self.assertAnswers(self.client(actpass), b"server")

    def test_a_session_is_routed_by_the_name_that_is_asked_for_now(self):
        """OpenSSL 3.0 does not tell a TLS 1.2 server the name of a client that resumes."""
        actpass = self.actpass(self.service(echo=None, refuse=True, routes=[
            {"server_name": [name + ".example"], "forward": self.named(name.encode())}
            for name in ("a", "b")]))
        for version in "1.2", "1.3":
            made = tls.context(self.certificates, False, version, verify=False)
            first = self.asking(actpass, "a.example", made=made)
            self.assertAnswers(first, b"a")
            for name in "a", "b":
                peer = tls.Tls(self.connect(actpass), made, server_hostname=name + ".example",
                               session=first.object.session).handshake()
                self.assertTrue(peer.object.session_reused)
                self.assertAnswers(peer, name.encode())


class Backended(Routed):
    """What the tests of several backends share."""
    def setUp(self):
        super().setUp()
        self.gone, self.keeper = nobody()
        self.addCleanup(self.keeper.close)

    def metrics(self):
        return subprocess.run(["curl", "-sS", "--unix-socket", self.folder + "/admin.sock", "http://a/metrics"],
                              capture_output=True, text=True, timeout=20, check=True).stdout

    def gauge(self, name, backend):
        line = next(line for line in self.metrics().split("\n")
                    if line.startswith(f"actpass_backend_{name}{{") and f'backend="{backend}"' in line)
        return int(line.rpartition(" ")[2])

    def answers(self, actpass, count):
        """What so many clients hear, one after the other."""
        heard = []
        for _ in range(count):
            with self.client(actpass) as peer:
                peer.shutdown_write()
                heard.append(peer.recv_all().decode())
        return heard


class Backends(Backended):
    def test_one_that_refuses_is_left_out(self):
        actpass = self.actpass(self.service(forward=[self.gone, self.named(b"spare")]))
        self.assertEqual(self.answers(actpass, 3), ["spare"] * 3)
        down = actpass.wait_for(event="backend")
        self.assertEqual(down["error"], f"the backend {self.gone} is left out for a while: Connection refused")
        closed = actpass.wait_for(event="close", count=3)
        self.assertNotEqual(closed["backend"], self.gone)
        self.assertEqual(len(actpass.find(event="backend")), 1)

    def test_one_that_comes_back_is_used_again(self):
        actpass = self.actpass(self.service(forward=[self.gone, self.named(b"spare")]))
        self.assertEqual(self.answers(actpass, 1), ["spare"])
        port = self.keeper.getsockname()[1]
        self.keeper.close()
        self.backend(Backend(exchange(b"first"), port=port))
        heard = []
        until(lambda: heard.append(self.answers(actpass, 1)[0]) or heard[-1] == "first", 10, "the first backend")

    def test_all_are_gone(self):
        actpass = self.actpass(self.service(forward=[self.gone, "unix:" + self.folder + "/nobody"]))
        for count in 1, 2:
            self.assertEqual(self.answers(actpass, 1), [""])
            said = actpass.wait_for(event="backend", count=count)["error"]
            self.assertRegex(said, "^cannot connect to any of the 2 backends, the last failure: ")
        self.assertEqual(actpass.wait_for(event="close", count=2)["reason"], "CLEAN")

    def test_metrics(self):
        spare = self.named(b"spare")
        actpass = self.actpass(self.service(routes=[
            {"name": "two", "server_name": ["front.example"], "forward": [self.gone, spare]}]),
            admin={"listen": "unix:" + self.folder + "/admin.sock"})
        self.assertEqual(self.answers(actpass, 1), ["spare"])
        with self.client(actpass) as peer:
            self.assertEqual(peer.recv_exactly(5), b"spare")
            metrics = self.metrics()
        for name, backend, value in (("up", self.gone, 0), ("up", spare, 1), ("connections", self.gone, 0),
                                     ("connections", spare, 1)):
            self.assertIn(f'actpass_backend_{name}{{service="front",route="two",backend="{backend}"}} {value}\n', metrics)

    def test_by_turns_and_each_route_by_itself(self):
        backends = [self.named(name) for name in (b"a", b"b", b"c")]
        actpass = self.actpass(self.service(forward=backends, balance="round_robin", routes=[
            {"server_name": ["x.example"], "forward": backends, "balance": "round_robin"}]))
        self.assertEqual(self.answers(actpass, 4), ["a", "b", "c", "a"])
        self.assertAnswers(self.asking(actpass, "x.example"), b"a")

    def test_the_fewest_connections(self):
        leave = threading.Event()
        self.addCleanup(leave.set)

        def stay(name):
            def serve(session):
                session.sock.sendall(name)
                leave.wait(30)
            return self.backend(Backend(serve)).address
        actpass = self.actpass(self.service(
            forward=[stay(name) for name in (b"a", b"b", b"c")], balance="least_connections"))
        peers = [self.client(actpass) for _ in range(12)]
        heard = collections.Counter(peer.recv_exactly(1) for peer in peers)
        self.assertEqual(heard, {b"a": 4, b"b": 4, b"c": 4})
        leave.set()
        self.finish_all(*peers)


SESSIONS = {"memory": {}, "tickets": {"sessions": "tickets"}}


class Owned(Routed):
    """What the tests below share: routes with a "tls" of their own."""

    def front(self, *routes, tls=None, **changes):
        return self.service(tls=tls, **{"echo": None, "forward": self.named(b"front"), "routes": list(routes),
                                        **changes})

    def strict(self, name="b", **changes):
        """A route for which a client needs a certificate."""
        return {"name": name, "server_name": [name + ".example"], "tls": {"client_auth": "require"},
                "forward": self.named(name.encode()), **changes}

    def visit(self, actpass, name, made, session=None):
        """What a client hears, its session, and whether that was resumed."""
        with self.connect(actpass) as sock:
            peer = tls.Tls(sock, made, server_hostname=name, session=session).handshake()
            peer.shutdown_write()
            heard = peer.recv_all().decode()
            return heard, peer.object.session, peer.object.session_reused

    def made(self, version, certificate=None):
        return tls.context(self.certificates, False, version, verify=False, certificate=certificate)

    def assertTurnedAway(self, actpass, name, made, count, session=None):
        """By TLS, with no data."""
        with self.assertRaises(ssl.SSLError):
            self.visit(actpass, name, made, session)
        actpass.wait_for(event="close", sni=name, reason="REFUSED", count=count)


class OwnTls(Owned):
    @each(version=VERSIONS, sessions=SESSIONS)
    def test_no_session_leads_around_the_clients_certificate(self, version, sessions):
        actpass = self.actpass(self.front(self.strict(), tls=SESSIONS[sessions]))
        bare, known = self.made(version), self.made(version, "device")
        self.assertTurnedAway(actpass, "b.example", bare, 1)
        heard, session, _ = self.visit(actpass, "a.example", bare)
        self.assertEqual(heard, "front")
        self.assertEqual(self.visit(actpass, "a.example", bare, session)[::2], ("front", True))
        self.assertTurnedAway(actpass, "b.example", bare, 2, session)
        heard, session, _ = self.visit(actpass, "a.example", known)
        self.assertEqual(self.visit(actpass, "b.example", known, session)[::2], ("b", False))
        heard, session, _ = self.visit(actpass, "B.example", known)
        self.assertEqual(heard, "b")
        self.assertEqual(self.visit(actpass, "b.example", known, session)[::2], ("b", True))
        self.assertEqual(self.visit(actpass, "a.example", known, session)[::2], ("front", False))
        subjects = [line.get("subject") for line in actpass.find(event="close", route="b")]
        self.assertTrue(subjects and all("dev1" in (subject or "") for subject in subjects), subjects)

    @each(version=VERSIONS)
    def test_certificate_and_trust(self, version):
        trust = {"certificate": self.certificates.path("localhost"), "key": self.certificates.path("localhost", "key"),
                 "ca": self.certificates.path("stranger-ca"), "client_auth": "require"}
        actpass = self.actpass(self.front(
            {"server_name": ["c.example"], "tls": trust, "forward": self.named(b"c")},
            tls={"client_auth": "request"}))
        stranger, known = self.made(version, "stranger"), self.made(version, "device")
        self.assertEqual(self.visit(actpass, "c.example", stranger)[0], "c")
        self.assertTurnedAway(actpass, "c.example", known, 1)
        self.assertEqual(self.visit(actpass, "a.example", known)[0], "front")
        self.assertTurnedAway(actpass, "a.example", stranger, 1)
        for name, shown in ("c.example", "localhost"), ("a.example", "front"):
            peer = self.asking(actpass, name, made=known if shown == "front" else stranger)
            self.assertEqual(ssl.DER_cert_to_PEM_cert(peer.object.getpeercert(True)).strip(),
                             open(self.certificates.path(shown)).read().strip())
            peer.shutdown_write()
            peer.recv_all()
            peer.sock.close()

    def test_after_a_hello_retry_request(self):
        """The service has another group than the client's first key share."""
        actpass = self.actpass(self.front(self.strict(), tls={"groups": "P-256"}))
        self.assertTurnedAway(actpass, "b.example", self.made("1.3"), 1)
        self.assertEqual(self.visit(actpass, "b.example", self.made("1.3", "device"))[0], "b")

    @each(version=VERSIONS)
    def test_who_is_not_for_it_gets_nowhere_else(self, version):
        """Its "tls" asks less of clients than the service's, and leads to no other handler."""
        actpass = self.actpass(self.front(
            {"alpn": ["one"], "forward": self.named(b"one")},
            {"server_name": ["open.example"], "alpn": ["two"], "tls": {"client_auth": "none"},
             "forward": self.named(b"open")},
            tls={"client_auth": "require", "alpn": ["one", "two"]}))
        self.assertAnswers(self.asking(actpass, "open.example", version, alpn=["two"]), b"open")
        for count, alpn in (1, ["one"]), (2, None):
            self.assertRefused(actpass, self.asking(actpass, "open.example", version, alpn=alpn), count=count)
        self.assertTurnedAway(actpass, "front.example", self.made(version), 1)

    def test_where_the_peer_chooses_the_role(self):
        actpass = self.actpass(self.front(self.strict(), initial_data_timeout=SHORT))
        self.assertAnswers(self.device(actpass), b"front")
        self.assertTurnedAway(actpass, "b.example", self.made("1.3"), 1)


class ReloadedBackends(Reloads, Backended):
    def test_what_has_failed_is_known_after_a_reload(self):
        """Were it forgotten, the next client would make it fail anew, which would be logged."""
        stay = threading.Event()
        self.addCleanup(stay.set)

        def serve(session):
            session.sock.sendall(b"spare")
            if session is spare.sessions[0]:
                stay.wait(30)
        spare = self.backend(Backend(serve))
        front = self.service(forward=[self.gone, spare.address])
        admin = {"listen": "unix:" + self.folder + "/admin.sock"}
        actpass = self.actpass(front, admin=admin)
        with self.client(actpass) as peer:
            self.assertEqual(peer.recv_exactly(5), b"spare")
            added = {**front, "idle_timeout": "1h", "forward": [spare.address, self.gone], "balance": "round_robin"}
            for service in front, added:
                self.reload(actpass, service, admin=admin)
                self.assertEqual(self.gauge("connections", spare.address), 1)
                self.assertEqual(self.answers(actpass, 2), ["spare"] * 2)
            self.assertEqual(self.gauge("up", self.gone), 0)
        self.assertEqual(len(actpass.find(event="backend")), 1)


class Reloaded(Reloads, Owned):
    @each(version=VERSIONS)
    def test_a_recheck_is_by_the_tls_of_the_route(self, version):
        route = self.strict()
        front = self.front(route, on_reload="recheck")
        actpass = self.actpass(front)
        known = self.made(version, "device")
        peers = [tls.Tls(self.connect(actpass), known, server_hostname=name).handshake()
                 for name in ("a.example", "b.example")]
        for peer, name in zip(peers, (b"front", b"b")):
            self.assertEqual(peer.recv_exactly(len(name)), name)
        self.reload(actpass, front)
        route["tls"].update(ca=self.certificates.path("ca"), peer_names=["nobody.example"])
        self.reload(actpass, front)
        closed = actpass.wait_for(event="close", reason="REFUSED")
        self.assertEqual(closed["sni"], "b.example")
        self.assertIn("closed at a reload (on_reload): the peer's certificate is refused", closed["error"])
        peers[0].finish()
        peers[1].sock.close()
