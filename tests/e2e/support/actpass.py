"""The program under test: starts it with a configuration, follows its log, stops it."""
import contextlib
import json
import os
import signal
import subprocess
import threading
import time

from . import logfmt

# A line of the log is waited for so long: under valgrind the first one takes seconds of a processor.
PATIENCE_S = float(os.environ.get("ACTPASS_PATIENCE_S", 30))


def died_with_us(command):
    """The command, killed by the kernel when the thread that starts it ends. Same process id."""
    return ["setpriv", "--pdeathsig", "KILL", "--"] + command


class Actpass:
    """One running actpass. `log` is every line so far, as dicts; `lines` the same as text."""

    def __init__(self, program, folder, config, nofile=None, prefix=(), env=None):
        number = sum(name.startswith("actpass") for name in os.listdir(folder))
        self.config_file = os.path.join(folder, f"actpass{number or ''}.json")
        with open(self.config_file, "w") as out:
            json.dump(config, out, indent=2)
        self.services = [service["name"] for service in config["services"]
                         if "listen" in service or "listen_plain" in service]
        self.lines = []
        self.log = []
        self._changed = threading.Condition()
        self._ended = False
        command = [*prefix, *self.command(program, config["services"])]
        if nofile:
            command = ["prlimit", f"--nofile={nofile}:{nofile}", "--"] + command
        self.process = subprocess.Popen(died_with_us(command), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        env={**os.environ, **(env or {})})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def command(self, program, _services):
        return [program, self.config_file]

    def _read(self):
        for raw in self.process.stderr:
            line = raw.decode("utf-8", "backslashreplace").rstrip("\n")
            with self._changed:
                self.lines.append(line)
                self.log.append(logfmt.parse(line))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    # ---- the log

    def find(self, after=0, **fields):
        """All lines from number `after` on that carry these fields."""
        wanted = {key: str(value) for key, value in fields.items()}
        return [line for line in list(self.log)[after:] if wanted.items() <= line.items()]

    def wait_for(self, timeout=PATIENCE_S, count=1, after=0, **fields):
        """The count-th line with these fields, once it is there."""
        deadline = time.monotonic() + timeout
        wanted = {key: str(value) for key, value in fields.items()}
        found, seen = 0, after
        with self._changed:
            while True:
                while seen < len(self.log):  # each line is looked at once
                    line, seen = self.log[seen], seen + 1
                    found += wanted.items() <= line.items()
                    if found == count:
                        return line
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    why = "actpass has ended" if self._ended else f"not within {timeout} s"
                    raise AssertionError(f"log line {count} with {fields}: {why}")
                self._changed.wait(left)

    def wait_for_line(self, begin, timeout=PATIENCE_S):
        """The first line that begins so, once it is there."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: [line for line in self.lines if line.startswith(begin)] or self._ended, timeout)
        if not found or found is True:
            raise AssertionError(f"no line \"{begin}\" within {timeout} s, or it has ended")
        return found[0]

    def address(self, service=None):
        """Where a service listens, as the log says: (host, port), or the path of a unix socket."""
        line = self.wait_for(event="listening", service=service or self.services[0])
        address = line["address"]
        if address.startswith("unix:"):
            return address[len("unix:"):]
        host, _, port = address.rpartition(":")
        return host.strip("[]"), int(port)

    def port(self, service=None):
        return self.address(service)[1]

    def role(self, sock=None, **fields):
        """The line on which the role of that peer's connection (or the only one's) was decided."""
        if sock is not None:
            host, port = sock.getsockname()[:2]
            fields["peer"] = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return self.wait_for(event="role", **fields)

    def close(self, role=None, **fields):
        """The line with which the connection of that role line (or the only one) ended."""
        if role is not None:
            fields["conn"] = role["conn"]
        return self.wait_for(event="close", **fields)

    # ---- the process

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def descriptors_at_rest(self):
        """The same, once all are there that it has as long as it runs. It says that it listens a
        moment before it begins to watch its files."""
        deadline = time.monotonic() + 2
        while not self._watches() and time.monotonic() < deadline:  # it may have no files
            time.sleep(0.01)
        return self.descriptors()

    def _watches(self):
        folder = f"/proc/{self.process.pid}/fd"
        links = []
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):  # closed by now
                links.append(os.readlink(os.path.join(folder, name)))
        return "anon_inode:inotify" in links

    def takes_sigterm(self):
        """Does it drain at SIGTERM by now, instead of being killed?"""
        with open(f"/proc/{self.process.pid}/status") as status:
            blocked = next(line.split()[1] for line in status if line.startswith("SigBlk:"))
        return int(blocked, 16) >> signal.SIGTERM - 1 & 1 == 1

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            after_name = stat.read().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    def rests(self, share, seconds=1):
        """Does it take less than this share of a processor, for so long? For `until`: work that has
        begun may take its time on a busy machine, and a loop never ends."""
        before = self.cpu_seconds()
        time.sleep(seconds)
        return self.cpu_seconds() - before < share * seconds

    def running(self):
        return self.process.poll() is None

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait_exit(self, timeout=30):
        status = self.process.wait(timeout)
        self._reader.join(timeout)
        return status

    def stop(self, timeout=30):
        """Ends it in order; answers its exit status."""
        if self.running():
            self.signal()
        return self.wait_exit(timeout)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self._reader.join(5)
        self.process.stderr.close()
