"""The base of all test cases: starts actpass, makes peers, and cleans up after both."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from . import tls
from .actpass import Actpass, died_with_us
from .certificates import PEER_NAMES, Certificates
from .data import until
from .each import expand

PATIENT = "20s"  # an initial-data timeout that no test's client exceeds
SHORT = "100ms"  # for those who stay silent


class DeadlineExceeded(BaseException):
    """Not an Exception, so that no test handles it by accident."""


def program():
    return os.path.abspath(os.environ.get("ACTPASS", "build/release/actpass"))


def example(name):
    """An example program, beside the one under test."""
    return os.path.join(os.path.dirname(program()), "examples", name)


def transport():
    return os.environ.get("TRANSPORT")


def need(tool):
    if not shutil.which(tool):
        raise unittest.SkipTest(f"{tool} is not installed")


class Case(unittest.TestCase):
    deadline = int(os.environ.get("ACTPASS_PATIENCE_S", 60))  # seconds for one test
    endpoint = Actpass

    def __init_subclass__(cls):
        expand(cls)

    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates(os.environ["ACTPASS_E2E_FOLDER"])

    def run(self, result=None):
        def late(*_):
            raise DeadlineExceeded(f"the test took more than {self.deadline} s")
        before = signal.signal(signal.SIGALRM, late)
        signal.alarm(self.deadline)
        try:
            return super().run(result)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)

    def setUp(self):
        self.started = []
        self.folder = tempfile.mkdtemp(prefix="test.", dir=os.environ["ACTPASS_E2E_FOLDER"])
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def diagnostics(self):
        """The logs of all actpass of this test, for the report of a failure."""
        return "\n".join("\n".join(["-- log of actpass:"] + started.lines[-60:])
                         for started in self.started)

    # ---- actpass

    def tls(self, **changes):
        """The "tls" of a service that serves both roles. None takes a key out."""
        keys = {"client_auth": "none", "certificate": self.certificates.path("front"),
                "key": self.certificates.path("front", "key"),
                "ca": self.certificates.path("ca"), "peer_names": PEER_NAMES}
        keys.update(changes)
        return {key: value for key, value in keys.items() if value is not None}

    def service(self, name="front", tls=None, **changes):
        """A service that echoes, unless the changes name a conversation. None takes a key out."""
        keys = {"name": name, "listen": "127.0.0.1:0", "initial_data_timeout": PATIENT,
                "tls": self.tls(**(tls or {}))}
        if not {"forward", "as_server", "as_client", "echo", "offer", "reach", "exec", "proxy"} & changes.keys():
            keys["echo"] = {}
        if transport():
            keys["transport"] = transport()
        keys.update(changes)
        return {key: value for key, value in keys.items() if value is not None}

    def dial_service(self, *addresses, name="dialer", tls=None, **changes):
        """A service that dials: its conversation is echo unless the changes name one or
        listen_plain."""
        if "listen_plain" in changes:
            changes.setdefault("echo", None)
        else:
            changes.setdefault("persistent", True)
        keys = {"listen": None, "initial_data_timeout": None,
                "dial": addresses[0] if len(addresses) == 1 else list(addresses)}
        return self.service(name, {"client_auth": "require", **(tls or {})}, **{**keys, **changes})

    def actpass(self, *services, level="debug", format=None, nofile=None, check=True, prefix=(),
                env=None, **top):
        """Starts it and waits until it listens. At the end of the test it is stopped; with check
        it must have closed all descriptors by then, and exit with status 0."""
        log = {"level": level}
        if format:
            log["format"] = format
        config = {"log": log, "services": list(services), **top}
        started = self.endpoint(program(), self.folder, config, nofile, prefix, env)
        self.started.append(started)
        self.addCleanup(started.kill)
        for service in started.services:
            started.address(service)
        if check:
            self.addCleanup(self._check_end, started, started.descriptors_at_rest())
        return started

    def _check_end(self, started, descriptors):
        if not started.running():
            return
        until(lambda: started.descriptors() <= descriptors, 20,
              f"actpass going back to {descriptors} descriptors")
        self.assertEqual(started.stop(), 0, "exit status of actpass after SIGTERM")

    # ---- peers

    def connect(self, actpass, service=None, timeout=60):
        """A plain connection to a service, or to the port or path given instead of actpass."""
        if isinstance(actpass, Actpass):
            address = actpass.address(service)
        else:
            address = ("127.0.0.1", actpass) if isinstance(actpass, int) else actpass
        if isinstance(address, str):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.connect(address)
        else:
            sock = socket.create_connection(address, timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(timeout)
        self.addCleanup(sock.close)
        return sock

    def client(self, actpass, version=None, service=None, handshake=True, **options):
        """A TLS client that has shaken hands with actpass."""
        made = tls.context(self.certificates, False, version, **options)
        peer = tls.Tls(self.connect(actpass, service), made)
        return peer.handshake() if handshake else peer

    def device(self, actpass, version=None, service=None, handshake=True, certificate="device",
               **options):
        """A device that calls home: it connects, waits, and is TLS server."""
        made = tls.context(self.certificates, True, version, certificate=certificate, **options)
        peer = tls.Tls(self.connect(actpass, service), made, server_side=True)
        return peer.handshake() if handshake else peer

    def peer(self, role, actpass, version=None, **options):
        """A peer whose TLS role is the other of actpass's `role`."""
        make = self.client if role == "server" else self.device
        return make(actpass, version, **options)

    def finish_all(self, *peers):
        for peer in peers:
            peer.finish()

    # ---- other programs

    def spawn(self, command, **options):
        """Starts a program that dies with the test."""
        need(command[0])
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen(died_with_us(command), **options)
        self.addCleanup(self._reap, process)
        return process

    def start_example(self, command):
        """Starts an example server, and answers it and the port that it prints."""
        process = self.spawn(command, stdout=subprocess.PIPE)
        os.set_blocking(process.stdout.fileno(), True)
        port = int(re.search(rb":(\d+)$", process.stdout.readline().strip()).group(1))
        return process, port

    @staticmethod
    def _reap(process):
        process.kill()
        process.wait()
        for stream in process.stdin, process.stdout, process.stderr:
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass

    def file(self, name, content=b""):
        """A file for its owner alone, since it may hold a key."""
        path = os.path.join(self.folder, name)
        with open(path, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            out.write(content)
        return path

    def backend(self, made):
        """Closes a backend (or proxy) at the end of the test."""
        self.addCleanup(made.close)
        return made
