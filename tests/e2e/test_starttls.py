"""STARTTLS with peers made in Python: who says what in clear, in both TCP directions and both
roles; and that nothing that was said in clear counts in TLS."""
import contextlib
import os
import socket

from support import clear, tls
from support.backend import Backend
from support.clear import PROTOCOLS
from support.data import until
from support.dials import Dials
from support.each import each

# What servers say that do not begin TLS, one after another.
UNWILLING = {"smtp greeting": ["554 no"], "smtp extensions": ["220 hello", "250 no"],
             "imap preauth": ["* PREAUTH in"], "imap bye": ["* OK hello", "* BYE"],
             "imap no": ["* OK hello", "* OK [ALERT] soon", "a1 NO no"],
             "pop3 no": ["+OK hello", "-ERR no"], "ftp no": ["220 hello", "500 no"],
             "ftp late": ["120 wait", "421 no"]}


class Starttls(Dials):
    def greeting_backend(self, greeting):
        """The program behind us: it greets, then echoes."""
        def serve(session):
            session.sock.sendall(greeting)
            while chunk := session.recv():
                session.sock.sendall(chunk)
        return self.backend(Backend(serve))

    def front(self, protocol, greeting=None, **changes):
        plain = self.greeting_backend(greeting or clear.GREETING[protocol])
        return self.actpass(self.service(starttls=protocol, forward=plain.address, **changes)), plain

    def tls_client(self, sock):
        return tls.Tls(sock, tls.context(self.certificates, False)).handshake()

    def check_echo(self, peer, data=b"hello"):
        peer.send(data)
        self.assertEqual(peer.recv_exactly(len(data)), data)

    def refused(self, actpass, sock, words, reason="PROTOCOL"):
        """The connection ends without TLS, and the log says why."""
        try:
            while sock.recv(4096):
                pass
        except ConnectionResetError:
            pass
        line = actpass.close()
        self.assertEqual(line["reason"], reason)
        self.assertIn(words, line["error"])


class Server(Starttls):
    """They connect, and we are the TLS server."""

    @each(protocol=PROTOCOLS)
    def test_the_greeting_comes_once(self, protocol):
        actpass, _ = self.front(protocol)
        sock = self.connect(actpass)
        clear.ask(sock, protocol)
        peer = self.tls_client(sock)
        self.check_echo(peer)
        self.assertEqual(peer.finish(), b"")
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    @each(protocol=PROTOCOLS)
    def test_nothing_before_tls_counts(self, protocol):
        """CVE-2011-0411: a command that somebody has inserted behind STARTTLS."""
        actpass, plain = self.front(protocol)
        sock = self.connect(actpass)
        clear.ask(sock, protocol, behind=b"NOOP\r\n")
        self.refused(actpass, sock, "sent more behind the command")
        self.assertEqual(plain.sessions, [])

    @each(protocol=PROTOCOLS)
    def test_byte_by_byte(self, protocol):
        actpass, _ = self.front(protocol)
        sock = self.connect(actpass)
        clear.greet(sock, protocol)
        for command, answer in clear.ASKS[protocol]:
            for byte in command:
                sock.sendall(bytes([byte]))
            clear.read_until(sock, answer)
        self.check_echo(self.tls_client(sock))

    @each(protocol=PROTOCOLS)
    def test_a_backend_that_refuses(self, protocol):
        refusal = {"smtp": b"554 no\r\n", "imap": b"* BYE no\r\n", "pop3": b"-ERR no\r\n",
                   "ftp": b"421 no\r\n"}[protocol]
        actpass, _ = self.front(protocol, greeting=refusal)
        sock = self.connect(actpass)
        clear.ask(sock, protocol)
        peer = self.tls_client(sock)
        with self.assertRaises((tls.Truncated, ConnectionResetError)):
            peer.recv()
        self.assertIn("expected a greeting", actpass.close()["error"])

    def test_a_backend_that_ends_within_its_greeting(self):
        """Nobody waits for the rest until the handshake_timeout."""
        plain = self.backend(Backend(lambda session: (session.sock.sendall(b"220-one\r\n220"),
                                                      session.sock.shutdown(socket.SHUT_WR),
                                                      session.recv())))
        actpass = self.actpass(self.service(starttls="smtp", forward=plain.address,
                                            handshake_timeout="1h"))
        sock = self.connect(actpass)
        clear.ask(sock, "smtp")
        peer = self.tls_client(sock)
        with self.assertRaises((tls.Truncated, ConnectionResetError)):
            peer.recv()
        self.assertIn("closed within its first message", actpass.close()["error"])

    def test_a_backend_that_is_silent(self):
        plain = self.backend(Backend(lambda session: session.recv()))
        actpass = self.actpass(self.service(starttls="smtp", forward=plain.address,
                                            handshake_timeout="1s"))
        sock = self.connect(actpass)
        clear.ask(sock, "smtp")
        peer = self.tls_client(sock)
        with self.assertRaises((tls.Truncated, ConnectionResetError)):
            peer.recv()
        self.assertIn("its greeting was not complete", actpass.close()["error"])

    def test_a_greeting_in_pieces_behind_a_proxy_header(self):
        def serve(session):
            while not session.recv().endswith(b"\r\n"):
                pass
            for line in b"220-one\r\n", b"220-two\r", b"\n220 th", b"ree\r\n":
                session.sock.sendall(line)
            while chunk := session.recv():
                session.sock.sendall(chunk)
        plain = self.backend(Backend(serve))
        actpass = self.actpass(self.service(starttls="smtp", forward=plain.address,
                                            proxy_protocol="v1"))
        sock = self.connect(actpass)
        clear.ask(sock, "smtp")
        peer = self.tls_client(sock)
        self.check_echo(peer)
        peer.finish()

    def test_what_a_backend_says_behind_its_greeting_arrives(self):
        """Also if it has ended by then: its events have come while we read the greeting."""
        def serve(session):
            session.sock.sendall(b"* OK hello\r\n* BYE\r\n")
            session.sock.shutdown(socket.SHUT_WR)
            session.recv()
        plain = self.backend(Backend(serve))
        actpass = self.actpass(self.service(starttls="imap", forward=plain.address))
        sock = self.connect(actpass)
        clear.ask(sock, "imap")
        peer = self.tls_client(sock)
        self.assertEqual(peer.recv_all(), b"* BYE\r\n")
        peer.finish()
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    def test_behind_the_header_of_a_proxy(self):
        """Its step comes first, and its bytes are not taken for the client's."""
        actpass, _ = self.front("smtp", accept_proxy={"from": ["127.0.0.1/32"]})
        sock = self.connect(actpass)
        sock.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 25\r\n")
        clear.ask(sock, "smtp")
        peer = self.tls_client(sock)
        self.check_echo(peer)
        peer.finish()
        self.assertEqual(actpass.close()["peer"], "192.0.2.7:4000")

    def test_limits_behind_a_proxy_come_before_the_greeting(self):
        actpass, _ = self.front("smtp", accept_proxy={"from": ["127.0.0.1/32"]},
                                limits={"deny": ["192.0.2.7/32"], "per_address": 1})
        head = b"PROXY TCP4 192.0.2.%d 192.0.2.1 4000 25\r\n"
        sock = self.connect(actpass)
        sock.sendall(head % 7)
        self.assertRaises(ConnectionResetError, sock.recv, 100)
        actpass.wait_for(event="refused", limit="denied", peer="192.0.2.7")
        first, second = self.connect(actpass), self.connect(actpass)
        first.sendall(head % 8)
        clear.greet(first, "smtp")
        second.sendall(head % 8)
        self.assertRaises(ConnectionResetError, second.recv, 100)
        actpass.wait_for(event="refused", limit="per_address", peer="192.0.2.8")

    def test_one_that_is_no_proxy_counts_once(self):
        actpass, _ = self.front("smtp", limits={"rate_per_address": 1},
                                accept_proxy={"from": ["192.0.2.1/32"], "others": "direct"})
        sock = self.connect(actpass)
        clear.ask(sock, "smtp")
        peer = self.tls_client(sock)
        self.check_echo(peer)
        peer.finish()

    def test_a_client_that_closes_within_a_line(self):
        actpass, _ = self.front("smtp")
        sock = self.connect(actpass)
        sock.sendall(b"EHLO")
        sock.shutdown(socket.SHUT_WR)
        self.refused(actpass, sock, "has closed before TLS")

    def test_what_is_wrong(self):
        """All of it before TLS, so the backend never sees anything."""
        actpass, plain = self.front("smtp", handshake_timeout="2s")
        cases = ((b"\x16\x03\x01\x00\xc8\x01", "begins with TLS at once", "PROTOCOL"),
                 (b"x" * 2000, "at most 1024 bytes", "PROTOCOL"),
                 (b"EHLO a\nSTARTTLS\n", "end with CR LF", "PROTOCOL"),
                 (b"NOOP\r\n" * 40, "16 requests", "PROTOCOL"),
                 (b"MAIL FROM:<a@b>\r\nQUIT\r\n", "without beginning TLS", "PROTOCOL"),
                 (b"EHLO a\r\nSTARTT", "was not complete in time", "TIMEOUT"),
                 (b"", "sent nothing in time", "TIMEOUT"))
        for number, (sent, words, reason) in enumerate(cases):
            sock = self.connect(actpass)
            sock.sendall(sent)
            answers = b""
            try:
                while data := sock.recv(4096):
                    answers += data
            except ConnectionResetError:
                pass
            line = actpass.wait_for(event="close", count=number + 1)
            self.assertIn(words, line["error"], sent)
            self.assertEqual(line["reason"], reason, sent)
            self.assertTrue(answers.startswith(b"220 "), sent)
            if sent.startswith(b"MAIL"):
                self.assertEqual([reply[:3] for reply in answers.splitlines()],
                                 [b"220", b"530", b"221"])
        self.assertEqual(plain.sessions, [])

    def test_silent_peers_hold_no_threads(self):
        actpass, _ = self.front("imap")
        socks = [self.connect(actpass) for _ in range(50)]
        for sock in socks:
            clear.greet(sock, "imap")
        if os.environ.get("ACTPASS_TEST_PARK") != "never":
            self.assertLess(actpass.threads(), 20)
        for sock in socks[1:]:
            sock.close()
        until(lambda: len(actpass.find(event="close")) == 49, 20, "the others being closed")
        actpass.signal()
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(socks[0].recv(100), b"")
        self.assertEqual(actpass.wait_exit(), 0)


class Client(Starttls):
    """We dial, and are the TLS client: for a local client that knows no TLS."""

    def server(self, protocol, behind=b""):
        """A server of the protocol, which echoes in TLS."""
        made = tls.context(self.certificates, True, certificate="device")

        def serve(session):
            clear.answer(session.sock, protocol, behind)
            peer = tls.Tls(session.sock, made, server_side=True).handshake()
            self.echo(peer)
        return self.backend(Backend(serve))

    @each(protocol=PROTOCOLS)
    def test_the_local_client_is_greeted(self, protocol):
        actpass = self.bridge(self.server(protocol).address, starttls=protocol)
        local = self.connect(actpass)
        clear.read_until(local, clear.GREETED[protocol].replace(b".*STARTTLS", b""))
        local.sendall(b"hello")
        self.assertEqual(local.recv(100), b"hello")
        local.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read_all(local), b"")
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    @each(protocol=PROTOCOLS)
    def test_nothing_before_tls_counts(self, protocol):
        """CVE-2021-38371 and its kin: a reply that somebody has inserted behind the consent."""
        actpass = self.bridge(self.server(protocol, b"250 inserted\r\n").address, starttls=protocol)
        self.cut_before_a_byte(actpass)
        self.assertIn("sent more behind the command", actpass.close()["error"])

    @each(case=list(UNWILLING))
    def test_a_server_that_does_not_begin_tls(self, case):
        def serve(session):
            for reply in UNWILLING[case]:
                session.sock.sendall(reply.encode() + b"\r\n")
                if not reply.startswith(("120", "* OK [")):
                    session.recv()
        plain = self.backend(Backend(serve))
        actpass = self.bridge(plain.address, starttls=case.partition(" ")[0])
        self.cut_before_a_byte(actpass)
        line = actpass.close()
        self.assertEqual(line["reason"], "PROTOCOL")
        self.assertTrue("expected" in line["error"] or "does not offer STARTTLS" in line["error"],
                        line["error"])


class Turned(Starttls):
    """The TCP direction and the role do not go together as usual (call home)."""

    @each(protocol=["smtp", "imap"])
    def test_they_connect_and_we_are_client(self, protocol):
        """A server of the protocol that connects to us; behind us is its client."""
        plain = self.backend(Backend(lambda session: (
            clear.read_until(session.sock, clear.GREETED[protocol].replace(b".*STARTTLS", b"")),
            session.sock.sendall(b"ask"), session.sock.sendall(session.recv()))))
        actpass = self.actpass(self.service(starttls=protocol, role="client",
                                            as_client={"forward": plain.address}))
        sock = self.connect(actpass)
        clear.answer(sock, protocol)
        made = tls.context(self.certificates, True, certificate="device")
        peer = tls.Tls(sock, made, server_side=True).handshake()
        self.assertEqual(peer.recv_exactly(3), b"ask")
        peer.send(b"told")
        self.assertEqual(peer.recv_exactly(4), b"told")

    @each(protocol=["smtp", "pop3"])
    def test_we_dial_and_are_server(self, protocol):
        """We connect to a client of the protocol; behind us is its server."""
        made = tls.context(self.certificates, False, certificate="device")
        done = []

        def serve(session):
            clear.ask(session.sock, protocol)
            peer = tls.Tls(session.sock, made).handshake()
            self.check_echo(peer)
            done.append(peer.finish())
        client = self.backend(Backend(serve))
        plain = self.greeting_backend(clear.GREETING[protocol])
        self.actpass(self.dial_service(client.address, role="server", starttls=protocol,
                                       forward=plain.address, retry={"min": "1h", "max": "1h"}),
                     check=False)  # it has no listener to wait for before its descriptors count
        until(lambda: done, 20, "the client having its answer")
        self.assertEqual(done[0], b"")
