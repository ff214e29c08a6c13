"""A proxy inside TLS ("proxy"): SOCKS5, SOCKS4, SOCKS4a and HTTP CONNECT, with curl through a bridge
and with requests byte by byte."""
import os
import socket
import struct
import subprocess

from support import tls
from support.backend import Backend, Http, exchange
from support.case import need
from support.data import until
from support.dials import Dials
from support.each import each
from support.names import hosts
from support.reloads import Reloads

LOOPBACK = ["127.0.0.0/8", "[::1]/128"]
METHODS, CHOSEN = b"\5\1\0", b"\5\0"


def socks5(host, port):
    return b"\5\1\0\3" + bytes([len(host)]) + host.encode() + struct.pack(">H", port)


def socks4(host, port):
    return b"\4\1" + struct.pack(">H", port) + socket.inet_aton(host) + b"me\0"


def socks4a(host, port):
    return socks4("0.0.0.1", port) + host.encode() + b"\0"


def connect(host, port):
    return f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()


class Proxying(Dials):
    def proxy(self, allow=LOOPBACK, more=None, check=False, prefix=(), **changes):
        return self.actpass(self.service(proxy={"allow": allow, **(more or {})}, role="server",
                                         **changes), check=check, prefix=prefix)

    def asked(self, actpass, request):
        peer = self.client(actpass)
        peer.send(request)
        return peer

    def code5(self, actpass, host, port):
        peer = self.asked(actpass, METHODS + socks5(host, port))
        got = peer.recv_exactly(12)
        peer.sock.close()
        self.assertEqual(got[:2], CHOSEN)
        return got[3]

    def port_of(self, backend):
        return int(backend.address.rpartition(":")[2])


class Curl(Proxying):
    @each(way=["--socks5-hostname", "--socks5", "--socks4a", "--socks4", "--proxytunnel --proxy"])
    def test_curl(self, way):
        need("curl")
        web = Http()
        self.addCleanup(web.close)
        bridge = self.bridge("127.0.0.1:%d" % self.proxy().port(),
                             tls={"peer_names": ["front.example"],
                                  "certificate": self.certificates.path("client"),
                                  "key": self.certificates.path("client", "key")})
        url = f"http://{web.address}/bytes/100/1"
        done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "30",
                               *way.split(), "127.0.0.1:%d" % bridge.port(), url], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout[:1], "2", done.stdout)


class Requests(Proxying):
    @each(request=["socks5", "socks4", "socks4a", "connect"])
    def test_bytes_both_ways_and_half_closes(self, request):
        """What comes right behind the request is the target's."""
        answers = {"socks5": CHOSEN + b"\5\0\0\1" + bytes(6), "socks4": b"\0\x5a" + bytes(6),
                   "socks4a": b"\0\x5a" + bytes(6), "connect": b"HTTP/1.1 200 Connected\r\n\r\n"}
        def serve(session):
            got = b""
            while chunk := session.recv():
                got += chunk
            session.sock.sendall(b"got " + got)  # behind the end of the other direction
        backend = self.backend(Backend(serve))
        host = "127.0.0.1" if request == "socks4" else "localhost"
        text = globals()[request](host, self.port_of(backend))
        actpass = self.proxy()
        peer = self.asked(actpass, (METHODS if request == "socks5" else b"") + text + b"hello")
        want = answers[request]
        self.assertEqual(peer.recv_exactly(len(want)), want)
        peer.send(b" there")
        peer.shutdown_write()
        self.assertEqual(peer.recv_all(), b"got hello there")
        peer.sock.close()
        closed = actpass.wait_for(event="close", handler="proxy")
        self.assertEqual(closed["backend"], f"{host}:{self.port_of(backend)}")
        if host == "localhost":
            self.assertIn(f":{self.port_of(backend)}", closed["backend_address"])

    @each(request=["socks5", "socks4a", "connect"])
    def test_byte_by_byte(self, request):
        backend = self.backend(Backend(exchange(b"bye", 0, linger=False)))
        text = (METHODS if request == "socks5" else b"") + \
            globals()[request]("localhost", self.port_of(backend))
        peer = self.client(self.proxy())
        for byte in text:
            peer.send(bytes([byte]))
        self.assertTrue(peer.recv_all().endswith(b"bye"))
        peer.sock.close()

    def test_to_ipv6(self):
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
        self.addCleanup(listener.close)
        port = listener.getsockname()[1]
        actpass = self.proxy(allow=["[::1]/128"])
        address = b"\5\1\0\4" + socket.inet_pton(socket.AF_INET6, "::1") + struct.pack(">H", port)
        for request, answer in ((METHODS + address, CHOSEN + b"\5\0\0\1" + bytes(6)),
                                (connect("[::1]", port), b"HTTP/1.1 200 Connected\r\n\r\n")):
            peer = self.asked(actpass, request)
            target = listener.accept()[0]
            self.addCleanup(target.close)
            target.sendall(b"six")
            self.assertEqual(peer.recv_exactly(len(answer) + 3), answer + b"six")
            target.close()
            peer.finish()
        self.assertEqual(actpass.wait_for(event="close", count=2)["backend"], f"[::1]:{port}")

    def test_over_ipv6(self):
        backend = self.backend(Backend(exchange(b"bye", 0, linger=False)))
        actpass = self.proxy(allow=["[::1]/128"])
        port = self.port_of(backend)
        self.assertEqual(self.code5(actpass, "::1", port), 5, "nobody listens there")
        self.assertEqual(self.code5(actpass, "127.0.0.1", port), 2)
        self.assertEqual(self.code5(actpass, "::ffff:127.0.0.1", port), 2)


class Allowed(Proxying):
    def test_loopback_only_by_a_network(self):
        """Neither by "*" nor by a name that stands for it; nobody is dialed."""
        backend = self.backend(Backend(exchange(b"bye", 0, linger=False)))
        port = self.port_of(backend)
        actpass = self.proxy(allow=["*", "localhost"])
        for host in ("localhost", "127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1",
                     "169.254.1.1", "224.0.0.1", "fe80::1", "0x7f000001"):
            self.assertEqual(self.code5(actpass, host, port), 2, host)
        self.assertEqual(len(backend.sessions), 0)

    def test_a_name_whose_address_is_allowed(self):
        backend = self.backend(Backend(exchange(b"bye", 0, linger=False)))
        actpass = self.proxy(allow=["127.0.0.0/8"])
        self.assertEqual(self.code5(actpass, "localhost", self.port_of(backend)), 0)

    def test_each_address_of_a_name(self):
        """Of two one is allowed, where nobody listens: that is said, and the other is not dialed."""
        backend = self.backend(Backend(exchange(b"bye", 0, linger=False)))
        actpass = self.proxy(allow=["127.0.0.9/32"],
                             prefix=hosts(self, "127.0.0.1 both.example", "127.0.0.9 both.example",
                                          "127.0.0.1 other.example"))
        self.assertEqual(self.code5(actpass, "both.example", self.port_of(backend)), 5)
        self.assertEqual(self.code5(actpass, "other.example", self.port_of(backend)), 2)
        self.assertEqual(len(backend.sessions), 0)

    def test_ports_and_names(self):
        backend = self.backend(Backend(exchange(b"bye", 0, linger=False)))
        port = self.port_of(backend)
        actpass = self.proxy(allow=[f"127.0.0.0/8:1,{port}", "*.example.com:443"])
        self.assertEqual(self.code5(actpass, "127.0.0.1", port), 0)
        self.assertEqual(self.code5(actpass, "127.0.0.1", port - 1), 2)
        self.assertEqual(self.code5(actpass, "example.com", 443), 2)
        self.assertEqual(self.code5(actpass, "a.example.com", 444), 2)
        line = actpass.wait_for(event="close", count=2)
        self.assertEqual(line["handler"], "proxy")
        self.assertIn('has no item for it', "\n".join(actpass.lines))

    def test_refusals_in_the_terms_of_each_protocol(self):
        actpass = self.proxy(allow=["192.0.2.0/24"])
        dead = self.dead_port()
        for request, want in ((METHODS + socks5("127.0.0.1", dead), CHOSEN + b"\5\2"),
                              (socks4("127.0.0.1", dead), b"\0\x5b"),
                              (socks4a("localhost", dead), b"\0\x5b"),
                              (connect("localhost", dead), b"HTTP/1.1 403 "),
                              (METHODS + b"\5\2\0\1", CHOSEN + b"\5\7"),
                              (METHODS + b"\5\3\0\1", CHOSEN + b"\5\7"),
                              (b"\4\2", b"\0\x5b"),
                              (b"\5\1\2", b"\5\xff"),
                              (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 405 ")):
            peer = self.asked(actpass, request)
            self.assertEqual(peer.recv_all()[:len(want)], want, request)
            peer.sock.close()

    def test_codes_of_a_target_that_cannot_be_reached(self):
        actpass = self.proxy(allow=LOOPBACK + ["*"], more={"connect_timeout": "300ms"})
        self.assertEqual(self.code5(actpass, "127.0.0.1", self.dead_port()), 5)
        self.assertEqual(self.code5(actpass, "no.such.host.invalid", 80), 4)
        host, port = self.black_hole().rsplit(":", 1)
        self.assertEqual(self.code5(actpass, host, int(port)), 6)
        closed = actpass.wait_for(event="close", backend=f"{host}:{port}")
        self.assertLess(int(closed["dur_ms"]), 9000, "connect_timeout, and not its default")

    def test_code_of_a_network_that_cannot_be_reached(self):
        """TCP leads to no broadcast address."""
        actpass = self.proxy(allow=["255.255.255.255/32"])
        self.assertEqual(self.code5(actpass, "255.255.255.255", 80), 3)

    def test_only_the_protocols_that_are_listed(self):
        actpass = self.proxy(more={"protocols": ["socks4"]})
        for request, want in (METHODS, b"\5\xff"), (connect("a", 1), b"HTTP/1.1 403 "), (b"x", b""):
            peer = self.asked(actpass, request)
            self.assertEqual(peer.recv_all()[:len(want)], want)
            peer.sock.close()


class Leaving(Proxying):
    def test_a_peer_that_goes_at_each_step_or_drips(self):
        """No descriptor is left."""
        backend = self.backend(Backend(exchange(b"bye", 0, linger=False)))
        actpass = self.proxy(handshake_timeout="500ms", check=True)
        text = METHODS + socks5("localhost", self.port_of(backend))
        for size in range(0, len(text) + 1, 4):
            self.asked(actpass, text[:size]).sock.close()
        peer = self.asked(actpass, b"\5")
        own = "%s:%d" % peer.sock.getsockname()
        self.assertEqual(peer.recv_all(), b"")
        peer.sock.close()
        closed = actpass.wait_for(event="close", peer=own)  # the log is written beside the connection
        self.assertGreaterEqual(int(closed["dur_ms"]), 500)
        self.assertIn("within handshake_timeout", actpass.find(event="backend", conn=closed["conn"])[0]["error"])

    def test_the_tls_client_may_be_the_proxy(self):
        """A collector that connects, and speaks SOCKS as TLS server."""
        backend = self.backend(Backend(exchange(b"bye", 0, linger=False)))
        actpass = self.actpass(self.service(role="client", as_client={"proxy": {"allow": LOOPBACK}}),
                               check=False)
        peer = self.device(actpass)
        peer.send(socks4("127.0.0.1", self.port_of(backend)))
        self.assertEqual(peer.recv_all(), b"\0\x5a" + bytes(6) + b"bye")
        peer.sock.close()


class Logged(Proxying):
    def test_refusals_are_limited(self):
        """Whoever is refused again and again writes no line for each."""
        actpass = self.actpass(self.service(proxy={"allow": ["192.0.2.0/24"]}, role="server"),
                               check=False, level="info")
        asked = 60
        for port in range(1, asked + 1):
            self.assertEqual(self.code5(actpass, "127.0.0.1", port), 2)
        actpass.wait_for(event="close", count=asked)
        self.assertLess(len([line for line in actpass.lines if "event=backend" in line]), asked - 10)
        self.assertIn("suppressed=", "\n".join(actpass.lines))


class Wider(Reloads, Proxying):
    allowed = {}

    def test_ports_that_the_sandbox_has_not_are_ranges(self):
        """"allow" without ports wants them all, and the log has no line for each."""
        if os.environ.get("ACTPASS_SANDBOX") == "off":
            self.skipTest("the sandbox is off")
        service = self.service(proxy={"allow": ["127.0.0.0/8:1000"]}, role="server")
        actpass = self.actpass(service, check=False)
        if int(actpass.wait_for(event="sandbox")["landlock"]) < 4:
            self.skipTest("Landlock of this kernel limits no ports")
        before = len(actpass.lines)
        self.refuse(actpass, {**service, "proxy": {"allow": ["*"]}})
        actpass.wait_for(event="reload", level="error", count=3)
        self.assertIn("ports 1001 to 65535", "\n".join(actpass.lines[before:]))
        self.assertLess(len(actpass.lines) - before, 10)
