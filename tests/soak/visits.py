"""What peers do with the daemon. Each visit is a function of the world and a source of chance; it
fails with an exception if a byte is wrong or missing, or the end is not as it must be."""
import contextlib
import select
import socket
import ssl
import threading
import time

from support import data, tls
from support.site import GET, read_response
from world import PAGE_SIZE, VERSIONS

ECHOES = ("echo", "forward", "direct", "home")
LOST = (OSError, tls.Truncated, ssl.SSLError)


def some(chance, most):
    """Random bytes; short ones are as likely as long ones."""
    return chance.randbytes(int(most ** chance.random()))


def same(got, wanted):
    assert got == wanted, f"{len(got)} bytes are not the {len(wanted)} that were sent"


def cleanly(peer):
    same(peer.finish(), b"")


# ---- in order

def talk(world, chance):
    peer = world.served(chance.choice(ECHOES), chance)
    for _ in range(chance.randrange(1, 6)):
        text = some(chance, 65536)
        same(peer.exchange(text, len(text)), text)
    cleanly(peer)


def bulk(world, chance):
    peer = world.served(chance.choice(ECHOES), chance)
    block = data.block(chance.choice((1, 2, 4)) * data.MIB, chance.randrange(2))
    same(peer.exchange(block, len(block)), block)
    cleanly(peer)


def idle(world, chance):
    """Long enough for the daemon to release what the connection does not need."""
    peer = world.served(chance.choice(ECHOES), chance)
    for _ in range(2):
        text = some(chance, 2000)
        same(peer.exchange(text, len(text)), text)
        time.sleep(chance.uniform(0.5, 3))
    cleanly(peer)


def get(world, chance):
    peer = world.peer("http", chance).handshake()
    for _ in range(chance.randrange(1, 5)):
        begin = chance.randrange(PAGE_SIZE)
        wanted = [(b"/page.bin", b"", 200, world.page), (b"/none", b"", 404, None),
                  (b"/page.bin", b"Range: bytes=%d-\r\n" % begin, 206, world.page[begin:])]
        path, field, status, body = chance.choice(wanted)
        peer.send(GET % (path, field))
        response = read_response(peer)
        assert response.status == status, response.status
        if body:
            same(response.body, body)
    cleanly(peer)


def local(world, chance):
    """A plain connection, for which the daemon dials a TLS server."""
    with world.connect("local", chance) as sock:
        text = some(chance, 65536)
        sock.sendall(text)
        sock.shutdown(socket.SHUT_WR)
        got = b""
        while chunk := sock.recv(65536):
            got += chunk
        same(got, text)


class Resume:
    """Clients of which each comes again with the session of its last visit. `times` and `resumed`
    count by store."""

    def __init__(self, world):
        self.times, self.resumed = {}, {}
        self._last = {}
        self._lock = threading.Lock()
        self._contexts = {version: tls.context(world.certificates, False, version)
                          for version in VERSIONS}

    def __call__(self, world, chance):
        service, version = chance.choice(("echo", "forward", "http")), chance.choice(VERSIONS)
        client = service, version, chance.randrange(4)
        with self._lock:
            session = self._last.pop(client, None)
        with world.connect(service, chance) as raw:
            session, resumed = self._visit(raw, client, session)
        with self._lock:
            self._last[client] = session
            self.times[service] = self.times.get(service, 0) + 1
            self.resumed[service] = self.resumed.get(service, 0) + resumed

    def _visit(self, raw, client, session):
        service, version, _ = client
        with self._contexts[version].wrap_socket(
                raw, server_hostname="front.example", session=session) as sock:
            sock.sendall(GET % (b"/none", b"") if service == "http" else b"echo\n")
            sock.sendall(b"echo\n" if service == "forward" else b"")
            answer = sock.recv(1000)
            assert answer.startswith((b"HTTP/1.1 404", b"echo")), answer
            made = sock.session, sock.session_reused
            sock.unwrap()
        return made


# ---- half-closes

def we_end_first(world, chance):
    peer = world.served(chance.choice(ECHOES), chance)
    text = some(chance, 200000)
    peer.send(text)
    same(peer.finish(), text)


def backend_ends_first(world, chance):
    size, seed = int(1000 ** chance.uniform(0, 2)), chance.randrange(3)
    peer = world.served(chance.choice(("forward", "home")), chance, b"send %d %d\n" % (size, seed))
    same(peer.recv_all(), data.block(size, seed))
    peer.send(some(chance, 100000))
    cleanly(peer)


# ---- peers that stop

def fill(peer):
    """Sends until nobody takes more. How many bytes of the block."""
    block, sent = data.block(8 * data.MIB, 1), 0
    while sent < len(block):
        peer.object.write(block[sent:sent + 65536])
        sent += min(65536, len(block) - sent)
        if not peer.flush() and not select.select([], [peer.sock], [], 0.3)[1]:
            break
    return block[:sent]


def stop_reading_for_a_while(world, chance):
    peer = world.served(chance.choice(ECHOES), chance, receive_buffer=16384)
    text = fill(peer)
    time.sleep(chance.uniform(0, 1.5))
    same(peer.recv_exactly(len(text)), text)
    cleanly(peer)


def stop_reading_for_good(world, chance):
    """The write timeout ends it, or the peer resets before."""
    peer = world.served(chance.choice(ECHOES), chance, receive_buffer=16384)
    fill(peer)
    if chance.random() < 0.5:
        await_end(peer.sock)
    peer.reset()


def await_end(sock, seconds=30):
    """Until the daemon has reset the connection, without reading from it."""
    poll = select.poll()
    poll.register(sock, 0)
    assert poll.poll(1000 * seconds), "the daemon does not cut a peer that stopped"


def stop_in_the_hello(world, chance):
    """The handshake timeout ends it. What follows its end does not matter."""
    peer = world.peer(chance.choice(("echo", "forward", "http", "direct")), chance, device=False)
    send_part_of_flight(peer, chance)
    assert select.select([peer.sock], [], [], 30)[0], "the daemon waits for half a hello"
    peer.reset()


# ---- peers that go at any step

def send_part_of_flight(peer, chance):
    with contextlib.suppress(ssl.SSLWantReadError):
        peer.object.do_handshake()
    flight = peer.outgoing.read()
    peer.sock.send(flight[:chance.randrange(1, len(flight))])


def wait_for_first_bytes(peer):
    select.select([peer.sock], [], [], 30)


STEPS = ("connected", "part", "first bytes", "handshake", "data", "closed")


def go_to(step, peer, chance):
    if step == "connected":
        return
    if peer.object.server_side:
        wait_for_first_bytes(peer)
        peer.feed()
    if step == "part":
        send_part_of_flight(peer, chance)
    elif step == "first bytes":
        peer.try_handshake()
        wait_for_first_bytes(peer)
    else:
        peer.handshake()
        if step != "handshake":
            peer.send(b"echo\n" + data.block(chance.choice((10, 100000)), 3))
        if step == "closed":
            peer.shutdown_write()


def go(world, chance):
    """With a FIN or a reset. The daemon may notice something else first, and reset, too."""
    peer = world.peer(chance.choice(ECHOES + ("http",)), chance)
    with contextlib.suppress(*LOST):
        go_to(chance.choice(STEPS), peer, chance)
    if chance.random() < 0.5:
        peer.reset()
    else:
        peer.cut()


def be_cut(world, chance):
    """By the backend: this must not look like an end in order."""
    peer = world.served(chance.choice(("forward", "home")), chance, b"cut\n")
    peer.send(b"x")
    try:
        peer.recv_all()
    except LOST:
        peer.sock.close()
        return
    raise AssertionError("a connection that the backend cut ended in order")


# ---- peers that are refused

def speak_no_tls(world, chance):
    with world.connect(chance.choice(ECHOES), chance) as sock:
        sock.sendall(GET % (b"/", b"") + some(chance, 1000))
        with contextlib.suppress(ConnectionError):
            while sock.recv(1000):
                pass


class Stranger:
    """A device with a name that the daemon does not accept."""

    def __init__(self, world):
        self._context = tls.context(world.certificates, True, certificate="other-name")

    def __call__(self, world, chance):
        peer = tls.Tls(world.connect("home", chance), self._context, server_side=True)
        try:
            peer.handshake().recv_all()
        except LOST:
            peer.sock.close()
            return
        raise AssertionError("the daemon accepted a name that it must refuse")


def all_visits(world):
    """(visit, weight) of each kind."""
    return [(talk, 20), (Resume(world), 25), (get, 10), (bulk, 1), (idle, 6), (local, 6),
            (we_end_first, 8), (backend_ends_first, 6), (stop_reading_for_a_while, 2),
            (stop_reading_for_good, 2), (stop_in_the_hello, 2), (go, 30), (be_cut, 4),
            (speak_no_tls, 4), (Stranger(world), 2)]


# ---- those that stay

class Residents:
    """Connections that stay for the whole run, and are asked something now and then."""

    def __init__(self, world, chance, count=40):
        services = [ECHOES[number % len(ECHOES)] for number in range(count)]
        self.peers = [world.served(name, chance, device=name == "home") for name in services]
        self._chance = chance

    def ask(self, peer):
        text = some(self._chance, 3000)
        same(peer.exchange(text, len(text)), text)

    def ask_some(self):
        for peer in self._chance.sample(self.peers, 4):
            self.ask(peer)

    def leave(self):
        for peer in self.peers:
            self.ask(peer)
            cleanly(peer)


class Home:
    """The server that a service of the daemon keeps dialing. It speaks, holds the connection for a
    while and ends it, in order or not; the daemon dials again."""

    def __init__(self, world, chance, fail):
        self._world, self._chance, self._fail = world, chance, fail
        self.times = 0
        self.resting = threading.Event()  # set: the connection stays
        self.done = False
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while not self.done:
            try:
                sock, _ = self._world.home.accept()
                self._serve(sock)
                self.times += 1
            except Exception as error:  # a failure of any kind is reported, not lost with a thread
                if not self.done:
                    self._fail("home", self.times, error)

    def _serve(self, sock):
        chance = self._chance
        peer = tls.Tls(sock, self._world.contexts[True, chance.choice(VERSIONS)], server_side=True)
        peer.handshake()
        text = some(chance, 30000)
        same(peer.exchange(text, len(text)), text)
        time.sleep(chance.uniform(0, 2))
        while self.resting.is_set():
            time.sleep(0.05)
        chance.choice((cleanly, tls.Tls.reset, tls.Tls.cut))(peer)
