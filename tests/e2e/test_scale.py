"""Thousands of connections open at once in one process: each is answered in turn, none is dropped,
all idle cost nothing, and the last handshake is no dearer than the first.

ACTPASS_SOAK=1 asks for the large numbers (tests/run.sh scale). A machine whose limits leave less
room gets fewer, and the line that each test prints says why."""
import contextlib
import os
import re
import statistics
import subprocess
import time

from support import crowd, limits
from support.case import Case
from support.data import soak, until

LAST = 100  # so many connections at each end of the row are compared; a multiple of CLIENTS
ROUNDS = soak(5, 9)  # so often, by the median
DEARNESS = soak(2, 1.2)  # few rounds may be off the mark
CLIENTS = 4  # processes
PORTS = 5000  # connections towards one address of a backend: with 10 000 each connect takes longer
OWN_DESCRIPTORS = 600  # of each process, beside those of the connections
SPARE = 10  # connections of a service: each process of the crowd may begin with the same one
MEMORY_KIB = 110  # of all processes and the kernel, for each connection, with some to spare


class Scale(Case):
    deadline = soak(240, 1800)

    def room(self, wanted, descriptors):
        """How many of the wanted connections there is room for, if each takes so many descriptors
        in actpass; and why not more."""
        each, total = limits.raise_descriptors(self, wanted * descriptors + OWN_DESCRIPTORS,
                                               wanted * descriptors * 2 + 10 * OWN_DESCRIPTORS)
        memory = limits.free_memory_kib()
        return min((wanted, ""),
                   ((each - OWN_DESCRIPTORS) // descriptors,
                    f", since a process may have {each} descriptors, and we may not raise that"),
                   ((total - 10 * OWN_DESCRIPTORS) // (descriptors * 2),
                    f", since all processes together may have {total} more descriptors"),
                   (memory // MEMORY_KIB, f", since {memory // 1024} MiB of memory are free"))

    @staticmethod
    def cpu_seconds(actpass):
        """Exact to nanoseconds; /proc/PID/stat has hundredths of a second."""
        return time.clock_gettime((~actpass.process.pid << 3) | 2)

    @staticmethod
    def sleeps(actpass):
        """How often each thread has gone to sleep by now: one that never wakes up does not sleep
        again."""
        found, folder = {}, f"/proc/{actpass.process.pid}/task"
        for task in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError), open(f"{folder}/{task}/status") as status:
                line = next(line for line in status if line.startswith("voluntary"))
                found[task] = int(line.split()[1])
        return found

    def wakes_when_idle(self, actpass):
        """Wake-ups in the first second with next to none: before that each connection gives its
        memory back."""
        def quiet():
            before = self.cpu_seconds(actpass), self.sleeps(actpass)
            time.sleep(1)
            after = self.sleeps(actpass)
            wakes = sum(after[task] - before[1].get(task, 0) for task in after)
            seen.append(wakes)
            return self.cpu_seconds(actpass) - before[0] <= 0.02 and wakes <= 5
        seen = []
        until(quiet, 60, "no CPU time and no wake-ups")
        self.assertLessEqual(actpass.threads(), 64, "threads with all connections idle")
        return seen[-1]

    def cpu_of(self, actpass, clients, count):
        """CPU seconds of actpass for so many connections, which are open together for a moment."""
        before = self.cpu_seconds(actpass)
        clients.open(count, self.addresses(actpass))
        clients.close(count)
        return self.cpu_seconds(actpass) - before

    def dearness(self, full, fresh, clients, count):
        """CPU time of the last so many connections beside that of the first so many. The machine
        may be busy, and its speed changes: so the first ones are those to a process of their own,
        by turns with the last ones."""
        self.cpu_of(fresh, clients, count)  # what only the very first ones cost
        rounds = [self.cpu_of(full, clients, count) / self.cpu_of(fresh, clients, count)
                  for _ in range(ROUNDS)]
        return statistics.median(rounds)

    @staticmethod
    def addresses(actpass):
        return [actpass.address(service) for service in actpass.services]

    def closed(self):
        """How many connections have closed for each reason, as the daemon counts them: of so many
        log lines at once some are lost."""
        text = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "20", "--unix-socket",
                               self.admin_socket, "http://actpass/metrics"],
                              capture_output=True, text=True, timeout=30, check=True).stdout
        found = {}
        for reason, number in re.findall(
                r'^actpass_connections_closed_total{.*reason="(\w+)".*} (\d+)$', text, re.MULTILINE):
            found[reason] = found.get(reason, 0) + int(number)
        return found

    def check(self, name, services, count, wanted, why):
        self.assertGreater(count, 2 * LAST, f"too few connections{why}")
        self.admin_socket = os.path.join(self.folder, "admin.sock")
        fresh = self.actpass(*services, level="info")
        actpass = self.actpass(*services, level="info",
                               admin={"listen": f"unix:{self.admin_socket}"})
        clients = crowd.Crowd(self, CLIENTS)
        clients.open(count - LAST, self.addresses(actpass))
        dearness = self.dearness(actpass, fresh, clients, LAST)
        clients.open(LAST, self.addresses(actpass))
        wakes, threads = self.wakes_when_idle(actpass), actpass.threads()
        clients.ask()
        print(f"{name}: {count} of {wanted} connections at once{why}; each was answered twice. The "
              f"last ones took {dearness:.2f} of the CPU time of the first; all idle: {threads} "
              f"threads, {wakes} wake-ups in a second", flush=True)
        clients.close(count)
        ends = {"CLEAN": count + ROUNDS * LAST}
        until(lambda: self.closed() == ends, 60, f"{ends}, and no other end")
        self.assertLess(dearness, DEARNESS, "CPU time of the last connections beside the first")

    def test_echo(self):
        wanted = soak(1000, 50000)
        count, why = self.room(wanted, 1)
        self.check("echo", [self.service(max_connections=count + SPARE)], count, wanted, why)

    def test_forward(self):
        wanted = soak(500, 30000)
        count, why = self.room(wanted, 2)
        port, number = crowd.backend(self), count // PORTS + 1
        services = [self.service(f"front{i}", forward=f"127.0.0.{i + 1}:{port}",
                                 max_connections=count // number + SPARE) for i in range(number)]
        self.check("forward", services, count, wanted, why)
