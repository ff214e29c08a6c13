"""A first record that is TLS but no ClientHello: a TLS server's alert answers it, and arrives."""
import socket
import struct
import time

from support.case import Case
from support.each import each

UNEXPECTED, OVERFLOW = 10, 22
TRANSPORTS = ("relay", "direct")


def record(kind, body, version=b"\x03\x03", length=None):
    length = len(body) if length is None else length
    return bytes([kind]) + version + struct.pack("!H", length) + body


def message(kind, body=b""):
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


FIRST = {  # what is sent, the alert, the cause
    "server_hello": (record(22, message(2, bytes(38))), UNEXPECTED, "peer_answers_as_server"),
    "hello_request": (record(22, message(0)), UNEXPECTED, "peer_answers_as_server"),
    "certificate": (record(22, message(11, bytes(3))), UNEXPECTED, "not_tls"),
    "unknown_message": (record(22, message(77, bytes(9))), UNEXPECTED, "not_tls"),
    "change_cipher_spec": (record(20, b"\x01"), UNEXPECTED, "not_tls"),
    "application_data": (record(23, bytes(64)), UNEXPECTED, "not_tls"),
    "heartbeat": (record(24, b"\x01\x00\x00"), UNEXPECTED, "not_tls"),
    "too_long": (record(22, b"\x01", b"\x03\x01", 0xffff), OVERFLOW, "not_tls"),
    "too_long_and_all_of_it": (record(22, b"\x01" + bytes(65534), b"\x03\x01"), OVERFLOW, "not_tls"),
    "a_byte_too_long": (record(22, b"\x01" + bytes(16384), b"\x03\x01"), OVERFLOW, "not_tls"),
    "much_more_follows": (record(23, bytes(64)) * 500, UNEXPECTED, "not_tls"),
}
SILENT = {  # no alert answers these
    "alert": (record(21, b"\x02\x28"), "alert_first"),
    "ssh": (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "not_tls"),
    "empty_record": (record(22, b""), "not_tls"),
    "another_major_version": (record(22, message(1), b"\x04\x00"), "not_tls"),
}


class FirstRecord(Case):
    def answer(self, first, transport, pieces=1, **changes):
        """What comes back, to the end of the stream, and the line about it."""
        actpass = self.actpass(self.service(transport=transport, **changes))
        sock = self.connect(actpass)
        size = -(-len(first) // pieces)
        for at in range(0, len(first), size):
            sock.sendall(first[at:at + size])
            if pieces > 1:
                time.sleep(0.002)  # so that it is not one segment, most of the time
        got = b""
        while chunk := sock.recv(100):
            got += chunk
        sock.close()
        return got, actpass.close()

    def check(self, answer, alert, cause):
        got, closed = answer
        self.assertEqual((closed["role"], closed["cause"], closed["reason"]),
                         ("none", cause, "PROTOCOL"))
        if alert is None:
            self.assertEqual(got, b"")
        else:
            self.assertEqual((got[:2], got[3:5], got[5:]), (b"\x15\x03", b"\x00\x02",
                                                           bytes([2, alert])))

    @each(kind=tuple(FIRST), transport=TRANSPORTS)
    def test_an_alert_answers(self, kind, transport):
        first, alert, cause = FIRST[kind]
        self.check(self.answer(first, transport), alert, cause)

    @each(kind=("server_hello", "application_data", "unknown_message"), transport=TRANSPORTS)
    def test_an_alert_answers_byte_by_byte(self, kind, transport):
        first, alert, cause = FIRST[kind]
        self.check(self.answer(first, transport, len(first)), alert, cause)

    @each(kind=tuple(SILENT), transport=TRANSPORTS)
    def test_no_alert_answers(self, kind, transport):
        actpass = self.actpass(self.service(transport=transport))
        sock = self.connect(actpass)
        sock.sendall(SILENT[kind][0])
        got = b""
        try:
            while chunk := sock.recv(100):
                got += chunk
        except ConnectionResetError:
            pass
        self.check((got, actpass.close()), None, SILENT[kind][1])

    @each(role=("auto", "server"), transport=TRANSPORTS)
    def test_a_plain_http_request_is_told_in_http(self, role, transport):
        for method in b"GET", b"DELETE", b"POST":
            actpass = self.actpass(self.service(transport=transport, role=role))
            sock = self.connect(actpass)
            sock.sendall(method + b" / HTTP/1.1\r\nHost: front.example\r\n\r\n" + bytes(9000))
            got = b""
            while chunk := sock.recv(1000):  # and no reset
                got += chunk
            sock.close()
            self.assertTrue(got.startswith(b"HTTP/1.1 400 Bad Request\r\n"), got)
            closed = actpass.close()
            self.assertEqual((closed["level"], closed["reason"]), ("warning", "PROTOCOL"))
            self.assertIn("but a plain HTTP request", closed["error"])

    @each(transport=TRANSPORTS)
    def test_every_content_type(self, transport):
        """Of 256 only two are none of TLS's errors: a handshake message, and an alert."""
        actpass = self.actpass(self.service(transport=transport))
        for kind in range(256):
            if kind in (21, 22):
                continue
            with self.connect(actpass) as sock:
                sock.sendall(record(kind, b"\x00\x00"))
                got = b""
                while chunk := sock.recv(100):
                    got += chunk
                self.assertEqual(got[5:], bytes([2, UNEXPECTED]), f"type {kind}")
        actpass.wait_for(event="close", cause="not_tls", reason="PROTOCOL", count=254)

    @each(transport=TRANSPORTS)
    def test_every_message_type(self, transport):
        actpass = self.actpass(self.service(transport=transport))
        for kind in range(256):
            if kind == 1:
                continue
            with self.connect(actpass) as sock:
                sock.sendall(record(22, message(kind)))
                got = b""
                while chunk := sock.recv(100):
                    got += chunk
                self.assertEqual(got[5:], bytes([2, UNEXPECTED]), f"message {kind}")
        actpass.wait_for(event="close", reason="PROTOCOL", count=255)

    @each(transport=TRANSPORTS)
    def test_the_rest_of_the_record_has_a_time_limit(self, transport):
        actpass = self.actpass(self.service(transport=transport, close_timeout="300ms"))
        sock = self.connect(actpass)
        sock.sendall(record(23, b"", length=100))
        closed = actpass.close()
        self.assertEqual((closed["cause"], closed["reason"]), ("not_tls", "PROTOCOL"))
        self.assertLess(int(closed["dur_ms"]), 10000)

    @each(transport=TRANSPORTS)
    def test_who_sends_without_end_is_cut_off(self, transport):
        """After a quarter of a MiB at most, however fast it comes."""
        actpass = self.actpass(self.service(transport=transport, close_timeout="60s"))
        sock = self.connect(actpass)
        with self.assertRaises(ConnectionError):
            for _ in range(4000):
                sock.sendall(record(23, bytes(16000)))
        closed = actpass.close()
        self.assertLess(int(closed["rx"]), 600000)

    @each(transport=TRANSPORTS)
    def test_who_goes_away_meanwhile(self, transport):
        actpass = self.actpass(self.service(transport=transport))
        for first in record(23, b"", length=100), record(23, bytes(9)), record(22, b"\x02"):
            for end in "fin", "rst":
                sock = self.connect(actpass)
                sock.sendall(first)
                if end == "rst":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
        actpass.wait_for(event="close", count=6)
