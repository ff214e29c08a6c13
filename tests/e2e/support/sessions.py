"""Services with a store of sessions, and clients that come again."""
import contextlib
import os
import secrets

from support import tls
from support.actpass import Actpass
from support.case import Case, need
from support.redis import Redis

STORES = ("memory", "tickets", "file", "redis")
SHARED = ("tickets", "file", "redis")


class SessionsCase(Case):
    """Stores, and visitors that resume."""

    deadline = 90

    def setUp(self):
        super().setUp()
        self.keys = self.file("session.keys", secrets.token_hex(32).encode() + b"\n")
        os.chmod(self.keys, 0o600)

    def store(self, kind):
        """What "tls" holds for a store of this test."""
        if kind in ("memory", "off"):
            return {"sessions": kind}
        if kind == "tickets":
            return {"sessions": "tickets", "session_key_file": self.keys}
        if kind == "file":
            return {"sessions": "file:" + os.path.join(self.folder, "store"),
                    "session_key_file": self.keys}
        return {"sessions": self.redis().url, "session_key_file": self.keys}

    def redis(self, **options):
        need("redis-server")
        if not getattr(self, "_redis", None):
            self._redis = self.backend(Redis(self.folder, **options).start())
        return self._redis

    def start(self, kind, **changes):
        more = changes.pop("tls", {})
        return self.run_on(kind, self.service(tls={**self.store(kind), **more}, **changes))

    def run_on(self, kind, service):
        """Connections to Redis are kept, so there are more descriptors at the end than at the
        start."""
        return self.actpass(service, check=kind != "redis")

    def context(self, version, certificate=None):
        return tls.context(self.certificates, False, version, certificate)

    def visit(self, actpass, context, session=None):
        """One connection of Python's ssl with an echo; answers its session and whether it was
        resumed."""
        address = actpass.address() if isinstance(actpass, Actpass) else actpass
        with self.connect(address) as raw:
            with context.wrap_socket(raw, server_hostname="front.example", session=session) as sock:
                sock.sendall(b"hello")
                received = b""
                while len(received) < 5:
                    chunk = sock.recv(5)
                    self.assertTrue(chunk, "the connection failed")
                    received += chunk
                answer = sock.session, sock.session_reused
                with contextlib.suppress(OSError):
                    sock.unwrap()
                return answer

    def visits(self, actpass, version, times=5, certificate=None):
        """Connections of one client, one after another; how many were resumed."""
        context, session, resumed = self.context(version, certificate), None, 0
        for _ in range(times):
            session, reused = self.visit(actpass, context, session)
            resumed += reused
        return resumed

    def resumed(self, actpass, count):
        """The log's number of resumed connections, once COUNT connections are closed."""
        actpass.wait_for(event="close", count=count)
        return len(actpass.find(event="close", resumed=1))
