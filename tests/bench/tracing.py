"""How many system calls, futex calls and voluntary switches a server spends on a connection.

System calls are counted by strace, which slows the server down, so nothing is timed meanwhile. It
also switches at each of them; so switches are counted apart, without strace."""
import os
import re
import time

import processes
from servers import Failed

AT_ONCE = 8
ATTACH_SECONDS = 10


def count(running, connections, load):
    """{count: a connection}. A connection is a full handshake, one message, and the close; `load`
    is measures.load."""
    def work():
        load(running, "handshakes", "--count", connections, "--concurrency", AT_ONCE)
    before = _switches(running.server)
    work()
    after = _switches(running.server)
    calls = system_calls(running, work)
    found = {"syscalls": sum(calls.values()), "futex": calls.get("futex", 0),
             "switches": sum(count - before.get(thread, 0) for thread, count in after.items())}
    return {name: number / connections for name, number in found.items()}


def _switches(server):
    """{thread: voluntary switches}. A thread that ends takes its number with it: too few are
    counted where a server has a thread for each connection and keeps none."""
    found = {thread: _status(pid, thread, "voluntary_ctxt_switches")
             for pid, thread in server.tasks()}
    return {thread: count for thread, count in found.items() if count is not None}


def system_calls(running, work):
    """{system call: how often} of the server while `work` runs."""
    setup, server = running.setup, running.server
    table = os.path.join(setup.folder, "strace.txt")
    strace = processes.Process(
        ["strace", "-f", "-c", "-U", "name,calls", "-o", table] +
        [word for pid in server.pids() for word in ("-p", str(pid))],
        setup.load_cpu, os.path.join(setup.folder, "strace.log"))
    try:
        _wait_until_traced(strace, server)
        work()
    finally:
        strace.stop()  # it detaches, and writes the table
    with open(table) as text:
        return parse(text)


def _wait_until_traced(strace, server):
    deadline = time.monotonic() + ATTACH_SECONDS
    while not all(_is_traced(pid, thread) for pid, thread in server.tasks()):
        if strace.ended() or time.monotonic() > deadline:
            raise Failed(f"strace cannot attach: {strace.tail()}")
        time.sleep(0.01)


def _status(pid, thread, key):
    """A number of /proc/PID/task/THREAD/status; None if the thread has ended."""
    try:
        with open(f"/proc/{pid}/task/{thread}/status") as status:
            return int(re.search(rf"^{key}:\s*(\d+)", status.read(), re.MULTILINE).group(1))
    except OSError:
        return None


def _is_traced(pid, thread):
    return _status(pid, thread, "TracerPid") != 0


def parse(lines):
    """{system call: how often} of the table that `strace -c -U name,calls` writes."""
    found = {}
    for line in lines:
        words = line.split()
        if len(words) == 2 and words[1].isdigit() and words[0] != "total":
            found[words[0]] = int(words[1])
    return found
