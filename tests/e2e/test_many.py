"""Many connections at once, and what is left of them afterwards: nothing."""
import asyncio
import contextlib
import os
import selectors
import socket
import threading
import time

from support import data, tls
from support.backend import Backend, echo
from support.case import Case
from support.data import until


class Echo:
    """An echo backend for thousands of connections, on one thread."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.most = self.open = 0
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait()

    def _run(self, ready):
        async def serve():
            server = await asyncio.start_server(self._echo, "127.0.0.1", 0, backlog=4096)
            self.address = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
            ready.set()
            with contextlib.suppress(asyncio.CancelledError):
                await server.serve_forever()
        self._main = self.loop.create_task(serve())
        self.loop.run_until_complete(self._main)

    async def _echo(self, reader, writer):
        self.open += 1
        self.most = max(self.most, self.open)
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
        writer.close()
        self.open -= 1

    def close(self):
        self.loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join()


class Swarm:
    """TLS peers that are driven together on one thread."""

    def __init__(self, peers):
        self.peers = peers
        self.selector = selectors.EpollSelector()
        for peer in peers:
            self.selector.register(peer.sock, selectors.EVENT_READ, peer)

    def drive(self, step, timeout):
        """Has every peer make steps, on each arrival, until it says True."""
        waiting = {peer for peer in self.peers if not step(peer)}
        deadline = time.monotonic() + timeout
        while waiting:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(waiting)} of {len(self.peers)} peers are not done")
            for key, _ in self.selector.select(1):
                peer = key.data
                peer.feed()
                if peer in waiting and step(peer):
                    waiting.discard(peer)
                if peer.eof:
                    self.selector.unregister(peer.sock)
                    if peer in waiting:
                        raise AssertionError("actpass ended a connection")

    def close(self):
        self.selector.close()


def ask(peer):
    """A question that no other peer asks."""
    if not hasattr(peer, "question"):
        peer.question = b"question from %d" % id(peer)
        peer.object.write(peer.question)
    peer.flush()
    peer.decrypt()
    return bytes(peer.plain) == peer.question


def say_goodbye(peer):
    if not hasattr(peer, "said_goodbye"):
        peer.said_goodbye = True
        peer.shutdown_write()
    peer.decrypt()
    return peer.closed


class Many(Case):
    deadline = 420

    @staticmethod
    def count(actpass):
        return actpass.descriptors(), actpass.threads()

    def baseline(self, actpass):
        """Descriptors and threads of an actpass that has nothing to do, once they are all there:
        some threads start after the first line of the log."""
        seen = [self.count(actpass)]

        def settled():
            seen.append(self.count(actpass))
            return len(seen) > 20 and len(set(seen[-20:])) == 1
        until(settled)
        return seen[-1]

    def check_baseline(self, actpass, before):
        until(lambda: self.count(actpass)[0] <= before[0], 60, "the number of descriptors")
        threads = before[1] + os.cpu_count()  # some of the crew's start with the first connections
        until(lambda: self.count(actpass)[1] <= threads, 60, "the number of threads")

    def make_peers(self, actpass, clients, devices):
        client = tls.context(self.certificates, False)
        device = tls.context(self.certificates, True, certificate="device")
        made = []
        for number in range(clients + devices):
            is_device = number < devices
            peer = tls.Tls(self.connect(actpass), device if is_device else client,
                           server_side=is_device)
            if not is_device:
                peer.try_handshake()  # its hello leaves now
            made.append(peer)
        return made

    def test_2000_connections_at_once(self):
        backend = self.backend(Echo())
        actpass = self.actpass(self.service(forward=backend.address, initial_data_timeout="3s",
                                            handshake_timeout="120s"))
        before = self.baseline(actpass)
        peers = self.make_peers(actpass, 1000, 1000)
        swarm = Swarm(peers)
        swarm.drive(tls.Tls.try_handshake, 180)
        swarm.drive(ask, 120)
        self.assertEqual(backend.most, 2000, "all were open at the same time")
        self.assertEqual(len(actpass.find(event="role", role="server", cause="client_hello")), 1000)
        self.assertEqual(len(actpass.find(event="role", role="client", cause="silence")), 1000)
        swarm.drive(say_goodbye, 120)
        swarm.close()
        for peer in peers:
            peer.sock.close()
        actpass.wait_for(event="close", reason="CLEAN", count=2000, timeout=60)
        self.check_baseline(actpass, before)

    def test_200_mib_through_20_at_once(self):
        backend = self.backend(Backend(echo))
        actpass = self.actpass(self.service(forward=backend.address, initial_data_timeout="1s"))
        before = self.baseline(actpass)
        block = data.block(10 * data.MIB)
        peers = self.make_peers(actpass, 10, 10)
        failures = []

        def run(peer):
            try:
                received = peer.handshake().exchange(block, len(block))
                assert received == block, "the echo is another"
                peer.finish()
            except Exception as error:
                failures.append(repr(error))
        workers = [threading.Thread(target=run, args=(peer,), daemon=True) for peer in peers]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(failures, [])
        actpass.wait_for(event="close", reason="CLEAN", count=20)
        self.check_baseline(actpass, before)

    def test_connections_that_come_and_go(self):
        """Every kind of short connection, many times; nothing is left."""
        actpass = self.actpass(self.service(initial_data_timeout="50ms", handshake_timeout="200ms"))
        before = self.baseline(actpass)

        def http(sock):
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            sock.close()

        def half_a_hello(sock):
            sock.sendall(b"\x16\x03\x01\x00\xff\x01")

        def hello_and_go(sock):
            tls.Tls(sock, made).try_handshake()
            sock.close()

        def handshake_and_cut(sock):
            with contextlib.suppress(OSError, tls.Truncated):  # 50 ms may have passed
                tls.Tls(sock, made).handshake()
            sock.close()

        def silence(_):
            pass
        made = tls.context(self.certificates, False)
        kinds = [socket.socket.close, tls.reset, http, half_a_hello, hello_and_go,
                 handshake_and_cut, silence]
        for number in range(420):
            kinds[number % len(kinds)](self.connect(actpass))
        actpass.wait_for(event="close", count=420, timeout=60)
        self.check_baseline(actpass, before)
