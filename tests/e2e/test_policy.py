"""Which algorithms, chains and waits we allow, before anybody has authenticated and whatever
openssl.cnf says."""
import json
import os
import re
import socket
import ssl
import subprocess
import time

from support import programs, tls
from support.backend import Backend
from support.case import Case, program
from support.each import ROLES, each

# OpenSSL 3.5 and later have X25519MLKEM768, and offer it without being asked. Python may have an
# OpenSSL of its own.
VERSION = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout
HYBRID = tuple(map(int, re.search(r"(\d+)\.(\d+)", VERSION).groups())) >= (3, 5)
FIRST_GROUP = ("X25519MLKEM768", 0x11ec) if HYBRID else ("X25519", 0x001d)
NO_EMS = 1  # SSL_OP_NO_EXTENDED_MASTER_SECRET
ANY = {"client_auth": "none"}
ASKS = {"client_auth": "require"}


class Policy(Case):
    def offers(self, actpass, **changes):
        """Does it shake hands with a TLS 1.2 client that offers this only?"""
        made = tls.context(self.certificates, False, "1.2")
        if "ciphers" in changes:
            made.set_ciphers(changes["ciphers"] + ":@SECLEVEL=0")
        if "curve" in changes:
            made.set_ecdh_curve(changes["curve"])
        peer = tls.Tls(self.connect(actpass), made)
        try:
            peer.handshake()
        except (ssl.SSLError, tls.Truncated, OSError):
            peer.sock.close()
            return False
        peer.finish()
        return True

    def error_of(self, service):
        """What --check says of a configuration that is wrong."""
        file = self.file("wrong.json", json.dumps({"services": [service]}).encode())
        done = subprocess.run([program(), "--check", file], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr


class Algorithms(Policy):
    GOOD = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-CHACHA20-POLY1305")
    OLD = ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "AES128-SHA")

    def check_default(self, actpass):
        for cipher in self.GOOD:
            self.assertTrue(self.offers(actpass, ciphers=cipher), cipher)
        for cipher in self.OLD:
            self.assertFalse(self.offers(actpass, ciphers=cipher), cipher)

    def test_default_suites_are_ecdhe_with_aead(self):
        self.check_default(self.actpass(self.service(tls=ANY)))

    def test_others_can_be_chosen(self):
        actpass = self.actpass(self.service(tls={**ANY, "ciphers": "ECDHE-ECDSA-AES128-SHA"}))
        self.assertTrue(self.offers(actpass, ciphers="ECDHE-ECDSA-AES128-SHA"))
        self.assertFalse(self.offers(actpass, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"))

    def test_the_security_level_is_ours(self):
        self.assertIn("the security level is 2",
                      self.error_of(self.service(tls={**ANY, "ciphers": "ALL:@SECLEVEL=0"})))

    def test_openssl_cnf_weakens_nothing(self):
        conf = self.file("openssl.cnf", b"""openssl_conf = a
[a]
ssl_conf = b
[b]
system_default = c
[c]
CipherString = ALL:@SECLEVEL=0
MinProtocol = TLSv1
Groups = P-521
SignatureAlgorithms = ECDSA+SHA1
Options = UnsafeLegacyRenegotiation,-EncryptThenMac
""")
        actpass = self.actpass(self.service(tls=ANY), env={"OPENSSL_CONF": conf})
        self.check_default(actpass)
        self.assertTrue(self.offers(actpass, curve="prime256v1"))
        self.client(actpass, "1.3").finish()
        old = tls.context(self.certificates, False)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises((ssl.SSLError, tls.Truncated)):
            tls.Tls(self.connect(actpass), old).handshake()

    def test_groups(self):
        actpass = self.actpass(self.service(tls={**ANY, "groups": "P-384:P-256"}))
        self.assertTrue(self.offers(actpass, curve="prime256v1"))
        self.assertFalse(self.offers(actpass, curve="secp521r1"))
        self.assertIn("P-257", self.error_of(self.service(tls={**ANY, "groups": "P-256:P-257"})))

    def group_with(self, actpass, *more):
        """The group that actpass and openssl s_client agree on."""
        command = programs.s_client(self.certificates, actpass.port(), "1.3")
        command.remove("-quiet")
        done = subprocess.run(command + [*more], input=b"", capture_output=True, timeout=60)
        seen = re.findall(r"(?:TLS1.3 group: |Temp Key: (?:ECDH, )?)([\w-]+)", done.stdout.decode())
        self.assertTrue(seen, done.stdout + done.stderr)
        return seen[-1]

    @each(role=("auto", "server"))
    def test_the_default_group_with_s_client(self, role):
        """Where OpenSSL has X25519MLKEM768, it; else what the older one has."""
        actpass = self.actpass(self.service(tls=ANY, role=role))
        self.assertEqual(self.group_with(actpass), FIRST_GROUP[0])
        self.assertEqual(actpass.role()["cause"], "client_hello" if role == "auto" else "configured")
        self.assertEqual(self.group_with(actpass, "-groups", "P-256"), "prime256v1")
        chosen = self.actpass(self.service(tls={**ANY, "groups": "X448:X25519"}, role=role))
        self.assertEqual(self.group_with(chosen, "-groups", "X448"), "X448")
        self.assertEqual(self.group_with(chosen), "X25519")

    @each(groups=("", "P-384"))
    def test_the_first_group_that_we_offer(self, groups):
        """The supported_groups of our own ClientHello (RFC 8446 section 4.2.7)."""
        more = {"groups": groups} if groups else {}
        sock = self.connect(self.actpass(self.service(role="client", tls=more)))
        hello = b""
        while len(hello) < 5 or len(hello) < 5 + int.from_bytes(hello[3:5], "big"):
            got = sock.recv(4096)
            self.assertTrue(got)
            hello += got
        sock.close()
        found = re.search(rb"\0\x0a\0(.)\0(.)(..)", hello, re.DOTALL)
        self.assertEqual(found[1][0], found[2][0] + 2)
        self.assertEqual(int.from_bytes(found[3], "big"), 0x0018 if groups else FIRST_GROUP[1])

    @each(transport=("relay", "direct"), cut=(3, 700, 1400))
    def test_a_large_hello_in_two_segments(self, transport, cut):
        """X25519MLKEM768's key share alone has 1.2 KB; where there is none, names of protocols
        take its place."""
        actpass = self.actpass(self.service(tls=ANY, transport=transport, role="auto"))
        peer, hello, protocols = None, b"", 0
        while len(hello) < 1800:
            made = tls.context(self.certificates, False, "1.3")
            made.set_alpn_protocols([str(i) * 100 for i in range(protocols)])
            peer = tls.Tls(peer.sock if peer else self.connect(actpass), made)
            with self.assertRaises(ssl.SSLWantReadError):
                peer.object.do_handshake()
            hello = peer.outgoing.read()
            protocols += 1
        for part in hello[:cut], hello[cut:]:
            peer.sock.sendall(part)
            time.sleep(0.2)  # so that they are two segments
        peer.handshake()
        self.assertEqual(actpass.role()["cause"], "client_hello")
        peer.finish()


class Chains(Policy):
    def long_chain(self, size):
        """A certificate with more behind it than needed, in a list of at most so many bytes."""
        leaf, middle = [open(self.certificates.path(name)).read() for name in ("device", "middle")]
        leaf_size, middle_size = [3 + len(ssl.PEM_cert_to_DER_cert(one)) for one in (leaf, middle)]
        chain = leaf + middle * ((size - 3 - leaf_size) // middle_size)
        return self.file("long.pem", chain.encode()), self.certificates.path("device", "key")

    def shown(self, actpass, role, chain):
        """A peer that shows this chain; answers the line with which it ends."""
        made = tls.context(self.certificates, role == "client", "1.2")
        made.load_cert_chain(*chain)
        peer = tls.Tls(self.connect(actpass), made, server_side=role == "client")
        try:
            peer.handshake()
            peer.finish()
        except (ssl.SSLError, tls.Truncated, OSError):
            peer.sock.close()
        return actpass.close()

    def service_of(self, role, **changes):
        return self.service(role=role, tls={**ASKS, **changes}, initial_data_timeout="0s")

    @each(role=ROLES, size=(17500, 100000, 150000))
    def test_more_certificates_than_allowed(self, role, size):
        """By default 16 KiB; OpenSSL's own limit is 100 KiB."""
        actpass = self.actpass(self.service_of(role))
        ended = self.shown(actpass, role, self.long_chain(size))
        self.assertEqual(ended["reason"], "PROTOCOL")
        self.assertIn("excessive message size", ended["error"])

    @each(role=ROLES)
    def test_as_many_certificates_as_allowed(self, role):
        actpass = self.actpass(self.service_of(role))
        self.assertEqual(self.shown(actpass, role, self.long_chain(16384))["reason"], "CLEAN")

    @each(role=ROLES)
    def test_the_limit_can_be_set(self, role):
        actpass = self.actpass(self.service_of(role, max_certificate_list=1048576))
        self.assertEqual(self.shown(actpass, role, self.long_chain(150000))["reason"], "CLEAN")

    @each(role=ROLES, depth=(1, 2))
    def test_verify_depth(self, role, depth):
        made = self.certificates.__class__(self.folder)
        for name in "ca", "middle":
            for end in "pem", "key":
                os.symlink(self.certificates.path(name, end), made.path(name, end))
        authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
        made._make("lower", "middle", "lower", None, authority)
        made._make("leaf", "lower", "leaf", "DNS:dev1.devices.example", [])
        with open(made.path("leaf"), "a") as chain:
            for name in "lower", "middle":
                with open(made.path(name)) as between:
                    chain.write(between.read())
        actpass = self.actpass(self.service_of(role, verify_depth=depth))
        ended = self.shown(actpass, role, made.chain("leaf"))
        self.assertEqual(ended["reason"], "CLEAN" if depth == 2 else "REFUSED", ended)

    @each(role=ROLES, bound=(True, False))
    def test_a_common_name_is_bound_by_name_constraints(self, role, bound):
        made = self.certificates.__class__(self.folder)
        for end in "pem", "key":
            os.symlink(self.certificates.path("ca", end), made.path("ca", end))
        extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]
        if bound:
            extensions.append("nameConstraints=critical,permitted;DNS:devices.example")
        made._make("bound", "ca", "bound", None, extensions)
        made._make("leaf", "bound", "gate.elsewhere.example", "DNS:dev9.devices.example", [])
        with open(made.path("leaf"), "a") as chain, open(made.path("bound")) as between:
            chain.write(between.read())
        actpass = self.actpass(self.service_of(role, peer_names=["cn:gate.elsewhere.example"]))
        ended = self.shown(actpass, role, made.chain("leaf"))
        self.assertEqual(ended["reason"], "REFUSED" if bound else "CLEAN", ended)


class OnDemand(Policy):
    @each(ems=(True, False))
    def test_without_extended_master_secret(self, ems):
        """RFC 7627: without it the renegotiated handshake need not be the same peer's."""
        os.makedirs(os.path.join(self.folder, "www/secure"))
        self.file("www/secure/index.html", b"for few")
        actpass = self.actpass(self.service(
            tls={"client_auth": "on_demand"}, http={"root": "www", "protected": ["/secure/"]},
            echo=None))
        made = tls.context(self.certificates, False, "1.2", certificate="device")
        if not ems:
            made.options |= NO_EMS
        peer = tls.Tls(self.connect(actpass), made).handshake()
        peer.send(b"GET /secure/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = peer.recv_all()
        self.assertIn(b"for few" if ems else b"403 Forbidden", answer)
        peer.finish()


class SlowReaders(Policy):
    """write_timeout is not held up by a few bytes now and then."""

    def endless(self, session):
        try:
            while True:
                session.sock.sendall(bytes(65536))
        except OSError:
            pass

    def reader(self, actpass, buffer):
        """A client with a receive buffer of this size; from here on its socket is read from."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.connect(actpass.address())
        self.addCleanup(sock.close)
        peer = tls.Tls(sock, tls.context(self.certificates, False)).handshake()
        sock.setblocking(True)
        return peer

    def reads(self, actpass, peer, size, pause, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not actpass.find(event="close"):
            try:
                peer.sock.recv(size)
            except OSError:
                break
            time.sleep(pause)

    @each(transport=("relay", "direct"))
    def test_a_few_bytes_a_second(self, transport):
        """60 a second are less than the 64 that are asked for. The smallest buffer takes them in
        steps of about 600, so some go within each write_timeout: a server that is content with
        any progress keeps the connection for as long as we read."""
        backend = self.backend(Backend(self.endless))
        actpass = self.actpass(self.service(tls=ANY, forward=backend.address, write_timeout="10s",
                                            transport=transport))
        peer = self.reader(actpass, 1)
        self.reads(actpass, peer, 600, 0.5, 0.1)  # the first 600 are only room for the next
        self.reads(actpass, peer, 600, 10, 35)
        closed = actpass.close()
        self.assertEqual(closed["reason"], "TIMEOUT")
        self.assertLess(int(closed["dur_ms"]), 30000, "it ended because we no longer read")

    @each(transport=("relay", "direct"))
    def test_a_slow_reader_is_not_a_dead_one(self, transport):
        backend = self.backend(Backend(self.endless))
        actpass = self.actpass(self.service(tls=ANY, forward=backend.address, write_timeout="10s",
                                            transport=transport))
        peer = self.reader(actpass, 65536)
        self.reads(actpass, peer, 16384, 0.05, 13)
        peer.reset()
        self.assertNotEqual(actpass.close()["reason"], "TIMEOUT")
