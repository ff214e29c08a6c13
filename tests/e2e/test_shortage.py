"""No new threads, then too few descriptors for a while (test_memory has memory): actpass lives, and
has lost nothing."""
import mmap
import os
import signal
import struct
import subprocess
import threading
import time
import unittest

from support import data, tls
from support.backend import Backend, echo
from support.case import Case, need
from support.data import until
from support.each import each

KINDS = ("threads", "descriptors")  # in the order of support/shortage.c
FIELD = struct.Struct("=II")  # of a kind: one call in so many fails; so many have failed
BLOCK = 100_000


class Shortage:
    """What the library that is made of support/shortage.c, once preloaded, is controlled through
    a file."""

    def __init__(self, folder, kind):
        library = os.path.join(folder, "shortage.so")
        source = os.path.join(os.path.dirname(__file__), "support", "shortage.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
        path = os.path.join(folder, "shortage")
        with open(path, "w+b") as file:
            file.truncate(64)
            self._plan = mmap.mmap(file.fileno(), 64)
        self._place = KINDS.index(kind) * FIELD.size
        self.environment = {"LD_PRELOAD": library, "SHORTAGE": path}

    def set(self, one_in):
        self._plan[self._place:self._place + 4] = struct.pack("=I", one_in)

    @property
    def failed(self):
        return FIELD.unpack_from(self._plan, self._place)[1]


class Shortages(Case):
    def setUp(self):
        super().setUp()
        if "ASAN_OPTIONS" in os.environ:
            raise unittest.SkipTest("a sanitizer's library must be the first one")
        need("cc")
        self.stop = threading.Event()
        self.served, self.lost, self.wrong = [], [], []

    def use(self, actpass, service, make):
        """One connection from beginning to end: served whole, or dropped. Hanging or other data
        is wrong."""
        peer, block = None, data.block(BLOCK)
        try:
            peer = make(actpass, service=service, handshake=False)
            peer.timeout = 15
            peer.handshake()
            for _ in range(3):
                if peer.exchange(block, BLOCK) != block:
                    self.wrong.append(f"{service}: other data came back")
            peer.finish()
            return True
        except TimeoutError as error:
            self.wrong.append(f"{service}: {error}")
        except (OSError, AssertionError, tls.Truncated):
            if peer is not None and not block.startswith(peer.plain):
                self.wrong.append(f"{service}: other data came back, then the end")
        finally:
            if peer is not None:
                peer.sock.close()
        return False

    def keep_using(self, *how):
        while not self.stop.is_set() and not self.wrong:
            (self.served if self.use(*how) else self.lost).append(1)

    def use_for(self, seconds, hows):
        self.stop.clear()
        users = [threading.Thread(target=self.keep_using, args=how, daemon=True) for how in hows]
        for user in users:
            user.start()
        time.sleep(seconds)
        self.stop.set()
        return users

    def check_all_served(self, hows):
        for how in hows:
            self.assertTrue(self.use(*how), f"{how}, {self.wrong}")

    def run_short_of(self, kind, one_in, seconds, users, least_lost):
        """Serves, is short of something for so many seconds, and serves again. Returns how often
        that was not to be had."""
        shortage = Shortage(self.folder, kind)
        common = {"initial_data_timeout": "500ms", "handshake_timeout": "5s", "close_timeout": "2s"}
        forward = self.backend(Backend(echo)).address
        actpass = self.actpass(self.service("forward", forward=forward, **common),
                               self.service("echo", tls={"sessions": "tickets"}, **common),
                               env=shortage.environment)
        hows = [(actpass, service, make)
                for service in ("forward", "echo") for make in (self.client, self.device)]
        self.check_all_served(hows)
        actpass.wait_for(event="close", count=len(hows))
        descriptors = actpass.descriptors()
        shortage.set(one_in)
        running = self.use_for(seconds, hows * users)
        shortage.set(0)
        for user in running:
            user.join()
        self.assertTrue(actpass.running(), "actpass has ended")
        self.assertEqual(self.wrong, [])
        self.assertGreaterEqual(len(self.lost), least_lost, "those that could not be served")
        self.assertGreater(len(self.served), 10, "others could")
        self.check_all_served(hows * 5)
        until(lambda: actpass.descriptors() <= descriptors, 10, "the number of descriptors")
        return shortage.failed

    def test_threads(self):
        """None can be made: those that are there serve all."""
        self.run_short_of("threads", 1, 2, 4, least_lost=0)
        self.assertEqual(self.lost, [])

    def test_no_thread_for_the_first_connections(self):
        """The thread that actpass has begun with serves them; one line says what is missing."""
        if os.environ.get("ACTPASS_TEST_PARK") == "never":
            raise unittest.SkipTest("then each has a thread")
        shortage = Shortage(self.folder, "threads")
        actpass = self.actpass(self.service(), env=shortage.environment)
        actpass.signal(signal.SIGUSR1)
        actpass.wait_for(event="status")  # by the thread that it needs itself
        shortage.set(1)
        peers = [self.client(actpass) for _ in range(3)]
        self.assertIn("no thread can be started", actpass.wait_for(event="threads")["error"])
        for peer in peers:
            self.assertEqual(peer.exchange(b"hello", 5), b"hello")
            peer.finish()
        self.assertGreaterEqual(shortage.failed, 1)
        self.assertEqual(len(actpass.find(event="threads")), 1)

    def test_descriptors(self):
        self.assertGreater(self.run_short_of("descriptors", 5, 2, 1, least_lost=4), 10)
