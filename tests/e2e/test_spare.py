"""Connections that a device keeps ready for its collector, and when its backend is connected."""
import bisect
import datetime
import select
import threading
import time

from support import tls
from support.backend import Backend, echo
from support.data import MIB, block, fleet, soak, until
from support.dials import FAST, Dials
from support.each import each
from support.proxy_header import header, tlv
from support.reloads import Reloads

SPARE = {"retry": FAST, "close_timeout": "500ms"}


class Collector:
    """A TLS server whose connections do nothing until the test sets them to work."""

    def __init__(self, case, port=0):
        self.server = case.tls_server(self._serve, port=port)
        self.address = self.server.address

    @staticmethod
    def _serve(peer):
        peer.go, peer.release = threading.Event(), threading.Event()
        peer.ready = True
        try:
            if Collector._wait(peer, peer.go):
                peer.answer = peer.exchange(peer.request, len(peer.request)) if peer.request else b""
                peer.done = True
                Collector._wait(peer, peer.release)
            peer.finish()
        except tls.Truncated:
            pass  # cut by close()

    @staticmethod
    def _wait(peer, event):
        """Until the event; False if the device ends the connection before that."""
        while not event.wait(0.01):
            if select.select([peer.sock], [], [], 0)[0]:
                return peer.recv() != b""
        return True

    def ready(self, number):
        session = self.server.session(number)
        until(lambda: hasattr(session, "tls") and hasattr(session.tls, "ready"), 20, "the handshake")
        return session.tls

    def use(self, number, request=b"hello"):
        """Connection `number`, once it has its answer, which is as long as the request."""
        peer = self.ready(number)
        peer.request = request
        peer.go.set()
        until(lambda: hasattr(peer, "done"), 30, "the answer")
        return peer

    def count(self):
        return len(self.server.sessions)

    def close(self):
        for session in self.server.sessions:
            if hasattr(session, "tls") and hasattr(session.tls, "go"):
                session.tls.request = None
                session.tls.go.set()
                session.tls.release.set()
        self.server.close()


class Spare(Dials):
    def device(self, *collectors, persistent, **changes):
        plain = self.backend(Backend(echo))
        service = self.dial_service(*(one.address for one in collectors), forward=plain.address,
                                    persistent=persistent, **{**SPARE, **changes})
        return self.actpass(service, check=False, shutdown_timeout="10s"), plain

    def collector(self):
        return self.backend(Collector(self))

    def test_each_that_is_taken_is_replaced_up_to_the_max(self):
        collector = self.collector()
        device, plain = self.device(collector, persistent={"spare": 2, "max": 4}, start="first_byte")
        collector.ready(1)
        time.sleep(0.3)
        self.assertEqual((collector.count(), len(plain.sessions)), (2, 0))
        for number, expected in enumerate((3, 4)):
            self.assertEqual(collector.use(number).answer, b"hello")
            collector.ready(expected - 1)
        collector.use(2)
        time.sleep(0.3)
        self.assertEqual((collector.count(), len(plain.sessions)), (4, 3), "there are four")
        collector.ready(0).release.set()
        collector.ready(4)
        self.assertEqual(device.wait_for(event="close")["reason"], "CLEAN")
        self.assertEqual(device.find(event="retry"), [])
        self.assertEqual(len(device.find(event="used")), 3)
        collector.close()
        device.stop()

    def test_a_stop_ends_the_unused_ones_at_once_and_waits_for_the_used_one(self):
        collector = self.collector()
        device, _ = self.device(collector, persistent={"spare": 3, "max": 9}, start="first_byte",
                                close_timeout="10s")
        used = collector.use(0)
        collector.ready(3)
        device.signal()
        device.wait_for(event="close", reason="CLEAN", count=3)
        self.assertTrue(device.running())
        self.assertEqual(collector.count(), 4)
        used.release.set()
        self.assertEqual(device.wait_exit(), 0)

    @each(start=["at_once", "first_byte"])
    def test_one_that_is_kept_up_ends_at_a_stop_if_nobody_uses_it(self, start):
        collector = self.collector()
        device, _ = self.device(collector, persistent=True, start=start)
        collector.ready(0)
        device.wait_for(event="connected")
        until(lambda: device.find(event="role"), 20, "the handshake")
        self.assertEqual(device.stop(), 0)
        self.assertEqual(device.find(event="close")[0]["reason"], "CLEAN")

    def test_nothing_is_lost_of_much_that_comes_first(self):
        collector = self.collector()
        self.device(collector, persistent=True, start="first_byte")
        data = block(soak(1, 8) * MIB)
        self.assertEqual(collector.use(0, data).answer, data)

    def test_all_collectors_have_their_own(self):
        """One that is away is dialed again and again, which the other does not notice."""
        there, away = self.collector(), self.dead_port()
        plain = self.backend(Backend(echo))
        device = self.actpass(self.dial_service(
            f"127.0.0.1:{away}", there.address, forward=plain.address,
            persistent={"spare": 2, "max": 3, "collectors": "all"}, **SPARE), check=False)
        there.use(1)
        device.wait_for(event="retry", count=3)
        there.ready(2)
        self.assertEqual(there.count(), 3)
        self.assertEqual({line["address"] for line in device.find(event="dial")},
                         {f"127.0.0.1:{away}"})
        there.close()
        device.stop()


class Reloaded(Reloads, Dials):
    def test_spares_of_all_collectors_are_kept_while_nothing_is_changed(self):
        collectors = [self.backend(Collector(self)) for _ in range(2)]
        front = self.service(listen="127.0.0.1:0")

        def keep(**persistent):
            return self.dial_service(*(one.address for one in collectors), retry=FAST,
                                     persistent={"max": 5, "collectors": "all", **persistent})
        device = self.actpass(front, keep(), check=False, shutdown_timeout="10s")
        for one in collectors:
            one.ready(0)
        self.assertEqual(self.reload(device, front, keep())["dialer"]["change"], "none")
        for one in collectors:
            one.use(0)
            one.ready(1)
        self.assertEqual(self.reload(device, front, keep(spare=3))["dialer"]["change"], "changed")
        device.wait_for(event="close", service="dialer", reason="CLEAN", count=2)
        for one in collectors:
            one.ready(4)
            self.assertEqual(one.count(), 5)
        self.assertEqual(len(device.find(event="close")), 2, "the used ones go on")
        self.reload(device, front)
        device.wait_for(event="close", service="dialer", reason="CLEAN", count=8)
        self.assertEqual(device.find(event="retry"), [])


class Proxy(Dials):
    """"start": "proxy"."""

    def forward(self, **changes):
        plain = self.backend(Backend(echo))
        return self.actpass(self.service(forward=plain.address, start="proxy", **changes)), plain

    @each(cut=[None, 1, 12, 16, 40])
    def test_the_header_is_taken_off(self, cut):
        """However it comes, also with what follows it."""
        actpass, plain = self.forward()
        peer = self.client(actpass)
        sent = header(tlv(2, b"dev1.devices.example"), tlv(0xE0, b"custom")) + b"data"
        time.sleep(0.1)
        self.assertEqual(plain.sessions, [], "it is not connected yet")
        if cut:
            peer.send(sent[:cut])
            time.sleep(0.1)
            sent = sent[cut:]
        peer.send(sent)
        self.assertEqual(peer.recv_exactly(4), b"data")
        self.assertEqual(peer.exchange(b"more", 4), b"more")
        peer.finish()
        self.assertEqual(plain.finished().received, 8)

    def test_the_backend_may_speak_first_after_it(self):
        plain = self.backend(Backend(lambda session: (session.sock.sendall(b"220 hi\n"), echo(session))))
        peer = self.client(self.actpass(self.service(forward=plain.address, start="proxy")))
        peer.send(header())
        self.assertEqual(peer.recv_exactly(7), b"220 hi\n")
        peer.finish()

    WRONG = {"another_protocol": (b"GET / HTTP/1.1\r\n", "the signature"),
             "the_end_comes_first": (header()[:20], "in the middle"),
             "a_tlv_twice": (header(tlv(1, b"h2"), tlv(1, b"h2")), "twice"),
             "another_version": (header().replace(b"\x21\x11", b"\x11\x11"), "version")}

    @each(what=WRONG)
    def test_one_that_is_wrong_ends_the_connection(self, what):
        sent, why = self.WRONG[what]
        actpass, plain = self.forward(close_timeout="100ms")
        peer = self.client(actpass)
        peer.send(sent)
        peer.shutdown_write()
        line = actpass.wait_for(event="close")
        self.assertEqual(line["reason"], "PROTOCOL")
        self.assertIn(why, line["error"])
        self.assertEqual(plain.sessions, [])
        tls.reset(peer.sock)

    def test_one_that_does_not_go_on_ends_the_connection(self):
        actpass, plain = self.forward(handshake_timeout="2s")
        peer, silent = self.client(actpass), self.client(actpass)
        peer.send(header()[:17])
        line = actpass.wait_for(event="close")
        self.assertEqual(line["reason"], "TIMEOUT")
        self.assertIn("handshake_timeout", line["error"])
        silent.send(header() + b"x")  # it had not begun
        self.assertEqual(silent.recv_exactly(1), b"x")
        silent.finish()
        tls.reset(peer.sock)


class Herd(Dials):
    """Many devices whose collector comes back."""
    deadline = 120

    @staticmethod
    def accepted(line):
        """When the connection of this close line was accepted, in seconds."""
        closed = datetime.datetime.fromisoformat(line["ts"].replace("Z", "+00:00")).timestamp()
        return closed - int(line["dur_ms"]) / 1000

    def test_many_devices_return_soon_and_not_together(self):
        devices, rate = fleet(50, 300, 1000), fleet(25, 50, 100)
        device = self.tls(certificate=self.certificates.path("device"),
                          key=self.certificates.path("device", "key"), peer_names=["front.example"])
        service = self.service(limits={"rate": rate}, initial_data_timeout="60s")
        first = self.actpass(service, check=False, shutdown_timeout="100ms")
        service["listen"] = f"127.0.0.1:{first.port()}"
        retry = {"min": "100ms", "max": fleet("1s", "5s", "25s"), "jitter": fleet("900ms", "4s", "15s")}
        herd = self.actpass(*(self.dial_service(service["listen"], name=f"device{number}", retry=retry,
                                                tls=device, close_timeout="100ms")
                              for number in range(devices)), check=False, level="warning",
                            shutdown_timeout="100ms")
        first.wait_for(event="role", count=devices, timeout=100)
        first.signal()
        first.wait_exit()
        second = self.actpass(service, check=False, shutdown_timeout="100ms")
        second.wait_for(event="role", count=devices, timeout=30)
        herd.stop()
        second.stop()
        for collector in first, second:
            times = sorted(self.accepted(line) for line in collector.find(event="close"))
            self.assertGreaterEqual(len(times), devices)
            for number, begin in enumerate(times):
                together = bisect.bisect_left(times, begin + 0.99) - number
                self.assertLessEqual(together, rate + 1)
