"""The peer programs of this folder, and what each TLS library can do."""
import os
import subprocess

from support import data
from support.backend import Backend, exchange
from support.case import SHORT, Case, program

HERE = os.path.dirname(os.path.abspath(__file__))
SIZE = 8 * data.MIB
# What Debian 12 has. mbedTLS 2.28 has no TLS 1.3, which test_stacks.py asks it.
VERSIONS = {"gnutls": ("1.2", "1.3"), "wolfssl": ("1.2", "1.3"), "mbedtls": ("1.2",),
            "go": ("1.2", "1.3"), "node": ("1.2", "1.3")}
STACKS = [f"{stack} {version}" for stack, versions in VERSIONS.items() for version in versions]


def command(stack):
    """The program of a stack, as a list; an error says how it is made."""
    if stack == "node":
        return ["node", os.path.join(HERE, "node_peer.js")]
    path = os.path.join(os.path.dirname(program()), "interop", stack)
    if not os.path.exists(path):
        path += "_peer"
    if not os.path.exists(path):
        raise AssertionError(f"{path} is not there: run .ci/install.sh interop, then "
                             "scons interop-programs")
    return [path]


class Peers(Case):
    """Starts peers, and sees what they came to."""
    deadline = 90

    def setUp(self):
        super().setUp()
        self.up, self.down = data.block(SIZE, 1), data.block(SIZE, 2)

    def bulk(self, first):
        """A plain service that exchanges the data, and closes first or waits for the end of
        stream."""
        expect = SIZE if first == "actpass" else None
        return self.backend(Backend(exchange(self.down, expect)))

    def front(self, backend, transport, role="tls-client"):
        """actpass that listens and serves both roles. Only a silent peer is waited for briefly."""
        quiet = {"initial_data_timeout": SHORT} if role == "tls-server" else {}
        return self.actpass(self.service(forward=backend.address, transport=transport,
                                         tls={"client_auth": "require"}, **quiet))

    def start(self, stack, version, role, first, **changes):
        """A peer that sends `up` and expects `down`. Without connect=PORT it listens; see
        port()."""
        certificate = changes.pop("certificate", "device")
        options = {"role": role, "version": version, "first": first,
                   "cert": self.certificates.path(certificate),
                   "key": self.certificates.path(certificate, "key"),
                   "ca": self.certificates.path("ca"), "name": "front.example",
                   "send": self.file("up", self.up), "expect": self.file("down", self.down),
                   **changes}
        words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
        return self.spawn(command(stack) + words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def port(self, peer):
        line = peer.stdout.readline().split()
        self.assertEqual(line[:1], [b"listening"], "what the peer printed")
        return int(line[1])

    def succeeds(self, peer):
        _, errors = peer.communicate(timeout=70)
        self.assertEqual((peer.returncode, errors.decode()), (0, ""), "the peer's end")

    def fails(self, peer, *words):
        """The peer ends with status 1 and one of these words on stderr."""
        _, errors = peer.communicate(timeout=70)
        self.assertEqual(peer.returncode, 1, "the peer's exit status")
        self.assertTrue(any(word in errors.decode().lower() for word in words),
                        f"the peer's message: {errors.decode()}")
