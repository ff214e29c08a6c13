"""The conversation http: files, ranges, conditions, and what a stop ends."""
import contextlib
import email.utils
import os
import socket
import ssl
import subprocess

from support import data, programs, tls
from support.each import ROLES, VERSIONS, each
from support.site import GET, SIZE, HttpCase, read_response


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
