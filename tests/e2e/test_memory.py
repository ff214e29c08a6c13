"""Allocations fail at random while connections come and go: some are lost, the rest go on, and
nothing is left."""
import concurrent.futures
import mmap
import os
import random
import signal
import ssl
import struct
import subprocess
import time

from support import data, tls
from support.backend import Backend, echo
from support.case import SHORT, Case, need
from support.data import soak

SOURCE = os.path.join(os.path.dirname(__file__), "support", "short_memory.c")


class Memory(Case):
    deadline = soak(90, 900)

    def shim(self):
        """The library that lets allocations fail, and the numbers shared with it."""
        need("cc")
        library = os.path.join(self.folder, "short_memory.so")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        path = self.file("short_memory", bytes(8))
        with open(path, "r+b") as file:
            self.numbers = mmap.mmap(file.fileno(), 8)
        self.addCleanup(self.numbers.close)
        return {"LD_PRELOAD": library, "SHORT_MEMORY": path}

    def one_in(self, count):
        self.numbers[:4] = struct.pack("=I", count)

    def failed(self):
        return struct.unpack("=I", self.numbers[4:])[0]

    def visit(self, actpass, seed):
        """One connection in either role. Whether it was served; what comes must be right in any
        case."""
        chance = random.Random(seed)
        block = data.block(chance.choice((1, 2000, 70000)), seed % 50)
        device = chance.random() < 0.3
        sock = None
        try:
            sock = self.connect(actpass, timeout=20)
            peer = tls.Tls(sock, self.contexts[device], server_side=device, timeout=20)
            got = peer.handshake().exchange(block, len(block))
            self.assertEqual(got, block)
            peer.finish()
        except TimeoutError:  # an OSError, but to hang is not to be lost
            raise
        except (OSError, ssl.SSLError, tls.Truncated, AssertionError) as error:
            if isinstance(error, AssertionError) and "close_notify" not in str(error):
                raise
            if sock:
                sock.close()
            return False
        return True

    def test_some_connections_are_lost_and_nothing_else(self):
        backend = self.backend(Backend(echo))
        self.contexts = [tls.context(self.certificates, server, certificate="device")
                         for server in (False, True)]
        actpass = self.actpass(self.service(forward=backend.address, initial_data_timeout=SHORT,
                                            handshake_timeout="5s", close_timeout="1s"),
                               env=self.shim())
        self.assertTrue(all(self.visit(actpass, seed) for seed in range(8)))
        served = total = 0
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for one_in in (2000, 300, 50, 4):
                self.one_in(one_in)
                until = time.monotonic() + soak(1.5, 30)
                while time.monotonic() < until:
                    actpass.process.send_signal(signal.SIGHUP)
                    seeds = range(total, total + 16)
                    total += len(seeds)
                    served += sum(pool.map(lambda seed: self.visit(actpass, seed), seeds))
        failed = self.failed()
        self.one_in(0)
        self.assertGreater(failed, 100)
        self.assertGreater(served, total // 10)
        self.assertTrue(actpass.running())
        actpass.process.send_signal(signal.SIGHUP)
        self.assertTrue(all(self.visit(actpass, seed) for seed in range(8)))
        print(f"{failed} allocations failed: {served} of {total} connections were served")
