"""STARTTLS of MySQL with peers made in Python that do what real ones never do; those are in
tests/interop."""
import socket

from support import clear, tls
from support.backend import Backend
from support.dials import Dials

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
            self.ends(actpass, self.connect(actpass), words)
        actpass, _ = self.front(silent, handshake_timeout="1s")
        self.ends(actpass, self.connect(actpass), "in time")
        actpass = self.actpass(self.service(starttls="mysql",
                                            forward=f"127.0.0.1:{self.dead_port()}"))
        try:
            self.ends(actpass, self.connect(actpass), "cannot connect to the backend")
        except ConnectionResetError:  # its end can be quicker than connect(2)
            self.assertIn("cannot connect to the backend",
                          actpass.wait_for(event="close")["error"])


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
