"""The log: readers that stall or go, floods by strangers, signals, and text that a terminal
would act on."""
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import time

from support import tls
from support.actpass import died_with_us
from support.backend import Backend
from support.case import Case, program
from support.data import until
from support.each import each
from support.ports import free_port


class StalledReader(Case):
    """actpass whose log nobody reads, once it has said where it listens."""

    def start(self, level="debug"):
        self.port = free_port()  # its log may not say it
        config = {"log": {"level": level}, "shutdown_timeout": "20s",
                  "services": [self.service(listen=f"127.0.0.1:{self.port}",
                                            tls={"client_auth": "none"})]}
        file = self.file("stalled.json", json.dumps(config).encode())
        process = subprocess.Popen(died_with_us([program(), file]), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        until(self.is_open, 20, "actpass listening")
        return process

    def is_open(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except ConnectionRefusedError:
            return False

    def is_served(self):
        sock = self.connect(self.port, timeout=20)
        peer = tls.Tls(sock, tls.context(self.certificates, False), timeout=20).handshake()
        self.assertEqual(peer.exchange(b"served?", 7), b"served?")
        peer.finish()

    def fill(self, process, lines=6000):
        """Makes more of the log than the pipe and the queue, 1 MiB, have room for: a line has 257
        bytes. Each is made when this returns, or lost."""
        for _ in range(lines // 50):
            peers = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(50)]
            for peer in peers:
                peer.settimeout(20)
                peer.sendall(b"x")
            for peer in peers:
                with contextlib.suppress(ConnectionResetError):
                    while peer.recv(100):
                        pass
                peer.close()
        self.assertIsNone(process.poll())

    def test_connections_are_served(self):
        process = self.start()
        self.fill(process)
        for _ in range(5):
            self.is_served()

    def test_sigterm_ends_it(self):
        process = self.start()
        self.fill(process)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)

    def test_sighup_and_sigusr1_are_taken(self):
        process = self.start()
        self.fill(process)
        for number in signal.SIGHUP, signal.SIGUSR1:
            process.send_signal(number)
        self.is_served()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)

    def test_what_was_lost_is_said(self):
        process = self.start()
        self.fill(process)
        text = self.drain(process)
        self.is_served()
        process.send_signal(signal.SIGTERM)
        text += process.stderr.read()
        self.assertEqual(process.wait(30), 0)
        self.assertTrue(b" lost=" in text, text[-1000:])
        self.assertLess(len(text), 3 * 1024 * 1024)

    @staticmethod
    def drain(process):
        text = b""
        while select.select([process.stderr], [], [], 2)[0]:
            text += os.read(process.stderr.fileno(), 65536)
        return text

    def test_a_reader_that_goes_away(self):
        process = self.start()
        process.stderr.close()
        self.fill(process, 500)
        self.is_served()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)


def status(actpass, services):
    """What SIGUSR1 makes it say: all in all, then of each service. No line of it comes later."""
    after = len(actpass.log)
    actpass.signal(signal.SIGUSR1)
    actpass.wait_for(event="status", after=after, count=1 + services)
    return [{key: line[key] for key in line if key not in ("ts", "level", "event")}
            for line in actpass.find(after, event="status")]


class Floods(Case):
    def flood(self, actpass, count):
        for _ in range(count // 50):
            peers = [socket.create_connection(actpass.address()) for _ in range(50)]
            for peer in peers:
                peer.sendall(b"x")
            for peer in peers:
                peer.close()

    def accepted(self, actpass):
        return int(status(actpass, 1)[0]["accepted"])

    def test_lines_about_strangers_are_few(self):
        actpass = self.actpass(self.service(tls={"client_auth": "none"}), level="info")
        began = time.monotonic()
        self.flood(actpass, 5000)
        until(lambda: self.accepted(actpass) == 5000, 30, "all of them being accepted")
        actpass.stop()
        seconds = time.monotonic() - began
        lines = actpass.find(event="close")
        self.assertGreaterEqual(len(lines), 20, "the first ones are all there")
        self.assertLessEqual(len(lines), 40 + 4 * seconds, "20 for each cause, then one a second")
        said = sum(int(line.get("suppressed", 0)) for line in actpass.log)
        self.assertEqual(said + len(lines), 5000, "all are accounted for")

    def test_who_shakes_hands_is_in_the_log(self):
        actpass = self.actpass(self.service(tls={"client_auth": "none"}), level="info")
        self.flood(actpass, 1000)
        for _ in range(40):
            self.client(actpass).finish()
        actpass.wait_for(event="close", reason="CLEAN", role="server", count=40)

    def test_debug_has_all_lines(self):
        actpass = self.actpass(self.service(tls={"client_auth": "none"}))
        self.flood(actpass, 500)
        actpass.wait_for(event="close", count=500)


class OneLine(Case):
    """At level info a connection has one line, with all that is known about it."""

    def lines(self, actpass):
        return [line for line in actpass.log if line["event"] not in ("listening", "configuration",
                                                                     "sandbox")]

    def test_a_client_of_forward(self):
        backend = self.backend(Backend(lambda session: session.sock.close()))
        port = backend.address.rpartition(":")[2]
        actpass = self.actpass(self.service(forward=f"localhost:{port}"), level="info")
        self.client(actpass, "1.3").finish()
        closed = actpass.close()
        self.assertEqual(self.lines(actpass), [closed])
        self.assertEqual((closed["handler"], closed["backend"], closed["backend_address"]),
                         ("forward", f"localhost:{port}", f"127.0.0.1:{port}"))
        self.assertEqual(closed["sni"], "front.example")
        self.assertIn(closed["group"].lower(), ("x25519", "x25519mlkem768"))  # by OpenSSL's version
        self.assertLessEqual(int(closed["role_ms"]), int(closed["handshake_ms"]))

    def test_a_backend_without_a_name(self):
        backend = self.backend(Backend(lambda session: session.sock.close()))
        actpass = self.actpass(self.service(forward=backend.address), level="info")
        self.client(actpass).finish()
        closed = actpass.close()
        self.assertEqual(closed["backend"], backend.address)
        self.assertNotIn("backend_address", closed)

    @each(version=("1.2", "1.3"))
    def test_both_ends_log_the_same_id(self, version):
        """Of actpass, without a byte for it; each connection has another one."""
        limit = "MaxProtocol = TLSv1.2\n" if version == "1.2" else ""
        openssl = self.file("openssl.cnf", b"openssl_conf = a\n[a]\nssl_conf = b\n[b]\n"
                            b"system_default = c\n[c]\n" + limit.encode())
        front = self.actpass(self.service(), level="info", env={"OPENSSL_CONF": openssl})
        mine = {"certificate": self.certificates.path("device"), "peer_names": ["front.example"],
                "key": self.certificates.path("device", "key"), "sessions": "off"}
        dialer = self.actpass(self.dial_service("127.0.0.1:%d" % front.port(), tls=mine,
                                                listen_plain="127.0.0.1:0", role="client"),
                              level="info")
        for _ in range(2):
            with self.connect(dialer) as local:
                local.sendall(b"x")
                self.assertEqual(local.recv(1), b"x")
        ids = [[actpass.wait_for(event="close", count=number)["id"] for number in (1, 2)]
               for actpass in (front, dialer)]
        self.assertEqual(set(ids[0]), set(ids[1]))
        self.assertEqual(len(set(ids[0])), 2)
        self.assertRegex(ids[0][0], "^[0-9a-f]{16}$")
        self.assertEqual(front.find(event="close")[0]["protocol"], "TLSv" + version)


class Signals(Case):
    def service_with_none(self):
        return self.service(tls={"client_auth": "none"})

    def test_sigusr1_logs_a_status(self):
        actpass = self.actpass(self.service_with_none())
        peer = self.client(actpass)
        actpass.signal(signal.SIGUSR1)
        total = actpass.wait_for(event="status")
        self.assertEqual((total["open"], total["accepted"]), ("1", "1"))
        actpass.wait_for(event="status", service="front", connections=1)
        peer.finish()

    def test_the_status_is_what_is_there(self):
        device = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(device.close)
        actpass = self.actpass(self.service(limits={"deny": ["127.0.0.9/32"]}),
                               self.dial_service("127.0.0.1:%d" % device.getsockname()[1]),
                               self.dial_service("127.0.0.1:1", name="idle"))
        for _ in range(3):
            socket.create_connection(actpass.address(), source_address=("127.0.0.9", 0)).close()
        self.connect(actpass).close()
        actpass.wait_for(event="close")
        self.connect(actpass).sendall(b"GET / HTTP/1.1\r\n")
        actpass.wait_for(event="close", count=2)
        peers = [self.client(actpass) for _ in range(2)]
        actpass.wait_for(event="connected")
        dialed = device.accept()[0]
        self.addCleanup(dialed.close)
        until(lambda: status(actpass, 3)[0]["open"] == "3")  # the others have left
        self.assertEqual(status(actpass, 3), [
            {"open": "3", "accepted": "4", "dialed": "1", "closed_before_first_byte": "1",
             "no_role": "1", "dropped": "0", "refused": "3", "made_way": "0"},
            {"service": "front", "connections": "2"},
            {"service": "dialer", "connections": "1"},
            {"service": "idle", "connections": "0"}])
        device.close()
        dialed.close()
        self.finish_all(*peers)

    def test_storms_leave_the_others_alive(self):
        actpass = self.actpass(self.service_with_none())
        for number in [signal.SIGUSR1, signal.SIGUSR2] * 2000 + [signal.SIGHUP] * 200:
            actpass.signal(number)
        actpass.wait_for(event="status")
        after = len(actpass.log)
        actpass.signal(signal.SIGHUP)
        actpass.wait_for(event="reload", after=after)
        self.client(actpass).finish()
        actpass.signal(signal.SIGTERM)
        self.assertEqual(actpass.wait_exit(), 0)


class Terminals(Case):
    ESCAPE = "\x1b]0;title\x07\x1b[31m"

    def call(self, *arguments):
        done = subprocess.run([program(), *arguments], capture_output=True, timeout=20,
                              stdin=subprocess.DEVNULL)
        said = done.stdout + done.stderr
        self.assertFalse(set(said) & set(range(32)) - {10}, said)
        return said.decode(), done.returncode

    def test_a_path_with_escape_bytes(self):
        for arguments in [["--check"], []]:
            said, status = self.call(*arguments, f"/tmp/{self.ESCAPE}.json")
            self.assertIn("\\x1b", said)
            self.assertEqual(status, 2)

    def test_a_file_that_is_there(self):
        config = json.dumps({"services": [self.service(tls={"client_auth": "none"})]})
        said, status = self.call("--check", self.file(f"a{self.ESCAPE}.json", config.encode()))
        self.assertIn("the configuration is good", said)
        self.assertEqual(status, 0, said)

    def test_values_with_escape_bytes(self):
        for change in [{"tls": {"certificate": self.ESCAPE}}, {"forward": self.ESCAPE},
                       {"name": self.ESCAPE}, {"role": self.ESCAPE}, {self.ESCAPE: 1}]:
            config = json.dumps({"services": [self.service(**change)]})
            said, status = self.call("--check", self.file("c.json", config.encode()))
            self.assertEqual(status, 2, said)

    def test_options_and_long_paths(self):
        for argument in f"--{self.ESCAPE}", "-\x1b", "x" * 65536, "--" + "x" * 65536, "/" * 4000:
            said, status = self.call(argument)
            self.assertLess(len(said), 4096)
            self.assertEqual(status, 2)
