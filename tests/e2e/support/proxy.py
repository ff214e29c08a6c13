"""A TCP proxy in front of actpass that hands bytes on in small pieces."""
import socket
import threading
import time


class Dribble:
    """The first `first` bytes of each direction go on `piece` at a time, the rest as they come."""

    def __init__(self, target, first=4096, piece=1, pause=0.0001):
        self._target = target
        self._first, self._piece, self._pause = first, piece, pause
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            for sock in near, far:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for pair in (near, far), (far, near):
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source, sink):
        left = self._first
        try:
            while data := source.recv(65536):
                while data and left > 0:
                    sink.sendall(data[:self._piece])
                    data, left = data[self._piece:], left - self._piece
                    time.sleep(self._pause)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for sock in source, sink:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
