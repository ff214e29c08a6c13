"""Many offered connections parked in one collector, and clients that reach for devices among them:
none is lost, none gets the wrong device. Prints what an offer costs, and how long a join takes
beside a direct connect.

ACTPASS_SOAK=1 asks for the large numbers: 20 000 offers, or as many as the machine has room for,
and 200 reaches a second for half a minute; ACTPASS_FLEET=1 for a tenth of that."""
import concurrent.futures
import random
import socket
import threading
import time

from support import limits
from support.case import PATIENT
from support.data import fleet, soak
from support.parked import Parked
from test_fleet import Fleet, head

OFFERS = fleet(60, 2000, 20000)
PER_NAME = fleet(6, 20, 50)
REACHES = fleet(100, 1000, 6000)
RATE = 200  # reaches a second
PROCESSES = soak(2, 4)  # of devices
CALLERS = 16  # reaches at the same time
JOINED_SHARE = 32  # for one offer in so many actpass keeps a second descriptor (capacity.c)
GATE = 100  # clients of the gate
OTHERS = 600  # descriptors for all the rest


class Greeter:
    """Says one line to whoever connects: a direct connection, as fast as Python has it."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            peer.sendall(b"HTTP/1.1 200 direct\r\n\r\n")
            peer.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def read_head(sock):
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        more = sock.recv(1)
        if not more:
            raise EOFError(f"the end after {got!r}")
        got += more
    return got


def shown(times):
    times = sorted(times)
    return ", ".join(f"p{part} {1000 * times[len(times) * part // 100]:.1f} ms"
                     for part in (50, 99))


class Load(Fleet):
    deadline = fleet(60, 300, 900)

    def begin(self, offers):
        self.names = [f"d{number}.devices.example" for number in range(offers // PER_NAME)]
        for name in self.names:
            self.certificates._make(name, "ca", name, f"DNS:{name}", [])
        actpass = self.actpass(
            self.field(offer={"pool": "field", "per_name": PER_NAME}, max_connections=offers + 200),
            {**self.gate(wait=PATIENT), "max_connections": GATE}, level="info")
        return actpass

    def room(self):
        wanted = OFFERS + OFFERS // JOINED_SHARE + OTHERS
        each, _ = limits.raise_descriptors(self, wanted, 2 * wanted)
        offers = min(OFFERS, (each - OTHERS) * JOINED_SHARE // (JOINED_SHARE + 1))
        if offers < OFFERS:
            print(f"\n{offers} offers instead of {OFFERS}, since a process may have {each} "
                  "descriptors, and we may not raise that")
        return offers // PER_NAME * PER_NAME

    @staticmethod
    def cpu_seconds(actpass):
        return time.clock_gettime((~actpass.process.pid << 3) | 2)

    @staticmethod
    def memory_kib(actpass):
        with open(f"/proc/{actpass.process.pid}/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    def direct(self, port):
        begin = time.monotonic()
        with socket.create_connection(("127.0.0.1", port)) as sock:
            read_head(sock)
        return time.monotonic() - begin

    def reach(self, port, number):
        """How long it took until the device was there. Its answer proves which one it is."""
        name, question = random.choice(self.names), b"question %d\n" % number
        begin = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
            sock.sendall(head(name))
            answer = read_head(sock)
            took = time.monotonic() - begin
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), (name, answer))
            sock.sendall(question)
            wanted = name.encode() + b" " + question
            self.assertEqual(sock.recv(len(wanted), socket.MSG_WAITALL), wanted)
        return took

    def at_rate(self, what, count):
        """Calls it RATE times a second; what each has returned."""
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
            calls = []
            for number in range(count):
                time.sleep(max(0, begin + number / RATE - time.monotonic()))
                calls.append(pool.submit(what, number))
            results = [call.result() for call in calls]
        return results, count / (time.monotonic() - begin)

    def test_parked_offers_and_reaches_among_them(self):
        offers = self.room()
        actpass = self.begin(offers)
        empty, begin, cpu = self.memory_kib(actpass), time.monotonic(), self.cpu_seconds(actpass)
        parked = Parked(self, PROCESSES, self.names, PER_NAME, actpass.port("field"))
        parked.wait()
        took, cpu = time.monotonic() - begin, self.cpu_seconds(actpass) - cpu
        time.sleep(soak(0, 3))  # idle connections give their memory back
        kib = (self.memory_kib(actpass) - empty) / offers
        idle = self.cpu_seconds(actpass)
        time.sleep(soak(0.2, 5))
        idle = (self.cpu_seconds(actpass) - idle) / soak(0.2, 5)
        print(f"\n{offers} offers of {len(self.names)} names: {took:.1f} s, {1e6 * cpu / offers:.0f} "
              f"us of processor and {kib:.1f} KiB each; idle {100 * idle:.2f} % of a processor")
        self.reaches(actpass)
        reconnected = parked.reconnected()
        self.assertEqual(reconnected, REACHES, "each reach takes one connection, no other is lost")
        self.assertEqual([line["event"] for line in actpass.find(level="error")], [])

    def reaches(self, actpass):
        """Each beside a direct connect, so that both are measured on the same busy machine."""
        greeter = self.backend(Greeter())
        cpu = self.cpu_seconds(actpass)
        gate = actpass.port("gate")
        times, rate = self.at_rate(
            lambda number: (self.direct(greeter.port), self.reach(gate, number)), REACHES)
        cpu = self.cpu_seconds(actpass) - cpu
        direct, joins = zip(*times)
        print(f"{REACHES} reaches, {rate:.0f} a second: join {shown(joins)}; direct connect "
              f"{shown(direct)}; {1e6 * cpu / REACHES:.0f} us of processor each, with the next "
              "connection of the device")
