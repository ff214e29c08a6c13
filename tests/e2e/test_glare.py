"""Both ends of a connection stop waiting at the same moment (relay/GLARE.md), or nearly so."""
import collections
import concurrent.futures
import hashlib
import itertools
import random
import select
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
EXTENSION = 65383
CHANGED = "both ends sent a ClientHello, and the peer's was changed on the way"
TAKEN = ("the peer has sent a ClientHello, too, which never reached us: it was taken away on the "
         "way")
PARTS = ("handshake header", "version", "random", "session id", "cipher list", "compression",
         "extension type", "extension length", "extension data")


def hello_parts(record):
    """The places of each part in a record that is a ClientHello; a length counts as its vector."""
    parts = {part: [] for part in PARTS}
    parts["handshake header"] = list(range(5, 9))
    parts["version"] = list(range(9, 11))
    parts["random"] = list(range(11, 43))
    at = 43
    for part, width in (("session id", 1), ("cipher list", 2), ("compression", 1)):
        end = at + width + int.from_bytes(record[at:at + width], "big")
        parts[part] = list(range(at, end))
        at = end
    at += 2
    while at < len(record):
        end = at + 4 + int.from_bytes(record[at + 2:at + 4], "big")
        parts["extension type"] += range(at, at + 2)
        parts["extension length"] += range(at + 2, at + 4)
        parts["extension data"] += range(at + 4, end)
        at = end
    return parts


def extensions(record):
    """Their types."""
    places = hello_parts(record)["extension type"]
    return [int.from_bytes(record[at:at + 2], "big") for at in places[::2]]


def smaller(hellos):
    """Which of two, each one record, is dropped."""
    return int(hashlib.sha256(hellos[0][5:]).digest() > hashlib.sha256(hellos[1][5:]).digest())


def smaller_than(hello):
    """The same with another random, so that it loses."""
    randoms = (random.Random(seed).randbytes(32) for seed in itertools.count())
    return next(one for one in (hello[:11] + drawn + hello[43:] for drawn in randoms)
                if smaller([one, hello]) == 0)


def splice(left, right):
    """What either says goes to the other, until both have ended."""
    other = {left: right, right: left}
    while other:
        for sock in select.select(list(other), [], [], 30)[0]:
            try:
                data = sock.recv(65536)
                other[sock].sendall(data) if data else other[sock].shutdown(socket.SHUT_WR)
            except OSError:
                data = b""
            if not data:
                del other[sock]


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

    def pair(self, settings=({}, {}), handshake_timeout="20s", groups=(None, None)):
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
                                          tls={"client_auth": "require", "groups": groups[end],
                                               **tls_of[end]}),
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

    def check_all_work(self, settings=({}, {}), protocol=None, groups=(None, None)):
        times = soak(20, 500)
        ends = self.pair(settings, groups=groups)
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
        self.check_all_work(groups=("P-256:X25519", "X25519"), protocol="1.3")

    def check_none_works(self, ends, tampers):
        """Each crossing fails at both ends, and says why: neither takes TLS for up."""
        for number, crossing in enumerate(self.cross(ends, len(tampers), tampers.__getitem__)):
            for close in crossing.closes:
                self.assertNotIn("protocol", close, (number, crossing.closes))
                self.assertIn(close["reason"], ("PROTOCOL", "TIMEOUT", "TRUNCATED", "RESET"),
                              (number, crossing.closes))
                self.assertTrue(close["error"])
            yield crossing.closes
        for backend in self.backends:
            self.assertEqual(backend.sessions, [])

    @each(version=VERSIONS)
    def test_tampering_with_a_hello_never_makes_a_connection(self, version):
        """One bit of one hello is changed on the way, of each part of it. The hello that stands is
        in the handshake's transcript; the one that was dropped is bound to it."""
        limit = {"MaxProtocol": "TLSv1.2"} if version == "1.2" else {}
        ends = self.pair((limit, limit), handshake_timeout="2s")

        def tamper(seed, part, drop):
            def change(hellos):
                chance = random.Random(seed)
                which = smaller(hellos) if drop else 1 - smaller(hellos)
                changed = bytearray(hellos[which])
                changed[chance.choice(hello_parts(changed)[part])] ^= 1 << chance.randrange(8)
                hellos[which] = bytes(changed)
                return hellos
            return change
        tampers = [tamper(seed, part, drop) for part in PARTS for drop in (False, True)
                   for seed in range(soak(2, 20))]
        errors = collections.Counter(close["error"] for closes in
                                     self.check_none_works(ends, tampers) for close in closes)
        self.assertGreater(errors[CHANGED], 0, errors)

    @each(version=VERSIONS)
    def test_a_hello_that_is_taken_away(self, version):
        """The larger one's sender hears of no glare; the other one's does. (The larger one away:
        two clients or servers.)"""
        limit = {"MaxProtocol": "TLSv1.2"} if version == "1.2" else {}
        ends = self.pair((limit, limit), handshake_timeout="2s")

        def take(hellos):
            hellos[smaller(hellos)] = b""
            return hellos
        for closes in self.check_none_works(ends, [take] * soak(4, 20)):
            self.assertEqual({close["reason"] for close in closes}, {"PROTOCOL"}, closes)
            self.assertIn(TAKEN, [close["error"] for close in closes])

    @each(version=VERSIONS)
    def test_a_hello_that_nobody_sent(self, version):
        """It is slipped to a client whose peer is server in good faith: it is dropped, and
        changes nothing."""
        actpass = self.actpass(self.service(initial_data_timeout="50ms", close_timeout="500ms"))
        sock = self.connect(actpass)
        hello = sock.recv(65536)
        sock.sendall(smaller_than(hello))
        device = tls.Tls(sock, tls.context(self.certificates, True, version, "device"),
                         server_side=True)
        device.incoming.write(hello)
        self.check_echo(device.handshake(), actpass, "client", "glare_won")

    def check_echo(self, peer, actpass, role, cause):
        peer.send(b"hello")
        self.assertEqual(peer.recv_exactly(5), b"hello")
        peer.finish()
        close = actpass.close(cause=cause)
        self.assertEqual((close["reason"], close["role"]), ("CLEAN", role))

    def draw(self, sock, version, theirs, larger):
        """A TLS client whose hello, drawn until it is the larger or the smaller, was sent."""
        context = tls.context(self.certificates, False, version)
        while True:
            client = tls.Tls(sock, context)
            with self.assertRaises(ssl.SSLWantReadError):
                client.object.do_handshake()
            hello = client.outgoing.read()
            if smaller([hello, theirs]) == larger:
                sock.sendall(hello)
                return client

    @each(version=VERSIONS)
    def test_a_peer_that_knows_the_rule_but_not_the_binding(self, version):
        """Steps 1 to 3 of GLARE.md, in Python."""
        actpass = self.actpass(self.service(initial_data_timeout="50ms", close_timeout="500ms"))
        sock = self.connect(actpass)
        theirs = sock.recv(65536)
        client = self.draw(sock, version, theirs, larger=True)  # theirs is dropped
        self.check_echo(client.handshake(), actpass, "server", "glare_lost")
        sock = self.connect(actpass)
        theirs = sock.recv(65536)
        self.draw(sock, version, theirs, larger=False)
        server = tls.Tls(sock, tls.context(self.certificates, True, version, "device"),
                         server_side=True)
        server.incoming.write(theirs)
        self.check_echo(server.handshake(), actpass, "client", "glare_won")

    def resuming(self, version, meddle):
        """A bridge that dials with role auto, at its peer a service that waits longer. In every
        second connection meddle(near, far, hello) has a hand; answers a function that makes a
        connection and gives both closes."""
        limit = {"MaxProtocol": "TLSv1.2"} if version == "1.2" else {}
        tls_of = {"client_auth": "require", "sessions": "memory"}
        far = self.actpass(self.service(initial_data_timeout="200ms", close_timeout="500ms",
                                        handshake_timeout="2s", tls=tls_of),
                           env=self.environment(limit))

        def run(session):
            with socket.create_connection(far.address(), 20) as sock:
                if next(turns) % 2:
                    meddle(session.sock, sock, session.sock.recv(65536))
                splice(session.sock, sock)
        turns = itertools.count()
        between = self.backend(Backend(run))
        device = {"certificate": self.certificates.path("device"), "peer_names": ["front.example"],
                  "key": self.certificates.path("device", "key")}
        near = self.actpass(self.dial_service(between.address, role="auto", handshake_timeout="2s",
                                              listen_plain="127.0.0.1:0", initial_data_timeout="20ms",
                                              close_timeout="500ms", tls={**tls_of, **device}),
                            env=self.environment(limit))

        def visit():
            before = [len(end.log) for end in (near, far)]
            with self.connect(near) as sock:
                try:
                    sock.sendall(b"x")
                    sock.recv(1)
                except ConnectionResetError:
                    pass
            return [end.wait_for(event="close", after=after, service=service)
                    for end, after, service in zip((near, far), before, ("dialer", "front"))]
        return visit

    @each(version=VERSIONS)
    def test_a_session_is_resumed_after_glare(self, version):
        def meddle(near, far, hello):
            near.sendall(far.recv(65536))
            far.sendall(hello)
        visit = self.resuming(version, meddle)
        for _ in range(50):
            self.assertEqual({close["reason"] for close in visit()}, {"CLEAN"})
            closes = visit()
            self.assertEqual([close["reason"] for close in closes], ["CLEAN", "CLEAN"], closes)
            if closes[0]["cause"] == "glare_won":
                self.assertEqual(closes[0].get("resumed"), "1", closes)
                return
        self.fail("the dialer never won")

    def test_only_who_may_see_glare_offers_the_binding(self):
        """A configured role's hello is as it was."""
        for settings, offered in (({"initial_data_timeout": "10ms"}, True),
                                  ({"role_hints": [{"from": "127.0.0.0/8", "role": "client"}]}, True),
                                  ({"role": "client"}, False),
                                  ({"initial_data_timeout": "10ms", "transport": "direct"}, False)):
            actpass = self.actpass(self.service(close_timeout="100ms", **settings), check=False)
            hello = self.connect(actpass).recv(65536)
            self.assertEqual(EXTENSION in extensions(hello), offered, settings)

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
        """The first time the peer, which knows no rule, speaks when we do; the second time it
        waits."""
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
        actpass = self.actpass(self.dial_service(server.address, role="auto", handshake_timeout="5s",
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
        """The close line of a connection whose hello comes within 2 ms of the timeout, and
        whether it worked."""
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
