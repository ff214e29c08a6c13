"""Both ends of a plain NETCONF session, as small as RFC 6241 and RFC 6242 allow, to stand behind
actpass."""
import re

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
END = b"]]>]]>"  # of messages in base 1.0, which every hello is
CHUNKED = b"urn:ietf:params:netconf:base:1.1"


class Stream:
    """Messages over a socket: end-of-message framing until both hellos have offered base 1.1."""

    def __init__(self, sock):
        sock.settimeout(30)
        self.sock, self.buffer, self.chunked = sock, b"", False

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError(f"end of stream after {self.buffer!r}")
        self.buffer += data

    def _until(self, end):
        while end not in self.buffer:
            self._more()
        found, self.buffer = self.buffer.split(end, 1)
        return found

    def _exactly(self, size):
        while len(self.buffer) < size:
            self._more()
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    def receive(self):
        if not self.chunked:
            return self._until(END)
        message = b""
        while True:
            assert self._exactly(2) == b"\n#", "the start of a chunk"
            size = self._until(b"\n")
            if size == b"#":
                return message
            message += self._exactly(int(size))

    def send(self, text):
        data = text.encode()
        self.sock.sendall(b"\n#%d\n%s\n##\n" % (len(data), data) if self.chunked else data + END)

    def at_end(self):
        """Whether the peer has ended its direction, with nothing before it."""
        return not self.buffer and not self.sock.recv(1)

    def hello(self, session=""):
        self.send(f'<hello xmlns="{BASE}"><capabilities><capability>urn:ietf:params:netconf:base:1.0'
                  "</capability><capability>urn:ietf:params:netconf:base:1.1</capability><capability>"
                  f"{BASE}?module=ietf-netconf&amp;revision=2011-06-01</capability></capabilities>"
                  f"{session}</hello>")
        hello = self.receive()
        assert b"hello" in hello, f"not a hello: {hello!r}"
        self.chunked = CHUNKED in hello
        return hello


def client(session):
    """Says hello, gets, closes. Keeps on the backend's session what came."""
    stream = Stream(session.sock)
    session.hello = stream.hello()
    stream.send(f'<rpc message-id="1" xmlns="{BASE}"><get/></rpc>')
    session.reply = stream.receive()
    stream.send(f'<rpc message-id="2" xmlns="{BASE}"><close-session/></rpc>')
    session.goodbye = stream.receive()
    session.clean = stream.at_end()


def server(session):
    """Answers <get> with one element and <close-session> with ok, after which it closes first."""
    stream = Stream(session.sock)
    session.hello = stream.hello("<session-id>7</session-id>")
    session.chunked = stream.chunked
    session.requests = []
    while True:
        request = stream.receive().decode()
        number = re.search(r'message-id="(\d+)"', request).group(1)
        name = re.search(r"<rpc[^>]*>\s*<([a-z-]+)", request).group(1)
        session.requests.append(name)
        answer = "<ok/>"
        if name == "get":
            answer = '<data><greeting xmlns="urn:example:actpass">from behind</greeting></data>'
        stream.send(f'<rpc-reply message-id="{number}" xmlns="{BASE}">{answer}</rpc-reply>')
        if name == "close-session":
            return
