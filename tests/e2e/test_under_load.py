"""Many peers of all kinds at once, twice as many as there is room for, while the configuration is
broken, mended and reloaded, and at the end of the process: each connection ends once, no byte is
lost, and /status adds up."""
import contextlib
import json
import os
import random
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest

from support import data, tls
from support.backend import Backend, echo, exchange
from support.case import SHORT, need
from support.data import until
from support.each import ROLES, each
from support.reloads import Reloads
from test_shortage import Shortage

TRANSPORTS = ("relay", "direct")
PLACES = 12
BLOCK = data.block(300_000)
GONE = (OSError, tls.Truncated, ssl.SSLError)
STEPS = ("connected", "part", "first flight", "handshake", "data", "half closed", "closed")


def send_part(peer, chance):
    with contextlib.suppress(ssl.SSLWantReadError):
        peer.object.do_handshake()
    flight = peer.outgoing.read()
    peer.sock.send(flight[:chance.randrange(1, len(flight))] if flight else b"")


def go_to(step, peer, chance):
    """Does what a peer does until this step of its connection."""
    if step == "connected":
        return
    if peer.object.server_side and step in ("part", "first flight"):
        deadline = time.monotonic() + 10
        while not peer.incoming.pending and not peer.eof and time.monotonic() < deadline:
            time.sleep(0.01)
            peer.feed()
    if step == "part":
        send_part(peer, chance)
    elif step == "first flight":
        peer.try_handshake()
    else:
        peer.handshake()
        if step != "handshake":
            peer.send(BLOCK[:chance.choice((1, 5000, len(BLOCK)))])
        if step == "half closed":
            peer.shutdown_write()
        if step == "closed":
            peer.shutdown_write()
            peer.recv(1000)


class UnderLoad(Reloads):
    deadline = 120

    def setUp(self):
        super().setUp()
        need("curl")
        self.stop = threading.Event()
        self.wrong, self.served, self.number = [], [], 0
        self.contexts = {server: tls.context(self.certificates, server,
                                             certificate="device" if server else None)
                         for server in (False, True)}

    def admin(self, *services, **options):
        self.socket = os.path.join(self.folder, "admin.sock")
        actpass = self.actpass(*services, admin={"listen": f"unix:{self.socket}"}, **options)
        actpass.wait_for(event="admin")
        return actpass

    def status(self):
        done = subprocess.run(["curl", "-s", "--max-time", "20", "--unix-socket", self.socket,
                               "http://actpass/status?connections=0"],
                              capture_output=True, check=True, timeout=30)
        return json.loads(done.stdout)

    def new_peer(self, actpass, is_device, timeout):
        sock = socket.create_connection(actpass.address("front"), 30)
        return tls.Tls(sock, self.contexts[is_device], server_side=is_device, timeout=timeout)

    def visit(self, actpass, chance):
        """All of it in order, or gone at some step. Where there is no room, a peer waits, or makes way."""
        try:
            peer = self.new_peer(actpass, chance.random() < 0.4, 30)
        except OSError:  # dropped already
            return
        try:
            if chance.random() < 0.4:
                peer.handshake()
                if peer.exchange(BLOCK, len(BLOCK)) != BLOCK:
                    self.wrong.append("other data came back")
                self.served.append(peer.finish())
                return
            go_to(chance.choice(STEPS), peer, chance)
        except TimeoutError as error:
            self.wrong.append(repr(error))
        except AssertionError as error:
            self.wrong.append(repr(error))
        except GONE:
            if not BLOCK.startswith(peer.plain):
                self.wrong.append("other data came back, then the end")
        finally:
            if peer.sock.fileno() >= 0:
                (peer.reset if chance.random() < 0.5 else peer.cut)()

    def keep_visiting(self, actpass, seed):
        chance = random.Random(seed)
        while not self.stop.is_set() and not self.wrong:
            try:
                self.visit(actpass, chance)
            except Exception as error:  # it would be lost with the thread
                self.wrong.append(repr(error))

    def begin_visits(self, actpass, count):
        visitors = [threading.Thread(target=self.keep_visiting, args=(actpass, seed), daemon=True)
                    for seed in range(count)]
        for visitor in visitors:
            visitor.start()
        return visitors

    def check_books(self, actpass):
        """Each connection that was accepted has ended once."""
        def at_rest():
            service = self.status()["services"][0]
            ended = sum(one["count"] for one in service["closed"])
            return service["open"] == 0 and service["accepted"] == ended + service["dropped"] and service
        try:
            service = until(at_rest, 20, "the books")
        except AssertionError:
            raise AssertionError(f"/status does not add up: {self.status()['services'][0]}")
        ended = sum(one["count"] for one in service["closed"])
        actpass.wait_for(event="close", count=ended)  # the log comes by another way
        numbers = {line["conn"] for line in actpass.find(event="close")}
        self.assertEqual((len(numbers), len(actpass.find(event="close"))), (ended, ended))
        return service

    # ---- twice as many as there is room for, and reloads

    @each(transport=TRANSPORTS)
    def test_twice_as_many_as_places_and_broken_configurations(self, transport):
        forward = self.backend(Backend(echo)).address
        services = [self.service(forward=forward, transport=transport, max_connections=PLACES,
                                 initial_data_timeout=SHORT, handshake_timeout="2s",
                                 close_timeout="1s", idle_timeout="5s")]
        top = {"admin": {"listen": "unix:" + os.path.join(self.folder, "admin.sock")}}
        actpass = self.admin(*services)
        descriptors = actpass.descriptors_at_rest()
        visitors = self.begin_visits(actpass, 2 * PLACES)
        for number in range(6):
            time.sleep(0.5)
            broken = [dict(services[0], colour="red"), dict(services[0], forward="nowhere"),
                      dict(services[0], tls=self.tls(key="/nonexistent"))][number % 3]
            self.refuse(actpass, broken, **top)
            self.reload(actpass, *services, **top)
        self.stop.set()
        for visitor in visitors:
            visitor.join()
        self.assertEqual(self.wrong, [])
        self.assertGreater(len(self.served), 20)
        self.check_books(actpass)
        until(lambda: actpass.descriptors() <= descriptors + 1, 20, "the descriptors")

    # ---- too few descriptors

    @each(transport=TRANSPORTS)
    def test_too_few_descriptors(self, transport):
        """Who is dropped for that has not ended as well."""
        if "ASAN_OPTIONS" in os.environ:
            raise unittest.SkipTest("a sanitizer's library must be the first one")
        need("cc")
        shortage = Shortage(self.folder, "descriptors")
        forward = self.backend(Backend(echo)).address
        actpass = self.admin(self.service(forward=forward, transport=transport, initial_data_timeout=SHORT,
                                          handshake_timeout="2s", close_timeout="1s", idle_timeout="5s"),
                             env=shortage.environment)
        descriptors = actpass.descriptors_at_rest()
        visitors = self.begin_visits(actpass, 8)
        for one_in in (20, 3):
            shortage.set(one_in)
            time.sleep(1.5)
        shortage.set(0)
        self.stop.set()
        for visitor in visitors:
            visitor.join()
        self.assertEqual(self.wrong, [])
        service = self.check_books(actpass)
        self.assertGreater(service["dropped"], 0)
        until(lambda: actpass.descriptors() <= descriptors + 1, 20, "the descriptors")

    def size(self, actpass, limit):
        """How much of a limited resource the process has now."""
        if limit is resource.RLIMIT_NOFILE:
            return max(int(name) for name in os.listdir(f"/proc/{actpass.process.pid}/fd")) + 1
        with open(f"/proc/{actpass.process.pid}/statm") as statm:
            return int(statm.read().split()[0]) * os.sysconf("SC_PAGESIZE")

    @each(what=("nofile", "as"), transport=TRANSPORTS)
    def test_a_limit_is_reached(self, what, transport):
        """The kernel's own answers, to every call: no descriptor, or no memory and so no thread."""
        if "ASAN_OPTIONS" in os.environ or "TSAN_OPTIONS" in os.environ:
            raise unittest.SkipTest("a sanitizer needs its memory")
        limit = getattr(resource, "RLIMIT_" + what.upper())
        forward = self.backend(Backend(echo)).address
        service = self.service(forward=forward, transport=transport, initial_data_timeout=SHORT,
                               handshake_timeout="2s", close_timeout="1s", idle_timeout="5s")
        top = {"admin": {"listen": "unix:" + os.path.join(self.folder, "admin.sock")}}
        actpass = self.admin(service)
        descriptors = actpass.descriptors_at_rest()
        pid, (_, hard) = actpass.process.pid, resource.prlimit(actpass.process.pid, limit)
        self.reload(actpass, service, **top)  # so that it has begun, with all threads for that
        at_rest = self.size(actpass, limit)
        resource.prlimit(pid, limit, (at_rest, hard))  # before there is memory to use again
        visitors = self.begin_visits(actpass, 16)
        for room in (self.size(actpass, limit), at_rest + 2, at_rest):
            time.sleep(1)
            resource.prlimit(pid, limit, (hard, hard))
            time.sleep(0.5)
            resource.prlimit(pid, limit, (room, hard))
            actpass.signal(signal.SIGHUP)
        time.sleep(1)
        resource.prlimit(pid, limit, (hard, hard))
        self.stop.set()
        for visitor in visitors:
            visitor.join()
        self.assertTrue(actpass.running(), "actpass has ended")
        self.assertEqual(self.wrong, [])
        self.assertGreater(len(self.served), 3)
        self.reload(actpass, service, **top)
        books = self.check_books(actpass)
        short = [line for line in actpass.log if "memory" in line.get("error", "")]
        self.assertTrue(books["made_way"] if what == "nofile" else
                        short or actpass.find(event="threads"), "the limit was not reached")
        until(lambda: actpass.descriptors() <= descriptors + 1, 20, "the descriptors")

    # ---- the end of the process

    @each(role=ROLES, transport=TRANSPORTS)
    def test_sigterm_in_mid_transfer(self, role, transport):
        """What was begun goes on to its end, in both directions, and ends in order."""
        block = data.block(6 * data.MIB, 5)
        backend = self.backend(Backend(exchange(block)))
        actpass = self.actpass(self.service(forward=backend.address, transport=transport,
                                            initial_data_timeout=SHORT), check=False)
        begun = threading.Barrier(9)
        results = []

        def run(number):
            try:
                peer = self.new_peer(actpass, role == "client", 60).handshake()
                mine = data.block(2 * data.MIB, number)
                first = peer.exchange(mine[:len(mine) // 2], 100_000)
                begun.wait(30)
                rest = peer.exchange(mine[len(mine) // 2:], len(block) - len(first))
                results.append(first + rest == block and peer.finish() == b"")
            except Exception as error:
                results.append(repr(error))
        runs = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(8)]
        for one in runs:
            one.start()
        begun.wait(30)
        actpass.signal(signal.SIGTERM)
        for one in runs:
            one.join()
        self.assertEqual(results, [True] * 8)
        self.assertEqual(actpass.wait_exit(), 0)
        closed = actpass.find(event="close")
        self.assertEqual([line["reason"] for line in closed], ["CLEAN"] * 8)
        self.assertEqual(len({line["conn"] for line in closed}), 8)
        sessions = [backend.finished(number) for number in range(8)]
        self.assertEqual([one.received for one in sessions], [2 * data.MIB] * 8)
        self.assertEqual(sorted(one.digest for one in sessions),
                         sorted(data.sha256(data.block(2 * data.MIB, number)) for number in range(8)))
        self.assertEqual({one.ended for one in sessions}, {"eof"})
