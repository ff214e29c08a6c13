"""Ordinary TLS clients, each with TLS 1.2 and 1.3: 64 MiB each way through forward (or
ACTPASS_BULK_MIB; gnutls-cli: 256 KiB)."""
import socket
import subprocess

from support import data, programs, tls
from support.backend import Backend, Http, exchange
from support.case import Case

SIZE = data.BULK
UP, DOWN = 1, 2  # seeds of what goes to the backend, and of what comes from it


class RealClients(Case):
    deadline = 180

    def setUp(self):
        super().setUp()
        self.up, self.down = data.block(SIZE, UP), data.block(SIZE, DOWN)

    def bulk(self):
        """actpass in front of a backend that sends and receives a block at once."""
        backend = self.backend(Backend(exchange(self.down, len(self.up))))
        return self.actpass(self.service(forward=backend.address)), backend

    def check(self, actpass, backend, received, reasons=("CLEAN",)):
        session = backend.finished()
        self.assertEqual(session.digest, data.sha256(self.up), "from client to backend")
        self.assertEqual(data.sha256(received), data.sha256(self.down), "from backend to client")
        role = actpass.role()
        self.assertEqual((role["role"], role["cause"]), ("server", "client_hello"))
        self.assertIn(actpass.close(role)["reason"], reasons)

    def run_client(self, command, backend):
        """Runs a client that copies its input to actpass, and answers its output."""
        source, sink = self.file("up", self.up), self.file("down")
        with open(source, "rb") as stdin, open(sink, "wb") as stdout:
            client = self.spawn(command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)
            backend.finished(timeout=120)
            _, errors = client.communicate(timeout=60)
        with open(sink, "rb") as out:
            return out.read(), errors

    def s_client(self, version):
        actpass, backend = self.bulk()
        command = programs.s_client(self.certificates, actpass.port(), version)
        received, _ = self.run_client(command, backend)
        self.check(actpass, backend, received)

    def test_openssl_s_client_tls12(self):
        self.s_client("1.2")

    def test_openssl_s_client_tls13(self):
        self.s_client("1.3")

    def gnutls_cli(self, version):
        """Less than the others, for gnutls-cli makes a record of each line of its input, and
        copies hardly a megabyte a second to its output. If it sees our end before that of its
        input, it leaves without close_notify."""
        self.up, self.down = self.up[:data.MIB // 4], self.down[:data.MIB // 4]
        actpass, backend = self.bulk()
        command = programs.gnutls_cli(self.certificates, actpass.port(), version,
                                      self.file("gnutls.log"))
        received, _ = self.run_client(command, backend)
        self.check(actpass, backend, received, ("CLEAN", "TRUNCATED"))

    def test_gnutls_cli_tls12(self):
        self.gnutls_cli("1.2")

    def test_gnutls_cli_tls13(self):
        self.gnutls_cli("1.3")

    def curl(self, version):
        backend = self.backend(Http())
        actpass = self.actpass(self.service(forward=backend.address))

        def run(path, *more):
            command = programs.curl(self.certificates, actpass.port(), version, path, *more)
            return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout

        digest = run("/up", "--upload-file", self.file("up", self.up), "--header", "Expect:")
        self.assertEqual(digest.decode(), data.sha256(self.up))
        self.assertEqual(data.sha256(run(f"/bytes/{SIZE}/{DOWN}")), data.sha256(self.down))
        for number in 1, 2:
            role = actpass.wait_for(event="role", count=number)
            self.assertEqual((role["role"], role["cause"]), ("server", "client_hello"))
            self.assertEqual(actpass.close(role)["reason"], "CLEAN")

    def test_curl_tls12(self):
        self.curl("1.2")

    def test_curl_tls13(self):
        self.curl("1.3")

    def python(self, version):
        """Sends everything before it reads anything: the other direction must not mind."""
        actpass, backend = self.bulk()
        made = tls.context(self.certificates, False, version)
        with socket.create_connection(("127.0.0.1", actpass.port()), 60) as raw, \
                made.wrap_socket(raw, server_hostname="front.example",
                                 suppress_ragged_eofs=False) as client:
            client.sendall(self.up)
            received = bytearray()
            while chunk := client.recv(262144):
                received += chunk
            client.unwrap()
        self.check(actpass, backend, received)

    def test_python_ssl_tls12(self):
        self.python("1.2")

    def test_python_ssl_tls13(self):
        self.python("1.3")
