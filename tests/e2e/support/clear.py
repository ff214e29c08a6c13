"""The clear part of protocols that begin TLS by a command, for peers made in Python: strict about
what actpass says, and honest. A program after another: the lines of a part are data."""
import re

GREETING = {"smtp": b"220 fake.example ESMTP\r\n", "imap": b"* OK fake\r\n",
            "pop3": b"+OK fake\r\n", "ftp": b"220-fake\r\nsome text\r\n220 ready\r\n"}
PROTOCOLS = tuple(GREETING)

# As a client: what is sent, and what must come back in the end.
ASKS = {
    "smtp": [(b"EHLO me.example\r\n", rb"^250-\S+\r\n250 STARTTLS\r\n$"),
             (b"STARTTLS\r\n", rb"^220 .*\r\n$")],
    "imap": [(b"x1 CAPABILITY\r\n", rb"^\* CAPABILITY .*STARTTLS.*\r\nx1 OK .*\r\n$"),
             (b"x2 STARTTLS\r\n", rb"^x2 OK .*\r\n$")],
    "pop3": [(b"CAPA\r\n", rb"^\+OK.*\r\nSTLS\r\n\.\r\n$"), (b"STLS\r\n", rb"^\+OK.*\r\n$")],
    "ftp": [(b"AUTH SSL\r\n", rb"^504 .*\r\n$"), (b"AUTH TLS\r\n", rb"^234 .*\r\n$")],
}
GREETED = {"smtp": rb"^220 \S+ .*\r\n$", "imap": rb"^\* OK .*STARTTLS.*\r\n$",
           "pop3": rb"^\+OK .*\r\n$", "ftp": rb"^220 .*\r\n$"}

# As a server: what must be asked, and what is answered.
ANSWERS = {
    "smtp": [(rb"^EHLO \S+\r\n$", b"250-fake.example\r\n250-STARTTLS\r\n250 HELP\r\n"),
             (rb"^STARTTLS\r\n$", b"220 go ahead\r\n")],
    "imap": [(rb"^(\S+) STARTTLS\r\n$", b"* CAPABILITY IMAP4rev1\r\n\\1 OK go ahead\r\n")],
    "pop3": [(rb"^STLS\r\n$", b"+OK go ahead\r\n")],
    "ftp": [(rb"^AUTH TLS\r\n$", b"234 go ahead\r\n")],
}


def read_until(sock, pattern):
    """Reads until all that has come matches. Fails at the end of the stream."""
    came = b""
    while not re.match(pattern, came, re.S):
        data = sock.recv(4096)
        assert data, f"the end behind {came!r}, wanted {pattern!r}"
        came += data
    return came


def greet(sock, protocol):
    read_until(sock, GREETED[protocol])


def ask(sock, protocol, behind=b""):
    """A client's part. BEHIND is sent in one piece with the command that begins TLS."""
    greet(sock, protocol)
    asks = ASKS[protocol]
    for number, (command, answer) in enumerate(asks):
        last = number == len(asks) - 1
        sock.sendall(command + (behind if last else b""))
        if not (last and behind):
            read_until(sock, answer)


def answer(sock, protocol, behind=b""):
    """A server's part. BEHIND is sent in one piece with the consent."""
    sock.sendall(GREETING[protocol])
    answers = ANSWERS[protocol]
    for number, (command, text) in enumerate(answers):
        match = re.match(command, read_until(sock, command))
        sock.sendall(match.expand(text) + (behind if number == len(answers) - 1 else b""))
