"""A peer that may choose its TLS role must not choose thereby whether it is authenticated."""
import json
import socket
import ssl
import subprocess

from support import tls
from support.case import Case, program
from support.dials import Dials
from support.each import VERSIONS, each

WAYS = (None, "none", "request", "require", "on_demand")


class ClientAuth(Case):
    def check_text(self, service):
        path = self.file("check.json", json.dumps({"services": [service]}).encode())
        return subprocess.run([program(), "--check", path], capture_output=True, text=True,
                              timeout=20)

    @each(way=WAYS)
    def test_where_both_listen_and_choose_it_is_written_out(self, way):
        done = self.check_text(self.service(tls={"client_auth": way}))
        self.assertEqual(done.returncode == 0, way is not None, done.stderr)
        if way is None:
            for word in "the peer chooses its role", '"require"', '"none"':
                self.assertIn(word, done.stderr)

    @each(way=WAYS)
    def test_a_fixed_server_need_say_nothing(self, way):
        done = self.check_text(self.service(role="server", tls={"client_auth": way}))
        self.assertEqual(done.returncode, 0, done.stderr)

    @each(way=WAYS, role=("auto", "server", "client", None))
    def test_where_we_dial_only_require_will_do(self, way, role):
        done = self.check_text(self.dial_service("127.0.0.1:9", role=role, tls={"client_auth": way}))
        good = way == "require" or role in ("client", None)
        self.assertEqual(done.returncode == 0, good, done.stderr)
        if not good:
            self.assertIn('set "client_auth" to "require"', done.stderr)

    def test_any_peer_is_any_peer(self):
        keys = {"client_auth": None, "ca": None, "peer_names": None, "insecure_any_peer": True}
        for service in (self.service(tls=keys), self.dial_service("127.0.0.1:9", role="auto", tls=keys)):
            self.assertEqual(self.check_text(service).returncode, 0)

    def test_the_daemon_does_not_start_either(self):
        path = self.file("start.json", json.dumps({"services": [
            self.service(tls={"client_auth": None})]}).encode())
        done = subprocess.run([program(), path], capture_output=True, text=True, timeout=20)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("the peer chooses its role", done.stderr)


class Dialed(Dials):
    """A peer that answers a dialed connection as TLS client gets nothing of the local
    application's."""

    @each(version=VERSIONS, role=("auto", "server"), shown=(None, "stranger", "device"))
    def test_who_answers_as_client_must_be_known(self, version, role, shown):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        listener.settimeout(20)
        actpass = self.bridge("127.0.0.1:%d" % listener.getsockname()[1], role=role)
        local = self.connect(actpass)
        local.sendall(b"the secret")
        sock, _ = listener.accept()
        self.addCleanup(sock.close)
        peer = tls.Tls(sock, tls.context(self.certificates, False, version, certificate=shown))
        got = b""
        try:
            got = peer.handshake().recv_exactly(10)
        except (ssl.SSLError, tls.Truncated, OSError):
            pass
        self.assertEqual(got, b"the secret" if shown == "device" else b"")
        if shown != "device":
            self.assertEqual(actpass.wait_for(event="close")["reason"], "REFUSED")
        for end in sock, local:
            end.close()
