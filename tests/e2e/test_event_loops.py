"""The example servers with an event loop: one thread for all clients."""
import json
import os
import resource
import time

from support import data, tls
from support.case import PATIENT, SHORT, Case, example
from support.data import until
from support.each import ROLES, VERSIONS, each

LOOPS = ("epoll_echo", "uv_echo")


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def threads(process):
    return len(os.listdir(f"/proc/{process.pid}/task"))


def statistics(process):
    """The fields of /proc/PID/stat after the name."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(")")[2].split()


def state(process):
    """S: it sleeps. R: it runs, or would if it had a processor. Z: it has ended."""
    return statistics(process)[0]


def cpu_seconds(process):
    fields = statistics(process)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class EventLoops(Case):
    CLIENTS = 60

    def start(self, name, **changes):
        if not os.path.exists(example(name)):
            self.skipTest(f"{name} was not built: libuv1-dev is not installed")
        changes.setdefault("initial_data_timeout", PATIENT)
        config = {"services": [self.service(**changes)]}
        file = self.file("loop.json", json.dumps(config).encode())
        process, port = self.start_example([example(name), file])
        self.idle = descriptors(process)
        return process, port

    def check_idle(self, process):
        """All clients have gone, and nothing of them is left."""
        until(lambda: descriptors(process) == self.idle, 20, "closed descriptors")
        self.assertEqual(threads(process), 1)

    def check_sleeps(self, process):
        """Most of the time, whatever share of a processor it would get if it did not."""
        time.sleep(0.3)
        states = []
        for _ in range(35):
            states.append(state(process))
            time.sleep(0.02)
        self.assertGreater(states.count("S"), len(states) * 0.7, states)

    @each(name=LOOPS, role=ROLES, version=VERSIONS)
    def test_echo(self, name, role, version):
        timeout = SHORT if role == "client" else PATIENT
        process, port = self.start(name, initial_data_timeout=timeout)
        block = data.block(3 * data.MIB)
        peer = self.peer(role, port, version)
        self.assertEqual(data.sha256(peer.exchange(block, len(block))), data.sha256(block))
        self.assertEqual(peer.exchange(b"again", 5), b"again")
        peer.finish()
        self.assertEqual(process.stdout.readline(), b"CLEAN \n")
        self.check_idle(process)

    @each(name=LOOPS)
    def test_many_at_once(self, name):
        """Some keep silent, some stop in the middle of their hello, and some do not read."""
        process, port = self.start(name, initial_data_timeout="3s", handshake_timeout="30s")
        silent = [self.device(port, handshake=False) for _ in range(10)]
        slow = [self.connect(port) for _ in range(10)]
        for sock in slow:
            sock.sendall(b"\x16\x03\x01")
        deaf = [self.client(port) for _ in range(3)]
        for peer in deaf:
            peer.object.write(data.block(data.MIB))
            peer.flush()
        peers = [self.client(port) for _ in range(self.CLIENTS)]
        for number in range(20):
            for peer in peers:
                peer.send(b"%08d" % number)
            for peer in peers:
                self.assertEqual(peer.recv_exactly(8), b"%08d" % number)
        self.assertEqual(threads(process), 1)
        for peer in silent:
            self.assertEqual(peer.handshake().exchange(b"hello", 5), b"hello")
        self.finish_all(*peers, *silent)
        for peer in deaf:
            peer.reset()
        for sock in slow:
            sock.close()
        self.check_idle(process)

    @each(name=LOOPS)
    def test_timeouts(self, name):
        """One after the other, so that nothing but a timer wakes the loop."""
        process, port = self.start(name, idle_timeout="300ms", handshake_timeout="300ms")
        idle = self.client(port)
        self.assertRegex(process.stdout.readline(), b"^TIMEOUT ")
        idle.reset()
        half = self.connect(port)
        half.sendall(b"\x16\x03\x01")
        self.assertRegex(process.stdout.readline(), b"^(TIMEOUT|PROTOCOL) ")
        half.close()
        self.check_idle(process)

    @each(name=LOOPS)
    def test_cut(self, name):
        process, port = self.start(name)
        peer = self.client(port)
        self.assertEqual(peer.exchange(b"hello", 5), b"hello")
        peer.reset()
        self.assertRegex(process.stdout.readline(), b"^(TRUNCATED|RESET) ")
        self.check_idle(process)

    @each(name=LOOPS)
    def test_idle_costs_no_cpu(self, name):
        process, port = self.start(name)
        peers = [self.client(port) for _ in range(20)]
        time.sleep(0.5)
        before = cpu_seconds(process)
        time.sleep(1.5)
        self.assertLess(cpu_seconds(process) - before, 0.1)
        self.finish_all(*peers)

    @each(name=LOOPS)
    def test_out_of_descriptors(self, name):
        """It serves those that it has, does not spin, and takes others once there is room."""
        process, port = self.start(name)
        peers = [self.client(port)]
        limit = self.idle + 4 * (descriptors(process) - self.idle)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        peers += [self.client(port) for _ in range(3)]
        waiting = self.connect(port)
        self.check_sleeps(process)
        for peer in peers:
            self.assertEqual(peer.exchange(b"still", 5), b"still")
        self.finish_all(*peers)
        made = tls.context(self.certificates, False)
        late = tls.Tls(waiting, made).handshake()
        self.assertEqual(late.exchange(b"late", 4), b"late")
        late.finish()

    @each(name=LOOPS)
    def test_no_descriptor_for_the_first_client(self, name):
        """No client will leave, so it must look again by itself."""
        process, port = self.start(name)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (self.idle, 1000))
        peer = self.client(port, handshake=False)
        self.check_sleeps(process)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (1000, 1000))
        self.assertEqual(peer.handshake().exchange(b"late", 4), b"late")
        peer.finish()
