"""Routes: which handler a connection gets, by what its handshake has shown."""
import collections
import threading

from support import tls
from support.backend import Backend, exchange, nobody
from support.case import SHORT, Case
from support.data import until
from support.each import VERSIONS, each


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


class Backends(Routed):
    def setUp(self):
        super().setUp()
        self.gone, self.keeper = nobody()
        self.addCleanup(self.keeper.close)

    def answers(self, actpass, count):
        """What so many clients hear, one after the other."""
        heard = []
        for _ in range(count):
            with self.client(actpass) as peer:
                peer.shutdown_write()
                heard.append(peer.recv_all().decode())
        return heard

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
