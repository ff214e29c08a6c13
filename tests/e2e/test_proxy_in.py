"""Connections that proxies bring: "accept_proxy"."""
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
TRUSTED = {"from": ["127.0.0.0/8"], "timeout": "20s"}


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
