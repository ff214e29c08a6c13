"""What a TLS server that has shown no certificate yet may send to actpass as TLS client."""
import select
import ssl

from support import tls
from support.case import SHORT, Case
from support.each import each

TRANSPORTS = ("relay", "direct")
HELLO_REQUEST = b"\0\0\0\0"  # type and length, RFC 5246 section 7.4.1.1


def record(content):
    return b"\x16\x03\x03" + len(content).to_bytes(2, "big") + content


def reassembled(records, size):
    """The handshake messages of some records, in records of that size."""
    result = b""
    while records:
        end = 5 + int.from_bytes(records[3:5], "big")
        content, records = records[5:end], records[end:]
        result += b"".join(record(content[at:at + size]) for at in range(0, len(content), size))
    return result


class HandshakeFlood(Case):
    def front(self, transport, **changes):
        return self.actpass(self.service(transport=transport, initial_data_timeout=SHORT,
                                         tls={"client_auth": "require"}, **changes))

    @each(transport=TRANSPORTS, together=(1, 4096))
    def test_hello_requests(self, transport, together):
        """Any number of them made actpass compute until handshake_timeout: 7 s in 10."""
        actpass = self.front(transport, handshake_timeout="40s")
        sock = self.connect(actpass)
        self.assertEqual(sock.recv(1), b"\x16", "the first byte of a ClientHello")
        flood = record(HELLO_REQUEST * together) * (65536 // together)
        with self.assertRaises(OSError):  # the reset, or the time limit of the socket
            while True:
                sock.sendall(flood)
        closed = actpass.close()
        self.assertEqual(closed["reason"], "PROTOCOL")
        self.assertIn("too many messages", closed["error"])
        self.assertLess(int(closed["rx"]), 1024 * 1024)

    @each(transport=TRANSPORTS, size=(1, 100))
    def test_a_few_hello_requests_in_small_records(self, transport, size):
        """What is legal is taken: a few HelloRequests, then a flight in records of a byte."""
        actpass = self.front(transport)
        device = tls.Tls(self.connect(actpass), tls.context(
            self.certificates, True, "1.2", certificate="device"), server_side=True)
        while not device.outgoing.pending:
            select.select([device.sock], [], [], device.timeout)
            device.feed()
            try:
                device.object.do_handshake()
            except ssl.SSLWantReadError:
                pass
        device.unsent = record(HELLO_REQUEST) * 8 + reassembled(device.outgoing.read(), size)
        device.handshake()
        device.send(b"hello")
        self.assertEqual(device.recv_exactly(5), b"hello")
        device.finish()
        self.assertEqual(actpass.close()["reason"], "CLEAN")
