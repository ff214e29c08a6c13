"""The conversation http: what is refused, and that nothing outside the root is served."""
import os

from support.each import VERSIONS, each
from support.site import HttpCase, read_response

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
