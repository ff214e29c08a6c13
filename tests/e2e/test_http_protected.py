"""The conversation http: parts of a site that want a certificate."""
import subprocess

from support import data, programs, tls
from support.case import SHORT, need
from support.each import ROLES, VERSIONS, each
from support.site import GET, SIZE, HttpCase, read_response


class Protected(HttpCase):
    def protected(self, *parts, **changes):
        return self.site(tls={"client_auth": "on_demand", **changes},
                         http={"protected": list(parts) or ["/secure/"]})

    def with_certificate(self, name="device"):
        certificate, key = self.certificates.chain(name)
        return ["--cert", certificate, "--key", key]

    @each(version=VERSIONS)
    def test_curl(self, version):
        """The rest of the site first: the request decides whether there is a question."""
        actpass = self.protected()
        self.assertEqual(self.curl(actpass, "/text.txt", version=version).status, 200)
        got = self.curl(actpass, "/secure/file.txt", version=version)
        self.assertEqual(got.status, 403)
        self.assertIn(b"certificate", got.body)
        got = self.curl(actpass, "/secure/file.txt", *self.with_certificate(), version=version)
        self.assertEqual((got.status, got.body), (200, b"for few, too"))
        self.assertEqual(got.fields["cache-control"], "private")
        closed = actpass.close(actpass.wait_for(event="role", count=3))
        self.assertEqual((closed["reason"], closed["subject"]), ("CLEAN", "CN=dev1.devices.example"))

    @each(version=VERSIONS)
    def test_curl_is_refused(self, version):
        """A certificate that TLS refuses ends the connection."""
        actpass = self.protected()
        need("curl")
        command = programs.curl(self.certificates, actpass.port(), version, "/secure/",
                                *self.with_certificate("stranger"))
        done = subprocess.run(command, capture_output=True, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn(b"for few", done.stdout)
        self.assertEqual(actpass.close(actpass.role())["reason"], "REFUSED")

    def python(self, actpass, version, certificate, offers):
        made = tls.context(self.certificates, False, version, certificate=certificate)
        made.post_handshake_auth = offers
        return tls.Tls(self.connect(actpass), made).handshake()

    @each(version=VERSIONS, certificate=("device", None), offers=(True, False))
    def test_python(self, version, certificate, offers):
        allowed = certificate and (offers or version == "1.2")
        peer = self.python(self.protected(), version, certificate, offers)
        self.assertEqual(self.ask(peer, b"/text.txt").status, 200)
        got = self.ask(peer, b"/secure/file.txt")
        self.assertEqual(got.status, 200 if allowed else 403, got.body)
        if not allowed:
            self.assertIn(b"certificate", got.body)
        self.assertEqual(self.ask(peer, b"/secure/").status, got.status)
        self.assertEqual(self.ask(peer, b"/data.bin").body, data.block(SIZE), "it goes on")
        peer.finish()

    @each(version=VERSIONS)
    def test_pipelined(self, version):
        """What was sent before the certificate is answered in order."""
        peer = self.python(self.protected(), version, "device", True)
        paths = [b"/text.txt", b"/secure/", b"/index.html", b"/secure/file.txt", b"/dir/"]
        peer.send(b"".join(GET % (path, b"") for path in paths))
        self.assertEqual([read_response(peer).body for _ in paths],
                         [b"0123456789", b"for few", b"<p>hello</p>", b"for few, too",
                          b"in a folder"])
        peer.finish()

    def test_no_way_around(self):
        self.link("around", "secure/file.txt")
        self.link("around-dir", "secure")
        peer = self.client(self.protected())
        for path in (b"/secure/file.txt", b"//secure/file.txt", b"/secure//file.txt",
                     b"/./secure/file.txt", b"/%73ecure/file.txt", b"/secure%2ffile.txt",
                     b"/SECURE/file.txt", b"/secure", b"/dir/../secure/file.txt",
                     b"/%2e/secure/./file.txt", b"/around", b"/around-dir/file.txt",
                     b"/around-dir", b"http://front.example/secure/file.txt", b"/secure/nothing"):
            got = self.ask(peer, path)
            self.assertIn(got.status, (400, 403), path)
            self.assertNotIn(b"for few", got.body)
        peer.finish()

    @each(version=VERSIONS, kind=("names", "pins"))
    def test_access_list(self, version, kind):
        part = {"prefix": "/secure/"}
        if kind == "names":
            part["peer_names"] = ["dns:dev1.devices.example"]
        else:
            part["peer_pins"] = [self.certificates.pin("device")]
        actpass = self.protected(part, {"prefix": "/dir/"})
        for certificate, status in ("device", 200), ("client", 403):
            peer = self.python(actpass, version, certificate, True)
            self.assertEqual(self.ask(peer, b"/dir/").status, 200, certificate)
            self.assertEqual(self.ask(peer, b"/secure/").status, status, certificate)
            peer.finish()

    @each(role=ROLES)
    def test_a_certificate_from_the_handshake(self, role):
        actpass = self.site(tls={"client_auth": "request"}, http={"protected": ["/secure/"]},
                            initial_data_timeout=SHORT if role == "client" else "20s")
        peer = self.peer(role, actpass, certificate="device")
        self.assertEqual(self.ask(peer, b"/secure/").body, b"for few")
        peer.finish()
