"""Plain services behind actpass, each connection on a thread of its own."""
import hashlib
import http.server
import os
import socket
import threading

from . import data as test_data
from .tls import reset


class Session:
    """One connection as the backend saw it. `ended` is None, "eof" or "reset"."""

    def __init__(self, sock):
        self.sock = sock
        self.received = 0
        self.ended = None
        self.error = None
        self.done = threading.Event()
        self._hash = hashlib.sha256()

    def recv(self):
        """Some bytes; empty at the end, and `ended` says which."""
        try:
            data = self.sock.recv(262144)
        except (ConnectionResetError, BrokenPipeError):
            self.ended = "reset"
            return b""
        self.received += len(data)
        self._hash.update(data)
        if not data:
            self.ended = "eof"
        return data

    @property
    def digest(self):
        return self._hash.hexdigest()


class Backend:
    """Listens on 127.0.0.1, or on a unix socket, and runs serve(session) for each connection."""

    def __init__(self, serve, path=None, backlog=4096, port=0):
        self._serve = serve
        self.sessions = []
        self._changed = threading.Condition()
        if path:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(path)
            self.address = "unix:" + path
        else:
            self.listener = socket.create_server(("127.0.0.1", port), backlog=backlog)
            self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.listener.listen(backlog)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(sock)
            with self._changed:
                self.sessions.append(session)
                self._changed.notify_all()
            threading.Thread(target=self._run, args=(session,), daemon=True).start()

    def _run(self, session):
        try:
            self._serve(session)
        except OSError as error:
            session.error = error
        session.sock.close()
        session.done.set()

    def session(self, number=0, timeout=30):
        """That connection, once it was made."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.sessions) > number, timeout):
                raise AssertionError(f"backend: no connection {number} within {timeout} s")
            return self.sessions[number]

    def finished(self, number=0, timeout=60):
        """That connection, once its service is done with it."""
        session = self.session(number, timeout)
        if not session.done.wait(timeout):
            raise AssertionError(f"backend: connection {number} still open after {timeout} s")
        return session

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        except OSError:
            pass
        self.listener.close()
        for session in self.sessions:
            try:
                session.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if self.address.startswith("unix:"):
            os.unlink(self.address[len("unix:"):])


# ---- what a backend may do with a connection


def echo(session):
    while chunk := session.recv():
        session.sock.sendall(chunk)


def sink(session):
    """Reads all there is, then ends its own direction, too."""
    while session.recv():
        pass


def refuse(session):
    """Resets at once."""
    reset(session.sock)


def exchange(send, expect=None, linger=True):
    """Sends a block while it reads: until `expect` bytes, or the end of stream. Then ends its
    direction."""
    def serve(session):
        sender = threading.Thread(target=_send, args=(session, send), daemon=True)
        sender.start()
        while (expect is None or session.received < expect) and session.recv():
            pass
        sender.join()
        session.sock.shutdown(socket.SHUT_WR)
        while linger and not session.ended:
            session.recv()
    return serve


def _send(session, data):
    try:
        session.sock.sendall(data)
    except OSError as error:
        session.error = error


class _Handler(http.server.BaseHTTPRequestHandler):
    """GET /bytes/SIZE/SEED answers that block; PUT answers the SHA-256 of what came."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        _, kind, size, seed = self.path.split("/")
        self._answer(test_data.block(int(size), int(seed)))

    def do_PUT(self):
        left = int(self.headers["Content-Length"])
        digest = hashlib.sha256()
        while left:
            data = self.rfile.read(min(left, 262144))
            if not data:
                return
            digest.update(data)
            left -= len(data)
        self._answer(digest.hexdigest().encode())

    def _answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Http:
    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def nobody():
    """An address at which nobody listens, and the socket that keeps it so."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return "127.0.0.1:%d" % sock.getsockname()[1], sock
