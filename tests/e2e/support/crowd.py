"""Thousands of TLS clients in a few processes, and a backend for them on one thread.

As a program: `crowd.py clients CA ADDRESS` takes commands on stdin, one on a line, and answers each
with one line; `crowd.py backend` prints its port, and echoes until it is killed.
"""
import gc
import select
import socket
import ssl
import subprocess
import sys

BATCH = 100  # connections that have a question in flight at once, in each process
PATIENCE_S = 60
IP_BIND_ADDRESS_NO_PORT = 24  # in socket from Python 3.12 on


class Crowd:
    """The processes, as a test sees them. Each has a source address of its own, since one address
    has only 28 000 ports towards the same destination."""

    def __init__(self, case, processes):
        command = [sys.executable, __file__, "clients", case.certificates.path("ca")]
        self._clients = [case.spawn([*command, f"127.0.1.{i + 1}"], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True) for i in range(processes)]

    def _all(self, *commands):
        """A command for each process; they work on them at the same time."""
        for client, command in zip(self._clients, commands):
            print(command, file=client.stdin, flush=True)
        for client in self._clients:
            answer = client.stdout.readline().strip()
            if answer != "done":
                raise AssertionError(f"clients: {answer or 'the process has ended'}")

    def _shares(self, count):
        times = len(self._clients)
        return [count * (i + 1) // times - count * i // times for i in range(times)]

    def open(self, count, addresses):
        """COUNT more connections, by turns to these addresses; each asks a question."""
        targets = " ".join(f"{host}:{port}" for host, port in addresses)
        self._all(*(f"open {share} {targets}" for share in self._shares(count)))

    def ask(self):
        """A question on each connection that is open."""
        self._all(*["ask"] * len(self._clients))

    def close(self, count):
        """close_notify on the last COUNT connections, and the peer's."""
        self._all(*(f"close {share}" for share in self._shares(count)))


def backend(case):
    """Starts it; returns its port. It listens on all addresses."""
    process = case.spawn([sys.executable, __file__, "backend"], stdout=subprocess.PIPE, text=True)
    return int(process.stdout.readline())


# ---- in the processes

class Clients:
    def __init__(self, ca, address):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.load_verify_locations(ca)
        self.address = address
        self.peers = []

    def connect(self, target):
        host, _, port = target.rpartition(":")
        sock = socket.socket()
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((self.address, 0))
        sock.connect((host, int(port)))
        return self.context.wrap_socket(sock, server_hostname="front.example")

    def question(self, number):
        return f"question {number} from {self.address}".encode()

    def check(self, number):
        """The answer is that to this connection's question, and nothing else."""
        wanted, answer = self.question(number), b""
        while len(answer) < len(wanted):
            more = self.peers[number].recv(1000)
            if not more:
                raise EOFError(f"connection {number} from {self.address} was dropped")
            answer += more
        if answer != wanted:
            raise ValueError(f"connection {number} from {self.address} got {answer}")

    def open(self, count, *targets):
        for _ in range(int(count)):
            self.peers.append(self.connect(targets[len(self.peers) % len(targets)]))
            self.peers[-1].sendall(self.question(len(self.peers) - 1))
            self.check(len(self.peers) - 1)

    def ask(self):
        for begin in range(0, len(self.peers), BATCH):
            numbers = range(begin, min(begin + BATCH, len(self.peers)))
            for number in numbers:
                self.peers[number].sendall(self.question(number))
            for number in numbers:
                self.check(number)

    def close(self, count):
        for _ in range(int(count)):
            self.peers.pop().unwrap().close()


def run_clients(ca, address):
    gc.disable()  # its pauses grow with the number of objects
    clients = Clients(ca, address)
    for line in sys.stdin:
        name, *words = line.split()
        try:
            getattr(clients, name)(*words)
            print("done", flush=True)
        except (OSError, EOFError, ValueError) as error:
            print(f"{name}, with {len(clients.peers)} open: {error!r}", flush=True)


def run_backend():
    gc.disable()
    listener = socket.create_server(("", 0), backlog=4096)
    print(listener.getsockname()[1], flush=True)
    epoll, peers = select.epoll(), {}
    epoll.register(listener, select.EPOLLIN)
    while True:
        for fd, _ in epoll.poll():
            if fd == listener.fileno():
                peer = listener.accept()[0]
                peers[peer.fileno()] = peer
                epoll.register(peer, select.EPOLLIN)
            elif message := peers[fd].recv(1000):
                peers[fd].sendall(message)
            else:
                peers.pop(fd).close()


if __name__ == "__main__":
    {"clients": run_clients, "backend": run_backend}[sys.argv[1]](*sys.argv[2:])
