"""Trust with programs that were not written here: certificates on demand, access lists by kind of
name, revocation, OCSP stapling, and certificates by server name."""
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess

from support import programs, tls
from support.actpass import died_with_us
from support.case import Case, program
from support.data import until
from support.each import ROLES, VERSIONS, each

REQUEST = b"GET %s HTTP/1.1\r\nHost: front.example\r\n\r\n"


class OnDemand(Case):
    """examples/on_demand, which asks for a certificate where a path begins with /secure/."""

    def serve(self, *names):
        command = [os.path.join(os.path.dirname(program()), "examples", "on_demand"),
                   *self.certificates.chain("front"), self.certificates.path("ca"),
                   *(names or ["*.devices.example"])]
        self.log = self.file("log")
        with open(self.log, "wb") as out:
            process = self.spawn(command, stdout=out, stderr=subprocess.STDOUT)
        return programs.port_of(process)

    def ended(self, number=1):
        """How the connection of this number ended, as the server says it."""
        def line():
            with open(self.log) as log:
                return log.read().splitlines()[number:number + 1]
        return until(line, 20, f"connection {number} in the server's log")[0]

    # ---- curl

    def curl(self, port, version, path, certificate=None):
        more = []
        if certificate:
            more = ["--cert", self.certificates.path(certificate),
                    "--key", self.certificates.path(certificate, "key")]
        return subprocess.run(programs.curl(self.certificates, port, version, path, *more),
                              capture_output=True, text=True, timeout=60)

    @each(version=VERSIONS)
    def test_curl(self, version):
        port = self.serve()
        done = self.curl(port, version, "/", "device")
        self.assertEqual(done.stdout, f"You are nobody, over TLSv{version}.\n", done.stderr)
        self.assertEqual(self.ended(), "CLEAN ")
        done = self.curl(port, version, "/secure/", "device")
        self.assertEqual(done.stdout, f"You are CN=dev1.devices.example, over TLSv{version}.\n",
                         done.stderr)
        self.assertEqual(self.ended(2), "CLEAN ")

    @each(version=VERSIONS, certificate=(None, "other-name", "stranger", "expired", "front"))
    def test_curl_is_refused(self, version, certificate):
        done = self.curl(self.serve(), version, "/secure/", certificate)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        self.assertIn("alert", done.stderr)
        self.assertTrue(self.ended().startswith("REFUSED "), self.ended())

    # ---- wclient, ours

    @each(version=VERSIONS, certificate=("device", None))
    def test_wclient(self, version, certificate):
        example = os.path.join(os.path.dirname(program()), "examples", "wclient")
        config = self.file("openssl.cnf", f"""openssl_conf = all
            [all]\nssl_conf = ssl\n[ssl]\nsystem_default = most
            [most]\nMaxProtocol = TLSv{version}\n""".encode())
        more = []
        if certificate:
            more = ["-c", self.certificates.path(certificate),
                    "-k", self.certificates.path(certificate, "key")]
        done = subprocess.run([example, "-h", "127.0.0.1", "-p", str(self.serve()), "--ca",
                               self.certificates.path("ca"), *more, "/secure/"],
                              capture_output=True, text=True, timeout=60,
                              env={**os.environ, "OPENSSL_CONF": config})
        if certificate:
            self.assertIn(f"You are CN=dev1.devices.example, over TLSv{version}.", done.stdout,
                          done.stderr)
            self.assertEqual(self.ended(), "CLEAN ")
        else:
            self.assertNotIn("You are", done.stdout)
            self.assertTrue(self.ended().startswith("REFUSED "), self.ended())

    # ---- openssl s_client

    def s_client(self, port, version, *more, path=b"/secure/"):
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet",
                   "-CAfile", self.certificates.path("ca"), programs.OPENSSL[version], *more]
        return subprocess.run(died_with_us(command), input=REQUEST % path, capture_output=True,
                              timeout=60)

    @each(version=VERSIONS)
    def test_s_client(self, version):
        pha = ["-enable_pha"] if version == "1.3" else []
        identity = ["-cert", self.certificates.path("client"),
                    "-key", self.certificates.path("client", "key")]
        done = self.s_client(self.serve(), version, *pha, *identity)
        self.assertIn(b"You are CN=client, over", done.stdout, done.stderr)

    def test_s_client_that_cannot(self):
        done = self.s_client(self.serve(), "1.3")
        self.assertNotIn(b"You are", done.stdout)
        self.assertIn("REFUSED the client gives no certificate after the handshake: it has not "
                      "offered post_handshake_auth", self.ended())

    def test_s_client_that_will_not_renegotiate(self):
        done = self.s_client(self.serve(), "1.2", "-no_renegotiation")
        self.assertNotIn(b"You are", done.stdout)
        self.assertIn("REFUSED the client refused to renegotiate", self.ended())

    # ---- gnutls-cli

    def gnutls(self, port, priority, *more):
        command = ["gnutls-cli", "--no-ca-verification", "--port", str(port), "--priority",
                   priority, "--x509certfile", self.certificates.path("device"), "--x509keyfile",
                   self.certificates.path("device", "key"), "--logfile", self.file("gnutls.log"),
                   *more, "127.0.0.1"]
        process = self.spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(REQUEST % b"/secure/")
        process.stdin.flush()  # and is left open: at its end gnutls-cli would go
        return process.stdout.read()

    @each(version=VERSIONS)
    def test_gnutls(self, version):
        more = ["--post-handshake-auth"] if version == "1.3" else []
        answer = self.gnutls(self.serve(), programs.gnutls_priority(version), *more)
        self.assertIn(b"You are CN=dev1.devices.example", answer)

    def test_gnutls_that_cannot_renegotiate_safely(self):
        answer = self.gnutls(self.serve(),
                             programs.gnutls_priority("1.2") + ":%DISABLE_SAFE_RENEGOTIATION")
        self.assertNotIn(b"You are", answer)
        self.assertIn("REFUSED the client gives no certificate after the handshake: it cannot "
                      "renegotiate safely", self.ended())

    # ---- Python

    def python(self, port, version, certificate, post_handshake_auth=True, path=b"/secure/"):
        context = tls.context(self.certificates, False, version, certificate=certificate)
        context.post_handshake_auth = post_handshake_auth
        raw = socket.create_connection(("127.0.0.1", port), 30)
        with context.wrap_socket(raw, server_hostname="front.example") as sock:
            sock.sendall(REQUEST % path)
            answer = b""
            while chunk := sock.recv(65536):
                answer += chunk
            with contextlib.suppress(OSError):  # actpass may be gone
                sock.unwrap().close()
            return answer

    @each(version=VERSIONS)
    def test_python(self, version):
        answer = self.python(self.serve(), version, "device")
        self.assertIn(b"You are CN=dev1.devices.example, over", answer)
        self.assertEqual(self.ended(), "CLEAN ")

    @each(version=VERSIONS, first=("/", "/secure/"))
    def test_python_resumes(self, version, first):
        """A session from before the request proves nothing: the client is asked again."""
        port = self.serve()
        context = tls.context(self.certificates, False, version, certificate="device")
        context.post_handshake_auth = True
        session = None
        for path in first.encode(), b"/secure/":
            raw = socket.create_connection(("127.0.0.1", port), 30)
            with context.wrap_socket(raw, server_hostname="front.example", session=session) as sock:
                resumed = sock.session_reused
                sock.sendall(REQUEST % path)
                answer = b""
                while chunk := sock.recv(65536):
                    answer += chunk
                session = sock.session
                who = b"nobody" if path == b"/" else b"CN=dev1.devices.example"
                self.assertIn(b"You are %s, over" % who, answer)
                with contextlib.suppress(OSError):
                    sock.unwrap().close()
        self.assertTrue(resumed)
        self.assertEqual(self.ended(2), "CLEAN ")

    @each(post_handshake_auth=(True, False))
    def test_python_where_nobody_asks(self, post_handshake_auth):
        answer = self.python(self.serve(), "1.3", "device", post_handshake_auth, b"/")
        self.assertIn(b"You are nobody", answer)

    def test_python_without_post_handshake_auth(self):
        with contextlib.suppress(ssl.SSLError, OSError):
            self.assertEqual(self.python(self.serve(), "1.3", "device", False), b"")
        self.assertIn("not offered post_handshake_auth", self.ended())

    @each(version=VERSIONS)
    def test_python_without_certificate(self, version):
        with self.assertRaises((ssl.SSLError, OSError)):
            self.python(self.serve(), version, None)
        self.assertEqual(self.ended(),
                         "REFUSED the peer gave no certificate, which is required")

    @each(version=VERSIONS)
    def test_a_client_that_never_reads(self, version):
        context = tls.context(self.certificates, False, version, certificate="device")
        context.post_handshake_auth = True
        peer = tls.Tls(socket.create_connection(("127.0.0.1", self.serve()), 30), context)
        peer.handshake().send(REQUEST % b"/secure/")
        self.assertEqual(self.ended(), "TIMEOUT the client did not answer the request for its "
                                       "certificate in time")
        peer.cut()


class Names(Case):
    """Access lists by kind of name."""

    def issue(self, name, alternative, subject):
        self.certificates.folder, folder = self.folder, self.certificates.folder
        try:
            for file in "ca.pem", "ca.key":
                shutil.copy(os.path.join(folder, file), self.folder)
            self.certificates._make(name, "ca", subject, alternative,
                                    ["basicConstraints=critical,CA:FALSE"])
        finally:
            self.certificates.folder = folder
        return os.path.join(self.folder, f"{name}.pem"), os.path.join(self.folder, f"{name}.key")

    def passes(self, role, version, wanted, chain):
        actpass = self.actpass(self.service(
            tls={"client_auth": "require", "peer_names": [wanted]},
            initial_data_timeout="100ms" if role == "client" else "20s"))
        context = tls.context(self.certificates, role == "client", version)
        context.load_cert_chain(*chain)
        peer = tls.Tls(self.connect(actpass), context, server_side=role == "client")
        try:
            answered = peer.handshake().exchange(b"hello", 5) == b"hello"
            peer.finish()
        except (ssl.SSLError, tls.Truncated, OSError):
            answered = False
        peer.sock.close()
        closed = actpass.close(actpass.role())
        self.assertEqual(closed["reason"], "CLEAN" if answered else "REFUSED", closed)
        return answered

    @each(role=ROLES, version=VERSIONS)
    def test_kinds(self, role, version):
        chain = self.issue("all", "DNS:a.example,IP:192.0.2.7,URI:urn:x:y,email:me@b.example",
                           "Some Device")
        for wanted, passes in (("dns:a.example", True), ("ip:192.0.2.7", True),
                               ("uri:urn:x:y", True), ("email:me@B.example", True),
                               ("cn:Some Device", True), ("cn:some device", False),
                               ("cn:a.example", False), ("dns:b.example", False),
                               ("email:you@b.example", False)):
            with self.subTest(wanted=wanted):
                self.assertEqual(self.passes(role, version, wanted, chain), passes)


class Files(Case):
    """Lists and responses made with the openssl command."""

    def setUp(self):
        super().setUp()
        self.index, self.config = self.file("index.txt"), self.file("ca.cnf", b"".join((
            b"[ca]\ndefault_ca=d\n[d]\ndatabase=", self.folder.encode(), b"/index.txt\n"
            b"default_md=sha256\ndefault_crl_days=1\n")))

    def openssl(self, *command):
        return subprocess.run(["openssl", *command], check=True, capture_output=True,
                              timeout=60).stdout

    def ca(self, issuer, *command):
        self.openssl("ca", "-config", self.config, "-cert", self.certificates.path(issuer),
                     "-keyfile", self.certificates.path(issuer, "key"), *command)

    def crl(self, *revoked, issuer="ca"):
        for name in revoked:
            self.ca(issuer, "-revoke", self.certificates.path(name))
        path = os.path.join(self.folder, f"{issuer}.crl")
        self.ca(issuer, "-gencrl", "-out", path)
        return path

    def meets(self, role, version, certificate, crl):
        actpass = self.actpass(self.service(
            tls={"client_auth": "require", "crl": crl},
            initial_data_timeout="100ms" if role == "client" else "20s"))
        peer = self.peer(role, actpass, version, certificate=certificate, handshake=False)
        try:
            peer.handshake().exchange(b"hello", 5)
            peer.finish()
        except (ssl.SSLError, tls.Truncated, OSError):
            peer.sock.close()
        return actpass.close(actpass.role())

    @each(role=ROLES, version=VERSIONS)
    def test_crl(self, role, version):
        crl = self.crl("device")
        closed = self.meets(role, version, "device", crl)
        self.assertEqual(closed["reason"], "REFUSED", closed)
        self.assertIn("certificate revoked (depth 0", closed["error"])
        self.assertEqual(self.meets(role, version, "client", crl)["reason"], "CLEAN")
        closed = self.meets(role, version, "by-middle", crl)
        self.assertEqual(closed["reason"], "REFUSED", closed)
        self.assertIn("unable to get certificate CRL", closed["error"])

    @each(version=VERSIONS)
    def test_reload(self, version):
        """SIGHUP: another list and another certificate, for connections that begin then; a bad
        file changes nothing."""
        files = {name: self.file(name, open(self.certificates.path(*name.split(".")), "rb").read())
                 for name in ("front.pem", "front.key")}
        crl = self.crl()
        actpass = self.actpass(self.service(role="server", tls={
            "certificate": files["front.pem"], "key": files["front.key"],
            "client_auth": "require", "crl": crl}))
        before = self.client(actpass, version, certificate="device")
        self.assertEqual(before.exchange(b"hello", 5), b"hello")
        for number in range(2):
            if number == 0:
                self.file("front.pem", b"nothing")
            else:
                self.crl("device")
                for name in files:
                    end = name.split(".")[1]
                    self.file(name, open(self.certificates.path("by-middle", end), "rb").read())
            actpass.signal(signal.SIGHUP)
            reload = actpass.wait_for(event="reload", count=number + 1)
            self.assertEqual("front.pem" in reload.get("error", ""), number == 0, reload)
            self.assertEqual(before.exchange(b"still", 5), b"still")
            revoked = number == 1
            try:
                peer = self.client(actpass, version, certificate="device")
                good = peer.exchange(b"hello", 5) == b"hello"
                peer.finish()
            except (ssl.SSLError, tls.Truncated, OSError):
                good = False
            self.assertEqual(good, not revoked)
        before.finish()

    def test_a_revoked_peer_sees_the_alert(self):
        actpass = self.actpass(self.service(tls={"client_auth": "require",
                                                 "crl": self.crl("device")}))
        done = subprocess.run(
            programs.curl(self.certificates, actpass.port(), "1.3", "/", "--cert",
                          self.certificates.path("device"), "--key",
                          self.certificates.path("device", "key")),
            capture_output=True, text=True, timeout=60)
        self.assertIn("certificate revoked", done.stderr)

    def staple(self, status="V"):
        """What the CA says of "front"; "V": good, "R": revoked."""
        serial = self.openssl("x509", "-in", self.certificates.path("front"), "-noout",
                              "-serial").decode().strip().partition("=")[2]
        revoked = "250101000000Z" if status == "R" else ""
        with open(self.index, "w") as out:
            out.write(f"{status}\t491231000000Z\t{revoked}\t{serial}\tunknown\t/CN=front\n")
        path = os.path.join(self.folder, "ocsp.der")
        self.openssl("ocsp", "-index", self.index, "-CA", self.certificates.path("ca"), "-rsigner",
                     self.certificates.path("ca"), "-rkey", self.certificates.path("ca", "key"),
                     "-issuer", self.certificates.path("ca"), "-cert",
                     self.certificates.path("front"), "-ndays", "1", "-respout", path)
        return path

    def look(self, port, version, *more):
        """What openssl s_client sees."""
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile",
                               self.certificates.path("ca"), programs.OPENSSL[version], *more],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    @each(version=VERSIONS)
    def test_ocsp(self, version):
        actpass = self.actpass(self.service(role="server",
                                            tls={"ocsp_response": self.staple()}))
        seen = self.look(actpass.port(), version, "-status")
        self.assertIn("OCSP Response Status: successful", seen)
        self.assertIn("Cert Status: good", seen)
        self.assertNotIn("OCSP response:", self.look(actpass.port(), version))

    @each(version=VERSIONS, unknown=("default", "refuse"))
    def test_server_names(self, version, unknown):
        def certificate(name, *names):
            return {"server_names": list(names), "certificate": self.certificates.path(name),
                    "key": self.certificates.path(name, "key")}
        actpass = self.actpass(self.service(role="server", tls={
            "certificates": [certificate("device", "*.shop.example"),
                             certificate("client", "a.shop.example")],
            "unknown_server_name": unknown}))
        for name, subject in (("a.shop.example", "client"), ("A.Shop.Example", "client"),
                              ("b.shop.example", "dev1.devices.example"),
                              ("front.example", "front.example"), (None, "front.example"),
                              ("elsewhere.example", None)):
            with self.subTest(name=name):
                more = ["-servername", name] if name else ["-noservername"]
                seen = self.look(actpass.port(), version, *more)
                if not subject and unknown == "refuse":
                    self.assertIn("alert number 112", seen)
                    self.assertIn("asked for a server name (SNI) that no certificate is for",
                                  actpass.close(reason="PROTOCOL")["error"])
                else:
                    # OpenSSL 3.2 and later print CN=NAME, older ones CN = NAME.
                    self.assertIn(f"subject=CN={subject or 'front.example'}\n",
                                  seen.replace("CN = ", "CN="))
