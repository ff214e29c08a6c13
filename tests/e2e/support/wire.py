#!/usr/bin/python3
"""The wire between two network namespaces: wire.py INTERFACE INTERFACE. Run by support/namespaces.py.

Hands on every packet, says `syn LENGTH HEX` on standard output for each SYN with data (HEX: its first bytes), and, told
`drop` on standard input, loses such SYNs, as some middleboxes do; `pass` ends that.
"""
import ctypes
import fcntl
import select
import socket
import struct
import sys

SIOCETHTOOL = 0x8946
TX_CHECKSUM, TSO, GSO = 0x17, 0x1F, 0x24  # ETHTOOL_S...
ALL = 3  # ETH_P_ALL
OUTGOING = 4


def no_offload(name):
    """Userspace gets what really is sent only if the kernel puts nothing off."""
    with socket.socket() as sock:
        for command in TX_CHECKSUM, TSO, GSO:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", name.encode(), ctypes.addressof(value))
            fcntl.ioctl(sock, SIOCETHTOOL, request)


def syn_data(frame):
    """What a SYN carries; empty for all else."""
    ip = frame[14:]
    if frame[12:14] != b"\x08\x00" or ip[9] != socket.IPPROTO_TCP:
        return b""
    total = int.from_bytes(ip[2:4], "big")
    tcp = ip[(ip[0] & 15) * 4:total]
    flags = tcp[13]
    return tcp[(tcp[12] >> 4) * 4:] if flags & 0x12 == 0x02 else b""


def main():
    ends = []
    for name in sys.argv[1:3]:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        sock.bind((name, 0))
        ends.append(sock)
    print("ready", flush=True)
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    drop = False
    while True:
        for ready in select.select([sys.stdin, *ends], [], [])[0]:
            if ready is sys.stdin:
                line = ready.readline()
                if not line:
                    return
                drop = line.strip() == "drop"
                print("ok", flush=True)
                continue
            frame, address = ready.recvfrom(65536)
            if address[2] == OUTGOING:
                continue
            data = syn_data(frame)
            if data:
                print("syn", len(data), data[:6].hex(), flush=True)
            if not data or not drop:
                other[ready].send(frame)


if __name__ == "__main__":
    if sys.argv[1] == "--no-offload":
        no_offload(sys.argv[2])
    else:
        main()
