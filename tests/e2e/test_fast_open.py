"""TCP Fast Open between two hosts, made of network namespaces; skipped where those cannot be
made."""
import subprocess
import sys
import time

from support.case import Case, example, transport
from support.data import until
from support.each import each
from support.namespaces import Network
from support.nginx import Nginx

PORT = 7443
CLIENT_HELLO = b"\x16\x03\x01"
HOLDER = """import socket, sys
sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind((sys.argv[1], int(sys.argv[3])))
sock.connect((sys.argv[2], int(sys.argv[3])))
print("connected", flush=True)
sys.stdin.read()"""


class FastOpen(Case):
    def setUp(self):
        super().setUp()
        if transport() == "direct":
            self.skipTest("Fast Open for dialing is the relay's")
        self.network = Network()
        self.addCleanup(self.network.close)
        self.network.allow(3, 3)

    def listener(self, port=PORT, **changes):
        changes.setdefault("tcp_fast_open", True)
        changes.setdefault("role", "server")
        changes.setdefault("tls", self.device_tls())
        return self.actpass(self.service(listen=f"{Network.RIGHT}:{port}", **changes),
                            prefix=self.network.right)

    def dialer_to(self, *addresses, **changes):
        changes.setdefault("tcp_fast_open", True)
        return self.actpass(self.dial_service(*(addresses or (f"{Network.RIGHT}:{PORT}",)),
                                              listen_plain=f"unix:{self.folder}/plain.sock", **changes),
                            prefix=self.network.left)

    def echo(self, dialer):
        """One connection; its close line."""
        number = len(dialer.find(event="close"))
        local = self.connect(dialer)
        local.sendall(b"hello")
        self.assertEqual(local.recv(10), b"hello")
        local.close()
        return dialer.wait_for(event="close", count=number + 1)

    def counted(self, action):
        """What the action adds to the counters of both hosts."""
        hosts = self.network.left, self.network.right
        before = [self.network.counters(host) for host in hosts]
        action()
        after = [self.network.counters(host) for host in hosts]
        return [{name: new[name] - old[name] for name in new} for old, new in zip(before, after)]

    def check_each(self, dialer, times=4):
        """From the second connection on the ClientHello is in the SYN."""
        self.assertNotIn("syn_data", self.echo(dialer))
        self.assertEqual(self.network.syns, [], "there was no cookie yet")
        for number in range(times):
            closed = {}
            left, right = self.counted(lambda: closed.update(self.echo(dialer)))
            self.assertEqual((left["Active"], right["Passive"]), (1, 1))
            self.assertEqual(closed["syn_data"], "1")
            self.assertEqual(closed["reason"], "CLEAN")
            until(lambda: len(self.network.syns) > number, 10, "what the wire saw")
            length, first = self.network.syns[number]
            self.assertEqual(first[:3], CLIENT_HELLO)
            self.assertGreater(length, 100)

    def test_between_two_actpass(self):
        listener = self.listener(tcp_fast_open_queue=32)
        self.check_each(self.dialer_to())
        self.assertEqual(len(listener.find(event="close", syn_data=1)), 4)

    def test_with_a_listener_whose_role_is_automatic(self):
        self.listener(role="auto")
        dialer = self.dialer_to()
        self.check_each(dialer)

    def device_tls(self, **changes):
        return {"certificate": self.certificates.path("device"),
                "key": self.certificates.path("device", "key"), "peer_names": ["front.example"],
                **changes}

    def test_from_a_fixed_port(self):
        self.listener()
        self.check_each(self.dialer_to(dial_from=f"{Network.LEFT}:{PORT}", max_connections=1))

    def test_the_fixed_port_is_not_free_yet(self):
        """The connection before has not ended; once it has, ours comes up."""
        self.listener()
        dialer = self.dialer_to(dial_from=f"{Network.LEFT}:{PORT}", max_connections=1)
        holder = subprocess.Popen([*self.network.left, sys.executable, "-c", HOLDER, Network.LEFT,
                                   Network.RIGHT, str(PORT)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.readline(), "connected\n")
        local = self.connect(dialer)
        local.sendall(b"hello")
        time.sleep(0.3)  # it tries, and says nothing
        self.assertEqual((dialer.find(event="dial"), dialer.find(event="connected")), ([], []))
        holder.communicate("", timeout=20)
        self.assertEqual(local.recv(10), b"hello")
        self.assertEqual(dialer.find(event="dial"), [])
        local.close()

    def test_one_of_another_family_than_the_local_address(self):
        self.listener()
        dialer = self.dialer_to("[fd00::1]:1", f"{Network.RIGHT}:{PORT}", dial_from="0.0.0.0:0")
        for number in range(3):
            self.assertEqual(self.echo(dialer).get("syn_data"), "1" if number else None)
            line = dialer.wait_for(event="dial", count=number + 1)
            self.assertEqual(line["error"],
                             "left out, because dial_from (0.0.0.0:0) is of another family")

    def test_with_a_client_certificate(self):
        self.listener(tls=self.device_tls(client_auth="require", sessions="off"))
        self.check_each(self.dialer_to(), 2)

    @each(role=("auto", "server"))
    def test_a_hello_that_does_not_fit_into_a_segment(self, role):
        """Part of it goes in the SYN, the rest after it: as with X25519MLKEM768, which OpenSSL
        3.5 offers."""
        protocols = ["x" * 200 + str(number) for number in range(10)]
        self.listener(role=role, tls=self.device_tls(alpn=protocols[-1:]))
        self.check_each(self.dialer_to(tls={"alpn": protocols}), 2)
        self.assertLess(self.network.syns[0][0], 1461)

    def test_with_nginx(self):
        nginx = self.nginx()
        dialer = self.dialer_to(nginx.address)
        for number in range(3):
            left, _ = self.counted(lambda: self.fetch(dialer, nginx.block))
            self.assertEqual(left["Active"], 1 if number else 0)
            closed = dialer.wait_for(event="close", count=number + 1)
            self.assertEqual(closed.get("syn_data"), "1" if number else None)
        until(lambda: len(self.network.syns) > 1, 10, "what the wire saw")
        self.assertEqual([first[:3] for _, first in self.network.syns], [CLIENT_HELLO] * 2)

    def fetch(self, dialer, expected):
        got = subprocess.run(["curl", "--silent", "--fail", "--max-time", "30", "--noproxy", "*",
                              "--unix-socket", dialer.address(), "http://nginx/block"],
                             check=True, capture_output=True).stdout
        self.assertEqual(got, expected)

    # ---- the library

    def visit(self, nginx, *options):
        """Twice from one process, the second time with the session of the first."""
        host, _, port = nginx.address.rpartition(":")
        command = [*self.network.left, example("wclient"), "-h", host, "-p", port, "-i", "-r",
                   *options, "/block"]
        done = subprocess.run(command, capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr.count(b"closed in order")), (0, 2),
                         done.stderr)
        self.assertEqual(done.stdout.count(nginx.block), 2)
        return done.stderr

    def nginx(self, options="fastopen=16"):
        nginx = Nginx(self.folder, self.certificates, host=Network.RIGHT, options=options,
                      prefix=self.network.right)
        self.addCleanup(nginx.close)
        return nginx

    def test_with_actpass_connect(self):
        nginx = self.nginx()
        left, right = self.counted(lambda: self.visit(nginx, "-f"))
        self.assertEqual((left["Active"], right["Passive"]), (1, 1))
        left, right = self.counted(lambda: self.visit(nginx, "-f"))
        self.assertEqual((left["Active"], right["Passive"]), (2, 2))
        until(lambda: len(self.network.syns) > 2, 10, "what the wire saw")
        self.assertEqual([first[:3] for _, first in self.network.syns], [CLIENT_HELLO] * 3)

    def test_actpass_connect_without_it(self):
        nginx = self.nginx()
        left, _ = self.counted(lambda: self.visit(nginx))
        self.assertEqual((left["Active"], self.network.syns), (0, []))

    def test_actpass_connect_falls_back(self):
        """The other side does not know it; then something on the way loses SYN data, and is not
        asked twice."""
        plain = self.nginx("")
        left, _ = self.counted(lambda: self.visit(plain, "-f"))
        self.assertEqual((left["Active"], self.network.syns), (0, []))
        plain.close()
        nginx = self.nginx()
        self.visit(nginx, "-f")  # brings the cookie
        self.network.drop_syn_data(True)
        before = len(self.network.syns)
        self.visit(nginx, "-f")
        until(lambda: len(self.network.syns) > before, 10, "what the wire saw")
        self.assertEqual(len(self.network.syns), before + 1)

    # ---- every way in which it cannot be had

    def check_none(self, dialer, times=3):
        for _ in range(times):
            left, _ = self.counted(lambda: self.assertNotIn("syn_data", self.echo(dialer)))
            self.assertEqual(left["Active"], 0)
        self.assertEqual(self.network.syns, [])

    def test_our_system_forbids_it(self):
        self.network.allow(0, 3)
        self.listener()
        self.check_none(self.dialer_to())

    def test_the_other_system_forbids_it(self):
        self.network.allow(3, 1)
        self.listener()
        self.check_none(self.dialer_to())

    def test_the_other_side_does_not_know_it(self):
        self.listener(tcp_fast_open=None)
        self.check_none(self.dialer_to())

    def test_we_do_not_ask_for_it(self):
        self.listener()
        self.check_none(self.dialer_to(tcp_fast_open=None))

    def test_not_as_server(self):
        """Our first flight is not a ClientHello: nothing is sent before the peer's."""
        self.listener(role="client", tls=None, initial_data_timeout=None)
        self.check_none(self.dialer_to(role="server", tls=self.device_tls()))

    def test_a_middlebox_loses_syn_data(self):
        """One connection is slow; then the address is dialed ordinarily."""
        self.listener()
        dialer = self.dialer_to()
        self.echo(dialer)  # brings the cookie
        self.network.drop_syn_data(True)
        self.assertNotIn("syn_data", self.echo(dialer))
        until(lambda: self.network.syns, 10, "what the wire saw")
        for _ in range(3):
            began = time.monotonic()
            self.assertNotIn("syn_data", self.echo(dialer))
            self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(len(self.network.syns), 1, "it was not tried again")

    def test_a_cookie_that_is_no_longer_good(self):
        """The other host has a new key: the data is not taken from the SYN, and is sent again."""
        self.listener()
        dialer = self.dialer_to()
        self.echo(dialer)
        subprocess.run([*self.network.right, "sysctl", "-qw", "net.ipv4.tcp_fastopen_key="
                        "00000001-00000002-00000003-00000004"], check=True)
        self.assertNotIn("syn_data", self.echo(dialer))
        until(lambda: self.network.syns, 10, "what the wire saw")

    # ---- addresses

    def test_the_first_address_refuses(self):
        self.listener()
        dialer = self.dialer_to(f"{Network.RIGHT}:1", f"{Network.RIGHT}:{PORT}")
        for number in range(3):
            closed = self.echo(dialer)
            self.assertEqual(closed.get("syn_data"), "1" if number else None)
            line = dialer.wait_for(event="dial", count=number + 1)
            self.assertEqual(line["address"], f"{Network.RIGHT}:1")
            self.assertIn("Connection refused", line["error"])

    def test_nobody_answers(self):
        dialer = self.dialer_to("10.77.0.99:1", connect_timeout="500ms")
        local = self.connect(dialer)
        self.assertEqual(local.recv(1), b"")  # a unix socket knows no reset
        line = dialer.wait_for(event="dial")
        self.assertEqual(line["error"], "the TCP connection did not come up in time")

    def test_sigterm_ends_it(self):
        dialer = self.dialer_to("10.77.0.99:1", connect_timeout="60s", handshake_timeout="60s")
        self.connect(dialer)
        time.sleep(0.2)  # it is at it, most probably; the outcome is the same
        began = time.monotonic()
        self.assertEqual(dialer.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)
