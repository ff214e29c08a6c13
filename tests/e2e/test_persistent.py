"""Services that keep one connection up; devices that call home (RFC 8071)."""
import threading
import time

from support import tls
from support.backend import Backend, echo
from support.data import soak, until
from support.dials import FAST, Dials
from support.each import VERSIONS, each
from support.ports import free_port


class Persistent(Dials):
    deadline = 90

    def up(self, server, number):
        """Connection `number` at the server, once it echoes through actpass's echo."""
        session = server.session(number)
        until(lambda: hasattr(session, "tls"), 20, "the handshake")
        return session.tls

    @staticmethod
    def hold(peer):
        """The server says something, hears it back, and keeps the connection until `release` is set."""
        peer.send(b"ping")
        peer.pong = peer.recv_exactly(4)
        peer.release = threading.Event()
        peer.held = True
        peer.release.wait(60)

    def held(self, server, number):
        peer = self.up(server, number)
        until(lambda: getattr(peer, "held", False), 20, "the echo")
        self.assertEqual(peer.pong, b"ping")
        return peer

    def keep_up(self, *addresses, **changes):
        changes.setdefault("retry", FAST)
        changes.setdefault("close_timeout", "500ms")
        return self.actpass(self.dial_service(*addresses, **changes), check=False)

    def stop(self, actpass, status=0):
        self.assertEqual(actpass.stop(), status)

    def test_comes_back_after_an_end_in_order(self):
        server = self.tls_server(self.hold)
        actpass = self.keep_up(server.address)
        for number in range(3):
            peer = self.held(server, number)
            peer.shutdown_write()
            self.assertEqual(peer.recv_all(), b"")
            peer.release.set()
            actpass.wait_for(event="close", reason="CLEAN", count=number + 1)
            actpass.wait_for(event="retry", count=number + 1)
        server.close()
        self.stop(actpass)

    def test_the_backend_is_down_for_a_while_and_back(self):
        server = self.tls_server(self.hold)
        port = int(server.address.rpartition(":")[2])
        actpass = self.keep_up(server.address)
        self.held(server, 0)
        server.close()
        server.session(0).tls.release.set()
        actpass.wait_for(event="dial", error="Connection refused", count=3)
        time.sleep(soak(1, 5))  # it is down; nothing is waited for
        server = self.tls_server(self.hold, port=port)
        self.held(server, 0).release.set()
        waits = [int(line["after_ms"]) for line in actpass.find(event="retry")]
        self.assertTrue(all(20 <= wait <= 200 for wait in waits), waits)
        server.close()
        self.stop(actpass)

    def test_a_link_that_is_killed_often_goes_on_and_nothing_grows(self):
        times = soak(12, 50)
        server = self.tls_server(self.hold)
        actpass = self.keep_up(server.address, retry={"min": "5ms", "max": "20ms"})
        before = None
        for number in range(times):
            peer = self.held(server, number)
            now = (actpass.descriptors(), actpass.threads())
            before = before or now
            self.assertLessEqual(now[0], before[0], f"descriptors after {number} connections")
            self.assertLessEqual(now[1], before[1] + 2, f"threads after {number} connections")
            if number % 2:
                tls.reset(peer.sock)
            else:
                peer.cut()
            peer.release.set()
        self.held(server, times)
        reasons = {line["reason"] for line in actpass.find(event="close")}
        self.assertLessEqual(reasons, {"RESET", "TRUNCATED"})
        server.close()
        server.session(times).tls.release.set()
        self.stop(actpass)

    def test_both_ends_dial_each_other(self):
        """Two crossing connections, each of them fine."""
        mine = self.tls(certificate=self.certificates.path("device"),
                        key=self.certificates.path("device", "key"),
                        peer_names=["front.example"], client_auth="require")
        addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
        for end in range(2):
            ours = mine if end else self.tls(client_auth="require")
            self.actpass(self.service("listener", listen=addresses[end], tls=ours),
                         self.dial_service(addresses[1 - end], retry=FAST, tls=ours),
                         check=False, shutdown_timeout="200ms")
        for end in self.started:
            role = end.role(service="dialer")
            self.assertEqual(role["role"], "client")
            role = end.role(service="listener")
            self.assertEqual((role["role"], role["cause"]), ("server", "client_hello"))
        for end in self.started:
            end.stop()

    def test_sigterm_ends_a_dial_at_once(self):
        hole = self.black_hole()
        actpass = self.keep_up(hole, connect_timeout="60s", shutdown_timeout=None)
        until(actpass.takes_sigterm, 20, "the program being set up")
        time.sleep(0.2)  # it is at it, most probably; the outcome is the same
        began = time.monotonic()
        self.stop(actpass)
        self.assertLess(time.monotonic() - began, 10)

    def test_sigterm_ends_a_wait_for_the_next_dial_at_once(self):
        actpass = self.keep_up(f"127.0.0.1:{self.dead_port()}", retry={"min": "1h", "max": "1h"})
        actpass.wait_for(event="retry")
        began = time.monotonic()
        self.stop(actpass)
        self.assertLess(time.monotonic() - began, 10)

    def test_sigterm_gives_an_open_connection_its_time(self):
        server = self.tls_server(self.hold)
        actpass = self.keep_up(server.address)
        peer = self.held(server, 0)
        actpass.signal()
        actpass.wait_for(event="stopping", open=1)
        peer.finish()
        self.assertEqual(actpass.wait_exit(), 0)
        self.assertEqual(actpass.find(event="retry"), [])
        peer.release.set()

    def test_forward_to_a_plain_backend(self):
        """A device behind NAT: it dials out, and what comes in goes to a local service."""
        plain = self.backend(Backend(echo))
        server = self.tls_server(self.hold)
        actpass = self.keep_up(server.address, forward=plain.address)
        self.held(server, 0).finish()
        self.assertEqual(plain.finished().received, 4)
        server.close()
        self.stop(actpass)


class CallHome(Dials):
    """The TCP client is the TLS server (RFC 8071)."""

    def home_tls(self):
        return {"certificate": self.certificates.path("device"),
                "key": self.certificates.path("device", "key"),
                "peer_names": ["front.example"], "client_auth": "require"}

    @each(version=VERSIONS)
    def test_to_an_actpass_that_listens(self, version):
        least = {"min_version": "1.3"} if version == "1.3" else {}
        collector = self.actpass(self.service(initial_data_timeout="200ms", tls=least),
                                 check=False)
        device = self.actpass(self.dial_service(f"127.0.0.1:{collector.port()}", role="server",
                                                tls=self.home_tls(), retry=FAST), check=False,
                              shutdown_timeout="1s")
        role = collector.role()
        self.assertEqual((role["role"], role["cause"]), ("client", "silence"))
        role = device.role()
        self.assertEqual((role["role"], role["cause"]), ("server", "configured"))
        device.stop()

    @each(version=VERSIONS)
    def test_to_a_client_made_in_python(self, version):
        made = tls.context(self.certificates, False, version, certificate="front")

        def run(session):
            peer = tls.Tls(session.sock, made, server_hostname="dev1.devices.example").handshake()
            peer.send(b"hello")
            session.echoed = peer.recv_exactly(5)
            peer.finish()
        collector = self.backend(Backend(run))
        device = self.actpass(self.dial_service(collector.address, role="server", tls=self.home_tls(),
                                                retry=FAST), check=False)
        self.assertEqual(collector.finished().echoed, b"hello")
        device.close(reason="CLEAN")
        collector.close()
        self.assertEqual(device.stop(), 0)

    def test_the_example_pair(self):
        """The collector's client, plain, reaches the device's server, plain, over the device's
        connection."""
        def client(session):
            session.sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            session.recv()
        manager = self.backend(Backend(client))
        server = self.backend(Backend(echo))
        collector = self.actpass(self.example("call_home_collector.json", "front",
                                              "*.devices.example", listen="127.0.0.1:0",
                                              as_client={"forward": manager.address}), check=False)
        device = self.actpass(self.example("call_home_device.json", "device", "front.example",
                                           dial=[f"127.0.0.1:{self.dead_port()}",
                                                 f"127.0.0.1:{collector.port()}"],
                                           forward=server.address), check=False,
                              shutdown_timeout="1s")
        self.assertEqual(manager.finished().received, 18)
        self.assertEqual(server.finished().received, 18)
        self.assertEqual(collector.role()["role"], "client")
        self.assertEqual(device.role()["role"], "server")
        device.stop()

    @each(version=VERSIONS)
    def test_dialing_with_role_auto(self, version):
        """The peer is silent, or speaks: both work."""
        made = tls.context(self.certificates, True, version, certificate="device")
        silent = self.backend(Backend(
            lambda session: self.echo(tls.Tls(session.sock, made, server_side=True).handshake())))
        local = self.connect(self.bridge(silent.address, role="auto",
                                         initial_data_timeout="200ms"))
        local.sendall(b"x")
        self.assertEqual(local.recv(1), b"x")
        local.close()
        self.assertEqual(self.started[-1].role()["cause"], "silence")

        client = tls.context(self.certificates, False, version, certificate="device")
        speaks = self.backend(Backend(
            lambda session: self.echo(tls.Tls(session.sock, client).handshake())))
        local = self.connect(self.bridge(speaks.address, role="auto"))
        local.sendall(b"x")
        self.assertEqual(local.recv(1), b"x")
        local.close()
        self.assertEqual(self.started[-1].role()["cause"], "client_hello")
