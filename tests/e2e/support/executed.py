"""The base of the tests of "exec": programs as they are configured, and the processes that they become."""
import os

from .case import Case
from .data import until


def exec_of(*command, **keys):
    return {"command": list(command), **keys}


def shell(script, **keys):
    return exec_of("/bin/sh", "-c", script, **keys)


def alive(pid):
    """Is there such a process, and not as a zombie?"""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid):
    """The process ids of all children, zombies included."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as found:
            return [int(child) for child in found.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def processor_time(pid):
    """In seconds."""
    with open(f"/proc/{pid}/stat") as stat:
        words = stat.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as name:
            return name.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None


class Programs(Case):
    def front(self, exec, **changes):
        return self.actpass(self.service(exec=exec, **changes))

    def spawner(self, actpass):
        child, = children(actpass.process.pid)
        return child

    def ask(self, actpass, data=b"", **options):
        """What the program answers to this and the end of data."""
        peer = self.client(actpass, **options)
        if data:
            peer.send(data)
        peer.shutdown_write()
        return peer.recv_all()

    def gone(self, *pids):
        until(lambda: not any(map(alive, pids)), 30, f"the end of the processes {pids}")
