"""The example programs and configurations work, and so do what their comments promise."""
import os
import re
import shutil
import ssl
import subprocess

from support import data, tls
from support.actpass import died_with_us
from support.backend import Backend, echo, refuse
from support.case import SHORT, Case, example, need, program
from support.each import ROLES, VERSIONS, each

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "..", "..", "examples")
CONFIGURATIONS = tuple(sorted(os.path.relpath(os.path.join(folder, name), SOURCES)
                              for folder in (SOURCES, os.path.join(SOURCES, "fleet"))
                              for name in os.listdir(folder) if name.endswith(".json")))


class Examples(Case):
    def copy_certificates(self):
        """Under the names that the configurations use."""
        for name, copied in (("front", "peer"), ("ca", "ca"), ("front", "collector"),
                             ("device", "device")):
            for end in "pem", "key":
                shutil.copy(self.certificates.path(name, end), f"{self.folder}/{copied}.{end}")

    @each(name=CONFIGURATIONS)
    def test_configuration(self, name):
        self.copy_certificates()
        shutil.copy(os.path.join(SOURCES, name), self.folder)
        copied = os.path.join(self.folder, os.path.basename(name))
        done = subprocess.run([program(), "--check", copied],
                              capture_output=True, text=True, timeout=20)
        lines = [line for line in done.stderr.splitlines()
                 if not re.search(r"warning: .*: the host \w+\.example is not known here: ", line)]
        self.assertEqual((done.returncode, lines), (0, []))

    def test_fleet(self):
        """Three devices behind NAT, reached by name; with loopback addresses where there can be no
        networks."""
        for command in "curl", "nc", "openssl":
            need(command)
        folder = os.path.dirname(os.path.dirname(program()))
        done = subprocess.run(died_with_us([os.path.join(SOURCES, "fleet/fleet.sh")]), text=True,
                              capture_output=True, timeout=100, stdin=subprocess.DEVNULL,
                              env={**os.environ, "BUILDDIR": folder, "TMPDIR": self.folder})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("This is dev"), 6, done.stdout)

    # ---- callhome_device

    def call_home(self, actpass, text, peer_name="front.example", certificate="device"):
        command = [example("callhome_device"), "127.0.0.1:%d" % actpass.port(),
                   *self.certificates.chain(certificate), self.certificates.path("ca"), peer_name]
        return subprocess.run(died_with_us(command), input=text, capture_output=True, timeout=60)

    def front(self, serve=echo, **changes):
        backend = self.backend(Backend(serve))
        return self.actpass(self.service(forward=backend.address, initial_data_timeout=SHORT,
                                         **changes))

    @each(version=VERSIONS)
    def test_callhome_device(self, version):
        changes = {"tls": {"min_version": "1.3"}} if version == "1.3" else {}
        actpass = self.front(**changes)
        block = data.block(3 * data.MIB)
        done = self.call_home(actpass, block)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(data.sha256(done.stdout), data.sha256(block))
        line = actpass.role()
        self.assertEqual((line["role"], line["cause"]), ("client", "silence"))
        self.assertEqual(actpass.close(line)["reason"], "CLEAN")

    def test_callhome_device_refuses_another_name(self):
        done = self.call_home(self.front(), b"secret", peer_name="other.example")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"REFUSED", done.stderr)

    def test_callhome_device_is_refused(self):
        actpass = self.front()
        done = self.call_home(actpass, b"secret", certificate="other-name")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"REFUSED", done.stderr)
        self.assertEqual(actpass.close(actpass.role())["reason"], "REFUSED")

    def test_callhome_device_with_nobody_there(self):
        actpass = self.front()
        port = actpass.port()
        actpass.stop()
        actpass.port = lambda service=None: port
        done = self.call_home(actpass, b"")
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(port).encode(), done.stderr)

    def test_callhome_device_does_not_take_a_cut_for_an_answer(self):
        def serve(session):
            session.sock.sendall(b"half of the answ")
            session.recv()
            refuse(session)
        done = self.call_home(self.front(serve), b"what?")
        self.assertEqual(done.returncode, 1, done.stderr)

    def test_callhome_device_that_cannot_read_its_input(self):
        """A part of the input does not pass for all of it."""
        actpass = self.front()
        command = [example("callhome_device"), "127.0.0.1:%d" % actpass.port(),
                   *self.certificates.chain("device"), self.certificates.path("ca"),
                   "front.example"]
        folder = os.open(self.folder, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        done = subprocess.run(died_with_us(command), stdin=folder, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"CANCELLED: cannot read the input", done.stderr)
        self.assertNotEqual(actpass.close(actpass.role())["reason"], "CLEAN")

    # ---- embed and legacy

    @each(role=ROLES, version=VERSIONS)
    def test_embed(self, role, version):
        self.copy_certificates()
        config = self.file("embed.json", open(os.path.join(SOURCES, "quickstart.json"), "rb").read())
        process, port = self.start_example([example("embed"), config])
        peer = self.peer(role, port, version)
        text = peer.recv_all()
        cause = {"server": b"client_hello", "client": b"silence"}[role]
        self.assertEqual(text, b"I am the TLS %s, because of: %s.\n" % (role.encode(), cause))
        peer.finish()
        self.assertEqual(process.stdout.readline().strip(), b"CLEAN")

    def ends_with(self, status, words, command):
        """It says why on stderr. In variant asan a leak changes the exit status (sanitizers.py)."""
        done = subprocess.run(died_with_us(command), capture_output=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(words, done.stderr)

    def test_embed_that_cannot_begin_leaves_nothing(self):
        """It frees what it has on each way out of main."""
        self.ends_with(2, b"usage", [example("embed")])
        self.ends_with(2, b"cannot be read", [example("embed"), self.file("none.json") + "x"])
        self.ends_with(2, b"services", [example("embed"), self.file("empty.json", b"{}")])

    def test_embed_whose_files_turn_out_bad_leaves_nothing(self):
        """The first use reads them, and the peer's connection ends with the program."""
        self.copy_certificates()
        good = open(os.path.join(SOURCES, "quickstart.json"), "rb").read()
        with open(f"{self.folder}/peer.pem", "wb") as certificate:
            certificate.write(b"no certificate\n")
        process, port = self.start_example([example("embed"), self.file("embed.json", good)])
        self.connect(port)
        self.assertEqual(process.wait(20), 1)

    @each(version=VERSIONS)
    def test_embed_leaves_nothing_of_a_conversation(self, version):
        """It runs on, so what it holds is counted; a sanitizer keeps memory that was freed."""
        self.copy_certificates()
        config = self.file("embed.json", open(os.path.join(SOURCES, "quickstart.json"), "rb").read())
        process, port = self.start_example([example("embed"), config])
        descriptors = self.descriptors(process)
        self.talk(10, process, port, version)
        before = self.anonymous_kib(process)
        self.talk(200, process, port, version)
        data.until(lambda: self.descriptors(process) == descriptors, 20, "embed closing all")
        if "ASAN_OPTIONS" not in os.environ:
            self.assertLess(self.anonymous_kib(process) - before, 200 * 4)

    def talk(self, times, process, port, version):
        for _ in range(times):
            peer = self.client(port, version)
            peer.recv_all()
            peer.finish()
            self.assertEqual(process.stdout.readline().strip(), b"CLEAN")

    @staticmethod
    def descriptors(process):
        return sorted(os.listdir(f"/proc/{process.pid}/fd"))

    @staticmethod
    def anonymous_kib(process):
        with open(f"/proc/{process.pid}/smaps_rollup") as file:
            return int(re.search(r"^Anonymous: +(\d+)", file.read(), re.M).group(1))

    @each(role=ROLES, version=VERSIONS)
    def test_legacy(self, role, version):
        process, port = self.start_example(
            [example("legacy"), *self.certificates.chain("front"), self.certificates.path("ca"),
             "*.devices.example"])
        peer = self.peer(role, port, version)
        for line, answer in (b"hello\n", b"5 bytes\n"), (b"\n", b"0 bytes\n"):
            peer.send(line)
            self.assertEqual(peer.recv_exactly(len(answer)), answer)
        peer.finish()
        self.assertEqual(process.stdout.readline().strip(), b"CLEAN")

    def test_legacy_is_cut(self):
        process, port = self.start_example(
            [example("legacy"), *self.certificates.chain("front"), self.certificates.path("ca"),
             "*.devices.example"])
        peer = self.client(port)
        peer.send(b"half a line")
        peer.sock.close()
        self.assertRegex(process.stdout.readline(), b"^(TRUNCATED|RESET) ")

    # ---- memory_identity

    @each(version=VERSIONS)
    def test_memory_identity(self, version):
        """The certificate that it prints is all that a client needs."""
        process, port = self.start_example([example("memory_identity"), "vault.example"])
        lines = iter(process.stdout.readline, b"-----END CERTIFICATE-----\n")
        ca = self.file("ca.pem", b"".join(lines) + b"-----END CERTIFICATE-----\n")
        trusting = tls.context(self.certificates, False, version, ca=None)
        trusting.load_verify_locations(ca)
        peer = tls.Tls(self.connect(port), trusting, server_hostname="vault.example").handshake()
        self.assertEqual(peer.recv_all(), b"My key was never in a file.\n")
        peer.finish()
        self.assertEqual(process.stdout.readline(), b"CLEAN \n")
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.client(port, version)  # trusts another CA
