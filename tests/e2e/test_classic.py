"""The three programs of the Linux Journal's article: wclient, wserver, sclient; with others and
with each other."""
import os
import re
import socket
import ssl
import subprocess
import threading

from support import data, programs, tls
from support.actpass import died_with_us
from support.backend import Backend, echo
from support.case import Case, example, need
from support.each import VERSIONS, each

NEW_SESSION = {"1.2": b"TLSv1.2", "1.3": b"TLSv1.3"}
ECDSA = {"1.2": "ECDHE-ECDSA-AES256-GCM-SHA384", "1.3": "TLS_CHACHA20_POLY1305_SHA256"}
REQUEST = b"GET / HTTP/1.0\r\n\r\n"


class Classic(Case):
    def most(self, version):
        """An environment in which OpenSSL knows no later version: our programs have no option
        for it."""
        config = self.file(f"openssl-{version}.cnf", f"""openssl_conf = all
            [all]\nssl_conf = ssl\n[ssl]\nsystem_default = most
            [most]\nMaxProtocol = TLSv{version}\n""".encode())
        return {**os.environ, "OPENSSL_CONF": config}

    def run_client(self, name, port, *more, text=b"", ca="ca", version="1.3"):
        command = [example(name), "-h", "127.0.0.1", "-p", str(port)]
        if ca:
            command += ["--ca", self.certificates.path(ca)]
        return subprocess.run(died_with_us(command + list(more)), input=text, capture_output=True,
                              timeout=60, env=self.most(version))

    def wclient(self, port, *more, **options):
        return self.run_client("wclient", port, *more, **options)

    def sclient(self, port, *more, version="1.3"):
        return self.spawn([example("sclient"), "-h", "127.0.0.1", "-p", str(port), "--ca",
                           self.certificates.path("ca"), *more], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.most(version))

    def with_certificate(self, name="device"):
        certificate, key = self.certificates.chain(name)
        return "-c", certificate, "-k", key

    def server(self, version, serve, certificate="front"):
        """A TLS server in Python: serve(peer) for one connection. Its port."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        made = tls.context(self.certificates, True, version, certificate=certificate)

        def run():
            sock, _ = listener.accept()
            try:
                serve(tls.Tls(sock, made, server_side=True).handshake())
            except (ssl.SSLError, OSError, tls.Truncated):
                pass
            sock.close()
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 20)
        return listener.getsockname()[1]

    def s_server(self, version, *more, **options):
        process = self.spawn(["openssl", "s_server", "-accept", "127.0.0.1:0", "-quiet",
                              "-cert", self.certificates.path("front"),
                              "-key", self.certificates.path("front", "key"),
                              programs.OPENSSL[version], *more], **options)
        return programs.port_of(process), process

    def nginx(self, version, *more):
        """It knows no port 0: it listens on a unix socket, and socat before it on a port."""
        need("nginx")
        www = os.path.join(self.folder, "www")
        os.mkdir(www)
        self.file("www/index.html", b"<p>by nginx</p>")
        self.file("www/large", data.block(3 * data.MIB))
        certificate, key = self.certificates.chain("front")
        path = os.path.join(self.folder, "nginx.sock")
        config = self.file("nginx.conf", f"""
            daemon off; master_process off; worker_processes 1; user root; pid {self.folder}/pid;
            error_log {self.folder}/error.log; events {{}}
            http {{ access_log off; client_body_temp_path {self.folder}/b;
              proxy_temp_path {self.folder}/p; fastcgi_temp_path {self.folder}/f;
              uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s;
              server {{ listen unix:{path} ssl; root {www}; ssl_protocols TLSv{version};
                ssl_certificate {certificate}; ssl_certificate_key {key};
                {" ".join(more)} }} }}""".encode())
        self.spawn(["nginx", "-e", f"{self.folder}/error.log", "-p", self.folder, "-c", config])
        data.until(lambda: os.path.exists(path), 20, "nginx listening")
        return programs.port_of(self.spawn(
            ["socat", "-t", "60", "TCP-LISTEN:0,bind=127.0.0.1,fork", f"UNIX-CONNECT:{path}"]))

    def wserver(self, *more, certificate="front"):
        process = self.spawn([example("wserver"), "-p", "0", "--cert",
                              self.certificates.path(certificate), "--key",
                              self.certificates.path(certificate, "key"),
                              "--ca", self.certificates.path("ca"), *more],
                             stdout=subprocess.PIPE)
        port = int(re.search(rb":(\d+)$", process.stdout.readline().strip()).group(1))
        return port, process


class Wclient(Classic):
    def check_resumed(self, done, version):
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = re.findall(rb"(TLSv1..), .*, (new|resumed) session", done.stderr)
        self.assertEqual(lines, [(NEW_SESSION[version], b"new"), (NEW_SESSION[version], b"resumed")])

    @each(version=VERSIONS)
    def test_nginx(self, version):
        port = self.nginx(version)
        done = self.wclient(port, "/large")
        self.assertEqual(done.returncode, 0, done.stderr)
        body = done.stdout.partition(b"\r\n\r\n")[2]
        self.assertEqual(data.sha256(body), data.sha256(data.block(3 * data.MIB)))
        done = self.wclient(port, "-r")
        self.check_resumed(done, version)
        self.assertEqual(done.stdout.count(b"by nginx"), 2)

    @each(version=VERSIONS)
    def test_nginx_wants_a_certificate(self, version):
        port = self.nginx(version, "ssl_verify_client on;",
                          f"ssl_client_certificate {self.certificates.path('ca')};")
        done = self.wclient(port, *self.with_certificate())
        self.assertIn(b"by nginx", done.stdout, done.stderr)
        done = self.wclient(port)
        self.assertIn(b"400 Bad Request", done.stdout, done.stderr)

    @each(version=VERSIONS)
    def test_s_server(self, version):
        port, _ = self.s_server(version, "-www")
        self.check_resumed(self.wclient(port, "-r"), version)

    @each(version=VERSIONS)
    def test_certificate_in_one_file(self, version):
        both = self.file("both.pem", b"".join(
            open(self.certificates.path("device", end), "rb").read() for end in ("pem", "key")))
        port, _ = self.s_server(version, "-www", "-Verify", "3", "-verify_return_error",
                                "-CAfile", self.certificates.path("ca"))
        self.assertEqual(self.wclient(port, "-c", both).returncode, 0)
        self.assertEqual(self.wclient(port).returncode, 1)

    @each(version=VERSIONS)
    def test_ciphers(self, version):
        port, _ = self.s_server(version, "-www")
        option = "-a" if version == "1.2" else "--ciphersuites"
        done = self.wclient(port, option, ECDSA[version])
        self.assertIn(ECDSA[version].encode(), done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_who_the_server_is(self):
        port, _ = self.s_server("1.3", "-www")
        done = self.wclient(port, ca="stranger-ca")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"REFUSED", done.stderr)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(self.wclient(port, ca=None).returncode, 1, "the system knows no such CA")
        self.assertEqual(self.wclient(port, "-i", "-r", ca=None).returncode, 0)

    def test_another_name(self):
        port, _ = self.s_server("1.3", "-www", "-cert", self.certificates.path("device"), "-key",
                                self.certificates.path("device", "key"))
        done = self.wclient(port)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"REFUSED", done.stderr)

    @each(version=VERSIONS, how=("orderly", "premature"))
    def test_close(self, version, how):
        def serve(peer):
            while not peer.recv().endswith(b"\r\n\r\n"):
                pass
            peer.send(b"HTTP/1.0 200 OK\r\n\r\nhalf of it")
            if how == "orderly":
                peer.finish()
            else:
                peer.cut()
        done = self.wclient(self.server(version, serve))
        self.assertIn(b"half of it", done.stdout)
        self.assertEqual(done.returncode, 0 if how == "orderly" else 1, done.stderr)
        self.assertEqual(b"premature close: TRUNCATED" in done.stderr, how == "premature")
        self.assertEqual(b"closed in order" in done.stderr, how == "orderly")

    def test_nobody_there(self):
        sock = socket.socket()
        self.addCleanup(sock.close)
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        done = self.wclient(port)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(port).encode(), done.stderr)

    @each(name=("wclient", "sclient"))
    def test_usage(self, name):
        for words in ["-z"], ["-k", "key without certificate"]:
            done = subprocess.run([example(name), *words], capture_output=True, timeout=20)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(b"usage: " + name.encode(), done.stderr)


class Wserver(Classic):
    def curl(self, port, version, *more):
        need("curl")
        command = programs.curl(self.certificates, port, version, "/", *more)
        return subprocess.run(command, capture_output=True, timeout=60)

    def s_client(self, port, version, *more):
        command = [*programs.s_client(self.certificates, port, version), *more]
        return subprocess.run(died_with_us(command), input=REQUEST, capture_output=True, timeout=60)

    def curl_certificate(self, name):
        certificate, key = self.certificates.chain(name)
        return ["--cert", certificate, "--key", key]

    def s_client_certificate(self, name):
        certificate, key = self.certificates.chain(name)
        return ["-cert", certificate, "-key", key, "-enable_pha"]

    @each(version=VERSIONS, mode=("threads", "one_process"))
    def test_page(self, version, mode):
        port, process = self.wserver(*(["-n"] if mode == "one_process" else []))
        for done in self.curl(port, version), self.s_client(port, version):
            self.assertIn(b"Server test page\n" + NEW_SESSION[version], done.stdout, done.stderr)
            self.assertRegex(process.stdout.readline(), b"^CLEAN, new session")

    @each(version=VERSIONS, client=("curl", "s_client"), option=("-c", "-C", "-x"))
    def test_client_authentication(self, version, client, option):
        port, process = self.wserver(option, "--allow", "dev1.devices.example")
        ask = getattr(self, client)
        certificate = getattr(self, client + "_certificate")
        done = ask(port, version, *certificate("device"))
        self.assertIn(b"client: CN=dev1.devices.example", done.stdout, done.stderr)
        self.assertRegex(process.stdout.readline(), b"^CLEAN, new session, client CN=dev1")
        done = ask(port, version)
        line = process.stdout.readline()
        if option == "-c":
            self.assertIn(b"client: not authenticated", done.stdout)
            self.assertRegex(line, b"^CLEAN")
        else:
            self.assertNotIn(b"test page", done.stdout)
            self.assertRegex(line, b"^REFUSED")
        for wrong in "client", "stranger":  # not on the list; of another CA
            done = ask(port, version, *certificate(wrong))
            self.assertNotIn(b"test page", done.stdout, wrong)
            self.assertRegex(process.stdout.readline(), b"^REFUSED", wrong)

    @each(version=VERSIONS)
    def test_ciphers(self, version):
        port, _ = self.wserver("-a", ECDSA["1.2"], "--ciphersuites", ECDSA["1.3"])
        made = tls.context(self.certificates, False, version)
        peer = tls.Tls(self.connect(port), made).handshake()
        self.assertEqual(peer.object.cipher()[0], ECDSA[version])
        peer.send(REQUEST)
        self.assertIn(b"test page", peer.finish())

    @each(version=VERSIONS)
    def test_resumption(self, version):
        """Not of a session without client authentication where that is required: those of the
        other do not count."""
        session = os.path.join(self.folder, "session")
        port, process = self.wserver()
        self.s_client(port, version, "-sess_out", session)
        done = self.s_client(port, version, "-sess_in", session)
        self.assertIn(b"resumed session", done.stdout, done.stderr)
        self.assertRegex(process.stdout.readline(), b"^CLEAN, new")
        self.assertRegex(process.stdout.readline(), b"^CLEAN, resumed")
        strict, process = self.wserver("-C")
        done = self.s_client(strict, version, "-sess_in", session)
        self.assertNotIn(b"test page", done.stdout)
        self.assertRegex(process.stdout.readline(), b"^REFUSED, new")

    def test_no_request(self):
        port, process = self.wserver()
        peer = self.client(port)
        peer.send(b"a" * 9000)
        self.assertEqual(peer.finish(), b"")
        self.assertRegex(process.stdout.readline(), b"^CLEAN")

    def test_usage(self):
        for words in ["-z"], ["-p", "70000"], ["-p", "-1"], ["-p", "https"], ["-p", ""]:
            done = subprocess.run([example("wserver"), *words], capture_output=True, timeout=20)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(b"usage: wserver", done.stderr, words)


class Sclient(Classic):
    @each(version=VERSIONS)
    def test_s_server(self, version):
        """Lines in turn, in both directions; then the end of the input."""
        port, server = self.s_server(version, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        client = self.sclient(port)
        for _ in range(3):
            client.stdin.write(b"from the client\n")
            client.stdin.flush()
            self.assertEqual(server.stdout.readline(), b"from the client\n")
            server.stdin.write(b"from the server\n")
            server.stdin.flush()
            self.assertEqual(client.stdout.readline(), b"from the server\n")
        client.stdin.close()
        self.assertEqual(client.wait(20), 0, client.stderr.read())

    @each(version=VERSIONS)
    def test_both_directions_at_once(self, version):
        block = data.block(3 * data.MIB)
        backend = self.backend(Backend(echo))
        server = programs.socat_server(self.certificates, version, backend)
        server = [word.replace("device.", "front.") for word in server]
        port = programs.port_of(self.spawn(server))
        done = self.run_client("sclient", port, text=block)
        self.assertEqual(data.sha256(done.stdout), data.sha256(block), done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)

    @each(version=VERSIONS)
    def test_half_close(self, version):
        """The server hears our end, and goes on."""
        def serve(peer):
            heard = peer.recv_all()
            peer.send(b"after " + heard)
            peer.finish()
        done = self.run_client("sclient", self.server(version, serve), text=b"the end")
        self.assertEqual((done.returncode, done.stdout), (0, b"after the end"), done.stderr)

    @each(version=VERSIONS, how=("orderly", "premature"))
    def test_the_server_ends_first(self, version, how):
        """The keyboard is still there, and nobody touches it."""
        def serve(peer):
            peer.send(b"bye")
            if how == "orderly":
                peer.finish()
            else:
                peer.cut()
        client = self.sclient(self.server(version, serve))
        self.assertEqual(client.stdout.read(), b"bye")
        self.assertEqual(client.wait(20), 0 if how == "orderly" else 1)

    @each(version=VERSIONS)
    def test_a_handshake_in_the_middle(self, version):
        """The article's rehandshake while the client reads: s_server's R, which wants a
        certificate, or in TLS 1.3 its K, a KeyUpdate."""
        process = self.spawn(["stdbuf", "-oL", "openssl", "s_server", "-accept", "127.0.0.1:0",
                              "-cert", self.certificates.path("front"),
                              "-key", self.certificates.path("front", "key"),
                              programs.OPENSSL[version]], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        client = self.sclient(programs.port_of(process), *self.with_certificate())
        for command in b"", b"K" if version == "1.3" else b"R", b"":
            if command:
                process.stdin.write(command + b"\n")
                process.stdin.flush()
                while not process.stdout.readline().startswith(b"SSL_do_handshake -> 1"):
                    pass
            process.stdin.write(b"from the server\n")
            process.stdin.flush()
            self.assertEqual(client.stdout.readline(), b"from the server\n")
            client.stdin.write(b"from the client\n")
            client.stdin.flush()
            while process.stdout.readline() != b"from the client\n":
                pass
        client.stdin.close()
        self.assertEqual(client.wait(20), 0, client.stderr.read())


class EachOther(Classic):
    @each(version=VERSIONS, option=("", "-c", "-C", "-x"))
    def test_wclient_and_wserver(self, version, option):
        more = [option, "--allow", "dev1.devices.example"] if option else []
        port, process = self.wserver(*more)
        done = self.wclient(port, "-r", *self.with_certificate(), version=version)
        self.assertEqual(done.returncode, 0, done.stderr)
        name = b"CN=dev1.devices.example" if option else b"not authenticated"
        self.assertEqual(re.findall(rb"client: (.*)\n", done.stdout), [name, name])
        for _ in range(2):
            self.assertRegex(process.stdout.readline(), b"^CLEAN")
        if not option:
            self.assertEqual(re.findall(rb"(new|resumed) session\n", done.stdout),
                             [b"new", b"resumed"])

    def test_wclient_is_refused(self):
        port, process = self.wserver("-C", "--allow", "dev1.devices.example")
        self.assertEqual(self.wclient(port).returncode, 1)
        self.assertRegex(process.stdout.readline(), b"^REFUSED")

    def test_wclient_gets_no_answer(self):
        port, process = self.wserver("-x", "--allow", "dev1.devices.example")
        done = self.wclient(port)
        self.assertEqual((done.returncode, done.stdout), (1, b""), done.stderr)
        self.assertRegex(process.stdout.readline(), b"^REFUSED")

    @each(version=VERSIONS, option=("", "-C", "-x"))
    def test_sclient_and_wserver(self, version, option):
        more = [option, "--allow", "dev1.devices.example"] if option else []
        port, process = self.wserver(*more)
        client = self.sclient(port, *self.with_certificate(), version=version)
        client.stdin.write(REQUEST)  # and stays, or there would be nobody to ask
        client.stdin.flush()
        self.assertIn(b"Server test page", client.stdout.read())
        self.assertEqual(client.wait(20), 0)
        self.assertRegex(process.stdout.readline(), b"^CLEAN")

    def site(self, **tls):
        os.makedirs(os.path.join(self.folder, "www/secure"))
        self.file("www/secure/index.html", b"for few")
        return self.actpass(self.service(echo=None, tls={"client_auth": "on_demand", **tls},
                                         http={"root": "www", "protected": ["/secure/"]}))

    @each(version=VERSIONS)
    def test_wclient_and_the_conversation_http(self, version):
        actpass = self.site()
        done = self.wclient(actpass.port(), "-r", *self.with_certificate(), "/secure/",
                            version=version)
        self.assertEqual((done.returncode, done.stdout.count(b"for few")), (0, 2), done.stderr)
        self.assertIn(NEW_SESSION[version], done.stderr)
        done = self.wclient(actpass.port(), "/secure/", version=version)
        self.assertIn(b"403 Forbidden", done.stdout)

    @each(version=VERSIONS, transport=("relay", "direct"))
    def test_two_actpass(self, version, transport):
        """What is agreed on in the first handshake, such as a protocol, is not in the one on
        demand."""
        server = self.site(alpn=["http/1.1"])
        certificate, key = self.certificates.chain("device")
        client = self.actpass(self.dial_service(
            f"127.0.0.1:{server.port()}", listen_plain="127.0.0.1:0", role="client",
            transport=transport, tls={"certificate": certificate, "key": key, "alpn": ["http/1.1"],
                                      "peer_names": ["front.example"]}), env=self.most(version))
        with self.connect(client) as plain:
            for last in False, True:
                plain.sendall(b"GET /secure/ HTTP/1.1\r\nHost: a\r\n%s\r\n" %
                              (b"Connection: close\r\n" if last else b""))
                got = b""
                while b"for few" not in got:
                    got += self.received(plain)
        for ended in client.close(), server.close():
            self.assertEqual((ended["reason"], ended["protocol"]), ("CLEAN", f"TLSv{version}"))

    def received(self, sock):
        got = sock.recv(65536)
        self.assertTrue(got, "the connection ended")
        return got
