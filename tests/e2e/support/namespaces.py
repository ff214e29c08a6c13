"""Hosts and the wires between them, out of network namespaces: two (Network), or many (Hosts). Needs
root."""
import itertools
import os
import re
import subprocess
import sys
import threading
import unittest

from . import data
from .actpass import died_with_us

_numbers = itertools.count()
WIRE = os.path.join(os.path.dirname(__file__), "wire.py")


class Namespaces:
    """Made for one test. `_names` are removed at the end."""

    def __init__(self, *ends):
        self._remove_orphans()
        base = f"ap{os.getpid()}n{next(_numbers)}"
        self._names = [f"{base}{end}" for end in ends]

    def _make(self):
        """As far as it goes: what cannot be made here skips the test."""
        try:
            self._build()
        except (OSError, subprocess.CalledProcessError) as error:
            self.close()
            said = getattr(error, "stderr", b"") or str(error).encode()
            raise unittest.SkipTest("network namespaces cannot be made here: "
                                    + said.decode().strip()) from error

    @staticmethod
    def _remove_orphans():
        """Those of a run that was killed."""
        names = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
        for name in names:
            made_by = re.fullmatch(r"ap(\d+)n\d+([lrws]|h\d+)", name)
            if made_by and not os.path.exists("/proc/" + made_by.group(1)):
                subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    @staticmethod
    def _run(*command, **options):
        return subprocess.run(command, check=True, capture_output=True, **options).stdout

    @staticmethod
    def _prefix(name):
        return ["ip", "netns", "exec", name]

    def close(self):
        for name in self._names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


class Hosts(Namespaces):
    """COUNT hosts on one switch, each in a namespace of its own. Host 1 has the address 10.77.0.1,
    and so on; the switch is host 0, with 10.77.0.254."""

    def __init__(self, count):
        super().__init__("s", *[f"h{number}" for number in range(1, count + 1)])
        self._make()

    def _build(self):
        self._batch(*[f"netns add {name}" for name in self._names])
        self._batch("link add switch type bridge", "link set switch up",
                    f"addr add {self.address(0)}/24 dev switch", at=self._names[0])
        for number, name in enumerate(self._names[1:], 1):
            self._batch(f"link add p{number} type veth peer name e0 netns {name}",
                        f"link set p{number} master switch up", at=self._names[0])
            self._batch(f"addr add {self.address(number)}/24 dev e0", "link set e0 up",
                        "link set lo up", at=name)

    def _batch(self, *commands, at=None):
        self._run("ip", *(["-n", at] if at else []), "-batch", "-",
                  input="\n".join(commands).encode())

    @staticmethod
    def address(number):
        return f"10.77.0.{number or 254}"

    def prefix(self, number):
        """Runs a program on that host."""
        return self._prefix(self._names[number])

    def cut(self, number):
        """Nothing comes to the host or from it from now on, and nobody is told: its cable has a
        carrier."""
        self._batch(f"link set p{number} nomaster", at=self._names[0])

    def mend(self, number):
        self._batch(f"link set p{number} master switch", at=self._names[0])


class Network(Namespaces):
    """`left` and `right` are command prefixes that run a program on that host; the addresses are
    10.77.0.1 and .2."""

    LEFT, RIGHT = "10.77.0.1", "10.77.0.2"

    def __init__(self):
        super().__init__(*"lrw")
        self.syns = []  # (length, first bytes) of each SYN with data, from either side
        self._packets = []
        self._wire = None
        self._make()
        self.left, self.right = (self._prefix(name) for name in self._names[:2])
        self._start_wire(self._names[2])

    def _build(self):
        left, right, wire = self._names
        for name in self._names:
            self._run("ip", "netns", "add", name)
        self._host(left, "l0", self.LEFT, wire)
        self._host(right, "r0", self.RIGHT, wire)

    def _host(self, name, interface, address, wire):
        prefix = self._prefix(name)
        self._run("ip", "link", "add", interface, "netns", name, "type", "veth", "peer", "name",
                  f"w{interface}", "netns", wire)
        self._run(*prefix, "sysctl", "-qw", f"net.ipv6.conf.{interface}.disable_ipv6=1")
        self._run(*prefix, sys.executable, WIRE, "--no-offload", interface)
        self._run(*prefix, "ip", "address", "add", f"{address}/24", "dev", interface)
        self._run(*prefix, "ip", "link", "set", interface, "up")
        self._run(*prefix, "ip", "link", "set", "lo", "up")
        self._run(*self._prefix(wire), "ip", "link", "set", f"w{interface}", "up")

    def _start_wire(self, name):
        self._wire = subprocess.Popen(
            died_with_us(self._prefix(name) + [sys.executable, "-u", WIRE, "wl0", "wr0"]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answers = []
        if self._wire.stdout.readline() != "ready\n":
            raise unittest.SkipTest("packet sockets cannot be had here")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._wire.stdout:
            words = line.split()
            if words[0] == "syn":
                self.syns.append((int(words[1]), bytes.fromhex(words[2])))
            elif words[0] == "tcp":
                self._packets.append((int(words[1]), int(words[2])))
            else:
                self._answers.append(line)

    def _tell(self, command):
        before = len(self._answers)
        self._wire.stdin.write(command + "\n")
        self._wire.stdin.flush()
        data.until(lambda: len(self._answers) > before, 10, "the wire's answer")

    def packets(self):
        """(0 for left, or 1, and the flags) of each TCP packet so far, as it came onto the wire."""
        self._tell("sync")
        return list(self._packets)

    def drop_syn_data(self, drop):
        self._tell("drop" if drop else "pass")

    def put_behind_nat(self):
        """Both hosts: what comes for one that has sent nothing from now on is lost."""
        self._tell("nat")

    def cut(self):
        """Nothing gets through from now on, and nobody is told: as if the other had lost its
        power."""
        self._tell("lose")

    def cross(self, what):
        """The next packets of `what` ("syn" or "data") cross on the wire, whenever each was
        sent."""
        self._tell("cross " + what)

    def sockets(self, prefix):
        """The states of the host's TCP sockets over IPv4, as in /proc/net/tcp."""
        lines = self._run(*prefix, "cat", "/proc/net/tcp").decode().splitlines()[1:]
        return [line.split()[3] for line in lines]

    def allow(self, left, right):
        """net.ipv4.tcp_fastopen of both."""
        for prefix, value in (self.left, left), (self.right, right):
            self._run(*prefix, "sysctl", "-qw", f"net.ipv4.tcp_fastopen={value}")

    def counters(self, prefix):
        """The host's TCPFastOpen... counters, by the rest of their names."""
        lines = self._run(*prefix, "cat", "/proc/net/netstat").decode().splitlines()
        names, values = (line.split()[1:] for line in lines[:2])
        return {name[len("TCPFastOpen"):]: int(value) for name, value in zip(names, values)
                if name.startswith("TCPFastOpen")}

    def tcp(self, prefix):
        """The host's TCP counters of /proc/net/snmp."""
        lines = self._run(*prefix, "cat", "/proc/net/snmp").decode().splitlines()
        names, values = (line.split()[1:] for line in lines if line.startswith("Tcp:"))
        return {name: int(value) for name, value in zip(names, values)}

    def close(self):
        if self._wire:
            self._wire.kill()
            self._wire.wait()
            self._reader.join(5)
            self._wire.stdin.close()
            self._wire.stdout.close()
        super().close()
