"""Connections that proxies bring: "accept_proxy"."""
import os
import socket
import struct
import time

from support import tls
from support.actpass import PATIENCE_S
from support.backend import Backend
from support.case import Case
from support.each import each
from support.proxy_header import SIGNATURE, header, parse, tlv

V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n"
LOCAL = SIGNATURE + b"\x20\x00\0\0"
CLIENT = "192.0.2.7:40000"
TRUSTED = {"from": ["127.0.0.0/8"], "timeout": "5m"}  # a test that waits for it fails


class ProxyIn(Case):
    def front(self, proxy=None, **changes):
        return self.actpass(self.service(accept_proxy=proxy or TRUSTED, **changes))

    def served(self, sock, **options):
        peer = tls.Tls(sock, tls.context(self.certificates, False), **options).handshake()
        self.assertEqual(peer.exchange(b"served?", 7), b"served?")
        peer.finish()

    def brought(self, actpass, *parts, pause=0):
        sock = self.connect(actpass)
        for part in parts:
            sock.sendall(part)
            time.sleep(pause)
        return sock

    def refused(self, sock):
        sock.settimeout(PATIENCE_S)
        try:
            self.assertEqual(sock.recv(100), b"")
        except ConnectionResetError:
            pass

    def test_whose_connection_it_is(self):
        actpass = self.front()
        v6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n"
        for bytes_, client in (V1, CLIENT), (header(), CLIENT), (header(tlv(4, b"x" * 2000)), CLIENT), \
                (v6, "[2001:db8::7]:40000"):
            sock = self.brought(actpass, bytes_)
            own = "%s:%d" % sock.getsockname()
            self.served(sock)
            self.assertEqual(actpass.wait_for(event="close", proxy=own)["peer"], client)

    def test_a_proxy_for_itself(self):
        """LOCAL and UNKNOWN: the proxy's own address stays."""
        actpass = self.front()
        for bytes_ in LOCAL, b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN any thing\r\n":
            sock = self.brought(actpass, bytes_)
            own = "%s:%d" % sock.getsockname()
            self.served(sock)
            self.assertNotIn("proxy", actpass.wait_for(event="close", peer=own))

    def test_in_single_bytes(self):
        actpass = self.front()
        for bytes_ in V1, header(tlv(2, b"a.example")):
            self.served(self.brought(actpass, *(bytes_[i:i + 1] for i in range(len(bytes_))),
                                     pause=0.001))
        actpass.wait_for(event="close", peer=CLIENT, count=2)

    def test_with_the_client_hello_in_one_segment(self):
        actpass = self.front()
        peer = tls.Tls(self.connect(actpass), tls.context(self.certificates, False))
        peer.unsent = header()
        peer.handshake()
        self.assertEqual(peer.exchange(b"x" * 100000, 100000), b"x" * 100000)
        peer.finish()
        actpass.wait_for(event="close", peer=CLIENT, reason="CLEAN")

    def test_what_is_wrong_ends_with_the_reason(self):
        """Each ends soon, though the deadline is far away, and costs one line."""
        actpass = self.front()
        for bytes_, error in (
                (b"\x16\x03\x01\x00\x05\x01", "begins with TLS"), (b"GET / HTTP/1.1\r\n", "wrong"),
                (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\n", "line feed"),
                (b"PROXY TCP4 192.0.2.007 198.51.100.1 40000 443\r\n", "an address"),
                (b"PROXY TCP4 2001:db8::7 198.51.100.1 40000 443\r\n", "an address"),
                (b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n", "a port"),
                (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443 \r\n", "a port"),
                (b"PROXY UDP4 192.0.2.7 198.51.100.1 40000 443\r\n", "TCP4"),
                (b"PROXY UNKNOWN " + b"x" * 93, "longer than 107"),
                (SIGNATURE + b"\x31", "version"), (SIGNATURE + b"\x22", "command"),
                (SIGNATURE + b"\x21\x11\x10\0", "longer than 4096"),
                (SIGNATURE + b"\x21\x12\0\x0c" + b"x" * 12, "not supported"),
                (header(tlv(3, b"\0\0\0\0")), "checksum"), (header(b"\x05\xff\xff"), "TLVs")):
            logged = len(actpass.log)
            self.refused(self.brought(actpass, bytes_))
            line = actpass.wait_for(event="close", after=logged)
            self.assertIn(error, line["error"], bytes_)
            self.assertEqual((line["reason"], line["level"]), ("PROTOCOL", "warning"))

    def test_one_that_is_cut(self):
        actpass = self.front()
        for bytes_ in V1[:20], header()[:20]:
            self.brought(actpass, bytes_).close()
        self.assertIn("closed before the end", actpass.wait_for(event="close", count=2)["error"])
        self.brought(actpass).close()  # it was only looked whether we are there
        self.assertEqual(actpass.wait_for(event="close", reason="UNUSED")["level"], "debug")

    @each(bytes_=[b"", V1[:20]])
    def test_silent_proxies(self, bytes_):
        """They have a deadline, and hold no thread until then."""
        actpass = self.front({**TRUSTED, "timeout": "1s"})
        silent = [self.brought(actpass, bytes_) for _ in range(60)]
        self.served(self.brought(actpass, V1))
        if os.environ.get("ACTPASS_TEST_PARK") != "never":
            self.assertLess(actpass.threads(), 20)
        for sock in silent:
            self.refused(sock)
        self.assertIn("not complete" if bytes_ else "sent nothing",
                      actpass.wait_for(event="close", reason="TIMEOUT")["error"])

    def test_others(self):
        proxy = {"from": ["127.0.0.2/32"]}
        actpass = self.front(proxy)
        try:
            self.refused(self.brought(actpass))
        except ConnectionResetError:
            pass  # connect has seen it already
        line = actpass.wait_for(event="refused", limit="accept_proxy")
        self.assertEqual(line["peer"], "127.0.0.1")
        actpass = self.front({**proxy, "others": "direct"})
        self.served(self.connect(actpass))
        self.assertNotIn("proxy", actpass.wait_for(event="close", reason="CLEAN"))
        self.refused(self.brought(actpass, V1))  # no proxy may come from there
        line = actpass.wait_for(event="close", reason="PROTOCOL")
        self.assertIn("PROXY", line["error"])

    def test_limits_count_the_client(self):
        limits = {"allow": ["192.0.2.0/24"], "deny": ["192.0.2.66/32"], "per_address": 2}
        actpass = self.front(limits=limits)
        self.refused(self.brought(actpass, header(source=("192.0.2.66", 1))))
        line = actpass.wait_for(event="refused", limit="denied")
        self.assertEqual(line["peer"], "192.0.2.66")
        self.assertTrue(line["proxy"].startswith("127.0.0.1:"))
        first = [self.brought(actpass, header()) for _ in range(2)]
        peers = [tls.Tls(sock, tls.context(self.certificates, False)).handshake()
                 for sock in first]
        self.refused(self.brought(actpass, header()))
        actpass.wait_for(event="refused", limit="per_address")
        self.served(self.brought(actpass, header(source=("192.0.2.8", 1))))
        self.served(self.brought(actpass, LOCAL))  # the proxy looks whether we are there
        self.refused(self.brought(actpass, b"PROXY UNKNOWN\r\n"))  # whose address is not allowed
        self.finish_all(*peers)

    def test_it_makes_way_and_stops(self):
        actpass = self.front(max_connections=2)
        silent = [self.brought(actpass, V1[:5]) for _ in range(2)]
        self.served(self.brought(actpass, V1))
        line = actpass.wait_for(event="close", reason="CANCELLED")
        self.assertIn("make room", line["error"])
        idle = self.brought(actpass)  # nothing of it is lost at a stop
        self.refused(silent[0])
        silent[1].close()
        self.assertEqual(actpass.stop(), 0)
        self.refused(idle)

    def test_on_a_unix_socket(self):
        path = self.folder + "/in.sock"
        actpass = self.actpass(self.service(listen="unix:" + path, accept_proxy=True,
                                            limits={"allow": ["192.0.2.0/24"]}))
        self.served(self.brought(path, V1))
        self.assertEqual(actpass.wait_for(event="close")["peer"], CLIENT)
        self.refused(self.brought(path, header(source=("192.0.3.1", 1))))
        actpass.wait_for(event="refused", limit="denied", peer="192.0.3.1")

    def test_on_both_kinds_of_sockets(self):
        """On the unix socket it is wanted of all: they have no address."""
        path = self.folder + "/in.sock"
        actpass = self.actpass(self.service(
            listen=["127.0.0.1:0", "unix:" + path],
            accept_proxy={"from": ["127.0.0.2/32"], "others": "direct", "timeout": "1s"}))
        self.served(self.brought(path, V1))
        actpass.wait_for(event="close", peer=CLIENT)
        self.refused(self.brought(path))
        actpass.wait_for(event="close", reason="TIMEOUT", peer="unix")
        self.served(self.connect(actpass))

    def test_it_is_passed_on(self):
        """To routes and backends; the destination, too."""
        plain = self.backend(Backend(lambda session: session.sock.sendall(session.recv())))
        actpass = self.front(forward="127.0.0.1:9", proxy_protocol="v2", routes=[
            {"from": ["192.0.2.0/24"], "forward": plain.address, "proxy_protocol": "v2"}])
        peer = tls.Tls(self.brought(actpass, header()), tls.context(self.certificates, False))
        family, addresses, found, _ = parse(peer.handshake().recv())
        self.assertEqual((family, addresses), (0x11, header()[16:28]))
        peer.finish()
