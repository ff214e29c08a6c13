"""STARTTLS of MySQL with peers made in Python that do what real ones never do; those are in
tests/interop."""
import socket
import time

from support import clear, tls
from support.backend import Backend
from support.data import until
from support.dials import Dials
from support.each import each

TLS = 0x08  # in the second byte of the capabilities


def packet(number, payload):
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


def greeting(second=0xff):
    return packet(0, b"\x0a5.5\0\1\0\0\0saltsalt\0\xfe" + bytes([second]) +
                  b"\x08\2\0\xff\xc1\x15" + bytes(10) + b"salt\0")


def answer(second, more=b""):
    return packet(1, b"\x85" + bytes([second]) + b"\xbf\0\0\0\0\1\x21" + bytes(23) + more)


REQUEST = answer(0x8a)
ACCEPTED = b"\0\0\0\2\0\0\0"


def leave(sock, how):
    if how == "reset":
        tls.reset(sock)
    elif how == "half":
        sock.shutdown(socket.SHUT_WR)
    else:
        sock.close()


class Server(Dials):
    """They connect, and we are the TLS server before a server without TLS."""

    def front(self, serve, **changes):
        plain = self.backend(Backend(serve))
        return self.actpass(self.service(starttls="mysql", forward=plain.address, **changes)), plain

    def greeted(self, actpass):
        sock = self.connect(actpass)
        came = clear.read_until(sock, rb".*salt\0$")
        self.assertEqual(came, greeting())  # it offers TLS
        return sock

    def ends(self, actpass, sock, words, count=1):
        try:
            said = self.read_all(sock)
        except ConnectionResetError:
            said = b""
        sock.close()
        self.assertIn(words, actpass.wait_for(event="close", count=count)["error"])
        return said

    @staticmethod
    def log_in(session):
        session.sock.sendall(greeting(0xf7))
        session.login = session.recv()
        session.sock.sendall(packet(2, ACCEPTED))
        while chunk := session.recv():
            session.sock.sendall(chunk)

    def test_login(self):
        actpass, plain = self.front(self.log_in)
        sock = self.greeted(actpass)
        sock.sendall(REQUEST)
        peer = tls.Tls(sock, tls.context(self.certificates, False)).handshake()
        peer.send(packet(2, REQUEST[4:] + b"me\0"))
        self.assertEqual(peer.recv_exactly(11), packet(3, ACCEPTED))
        self.assertEqual(plain.session().login, packet(1, answer(0x82)[4:] + b"me\0"))
        peer.send(b"\1\0\0\0\x0e")  # a command counts anew, and is not changed
        self.assertEqual(peer.recv_exactly(5), b"\1\0\0\0\x0e")
        peer.finish()
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    def test_what_is_wrong(self):
        """Nothing of it reaches the backend. What comes behind the request is TLS or nothing."""
        actpass, plain = self.front(self.log_in)
        cases = ((answer(0x82, b"me\0"), "without TLS"), (b"\x16\3\1\0\xc8\1", "no answer"),
                 (REQUEST + packet(2, REQUEST[4:] + b"me\0"), ""))
        for number, (sent, words) in enumerate(cases):
            sock = self.greeted(actpass)
            sock.sendall(sent)
            said = self.ends(actpass, sock, words, number + 1)
            if words != "":
                self.assertIn(b"TLS is required here", said)
            session = plain.finished(number)
            self.assertFalse(getattr(session, "login", b""))

    def test_a_client_that_closes_within_its_request(self):
        """The backend gets its connection back at once."""
        actpass, plain = self.front(self.log_in)
        sock = self.greeted(actpass)
        sock.sendall(REQUEST[:3])
        sock.shutdown(socket.SHUT_WR)
        self.ends(actpass, sock, "has closed before TLS")
        plain.finished()

    def silent(self, said=b"", **changes):
        """Before a backend that says this much and no more. Only a reason other than the time ends
        the connection while the test waits."""
        def serve(session):
            session.sock.sendall(said)
            while session.recv():
                pass
        plain = self.backend(Backend(serve))
        service = self.service(starttls="mysql", forward=plain.address,
                               **{"handshake_timeout": "1h", **changes})
        return self.actpass(service), plain

    @each(how=["end", "half", "reset"])
    def test_a_client_that_leaves_before_the_greeting(self, how):
        """It would have to answer that, so a half-close is an end, too."""
        actpass, plain = self.silent(greeting()[:5])
        sock = self.connect(actpass)
        plain.session()
        leave(sock, how)
        plain.finished()
        actpass.close()
        sock.close()

    def test_a_client_that_leaves_behind_its_hello(self):
        """What it has said before the greeting is not taken for TLS."""
        actpass, plain = self.silent()
        sock = self.connect(actpass)
        plain.session()
        sock.sendall(b"\x16\3\1\0\xc8\1")
        sock.shutdown(socket.SHUT_WR)
        self.ends(actpass, sock, "starttls (mysql): the peer has closed before TLS")
        self.assertEqual(plain.finished().received, 0)

    @each(said=["half", "all"])
    def test_a_backend_that_leaves(self, said):
        size = {"half": 20, "all": None}[said]
        actpass, _ = self.front(lambda session: (session.sock.sendall(greeting()[:size]),
                                                 session.sock.shutdown(socket.SHUT_WR),
                                                 session.recv()), handshake_timeout="1h")
        self.ends(actpass, self.connect(actpass), "the backend: it has closed before TLS")

    @each(how=["clean", "end", "reset"])
    def test_a_client_that_leaves_within_its_login(self, how):
        actpass, plain = self.silent(greeting())
        sock = self.greeted(actpass)
        sock.sendall(REQUEST)
        peer = tls.Tls(sock, tls.context(self.certificates, False)).handshake()
        peer.send(packet(2, REQUEST[4:] + b"me\0"))
        until(lambda: plain.session().received > 0, 20, "the login")
        if how == "clean":
            peer.shutdown_write()
        else:
            leave(sock, how)
        plain.finished()
        actpass.close()
        sock.close()

    def test_a_login_in_pieces_has_one_deadline(self):
        actpass, plain = self.silent(greeting(), handshake_timeout="1s")
        sock = self.greeted(actpass)
        sock.sendall(REQUEST)
        peer = tls.Tls(sock, tls.context(self.certificates, False)).handshake()
        sent = 0
        with self.assertRaises(OSError):
            for byte in packet(2, bytes(100)):
                peer.send(bytes([byte]))
                sent += 1
                time.sleep(0.1)  # slow is what is tested: ten times the deadline in all
        self.assertLess(sent, 100)
        self.assertIn("login was not complete within", actpass.close()["error"])
        plain.finished()
        sock.close()

    def test_a_client_that_does_not_wait_for_its_login(self):
        """A command behind the login would be numbered as a part of it."""
        actpass, _ = self.front(lambda session: (session.sock.sendall(greeting()), session.recv(),
                                                 session.recv()))
        sock = self.greeted(actpass)
        sock.sendall(REQUEST)
        peer = tls.Tls(sock, tls.context(self.certificates, False)).handshake()
        peer.send(packet(2, REQUEST[4:] + b"me\0") + b"\1\0\0\0\x0e")
        with self.assertRaises((tls.Truncated, ConnectionResetError)):
            peer.recv()
        peer.sock.close()
        self.assertIn("client's part of MySQL's login", actpass.close()["error"])

    def test_backends_that_are_wrong(self):
        def silent(session):
            session.recv()
        sends = {"protocol 10": b"220 hello\r\n", "behind its greeting": greeting() + b"x",
                 "refuses connections": packet(0, b"\xff\x10\4full")}
        for words, sent in sends.items():
            actpass, _ = self.front(lambda session, sent=sent: (session.sock.sendall(sent),
                                                                session.recv()))
            self.ends_soon(actpass, words)
        actpass, _ = self.front(silent, handshake_timeout="1s")
        self.ends(actpass, self.connect(actpass), "in time")
        actpass = self.actpass(self.service(starttls="mysql",
                                            forward=f"127.0.0.1:{self.dead_port()}"))
        self.ends_soon(actpass, "cannot connect to the backend")

    def ends_soon(self, actpass, words):
        """The end can be quicker than connect(2)."""
        try:
            self.ends(actpass, self.connect(actpass), words)
        except ConnectionResetError:
            self.assertIn(words, actpass.wait_for(event="close")["error"])


class Client(Dials):
    """We dial a server with TLS, for a local client without."""

    def server(self, first):
        made = tls.context(self.certificates, True, certificate="device")

        def serve(session):
            session.sock.sendall(first)
            session.request = session.sock.recv(36, socket.MSG_WAITALL)
            if len(session.request) == 36:
                peer = tls.Tls(session.sock, made, server_side=True).handshake()
                session.login = peer.recv()
                peer.send(packet(3, ACCEPTED))
                self.echo(peer)
        return self.backend(Backend(serve))

    def test_login(self):
        server = self.server(greeting())
        actpass = self.bridge(server.address, starttls="mysql")
        local = self.connect(actpass)
        self.assertEqual(clear.read_until(local, rb".*salt\0$"), greeting(0xf7))
        local.sendall(answer(0x82, b"me\0"))
        self.assertEqual(local.recv(11, socket.MSG_WAITALL), packet(2, ACCEPTED))
        local.sendall(b"\1\0\0\0\x0e")
        self.assertEqual(local.recv(5, socket.MSG_WAITALL), b"\1\0\0\0\x0e")
        local.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read_all(local), b"")
        session = server.finished()
        self.assertEqual(session.request, REQUEST)
        self.assertEqual(session.login, packet(2, answer(0x8a)[4:] + b"me\0"))
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    def test_nothing_before_tls_counts(self):
        """What is behind the greeting could have been put there by anybody."""
        for first, words in ((greeting() + packet(2, ACCEPTED), "behind its greeting"),
                             (greeting(0xf7), "offers no TLS")):
            server = self.server(first)
            actpass = self.bridge(server.address, starttls="mysql")
            self.cut_before_a_byte(actpass)
            self.assertIn(words, actpass.close()["error"])
            self.assertFalse(getattr(server.finished(), "request", b""))

    def server_that_waits(self, first):
        def serve(session):
            session.sock.sendall(first)
            while session.recv():
                pass
        return self.backend(Backend(serve))

    @each(how=["end", "half", "reset"])
    def test_a_local_client_that_leaves_before_the_greeting(self, how):
        server = self.server_that_waits(greeting()[:5])
        actpass = self.bridge(server.address, starttls="mysql", handshake_timeout="1h")
        local = self.connect(actpass)
        server.session()
        leave(local, how)
        server.finished()
        self.assertIn("the local client: it has closed before TLS", actpass.close()["error"])
        local.close()

    @each(how=["end", "half", "reset"])
    def test_a_local_client_that_leaves_within_its_login(self, how):
        server = self.server_that_waits(greeting())
        actpass = self.bridge(server.address, starttls="mysql", handshake_timeout="1h")
        local = self.connect(actpass)
        clear.read_until(local, rb".*salt\0$")
        local.sendall(answer(0x82, b"me\0")[:20])
        leave(local, how)
        server.finished()
        actpass.close()
        local.close()

    def test_a_server_that_leaves_before_the_login(self):
        server = self.backend(Backend(lambda session: (session.sock.sendall(greeting()),
                                                       session.sock.shutdown(socket.SHUT_WR),
                                                       session.recv())))
        actpass = self.bridge(server.address, starttls="mysql", handshake_timeout="1h")
        self.cut_in_the_end(self.connect(actpass))
        self.assertIn("closed before", actpass.close()["error"])

    def cut_in_the_end(self, sock):
        with self.assertRaises(ConnectionResetError):
            self.read_all(sock)
