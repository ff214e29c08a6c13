"""Services that open their connections themselves: bridged local connections, and one that is kept up."""
import signal
import socket
import subprocess
import threading
import time

from support import data, programs, tls
from support.actpass import Actpass
from support.backend import Backend, echo
from support.case import Case
from support.data import MIB, soak, until
from support.each import VERSIONS, each
from support.nginx import Nginx
from support.redis import free_port

FAST = {"min": "20ms", "max": "200ms"}


class Dials(Case):
    """What the tests below share."""

    def tls_server(self, serve, version=None, certificate="device", port=0, **options):
        """A TLS server made in Python; serve(peer) runs for each connection. As a Backend."""
        made = tls.context(self.certificates, True, version, certificate=certificate, **options)

        def run(session):
            session.tls = tls.Tls(session.sock, made, server_side=True).handshake()
            serve(session.tls)
        return self.backend(Backend(run, port=port))

    @staticmethod
    def echo(peer):
        while chunk := peer.recv():
            peer.send(chunk)
        peer.finish()

    def bridge(self, *addresses, **changes):
        """actpass with one service that bridges local connections to these addresses."""
        return self.actpass(self.dialer(*addresses, listen_plain="127.0.0.1:0", **changes))

    @staticmethod
    def read_all(sock):
        received = bytearray()
        while chunk := sock.recv(65536):
            received += chunk
        return bytes(received)

    def cut_before_a_byte(self, actpass):
        """A local connection that is reset, maybe even before connect is back."""
        with self.assertRaises(ConnectionResetError):
            self.connect(actpass).recv(1)

    def dead_port(self):
        """A port on which nobody listens, kept from others: it is bound, but does not listen."""
        sock = socket.socket()
        self.addCleanup(sock.close)
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Bridge(Dials):
    @each(version=VERSIONS)
    def test_bytes_both_ways_and_both_half_closes(self, version):
        size = 8 * MIB
        up, down = data.block(size, 1), data.block(size, 2)

        def serve(peer):
            peer.received = peer.exchange(down, size)
            peer.rest = peer.finish()
        server = self.tls_server(serve, version)
        actpass = self.bridge(server.address)
        local = self.connect(actpass)
        sender = threading.Thread(target=local.sendall, args=(up,))
        sender.start()
        received = bytearray()
        while len(received) < size:
            received += local.recv(262144)
        sender.join()
        local.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read_all(local), b"")
        self.assertEqual(bytes(received), down)
        session = server.finished()
        self.assertEqual((session.tls.received, session.tls.rest), (up, b""))
        connected = actpass.wait_for(event="connected")
        self.assertEqual(connected["address"], server.address)
        self.assertEqual(connected["peer"], server.address)
        role = actpass.role()
        self.assertEqual((role["role"], role["cause"]), ("client", "configured"))
        self.assertEqual(actpass.close(role)["reason"], "CLEAN")

    def test_each_local_connection_has_its_own(self):
        server = self.tls_server(self.echo)
        actpass = self.bridge(server.address)
        locals_ = [self.connect(actpass) for _ in range(20)]
        for number, local in enumerate(locals_):
            local.sendall(b"%02d" % number)
        for number, local in enumerate(locals_):
            self.assertEqual(local.recv(10), b"%02d" % number)
            local.close()
        actpass.wait_for(event="close", reason="CLEAN", count=20)
        self.assertEqual(len(server.sessions), 20)

    def test_the_local_half_close_comes_first(self):
        """A request, its end, then the whole answer."""
        def serve(peer):
            peer.send(b"you said: " + peer.recv_all())
            peer.finish()
        server = self.tls_server(serve)
        local = self.connect(self.bridge(server.address))
        local.sendall(b"hello")
        local.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read_all(local), b"you said: hello")

    def test_the_remote_half_close_comes_first(self):
        def serve(peer):
            peer.shutdown_write()
            peer.received = peer.recv_all()
            peer.sock.close()
        server = self.tls_server(serve)
        local = self.connect(self.bridge(server.address))
        self.assertEqual(self.read_all(local), b"")
        local.sendall(b"said after the end")
        local.close()
        self.assertEqual(server.finished().tls.received, b"said after the end")

    def test_a_cut_of_tls_is_a_cut_for_the_local_side(self):
        def serve(peer):
            peer.recv()
            peer.cut()
        server = self.tls_server(serve)
        actpass = self.bridge(server.address)
        local = self.connect(actpass)
        local.sendall(b"x")
        with self.assertRaises(ConnectionResetError):
            local.recv(1)
        actpass.close(reason="TRUNCATED")

    def test_a_local_cut_is_a_cut_for_tls(self):
        def serve(peer):
            peer.recv()
            peer.send(b"y")
            try:
                peer.recv()
                peer.ended = "in order"
            except (tls.Truncated, ConnectionResetError):
                peer.ended = "cut"
        server = self.tls_server(serve)
        actpass = self.bridge(server.address)
        local = self.connect(actpass)
        local.sendall(b"x")
        self.assertEqual(local.recv(1), b"y")
        tls.reset(local)
        self.assertEqual(server.finished().tls.ended, "cut")
        self.assertIn("the local connection cut", actpass.close(reason="CANCELLED")["error"])

    def test_nobody_there(self):
        port = self.dead_port()
        actpass = self.bridge(f"127.0.0.1:{port}")
        self.cut_before_a_byte(actpass)
        line = actpass.wait_for(event="dial")
        self.assertEqual((line["address"], line["error"], line["level"]),
                         (f"127.0.0.1:{port}", "Connection refused", "warning"))

    def test_a_peer_that_is_another_is_refused(self):
        server = self.tls_server(self.echo, certificate="other-name")
        actpass = self.bridge(server.address)
        self.cut_before_a_byte(actpass)
        actpass.close(reason="REFUSED")

    def test_unix_sockets_on_both_sides(self):
        made = tls.context(self.certificates, True, certificate="device")
        server = self.backend(Backend(
            lambda session: self.echo(tls.Tls(session.sock, made, server_side=True).handshake()),
            path=self.folder + "/tls.sock"))
        plain = f"unix:{self.folder}/plain.sock"
        actpass = self.actpass(self.dialer(server.address, listen_plain=plain))
        local = self.connect(actpass)
        local.sendall(b"hello")
        self.assertEqual(local.recv(10), b"hello")
        local.close()
        actpass.close(reason="CLEAN")

    @each(version=VERSIONS)
    def test_curl_through_actpass_to_nginx(self, version):
        nginx = self.backend(Nginx(self.folder, self.certificates, version=version))
        actpass = self.bridge(nginx.address)
        self.fetch(actpass, nginx.block)
        self.assertEqual(actpass.close()["protocol"], "TLSv" + version)

    @each(version=VERSIONS)
    def test_curl_through_actpass_to_s_server(self, version):
        command = programs.s_server(self.certificates, version)
        server = self.spawn(["openssl", "s_server", "-www", *command[2:]])
        actpass = self.bridge(f"127.0.0.1:{programs.port_of(server)}")
        page = subprocess.run(self.curl(actpass, "/"), check=True, capture_output=True).stdout
        self.assertIn(b"TLSv" + version.encode(), page)

    @staticmethod
    def curl(actpass, path):
        return ["curl", "--silent", "--show-error", "--fail", "--max-time", "60", "--noproxy", "*",
                f"http://127.0.0.1:{actpass.port()}{path}"]

    def fetch(self, actpass, expected):
        got = subprocess.run(self.curl(actpass, "/block"), check=True, capture_output=True).stdout
        self.assertEqual(data.sha256(got), data.sha256(expected))

    def test_the_host_that_is_dialed_is_the_name_that_is_asked_for(self):
        names = []
        made = tls.context(self.certificates, True, certificate="device")
        made.sni_callback = lambda _, name, __: names.append(name)
        server = self.backend(Backend(
            lambda session: self.echo(tls.Tls(session.sock, made, server_side=True).handshake())))
        port = server.address.rpartition(":")[2]
        for host, config, expected in (("localhost", {}, "localhost"),
                                       ("127.0.0.1", {}, None),
                                       ("localhost", {"server_name": "chosen.example"},
                                        "chosen.example")):
            local = self.connect(self.bridge(f"{host}:{port}", tls=config))
            local.sendall(b"x")
            self.assertEqual(local.recv(1), b"x")
            self.assertEqual(names.pop(), expected)
            local.close()

    def test_max_connections_counts_those_that_are_dialed(self):
        server = self.tls_server(self.echo)
        actpass = self.bridge(server.address, max_connections=2)
        first = [self.connect(actpass) for _ in range(2)]
        for local in first:
            local.sendall(b"x")
            self.assertEqual(local.recv(1), b"x")
        third = self.connect(actpass)
        third.sendall(b"x")
        actpass.wait_for(event="full")
        first[0].close()
        self.assertEqual(third.recv(1), b"x")
        for local in first[1], third:
            local.close()


class Addresses(Dials):
    def test_the_first_address_refuses(self):
        server = self.tls_server(self.echo)
        dead = f"127.0.0.1:{self.dead_port()}"
        actpass = self.bridge(dead, server.address)
        local = self.connect(actpass)
        local.sendall(b"x")
        self.assertEqual(local.recv(1), b"x")
        actpass.wait_for(event="dial", address=dead, error="Connection refused")
        self.assertEqual(actpass.wait_for(event="connected")["address"], server.address)
        local.close()

    def test_the_first_address_does_not_answer(self):
        """Its backlog is full, so its SYNs are dropped, as a dead machine's are."""
        server = self.tls_server(self.echo)
        actpass = self.bridge(self.black_hole(), server.address, connect_timeout="4s")
        local = self.connect(actpass)
        began = time.monotonic()
        local.sendall(b"x")
        self.assertEqual(local.recv(1), b"x")
        self.assertGreater(time.monotonic() - began, 1.5)
        self.assertEqual(actpass.wait_for(event="connected")["address"], server.address)
        local.close()

    def test_no_address_answers(self):
        hole = self.black_hole()
        actpass = self.bridge(hole, connect_timeout="300ms")
        self.cut_before_a_byte(actpass)
        line = actpass.wait_for(event="dial", address=hole)
        self.assertEqual(line["error"], "no answer within connect_timeout")

    def black_hole(self):
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # more than a backlog of 0 holds
            sock = socket.socket()
            self.addCleanup(sock.close)
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        return "127.0.0.1:%d" % listener.getsockname()[1]

    def test_families_are_raced(self):
        """localhost is both; the server is on IPv4 only."""
        server = self.tls_server(self.echo)
        actpass = self.bridge("localhost:" + server.address.rpartition(":")[2])
        local = self.connect(actpass)
        local.sendall(b"x")
        self.assertEqual(local.recv(1), b"x")
        self.assertEqual(actpass.wait_for(event="connected")["peer"], server.address)
        local.close()

    def test_a_name_that_is_not_there(self):
        server = self.tls_server(self.echo)
        actpass = self.bridge("nowhere.invalid:1", server.address)
        local = self.connect(actpass)
        local.sendall(b"x")
        self.assertEqual(local.recv(1), b"x")
        actpass.wait_for(event="dial", address="nowhere.invalid:1")
        local.close()


class Persistent(Dials):
    deadline = 90

    def up(self, server, number):
        """Connection `number` at the server, once it echoes through actpass's echo."""
        session = server.session(number)
        until(lambda: hasattr(session, "tls"), 20, "the handshake")
        return session.tls

    @staticmethod
    def hold(peer):
        """The server says something, hears it back, and keeps the connection until it is told."""
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
        return self.actpass(self.dialer(*addresses, **changes), check=False)

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
                         self.dialer(addresses[1 - end], retry=FAST, tls=ours),
                         check=False, shutdown_timeout="200ms")
        for end in self.started:
            role = end.role(service="dialer")
            self.assertEqual(role["role"], "client")
            role = end.role(service="listener")
            self.assertEqual((role["role"], role["cause"]), ("server", "client_hello"))
        for end in self.started:
            end.stop()

    def test_sigterm_ends_a_dial_at_once(self):
        hole = Addresses.black_hole(self)
        actpass = self.keep_up(hole, connect_timeout="60s", shutdown_timeout=None)
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
        device = self.actpass(self.dialer(f"127.0.0.1:{collector.port()}", role="server",
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
        device = self.actpass(self.dialer(collector.address, role="server", tls=self.home_tls(),
                                          retry=FAST), check=False)
        self.assertEqual(collector.finished().echoed, b"hello")
        device.close(reason="CLEAN")
        collector.close()
        self.assertEqual(device.stop(), 0)

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

        client = tls.context(self.certificates, False, version)
        speaks = self.backend(Backend(
            lambda session: self.echo(tls.Tls(session.sock, client).handshake())))
        local = self.connect(self.bridge(speaks.address, role="auto"))
        local.sendall(b"x")
        self.assertEqual(local.recv(1), b"x")
        local.close()
        self.assertEqual(self.started[-1].role()["cause"], "client_hello")


class Hints(Dials):
    def test_a_hint_of_client_skips_the_wait(self):
        actpass = self.actpass(self.service(
            role_hints=[{"from": "10.0.0.0/8", "role": "server"},
                        {"from": "127.0.0.0/8", "role": "client"}]))  # the timeout is 20 s
        self.device(actpass).finish()
        role = actpass.role()
        self.assertEqual((role["role"], role["cause"]), ("client", "hint"))

    def test_a_hint_of_server(self):
        actpass = self.actpass(self.service(initial_data_timeout="0s",
                                            role_hints=[{"from": "127.0.0.1/32",
                                                         "role": "server"}]))
        client = self.client(actpass, handshake=False)
        time.sleep(0.1)  # with the timeout alone we would have become client by now
        client.handshake().finish()
        role = actpass.role()
        self.assertEqual((role["role"], role["cause"]), ("server", "hint"))

    def test_a_wrong_hint_does_no_harm_to_a_hello_that_is_there(self):
        """The client's hello came while no thread of ours ran: withholding finds it."""
        actpass = self.actpass(self.service(role_hints=[{"from": "127.0.0.0/8",
                                                         "role": "client"}]))
        actpass.signal(signal.SIGSTOP)
        client = self.client(actpass, handshake=False)
        client.try_handshake()
        actpass.signal(signal.SIGCONT)
        client.handshake().finish()
        actpass.wait_for(event="role", cause="client_hello_late", role="server")

    def test_silent_peers_are_remembered(self):
        actpass = self.actpass(self.service(initial_data_timeout="1s", remember_roles=True))
        for number in range(4):
            self.device(actpass).finish()
        waits = [int(line["after_ms"]) for line in
                 (actpass.wait_for(event="role", count=number + 1) for number in range(4))]
        self.assertTrue(all(wait >= 1000 for wait in waits[:2]), waits)
        self.assertTrue(all(125 <= wait < 1000 for wait in waits[2:]), waits)
        self.client(actpass).finish()  # it speaks first: forgotten
        self.device(actpass).finish()
        self.assertGreaterEqual(int(actpass.wait_for(event="role", count=6)["after_ms"]), 1000)


class Started(Dials):
    def test_check_warns_where_the_system_forbids_fast_open(self):
        with open("/proc/sys/net/ipv4/tcp_fastopen") as sysctl:
            allowed = int(sysctl.read())
        server = self.tls_server(self.echo)
        for bit, service in ((1, self.dialer(server.address, tcp_fast_open=True)),
                             (2, self.service(tcp_fast_open=True))):
            actpass = self.actpass(service, check=False, shutdown_timeout="100ms")
            checked = subprocess.run([actpass.process.args[-2], "--check", actpass.config_file],
                                     capture_output=True, text=True, check=True)
            self.assertEqual("net.ipv4.tcp_fastopen=" in checked.stderr, not allowed & bit,
                             checked.stderr)
            self.assertIsInstance(actpass, Actpass)
            actpass.stop()
