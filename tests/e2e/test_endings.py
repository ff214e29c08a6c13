"""How a connection ends: nothing but two close_notify is CLEAN, and the backend sees which."""
import socket
import ssl
import struct
import threading
import time

from support import data, tls
from support.actpass import PATIENCE_S
from support.backend import Backend, echo, exchange, nobody, refuse, sink
from support.case import PATIENT, SHORT, Case
from support.data import until
from support.each import ROLES, VERSIONS, each

# Where struct tcp_info of linux/tcp.h has these 32-bit fields.
UNACKED, SEGMENTS_IN = 24, 140


def tcp_info(sock, field):
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("=I", info, field)[0]


class Endings(Case):
    def start(self, role, forward=None, **changes):
        changes.setdefault("initial_data_timeout", SHORT if role == "client" else PATIENT)
        return self.actpass(self.service(forward=forward, **changes) if forward else
                            self.service(**changes))

    def forward(self, role, serve, **changes):
        backend = self.backend(Backend(serve))
        return self.start(role, backend.address, **changes), backend

    def reason(self, actpass, expected):
        closed = actpass.close(actpass.role())
        self.assertEqual(closed["reason"], expected, closed)
        return closed

    # ---- our end

    def test_close_notify_and_fin_are_one_segment(self):
        """Counted once all that the peer has sent was read and acknowledged (tcp(7), TCP_INFO).
        Without tickets, which the peer would acknowledge later: that sends what is held back."""
        ends = threading.Event()

        def serve(session):
            sink(session)
            ends.wait(PATIENCE_S)
        actpass, backend = self.forward("server", serve, transport="relay",
                                        tls={"sessions": "off"})
        peer = self.peer("server", actpass)
        peer.send(b"some data")
        peer.shutdown_write()
        until(lambda: backend.session().ended and tcp_info(peer.sock, UNACKED) == 0)
        before = tcp_info(peer.sock, SEGMENTS_IN)
        ends.set()
        self.assertEqual(peer.recv_all(), b"")
        until(lambda: peer.sock.recv(1, socket.MSG_PEEK) == b"")
        self.assertEqual(tcp_info(peer.sock, SEGMENTS_IN) - before, 1)
        self.reason(actpass, "CLEAN")

    # ---- the peer's end

    @each(role=ROLES, version=VERSIONS)
    def test_a_cut_without_close_notify(self, role, version):
        """Without tickets: a close with one unread would be a reset (hazards 15 and 17)."""
        actpass, backend = self.forward(role, sink, tls={"sessions": "off"})
        peer = self.peer(role, actpass, version)
        peer.send(b"some of what was to come")
        backend.session()
        until(lambda: backend.session().received == 24)
        peer.sock.shutdown(socket.SHUT_WR) # a close over unread session tickets would be a reset
        self.reason(actpass, "TRUNCATED")
        self.assertEqual(backend.finished().ended, "reset", "the backend must not see a clean end")

    @each(role=ROLES)
    def test_a_cut_at_once_after_data(self, role):
        actpass, backend = self.forward(role, sink)
        peer = self.peer(role, actpass)
        peer.send(data.block(100000))
        peer.cut()
        # TLS 1.3 servers may have sent tickets that a closed socket answers with a reset.
        closed = actpass.close(actpass.role())
        self.assertIn(closed["reason"], ("TRUNCATED", "RESET"))
        self.assertEqual(backend.finished().ended, "reset")

    @each(role=ROLES, version=VERSIONS)
    def test_a_cut_within_a_record(self, role, version):
        actpass, backend = self.forward(role, sink)
        peer = self.peer(role, actpass, version)
        peer.send(b"whole")
        until(lambda: backend.session().received == 5)
        peer.object.write(b"half")
        record = peer.outgoing.read()
        peer.sock.send(record[:len(record) // 2])
        peer.sock.shutdown(socket.SHUT_WR)
        self.reason(actpass, "TRUNCATED")
        self.assertEqual(backend.finished().ended, "reset")
        self.assertEqual(backend.finished().received, 5)

    @each(role=ROLES, version=VERSIONS)
    def test_a_reset(self, role, version):
        actpass, backend = self.forward(role, sink)
        peer = self.peer(role, actpass, version)
        peer.send(b"x")
        until(lambda: backend.session().received == 1)
        peer.reset()
        self.reason(actpass, "RESET")
        self.assertEqual(backend.finished().ended, "reset")

    @each(role=ROLES, version=VERSIONS)
    def test_a_cut_while_the_backend_is_sending(self, role, version):
        actpass, backend = self.forward(role, exchange(data.block(64 * data.MIB)))
        peer = self.peer(role, actpass, version)
        peer.recv(1)
        peer.cut()  # with unread input, which makes it a reset, or with what comes later
        self.assertIn(actpass.close(actpass.role())["reason"], ("RESET", "TRUNCATED"))
        session = backend.finished()
        self.assertTrue(session.error or session.ended == "reset")

    @each(role=ROLES, version=VERSIONS)
    def test_a_reset_behind_close_notify(self, role, version):
        """OpenSSL takes a write that fails then for an end in order."""
        actpass, backend = self.forward(role, exchange(data.block(64 * data.MIB)))
        peer = self.peer(role, actpass, version)
        peer.recv(1)
        peer.shutdown_write()
        peer.reset()
        self.reason(actpass, "RESET")
        session = backend.finished()
        self.assertTrue(session.error or session.ended == "reset")

    @each(role=ROLES, version=VERSIONS)
    def test_a_fatal_alert(self, role, version):
        """The peer gets a record that it cannot decrypt, and says so."""
        actpass, backend = self.forward(role, sink, close_timeout="500ms")
        peer = self.peer(role, actpass, version)
        peer.incoming.write(b"\x17\x03\x03\x00\x20" + bytes(32))
        with self.assertRaises(ssl.SSLError):
            peer.object.read(10)
        peer.flush()
        self.reason(actpass, "PROTOCOL")
        self.assertEqual(backend.finished().ended, "reset")

    @each(role=ROLES, version=VERSIONS)
    def test_garbage_in_the_middle(self, role, version):
        actpass, backend = self.forward(role, sink, close_timeout="500ms")
        peer = self.peer(role, actpass, version)
        peer.send(b"x")
        until(lambda: backend.session().received == 1)
        peer.sock.send(b"GET / HTTP/1.1\r\n\r\n")
        self.reason(actpass, "PROTOCOL")
        self.assertEqual(backend.finished().ended, "reset")

    @each(role=ROLES)
    def test_an_end_within_the_handshake(self, role):
        actpass = self.start(role, handshake_timeout="5s")
        peer = self.peer(role, actpass, handshake=False)
        if role == "server":
            peer.try_handshake()
        until(lambda: peer.sock.recv(1, socket.MSG_PEEK) if self.readable(peer) else None)
        peer.sock.shutdown(socket.SHUT_WR)
        self.reason(actpass, "TRUNCATED")

    @staticmethod
    def readable(peer):
        try:
            return bool(peer.sock.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False

    # ---- the backend's end

    def test_a_backend_that_is_not_there(self):
        address, holder = nobody()
        self.addCleanup(holder.close)
        for role in ROLES:
            with self.subTest(role=role):
                actpass = self.start(role, address)
                peer = self.peer(role, actpass)
                try:
                    self.assertEqual(peer.recv_all(), b"")
                except (tls.Truncated, ConnectionResetError):
                    pass
                line = actpass.wait_for(event="backend")
                self.assertIn(address, line["error"])
                peer.sock.close()
                actpass.close(actpass.role())

    @each(role=ROLES)
    def test_a_backend_that_resets(self, role):
        def serve(session):
            session.recv()  # so that it was there at first
            refuse(session)
        actpass, _ = self.forward(role, serve)
        peer = self.peer(role, actpass)
        peer.send(b"x")
        with self.assertRaises((tls.Truncated, ConnectionResetError)):
            peer.recv_all()  # never a clean end
        self.assertEqual(actpass.close(actpass.role())["reason"], "CANCELLED")

    @each(role=ROLES)
    def test_a_backend_that_resets_at_once(self, role):
        """The reset may be seen by connect, or later."""
        actpass, _ = self.forward(role, refuse)
        try:
            self.assertEqual(self.peer(role, actpass).recv_all(), b"")
        except (tls.Truncated, ConnectionResetError, BrokenPipeError):
            pass
        closed = actpass.close(actpass.role())
        self.assertTrue(actpass.find(event="backend") or closed["reason"] != "CLEAN", closed)

    @each(role=ROLES)
    def test_a_backend_that_resets_in_the_middle(self, role):
        def serve(session):
            session.sock.sendall(b"part of it")
            session.recv()
            refuse(session)
        actpass, _ = self.forward(role, serve)
        peer = self.peer(role, actpass)
        self.assertEqual(peer.recv_exactly(10), b"part of it")
        peer.send(b"go on")
        with self.assertRaises((tls.Truncated, ConnectionResetError)):
            peer.recv_all()
        self.assertNotEqual(actpass.close(actpass.role())["reason"], "CLEAN")

    # ---- time

    @each(role=ROLES)
    def test_idle_timeout(self, role):
        actpass, backend = self.forward(role, echo, idle_timeout="400ms")
        peer = self.peer(role, actpass)
        for _ in range(6):  # 600 ms, but never idle for 400
            self.assertEqual(peer.exchange(b"tick", 4), b"tick")
            time.sleep(0.1)
        with self.assertRaises((tls.Truncated, ConnectionResetError, ssl.SSLError)):
            peer.recv()
        self.reason(actpass, "TIMEOUT")
        self.assertEqual(backend.finished().ended, "reset")

    @each(role=ROLES)
    def test_idle_timeout_of_echo(self, role):
        actpass = self.start(role, idle_timeout="300ms")
        self.peer(role, actpass)
        self.reason(actpass, "TIMEOUT")

    @each(role=ROLES)
    def test_handshake_timeout(self, role):
        """The peer goes silent after its first messages, which in TLS 1.2 are not its last."""
        actpass = self.start(role, handshake_timeout="400ms")
        peer = self.peer(role, actpass, "1.2", handshake=False)
        if role == "server":
            peer.try_handshake()
        else:
            until(lambda: peer.feed() or peer.incoming.pending)
            peer.try_handshake()
        self.reason(actpass, "TIMEOUT")

    @each(role=ROLES)
    def test_write_timeout(self, role):
        """The peer stops reading for good."""
        actpass, _ = self.forward(role, exchange(data.block(64 * data.MIB)),
                                  write_timeout="500ms", close_timeout="500ms")
        self.peer(role, actpass).recv(1)
        self.reason(actpass, "TIMEOUT")

    @each(role=ROLES, version=VERSIONS)
    def test_write_timeout_behind_close_notify(self, role, version):
        actpass, _ = self.forward(role, exchange(data.block(64 * data.MIB)),
                                  write_timeout="500ms", close_timeout="500ms")
        peer = self.peer(role, actpass, version)
        peer.recv(1)
        peer.shutdown_write()
        self.reason(actpass, "TIMEOUT")

    @each(role=ROLES)
    def test_close_timeout(self, role):
        """The peer says its end in TLS, but never in TCP."""
        actpass, _ = self.forward(role, sink, close_timeout="300ms")
        peer = self.peer(role, actpass)
        peer.shutdown_write()
        self.assertEqual(peer.recv_all(), b"")
        self.reason(actpass, "CLEAN")
