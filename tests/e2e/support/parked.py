"""Devices that keep connections parked in a pool, thousands of them in a few processes.

As a program: `parked.py CA HOST PORT SOURCE PER_NAME FILE...` has PER_NAME connections open with
each of the certificates FILE.pem (with FILE.key), whose name is that of the file; prints "parked";
then answers each question, a line, with its name and the question, closes, and connects anew. It
ends with its stdin.
"""
import gc
import os
import select
import socket
import ssl
import subprocess
import sys

PATIENCE_S = 60
IP_BIND_ADDRESS_NO_PORT = 24  # in socket from Python 3.12 on


class Parked:
    """The processes, as a test sees them. Each has a source address of its own, since one address
    has only 28 000 ports towards the same destination."""

    def __init__(self, case, processes, names, per_name, port):
        self._processes = []
        for number in range(processes):
            files = [os.path.splitext(case.certificates.path(name))[0]
                     for name in names[number::processes]]
            self._processes.append(case.spawn(
                [sys.executable, __file__, case.certificates.path("ca"), "127.0.0.1", str(port),
                 f"127.0.2.{number + 1}", str(per_name), *files],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))

    def wait(self):
        for process in self._processes:
            answer = process.stdout.readline().strip()
            if answer != "parked":
                raise AssertionError(f"devices: {answer or 'the process has ended'}")

    def reconnected(self):
        """How often all of them have connected anew; they end."""
        total = 0
        for process in self._processes:
            process.stdin.close()
            total += int(process.stdout.readline())
            process.wait(30)
        return total


class Devices:
    def __init__(self, ca, host, port, source):
        self.ca, self.address, self.source = ca, (host, int(port)), source
        self.epoll, self.peers = select.epoll(), {}
        self.again = 0

    def context(self, file):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.load_verify_locations(self.ca)
        made.load_cert_chain(file + ".pem", file + ".key")
        return os.path.basename(file).encode(), made

    def connect(self, name, context):
        sock = socket.socket()
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((self.source, 0))
        sock.connect(self.address)
        peer = context.wrap_socket(sock, server_hostname="front.example")
        peer.setblocking(False)
        self.peers[peer.fileno()] = peer, name, context
        self.epoll.register(peer, select.EPOLLIN)

    def serve(self, fd):
        """A question comes in one record. What comes without one is the collector's end."""
        peer, name, context = self.peers[fd]
        try:
            question = peer.recv(1000)
        except ssl.SSLWantReadError:  # a ticket
            return
        if question:
            peer.sendall(name + b" " + question)
        del self.peers[fd]
        peer.close()
        if question:
            self.connect(name, context)
            self.again += 1

    def run(self):
        while True:
            for fd, _ in self.epoll.poll():
                if fd == sys.stdin.fileno():
                    return
                self.serve(fd)


def main(ca, host, port, source, per_name, *files):
    gc.disable()  # its pauses grow with the number of objects
    devices = Devices(ca, host, port, source)
    try:
        made = [devices.context(file) for file in files]
        for _ in range(int(per_name)):
            for name, context in made:
                devices.connect(name, context)
    except OSError as error:
        print(f"with {len(devices.peers)} open: {error!r}", flush=True)
        return
    print("parked", flush=True)
    devices.epoll.register(sys.stdin, select.EPOLLIN)
    devices.run()
    print(devices.again, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
