"""The example chat: whoever starts first, whoever connects, lines both ways at once."""
import os
import subprocess

from support.case import Case, program
from support.data import until
from support.each import each
from support.ports import free_port


class Chat(Case):
    def chat(self, how, port):
        listens = how == "listen"
        name, peer = ("front", "dev1.devices.example") if listens else ("device", "front.example")
        command = [os.path.join(os.path.dirname(program()), "examples", "chat"), how,
                   f"127.0.0.1:{port}", *self.certificates.chain(name),
                   self.certificates.path("ca"), peer]
        log = open(os.path.join(self.folder, how + ".log"), "wb")
        self.addCleanup(log.close)
        return self.spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def said(self, how, what):
        with open(os.path.join(self.folder, how + ".log"), "rb") as log:
            return what in log.read()

    @each(first=("listen", "connect"))
    def test_both_may_start_first(self, first):
        port = free_port()
        second = "connect" if first == "listen" else "listen"
        sides = {first: self.chat(first, port)}
        sign = b"waiting at" if first == "listen" else b"cannot connect"
        until(lambda: self.said(first, sign), 20, f"{first} saying \"{sign.decode()}\"")
        sides[second] = self.chat(second, port)
        for how, side in sides.items():  # both write before they read
            side.stdin.write(b"".join(b"%s says %d\n" % (how.encode(), n) for n in range(500)))
            side.stdin.flush()
        for how, side in sides.items():
            other = b"connect" if how == "listen" else b"listen"
            for number in range(500):
                self.assertEqual(side.stdout.readline(), b"%s says %d\n" % (other, number))
        for side in sides.values():
            side.stdin.close()
        for how, side in sides.items():
            self.assertEqual(side.wait(20), 0, how)
            self.assertTrue(self.said(how, b"we are the TLS"))

    def test_a_stranger_is_not_talked_to(self):
        port = free_port()
        listening = self.chat("listen", port)
        until(lambda: self.said("listen", b"waiting at"), 20, "chat listening")
        stranger = self.device(port, certificate="other-name", handshake=False)
        with self.assertRaises(Exception):
            stranger.handshake()
            stranger.recv()
        self.assertEqual(listening.wait(20), 1)
        self.assertTrue(self.said("listen", b"REFUSED"))
