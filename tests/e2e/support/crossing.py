"""A relay that connects to two ends which both wait to be spoken to, and lets what they say
cross."""
import random
import select
import socket
import threading
import time


class Crossing:
    """Holds what both ends send until each has sent its first bytes; then hands it on, the first
    `first` bytes of a direction in pieces, with pauses, the directions in any order. tamper(hellos)
    answers what is handed on of the first bytes: number 0 is from the left to the right end. Runs
    on a thread of its own; join() answers whether both directions ended in order."""

    def __init__(self, left, right, seed, first=4096, tamper=None):
        self._random = random.Random(seed)
        self._first = first
        self._tamper = tamper
        self.ends = [socket.create_connection(address, 30) for address in (left, right)]
        for sock in self.ends:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.names = ["%s:%d" % sock.getsockname() for sock in self.ends]  # as the ends see it
        self._error = None
        self._threads = []
        self._main = threading.Thread(target=self._run, daemon=True)
        self._main.start()

    def _run(self):
        try:
            held = [self._hello(sock) for sock in self.ends]
        except OSError as error:
            self._error = error
            self._close()
            return
        if self._tamper:
            held = self._tamper(held)
        seeds = [self._random.random() for _ in range(2)]
        self._threads = [threading.Thread(target=self._copy, args=(number, held[number], seed),
                                          daemon=True) for number, seed in enumerate(seeds)]
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        self._close()

    def _close(self):
        for sock in self.ends:
            sock.close()

    @staticmethod
    def _hello(sock):
        """The whole first record."""
        data = b""
        while len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5], "big"):
            chunk = sock.recv(65536)
            if not chunk:
                raise ConnectionError("an end went before it said anything")
            data += chunk
        return data

    def _copy(self, number, data, seed):
        source, sink = self.ends[number], self.ends[1 - number]
        chance = random.Random(seed)
        time.sleep(chance.choice((0, 0, 0.001, 0.005, 0.02)))
        left = self._first
        try:
            while True:
                while data and left > 0:
                    piece = chance.choice((1, 5, 6, 50, 200, 1000, 65536))
                    sink.sendall(data[:piece])
                    data, left = data[piece:], left - piece
                    time.sleep(chance.choice((0, 0, 0, 0.0005, 0.002)))
                sink.sendall(data)
                data = source.recv(65536)
                if not data:
                    break
            sink.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._error = error
            for sock in self.ends:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def join(self, timeout=60):
        self._main.join(timeout)
        if self._main.is_alive():
            raise AssertionError("a crossing hung")
        return self._error is None


class Late:
    """A relay for one real client: connects to `target`, and hands the client's first bytes on so
    many seconds after that connection was made."""

    def __init__(self, target, after):
        self._target, self._after = target, after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        near, _ = self._listener.accept()
        self._listener.close()
        with near:
            hello = near.recv(65536)
            with socket.create_connection(self._target, 30) as far:
                far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.name = "%s:%d" % far.getsockname()
                deadline = time.perf_counter() + self._after
                time.sleep(max(self._after - 0.003, 0))
                while time.perf_counter() < deadline:
                    pass
                try:
                    far.sendall(hello)
                    self._both(near, far)
                except OSError:
                    pass

    @staticmethod
    def _both(near, far):
        other = {near: far, far: near}
        while other:
            for sock in select.select(list(other), [], [], 30)[0]:
                data = sock.recv(65536)
                sink = far if sock is near else near
                if data:
                    sink.sendall(data)
                else:
                    sink.shutdown(socket.SHUT_WR)
                    del other[sock]

    def join(self, timeout=60):
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise AssertionError("a late client hung")
