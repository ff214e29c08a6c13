"""Devices that call home from time to time (RFC 8071, periodic connections)."""
import time

from support.backend import Backend, echo, exchange
from support.data import MIB, block
from support.dials import FAST, Dials


class Periodic(Dials):
    def device(self, *addresses, periodic, **changes):
        return self.actpass(self.dial_service(*addresses, persistent=None, periodic=periodic,
                                              **{"close_timeout": "500ms", **changes}), check=False)

    def test_it_calls_in_each_period_and_leaves_when_idle(self):
        began = []

        def serve(peer):
            began.append(time.monotonic())
            peer.send(b"ping")
            peer.recv_exactly(4)
            peer.ended = peer.recv_all()
            peer.finish()
        server = self.tls_server(serve)
        device = self.device(server.address, periodic={"every": "1s", "window": "200ms",
                                                       "idle_timeout": "200ms"})
        for number in range(3):
            self.assertEqual(server.finished(number).tls.ended, b"")
        device.wait_for(event="close", reason="CLEAN", count=3)
        device.stop()
        self.assertEqual(device.find(event="dial"), [])
        self.assertGreater(began[2] - began[0], 1.5, "two periods, less a window")
        self.assertTrue(all(int(line["after_ms"]) <= 1200 for line in device.find(event="retry")))

    def test_a_forward_is_idle_only_when_nothing_moves(self):
        plain = self.backend(Backend(echo))

        def serve(peer):
            peer.pongs = 0
            for _ in range(8):
                peer.pongs += peer.exchange(b"ping", 4) == b"ping"
                time.sleep(0.1)
            peer.ended = peer.recv_all()
            peer.finish()
        server = self.tls_server(serve)
        device = self.device(server.address, forward=plain.address,
                             periodic={"every": "1h", "idle_timeout": "500ms"})
        peer = server.finished().tls
        self.assertEqual((peer.pongs, peer.ended), (8, b""))
        self.assertEqual(device.close()["reason"], "CLEAN")
        self.assertEqual(plain.finished().ended, "eof")
        self.assertGreater(int(device.wait_for(event="retry")["after_ms"]), 3000000)
        device.stop()

    def test_data_that_waits_is_no_idleness(self):
        """The collector takes nothing for long, and gets all of it then."""
        data = block(8 * MIB)
        plain = self.backend(Backend(exchange(data)))

        def serve(peer):
            time.sleep(1.5)
            peer.got = peer.recv_all()
            peer.finish()
        server = self.tls_server(serve)
        device = self.device(server.address, forward=plain.address,
                             periodic={"every": "1h", "idle_timeout": "200ms"})
        session = server.session(0)
        time.sleep(0.3)
        before = device.cpu_seconds()
        time.sleep(1)
        self.assertLess(device.cpu_seconds() - before, 0.3)
        self.assertTrue(server.finished().tls.got == data)
        self.assertEqual(device.close()["reason"], "CLEAN")
        self.assertIsNone(session.error)
        device.stop()

    def test_attempts_in_vain_are_limited(self):
        device = self.device(f"127.0.0.1:{self.dead_port()}", retry=FAST,
                             periodic={"every": "1h", "attempts": 3})
        waits = [int(device.wait_for(event="retry", count=count + 1)["after_ms"]) for count in range(3)]
        self.assertTrue(all(wait <= 200 for wait in waits[:2]), waits)
        self.assertGreater(waits[2], 3000000)
        self.assertEqual(len(device.find(event="dial")), 3)
        device.stop()
