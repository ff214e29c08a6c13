"""Resumption: real clients against every store, and when settings or keys change."""
import os
import re
import secrets
import signal
import subprocess
import time

from support import programs
from support.backend import Backend
from support.case import need, transport
from support.data import until
from support.each import VERSIONS, each
from support.sessions import SHARED, STORES, SessionsCase


def http(session):
    """One answer, and the end."""
    request = b""
    while b"\r\n\r\n" not in request:
        chunk = session.recv()
        if not chunk:
            return
        request += chunk
    session.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")


class Sessions(SessionsCase):
    @each(kind=STORES, version=VERSIONS)
    def test_python(self, kind, version):
        actpass = self.start(kind)
        self.assertEqual(self.visits(actpass, version), 4)
        self.assertEqual(self.resumed(actpass, 5), 4)

    @each(kind=STORES, version=VERSIONS)
    def test_python_with_a_certificate(self, kind, version):
        """The peer's name is known on resumed connections, too."""
        actpass = self.start(kind, tls={"client_auth": "require"})
        self.assertEqual(self.visits(actpass, version, 3, "client"), 2)
        self.assertEqual(self.resumed(actpass, 3), 2)
        for line in actpass.find(event="close"):
            self.assertEqual(line["subject"], "CN=client")

    @each(version=VERSIONS)
    def test_off(self, version):
        actpass = self.start("off")
        self.assertEqual(self.visits(actpass, version), 0)
        self.assertEqual(self.resumed(actpass, 5), 0)

    def s_client(self, actpass, version, *more):
        """One openssl s_client with an echo; what it says."""
        command = [word for word in programs.s_client(self.certificates, actpass.port(), version)
                   if word != "-quiet"] + list(more)
        process = self.spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
        said = b""
        process.stdin.write(b"hello there\n")
        process.stdin.flush()
        while b"\nhello there\n" not in said:
            chunk = process.stdout.read1()
            self.assertTrue(chunk, said.decode(errors="replace"))
            said += chunk
        process.stdin.write(b"Q\n")
        process.stdin.close()
        said += process.stdout.read()
        process.wait(30)
        return said.decode(errors="replace")

    @each(kind=STORES, version=VERSIONS)
    def test_s_client(self, kind, version):
        actpass = self.start(kind)
        session = os.path.join(self.folder, "session.pem")
        first = self.s_client(actpass, version, "-sess_out", session)
        self.assertRegex(first, "New, TLSv1")
        for _ in range(2):
            said = self.s_client(actpass, version, "-sess_in", session, "-sess_out", session)
            self.assertRegex(said, "Reused, TLSv1")
        self.assertEqual(self.resumed(actpass, 3), 2)

    def again(self, kind, resumes):
        """resumes(actpass), for clients that are back at once: with the direct transport our last
        flight may arrive before the session is in its store, which costs a full handshake. Then it
        is tried again."""
        for _ in range(4 if transport() == "direct" else 0):
            if resumes(self.start(kind), lambda *_: None):
                return
        resumes(self.start(kind), self.assertEqual)

    @each(kind=STORES)
    def test_s_client_reconnects(self, kind):
        def resumes(actpass, equal):
            said = self.s_client(actpass, "1.2", "-reconnect")
            reused = len(re.findall("^Reused, TLSv1", said, re.M))
            equal(reused, 5, said)
            self.assertEqual(self.resumed(actpass, 6), reused)
            return reused == 5
        self.again(kind, resumes)

    @each(kind=STORES, version=VERSIONS)
    def test_gnutls_cli(self, kind, version):
        need("gnutls-cli")
        self.again(kind, lambda actpass, equal: self.gnutls_resumes(actpass, version, equal))

    def gnutls_resumes(self, actpass, version, equal):
        command = programs.gnutls_cli(self.certificates, actpass.port(), version,
                                      os.path.join(self.folder, "gnutls.log"))
        done = subprocess.run(command[:1] + ["--resume", "--waitresumption"] + command[1:],
                              input=b"hello\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60)
        with open(os.path.join(self.folder, "gnutls.log"), "rb") as log:
            said = done.stdout + log.read()
        resumed = b"This is a resumed session" in said
        equal(resumed, True, said)
        self.assertEqual(self.resumed(actpass, 2), resumed)
        return resumed

    @each(kind=STORES, version=VERSIONS)
    def test_curl(self, kind, version):
        """curl wants no tickets of TLS 1.2: it sets SSL_OP_NO_TICKET."""
        backend = self.backend(Backend(http))
        actpass = self.start(kind, forward=backend.address)
        url = f"https://front.example:{actpass.port()}/"
        command = programs.curl(self.certificates, actpass.port(), version, "/", url, url)
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=60)
        self.assertEqual(done.stdout, b"ok\nok\nok\n")
        self.assertEqual(self.resumed(actpass, 3), 0 if (kind, version) == ("tickets", "1.2") else 2)

    # ---- what must not resume

    @each(kind=STORES, version=VERSIONS)
    def test_the_timeout_counts_from_the_full_handshake(self, kind, version):
        """A client that uses its session all the time gets another each time, in TLS 1.3, but
        none lives longer."""
        actpass = self.start(kind, tls={"session_timeout": "3s"})
        context, turns = self.context(version), []
        session, _ = self.visit(actpass, context)

        def is_over():
            nonlocal session
            session, reused = self.visit(actpass, context, session)
            turns.append(reused)
            time.sleep(0.1)  # for some turns before the end
            return not reused
        until(is_over, 20, "the end of the session")
        self.assertGreater(len(turns), 1, turns)
        self.assertTrue(self.visit(actpass, context, session)[1], "the next one begins")

    @each(kind=SHARED, version=VERSIONS)
    def test_changed_settings_make_sessions_useless(self, kind, version):
        context = self.context(version, "client")
        same = {"client_auth": "require"}
        session, _ = self.visit(self.start(kind, tls=same), context)
        self.assertTrue(self.visit(self.start(kind, tls=same), context, session)[1])
        for change in ({"client_auth": "request"}, {"client_auth": "require", "peer_names":
                                                    ["client.devices.example"]}):
            self.assertFalse(self.visit(self.start(kind, tls=change), context, session)[1], change)
        other = self.start(kind, name="other", tls=same)
        self.assertFalse(self.visit(other, context, session)[1], "another service")

    @each(kind=SHARED, version=VERSIONS)
    def test_a_new_key_file(self, kind, version):
        """Keys rotate while actpass runs: old sessions go on as long as their key is there."""
        actpass = self.start(kind)
        context = self.context(version)
        session, _ = self.visit(actpass, context)
        with open(self.keys) as keys:
            old = keys.read()
        with open(self.keys, "w") as keys:
            keys.write(secrets.token_hex(32) + "\n" + old)
        time.sleep(1.1)  # it is looked at once a second
        for _ in range(2):
            session, reused = self.visit(actpass, context, session)
            self.assertTrue(reused)
        with open(self.keys, "w") as keys:
            keys.write(secrets.token_hex(32) + "\n")
        until(lambda: not self.visit(actpass, context, session)[1], 20, "the old key's end")

    @each(kind=SHARED, version=VERSIONS)
    def test_reload(self, kind, version):
        """SIGHUP reads the keys again at once; sessions that lie elsewhere go on."""
        actpass = self.start(kind)
        context = self.context(version)
        session, _ = self.visit(actpass, context)
        actpass.signal(signal.SIGHUP)
        actpass.wait_for(event="reload")
        session, reused = self.visit(actpass, context, session)
        self.assertTrue(reused)
        with open(self.keys, "w") as keys:
            keys.write(secrets.token_hex(32) + "\n")
        actpass.signal(signal.SIGHUP)
        actpass.wait_for(event="reload", count=2)
        self.assertFalse(self.visit(actpass, context, session)[1])
