"""A Redis that wants a password, and one that speaks TLS: who reaches it is known, and so is it."""
import contextlib
import os
import secrets

from support.actpass import Actpass
from support.case import Case, need, program
from support.each import each
from support.ports import free_port
from support.redis import Redis
from support import tls

SECRET = "correct-horse-battery"


class RedisAccess(Case):
    def setUp(self):
        super().setUp()
        need("redis-server")
        self.keys = self.file("session.keys", secrets.token_hex(32).encode() + b"\n")
        os.chmod(self.keys, 0o600)

    def password(self, text=SECRET, mode=0o600):
        path = self.file(f"password-{len(os.listdir(self.folder))}", text.encode() + b"\n")
        os.chmod(path, mode)
        return path

    def redis(self, **options):
        return self.backend(Redis(self.folder, port=free_port(), **options).start())

    def over_tls(self, certificate="front"):
        chain, key = self.certificates.chain(certificate)
        port = free_port()
        self.redis(more=["--tls-port", str(port), "--tls-cert-file", chain, "--tls-key-file", key,
                         "--tls-auth-clients", "no"])
        return port

    def front(self, url, **keys):
        keys = {name: value for name, value in keys.items() if value is not None}
        settings = {"sessions": url, "session_key_file": self.keys, **keys}
        return self.actpass(self.service(tls=settings), check=False)

    def visit(self, actpass, context, session=None):
        with self.connect(actpass) as raw:
            with context.wrap_socket(raw, server_hostname="front.example", session=session) as sock:
                sock.sendall(b"hello")
                self.assertEqual(sock.recv(5), b"hello")
                answer = sock.session, sock.session_reused
                with contextlib.suppress(OSError):
                    sock.unwrap()
                return answer

    def check_resumes(self, url, **keys):
        """A session made at one process is resumed at another."""
        one, other = self.front(url, **keys), self.front(url, **keys)
        context = tls.context(self.certificates, False, "1.3")
        session, _ = self.visit(one, context)
        self.assertTrue(self.visit(other, context, session)[1], "resumed at the other process")
        for each_one in one, other:
            self.assertEqual(each_one.find(event="sessions"), [])
            self.assertNotIn(SECRET, "\n".join(each_one.lines))

    def check_refused(self, text, url, **keys):
        """Connections work without resumption, and one line says why."""
        actpass = self.front(url, **keys)
        context = tls.context(self.certificates, False, "1.3")
        session, _ = self.visit(actpass, context)
        for _ in range(3):
            session, reused = self.visit(actpass, context, session)
            self.assertFalse(reused)
        self.assertIn(text, actpass.wait_for(event="sessions")["error"])
        self.assertEqual(len(actpass.find(event="sessions")), 1)
        self.assertNotIn(SECRET, "\n".join(actpass.lines))
        self.assertNotIn("wrong-one", "\n".join(actpass.lines))

    def test_password(self):
        redis = self.redis(more=["--requirepass", SECRET], password=SECRET)
        self.check_resumes(redis.url, sessions_password_file=self.password())
        self.check_refused("refuses the password", redis.url,
                           sessions_password_file=self.password("wrong-one"))
        self.check_refused("set sessions_password_file", redis.url)

    def test_user(self):
        redis = self.redis(more=["--user", "actpass", "on", f">{SECRET}", "~actpass:*", "+@all"])
        url = redis.url.replace("redis://", "redis://actpass@")
        self.check_resumes(url, sessions_password_file=self.password())
        self.check_refused("refuses the password", url.replace("actpass@", "nobody@"),
                           sessions_password_file=self.password())

    def test_no_password_there(self):
        self.check_refused("does not take our AUTH", self.redis().url,
                           sessions_password_file=self.password())

    def test_credential(self):
        redis = self.redis(more=["--requirepass", SECRET], password=SECRET)
        os.environ["CREDENTIALS_DIRECTORY"] = self.folder
        self.addCleanup(os.environ.pop, "CREDENTIALS_DIRECTORY")
        name = os.path.basename(self.password())
        self.check_resumes(redis.url, sessions_password_file="credential:" + name)

    @each(host=("127.0.0.1", "localhost"))
    def test_tls(self, host):
        port = self.over_tls("front" if host[0] == "1" else "localhost")
        self.check_resumes(f"rediss://{host}:{port}/0", sessions_ca=self.certificates.path("ca"))

    @each(kind=("ca", "name", "expired", "plain"))
    def test_tls_refused(self, kind):
        ca = self.certificates.path("stranger-ca" if kind == "ca" else "ca")
        text = {"ca": "issuer", "name": "IP address mismatch", "expired": "expired",
                "plain": "does it speak TLS"}[kind]
        if kind == "plain":
            port = self.redis().port
        else:
            port = self.over_tls({"ca": "front", "name": "device", "expired": "expired"}[kind])
        self.check_refused(text, f"rediss://127.0.0.1:{port}/0", sessions_ca=ca)

    @each(kind=("in_url", "open", "no_ca"))
    def test_refused_at_the_start(self, kind):
        url, keys, text = {
            "in_url": (f"redis://u:{SECRET}@127.0.0.1/0", {}, "sessions_password_file"),
            "open": ("redis://127.0.0.1/0",
                     {"sessions_password_file": self.password(mode=0o644)}, "chmod 600"),
            "no_ca": ("rediss://127.0.0.1/0", {}, "sessions_ca")}[kind]
        service = self.service(tls={"sessions": url, "session_key_file": self.keys, **keys})
        actpass = Actpass(program(), self.folder, {"services": [service]})
        self.addCleanup(actpass.kill)
        self.assertNotEqual(actpass.wait_exit(20), 0)
        self.assertIn(text, "\n".join(actpass.lines))
        self.assertNotIn(SECRET, "\n".join(actpass.lines))
