"""Peers' certificates are checked by OCSP, with soft and hard failure."""
import os
import socket
import ssl
import subprocess
import time

from support import responder, tls
from support.authority import Authority
from support.case import Case
from support.data import until
from support.each import each
from support.ports import free_port
from support.responder import Odd, Responder
from test_resolving import stuck_resolver


class Scene(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.authority = Authority(os.path.join(self.folder, "authority"))
        self.aia = [f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{self.port}/ocsp"]
        self.own = self.authority.issue("own", "localhost")
        self.seen = 0

    def issue(self, *names):
        for name in names:
            self.authority.issue(name, name + ".example", extensions=self.aia)

    def keys(self, peers, **ocsp):
        return {"certificate": self.own[0], "key": self.own[1], "ca": self.authority.certificate,
                "ocsp": {"peers": peers, **ocsp}}

    def start(self, peers, tls=None, env=None, check=True, **ocsp):
        self.seen = 0
        return self.actpass(
            self.service(role="server", tls={**self.keys(peers, **ocsp), "peer_names": None,
                                             "client_auth": "require", **(tls or {})}),
            sandbox_connect=["1-65535"], env=env, check=check)

    def run_client(self, actpass, name, *options):
        return subprocess.Popen(
            ["openssl", "s_client", "-connect", "127.0.0.1:%d" % actpass.address()[1], "-CAfile",
             self.authority.certificate, "-cert", self.authority.path(name), "-key",
             self.authority.path(name, "key"), *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def visit(self, actpass, name, *options):
        """What the log says of a client with this certificate."""
        self.run_client(actpass, name, *options).wait(60)
        self.seen += 1
        return actpass.wait_for(event="close", count=self.seen)


class Clients(Scene):
    @each(peers=("hard", "soft"))
    def test_what_the_responder_says(self, peers):
        self.issue("good", "revoked", "unknown")
        self.authority.write_index(revoked=["revoked"], unknown=["unknown"])
        Responder(self, self.authority, self.port)
        actpass = self.start(peers)
        for version in "-tls1_2", "-tls1_3":
            for name, passes in (("good", True), ("revoked", False), ("unknown", peers == "soft")):
                with self.subTest(version=version, name=name):
                    line = self.visit(actpass, name, version)
                    self.assertEqual(line["ocsp"], name)
                    self.assertEqual(line["reason"], "CLEAN" if passes else "REFUSED")

    def test_no_responder(self):
        self.issue("good")
        self.authority.issue("nameless", "nameless.example")  # without a responder's URL
        for peers, passes in ("soft", True), ("hard", False):
            actpass = self.start(peers)
            for name, text in ("good", "refused"), ("nameless", "names no OCSP responder"):
                with self.subTest(peers=peers, name=name):
                    line = self.visit(actpass, name)
                    self.assertEqual(line["ocsp"], "unavailable")
                    self.assertEqual(line["reason"], "CLEAN" if passes else "REFUSED")
                    if not passes:
                        self.assertIn(text, line["error"])

    @each(way=("silent", "slow", "drip", "headers", "line", "redirect", "huge", "nonsense"))
    def test_a_responder_that_misbehaves(self, way):
        """Its time is bounded, and it holds up nobody else."""
        self.issue("good", "other")
        odd = Odd(self, getattr(responder, way), self.port)
        actpass = self.start("hard", timeout="1s")
        waiting = self.run_client(actpass, "good")
        until(lambda: odd.requests, 30, "the responder being asked")
        line = self.visit(actpass, "good")
        waiting.wait(60)
        self.assertEqual((line["reason"], line["ocsp"]), ("REFUSED", "unavailable"))
        self.assertEqual(odd.requests, 1)  # the failure is kept for a while
        actpass.wait_for(event="close", count=2)

    def test_a_responder_whose_name_is_never_resolved(self):
        """The time of the responder holds for its name, too, and others are not held up."""
        self.authority.issue("hangs", "hangs.example", extensions=[
            "authorityInfoAccess=OCSP;URI:http://responder.example/ocsp"])
        self.issue("good")
        self.authority.write_index()
        Responder(self, self.authority, self.port)
        env = stuck_resolver(self)
        actpass = self.start("hard", timeout="3s", env=env, check=False)
        waiting = self.run_client(actpass, "hangs")
        actpass.wait_for(event="role")
        line = self.visit(actpass, "good")
        self.assertEqual((line["reason"], line["ocsp"]), ("CLEAN", "good"))
        line = actpass.wait_for(event="close", count=2, timeout=12)
        self.assertEqual((line["reason"], line["ocsp"]), ("REFUSED", "unavailable"))
        self.assertIn("responder.example:80", line["error"])
        waiting.wait(60)
        began = time.monotonic()
        self.assertEqual(actpass.stop(), 0)
        self.assertLess(time.monotonic() - began, 6, "a stop waits for no name")

    def test_many_responders_whose_names_are_never_resolved(self):
        """Names that peers' certificates choose take half of the threads for lookups, which an abandoned
        one keeps: the other names of the process have theirs."""
        count = 48
        for number in range(count):
            self.authority.issue("hangs%d" % number, "hangs.example", extensions=[
                f"authorityInfoAccess=OCSP;URI:http://r{number}.example/ocsp"])
        actpass = self.start("soft", timeout="300ms", env=stuck_resolver(self), check=False)
        for begin in range(0, count, 8):
            clients = [self.run_client(actpass, "hangs%d" % number) for number in range(begin, begin + 8)]
            for client in clients:
                client.wait(60)
        actpass.wait_for(event="close", count=count)
        until(lambda: actpass.threads() < 32 + 12, 30, "the threads that ask having gone")

    @each(going=("reset", "fin"))
    def test_a_peer_that_goes_meanwhile(self, going):
        """It is noticed at once, and not when the responder's time is over."""
        self.issue("good")
        odd = Odd(self, responder.silent, self.port)
        actpass = self.start("hard", timeout="30s", check=False)  # the question goes on
        peer = tls.Tls(self.connect(actpass), self.client_context("good"), server_hostname="localhost").handshake()
        until(lambda: odd.requests, 30, "the responder being asked")
        if going == "reset":
            tls.reset(peer.sock)
        else:
            peer.sock.shutdown(socket.SHUT_WR)  # close(2) would reset it: tickets are not read
        line = actpass.wait_for(event="close", timeout=12)
        self.assertEqual(line["reason"], "RESET" if going == "reset" else "TRUNCATED")

    def client_context(self, name):
        context = ssl.create_default_context(cafile=self.authority.certificate)
        context.load_cert_chain(self.authority.path(name), self.authority.path(name, "key"))
        return context

    def test_a_silent_responder_of_many_peers(self):
        """It has two threads; a peer of another one is not held up."""
        port = free_port()
        silent = Odd(self, responder.silent, port)
        for number in range(20):
            self.authority.issue("slow%d" % number, "slow.example", extensions=[
                f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}/{number}"])
        self.issue("good")
        self.authority.write_index()
        Responder(self, self.authority, self.port)
        actpass = self.start("hard", timeout="15s")
        slow = [self.run_client(actpass, "slow%d" % number) for number in range(20)]
        until(lambda: silent.requests == 2, 30, "the silent responder being asked")
        line = self.visit(actpass, "good")
        self.assertEqual((line["reason"], line["ocsp"]), ("CLEAN", "good"))
        self.assertEqual(silent.requests, 2)
        for client in slow:
            client.kill()
            client.wait()

    def test_a_client_that_is_asked_later(self):
        self.issue("good", "revoked")
        self.authority.write_index(revoked=["revoked"])
        Responder(self, self.authority, self.port)
        with open(os.path.join(self.folder, "page"), "w") as out:
            out.write("hello")
        actpass = self.actpass(
            self.service(role="server", http={"root": self.folder, "protected": ["/"]}, echo=None,
                         tls={**self.keys("hard"), "peer_names": None,
                              "client_auth": "on_demand"}), sandbox_connect=["1-65535"])
        for name, passes in ("good", True), ("revoked", False):
            done = subprocess.run(
                ["curl", "-sS", "--tlsv1.2", "--tls-max", "1.2", "--cacert",
                 self.authority.certificate, "--cert", self.authority.path(name), "--key",
                 self.authority.path(name, "key"), "--max-time", "30",
                 "https://localhost:%d/page" % actpass.address()[1]],
                capture_output=True, text=True, timeout=60)
            self.assertEqual(done.stdout, "hello" if passes else "", done.stderr)


class Servers(Scene):
    """We are TLS client; nginx staples."""

    def response(self, name):
        path = self.authority.path(name, "der")
        subprocess.run(
            ["openssl", "ocsp", "-index", self.authority.path("index", "txt"), "-CA",
             self.authority.certificate, "-rsigner", self.authority.certificate, "-rkey",
             self.authority.path(self.authority.name, "key"), "-issuer",
             self.authority.certificate, "-cert", self.authority.path(name), "-respout", path,
             "-ndays", "1"], check=True, capture_output=True)
        return path

    def nginx(self, *servers):
        """Serves (certificate, stapled response or None, TLS version), one on each port."""
        ports, blocks = [], []
        for name, response, version in servers:
            ports.append(free_port())
            staple = f"ssl_stapling on; ssl_stapling_file {response};" if response else ""
            blocks.append(
                f"server {{ listen 127.0.0.1:{ports[-1]} ssl; ssl_protocols {version}; "
                f"ssl_certificate {self.authority.path(name)}; "
                f"ssl_certificate_key {self.authority.path(name, 'key')}; {staple} "
                f"return 200 hello; }}")
        temporary = " ".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self.file("nginx.conf", (
            f"daemon off; master_process off; pid {self.folder}/nginx.pid;\n"
            f"events {{ }} http {{ access_log off; {temporary} {' '.join(blocks)} }}").encode())
        self.spawn(["nginx", "-e", f"{self.folder}/error.log", "-c", config])
        for port in ports:
            until(lambda: self.answers(port), 20, "nginx listening")
        return ports

    @staticmethod
    def answers(port):
        return subprocess.run(["nc", "-z", "127.0.0.1", str(port)], check=False).returncode == 0

    def test_stapled_responses(self):
        """Nobody else can be asked: hard failure passes what is stapled as good alone."""
        for name in "good", "revoked":
            self.authority.issue(name, name + ".example")
        self.authority.write_index(revoked=["revoked"])
        good, revoked = self.response("good"), self.response("revoked")
        rows = [(name, response, version) for version in ("TLSv1.2", "TLSv1.3") for name, response
                in (("good", good), ("revoked", revoked), ("good", None), ("good", revoked))]
        ports = self.nginx(*rows)
        for row, port in zip(rows, ports):
            with self.subTest(row=row):
                actpass = self.actpass(self.dial_service(
                    f"127.0.0.1:{port}", role="client", listen_plain="127.0.0.1:0",
                    tls={**self.keys("hard"), "certificate": None, "key": None,
                         "client_auth": None, "peer_names": [row[0] + ".example"]}))
                plain = self.connect(actpass)
                passes = row[:2] == ("good", good)
                plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
                if passes:
                    self.assertIn(b"hello", b"".join(iter(lambda: plain.recv(4096), b"")))
                    plain.close()
                line = actpass.wait_for(event="close")
                self.assertEqual(line["ocsp"], "good" if passes else
                                 "revoked" if row[0] == "revoked" else "unavailable")
                self.assertEqual(line["reason"], "CLEAN" if passes else "REFUSED")
                self.assertEqual(actpass.stop(), 0)

    def test_must_staple(self):
        """Without a response such a certificate is refused, even with soft failure."""
        self.authority.issue("plain", "peer.example")
        self.authority.issue("must", "peer.example", extensions=["tlsfeature=status_request"])
        self.authority.write_index()
        rows = [("plain", None, True), ("must", None, False), ("must", self.response("must"), True)]
        ports = self.nginx(*((name, response, "TLSv1.3") for name, response, _ in rows))
        for (name, response, passes), port in zip(rows, ports):
            with self.subTest(name=name, stapled=bool(response)):
                actpass = self.actpass(self.dial_service(
                    f"127.0.0.1:{port}", role="client", listen_plain="127.0.0.1:0",
                    tls={**self.keys("soft"), "certificate": None, "key": None,
                         "client_auth": None, "peer_names": ["peer.example"]}))
                plain = self.connect(actpass)
                plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
                if passes:
                    self.assertIn(b"hello", b"".join(iter(lambda: plain.recv(4096), b"")))
                    plain.close()
                line = actpass.wait_for(event="close")
                self.assertEqual(line["ocsp"], "good" if response else "unavailable")
                self.assertEqual(line["reason"], "CLEAN" if passes else "REFUSED")
