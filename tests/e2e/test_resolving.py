"""Name servers that are silent, and a unix socket whose backlog is full: every wait has a
deadline and hears an abort."""
import os
import signal
import socket
import subprocess
import time
import unittest

from support import data, tls
from support.backend import Backend, echo
from support.case import Case, need, program
from support.data import until
from support.each import each

NAME = "backend.example:443"
SOON = 6  # seconds: well below the backend's deadline of 10 s


def full_socket(case):
    """A unix socket whose backlog is full."""
    path = os.path.join(case.folder, "full.sock")
    listener = socket.socket(socket.AF_UNIX)
    case.addCleanup(listener.close)
    listener.bind(path)
    listener.listen(0)
    while True:
        filler = socket.socket(socket.AF_UNIX)
        case.addCleanup(filler.close)
        filler.setblocking(False)
        try:
            filler.connect(path)
        except BlockingIOError:
            return "unix:" + path


def full_port(case):
    """A TCP port whose backlog is full: SYNs are dropped, as by a dead machine."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    case.addCleanup(listener.close)
    for _ in range(4):
        filler = socket.socket()
        case.addCleanup(filler.close)
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    return "127.0.0.1:%d" % listener.getsockname()[1]


def stuck_resolver(case):
    """The environment of a program for which no name is ever resolved."""
    if "ASAN_OPTIONS" in os.environ:
        raise unittest.SkipTest("a sanitizer's library must be the first one")
    need("cc")
    library = os.path.join(case.folder, "stuck_resolver.so")
    source = os.path.join(os.path.dirname(__file__), "support", "stuck_resolver.c")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    return {"LD_PRELOAD": library}


class Many(Case):
    """Hundreds that wait for their backends cost no threads, and hold up nobody."""
    COUNT = 200
    BLOCK = data.block(1000)

    def setUp(self):
        super().setUp()
        if os.environ.get("ACTPASS_TEST_PARK") == "never":
            raise unittest.SkipTest("then each has a thread")

    def check_served(self, actpass):
        for _ in range(5):
            peer = self.client(actpass, service="echo")
            self.assertEqual(peer.exchange(self.BLOCK, len(self.BLOCK)), self.BLOCK)
            peer.finish()

    def test_many_that_wait_for_their_backends(self):
        actpass = self.actpass(self.service("front", forward=full_socket(self)),
                               self.service("echo"))
        self.check_served(actpass)
        threads = actpass.threads()
        peers = [self.client(actpass, service="front") for _ in range(self.COUNT)]
        actpass.wait_for(event="role", service="front", count=self.COUNT)
        began, used = time.monotonic(), actpass.cpu_seconds()
        self.check_served(actpass)
        self.assertLess(actpass.threads(), threads + 8)
        time.sleep(max(0.0, began + 1 - time.monotonic()))
        used, elapsed = actpass.cpu_seconds() - used, time.monotonic() - began
        self.assertLess(used, 0.7 * elapsed, "they are not tried without a pause")
        for peer in peers:
            tls.reset(peer.sock)
        actpass.wait_for(event="close", service="front", count=self.COUNT)

    @each(backlog=("unix", "tcp"))
    def test_many_that_wait_for_their_dials(self, backlog):
        """The local connections of a bridge."""
        remote = full_socket(self) if backlog == "unix" else full_port(self)
        actpass = self.actpass(self.dial_service(remote, listen_plain="127.0.0.1:0"),
                               self.service("echo"), level="info")
        self.check_served(actpass)
        threads = actpass.threads()
        local = [self.connect(actpass, "dialer") for _ in range(self.COUNT)]
        time.sleep(0.5)
        self.check_served(actpass)
        self.assertLess(actpass.threads(), threads + 8)
        began = time.monotonic()
        self.assertEqual(actpass.stop(), 0)
        self.assertLess(time.monotonic() - began, SOON, "a stop ends the dials")
        for sock in local:
            sock.close()


def opened(pipe):
    """Its end to write to, once somebody reads it; else None."""
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


class Loading(Case):
    """Stopped while it loads, before it serves anybody."""
    def loading(self, service, environment=()):
        started = self.endpoint(program(), self.folder, {"services": [service]}, env=dict(environment))
        self.addCleanup(started.kill)
        return started

    def assertStops(self, actpass):
        began = time.monotonic()
        actpass.signal(signal.SIGTERM)
        self.assertEqual(actpass.wait_exit(30), 0)
        self.assertLess(time.monotonic() - began, SOON)
        self.assertEqual(actpass.lines, ["actpass: stopped while it was loading"])

    def test_while_names_are_looked_up(self):
        """In order: what it has opened by then is closed."""
        path = os.path.join(self.folder, "first.sock")
        actpass = self.loading(self.service(listen=["unix:" + path, NAME]), stuck_resolver(self))
        until(lambda: os.path.exists(path), 20, "the first listener")
        self.assertStops(actpass)
        self.assertFalse(os.path.exists(path))

    def test_while_files_are_read(self):
        """As on a file system of a network that is away; here a pipe that nobody writes to."""
        pipe = os.path.join(self.folder, "pipe.pem")
        os.mkfifo(pipe)
        actpass = self.loading(self.service(tls={"certificate": pipe}))
        self.addCleanup(os.close, until(lambda: opened(pipe), 20, "a reader"))
        self.assertStops(actpass)


class Resolving(Case):
    def setUp(self):
        super().setUp()
        self.environment = stuck_resolver(self)

    def waiting(self, kind, **service):
        """actpass with a connection that waits for its backend, and the peer of that."""
        forward = NAME if kind == "name" else full_socket(self)
        actpass = self.actpass(self.service("front", forward=forward, **service), check=False,
                               env=self.environment)
        peer = self.client(actpass)
        actpass.wait_for(event="role")
        return actpass, peer

    @each(kind=("name", "socket"))
    def test_a_client_that_is_gone(self, kind):
        actpass, peer = self.waiting(kind)
        began = time.monotonic()
        tls.reset(peer.sock)
        actpass.close()
        self.assertLess(time.monotonic() - began, SOON)

    @each(kind=("name", "socket"))
    def test_terminated_twice(self, kind):
        actpass, _ = self.waiting(kind)
        began = time.monotonic()
        actpass.signal(signal.SIGTERM)
        time.sleep(0.2)  # the second one must not be merged with the first
        actpass.signal(signal.SIGTERM)
        actpass.wait_exit(30)
        self.assertLess(time.monotonic() - began, SOON)

    @each(kind=("name", "socket"))
    def test_the_deadline(self, kind):
        actpass, _ = self.waiting(kind)
        reason = "was not resolved in time" if kind == "name" else "no answer within 10 seconds"
        until(lambda: any(reason in line for line in actpass.lines), 30, reason)
        actpass.close()
        self.assertEqual(actpass.stop(), 0, "a stuck lookup does not keep the process from its end")

    def test_more_connections_than_lookups(self):
        """Those beyond the 64 lookups wait for their turn, within their deadline; no more
        threads are made."""
        actpass, _ = self.waiting("name")
        peers = [self.client(actpass) for _ in range(80)]
        actpass.wait_for(event="role", count=81)
        self.assertLess(actpass.threads(), 64 + 20)
        until(lambda: sum("was not resolved in time" in line for line in actpass.lines) >= 81, 40,
              "all report the deadline")
        for peer in peers:
            peer.sock.close()

    def test_a_spare_address_gets_its_turn(self):
        """After half of the time. Loopback connects at once, also in the last moment of it."""
        device = self.backend(Backend(echo)).address
        actpass = self.actpass(self.dial_service(NAME, device, listen_plain="127.0.0.1:0",
                                                 connect_timeout="12s"), check=False,
                               env=self.environment)
        began = time.monotonic()
        self.connect(actpass)  # which dials once
        actpass.wait_for(event="connected", address=device)
        self.assertLess(time.monotonic() - began, 9)
