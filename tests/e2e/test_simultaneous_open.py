"""Two ends behind NAT that both connect: TCP's simultaneous open, between two network
namespaces."""
import socket
import threading
import unittest

from support import data
from support.backend import Backend
from support.case import PATIENT, transport
from support.dials import FAST, Dials
from support.each import each
from support.namespaces import Network

PORT = 7443
SYN, RST, ACK = 0x02, 0x04, 0x10
LISTEN = "0A"
SIZE = 1 << 18


class SimultaneousOpen(Dials):
    deadline = 90

    def setUp(self):
        super().setUp()
        self.network = Network()
        self.addCleanup(self.network.close)
        self.hosts = ((self.network.left, Network.LEFT, "front", "dev1.devices.example"),
                      (self.network.right, Network.RIGHT, "device", "front.example"))

    def talk(self, number, session):
        session.release = threading.Event()  # lets it end
        sender = threading.Thread(target=session.sock.sendall, args=(data.block(SIZE, number),))
        sender.start()
        while session.received < SIZE and session.recv():
            pass
        sender.join()
        session.exchanged = session.digest
        session.release.wait(60)
        session.sock.shutdown(socket.SHUT_WR)
        while session.recv():
            pass

    def end(self, number, role="auto", wait="150ms", **changes):
        """One end, which forwards each connection to a backend of its own."""
        prefix, address, certificate, peer = self.hosts[number]
        other = self.hosts[1 - number][1]
        backend = self.backend(Backend(lambda session: self.talk(number, session),
                                       path=f"{self.folder}/backend{number}.sock"))
        tls = {"certificate": self.certificates.path(certificate),
               "key": self.certificates.path(certificate, "key"), "peer_names": [peer]}
        keys = {"dial_from": f"{address}:{PORT}", "retry": FAST, "initial_data_timeout": wait,
                "forward": backend.address, **changes}
        if role != "auto":
            del keys["initial_data_timeout"]  # nobody waits
        actpass = self.actpass(self.dial_service(f"{other}:{PORT}", role=role, tls=tls, **keys),
                               check=False, prefix=prefix, shutdown_timeout="1s")
        return actpass, backend

    def check_bytes(self, ends, number=0):
        for index, (_, backend) in enumerate(ends):
            session = backend.session(number)
            data.until(lambda: hasattr(session, "exchanged"), 30, "the bytes of the other end")
            self.assertEqual(session.exchanged, data.sha256(data.block(SIZE, 1 - index)))

    @staticmethod
    def release(ends, number=0):
        for _, backend in ends:
            backend.session(number).release.set()

    def check_one_connection(self, ends, answered):
        """Out of two sockets that both connected: nobody listened, and nobody was refused.
        ANSWERED: whose SYN+ACK must have been seen; a SYN that was sent once more may have brought
        another."""
        packets = self.network.packets()
        self.assertEqual([packet for packet in packets if packet[1] & RST], [])
        self.assertEqual({end for end, flags in packets if flags & (SYN | ACK) == SYN}, {0, 1})
        self.assertLessEqual(answered, {end for end, flags in packets
                                        if flags & (SYN | ACK) == SYN | ACK})
        for actpass, backend in ends:
            self.assertEqual(len(actpass.find(event="connected")), 1)
            self.assertEqual(actpass.find(event="dial"), [])
            self.assertEqual(len(backend.sessions), 1)
        for prefix, *_ in self.hosts:
            counters = self.network.tcp(prefix)
            self.assertEqual((counters["ActiveOpens"], counters["PassiveOpens"]), (1, 0))
            self.assertNotIn(LISTEN, self.network.sockets(prefix))

    def causes(self, ends):
        """Ends it in order. Exactly one was client and one server; why."""
        self.release(ends)
        closed = [actpass.wait_for(event="close") for actpass, _ in ends]
        self.assertEqual([line["reason"] for line in closed], ["CLEAN"] * 2)
        self.assertEqual(sorted(line["role"] for line in closed), ["client", "server"])
        return sorted(line["cause"] for line in closed)

    @staticmethod
    def need_glare():
        if transport() == "direct":
            raise unittest.SkipTest("glare is resolved by the relay")

    def both(self, roles=("auto", "auto"), **changes):
        """Who has a client before it waits for its hello, however long that takes."""
        waits = [PATIENT if peer == "client" else "150ms" for peer in reversed(roles)]
        return [self.end(number, role, wait, **changes)
                for number, (role, wait) in enumerate(zip(roles, waits))]

    def test_glare_decides(self):
        """The SYNs cross, both ends wait for the same time, and the hellos cross."""
        self.need_glare()
        self.network.cross("syn")
        self.network.cross("data")
        ends = self.both()
        self.check_bytes(ends)
        self.check_one_connection(ends, {0, 1})
        self.assertEqual(self.causes(ends), ["glare_lost", "glare_won"])

    def test_behind_nat(self):
        """The first SYN is lost at the other's NAT, and the other's comes while the first end
        still waits."""
        self.need_glare()
        self.network.put_behind_nat()
        ends = [self.end(0)]
        data.until(self.network.packets, 20, "the first SYN")
        ends.append(self.end(1))
        self.check_bytes(ends)
        self.check_one_connection(ends, {0})
        self.causes(ends)

    def example_end(self, name, number):
        """An example as it is shipped, but for the names."""
        prefix, _, certificate, peer = self.hosts[number]
        backend = self.backend(Backend(lambda session: self.talk(number, session),
                                       path=f"{self.folder}/backend{number}.sock"))
        service = self.example(name, certificate, peer, forward=backend.address)
        port = service["dial"].rpartition(":")[2]
        service["dial"] = f"{self.hosts[1 - number][1]}:{port}"
        return self.actpass(service, check=False, prefix=prefix, shutdown_timeout="1s"), backend

    def test_the_example_pair(self):
        """Behind NAT, too."""
        self.need_glare()
        self.network.put_behind_nat()
        ends = [self.example_end("meet_alice.json", 0)]
        data.until(self.network.packets, 20, "the first SYN")
        ends.append(self.example_end("meet_bob.json", 1))
        self.check_bytes(ends)
        self.check_one_connection(ends, {0})
        self.causes(ends)

    @each(roles=(("client", "server"), ("server", "client"), ("auto", "client"), ("server", "auto")))
    def test_with_fixed_roles(self, roles):
        self.network.cross("syn")
        ends = self.both(roles)
        self.check_bytes(ends)
        self.check_one_connection(ends, {0, 1})
        self.causes(ends)

    @each(roles=(("client", "server"), ("server", "client")))
    def test_with_data_in_the_syn(self, roles):
        """TCP drops it, and sends it again once the connection is up."""
        if transport() == "direct":
            self.skipTest("Fast Open for dialing is the relay's")
        self.network.allow(7, 7)  # 4: without a cookie, which there is none of
        self.network.cross("syn")
        ends = self.both(roles, tcp_fast_open=True)
        self.check_bytes(ends)
        self.check_one_connection(ends, {0, 1})
        self.assertEqual([first[:3] for _, first in self.network.syns[:1]], [b"\x16\x03\x01"])
        self.causes(ends)

    def test_again_from_the_same_ports(self):
        """After an end in order, and after a cut; what TCP remembers of the old connection is
        not in the way."""
        self.need_glare()
        self.network.cross("syn")
        ends = self.both()
        self.check_bytes(ends)
        self.network.cross("syn")
        self.causes(ends)
        self.check_bytes(ends, 1)
        self.network.cross("syn")
        ends[0][1].session(1).sock.shutdown(socket.SHUT_RDWR)
        self.release(ends, 1)
        self.check_bytes(ends, 2)
