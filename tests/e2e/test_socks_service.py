"""The handler "proxy" among the others: routes, reloads, call home, "source"."""
from support.backend import Backend, echo, exchange
from support.data import until
from support.reloads import Reloads

from support import tls
from test_socks import CHOSEN, LOOPBACK, METHODS, Proxying, socks4, socks5

GRANTED = b"\0\x5a" + bytes(6)


class Service(Proxying):
    def test_a_route_chooses_it(self):
        """And another one by another name, which allows something else."""
        backend = self.backend(Backend(exchange(b"bye", 0, linger=False)))
        port = self.port_of(backend)
        actpass = self.actpass(self.service(role="server", routes=[
            {"server_name": ["proxy.example"], "proxy": {"allow": LOOPBACK}},
            {"server_name": ["other.example"], "proxy": {"allow": ["192.0.2.0/24"]}}]), check=False)
        for name, want in (("proxy.example", GRANTED + b"bye"), ("other.example", b"\0\x5b" + bytes(6))):
            made = tls.context(self.certificates, False, verify=False)
            peer = tls.Tls(self.connect(actpass), made, server_hostname=name).handshake()
            peer.send(socks4("127.0.0.1", port))
            self.assertEqual(peer.recv_all(), want, name)
            peer.sock.close()
        peer = self.client(actpass)  # no route's
        self.assertEqual(peer.exchange(METHODS, 3), METHODS)
        peer.finish()

    def test_from_a_source(self):
        backend = self.backend(Backend(lambda session: session.sock.sendall(session.sock.getpeername()[0].encode())))
        actpass = self.proxy(more={"source": "127.0.0.2"})
        peer = self.asked(actpass, socks4("127.0.0.1", self.port_of(backend)))
        self.assertEqual(peer.recv_all(), GRANTED + b"127.0.0.2")
        peer.sock.close()

    def test_a_kept_connection_serves_and_comes_again(self):
        """The device keeps a connection to the collector, which asks it for a target as TLS server."""
        plain = self.backend(Backend(exchange(b"bye", 0, linger=False)))

        def serve(peer):
            peer.send(socks4("127.0.0.1", self.port_of(plain)))
            peer.got = peer.recv_all()
            peer.finish()
        server = self.tls_server(serve)
        device = self.actpass(self.dial_service(server.address, proxy={"allow": LOOPBACK}, handshake_timeout="1s"),
                              check=False)
        for number in range(2):
            self.assertEqual(server.finished(number).tls.got, GRANTED + b"bye")
        device.stop()

    def test_a_kept_connection_may_wait_before_it_is_asked(self):
        """handshake_timeout counts from the first byte."""
        plain = self.backend(Backend(exchange(b"bye", 0, linger=False)))
        asked = []

        def serve(peer):
            until(lambda: asked, 20, "the question")
            peer.send(socks4("127.0.0.1", self.port_of(plain)))
            peer.got = peer.recv_all()
            peer.finish()
        server = self.tls_server(serve)
        device = self.actpass(self.dial_service(server.address, proxy={"allow": LOOPBACK}, handshake_timeout="300ms"),
                              check=False)
        server.session(0)
        self.assertRaises(AssertionError, device.wait_for, timeout=1, event="close")
        asked.append(True)
        self.assertEqual(server.finished(0).tls.got, GRANTED + b"bye")
        device.stop()


class Reloaded(Reloads, Proxying):
    def test_another_allow(self):
        """For those who ask from then on; who is joined stays so."""
        first, second = (self.backend(Backend(echo)) for _ in range(2))

        def service(backend):
            return self.service(role="server", proxy={"allow": [f"127.0.0.0/8:{self.port_of(backend)}"]})
        actpass = self.actpass(service(first), check=False)
        peer = self.asked(actpass, METHODS + socks5("127.0.0.1", self.port_of(first)))
        self.assertEqual(peer.recv_exactly(12)[:4], CHOSEN + b"\5\0")
        waiting = self.asked(actpass, METHODS)  # has chosen, and will ask later
        self.assertEqual(waiting.recv_exactly(2), CHOSEN)
        self.assertEqual(self.code5(actpass, "127.0.0.1", self.port_of(second)), 2)
        self.reload(actpass, service(second))
        self.assertEqual(self.code5(actpass, "127.0.0.1", self.port_of(second)), 0)
        self.assertEqual(self.code5(actpass, "127.0.0.1", self.port_of(first)), 2)
        self.assertEqual(peer.exchange(b"still", 5), b"still")
        waiting.send(socks5("127.0.0.1", self.port_of(first)))
        self.assertEqual(waiting.recv_exactly(4)[1], 0, "as it was when it began")
        for one in peer, waiting:
            one.finish()

    def test_a_wrong_allow_changes_nothing(self):
        backend = self.backend(Backend(exchange(b"bye", 0, linger=False)))
        service = self.service(role="server", proxy={"allow": LOOPBACK})
        actpass = self.actpass(service, check=False)
        line = self.refuse(actpass, {**service, "proxy": {"allow": ["127.0.0.1/8"]}})
        self.assertIn("has bits beyond the first 8", line["error"])
        self.assertEqual(self.code5(actpass, "127.0.0.1", self.port_of(backend)), 0)
