#!/usr/bin/python3
"""Opens connections at a rate and leaves them there: attacker.py HOST PORT SOURCE RATE [OPENING]

It is a process of its own, so that it takes no time from the good clients of a test. It sends
OPENING, in hex, on each connection and then nothing, and closes none. It writes a line when it has
begun. At the end of its standard input it writes what it did, as JSON, and ends:
  seconds  how long it took
  begun    connections begun; fewer than RATE a second means that this machine is too slow
  opened   of these, how many the other side's system has established
"""
import errno
import json
import os
import select
import socket
import sys
import time

ESTABLISHED = (0, errno.ECONNRESET)  # who is closed so soon was open


class Attack:
    def __init__(self, address, source, rate, opening):
        self.address, self.source, self.rate, self.opening = address, source, rate, opening
        self.sockets = {}  # by descriptor
        self.opened = 0
        self.events = select.epoll()
        self.events.register(sys.stdin, select.EPOLLIN)

    def begin_one(self):
        """Does not wait: while a backlog is full, the others go on."""
        sock = socket.socket()
        sock.setblocking(False)
        sock.bind((self.source, 0))
        error = sock.connect_ex(self.address)
        if error not in (0, errno.EINPROGRESS):
            raise OSError(error, os.strerror(error))
        self.sockets[sock.fileno()] = sock
        self.events.register(sock, select.EPOLLOUT | select.EPOLLONESHOT)

    def take_result(self, sock):
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.opened += error in ESTABLISHED
        if error == 0 and self.opening:
            try:
                sock.send(self.opening)
            except ConnectionError:  # closed since
                pass

    def look(self, seconds):
        """Takes the results that come within so many seconds. False: the input has ended."""
        ready = [fd for fd, _ in self.events.poll(max(0, seconds))]
        for fd in ready:
            if fd in self.sockets:
                self.take_result(self.sockets[fd])
        return sys.stdin.fileno() not in ready

    def run(self):
        began = time.monotonic()
        self.begin_one()
        print("begun", flush=True)
        while self.look(began + len(self.sockets) / self.rate - time.monotonic()):
            if time.monotonic() >= began + len(self.sockets) / self.rate:
                self.begin_one()
        return {"seconds": time.monotonic() - began, "begun": len(self.sockets),
                "opened": self.opened}


def main():
    host, port, source, rate, *opening = sys.argv[1:]
    attack = Attack((host, int(port)), source, int(rate), bytes.fromhex("".join(opening)))
    print(json.dumps(attack.run()))


main()
