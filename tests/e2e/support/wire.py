#!/usr/bin/python3
"""The wire between two network namespaces: wire.py INTERFACE INTERFACE. Run by
support/namespaces.py.

Hands on every packet, says `syn LENGTH HEX` on standard output for each SYN with data (HEX: its
first bytes), and each packet's flags and sender: `tcp END FLAGS` (END: 0 or 1; FLAGS as in the
header). Commands on standard input:

- `sync`: answers `ok`, as to all others, after all that was said before.
- `drop`: loses SYNs with data, as some middleboxes do; `pass` ends that.
- `nat`: from now on loses what comes for an end that has not sent anything itself, as the NAT before it would.
- `lose`: from now on loses everything, as a cable that is cut.
- `cross WHAT`: keeps the packets of WHAT (`syn` or `data`) of each end until the other has sent one, too, so that they
  cross on the wire; once.
"""
import ctypes
import fcntl
import os
import select
import socket
import struct
import sys

SIOCETHTOOL = 0x8946
TX_CHECKSUM, TSO, GSO = 0x17, 0x1F, 0x24  # ETHTOOL_S...
ALL = 3  # ETH_P_ALL
OUTGOING = 4
SYN, ACK = 0x02, 0x10


def no_offload(name):
    """Userspace gets what really is sent only if the kernel puts nothing off."""
    with socket.socket() as sock:
        for command in TX_CHECKSUM, TSO, GSO:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", name.encode(), ctypes.addressof(value))
            fcntl.ioctl(sock, SIOCETHTOOL, request)


def say(line):
    """At once and whole, or not at all."""
    os.write(1, line.encode() + b"\n")


class Packet:
    """A TCP packet over IPv4; `tcp` is False for all else."""

    def __init__(self, frame):
        ip = frame[14:]
        self.tcp = frame[12:14] == b"\x08\x00" and ip[9] == socket.IPPROTO_TCP
        if not self.tcp:
            return
        tcp = ip[(ip[0] & 15) * 4:int.from_bytes(ip[2:4], "big")]
        self.flags = tcp[13]
        self.data = tcp[(tcp[12] >> 4) * 4:]
        self.syn = self.flags & (SYN | ACK) == SYN


class Wire:
    def __init__(self, ends):
        self.ends = ends
        self.drop = self.nat = self.cut = False
        self.sent = set()  # the ends that have sent TCP
        self.crossing = {}  # "syn" or "data": the packets that wait, with their ends

    def control(self, line):
        command, *words = line.split()
        if command in ("drop", "pass"):
            self.drop = command == "drop"
        elif command == "sync":
            pass  # it is answered, after all that was said before
        elif command == "lose":
            self.cut = True
        elif command == "nat":
            self.nat, self.sent = True, set()
        else:
            self.crossing[words[0]] = []

    def carry(self, end, frame):
        if self.cut:
            return
        packet = Packet(frame)
        if packet.tcp:
            say(f"tcp {end} {packet.flags}")
            if packet.syn and packet.data:
                say(f"syn {len(packet.data)} {packet.data[:6].hex()}")
            self.sent.add(end)
            if self.drop and packet.syn and packet.data or self.nat and 1 - end not in self.sent:
                return
            if self.kept(end, frame, packet):
                return
        self.ends[1 - end].send(frame)

    def kept(self, end, frame, packet):
        what = "syn" if packet.syn else "data" if packet.data else None
        waiting = self.crossing.get(what)
        if waiting is None:
            return False
        waiting.append((end, frame))
        if {sender for sender, _ in waiting} == {0, 1}:
            del self.crossing[what]
            for sender, kept in waiting:
                self.ends[1 - sender].send(kept)
        return True


def main():
    ends = []
    for name in sys.argv[1:3]:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        sock.bind((name, 0))
        ends.append(sock)
    say("ready")
    wire = Wire(ends)
    while True:
        for ready in select.select([sys.stdin, *ends], [], [])[0]:
            if ready is sys.stdin:
                line = ready.readline()
                if not line:
                    return
                wire.control(line)
                say("ok")
                continue
            frame, address = ready.recvfrom(65536)
            if address[2] != OUTGOING:
                wire.carry(ends.index(ready), frame)


if __name__ == "__main__":
    if sys.argv[1] == "--no-offload":
        no_offload(sys.argv[2])
    else:
        main()
