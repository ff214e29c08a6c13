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
