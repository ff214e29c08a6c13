"""Both ends of a connection stop waiting at the same moment (relay/GLARE.md), or nearly so."""
import collections
import concurrent.futures
import random
import socket
import ssl
import subprocess
import threading

from support import data, programs, tls
from support.backend import Backend, exchange
from support.case import Case, transport
from support.crossing import Crossing, Late
from support.data import MIB, soak
from support.each import VERSIONS, each

OPPOSITE = {"glare_won": "glare_lost", "glare_lost": "glare_won"}
SETTINGS = """openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = settings
[settings]
"""


class Glare(Case):
    deadline = soak(90, 900)

    def setUp(self):
        super().setUp()
        if transport() == "direct":
            self.skipTest("the direct transport knows no rule for glare")

    def environment(self, settings):
        """OpenSSL's own settings for one program: what actpass has no key for."""
        text = SETTINGS + "".join(f"{key} = {value}\n" for key, value in settings.items())
        return {"OPENSSL_CONF": self.file("openssl%d.cnf" % len(self.started), text.encode())}

    def pair(self, settings=({}, {}), handshake_timeout="20s"):
        """Two actpass, each in front of a backend that sends and receives 1 MiB at once."""
        tls_of = ({}, {"certificate": self.certificates.path("device"),
                       "key": self.certificates.path("device", "key"),
                       "peer_names": ["front.example"]})
        self.blocks = [data.block(MIB, seed) for seed in (1, 2)]
        self.backends = [self.backend(Backend(exchange(block, MIB))) for block in self.blocks]
        return [self.actpass(self.service(forward=self.backends[end].address,
                                          initial_data_timeout="100ms", idle_timeout="20s",
                                          close_timeout="500ms",
                                          handshake_timeout=handshake_timeout,
                                          tls={"client_auth": "require", **tls_of[end]}),
                             env=self.environment(settings[end])) for end in range(2)]

    def cross(self, ends, times, tamper=None):
        """So many crossings, some at once; those that are done."""
        def one(seed):
            before = [len(end.log) for end in ends]  # the system may give a port twice
            crossing = Crossing(ends[0].address(), ends[1].address(), seed,
                                tamper=tamper and tamper(seed))
            crossing.in_order = crossing.join()
            crossing.closes = [
                end.wait_for(event="close", peer=crossing.names[number], after=before[number])
                for number, end in enumerate(ends)]
            return crossing
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return list(pool.map(one, range(times)))

    def check_all_work(self, settings=({}, {}), protocol=None):
        times = soak(20, 500)
        ends = self.pair(settings)
        won = collections.Counter()
        for crossing in self.cross(ends, times):
            closes = crossing.closes
            for close in closes:
                self.assertEqual(close["reason"], "CLEAN", closes)
                if protocol:
                    self.assertEqual(close["protocol"], "TLSv" + protocol)
            self.assertEqual(sorted(close["role"] for close in closes), ["client", "server"])
            self.assertEqual(closes[0]["cause"], OPPOSITE[closes[1]["cause"]])
            self.assertTrue(crossing.in_order)
            won[closes[0]["role"]] += 1
        self.assertEqual(sum(won.values()), times)
        self.assertEqual(len(won), 2, "each end should win some of so many")
        for end in range(2):
            self.assertEqual(len(self.backends[end].sessions), times)
            digest = data.sha256(self.blocks[1 - end])
            for number in range(times):
                self.assertEqual(self.backends[end].finished(number).digest, digest)

    @each(version=VERSIONS)
    def test_exactly_one_client_and_one_server(self, version):
        limit = {"MaxProtocol": "TLSv1.2"} if version == "1.2" else {}
        self.check_all_work((limit, limit), version)

    def test_with_a_hello_retry_request(self):
        self.check_all_work(({"Groups": "P-256:X25519"}, {"Groups": "X25519"}), "1.3")

    def test_tampering_with_a_hello_never_makes_a_connection(self):
        """One bit of one hello is changed on the way. The hello that stands is in the handshake's transcript. The one
        that was dropped is in none, and nothing of it is used: a change of it may only change who wins."""
        changed = {}

        def tamper(seed):
            chance = random.Random(seed)
            direction = seed % 2

            def change(number, hello):
                if number != direction:
                    return hello
                changed[seed] = direction
                place = chance.randrange(5 + 4 + 2, len(hello))  # past both headers and the version
                bit = bytes([hello[place] ^ 1 << chance.randrange(8)])
                return hello[:place] + bit + hello[place + 1:]
            return change
        ends = self.pair(handshake_timeout="2s")
        harmless = 0
        for seed, crossing in enumerate(self.cross(ends, soak(20, 200), tamper)):
            closes = crossing.closes
            if any("protocol" in close for close in closes):
                standing = 0 if closes[0]["role"] == "client" else 1
                self.assertNotEqual(changed[seed], standing, closes)
                harmless += 1
                continue
            for close in closes:
                self.assertIn(close["reason"], ("PROTOCOL", "TIMEOUT", "TRUNCATED", "RESET"))
                self.assertTrue(close["error"])
        self.assertEqual(max(len(backend.sessions) for backend in self.backends), harmless)

    def test_a_mirror(self):
        """Our own hello comes back."""
        actpass = self.actpass(self.service(initial_data_timeout="50ms", close_timeout="500ms"))
        sock = self.connect(actpass)
        sock.sendall(sock.recv(65536))
        close = actpass.close()
        self.assertEqual((close["reason"], close["cause"]), ("PROTOCOL", "reflection"))

    def test_a_peer_that_knows_no_rule(self):
        actpass = self.actpass(self.service(initial_data_timeout="50ms", close_timeout="500ms"))
        sock = self.connect(actpass)
        self.assertEqual(sock.recv(3, socket.MSG_PEEK), b"\x16\x03\x01")
        client = tls.Tls(sock, tls.context(self.certificates, False))
        with self.assertRaises((ssl.SSLError, tls.Truncated)):
            client.handshake()
        close = actpass.close()
        self.assertEqual((close["reason"], close["cause"]), ("PROTOCOL", "glare_unsupported"))

    def test_a_dialer_tries_again(self):
        """The first time the peer, which knows no rule, speaks when we do; the second time it waits."""
        contexts = [tls.context(self.certificates, server, certificate="device")
                    for server in (False, True)]
        order = iter((0, 1))

        def run(session):
            which = next(order)
            while which == 0 and not session.sock.recv(1, socket.MSG_PEEK):
                pass
            peer = tls.Tls(session.sock, contexts[which], server_side=which == 1)
            peer.handshake().send(b"hello")
            session.echoed = peer.recv_exactly(5)
            threading.Event().wait(1)
        server = self.backend(Backend(run))
        actpass = self.actpass(self.dialer(server.address, role="auto", handshake_timeout="5s",
                                           initial_data_timeout="50ms",
                                           retry={"min": "10ms", "max": "50ms"}),
                               check=False, shutdown_timeout="100ms")
        actpass.wait_for(event="close", cause="glare_unsupported", reason="PROTOCOL")
        actpass.wait_for(event="retry")
        self.assertEqual(server.finished(1).echoed, b"hello")
        actpass.stop()


class LateClient(Case):
    """A client's hello that comes when the wait for it ends."""
    deadline = soak(90, 900)

    def service_with(self, kind):
        return self.service(initial_data_timeout="60ms", handshake_timeout="5s",
                            close_timeout="500ms", transport=kind)

    def python(self, port):
        made = tls.context(self.certificates, False)
        with socket.create_connection(("127.0.0.1", port), 20) as sock:
            client = tls.Tls(sock, made, timeout=20)
            try:
                client.handshake().send(b"hello")
                works = client.recv_exactly(5) == b"hello"
                client.finish()
                return works
            except (ssl.SSLError, tls.Truncated, OSError):
                return False

    def s_client(self, port):
        command = programs.s_client(self.certificates, port, "1.3")
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as client:
            try:
                client.stdin.write(b"hello\n")
                client.stdin.flush()
                return client.stdout.readline() == b"hello\n"
            except OSError:
                return False
            finally:
                client.kill()

    def one(self, actpass, kind, number):
        """The close line of a connection whose hello comes within 2 ms of the timeout, and whether it worked."""
        before = len(actpass.log)
        late = Late(actpass.address(), 0.060 + (number % 41 - 20) / 10000)
        client = self.s_client if number % 3 == 0 else self.python
        worked = client(late.port)
        late.join()
        close = actpass.wait_for(event="close", peer=late.name, after=before)
        met = close["cause"] in ("client_hello", "client_hello_late")
        self.assertEqual(worked, met, close)
        if not met and kind == "relay":
            self.assertEqual((close["cause"], close["reason"]), ("glare_unsupported", "PROTOCOL"),
                             "not a crossing: %s" % close)
        return close, worked

    def test_the_only_failures_are_hellos_that_crossed(self):
        """The direct transport withholds nothing: it shows what withholding is worth."""
        if transport():
            self.skipTest("compares both transports")
        times = soak(60, 500)
        kinds = {kind: self.actpass(self.service_with(kind), check=False)
                 for kind in ("relay", "direct")}
        worked, late = collections.Counter(), 0
        for number in range(times):
            for kind, actpass in kinds.items():
                close, works = self.one(actpass, kind, number)
                worked[kind] += works
                late += close["cause"] == "client_hello_late"
        print(f"hellos within 2 ms of the timeout that made a connection: {worked['relay']} of "
              f"{times} with withholding, which saved {late}; {worked['direct']} of {times} "
              f"without", flush=True)
