"""The header that a backend gets first: "proxy_protocol" of "forward"."""
import socket
import ssl
import struct
import subprocess
import time

from support import tls
from support.backend import Backend
from support.case import Case
from support.each import VERSIONS, each
from support.proxy_header import header, parse, tlvs


def keep_all(session):
    session.data = b""
    while chunk := session.recv():
        session.data += chunk
    session.sock.sendall(b"bye")


class ProxyHeader(Case):
    def front(self, version, **changes):
        plain = self.backend(Backend(keep_all))
        return self.actpass(self.service(forward=plain.address, proxy_protocol=version, **changes)), plain

    def visit(self, peer, plain, data=b"hello"):
        """What the backend has got of this client, which sends data."""
        if data:
            peer.send(data)
        peer.shutdown_write()
        self.assertEqual(peer.recv_all(), b"bye")
        return plain.finished().data

    @staticmethod
    def addresses(peer):
        ends = peer.sock.getsockname(), peer.sock.getpeername()
        return b"".join(socket.inet_aton(end[0]) for end in ends) + struct.pack(
            ">HH", ends[0][1], ends[1][1])

    def test_version_1(self):
        actpass, plain = self.front("v1")
        peer = self.client(actpass)
        ends = peer.sock.getsockname(), peer.sock.getpeername()
        self.assertEqual(self.visit(peer, plain), b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\nhello" %
                         (ends[0][1], ends[1][1]))

    def test_of_a_unix_socket(self):
        for version in "v1", "v2":
            path = f"{self.folder}/{version}.sock"
            actpass, plain = self.front(version, listen="unix:" + path)
            data = self.visit(tls.Tls(self.connect(path), tls.context(self.certificates, False))
                              .handshake(), plain)
            if version == "v1":
                self.assertEqual(data, b"PROXY UNKNOWN\r\nhello")
            else:
                self.assertEqual((data[13], data[-5:]), (0x31, b"hello"))
                self.assertIn(path.encode() + b"\0", parse(data)[1])

    @each(version=VERSIONS, certificate=[None, "device"])
    def test_version_2(self, version, certificate):
        actpass, plain = self.front("v2", tls={"client_auth": "request", "alpn": ["h2", "http/1.1"]})
        made = tls.context(self.certificates, False, version, certificate=certificate)
        made.set_alpn_protocols(["http/1.1"])
        peer = tls.Tls(self.connect(actpass), made).handshake()
        wanted = self.addresses(peer)
        family, addresses, found, rest = parse(self.visit(peer, plain))
        self.assertEqual((family, addresses, rest), (0x11, wanted, b"hello"))
        self.assertEqual((found[1], found[2]), (b"http/1.1", b"front.example"))
        client, verify = struct.unpack(">BI", found[0x20][:5])
        inner = tlvs(found[0x20][5:])
        self.assertEqual(inner[0x21], f"TLSv{version}".encode())
        self.assertIn(b"AES", inner[0x23])
        if certificate:
            self.assertEqual((client, verify, inner[0x22]), (7, 0, b"dev1.devices.example"))
        else:
            self.assertEqual((client, verify, inner.get(0x22)), (1, 1, None))

    def test_every_tlv(self):
        actpass, plain = self.front("v2", tls={"client_auth": "request", "alpn": ["http/1.1"]},
                                    proxy_tlvs=["certificate", "role", "unique_id"])
        made = tls.context(self.certificates, False, certificate="device")
        made.set_alpn_protocols(["http/1.1"])
        peer = tls.Tls(self.connect(actpass), made).handshake()
        found = parse(self.visit(peer, plain))[2]
        self.assertEqual(set(found), {0x05, 0x20, 0xE0})
        with open(self.certificates.path("device")) as pem:
            text = pem.read()
        first = text[:text.index("-----END CERTIFICATE-----") + 25]
        self.assertEqual(tlvs(found[0x20][5:]), {0x28: ssl.PEM_cert_to_DER_cert(first)})
        line = actpass.wait_for(event="close")
        self.assertEqual(found[0x05].decode(), line["id"])
        self.assertEqual(found[0xE0].decode(), f"{line['role']} {line['cause']}")

    def test_a_certificate_that_does_not_fit_is_left_out(self):
        """And the log says so; the rest is there."""
        made = tls.context(self.certificates, False)
        made.load_cert_chain(*self.large_certificate())
        actpass, plain = self.front("v2", tls={"client_auth": "request", "insecure_any_peer": True,
                                               "ca": None, "peer_names": None},
                                    proxy_tlvs=["certificate", "authority", "ssl"])
        peer = tls.Tls(self.connect(actpass), made).handshake()
        found = parse(self.visit(peer, plain))[2]
        self.assertEqual(found[2], b"front.example")
        self.assertEqual(found[0x20][0], 7)  # there was one
        self.assertNotIn(0x28, tlvs(found[0x20][5:]))
        self.assertIn("certificate is left out", actpass.wait_for(event="backend")["error"])

    def test_none_but_the_addresses(self):
        actpass, plain = self.front("v2", proxy_tlvs=["none"])
        self.assertEqual(parse(self.visit(self.client(actpass), plain))[2:], ({}, b"hello"))

    def large_certificate(self):
        """One of more than 4096 bytes, and its key."""
        names = ",".join(f"DNS:a{i}.{'x' * 50}.example" for i in range(80))
        certificate, key = self.folder + "/large", self.folder + "/large.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                        "-subj", "/CN=large", "-addext", "subjectAltName=" + names],
                       check=True, capture_output=True)
        return certificate, key

    def test_it_comes_before_data_that_came_first(self):
        """And is not the one that was taken off."""
        actpass, plain = self.front("v2", start="proxy")
        peer = self.client(actpass)
        wanted = self.addresses(peer)
        peer.send(header() + b"x" * 16000)
        _, addresses, _, rest = parse(self.visit(peer, plain, b"y"))
        self.assertEqual((addresses, rest), (wanted, b"x" * 16000 + b"y"))

    def test_with_much_that_came_first(self):
        actpass, plain = self.front("v1", start="first_byte")
        peer = self.client(actpass)
        time.sleep(0.1)
        self.assertEqual(plain.sessions, [])
        data = self.visit(peer, plain, b"x" * 16384)
        self.assertTrue(data.startswith(b"PROXY TCP4 "))
        self.assertEqual(data.partition(b"\r\n")[2], b"x" * 16384)

    def test_a_backend_that_speaks_first_has_it_at_once(self):
        plain = self.backend(Backend(lambda session: session.sock.sendall(
            b"%d" % len(session.recv()))))
        peer = self.client(self.actpass(self.service(forward=plain.address, proxy_protocol="v1")))
        self.assertGreater(int(peer.recv()), 30)
        peer.finish()
