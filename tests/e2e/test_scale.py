"""10 000 connections open at once in one process: each is answered in turn, none is dropped, all
idle cost nothing, and the last handshake is no dearer than the first."""
import contextlib
import gc
import os
import resource
import socket
import statistics
import time

from support import tls
from support.case import Case
from support.data import until

WANTED, BLOCK = 10000, 1000  # connections; so many at each end of the row are compared
OWN_DESCRIPTORS = 200  # of this process and of actpass, beside those of the connections


def count():
    """As many as the limit on descriptors allows, which not even root may raise everywhere:
    actpass keeps two for each."""
    return min(WANTED, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - OWN_DESCRIPTORS) // 2)


class Scale(Case):
    deadline = 400

    def open_one(self, actpass, context):
        sock = socket.create_connection(actpass.address(), 60)
        self.addCleanup(sock.close)
        began = time.monotonic()
        peer = context.wrap_socket(sock, server_hostname="front.example")
        took = time.monotonic() - began
        self.addCleanup(peer.close)
        return peer, took

    def ask(self, peer, number):
        question = b"question %d" % number
        peer.sendall(question)
        answer = b""
        while len(answer) < len(question):
            more = peer.recv(1000)
            self.assertTrue(more, f"connection {number} was dropped")
            answer += more
        self.assertEqual(answer, question, f"connection {number}")

    @staticmethod
    def sleeps(actpass):
        """How often each thread has gone to sleep by now: one that never wakes up does not sleep
        again."""
        found, folder = {}, f"/proc/{actpass.process.pid}/task"
        for task in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError), open(f"{folder}/{task}/status", encoding="ascii") as status:
                found[task] = int(next(line for line in status if line.startswith("voluntary")).split()[1])
        return found

    def check_idle(self, actpass, connections):
        """At first each gives its memory back, which takes a while for thousands."""
        def quiet():
            before = actpass.cpu_seconds(), self.sleeps(actpass)
            time.sleep(2)
            wakes = sum(times - before[1].get(task, 0) for task, times in self.sleeps(actpass).items())
            seen.append((actpass.cpu_seconds() - before[0], wakes))
            return seen[-1][0] <= 0.04 and seen[-1][1] <= connections / 100
        seen = []
        until(quiet, 90, "no CPU time and no wake-ups")
        return seen[-1]

    def open_all(self, actpass, number):
        """The peers, the time that each handshake took, and actpass's CPU time for the first and
        the last block."""
        context = tls.context(self.certificates, False)
        peers, times, cpu = [], [], {}
        gc.freeze()  # its pauses grow with the number of objects, and are no time of actpass
        gc.disable()
        self.addCleanup(gc.enable)
        for i in range(number):
            if i % BLOCK == 0 or i == number - BLOCK:
                cpu[i] = actpass.cpu_seconds()
            peer, took = self.open_one(actpass, context)
            peers.append(peer)
            times.append(took)
            self.ask(peer, i)
        cpu[number] = actpass.cpu_seconds()
        return peers, times, (cpu[BLOCK] - cpu[0], cpu[number] - cpu[number - BLOCK])

    def test_10000_connections_at_once(self):
        number = count()
        self.assertGreaterEqual(number, 4000, "the hard limit on descriptors is too low for this test")
        actpass = self.actpass(self.service(max_connections=2 * WANTED), level="info")
        peers, times, cpu = self.open_all(actpass, number)
        first, last = statistics.median(times[50:150]), statistics.median(times[-100:])
        cpu_idle, wakes = self.check_idle(actpass, number)
        for i, peer in enumerate(peers):
            self.ask(peer, i)
        print(f"{number} connections at once, each answered: the last handshakes took {last / first:.2f} of the "
              f"time of those around the 100th, and {cpu[1] / cpu[0]:.2f} of the CPU time of the first {BLOCK}; "
              f"all idle: {cpu_idle / 2 * 100:.1f} % of a CPU, {wakes / 2:.0f} wake-ups a second", flush=True)
        self.assertLess(cpu[1] / cpu[0], 1.5, "CPU time of the last handshakes beside the first")
        self.assertLess(last / first, 5, "time of the last handshakes beside the first")
        for peer in peers:
            peer.unwrap()
            peer.close()
        actpass.wait_for(event="close", reason="CLEAN", count=number, timeout=60)
