"""Processes of the benchmark: started on one CPU, stopped by their own pid, read through /proc."""
import os
import signal
import subprocess
import time

STOP_SECONDS = 10


class Process:
    """A program on one CPU that the kernel ends when we end. Its output goes to `log`."""

    def __init__(self, command, cpu, log, **pipes):
        self.log = log
        with open(log, "ab") as out:
            pipes = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out, **pipes}
            self._popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", "taskset", "-c", str(cpu)] + command,
                **pipes)
        self.stdin, self.stdout = self._popen.stdin, self._popen.stdout

    def ended(self):
        return self._popen.poll() is not None

    def wait(self, seconds):
        return self._popen.wait(seconds)

    def tail(self):
        """What the program said last, for error messages."""
        with open(self.log, "rb") as text:
            return text.read()[-2000:].decode("utf-8", "backslashreplace")

    def pids(self):
        """The process and all its descendants."""
        found, todo = [], [self._popen.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for thread in _threads(pid):
                try:
                    with open(f"/proc/{pid}/task/{thread}/children") as children:
                        todo += [int(child) for child in children.read().split()]
                except OSError:
                    pass  # it ended meanwhile
        return found

    def stop(self):
        if self.ended():
            return
        pids = self.pids()
        self._popen.terminate()
        try:
            self._popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in pids:
                _kill(pid)
            self._popen.wait()
        for stream in (self.stdin, self.stdout):
            if stream:
                stream.close()

    # ---- what it used

    def cpu(self):
        """CPU seconds of all its processes and threads, those that ended included. The clock of a
        process is the kernel's sum behind utime + stime of /proc/PID/stat, in nanoseconds."""
        return sum(_cpu(pid) for pid in self.pids())

    def settled_cpu(self):
        """The same, once it does not grow any more: what a measure left behind belongs to it."""
        last, since = self.cpu(), time.monotonic()
        deadline = since + 2
        while time.monotonic() < min(since + 0.05, deadline):
            time.sleep(0.01)
            current = self.cpu()
            if current - last > 0.0002:
                since = time.monotonic()
            last = current
        return last

    def memory(self):
        """KiB of memory that is no file's, shared pages by their share. The pages of files are the
        same for any number of connections, and whoever else maps them changes their share."""
        return sum(_memory(pid) for pid in self.pids())

    def tasks(self):
        """(process, thread) of all its threads."""
        return [(pid, thread) for pid in self.pids() for thread in _threads(pid)]

    def threads(self):
        return len(self.tasks())


class Others:
    """How much of the machine's CPU time went to others since this was made."""

    def __init__(self):
        self._begin = self._used()

    def share(self):
        busy, all_cpus, own = (now - then for now, then in zip(self._used(), self._begin))
        return max(0.0, busy - own) / all_cpus if all_cpus else 0.0

    @staticmethod
    def _used():
        """Seconds: of work, and of work and idleness, of all CPUs; of us and what we waited for."""
        with open("/proc/stat") as stat:
            user, nice, system, idle, iowait, irq, softirq, steal = (
                int(word) / os.sysconf("SC_CLK_TCK") for word in stat.readline().split()[1:9])
        busy = user + nice + system + irq + softirq + steal
        return busy, busy + idle + iowait, sum(os.times()[:4])


def _cpu(pid):
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0  # it ended meanwhile, as a helper does that hitch and nginx need at their start


def _threads(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def _memory(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return sum(int(line.split()[1]) for line in rollup
                   if line.startswith(("Pss_Anon:", "Pss_Shmem:")))


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
