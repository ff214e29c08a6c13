"""A TLS peer in Python whose every byte the test controls, over any connected socket.

OpenSSL works on memory BIOs here, so that a test may cut, split, delay and hold back, close one
direction only, and read and write at once on one thread.
"""
import os
import select
import socket
import ssl
import struct
import time

CHUNK = 262144
# The deadline of each call. Under helgrind, which runs one thread at a time, the program takes far
# longer.
PATIENCE_S = float(os.environ.get("ACTPASS_PATIENCE_S", 60))
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Truncated(Exception):
    """End of stream without close_notify."""


def context(certificates, server_side, version=None, certificate=None, ca="ca", verify=None):
    """A context for a peer of actpass: as TLS client it checks the name, as server it asks for
    nothing."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    if version:
        made.minimum_version = made.maximum_version = VERSIONS[version]
    if certificate:
        made.load_cert_chain(*certificates.chain(certificate))
    if ca:
        made.load_verify_locations(certificates.path(ca))
    if verify is False:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif verify is True:
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def reset(sock):
    """Closes with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Tls:
    def __init__(self, sock, tls_context, server_side=False, server_hostname=None, timeout=PATIENCE_S,
                 session=None):
        self.sock = sock
        self.timeout = timeout
        sock.setblocking(False)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = tls_context.wrap_bio(
            self.incoming, self.outgoing, server_side,
            None if server_side else server_hostname or "front.example", session)
        self.unsent = b""
        self.plain = bytearray()
        self.eof = False     # the TCP end of stream
        self.closed = False  # the peer's close_notify

    # ---- steps that never wait

    def feed(self):
        """Hands what the socket holds to OpenSSL."""
        if self.eof:
            return
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            return
        if data:
            self.incoming.write(data)
        else:
            self.eof = True

    def flush(self):
        """Sends what OpenSSL has written, as far as the socket takes it. True: all of it."""
        self.unsent += self.outgoing.read()
        while self.unsent:
            try:
                sent = self.sock.send(self.unsent)
            except BlockingIOError:
                return False
            self.unsent = self.unsent[sent:]
        return True

    def decrypt(self):
        """Takes all plaintext there is."""
        while not self.closed:
            try:
                data = self.object.read(CHUNK)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLZeroReturnError:
                data = b""
            if data:
                self.plain += data
            else:
                self.closed = True

    def try_handshake(self):
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self.flush()  # an alert leaves, too
        return True

    # ---- calls that wait

    def _wait(self, deadline, read=True):
        left = deadline - time.monotonic()
        wanted = [self.sock] if read and not self.eof else []
        writing = [self.sock] if self.unsent or self.outgoing.pending else []
        if left <= 0 or not any(select.select(wanted, writing, [], left)):
            raise TimeoutError("the peer was not done in time")

    def handshake(self):
        """Shakes hands; a peer that fails goes at once, as most do."""
        try:
            self._handshake()
        except Exception:
            self.sock.close()
            raise
        return self

    def _handshake(self):
        deadline = time.monotonic() + self.timeout
        while not self.try_handshake():
            if self.eof:
                raise Truncated("end of stream within the handshake")
            self._wait(deadline)
            self.feed()
        while not self.flush():
            self._wait(deadline, read=False)

    def send(self, data):
        deadline = time.monotonic() + self.timeout
        view = memoryview(data)
        while view or self.unsent or self.outgoing.pending:
            if view and not self.unsent:
                self.object.write(view[:CHUNK])
                view = view[CHUNK:]
            if not self.flush():
                self._wait(deadline)
                self.feed()

    def _more(self, deadline):
        """Waits for more plaintext or the end; says whether there may be more."""
        self.decrypt()
        self.flush()
        if self.closed:
            return False
        if self.eof:
            raise Truncated("end of stream without close_notify")
        self._wait(deadline)
        self.feed()
        self.decrypt()
        return True

    def recv(self, size=CHUNK):
        """At least one byte; empty after close_notify."""
        deadline = time.monotonic() + self.timeout
        self.decrypt()  # what came together with the end of the handshake
        while not self.plain and self._more(deadline):
            pass
        data = bytes(self.plain[:size])
        del self.plain[:size]
        return data

    def recv_exactly(self, size):
        deadline = time.monotonic() + self.timeout
        self.decrypt()
        while len(self.plain) < size and self._more(deadline):
            pass
        assert len(self.plain) >= size, f"close_notify after {len(self.plain)} of {size} bytes"
        return self.recv(size)

    def recv_all(self):
        """Everything until close_notify."""
        deadline = time.monotonic() + self.timeout
        while self._more(deadline):
            pass
        return self.recv(len(self.plain)) if self.plain else b""

    def exchange(self, data, expect, stop_after=None, stop_for=1.0):
        """Sends and receives at once. May stop reading for a while after so many bytes."""
        deadline = time.monotonic() + self.timeout
        view = memoryview(data)
        while view or self.unsent or len(self.plain) < expect:
            if view and not self.unsent:
                self.object.write(view[:CHUNK])
                view = view[CHUNK:]
            self.flush()
            self.decrypt()
            if stop_after is not None and len(self.plain) >= stop_after:
                stop_after = None
                time.sleep(stop_for)
            if view and not self.unsent or not view and len(self.plain) >= expect:
                self.feed()
                continue
            if self.eof and len(self.plain) < expect:
                raise Truncated(f"end of stream after {len(self.plain)} of {expect} bytes")
            self._wait(deadline)
            self.feed()
        return self.recv(expect) if expect else b""

    def shutdown_write(self):
        """Sends close_notify; reading goes on."""
        self.decrypt()  # SSL_shutdown takes data that waits for an error
        try:
            self.object.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLSyscallError):
            pass
        deadline = time.monotonic() + self.timeout
        while not self.flush():
            self._wait(deadline, read=False)

    def finish(self):
        """An orderly end: our close_notify, the peer's, then TCP's. Answers what came before it."""
        self.shutdown_write()
        rest = self.recv_all()
        self.sock.close()
        return rest

    def cut(self):
        """Ends TCP with no close_notify."""
        self.sock.close()

    def reset(self):
        reset(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()
