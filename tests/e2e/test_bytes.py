"""What goes through arrives: with slow peers, in both directions at once, and after half of a
close."""
import socket
import threading

from support import data
from support.backend import Backend, echo, exchange
from support.case import PATIENT, SHORT, Case
from support.each import ROLES, VERSIONS, each
from support.proxy import Dribble

SIZE = data.BULK


class Bytes(Case):
    deadline = 120

    def forward(self, role, serve, **changes):
        """actpass that will have this role, in front of a backend."""
        backend = self.backend(Backend(serve))
        timeout = SHORT if role == "client" else PATIENT
        service = self.service(forward=backend.address, initial_data_timeout=timeout, **changes)
        return self.actpass(service), backend

    def check_clean(self, actpass, role):
        line = actpass.role()
        self.assertEqual(line["role"], role)
        closed = actpass.close(line)
        self.assertEqual(closed["reason"], "CLEAN")
        return closed

    def both_ways(self, role, version, through=None, size=SIZE, **exchange_options):
        up, down = data.block(size, 1), data.block(size, 2)
        actpass, backend = self.forward(role, exchange(down, size))
        target = self.backend(through(actpass)).port if through else actpass
        peer = self.peer(role, target, version)
        received = peer.exchange(up, size, **exchange_options)
        self.assertEqual(data.sha256(received), data.sha256(down), "from backend to peer")
        self.assertEqual(peer.finish(), b"")
        self.assertEqual(backend.finished().digest, data.sha256(up), "from peer to backend")
        closed = self.check_clean(actpass, role)
        self.assertGreater(int(closed["rx"]), size)
        self.assertGreater(int(closed["tx"]), size)

    @each(role=ROLES, version=VERSIONS)
    def test_64_mib_each_way_at_once(self, role, version):
        self.both_ways(role, version)

    @each(role=ROLES, version=VERSIONS)
    def test_64_mib_with_a_peer_that_dribbles_its_first_bytes(self, role, version):
        self.both_ways(role, version, lambda actpass: Dribble(actpass.address(), first=6000))

    @each(role=ROLES, version=VERSIONS)
    def test_a_peer_that_dribbles_everything(self, role, version):
        self.both_ways(role, version, size=20000,
                       through=lambda actpass: Dribble(actpass.address(), first=1 << 30, piece=3))

    @each(role=ROLES, version=VERSIONS)
    def test_64_mib_with_a_peer_that_stops_reading_for_a_second(self, role, version):
        self.both_ways(role, version, stop_after=5 * data.MIB)

    @each(role=ROLES)
    def test_a_backend_that_stops_reading_for_a_second(self, role):
        waiting = threading.Event()

        def serve(session):
            waiting.wait(1)
            exchange(b"", None)(session)
        actpass, backend = self.forward(role, serve)
        block = data.block(data.BULK // 2)
        peer = self.peer(role, actpass)
        peer.send(block)
        peer.finish()
        self.assertEqual(backend.finished().digest, data.sha256(block))
        self.check_clean(actpass, role)

    @each(role=ROLES, version=VERSIONS)
    def test_the_peer_ends_its_direction_first(self, role, version):
        answer = data.block(3 * data.MIB, 2)

        def serve(session):
            while session.recv():
                pass
            session.sock.sendall(answer)  # only after the peer's end
        actpass, backend = self.forward(role, serve)
        peer = self.peer(role, actpass, version)
        peer.send(b"the question")
        peer.shutdown_write()
        self.assertEqual(data.sha256(peer.recv_all()), data.sha256(answer))
        peer.sock.close()
        session = backend.finished()
        self.assertEqual((session.ended, session.received), ("eof", 12))
        self.check_clean(actpass, role)

    @each(role=ROLES, version=VERSIONS)
    def test_the_backend_ends_its_direction_first(self, role, version):
        block = data.block(3 * data.MIB)

        def serve(session):
            session.sock.sendall(b"all I have to say")
            session.sock.shutdown(socket.SHUT_WR)
            while session.recv():
                pass
        actpass, backend = self.forward(role, serve)
        peer = self.peer(role, actpass, version)
        self.assertEqual(peer.recv_all(), b"all I have to say")  # up to close_notify
        peer.send(block)
        peer.finish()
        session = backend.finished()
        self.assertEqual((session.ended, session.digest), ("eof", data.sha256(block)))
        self.check_clean(actpass, role)

    @each(role=ROLES)
    def test_neither_side_says_anything(self, role):
        actpass, backend = self.forward(role, exchange(b"", None))
        self.assertEqual(self.peer(role, actpass).finish(), b"")
        session = backend.finished()
        self.assertEqual((session.ended, session.received), ("eof", 0))
        self.check_clean(actpass, role)

    @each(role=ROLES, version=VERSIONS)
    def test_many_small_questions_and_answers(self, role, version):
        actpass, _ = self.forward(role, echo)
        peer = self.peer(role, actpass, version)
        for number in range(2000):
            question = b"question %d" % number
            peer.send(question)
            self.assertEqual(peer.recv_exactly(len(question)), question)
        peer.finish()
        self.check_clean(actpass, role)

    @each(role=ROLES, version=VERSIONS)
    def test_echo_of_more_than_all_buffers_hold(self, role, version):
        timeout = SHORT if role == "client" else PATIENT
        actpass = self.actpass(self.service(initial_data_timeout=timeout))
        block = data.block(data.BULK // 4)
        peer = self.peer(role, actpass, version)
        self.assertEqual(data.sha256(peer.exchange(block, len(block))), data.sha256(block))
        peer.finish()
        self.check_clean(actpass, role)
