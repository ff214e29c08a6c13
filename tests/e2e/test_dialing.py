"""Services that open their connections themselves, one for each local connection, which is
bridged to it."""
import os
import socket
import subprocess
import threading
import time

from support import data, programs, tls
from support.backend import Backend
from support.data import MIB
from support.dials import Dials
from support.each import VERSIONS, each
from support.nginx import Nginx


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

    def test_a_slow_local_reader_gets_all(self):
        """Everything has ended in order, and most of the answer is still in our socket: its
        close is no cut."""
        block = data.block(MIB)

        def serve(peer):
            peer.recv_all()
            peer.send(block)
            peer.finish()
        server = self.tls_server(serve)
        actpass = self.bridge(server.address)
        local = self.connect(actpass)
        local.shutdown(socket.SHUT_WR)
        actpass.close(reason="CLEAN")
        self.assertEqual(data.sha256(self.read_all(local)), data.sha256(block))

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
        actpass = self.actpass(self.dial_service(server.address, listen_plain=plain))
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


class Role(Dials):
    """The log names the role when it is decided, not only when TLS is up: the peer here never
    answers."""

    def stuck(self, **changes):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        actpass = self.bridge("127.0.0.1:%d" % listener.getsockname()[1], handshake_timeout="60s",
                              **changes)
        self.connect(actpass)
        role = actpass.role()
        self.assertEqual(actpass.find(event="close"), [])
        self.addCleanup(actpass.kill)
        return role["role"], role["cause"]

    def test_automatic(self):
        self.assertEqual(self.stuck(role="auto", initial_data_timeout="100ms"),
                         ("client", "silence"))

    def test_configured(self):
        self.assertEqual(self.stuck(), ("client", "configured"))
        mine = {"certificate": self.certificates.path("device"),
                "key": self.certificates.path("device", "key")}
        self.assertEqual(self.stuck(role="server", tls=mine), ("server", "configured"))


class LocalAddress(Dials):
    OURS = "127.99.%d.%d" % divmod(os.getpid() % 65536, 256)

    def test_a_bridge_from_one_port(self):
        """One connection at a time, and the next at once."""
        server = self.tls_server(self.echo)
        actpass = self.bridge(server.address, dial_from=self.OURS + ":7443", max_connections=1)
        for number in range(3):
            local = self.connect(actpass)
            local.sendall(b"hello")
            self.assertEqual(local.recv(5), b"hello")
            self.assertEqual(server.session(number).sock.getpeername(), (self.OURS, 7443))
            local.close()
        self.assertEqual(actpass.find(event="dial"), [])

    def test_what_is_of_another_family_is_left_out(self):
        server = self.tls_server(self.echo)
        actpass = self.bridge("[::1]:9", server.address, dial_from=self.OURS + ":0")
        local = self.connect(actpass)
        local.sendall(b"x")
        self.assertEqual(local.recv(1), b"x")
        actpass.wait_for(event="dial", address="[::1]:9",
                         error=f"left out, because dial_from ({self.OURS}:0) is of another family")
        self.assertEqual(server.session().sock.getpeername()[0], self.OURS)
        local.close()

    def test_an_address_that_is_not_ours(self):
        server = self.tls_server(self.echo)
        actpass = self.bridge(server.address, dial_from="192.0.2.1:0")
        self.cut_before_a_byte(actpass)
        actpass.wait_for(event="dial", error="cannot dial from 192.0.2.1:0: Cannot assign requested "
                                             "address")


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
