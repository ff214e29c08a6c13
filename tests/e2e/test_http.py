"""The conversation http: files, ranges, conditions, protected parts; and what is refused."""
import contextlib
import email.utils
import os
import socket
import ssl
import subprocess

from support import data, programs, tls
from support.case import SHORT, Case, need
from support.each import ROLES, VERSIONS, each

SIZE = 3 * data.MIB + 17
GET = b"GET %s HTTP/1.1\r\nHost: front.example\r\n%s\r\n"


class Response:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.version, status, self.reason = lines[0].split(" ", 2)
        self.status = int(status)
        self.fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        self.body = body


def read_response(peer, head=False):
    """One response of several on a connection."""
    text = b""
    while not text.endswith(b"\r\n\r\n"):
        byte = peer.recv(1)
        assert byte, f"the connection ended after {text!r}"
        text += byte
    response = Response(text[:-4], b"")
    length = int(response.fields.get("content-length", 0))
    if length and not head and response.status != 304:
        response.body = peer.recv_exactly(length)
    return response


class HttpCase(Case):
    def setUp(self):
        super().setUp()
        self.root = os.path.join(self.folder, "www")
        self.secret = self.put("../secret.txt", b"not below the root")
        self.put("index.html", b"<p>hello</p>")
        self.put("text.txt", b"0123456789")
        self.put("empty.txt", b"")
        self.put("data.bin", data.block(SIZE))
        self.put("dir/index.html", b"in a folder")
        self.put("bare/file", b"a folder without index")
        self.put("a b%.txt", b"a strange name")
        self.put("secure/index.html", b"for few")
        self.put("secure/file.txt", b"for few, too")

    def put(self, name, content):
        path = os.path.normpath(os.path.join(self.root, name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content)
        return path

    def link(self, name, target):
        os.symlink(target, os.path.join(self.root, name))

    def site(self, tls=None, http=None, **changes):
        return self.actpass(self.service(echo=None, tls=tls, http={"root": "www", **(http or {})},
                                         **changes))

    def curl(self, actpass, path, *more, version="1.3", status=0):
        """Runs curl; answers its response to the last of the requests."""
        need("curl")
        head, body = os.path.join(self.folder, "head"), os.path.join(self.folder, "body")
        for old in head, body:
            if os.path.exists(old):
                os.unlink(old)
        command = [word for word in programs.curl(self.certificates, actpass.port(), version, path,
                                                  "--path-as-is", "--dump-header", head,
                                                  "--output", body, *more) if word != "--fail"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        with open(head, "rb") as lines:
            heads = lines.read().strip().split(b"\r\n\r\n")
        content = open(body, "rb").read() if os.path.exists(body) else b""
        return Response(heads[-1], content)

    def ask(self, peer, path, more=b"", method=b"GET"):
        peer.send((GET % (path, more)).replace(b"GET", method, 1))
        return read_response(peer, method == b"HEAD")


class Files(HttpCase):
    @each(version=VERSIONS)
    def test_curl(self, version):
        actpass = self.site()
        got = self.curl(actpass, "/data.bin", version=version)
        self.assertEqual(got.status, 200)
        self.assertEqual(data.sha256(got.body), data.sha256(data.block(SIZE)))
        self.assertEqual(got.fields["content-length"], str(SIZE))
        self.assertEqual(got.fields["content-type"], "application/octet-stream")
        self.assertIn("date", got.fields)
        self.assertEqual(actpass.close(actpass.role())["reason"], "CLEAN")

    def test_content_types(self):
        actpass = self.site()
        for name, kind in (("index.html", "text/html; charset=utf-8"),
                           ("text.txt", "text/plain; charset=utf-8"),
                           ("empty.txt", "text/plain; charset=utf-8")):
            got = self.curl(actpass, "/" + name)
            self.assertEqual((got.status, got.fields["content-type"]), (200, kind))
            self.assertEqual(got.fields["content-length"], str(len(got.body)))

    def test_head(self):
        got = self.curl(self.site(), "/data.bin", "--head")
        self.assertEqual((got.status, got.fields["content-length"]), (200, str(SIZE)))
        self.assertEqual(got.fields["accept-ranges"], "bytes")

    def test_ranges(self):
        actpass = self.site()
        block = data.block(SIZE)
        for wanted, expected in (("0-0", block[:1]), ("5-70000", block[5:70001]),
                                 (f"{SIZE - 3}-", block[-3:]), ("-100000", block[-100000:]),
                                 (f"0-{SIZE + 5}", block)):
            got = self.curl(actpass, "/data.bin", "--range", wanted)
            self.assertEqual((got.status, len(got.body)), (206, len(expected)), wanted)
            self.assertEqual(got.body, expected, wanted)
            first = block.index(expected)
            self.assertEqual(got.fields["content-range"],
                             f"bytes {first}-{first + len(expected) - 1}/{SIZE}")
        got = self.curl(actpass, "/data.bin", "--range", f"{SIZE}-")
        self.assertEqual((got.status, got.fields["content-range"]), (416, f"bytes */{SIZE}"))
        self.assertEqual(self.curl(actpass, "/text.txt", "--range", "0-1,3-4").body, b"0123456789")

    def test_curl_goes_on_with_half_a_file(self):
        half = self.file("half", data.block(SIZE)[:SIZE // 2])
        actpass = self.site()
        command = [*programs.curl(self.certificates, actpass.port(), "1.3", "/data.bin",
                                  "--continue-at", "-", "--output", half)]
        subprocess.run(command, check=True, timeout=60)
        self.assertEqual(data.sha256(open(half, "rb").read()), data.sha256(data.block(SIZE)))

    def test_conditions(self):
        actpass = self.site()
        modified = os.stat(os.path.join(self.root, "text.txt")).st_mtime
        first = self.curl(actpass, "/text.txt")
        self.assertEqual(first.fields["last-modified"],
                         email.utils.formatdate(int(modified), usegmt=True).lower())
        same = self.curl(actpass, "/text.txt", "--time-cond",
                         email.utils.formatdate(int(modified), usegmt=True))
        self.assertEqual((same.status, same.body), (304, b""))
        self.assertEqual(same.fields["etag"], first.fields["etag"])
        older = email.utils.formatdate(int(modified) - 5, usegmt=True)
        self.assertEqual(self.curl(actpass, "/text.txt", "--time-cond", older).status, 200)
        etag = self.file("etag")
        self.curl(actpass, "/text.txt", "--etag-save", etag)
        self.assertEqual(self.curl(actpass, "/text.txt", "--etag-compare", etag).status, 304)
        self.put("text.txt", b"something new")
        got = self.curl(actpass, "/text.txt", "--etag-compare", etag)
        self.assertEqual((got.status, got.body), (200, b"something new"))

    def test_folders(self):
        actpass = self.site()
        self.assertEqual(self.curl(actpass, "/").body, b"<p>hello</p>")
        moved = self.curl(actpass, "/dir?a=b")
        self.assertEqual((moved.status, moved.fields["location"]), (301, "/dir/?a=b"))
        self.assertEqual(self.curl(actpass, "/dir", "--location").body, b"in a folder")
        self.assertEqual(self.curl(actpass, "//dir").fields["location"], "/dir/")
        for path in "/bare/", "/nothing", "/text.txt/", "/dir/nothing", "/" + "a" * 300:
            self.assertEqual(self.curl(actpass, path).status, 404, path)
        self.assertEqual(self.curl(actpass, "/a%20b%25.txt").body, b"a strange name")

    def test_another_index_or_none(self):
        self.assertEqual(self.curl(self.site(http={"index": "text.txt"}), "/").body, b"0123456789")

    def test_no_index(self):
        self.assertEqual(self.curl(self.site(http={"index": ""}), "/").status, 404)

    @each(version=VERSIONS)
    def test_keep_alive(self, version):
        actpass = self.site()
        done = subprocess.run(
            [*programs.curl(self.certificates, actpass.port(), version, "/text.txt"),
             f"https://front.example:{actpass.port()}/index.html",
             f"https://front.example:{actpass.port()}/dir/"], check=True, capture_output=True)
        self.assertEqual(done.stdout, b"0123456789<p>hello</p>in a folder")
        actpass.close(actpass.role())
        self.assertEqual(len(actpass.find(event="role")), 1)

    @each(version=VERSIONS, role=ROLES)
    def test_pipelining(self, version, role):
        """Also for a device that calls home and then asks: the conversation is the same."""
        actpass = self.site(initial_data_timeout="100ms" if role == "client" else "20s")
        peer = self.peer(role, actpass, version)
        paths = [b"/text.txt", b"/nothing", b"/data.bin", b"/dir", b"/empty.txt", b"/index.html"]
        peer.send(b"".join(GET % (path, b"") for path in paths))
        got = [read_response(peer) for _ in paths]
        self.assertEqual([one.status for one in got], [200, 404, 200, 301, 200, 200])
        self.assertEqual(data.sha256(got[2].body), data.sha256(data.block(SIZE)))
        self.assertEqual(got[5].body, b"<p>hello</p>")
        self.assertEqual(peer.finish(), b"")
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    def test_a_byte_at_a_time(self):
        peer = self.client(self.site())
        for byte in GET % (b"/text.txt", b"Range: bytes=2-4\r\n"):
            peer.send(bytes([byte]))
        got = read_response(peer)
        self.assertEqual((got.status, got.body), (206, b"234"))
        peer.finish()

    def test_half_close_after_the_request(self):
        peer = self.client(self.site())
        peer.send(GET % (b"/text.txt", b""))
        self.assertTrue(peer.finish().endswith(b"\r\n\r\n0123456789"))

    @each(version=VERSIONS)
    def test_a_bare_end_in_the_middle_of_a_file(self, version):
        """The request was whole, so its answer is, too; that the client's stream was cut is said
        all the same."""
        actpass = self.site()
        peer = self.client(actpass, version)
        peer.send(GET % (b"/data.bin", b""))
        received = peer.recv_exactly(100)
        peer.sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ssl.SSLError, tls.Truncated):
            while chunk := peer.recv():
                received += chunk
        received += peer.plain  # what came together with our alert
        self.assertTrue(received.partition(b"\r\n\r\n")[2] == data.block(SIZE), len(received))
        self.assertEqual(actpass.close()["reason"], "TRUNCATED")

    def test_http_10(self):
        actpass = self.site()
        peer = self.client(actpass)
        peer.send(b"GET /text.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        self.assertEqual(read_response(peer).fields["connection"], "keep-alive")
        peer.send(b"GET /text.txt HTTP/1.0\r\n\r\n")
        self.assertEqual(read_response(peer).fields["connection"], "close")
        self.assertEqual(peer.finish(), b"")
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    def test_idle_connections_end_in_order(self):
        actpass = self.site(idle_timeout="300ms")
        peer = self.client(actpass)
        self.assertEqual(self.ask(peer, b"/text.txt").status, 200)
        self.assertEqual(peer.recv_all(), b"")
        peer.finish()
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    def test_a_file_that_shrinks(self):
        """It is cut: a length that was said is never another."""
        size = 64 * data.MIB
        path = self.put("large", b"")
        os.truncate(path, size)
        actpass = self.site()
        peer = self.client(actpass)
        peer.send(GET % (b"/large", b""))
        peer.recv_exactly(4096)
        os.truncate(path, 8 * data.MIB)
        received = 4096
        with self.assertRaises((tls.Truncated, OSError)):
            while chunk := peer.recv():
                received += len(chunk)
        self.assertLess(received, 8 * data.MIB + 1024, "the head, and what there was")
        closed = actpass.close()
        self.assertEqual(closed["reason"], "CANCELLED")
        self.assertIn("shorter", closed["error"])

    def test_slow_readers_hold_no_thread(self):
        readers, size = 24, 12 * data.MIB
        actpass = self.site(write_timeout="60s")
        self.put("large.bin", data.block(size))
        peers = [self.client(actpass) for _ in range(readers)]
        before, received = actpass.threads(), []
        for peer in peers:
            peer.send(GET % (b"/large.bin", b""))
            received.append(peer.recv_exactly(1000).partition(b"\r\n\r\n")[2])
        self.assertLess(actpass.threads(), before + readers // 2)
        self.assertEqual(self.ask(self.client(actpass), b"/text.txt").body, b"0123456789")
        for peer, body in zip(peers[:3], received):
            body += peer.recv_exactly(size - len(body))
            self.assertEqual(data.sha256(body), data.sha256(data.block(size)))
            peer.finish()

    def test_a_peer_that_does_not_read(self):
        actpass = self.site(write_timeout="300ms")
        self.put("large.bin", data.block(12 * data.MIB))
        self.client(actpass).send(GET % (b"/large.bin", b""))
        self.assertEqual(actpass.close()["reason"], "TIMEOUT")


SMUGGLED = b"GET /text.txt HTTP/1.1\r\nHost: front.example\r\n\r\n"
HEAD = b"GET / HTTP/1.1\r\nHost: front.example\r\n"
REFUSED = {
    "two_lengths": (HEAD + b"Content-Length: 0\r\nContent-Length: 47\r\n\r\n", 400),
    "length_and_chunked": (HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                           400),
    "chunked_strangely": (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n", 400),
    "space_before_colon": (HEAD + b"Content-Length : 47\r\n\r\n", 400),
    "continuation": (HEAD + b"A: b\r\n Content-Length: 47\r\n\r\n", 400),
    "bare_lf": (b"GET / HTTP/1.1\nHost: front.example\n\n", 400),
    "bare_cr": (b"GET / HTTP/1.1\r\nHost: front.example\r\nA: b\rContent-Length: 47\r\n\r\n", 400),
    "nul": (HEAD + b"A: \0\r\n\r\n", 400),
    "two_hosts": (HEAD + b"Host: other.example\r\n\r\n", 400),
    "no_host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "http_09": (b"GET /\r\n", 400),
    "body": (HEAD + b"Content-Length: 47\r\n\r\n", 413),
    "chunked_body": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2f\r\n", 413),
    "post": (b"POST / HTTP/1.1\r\nHost: front.example\r\nContent-Length: 47\r\n\r\n", 405),
    "http_2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "long_line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n", 414),
    "long_field": (HEAD + b"A: " + b"b" * 17000 + b"\r\n\r\n", 431),
    "many_fields": (HEAD + b"A: b\r\n" * 101 + b"\r\n", 431),
}


class Stop(HttpCase):
    """SIGTERM: idle connections do not delay the end; requests that have arrived are answered."""

    def start(self):
        return self.actpass(self.service(echo=None, http={"root": "www"}), check=False,
                            shutdown_timeout="60s")

    def stop(self, actpass):
        actpass.signal()
        actpass.wait_for(event="stopping")

    @each(version=VERSIONS, requests=(0, 1))
    def test_idle_connections_end_at_once(self, version, requests):
        actpass = self.start()
        peers = [self.client(actpass, version) for _ in range(3)]
        for peer in peers:
            for _ in range(requests):
                self.assertEqual(self.ask(peer, b"/text.txt").status, 200)
        self.stop(actpass)
        for peer in peers:
            self.assertEqual(peer.recv_all(), b"")  # close_notify
            peer.finish()
        self.assertEqual(actpass.wait_exit(), 0)
        self.assertEqual(len(actpass.find(event="close", reason="CLEAN")), 3)

    @each(version=VERSIONS)
    def test_a_response_is_finished(self, version):
        actpass = self.start()
        peer = self.client(actpass, version)
        self.put("large.bin", data.block(8 * SIZE))  # more than fits on the way
        peer.send(GET % (b"/large.bin", b"") + GET % (b"/text.txt", b""))
        first = peer.recv_exactly(1000)
        self.stop(actpass)
        head, _, body = (first + peer.recv_all()).partition(b"\r\n\r\n")
        self.assertNotIn(b"connection: close", head.lower())
        self.assertEqual(data.sha256(body[:8 * SIZE]), data.sha256(data.block(8 * SIZE)))
        self.assertIn(b"connection: close", body[8 * SIZE:].lower())
        self.assertTrue(body.endswith(b"0123456789"))
        peer.finish()
        self.assertEqual(actpass.wait_exit(), 0)
        self.assertEqual(len(actpass.find(event="close", reason="CLEAN")), 1)

    def test_a_request_that_has_begun_is_answered(self):
        actpass = self.start()
        peer = self.client(actpass)
        begun = GET % (b"/text.txt", b"")
        peer.send(begun[:-1])
        self.assertEqual(self.ask(self.client(actpass), b"/text.txt").status, 200)
        self.stop(actpass)
        peer.send(begun[-1:])
        response = read_response(peer)
        self.assertEqual((response.body, response.fields["connection"]), (b"0123456789", "close"))
        self.assertEqual(peer.finish(), b"")


class Refusals(HttpCase):
    @each(kind=tuple(REFUSED), version=VERSIONS)
    def test_refused(self, kind, version):
        """With an answer and an end in order; what follows is not taken for a request."""
        request, status = REFUSED[kind]
        actpass = self.site()
        peer = self.client(actpass, version)
        peer.send(request + SMUGGLED)
        got = read_response(peer)
        self.assertEqual((got.status, got.fields["connection"]), (status, "close"))
        self.assertEqual(peer.recv_all(), b"", "nothing after the refusal")
        peer.finish()
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    def test_methods(self):
        peer = self.client(self.site())
        got = self.ask(peer, b"/", method=b"DELETE")
        self.assertEqual((got.status, got.fields["allow"]), (405, "get, head"))
        self.assertEqual(self.ask(peer, b"/", method=b"BREW").status, 501)
        self.assertEqual(self.ask(peer, b"/text.txt").status, 200, "the connection goes on")
        peer.finish()

    def test_a_head_that_does_not_end(self):
        actpass = self.site()
        peer = self.client(actpass)
        peer.send(b"GET / HTTP/1.1\r\nHost:")
        got = read_response(peer)
        self.assertEqual((got.status, got.fields["connection"]), (408, "close"))
        peer.finish()
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    def test_no_way_out_of_the_root(self):
        self.link("out", "../secret.txt")
        self.link("out-dir", "..")
        self.link("absolute", self.secret)
        os.mkfifo(os.path.join(self.root, "fifo"))
        peer = self.client(self.site())
        for path in (b"/../secret.txt", b"/%2e%2e/secret.txt", b"/dir/../../secret.txt",
                     b"/..%2fsecret.txt", b"/%2e%2e%2fsecret.txt", b"/..%5csecret.txt",
                     b"/%252e%252e/secret.txt", b"/.%00./secret.txt", b"/out", b"/out-dir/secret.txt",
                     b"/absolute", b"//etc/passwd", b"/fifo", b"/../www/text.txt",
                     self.secret.encode()):
            got = self.ask(peer, path)
            self.assertIn(got.status, (400, 404), path)
            self.assertNotIn(b"not below", got.body)
        self.assertEqual(self.ask(peer, b"/text.txt").status, 200)
        peer.finish()

    def test_links_inside_the_root(self):
        self.link("in", "dir/index.html")
        self.assertEqual(self.curl(self.site(), "/in").body, b"in a folder")


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
