"""Headers of the PROXY protocol, version 2, made by hand."""
import socket
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def tlv(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


def header(*tlvs, source=("192.0.2.7", 40000), destination=("198.51.100.1", 443)):
    body = b"".join(socket.inet_aton(host) for host, _ in (source, destination))
    body += struct.pack(">HH", source[1], destination[1]) + b"".join(tlvs)
    return SIGNATURE + b"\x21\x11" + struct.pack(">H", len(body)) + body


def parse(data):
    """A header that begins so: (family byte, addresses, {type: value}, what follows)."""
    if data[:13] != SIGNATURE + b"\x21":
        raise AssertionError(f"no header: {data[:16]!r}")
    length = struct.unpack(">H", data[14:16])[0]
    body, rest = data[16:16 + length], data[16 + length:]
    size = {0x00: 0, 0x11: 12, 0x21: 36, 0x31: 216}[data[13]]
    return data[13], body[:size], tlvs(body[size:]), rest


def tlvs(data):
    found = {}
    while data:
        kind, length = struct.unpack(">BH", data[:3])
        found[kind] = data[3:3 + length]
        data = data[3 + length:]
    return found
