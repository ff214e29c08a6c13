"""A site that the conversation http serves, and clients that ask it."""
import os
import subprocess

from . import data, programs
from .case import Case, need

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
