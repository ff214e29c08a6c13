"""STARTTLS of LDAP, PostgreSQL and XMPP: with real servers and clients, and with peers made in
Python that do what those never do."""
import socket
import struct
import subprocess

from support import clear, tls
from support.backend import Backend
from support.certificates import DEVICE, FRONT
from support.dials import Dials
from support.directories import Postgres, Prosody, Slapd
from support.each import each

OID = b"1.3.6.1.4.1.1466.20037"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SSL_REQUEST = bytes.fromhex("0000000804d2162f")


def stream(space="jabber:client", to=FRONT):
    return (f"<?xml version='1.0'?><stream:stream to='{to}' version='1.0' xmlns='{space}' "
            "xmlns:stream='http://etherx.jabber.org/streams'>").encode()


# What a client says, and how what it is answered begins (a pattern).
ASKS = {
    "ldap": [(b"\x30\x1d\2\1\5\x77\x18\x80\x16" + OID, rb"^\x30.\x02\x01\x05\x78.\x0a\x01\0")],
    "postgresql": [(bytes.fromhex("0000000804d21630"), rb"^N$"), (SSL_REQUEST, rb"^S$")],
    "xmpp": [(stream(), rb"^.*<starttls [^>]*><required/></starttls></stream:features>$"),
             (f"<starttls xmlns='{TLS}'/>".encode(), rb"^<proceed [^>]*/>$")],
}
ASKS["xmpp-server"] = [(stream("jabber:server"), ASKS["xmpp"][0][1]), ASKS["xmpp"][1]]

# What a server must be asked, and what it answers.
ANSWERS = {
    "ldap": [(rb"^\x30\x1d\x02\x01\x01\x77\x18\x80\x16", b"\x30\x0c\2\1\1\x78\7\x0a\1\0\4\0\4\0")],
    "postgresql": [(rb"^\0\0\0\x08\x04\xd2\x16\x2f$", b"S")],
    "xmpp": [(rb"^.*<stream:stream .*>$",
              stream() + f"<stream:features><starttls xmlns='{TLS}'/></stream:features>".encode()),
             (rb"^<starttls [^>]*/>$", f"<proceed xmlns='{TLS}'/>".encode())],
}
PROTOCOLS = tuple(ASKS)


def ask(sock, protocol, behind=b""):
    """A client's part. BEHIND is sent in one piece with the last request."""
    for number, (request, answer) in enumerate(ASKS[protocol]):
        last = number == len(ASKS[protocol]) - 1
        sock.sendall(request + (behind if last else b""))
        if not (last and behind):
            clear.read_until(sock, answer)


class Server(Dials):
    """They connect in Python, and we are the TLS server."""

    def front(self, protocol, **changes):
        return self.actpass(self.service(starttls=protocol, **changes))

    def refused(self, actpass, sock, words):
        try:
            said = self.read_all(sock)
        except ConnectionResetError:
            said = b""
        sock.close()
        line = actpass.close()
        self.assertEqual(line["reason"], "PROTOCOL")
        self.assertIn(words, line["error"])
        return said

    @each(protocol=PROTOCOLS)
    def test_then_there_is_tls(self, protocol):
        actpass = self.front(protocol)
        sock = self.connect(actpass)
        ask(sock, protocol)
        peer = tls.Tls(sock, tls.context(self.certificates, False)).handshake()
        peer.send(b"hello")
        self.assertEqual(peer.recv_exactly(5), b"hello")
        self.assertEqual(peer.finish(), b"")
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    @each(protocol=PROTOCOLS)
    def test_nothing_before_tls_counts(self, protocol):
        """CVE-2011-0411 and, of PostgreSQL, CVE-2021-23214."""
        actpass = self.front(protocol)
        sock = self.connect(actpass)
        ask(sock, protocol, behind=b"x")
        self.refused(actpass, sock, "sent more behind the command")

    def test_postgresql_without_tls(self):
        """What libpq shows to its user."""
        actpass = self.front("postgresql")
        sock = self.connect(actpass)
        sock.sendall(struct.pack(">II", 16, 3 << 16) + b"user\0me\0")
        said = self.refused(actpass, sock, "began without TLS")
        self.assertTrue(said.startswith(b"E\0\0\0"), said)
        self.assertIn(b"sslmode=require", said)

    @each(offered=["postgresql", "h2", None])
    def test_postgresql_direct(self, offered):
        """As sslnegotiation=direct does it. Without the protocol's name in ALPN it might be a
        browser that somebody leads here."""
        actpass = self.front("postgresql", tls={"alpn": ["postgresql"]})
        made = tls.context(self.certificates, False)
        made.set_alpn_protocols([offered] if offered else [])
        peer = tls.Tls(self.connect(actpass), made)
        if offered == "postgresql":
            peer.handshake().send(b"hello")
            self.assertEqual(peer.recv_exactly(5), b"hello")
            peer.finish()
            return
        with self.assertRaises((tls.Truncated, tls.ssl.SSLError, ConnectionResetError)):
            peer.handshake()
            peer.recv()
        peer.sock.close()
        self.assertEqual(actpass.close()["reason"], "PROTOCOL")


class Client(Dials):
    """We dial a server in Python, and are the TLS client."""

    @each(how=["half", "reset"])
    def test_a_postgresql_client_that_leaves_within_its_request(self, how):
        def serve(session):
            clear.read_until(session.sock, ANSWERS["postgresql"][0][0])
            session.sock.sendall(b"S")
            tls.Tls(session.sock, tls.context(self.certificates, True, certificate="device"),
                    server_side=True).handshake()
            while session.recv():
                pass
        server = self.backend(Backend(serve))
        actpass = self.bridge(server.address, starttls="postgresql", handshake_timeout="1h")
        local = self.connect(actpass)
        local.sendall(SSL_REQUEST[:3])
        actpass.wait_for(event="role")
        if how == "reset":
            tls.reset(local)
        else:
            local.shutdown(socket.SHUT_WR)
        server.finished()
        self.assertIn("local connection: ", actpass.close()["error"])
        local.close()

    @each(protocol=list(ANSWERS))
    def test_nothing_before_tls_counts(self, protocol):
        """CVE-2021-23222 and its kin."""
        def serve(session):
            answers = ANSWERS[protocol]
            for number, (request, answer) in enumerate(answers):
                clear.read_until(session.sock, request)
                session.sock.sendall(answer + (b"x" if number == len(answers) - 1 else b""))
            session.recv()
        actpass = self.bridge(self.backend(Backend(serve)).address, starttls=protocol,
                              tls={"server_name": DEVICE})
        self.cut_before_a_byte(actpass)
        line = actpass.close()
        self.assertEqual(line["reason"], "PROTOCOL")
        self.assertIn("sent more behind the command", line["error"])


class Real(Dials):
    """Real programs on both sides: the client speaks to us in TLS and we to the server in clear,
    or the other way round."""
    deadline = 120

    def run_client(self, command, **environment):
        """Its exit status, and what it has said."""
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                              env={"PATH": "/usr/bin:/bin", **environment})
        return done.returncode, done.stdout

    def shared(self, make, *more, **options):
        return self.backend(make(self.certificates, *more, **options))

    # ---- LDAP

    def ldapsearch(self, port, *more):
        return self.run_client(
            ["ldapsearch", "-x", "-H", f"ldap://127.0.0.1:{port}", "-s", "base", "-b", "", *more,
             "supportedLDAPVersion"], LDAPTLS_CACERT=self.certificates.path("ca"))

    def test_ldap(self):
        slapd = self.shared(Slapd)
        actpass = self.actpass(self.service(starttls="ldap", forward=slapd.address))
        status, said = self.ldapsearch(actpass.port(), "-ZZ")
        self.assertEqual(status, 0, said)
        self.assertIn("supportedLDAPVersion: 3", said)
        self.assertEqual(actpass.close()["reason"], "CLEAN")
        status, said = self.ldapsearch(actpass.port())
        self.assertIn("Confidentiality required", said)
        self.assertIn("without asking for TLS", actpass.wait_for(event="close", count=2)["error"])

    def test_ldap_to_a_server(self):
        slapd = self.shared(Slapd, strict=True)
        actpass = self.bridge(slapd.address, starttls="ldap")
        self.assertIn("confidentiality", self.ldapsearch(slapd.port)[1].lower())
        status, said = self.ldapsearch(actpass.port())
        self.assertEqual(status, 0, said)
        self.assertIn("supportedLDAPVersion: 3", said)

    # ---- PostgreSQL

    def psql(self, port, query, mode, **more):
        place = {"host": "127.0.0.1", "port": port, "user": "me", "dbname": "postgres",
                 "sslmode": mode, "sslrootcert": self.certificates.path("ca"), **more}
        return self.run_client(["psql", "-X", "-A", "-t", "-c", query,
                                " ".join(f"{name}={value}" for name, value in place.items())],
                               HOME=self.folder)

    def test_postgresql(self):
        """All in one, since its server takes seconds to make."""
        postgres = self.shared(Postgres)
        ssl = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
        actpass = self.actpass(self.service(starttls="postgresql", forward=postgres.address,
                                            tls={"alpn": ["postgresql"]}))
        self.assertEqual(self.psql(actpass.port(), ssl, "verify-full"), (0, "f\n"))
        self.assertEqual(actpass.close()["reason"], "CLEAN")
        status, said = self.psql(actpass.port(), ssl, "disable")
        self.assertEqual(status, 2)
        self.assertIn("TLS is required here", said)
        version = int(self.run_client(["psql", "--version"])[1].split()[2].partition(".")[0])
        if version >= 17:
            self.assertEqual(self.psql(actpass.port(), ssl, "verify-full",
                                       sslnegotiation="direct"), (0, "f\n"))

        for changes in {"starttls": "postgresql"}, {"tls": {"alpn": ["postgresql"]}}:
            direct = "starttls" not in changes
            if direct and "postgresql/15" in postgres.programs:
                continue  # it knows no direct TLS
            dialing = self.bridge(postgres.address, **changes)
            for mode in ("disable",) if direct else ("disable", "prefer"):
                self.assertEqual(self.psql(dialing.port(), ssl, mode), (0, "t\n"))

    # ---- XMPP

    def test_xmpp(self):
        prosody = self.shared(Prosody, FRONT)
        for protocol, port, space in (("xmpp", prosody.port, "client"),
                                      ("xmpp-server", prosody.between, "server")):
            actpass = self.actpass(self.service(starttls=protocol, forward=f"127.0.0.1:{port}"))
            client = self.spawn(["openssl", "s_client", "-connect", f"127.0.0.1:{actpass.port()}",
                                 "-starttls", protocol, "-xmpphost", FRONT, "-verify_return_error",
                                 "-CAfile", self.certificates.path("ca"), "-quiet"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            client.stdin.write(stream(f"jabber:{space}"))
            client.stdin.flush()
            said = b""
            while b"</stream:features>" not in said and b"<stream:features/>" not in said:
                data = client.stdout.read1(4096)
                self.assertTrue(data, said)
                said += data
            self.assertIn(f"from='{FRONT}'".encode(), said)

    def test_xmpp_to_a_server(self):
        prosody = self.shared(Prosody, DEVICE, strict=True)
        actpass = self.bridge(prosody.address, starttls="xmpp", tls={"server_name": DEVICE})
        local = self.connect(actpass)
        local.sendall(stream(to=DEVICE))
        clear.read_until(local, rb".*<mechanism>ANONYMOUS</mechanism>.*</stream:features>$")
        local.sendall(b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
        clear.read_until(local, rb"^<success ")
        local.shutdown(socket.SHUT_WR)
