"""The base of the tests of services that open their connections themselves."""
import json
import os
import socket

from . import tls
from .backend import Backend
from .case import Case

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "examples")
FAST = {"min": "20ms", "max": "200ms"}


class Dials(Case):
    """What the tests below share."""

    def tls_server(self, serve, version=None, certificate="device", port=0, **options):
        """A TLS server made in Python; serve(peer) runs for each connection. As a Backend."""
        made = tls.context(self.certificates, True, version, certificate=certificate, **options)

        def run(session):
            session.tls = tls.Tls(session.sock, made, server_side=True).handshake()
            serve(session.tls)
        return self.backend(Backend(run, port=port))

    @staticmethod
    def echo(peer):
        while chunk := peer.recv():
            peer.send(chunk)
        peer.finish()

    def bridge(self, *addresses, **changes):
        """actpass with one service that bridges local connections to these addresses."""
        return self.actpass(self.dial_service(*addresses, listen_plain="127.0.0.1:0", **changes))

    @staticmethod
    def read_all(sock):
        received = bytearray()
        while chunk := sock.recv(65536):
            received += chunk
        return bytes(received)

    def cut_before_a_byte(self, actpass):
        """A local connection that is reset, maybe even before connect is back."""
        with self.assertRaises(ConnectionResetError):
            self.connect(actpass).recv(1)

    def dead_port(self):
        """A port on which nobody listens, kept from others: it is bound, but does not listen."""
        sock = socket.socket()
        self.addCleanup(sock.close)
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]

    def black_hole(self):
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # more than a backlog of 0 holds
            sock = socket.socket()
            self.addCleanup(sock.close)
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        return "127.0.0.1:%d" % listener.getsockname()[1]

    def example(self, name, certificate, peer_name, **changes):
        """The first service of an example configuration, with what belongs to this test in its
        place."""
        with open(os.path.join(EXAMPLES, name)) as file:
            service = json.load(file)["services"][0]
        service["tls"].update(self.tls(certificate=self.certificates.path(certificate),
                                       key=self.certificates.path(certificate, "key"),
                                       client_auth=service["tls"].get("client_auth"),
                                       peer_names=[peer_name]))
        return {**service, **changes}
