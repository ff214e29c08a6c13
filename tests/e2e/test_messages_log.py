"""The log lines of one connection of each kind: compared with tests/golden/log.txt."""
import contextlib
import re
import signal
import socket
import ssl

from support import tls
from support.backend import Backend, nobody, refuse
from support.case import SHORT, Case
from support.golden import Golden

NUMBERS = re.compile(r"\b(rx|tx|dur_ms|after_ms|first_byte_ms)=\d+")
NORMALS = [(re.compile(r"^ts=\S+ "), ""),
           (NUMBERS, r"\1=N"),
           (re.compile(r"(127\.0\.0\.\d+):\d+"), r"\1:PORT"),
           (re.compile(r"\bfingerprint=\S+"), "fingerprint=F"),
           (re.compile(r'/[^ "]*/'), "")]


def by_connection(lines):
    """Connections log side by side: their lines are compared one connection after the other. A line
    about none stays behind the line before it."""
    numbers = [0]
    for line in lines:
        number = re.search(r" conn=(\d+) ", line)
        numbers.append(int(number[1]) if number else numbers[-1])
    return [line for _, line in sorted(zip(numbers[1:], lines), key=lambda pair: pair[0])]


class LogLines(Case):
    deadline = 180

    def begin(self, *services, **top):
        """Starts actpass. No check at its end: lines_of kills it once the case's lines are
        there."""
        self.server = self.actpass(*services, check=False, **top)

    def begin_one(self, tls=None, **changes):
        self.begin(self.service(tls=tls, **changes))

    def raw(self, data=b""):
        sock = self.connect(self.server)
        sock.sendall(data)
        return sock

    def closed(self, **fields):
        self.server.wait_for(event="close", **fields)

    # ---- the peer

    def case_a_client(self):
        self.begin_one()
        self.client(self.server, "1.3").finish()
        self.closed()

    def case_a_client_of_TLS_1_2_with_a_certificate(self):
        self.begin_one(tls={"client_auth": "require"})
        self.client(self.server, "1.2", certificate="device").finish()
        self.closed()

    def case_a_device_that_calls_home(self):
        self.begin_one(initial_data_timeout=SHORT)
        self.device(self.server, "1.3").finish()
        self.closed()

    def case_a_port_scan(self):
        self.begin_one()
        self.raw().close()
        self.closed()

    def case_no_TLS(self):
        self.begin_one()
        self.raw(b"GET / HTTP/1.1\r\n\r\n")
        self.closed()

    def case_an_alert_first(self):
        self.begin_one()
        self.raw(b"\x15\x03\x03\x00\x02\x02\x28")
        self.closed()

    def case_a_ServerHello_first(self):
        self.begin_one()
        self.raw(b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26")
        self.closed()

    def case_half_a_ClientHello_and_the_end(self):
        self.begin_one()
        self.raw(b"\x16\x03\x01\x02\x00\x01").shutdown(socket.SHUT_WR)
        self.closed()

    def case_half_a_ClientHello_and_silence(self):
        self.begin_one(handshake_timeout="300ms")
        self.raw(b"\x16\x03\x01\x02\x00\x01")
        self.closed()

    def case_a_mirror(self):
        self.begin_one(initial_data_timeout=SHORT, transport="relay")  # only it resolves glare
        sock = self.raw()
        sock.sendall(sock.recv(65536))
        self.closed()

    def case_silence_in_the_handshake(self):
        self.begin_one(handshake_timeout="300ms")
        self.client(self.server, "1.2", handshake=False).try_handshake()
        self.closed()

    def case_silence_after_the_handshake(self):
        self.begin_one(idle_timeout="300ms")
        self.client(self.server, "1.3")
        self.closed()

    def case_an_end_without_close_notify(self):
        self.begin_one(tls={"sessions": "off"})
        self.client(self.server, "1.3").sock.shutdown(socket.SHUT_WR)
        self.closed()

    def case_a_reset(self):
        self.begin_one(tls={"sessions": "off"})
        peer = self.client(self.server, "1.3")
        self.assertEqual(peer.exchange(b"x", 1), b"x")
        peer.reset()
        self.closed()

    def case_a_record_that_is_garbage(self):
        self.begin_one(tls={"sessions": "off"})
        self.client(self.server, "1.3").sock.send(b"\x17\x03\x03\x00\x20" + bytes(32))
        self.closed()

    # ---- identity

    def refused_device(self, certificate):
        self.begin_one(initial_data_timeout=SHORT)
        with contextlib.suppress(tls.Truncated, OSError, ssl.SSLError):
            self.device(self.server, "1.2", certificate=certificate)
        self.closed()

    def case_a_device_of_another_CA(self):
        self.refused_device("stranger")

    def case_a_device_with_another_name(self):
        self.refused_device("other-name")

    def case_a_device_whose_certificate_has_expired(self):
        self.refused_device("expired")

    def case_a_client_without_the_certificate_that_is_required(self):
        self.begin_one(tls={"client_auth": "require"})
        with contextlib.suppress(tls.Truncated, OSError, ssl.SSLError):
            self.client(self.server, "1.2")
        self.closed()

    def case_a_client_that_does_not_trust_us(self):
        self.begin_one()
        with contextlib.suppress(tls.Truncated, OSError, ssl.SSLError):
            self.client(self.server, "1.2", ca="stranger-ca")
        self.closed()

    # ---- the backend

    def case_a_backend_that_is_not_there(self):
        address, holder = nobody()
        self.addCleanup(holder.close)
        self.begin_one(forward=address, tls={"sessions": "off"})
        peer = self.client(self.server, "1.3")
        with contextlib.suppress(tls.Truncated, OSError):
            peer.recv_all()
        peer.cut()
        self.closed()

    def case_a_backend_that_resets(self):
        def serve(session):
            session.recv()
            refuse(session)
        self.begin_one(forward=self.backend(Backend(serve)).address)
        self.client(self.server, "1.3").send(b"x")
        self.closed()

    # ---- limits

    def case_an_address_that_is_denied(self):
        self.begin_one(limits={"deny": ["127.0.0.9/32"]})
        socket.create_connection(self.server.address(), source_address=("127.0.0.9", 0)).close()
        self.server.wait_for(event="refused")

    def case_a_connection_that_makes_way(self):
        self.begin_one(max_connections=1)
        self.raw()
        self.client(self.server, "1.3").finish()
        self.closed(reason="CLEAN")

    # ---- connections that we open

    def case_a_dial_for_a_local_connection(self):
        device = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(device.close)
        address = "127.0.0.1:%d" % device.getsockname()[1]
        self.begin(self.dial_service(address, listen_plain="127.0.0.1:0", role="client"))
        local = self.raw()
        sock = device.accept()[0]
        self.addCleanup(sock.close)
        made = tls.context(self.certificates, True, "1.3", certificate="device")
        peer = tls.Tls(sock, made, server_side=True).handshake()
        local.close()
        peer.finish()
        self.closed()

    def case_a_dial_that_nobody_answers(self):
        address, holder = nobody()
        self.addCleanup(holder.close)
        self.begin(self.dial_service(address, listen_plain="127.0.0.1:0"))
        with contextlib.suppress(ConnectionResetError):  # which may come before connect returns
            self.raw()
        self.server.wait_for(event="dial")

    def case_a_persistent_dial_that_nobody_answers(self):
        address, holder = nobody()
        self.addCleanup(holder.close)
        self.begin(self.dial_service(address))
        self.server.wait_for(event="retry")
        self.server.kill()

    # ---- signals

    def case_SIGHUP(self):
        self.begin_one()
        self.server.signal(signal.SIGHUP)
        self.server.wait_for(event="reload")

    def case_SIGHUP_with_a_certificate_that_is_gone(self):
        copy = self.file("copy.pem", open(self.certificates.path("front"), "rb").read())
        self.begin_one(tls={"certificate": copy})
        open(copy, "w").close()
        self.server.signal(signal.SIGHUP)
        self.server.wait_for(event="reload")

    def case_SIGUSR1(self):
        self.begin_one()
        self.server.signal(signal.SIGUSR1)
        self.server.wait_for(event="status", service="front")

    def case_SIGTERM_with_a_connection_that_stays_open(self):
        self.begin_one(tls={"sessions": "off"})
        peer = self.client(self.server, "1.3")
        self.assertEqual(peer.exchange(b"x", 1), b"x")
        for _ in range(2):
            self.server.signal()
            self.server.wait_for(event="stopping")
        self.server.wait_exit()

    # ---- all

    def lines_of(self, title):
        getattr(self, "case_" + re.sub(r"\W+", "_", title))()
        lines = [line for line in self.server.lines
                 if " event=listening " not in line and " event=sandbox " not in line]
        self.server.kill()
        self.started.clear()  # a failure shows these lines anyway
        for pattern, normal in NORMALS:
            lines = [pattern.sub(normal, line) for line in lines]
        return by_connection(lines)

    def test_log_lines(self):
        golden = Golden("log.txt")
        cases = {name[len("case_"):] for name in dir(self) if name.startswith("case_")}
        self.assertEqual({re.sub(r"\W+", "_", title) for title in golden.cases}, cases)
        golden.check({title: self.lines_of(title) for title in golden.cases})
