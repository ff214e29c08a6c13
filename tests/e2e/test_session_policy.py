"""Resumption never gets round the policy: services that share a store but trust others, and a
policy that a reload made tighter."""
import signal
import ssl

import test_trust
from support.case import Case
from support.each import VERSIONS, each
from support.sessions import SHARED, STORES, SessionsCase

FULL, RESUMED, REFUSED = "full", "resumed", "refused"


class SessionPolicy(Case):
    deadline = 90
    store = SessionsCase.store
    redis = SessionsCase.redis
    run_on = SessionsCase.run_on
    start = SessionsCase.start
    context = SessionsCase.context
    openssl = test_trust.Files.openssl
    ca = test_trust.Files.ca
    crl = test_trust.Files.crl

    def setUp(self):
        super().setUp()
        self.keys = self.file("session.keys", b"11" * 32 + b"\n")
        self.index, self.config = self.file("index.txt"), self.file("ca.cnf", b"".join((
            b"[ca]\ndefault_ca=d\n[d]\ndatabase=", self.folder.encode(), b"/index.txt\n"
            b"default_md=sha256\ndefault_crl_days=1\n")))

    def visit(self, actpass, context, session=None, name="front.example", service=None):
        """The session, and what became of the connection."""
        try:
            with self.connect(actpass, service) as raw, context.wrap_socket(
                    raw, server_hostname=name, session=session) as sock:
                sock.sendall(b"hello")
                if sock.recv(5) != b"hello":
                    return session, REFUSED
                answer = sock.session, RESUMED if sock.session_reused else FULL
                sock.unwrap()
                return answer
        except (ssl.SSLError, OSError):
            return session, REFUSED

    def pems(self, name, *names):
        return self.file(name, b"".join(open(self.certificates.path(one), "rb").read()
                                        for one in names))

    def session(self, actpass, context, **options):
        """One that is good: it was resumed."""
        session, how = self.visit(actpass, context, **options)
        self.assertEqual(how, FULL)
        session, how = self.visit(actpass, context, session, **options)
        self.assertEqual(how, RESUMED)
        return session

    # ---- one store, several services

    @each(kind=SHARED, version=VERSIONS)
    def test_another_ca_or_other_names(self, kind, version):
        """Two processes with a service of the same name, which differ in nothing else."""
        context = self.context(version, "client")
        tls = {"client_auth": "require", "ca": self.pems("ca.pem", "ca"),
               "peer_names": ["*.devices.example"]}
        first = self.start(kind, role="server", tls=tls)
        rows = [({"ca": self.pems("both.pem", "ca", "stranger-ca")}, FULL),
                ({"ca": self.certificates.path("stranger-ca")}, REFUSED),
                ({"peer_names": ["*.devices.example", "front.example"]}, FULL),
                ({"peer_names": ["dev1.devices.example"]}, REFUSED),
                ({"client_auth": "request"}, FULL), ({}, RESUMED)]
        for change, wanted in rows:
            session = self.session(first, context)
            other = self.start(kind, role="server", tls={**tls, **change})
            self.assertEqual(self.visit(other, context, session)[1], wanted, change)
            other.stop()

    @each(kind=SHARED, version=VERSIONS)
    def test_two_services_of_a_process(self, kind, version):
        context = self.context(version, "client")
        tls = {**self.store(kind), "client_auth": "require"}
        actpass = self.actpass(
            self.service("a", role="server", tls=tls),
            self.service("b", role="server", tls={**tls, "peer_names": ["dev1.devices.example"]}),
            self.service("c", role="server", tls=tls), check=kind != "redis")
        for service, wanted in ("b", REFUSED), ("c", FULL), ("a", RESUMED):
            session = self.session(actpass, context, service="a")
            self.assertEqual(self.visit(actpass, context, session, service=service)[1], wanted)

    @each(kind=STORES, version=VERSIONS)
    def test_another_server_name(self, kind, version):
        """A session of one name's certificate is of no use where another name is asked for."""
        context = self.context(version, "client")
        context.check_hostname = False
        actpass = self.start(kind, role="server", tls={
            "client_auth": "require", "certificates": [{
                "server_names": ["dev1.devices.example"],
                "certificate": self.certificates.path("device"),
                "key": self.certificates.path("device", "key")}]})
        names = "front.example", "dev1.devices.example"
        for name, other in names, names[::-1]:
            session = self.session(actpass, context, name=name)
            self.assertEqual(self.visit(actpass, context, session, name=other)[1], FULL)
            session = self.session(actpass, context, name=name)
            self.assertEqual(self.visit(actpass, context, session, name=name)[1], RESUMED)

    # ---- a reload

    def reload(self, actpass, count):
        actpass.signal(signal.SIGHUP)
        self.assertNotIn("error", actpass.wait_for(event="reload", count=count))

    @each(kind=STORES, version=VERSIONS)
    def test_a_crl_that_a_reload_brings(self, kind, version):
        context = self.context(version, "client")
        actpass = self.start(kind, role="server",
                             tls={"client_auth": "require", "crl": self.crl()})
        session = self.session(actpass, context)
        self.crl("client")
        self.reload(actpass, 1)
        for _ in range(2):
            self.assertEqual(self.visit(actpass, context, session)[1], REFUSED)
        self.assertEqual(self.visit(actpass, self.context(version, "device"))[1], FULL)
        self.file("index.txt")
        self.crl()
        self.reload(actpass, 2)
        self.assertNotEqual(self.visit(actpass, context)[1], REFUSED)

    @each(kind=STORES, version=VERSIONS)
    def test_a_ca_that_a_reload_takes_away(self, kind, version):
        context = self.context(version, "client")
        ca = self.pems("ca.pem", "ca", "stranger-ca")
        actpass = self.start(kind, role="server", tls={"client_auth": "require", "ca": ca})
        session = self.session(actpass, context)
        self.pems("ca.pem", "stranger-ca")
        self.reload(actpass, 1)
        for _ in range(2):
            self.assertEqual(self.visit(actpass, context, session)[1], REFUSED)
        self.pems("ca.pem", "ca")
        self.reload(actpass, 2)
        self.assertEqual(self.visit(actpass, context, session)[1], FULL, "another set of CAs")
