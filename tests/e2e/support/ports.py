"""Ports for programs that must be told one."""
import random
import socket

_given = []  # holds the claims as long as this process lives


def _range():
    """Below the ports that the kernel gives to clients and to those who bind port 0: one of them
    would take the port before the program that is told it listens."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as limits:
        first, last = map(int, limits.read().split())
    return range(10000, first) if first > 15000 else range(first, last + 1)


def _claim(port):
    """Makes it this process's, among all tests on the host. An abstract name ends with its owner."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0actpass-test-port-{port}")
    except OSError:
        claim.close()
        return False
    _given.append(claim)
    return True


def _is_free(port, hosts):
    try:
        for host in hosts:
            socket.create_server((host, port)).close()
        return True
    except OSError:
        return False


def free_range(count, *hosts):
    """The first of so many ports, one after the other, on which nobody listens on these hosts,
    and which no other call answers, also not in a test that runs beside this one: two programs
    with one port look like one that is broken."""
    chooser = random.SystemRandom()  # workers are forked, and must not draw the same
    while True:
        first = chooser.choice(_range()[:-count])
        # Claims that were in vain stay: the ports are somebody else's.
        if all(_claim(port) and _is_free(port, hosts or ["127.0.0.1"])
               for port in range(first, first + count)):
            return first


def free_port(*hosts):
    return free_range(1, *hosts)
