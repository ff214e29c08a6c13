"""The daemon under load, the backend behind it, and what the visits share."""
import collections
import contextlib
import itertools
import os
import secrets
import socket
import ssl
import subprocess
import threading
import time

from support import data, logfmt, tls
from support.actpass import Actpass
from support.certificates import PEER_NAMES, Certificates

SOURCES = 1024  # clients come from so many addresses of 127.0.0.0/8
VERSIONS = ("1.2", "1.3")
PAGE_SIZE = 300000
MIB = data.MIB


class Daemon(Actpass):
    """Keeps no line of the log, but counts them, and has the last of each event."""

    def __init__(self, *args, **options):
        self.counts = collections.Counter()  # of reasons to close
        self.errors = []  # lines of level error
        self.last, self.times = {}, collections.Counter()  # by (event, service)
        super().__init__(*args, **options)

    def _read(self):
        for raw in self.process.stderr:
            text = raw.decode("utf-8", "backslashreplace").rstrip("\n")
            line = logfmt.parse(text)
            with self._changed:
                self._count(line, text)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _count(self, line, text):
        event = line.get("event")
        if event == "close":
            self.counts[line.get("reason")] += 1
        if line.get("level") == "error" or event is None:
            self.errors.append(text)
        if event == "listening":
            self.log.append(line)  # for address()
        self.last[event, line.get("service")] = line
        self.times[event, line.get("service")] += 1

    def after_signal(self, number, event, service=None, timeout=60):
        """Sends a signal, and answers the line about that event which follows."""
        with self._changed:
            before = self.times[event, service]
            self.signal(number)
            if not self._changed.wait_for(
                    lambda: self.times[event, service] > before or self._ended, timeout):
                raise AssertionError(f"no line event={event} within {timeout} s of the signal")
            if self._ended:
                raise AssertionError("actpass has ended")
            return self.last[event, service]

    def memory(self):
        """The fields of smaps_rollup, in KiB."""
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as lines:
            next(lines)
            return {name: int(value.split()[0])
                    for name, value in (line.split(":") for line in lines)}


class Backend:
    """Does what the first line of a connection says: `echo`, `send SIZE SEED` (sends a block, ends
    its direction, and reads to the end) or `cut` (resets after one more byte)."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock, contextlib.suppress(OSError):
            self._obey(sock)

    @staticmethod
    def _obey(sock):
        line = b""
        while not line.endswith(b"\n"):
            byte = sock.recv(1)
            if not byte:
                return
            line += byte
        what, *numbers = line.split()
        if what == b"cut":
            sock.recv(1)
            tls.reset(sock)
            return
        if what == b"send":
            sock.sendall(data.block(*map(int, numbers)))
            sock.shutdown(socket.SHUT_WR)
        while chunk := sock.recv(262144):
            if what == b"echo":
                sock.sendall(chunk)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Distant:
    """A TLS server that echoes, for the service that dials."""

    def __init__(self, contexts, fail):
        self._contexts, self._fail = contexts, fail
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        for number in itertools.count():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            context = self._contexts[number % len(self._contexts)]
            threading.Thread(target=self._serve, args=(sock, context, number), daemon=True).start()

    def _serve(self, sock, context, number):
        try:
            peer = tls.Tls(sock, context, server_side=True).handshake()
            while chunk := peer.recv():
                peer.send(chunk)
            peer.finish()
        except (OSError, ssl.SSLError, tls.Truncated) as error:
            self._fail("distant", number, error)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class OwnCertificates(Certificates):
    """All of the end-to-end tests, and two for the daemon itself, each with its key in one file."""

    def make_all(self):
        super().make_all()
        for name in "old", "new":
            self._make(name, "ca", "front.example", "DNS:front.example,IP:127.0.0.1",
                       ["basicConstraints=critical,CA:FALSE"])
            with open(self.path(name), "a", encoding="ascii") as both:
                both.write(open(self.path(name, "key"), encoding="ascii").read())
            os.chmod(self.path(name), 0o600)
        return self

    def serial(self, name):
        command = ["openssl", "x509", "-noout", "-serial", "-in", self.path(name)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.strip().partition("=")[2]


class World:
    """Starts all of it. `program` is actpass, `env` more of its environment. fail(what, number,
    error) is called with what goes wrong at one of the servers."""

    def __init__(self, program, folder, fail, env=None):
        self.folder = folder
        self.certificates = OwnCertificates(folder).make_all()
        self.contexts = {(server, version): self._context(server, version)
                         for server in (False, True) for version in VERSIONS}
        self.connected = 0  # connections that the daemon must have accepted
        self._lock = threading.Lock()
        self.backend = Backend()
        self.distant = Distant([self.contexts[True, version] for version in VERSIONS], fail)
        self.home = socket.create_server(("127.0.0.1", 0), backlog=128)  # what it keeps dialing
        self.page = data.block(PAGE_SIZE, 7)
        self._put("www/page.bin", self.page)
        self._put("session.keys", secrets.token_hex(32).encode() + b"\n")
        self.use_certificate("old")
        self.daemon = Daemon(program, folder, self._config(), env=env)
        self.ports = {name: self.daemon.port(name) for name in self.daemon.services}

    def _context(self, server, version):
        return tls.context(self.certificates, server, version, "device" if server else None)

    def _put(self, name, content):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            out.write(content)
        return path

    def use_certificate(self, name):
        """From the next reload on the daemon shows this one."""
        content = open(self.certificates.path(name), "rb").read()
        os.replace(self._put("front.new", content), os.path.join(self.folder, "own.pem"))

    def _service(self, name, *, sessions="memory", **keys):
        made = {"certificate": os.path.join(self.folder, "own.pem"), "client_auth": "none",
                "ca": self.certificates.path("ca"), "sessions": sessions, "session_timeout": "20s",
                "peer_names": PEER_NAMES}
        if sessions not in ("memory", "off"):
            made["session_key_file"] = os.path.join(self.folder, "session.keys")
        service = {"name": name, "tls": made, "write_timeout": "5s", "close_timeout": "2s", **keys}
        if "dial" not in keys:
            service = {"listen": "127.0.0.1:0", "handshake_timeout": "5s", **service}
            if service.setdefault("role", "auto") == "auto":
                service["initial_data_timeout"] = "3s"
        return service

    def _config(self):
        home = "127.0.0.1:%d" % self.home.getsockname()[1]
        store = "file:" + os.path.join(self.folder, "store")
        limits = {"per_address": 500, "rate_per_address": 1000}
        return {"log": {"level": "debug"}, "services": [
            self._service("echo", echo=True, limits=limits, remember_roles=True),
            self._service("forward", sessions="tickets", forward=self.backend.address),
            self._service("http", role="server", sessions=store,
                          http={"root": os.path.join(self.folder, "www")}),
            self._service("direct", transport="direct", echo=True),
            self._service("home", role="client",
                          as_client={"forward": self.backend.address}),
            self._service("local", listen_plain="127.0.0.1:0", dial=self.distant.address),
            self._service("kept", dial=home, persistent=True, echo=True,
                          retry={"min": "50ms", "max": "500ms"})]}

    # ---- peers

    def connect(self, service, chance, receive_buffer=None):
        """A plain connection from one of many addresses."""
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number = chance.randrange(SOURCES)
        sock.bind((f"127.1.{number // 256}.{number % 256}", 0))
        sock.settimeout(60)
        sock.connect(("127.0.0.1", self.ports[service]))
        with self._lock:
            self.connected += service != "local"  # for those it dials, and counts only that
        return sock

    def peer(self, service, chance, device=None, **options):
        """A TLS peer before its handshake: a client, or a device that waits to be spoken to."""
        if device is None:
            device = service == "home" or service != "http" and chance.random() < 0.15
        sock = self.connect(service, chance, **options)
        return tls.Tls(sock, self.contexts[device, chance.choice(VERSIONS)], server_side=device)

    def served(self, service, chance, command=b"echo\n", **options):
        """A peer with which the daemon, or the backend behind it, does what COMMAND says."""
        peer = self.peer(service, chance, **options).handshake()
        if service in ("forward", "home"):
            peer.send(command)
        return peer

    def close(self):
        self.daemon.kill()
        self.backend.close()
        self.distant.close()
        self.home.close()


class Pace:
    """Lets visits begin as long as both processes together take less than SHARE of a processor."""

    def __init__(self, world, share):
        self._world, self._share = world, share
        self._open = threading.Event()
        self._lock = threading.Lock()
        self.active = 0
        self.go_on()

    def _used(self):
        return time.process_time() + self._world.daemon.cpu_seconds()

    def go_on(self):
        self._began, self._used_before = time.monotonic(), self._used()
        self._open.set()

    def pause(self, timeout=60):
        """Lets no more begin, and waits for those under way."""
        self._open.clear()
        data.until(lambda: not self.active, timeout, "the end of all visits")

    def begin(self):
        while True:
            self._open.wait()
            spare = self._share * (time.monotonic() - self._began)
            spare -= self._used() - self._used_before
            if spare > 0 and self._enter():
                return
            time.sleep(min(1, max(0.02, -spare / self._share)))

    def _enter(self):
        with self._lock:
            if not self._open.is_set():
                return False
            self.active += 1
            return True

    def end(self):
        with self._lock:
            self.active -= 1
