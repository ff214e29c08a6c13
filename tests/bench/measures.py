"""One function per measure: a running server in, {value: number} out. CPU is the server's, in
seconds."""
import json
import os
import subprocess
import time

import processes
import tracing
from servers import Failed

GIB = 1 << 30
IDLE_BEFORE = 2.0  # seconds until a connection counts as idle: some servers free memory only then
IDLE_SECONDS = 0.5


MIX_CONNECTIONS, MIX_ACTIVE = 1000, 50
TRIPS = 500  # that are counted


class Size:
    """How much of each measure."""

    def __init__(self, handshakes, round_trips, busy, bulk, idle, counted, rounds):
        self.handshakes, self.round_trips, self.busy = handshakes, round_trips, busy
        self.bulk, self.idle, self.counted, self.rounds = bulk, idle, counted, rounds


# Many short rounds: what a shared machine does meanwhile lasts for seconds or minutes, and so is in
# both numbers of a ratio, or in few of the ratios.
FULL_SIZE = Size(handshakes=500, round_trips=3000, busy=20000, bulk=GIB // 4, idle=1000,
                 counted=400, rounds=15)
QUICK_SIZE = Size(handshakes=400, round_trips=3000, busy=10000, bulk=GIB // 4, idle=250,
                  counted=100, rounds=1)
MANY_IDLE, MANY_SPARE = 10000, 100
DESCRIPTORS = 4  # that actpass reserves for each connection, the most of all


def many_idle(max_connections):
    """As many as the limit of descriptors allows, at most MANY_IDLE."""
    return min(MANY_IDLE, max_connections - MANY_SPARE)


def load(running, mode, *options):
    """Runs the load generator; what it found, with the server's CPU."""
    setup, server = running.setup, running.server
    command = ["taskset", "-c", str(setup.load_cpu), setup.program("bench/load"), mode,
               "--port", str(running.port), *map(str, options)]
    before = server.settled_cpu()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 or server.ended():
        raise Failed(f"{mode}: {done.stderr.strip()} {server.tail()}")
    found = json.loads(done.stdout)
    found["cpu"] = server.settled_cpu() - before
    return found


def warm_up(running):
    """First uses of code, memory and caches are nobody's measure."""
    load(running, "handshakes", "--count", 30)
    load(running, "handshakes", "--count", 30, "--resume")


def _handshakes(running, size, name, at_once, *options):
    found = load(running, "handshakes", "--count", size.handshakes, "--concurrency", at_once,
                 *options)
    if found["failed"]:
        raise Failed(f"{name} handshakes: {found['failed']} of {found['count']} failed")
    share = found["reused"] / found["count"]
    if share != (1 if "--resume" in options else 0):
        return {name + "_share": share}  # it does not resume: no number for what did not happen
    return {name + "_per_s": found["count"] / found["seconds"],
            name + "_cpu_us": found["cpu"] / found["count"] * 1e6,
            name + "_busy": found["cpu"] / found["seconds"], name + "_share": share}


def full(name, at_once):
    return lambda running, size: _handshakes(running, size, name, at_once)


def resumed(name, at_once):
    return lambda running, size: _handshakes(running, size, name, at_once, "--resume")


def round_trip(running, size):
    found = load(running, "roundtrip", "--count", size.round_trips)
    return {"rtt_p50_us": found["p50_us"], "rtt_p99_us": found["p99_us"],
            "rtt_cpu_us": found["cpu"] / found["count"] * 1e6}


def _bulk(running, size, way):
    found = load(running, way, "--bytes", size.bulk, "--seconds", 20)
    return {way + "_mib_s": found["bytes"] / found["seconds"] / (1 << 20),
            way + "_cpu_s_gib": found["cpu"] / found["bytes"] * GIB,
            way + "_busy": found["cpu"] / found["seconds"]}


def down(running, size):
    return _bulk(running, size, "down")


def up(running, size):
    return _bulk(running, size, "up")


class Held:
    """A load whose connections stay open: it prints a line when they are, and goes on at each line
    that it is sent."""

    def __init__(self, running, mode, *options):
        setup, self._running = running.setup, running
        self._process = processes.Process(
            [setup.program("bench/load"), mode, "--port", str(running.port), *map(str, options)],
            setup.load_cpu, os.path.join(setup.folder, mode + ".log"), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)

    def line(self):
        text = self._process.stdout.readline()
        if not text or self._running.server.ended():
            raise Failed(f"{self._process.tail()} {self._running.server.tail()}")
        return json.loads(text)

    def go_on(self):
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def finish(self):
        self.go_on()
        self._process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stop()


def idle(name, connections_of):
    """Memory, threads and CPU of connections that are open and say nothing."""
    def measure(running, size):
        server, number = running.server, connections_of(running.setup, size)
        server.settled_cpu()
        before = server.memory()
        with Held(running, "idle", "--count", number) as client:
            client.line()
            time.sleep(IDLE_BEFORE)
            cpu = server.cpu()
            time.sleep(IDLE_SECONDS)
            cpu = server.cpu() - cpu
            found = {name + "_kib": (server.memory() - before) / number,
                     name + "_threads": server.threads(),
                     name + "_cpu_ms_s": cpu / IDLE_SECONDS * 1e3}
            client.finish()
            return found
    return measure


def busy(name, connections, active):
    """`active` of `connections` have a message in flight. `_load` is how busy the CPU of load and
    backend was."""
    def measure(running, size):
        server, backend = running.server, running.backend
        with Held(running, "busy", "--connections", connections, "--concurrency", active, "--count",
                  size.busy) as client:
            client.line()
            before, backend_before = server.settled_cpu(), backend.cpu()
            client.go_on()
            found = client.line()
            used = found["own_cpu"] + backend.cpu() - backend_before
            cpu = server.settled_cpu() - before
            client.finish()
        return {name + "_per_s": found["count"] / found["seconds"],
                name + "_cpu_us": cpu / found["count"] * 1e6,
                name + "_p50_us": found["p50_us"], name + "_p99_us": found["p99_us"],
                name + "_busy": cpu / found["seconds"], name + "_load": used / found["seconds"]}
    return measure


def calls_a_trip(running, connections, round_trips):
    """System calls of a round trip, while each of so many connections has a message in flight."""
    with Held(running, "busy", "--connections", connections, "--concurrency", connections,
              "--count", round_trips) as client:
        client.line()

        def work():
            client.go_on()
            client.line()
        calls = tracing.system_calls(running, work)
        client.finish()
    return sum(calls.values()) / round_trips


def trips(running):
    """Calls of a round trip, by how many are in flight."""
    return {"trip": calls_a_trip(running, 1, TRIPS), "trip64": calls_a_trip(running, 64, 2 * TRIPS)}


def counts(running, size):
    found = {**tracing.count(running, size.counted, load), **trips(running)}
    return {"counts_" + name: number for name, number in found.items()}


MEASURES = {
    "idle": idle("idle", lambda _, size: size.idle),
    "many": idle("many", lambda setup, _: many_idle(setup.max_connections)), "counts": counts,
    "full": full("full", 8), "full64": full("full64", 64), "resumed": resumed("resumed", 8),
    "resumed64": resumed("resumed64", 64), "roundtrip": round_trip, "down": down, "up": up,
    "busy64": busy("busy64", 64, 64), "busy256": busy("busy256", 256, 256),
    "mix": busy("mix", MIX_CONNECTIONS, MIX_ACTIVE)}
# Each with a server of its own, which has done nothing else, so its memory is theirs. The others
# are taken of all servers by turns.
ALONE = ["idle", "many", "counts"]
# What differs little from one round to the next is measured in the first rounds only.
ROUNDS = {"many": 2, "counts": 2, "idle": 5}
# stunnel needs about three times the CPU of the others here, and would take most of the time.
NOT_TAKEN = {"stunnel": ["busy64", "busy256", "mix"]}


def taken(server, number, wanted):
    """Those of the measures that are taken of a server in a round; the first round is 0."""
    return [name for name in MEASURES if name in wanted and number < ROUNDS.get(name, number + 1)
            and name not in NOT_TAKEN.get(server, [])]
