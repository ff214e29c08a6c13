"""The admin listener: who may ask, and how; and what it answers while the daemon drains."""
import json
import os
import resource
import socket
import stat
import subprocess
import time

from support.admin import Admin
from support.case import program
from support.data import until
from support.each import each


class Asking(Admin):
    def test_only_get_and_head(self):
        self.admin(self.service())
        for method in "POST", "PUT", "DELETE", "OPTIONS":
            answer = self.curl("/status", "--request", method, "--data", "x=1")
            self.assertEqual((answer.status, answer.headers["allow"]), (405, "get, head"))
        head = self.curl("/status", "--head")
        self.assertEqual((head.status, head.body), (200, ""))
        for path in "/nothing", "/status/", "/../status", "//status", "/%73tatus", "/status%00":
            self.assertEqual(self.curl(path, "--path-as-is").status, 404, path)

    def test_headers(self):
        self.admin(self.service())
        for path in "/", "/page.js", "/page.css", "/status", "/metrics", "/healthz", "/nothing":
            headers = self.curl(path).headers
            self.assertEqual(headers["cache-control"], "no-store")
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertIn("default-src 'none'", headers["content-security-policy"])
            self.assertNotIn("unsafe", headers["content-security-policy"])
        self.assertEqual(self.curl("/").headers["content-type"], "text/html; charset=utf-8")
        self.assertEqual(self.curl("/page.js").headers["content-type"],
                         "text/javascript; charset=utf-8")

    def test_on_tcp_the_host_must_be_this_machine(self):
        self.admin(self.service(), listen="127.0.0.1:0")
        self.assertEqual(self.curl("/healthz").body, "ok\n")
        self.assertEqual(self.curl("/status", "--header", "Host: localhost:1").status, 200)
        for path in "/", "/status", "/metrics", "/healthz":
            self.assertEqual(self.curl(path, "--header", "Host: rebound.example").status, 403)

    def test_a_slow_asker_holds_up_nobody(self):
        self.admin(self.service(), listen="127.0.0.1:0")
        host, _, port = self.address.rpartition(":")
        for _ in range(10):
            sock = self.connect(int(port))
            sock.sendall(b"GET /status HTTP/1.1\r\nHost: local")
        self.assertEqual(self.curl("/readyz").body, "ready\n")

    def test_no_descriptor_is_left_for_who_asks(self):
        """It does not spin until there is one, and answers then."""
        actpass = self.admin(self.service(), listen="127.0.0.1:0")
        pid = actpass.process.pid

        def processor_s():
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (actpass.descriptors(), before[1]))
        sock = self.connect(int(self.address.rpartition(":")[2]))
        sock.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        used = processor_s()
        time.sleep(1)  # in which a loop without a pause would use what the machine has
        self.assertLess(processor_s() - used, .1)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        self.assertIn(b"200", sock.recv(100))

    def test_the_socket_is_private_and_goes_with_the_daemon(self):
        actpass = self.admin(self.service())
        mode = os.stat(self.socket).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(mode & 0o007, 0)
        self.assertEqual(actpass.stop(), 0)
        self.assertFalse(os.path.exists(self.socket))

    @each(listen=(None, "127.0.0.1:0"))
    def test_connections_that_never_ask_keep_nobody_out(self, listen):
        """Nor those that send a byte of a request now and then."""
        actpass = self.admin(self.service(), listen=listen)
        host, _, port = self.address.rpartition(":")
        where = self.socket if host == "unix" else (host, int(port))
        asking = self.connect(where)
        dripping = []
        for number in range(60):
            dripping.append(self.connect(where))
            dripping[-1].sendall(b"GET /")
            if number % 20 == 0:
                asking.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertIn(b"200", asking.recv(10000))
        # Before the others are closed for their silence, after 15 s.
        self.assertEqual(self.curl("/healthz", "--max-time", "10").status, 200)
        dripping[0].settimeout(1)
        self.assertEqual(dripping[0].recv(1), b"", "it has made way")
        self.assertTrue(actpass.running())

    def test_an_address_in_use_is_named(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        config = {"services": [self.service()],
                  "admin": {"listen": "127.0.0.1:%d" % taken.getsockname()[1]}}
        path = self.file("start.json", json.dumps(config).encode())
        done = subprocess.run([program(), path], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^admin: cannot listen on 127\.0\.0\.1:\d+: Address already "
                                      r"in use: stop the program that listens there")


class Draining(Admin):
    def test_it_is_not_ready_while_it_drains(self):
        actpass = self.admin(self.service())
        peer = self.client(actpass)
        self.assertEqual((self.curl("/readyz").status, self.status()["state"]), (200, "running"))
        actpass.signal()
        until(lambda: self.curl("/readyz").status == 503, 20, "503")
        self.assertEqual(self.curl("/readyz").body, "stopping\n")
        self.assertEqual(self.curl("/healthz").status, 200)
        self.assertEqual(self.metrics()["actpass_ready"], 0)
        status = self.status()
        self.assertEqual((status["state"], len(status["connections"])), ("stopping", 1))
        self.assertEqual(peer.exchange(b"still", 5), b"still")
        peer.finish()
        self.assertEqual(actpass.wait_exit(), 0)


class Remote(Admin):
    """From elsewhere through a service that asks for a certificate, as the message about other
    addresses says."""

    def ask(self, port, *options):
        return subprocess.run(
            ["curl", "--silent", "--show-error", "--fail", "--max-time", "20", "--noproxy", "*",
             "--cacert", self.certificates.path("ca"), "--resolve",
             f"front.example:{port}:127.0.0.1", *options, f"https://front.example:{port}/status"],
            capture_output=True, text=True, timeout=30)

    def test_with_a_certificate(self):
        path = os.path.join(self.folder, "admin.sock")
        actpass = self.admin(self.service("remote", role="server", forward=f"unix:{path}",
                                          tls={"client_auth": "require"}))
        known = self.ask(actpass.port("remote"), "--cert", self.certificates.path("device"),
                         "--key", self.certificates.path("device", "key"))
        self.assertEqual(known.returncode, 0, known.stderr)
        status = json.loads(known.stdout)
        self.assertIn("device", status["connections"][0]["subject"])
        unknown = self.ask(actpass.port("remote"))
        self.assertNotEqual(unknown.returncode, 0)
        self.assertEqual(unknown.stdout, "")
