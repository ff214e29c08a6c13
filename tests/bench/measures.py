"""One function per measure: a running server in, {value: number} out. CPU is the server's, in
seconds."""
import json
import os
import subprocess
import time

import processes
from servers import Failed

GIB = 1 << 30
IDLE_BEFORE = 2.0  # seconds until a connection counts as idle: some servers give memory back only then
IDLE_SECONDS = 0.5


class Size:
    """How much of each measure."""

    def __init__(self, handshakes, round_trips, bulk, idle, rounds):
        self.handshakes, self.round_trips, self.bulk = handshakes, round_trips, bulk
        self.idle, self.rounds = idle, rounds


FULL_SIZE = Size(handshakes=1500, round_trips=10000, bulk=GIB, idle=1000, rounds=5)
QUICK_SIZE = Size(handshakes=400, round_trips=3000, bulk=GIB // 4, idle=250, rounds=1)


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


def _handshakes(running, size, name, *options):
    found = load(running, "handshakes", "--count", size.handshakes, *options)
    if found["failed"]:
        raise Failed(f"{name} handshakes: {found['failed']} of {found['count']} failed")
    share = found["reused"] / found["count"]
    if share != (1 if name == "resumed" else 0):
        return {name + "_share": share}  # it does not resume: no number for what did not happen
    return {name + "_per_s": found["count"] / found["seconds"],
            name + "_cpu_us": found["cpu"] / found["count"] * 1e6,
            name + "_busy": found["cpu"] / found["seconds"], name + "_share": share}


def full(running, size):
    return _handshakes(running, size, "full")


def resumed(running, size):
    return _handshakes(running, size, "resumed", "--resume")


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


def idle(running, size):
    """Memory, threads and CPU of connections that are open and say nothing."""
    setup, server = running.setup, running.server
    server.settled_cpu()
    before = server.pss()
    client = processes.Process(
        [setup.program("bench/load"), "idle", "--port", str(running.port), "--count",
         str(size.idle)], setup.load_cpu, os.path.join(setup.folder, "idle.log"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if not client.stdout.readline():
            raise Failed(f"idle: {client.tail()} {server.tail()}")
        time.sleep(IDLE_BEFORE)
        cpu = server.cpu()
        time.sleep(IDLE_SECONDS)
        cpu = server.cpu() - cpu
        found = {"idle_kib": (server.pss() - before) / size.idle, "idle_threads": server.threads(),
                 "idle_cpu_ms_s": cpu / IDLE_SECONDS * 1e3}
        client.stdin.write(b"\n")
        client.stdin.flush()
        client.wait(60)
        return found
    finally:
        client.stop()


# Idle connections first, on a server that has done nothing else: its memory is theirs.
MEASURES = {"idle": idle, "full": full, "resumed": resumed, "roundtrip": round_trip, "down": down,
            "up": up}
