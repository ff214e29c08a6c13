"""OCSP responders: openssl's, and ones that misbehave."""
import socket
import subprocess
import threading
import time

from .programs import port_of


class Responder:
    """`openssl ocsp` for an authority, signed by SIGNER: (certificate, key)."""

    def __init__(self, case, authority, port, signer=None, more=("-nmin", "60")):
        self.authority = authority
        self.port = port
        certificate, key = signer or (authority.certificate, authority.path(authority.name, "key"))
        self.process = subprocess.Popen(
            ["openssl", "ocsp", "-index", authority.path("index", "txt"), "-CA",
             authority.certificate, "-rsigner", certificate, "-rkey", key, "-port", str(port),
             "-ignore_err", *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        case.addCleanup(self.stop)
        port_of(self.process)  # a connection without a request would end it

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Odd:
    """Answers each request with SAY(connection); counts them."""

    def __init__(self, case, say, port=0):
        self.say = say
        self.requests = 0
        self.socket = socket.create_server(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.open = []
        threading.Thread(target=self._serve, daemon=True).start()
        case.addCleanup(self.stop)

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.requests += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        self.open.append(connection)
        try:
            connection.recv(65536)
            self.say(connection)
        except OSError:
            pass

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for connection in self.open:
            connection.close()


def silent(connection):
    pass


def slow(connection):
    for _ in range(600):
        connection.sendall(b"H")
        time.sleep(0.1)


def drip(connection):
    """One byte a second of a body that is to come."""
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n"
                       b"Content-Length: 1000\r\n\r\n")
    for byte in b"\x30\x82\x03\xe4" + bytes(56):
        connection.sendall(bytes([byte]))
        time.sleep(1)


def headers(connection):
    """Header lines without end."""
    connection.sendall(b"HTTP/1.0 200 OK\r\n")
    for number in range(1000000):
        connection.sendall(b"X-%d: %s\r\n" % (number, b"x" * 100))


def line(connection):
    """One header line without end."""
    connection.sendall(b"HTTP/1.0 200 OK\r\nX: ")
    for _ in range(1000):
        connection.sendall(b"x" * 65536)


def redirect(connection):
    """To itself."""
    port = connection.getsockname()[1]
    connection.sendall(b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:%d/ocsp\r\n"
                       b"Content-Length: 0\r\n\r\n" % port)
    connection.close()


def huge(connection):
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n"
                       b"Content-Length: 100000000\r\n\r\n\x30\x84\x05\xf5\xe1\x00")
    for _ in range(1000):
        connection.sendall(bytes(65536))


def nonsense(connection):
    connection.sendall(b"HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\nno")
    connection.close()
