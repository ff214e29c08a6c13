"""One address cannot keep others out: limits by address, who makes way, and shares of descriptors."""
import resource
import signal
import socket
import ssl
import threading
import time

from support import tls
from support.backend import Backend, echo
from support.case import PATIENT, Case
from support.data import until
from support.each import each

TRANSPORTS = ("relay", "direct")
RATE = 200       # connections a second
SECONDS = 10     # of attack; without a defence 1000 places are taken in half of it
BAR = 2          # seconds within which a good client is answered: the bar
DEADLINE = 10    # and within which each one is, whatever else the machine does


def allow_many_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connect_from(source, address, timeout=DEADLINE):
    return socket.create_connection(address, timeout, (source, 0))


def half_of_a_hello(context):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="a.example").do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = outgoing.read()
    return hello, hello[:len(hello) // 2]


class Attacker(threading.Thread):
    """Opens connections at RATE, sends the opening on each, and then nothing; never closes one."""

    def __init__(self, address, source="127.0.0.2", opening=b""):
        super().__init__(daemon=True)
        self.address, self.source, self.opening = address, source, opening
        self.sockets, self.ended = [], threading.Event()

    def run(self):
        began, number = time.monotonic(), 0
        while not self.ended.is_set():
            self.begin_one()
            number += 1
            self.ended.wait(max(0, began + number / RATE - time.monotonic()))

    def begin_one(self):
        sock = socket.socket()
        sock.bind((self.source, 0))
        sock.settimeout(1)
        try:
            sock.connect(self.address)
            sock.sendall(self.opening)
        except OSError:
            pass
        self.sockets.append(sock)

    def finish(self):
        self.ended.set()
        self.join()
        for sock in self.sockets:
            sock.close()


def is_open(sock):
    """Has the other side neither closed nor reset it?"""
    sock.setblocking(False)
    try:
        return sock.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


class Attacked(Case):
    deadline = 120

    def setUp(self):
        super().setUp()
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        allow_many_descriptors()

    def attack(self, actpass, **options):
        attacker = Attacker(actpass.address(), **options)
        attacker.start()
        self.addCleanup(attacker.finish)
        return attacker

    def served_in(self, address, source):
        """Seconds until a good client has its answer; infinite if it never gets one."""
        began = time.monotonic()
        try:
            context = tls.context(self.certificates, False)
            with connect_from(source, address) as sock:
                sock.settimeout(DEADLINE)  # no select(2): there are more descriptors than it takes
                with context.wrap_socket(sock, server_hostname="front.example") as peer:
                    peer.sendall(b"served?")
                    answer = peer.recv(7)
            return time.monotonic() - began if answer == b"served?" else float("inf")
        except OSError:
            return float("inf")

    def good_clients(self, actpass, seconds, source="127.0.0.1"):
        """A new one every 200 ms, whatever becomes of the others: all their times."""
        times, threads = [], []
        for _ in range(int(seconds / 0.2)):
            thread = threading.Thread(target=lambda: times.append(
                self.served_in(actpass.address(), source)))
            thread.start()
            threads.append(thread)
            time.sleep(0.2)
        for thread in threads:
            thread.join()
        return times

    def assert_served(self, times):
        within = sum(taken <= BAR for taken in times)
        self.assertGreaterEqual(within, 0.95 * len(times), sorted(times)[-5:])
        self.assertLessEqual(max(times), DEADLINE)

    def opening(self, kind):
        hello, half = half_of_a_hello(tls.context(self.certificates, False))
        return {"silence": b"", "hello": hello, "half": half}[kind]


class OneAddress(Attacked):
    @each(transport=TRANSPORTS, places=(100, 1000))
    def test_silence(self, transport, places):
        actpass = self.actpass(self.service(transport=transport, max_connections=places),
                               level="info")
        self.attack(actpass)
        self.assert_served(self.good_clients(actpass, SECONDS))
        line = actpass.find(event="close", reason="CANCELLED")[0]
        self.assertIn("made way", line["error"])
        self.assertTrue(line["peer"].startswith("127.0.0.2:"), line)

    @each(transport=TRANSPORTS, kind=("hello", "half"))
    def test_handshakes_that_stop(self, transport, kind):
        actpass = self.actpass(self.service(transport=transport, max_connections=100,
                                            handshake_timeout=PATIENT), level="info")
        self.attack(actpass, opening=self.opening(kind))
        self.assert_served(self.good_clients(actpass, SECONDS))

    @each(transport=TRANSPORTS)
    def test_good_clients_at_the_attackers_address(self, transport):
        actpass = self.actpass(self.service(transport=transport, max_connections=100),
                               level="info")
        self.attack(actpass)
        self.assert_served(self.good_clients(actpass, SECONDS, "127.0.0.2"))

    def test_full_backlog_at_start(self):
        actpass = self.actpass(self.service(max_connections=1000), level="info")
        actpass.signal(signal.SIGSTOP)
        waiting = []
        for _ in range(4200):
            sock = socket.socket()
            self.addCleanup(sock.close)
            sock.bind(("127.0.0.2", 0))
            sock.setblocking(False)
            sock.connect_ex(actpass.address())
            waiting.append(sock)
        self.attack(actpass)
        actpass.signal(signal.SIGCONT)
        times = self.good_clients(actpass, SECONDS)
        self.assertLessEqual(max(times), DEADLINE)
        self.assertGreaterEqual(sum(taken <= BAR for taken in times), 0.9 * len(times))

    def test_a_silent_device_elsewhere_keeps_its_place(self):
        actpass = self.actpass(self.service(max_connections=50, initial_data_timeout="8s"))
        device = tls.Tls(connect_from("127.0.0.3", actpass.address(), 60),
                         tls.context(self.certificates, True, certificate="device"),
                         server_side=True)
        self.attack(actpass)
        device.handshake()
        self.assertEqual(device.exchange(b"home", 4), b"home")
        self.assertTrue(actpass.find(event="close", reason="CANCELLED"), "others made way")
        device.sock.close()

    def test_never_many_more_than_max_connections(self):
        actpass = self.actpass(self.service(max_connections=40), level="info")
        before = actpass.descriptors()
        self.attack(actpass)
        most = 0
        end = time.monotonic() + 3
        while time.monotonic() < end:
            most = max(most, actpass.descriptors() - before)
        self.assertLessEqual(most, (40 + 3) * 2)

    def test_established_connections_never_make_way(self):
        actpass = self.actpass(self.service(max_connections=3))
        peers = [self.client(actpass) for _ in range(3)]
        attacker = self.attack(actpass)
        actpass.wait_for(event="full")
        time.sleep(1)  # for the attack to have an effect, if it had one
        for peer in peers:
            self.assertEqual(peer.exchange(b"here", 4), b"here")
        attacker.finish()
        self.finish_all(*peers)


class Admission(Attacked):
    def start(self, **limits):
        return self.actpass(self.service(limits=limits))

    def held(self, actpass, source, count):
        """How many of COUNT silent connections stay open."""
        sockets = []
        for _ in range(count):
            try:
                sockets.append(connect_from(source, actpass.address()))
                self.addCleanup(sockets[-1].close)
            except ConnectionResetError:  # so soon
                pass
        time.sleep(1)  # for those that are refused to be closed
        return sum(is_open(sock) for sock in sockets)

    def is_served(self, actpass, source):
        return self.served_in(actpass.address(), source) < DEADLINE

    def test_deny(self):
        actpass = self.start(deny=["127.0.0.2/32"])
        self.assertFalse(self.is_served(actpass, "127.0.0.2"))
        self.assertEqual(actpass.wait_for(event="refused", limit="denied")["peer"], "127.0.0.2")
        self.assertTrue(self.is_served(actpass, "127.0.0.1"))

    def test_allow(self):
        actpass = self.start(allow=["127.0.0.2/32"])
        self.assertFalse(self.is_served(actpass, "127.0.0.1"))
        self.assertTrue(self.is_served(actpass, "127.0.0.2"))

    def test_the_longest_prefix_counts(self):
        actpass = self.start(allow=["127.0.0.2/32", "127.0.1.0/24"],
                             deny=["127.0.0.0/24", "127.0.1.5/32"])
        served = [self.is_served(actpass, source) for source in
                  ("127.0.0.1", "127.0.0.2", "127.0.1.4", "127.0.1.5", "127.0.2.1")]
        self.assertEqual(served, [False, True, True, False, False])

    def test_per_address(self):
        actpass = self.start(per_address=5)
        self.assertEqual(self.held(actpass, "127.0.0.2", 12), 5)
        actpass.wait_for(event="refused", limit="per_address")
        self.assertTrue(self.is_served(actpass, "127.0.0.1"))
        self.assertEqual(len(actpass.find(event="refused")), 1, "one line, not seven")

    def test_per_address_counts_a_network(self):
        actpass = self.start(per_address=5, ipv4_prefix=24)
        self.assertEqual(self.held(actpass, "127.0.0.2", 4), 4)
        self.assertEqual(self.held(actpass, "127.0.0.3", 4), 1)
        self.assertEqual(self.held(actpass, "127.0.1.3", 4), 4)

    def test_ipv6(self):
        actpass = self.actpass(self.service(listen="[::1]:0", limits={"per_address": 3}))
        sockets = [socket.create_connection(actpass.address()) for _ in range(6)]
        for sock in sockets:
            self.addCleanup(sock.close)
        until(lambda: sum(is_open(sock) for sock in sockets) == 3)
        self.assertEqual(actpass.wait_for(event="refused")["peer"], "::1")

    def test_undecided_per_address(self):
        """The oldest make way; whoever is established does not count."""
        actpass = self.start(undecided_per_address=4)
        good = self.client(actpass)
        first = connect_from("127.0.0.1", actpass.address())
        self.addCleanup(first.close)
        time.sleep(0.1)
        self.assertEqual(self.held(actpass, "127.0.0.1", 4), 4)
        self.assertFalse(is_open(first))
        self.assertEqual(self.held(actpass, "127.0.0.1", 10), 4, "though they come at once")
        self.assertEqual(good.exchange(b"here", 4), b"here")
        good.finish()

    def test_rate(self):
        actpass = self.start(rate_per_address=5)
        self.assertIn(self.held(actpass, "127.0.0.2", 20), (5, 6, 7))
        actpass.wait_for(event="refused", limit="rate_per_address")
        self.assertTrue(self.is_served(actpass, "127.0.0.1"))
        until(lambda: self.is_served(actpass, "127.0.0.2"), 10, "the bucket filling again")

    def test_refused_with_a_reset(self):
        actpass = self.start(deny=["127.0.0.2/32"])
        with self.assertRaises(ConnectionResetError):
            with connect_from("127.0.0.2", actpass.address()) as sock:
                sock.recv(1)


class Descriptors(Attacked):
    def test_each_service_keeps_its_share(self):
        backend = self.backend(Backend(echo))
        many = {"forward": backend.address, "max_connections": 1000}
        actpass = self.actpass(self.service("attacked", **many), self.service("other", **many),
                               nofile=200)
        warning = actpass.wait_for(event="configuration")["warning"]
        self.assertIn("200", warning)
        self.assertIn("LimitNOFILE", warning)
        self.attack(actpass)
        until(lambda: actpass.find(event="close", reason="CANCELLED"))
        for _ in range(10):
            self.assertLess(self.served_in(actpass.address("other"), "127.0.0.1"), DEADLINE)
        self.assertEqual(actpass.find(event="accept_paused"), [])

    def test_too_few_even_so(self):
        """What accept itself runs short of comes back: undecided connections make way."""
        actpass = self.actpass(self.service(max_connections=100), check=False)
        have = actpass.descriptors()
        resource.prlimit(actpass.process.pid, resource.RLIMIT_NOFILE, (have + 60, have + 60))
        self.attack(actpass)
        actpass.wait_for(event="accept_paused")
        times = [self.served_in(actpass.address(), "127.0.0.1") for _ in range(10)]
        self.assertGreaterEqual(sum(taken < DEADLINE for taken in times), 7, times)
