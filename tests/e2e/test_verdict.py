"""The first bytes decide the role: every row of the table in config/OPERATING.md, and what comes near it."""
import socket
import ssl
import struct
import subprocess
import threading
import time

from support import tls
from support.case import PATIENT, SHORT, Case
from support.each import VERSIONS, each

SERVER_HELLO = bytes.fromhex("160303002a 02000026 0303") + bytes(32) + bytes.fromhex("00130100")
HELLO_REQUEST = bytes.fromhex("1603030004 00000000")
ALERT = bytes.fromhex("15030100020228")
NOT_TLS = {
    "http": b"GET / HTTP/1.1\r\nHost: front.example\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "smtp": b"EHLO client.example\r\n",
    "zeros": bytes(64),
    "high_bytes": b"\xff" * 64,
    "application_data_first": bytes.fromhex("170303000401020304"),
    "change_cipher_spec_first": bytes.fromhex("140303000101"),
    "empty_handshake_record": bytes.fromhex("1603010000"),
    "overlong_record": bytes.fromhex("160301ffff01"),
    "another_handshake_type": bytes.fromhex("1603030004 0b000000"),
    "another_major_version": bytes.fromhex("160403000401000000"),
}
SSLV2_HELLO = (bytes([0x80, 9 + 6 + 32]) + bytes.fromhex("01 0303 0006 0000 0020 00c02f 00002f") +
               bytes(range(32)))


def client_hello(certificates, version):
    """A peer with no socket yet, and the hello that it would send."""
    made = tls.context(certificates, False, version)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = made.wrap_bio(incoming, outgoing, server_hostname="front.example")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return client, incoming, outgoing, outgoing.read()


def in_records_of(hello, size):
    """The same ClientHello over many records."""
    message = hello[5:]
    return b"".join(hello[:3] + struct.pack("!H", len(message[i:i + size])) + message[i:i + size]
                    for i in range(0, len(message), size))


def openssl_major():
    """Of the OpenSSL on this machine, which the program under test is linked with."""
    said = subprocess.run(["openssl", "version"], stdout=subprocess.PIPE, text=True, check=True)
    return int(said.stdout.split()[1].split(".")[0])


class Verdict(Case):
    def decided(self, actpass, **expected):
        line = actpass.role()
        self.assertEqual({key: line.get(key) for key in expected}, expected)
        return line

    def undecided(self, actpass, cause, reason):
        """There was no role, so there is no line on it; the last line says why."""
        closed = actpass.close()
        self.assertEqual([closed["role"], closed["cause"], closed["reason"]],
                         ["none", cause, reason])
        self.assertEqual(actpass.find(event="role"), [])
        return closed

    def ended(self, actpass, line, reason):
        closed = actpass.close(line)
        self.assertEqual(closed["reason"], reason, closed)
        return closed

    # ---- a ClientHello

    def finish_by_hand(self, actpass, sock, parts, bytes_of_hello, pause=0.0):
        """A client whose hello leaves in these parts; then an echo and an orderly end."""
        client, incoming, outgoing, _ = bytes_of_hello
        for part in parts:
            sock.sendall(part)
            time.sleep(pause)
        peer = tls.Tls.__new__(tls.Tls)
        peer.sock, peer.timeout, peer.object = sock, 30, client
        peer.incoming, peer.outgoing = incoming, outgoing
        peer.unsent, peer.plain, peer.eof, peer.closed = b"", bytearray(), False, False
        sock.setblocking(False)
        peer.handshake()
        self.assertEqual(peer.exchange(b"who is there?", 13), b"who is there?")
        peer.finish()
        line = self.decided(actpass, role="server", cause="client_hello")
        self.ended(actpass, line, "CLEAN")

    @each(version=VERSIONS)
    def test_client_hello_at_once(self, version):
        actpass = self.actpass(self.service())
        made = client_hello(self.certificates, version)
        self.finish_by_hand(actpass, self.connect(actpass), [made[3]], made)

    @each(version=VERSIONS)
    def test_client_hello_byte_by_byte(self, version):
        actpass = self.actpass(self.service())
        made = client_hello(self.certificates, version)
        parts = [made[3][i:i + 1] for i in range(len(made[3]))]
        self.finish_by_hand(actpass, self.connect(actpass), parts, made, 0.001)

    @each(version=VERSIONS, size=(1, 3, 4, 50))
    def test_client_hello_over_many_records(self, version, size):
        actpass = self.actpass(self.service())
        made = client_hello(self.certificates, version)
        self.finish_by_hand(actpass, self.connect(actpass), [in_records_of(made[3], size)], made)

    @each(version=VERSIONS)
    def test_client_hello_over_many_records_byte_by_byte(self, version):
        actpass = self.actpass(self.service())
        made = client_hello(self.certificates, version)
        records = in_records_of(made[3], 20)
        parts = [records[i:i + 1] for i in range(len(records))]
        self.finish_by_hand(actpass, self.connect(actpass), parts, made, 0.0005)

    def test_client_hello_slower_than_the_initial_data_timeout(self):
        """The timeout is for the first byte; the rest has the handshake's time."""
        actpass = self.actpass(self.service(initial_data_timeout="500ms"))
        made = client_hello(self.certificates, "1.3")
        parts = [made[3][:1], made[3][1:7], made[3][7:100], made[3][100:]]
        self.finish_by_hand(actpass, self.connect(actpass), parts, made, 0.3)

    def test_sslv2_format_hello(self):
        actpass = self.actpass(self.service())
        sock = self.connect(actpass)
        sock.sendall(SSLV2_HELLO)
        line = self.decided(actpass, role="server", cause="client_hello")
        try:
            answer = sock.recv(5)
        except ConnectionResetError:
            answer = b""
        if openssl_major() < 4:
            self.assertIn(answer[:2], (b"\x16\x03", b"\x15\x03"), "a TLS record answers")
        else:  # OpenSSL 4.0 does not read this form: an alert, or no answer
            self.assertIn(answer[:2], (b"\x15\x03", b""), "an alert, or the end")
        sock.close()
        self.assertIn(actpass.close(line)["reason"], ("PROTOCOL", "TRUNCATED", "RESET"))

    def test_client_hello_with_a_nonsense_body(self):
        actpass = self.actpass(self.service(close_timeout="500ms"))
        sock = self.connect(actpass)
        sock.sendall(bytes.fromhex("1603010008 01000004 deadbeef"))
        line = self.decided(actpass, role="server", cause="client_hello")
        self.assertEqual(sock.recv(1), b"\x15", "an alert answers")
        self.ended(actpass, line, "PROTOCOL")

    # ---- silence

    @each(version=VERSIONS)
    def test_silence(self, version):
        actpass = self.actpass(self.service(initial_data_timeout="300ms"))
        device = self.device(actpass, version)
        self.assertEqual(device.exchange(b"echo me", 7), b"echo me")
        device.finish()
        line = self.decided(actpass, role="client", cause="silence")
        self.assertGreaterEqual(int(line["after_ms"]), 300)
        self.ended(actpass, line, "CLEAN")

    def test_silence_of_a_device_that_never_answers(self):
        actpass = self.actpass(self.service(initial_data_timeout=SHORT, handshake_timeout="300ms"))
        sock = self.connect(actpass)
        line = self.decided(actpass, role="client", cause="silence")
        self.ended(actpass, line, "TIMEOUT")
        self.assertEqual(sock.recv(3), b"\x16\x03\x01", "we sent a ClientHello")

    def test_timeout_zero_connects_at_once(self):
        actpass = self.actpass(self.service(initial_data_timeout="0s"))
        device = self.device(actpass)
        device.finish()
        line = self.decided(actpass, role="client", cause="silence")
        self.ended(actpass, line, "CLEAN")

    def test_timeout_never_waits(self):
        actpass = self.actpass(self.service(initial_data_timeout="never"))
        sock = self.connect(actpass)
        sock.settimeout(1)
        with self.assertRaises(TimeoutError):
            sock.recv(1)
        self.assertEqual(actpass.find(event="role"), [])
        self.client(actpass).finish()
        self.decided(actpass, role="server", cause="client_hello")

    # ---- closed before the first byte

    def scan(self, close):
        actpass = self.actpass(self.service())
        for _ in range(20):
            close(self.connect(actpass))
        actpass.wait_for(cause="closed_before_first_byte", count=20)
        for line in actpass.find(cause="closed_before_first_byte"):
            self.assertEqual((line["level"], line["role"]), ("debug", "none"))
            self.assertEqual(line["tx"], "0")
        self.client(actpass).finish()  # the service goes on
        self.decided(actpass, cause="client_hello")
        actpass.signal()
        self.assertEqual(actpass.wait_for(event="stopped")["closed_before_first_byte"], "20")

    def test_port_scan_with_fin(self):
        self.scan(lambda sock: sock.close())

    def test_port_scan_with_rst(self):
        self.scan(tls.reset)

    def test_a_scan_gets_no_byte_from_us(self):
        actpass = self.actpass(self.service())
        sock = self.connect(actpass)
        sock.shutdown(socket.SHUT_WR)
        try:
            self.assertEqual(sock.recv(100), b"")
        except ConnectionResetError:
            pass

    def test_a_scan_is_not_worth_a_line_at_info(self):
        actpass = self.actpass(self.service(), level="info")
        for close in (lambda sock: sock.close()), tls.reset:
            close(self.connect(actpass))
        self.client(actpass).finish()
        actpass.wait_for(event="close", role="server")
        self.assertEqual(len(actpass.find(event="close")), 1, actpass.lines)
        self.assertEqual(actpass.find(cause="closed_before_first_byte"), [])

    # ---- what is neither hello nor silence

    def wrong(self, first_bytes, cause, reason="PROTOCOL", **changes):
        actpass = self.actpass(self.service(**changes))
        sock = self.connect(actpass)
        sock.sendall(first_bytes)
        self.undecided(actpass, cause, reason)
        try:
            while sock.recv(100):  # an alert or nothing, then the end
                pass
        except ConnectionResetError:
            pass

    def test_server_hello_first(self):
        self.wrong(SERVER_HELLO, "peer_answers_as_server")

    def test_hello_request_first(self):
        self.wrong(HELLO_REQUEST, "peer_answers_as_server")

    def test_alert_first(self):
        self.wrong(ALERT, "alert_first")

    @each(kind=tuple(NOT_TLS))
    def test_not_tls(self, kind):
        self.wrong(NOT_TLS[kind], "not_tls")

    # ---- part of a hello

    @each(length=(1, 5, 6, 60))
    def test_part_of_a_hello_then_silence(self, length):
        hello = client_hello(self.certificates, "1.3")[3]
        began = time.monotonic()
        self.wrong(hello[:length], "hello_incomplete", "TIMEOUT", handshake_timeout="500ms")
        self.assertLess(time.monotonic() - began, 15)

    def test_part_of_a_hello_then_fin(self):
        self.partly(lambda sock: sock.close(), "TRUNCATED")

    def test_part_of_a_hello_then_rst(self):
        self.partly(tls.reset, "RESET")

    def partly(self, end, reason):
        actpass = self.actpass(self.service())
        sock = self.connect(actpass)
        sock.sendall(client_hello(self.certificates, "1.3")[3][:50])
        time.sleep(0.05)  # not one event for actpass, most of the time; the outcome is the same
        end(sock)
        self.undecided(actpass, "hello_incomplete", reason)

    # ---- the edge

    def test_a_hello_within_a_millisecond_of_the_timeout(self):
        """Either role may come out; then it works, or both are clients and both know. No hang."""
        actpass = self.actpass(self.service(initial_data_timeout="50ms", handshake_timeout="5s"))
        outcomes, lock = [], threading.Lock()

        def one(number):
            sock = self.connect(actpass)
            wait = 0.050 + (number % 21 - 10) / 10000  # 49 to 51 ms
            time.sleep(wait)
            outcome = self.edge(sock)
            with lock:
                outcomes.append(outcome)

        def many(first):
            for number in range(first, 200, 4):
                one(number)
        workers = [threading.Thread(target=many, args=(first,)) for first in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(len(outcomes), 200)
        self.assertEqual(set(outcomes) - {"works", "both are clients"}, set())
        actpass.wait_for(event="close", count=200)
        for closed in actpass.find(event="close"):
            met = closed["cause"] in ("client_hello", "client_hello_late")
            self.assertEqual(closed["reason"], "CLEAN" if met else "PROTOCOL", closed)
        works = len(actpass.find(event="close", reason="CLEAN"))
        self.assertEqual(works, outcomes.count("works"))

    def edge(self, sock):
        client = tls.Tls(sock, tls.context(self.certificates, False), timeout=20)
        try:
            client.handshake()
            if client.exchange(b"echo", 4) != b"echo":
                return "wrong echo"
            client.finish()
            return "works"
        except ssl.SSLError as error:
            sock.close()
            return "both are clients" if "UNEXPECTED_MESSAGE" in str(error) else str(error)
        except (tls.Truncated, OSError) as error:
            sock.close()
            return repr(error)


class Fixed(Case):
    """A fixed role is kept whoever opened the connection; only the peer's part can be wrong."""

    def service_with(self, role):
        return self.service(role=role, handshake_timeout="1s", close_timeout="500ms",
                            initial_data_timeout=PATIENT)

    @each(version=VERSIONS)
    def test_server_with_a_client(self, version):
        actpass = self.actpass(self.service_with("server"))
        self.client(actpass, version).finish()
        self.check(actpass, "server", "CLEAN")

    @each(version=VERSIONS)
    def test_client_with_a_device(self, version):
        actpass = self.actpass(self.service_with("client"))
        self.device(actpass, version).finish()
        self.check(actpass, "client", "CLEAN")

    def test_server_with_a_silent_device(self):
        """Both wait for a hello until our handshake timeout."""
        actpass = self.actpass(self.service_with("server"))
        self.connect(actpass)
        self.check(actpass, "server", "TIMEOUT")

    @each(version=VERSIONS)
    def test_client_with_a_client(self, version):
        actpass = self.actpass(self.service_with("client"))
        with self.assertRaises((ssl.SSLError, OSError)):
            self.client(actpass, version)
        self.check(actpass, "client", "PROTOCOL")

    def test_server_with_http(self):
        actpass = self.actpass(self.service_with("server"))
        sock = self.connect(actpass)
        sock.sendall(NOT_TLS["http"])
        self.check(actpass, "server", "PROTOCOL")

    def test_a_port_scan_of_a_fixed_role(self):
        actpass = self.actpass(self.service_with("server"))
        self.connect(actpass).close()
        self.client(actpass).finish()
        actpass.wait_for(event="close", reason="CLEAN")

    def check(self, actpass, role, reason):
        line = actpass.role()
        self.assertEqual((line["role"], line["cause"]), (role, "configured"))
        self.assertEqual(actpass.close(line)["reason"], reason)
