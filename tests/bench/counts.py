#!/usr/bin/env python3
"""Compares what a connection costs in system calls, futex calls and voluntary switches, and what a
round trip costs in system calls, with counts.json, the numbers of the last landed run: tests/bench/counts.py --check [BUILD].

Unlike times, counts hardly depend on how busy the machine is, but on OpenSSL, libc and the kernel.
What a connection costs is the median of three runs; if one is too high, the server is counted once more. --update
writes what it finds into counts.json. The last line of --check is `N passed, N failed`."""
import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile

import measures
import run
import servers
import tracing

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "counts.json")
NAMES = "relay", "direct", "auto"
RUNS, CONNECTIONS = 3, 200
# What may be added to a landed number: a share of it, and that much at least.
TOLERANCE = {"syscalls": (0.1, 2.0), "futex": (0.2, 2.0), "switches": (0.5, 1.0),
             "trip": (0.05, 0.3), "trip64": (0.05, 0.3)}
WORDS = {"syscalls": "system calls a connection", "futex": "futex calls a connection",
         "switches": "voluntary switches a connection", "trip": "system calls a round trip",
         "trip64": "system calls a round trip, 64 busy"}


def limit(count, landed):
    share, least = TOLERANCE[count]
    return landed + max(share * landed, least)


def too_high(found, landed):
    """The counts of one server that are above their limits."""
    return [count for count in TOLERANCE if found[count] > limit(count, landed[count])]


def describe(name, found, landed):
    """A line for each count, and for what has become so much better that it should be landed."""
    for count, number in found.items():
        most = limit(count, landed[count])
        word = "FAIL" if number > most else "ok"
        hint = "; run counts.py --update" if landed[count] > limit(count, number) else ""
        yield (f"{word:4} {name}: {number:.1f} {WORDS[count]}, landed {landed[count]:.1f}, at most "
               f"{most:.1f}{hint}")


def count_once(setup, name, measure):
    server = next(server for server in servers.SERVERS if server.name == name)
    with servers.Running(setup, server) as running:
        measures.warm_up(running)
        return measure(running)


def connections(running):
    return tracing.count(running, CONNECTIONS, measures.load)


def count(setup, name):
    """{count: median}. A round trip always costs the same, so once is enough."""
    runs = [count_once(setup, name, connections) for _ in range(RUNS)]
    found = {key: statistics.median(one[key] for one in runs) for key in runs[0]}
    found.update(count_once(setup, name, measures.trips))
    return {key: round(found[key], 1) for key in TOLERANCE}


def check(setup):
    """The status of the program."""
    with open(FILE, encoding="utf-8") as text:
        all_landed = json.load(text)
    failed = 0
    for name in NAMES:
        landed, found = all_landed[name], count(setup, name)
        if too_high(found, landed):
            again = count(setup, name)
            found = {key: min(number, again[key]) for key, number in found.items()}
        failed += len(too_high(found, landed))
        print("\n".join(describe(name, found, landed)), flush=True)
    print(f"{len(NAMES) * len(TOLERANCE) - failed} passed, {failed} failed")
    return 1 if failed else 0


def update(setup):
    found = {name: count(setup, name) for name in NAMES}
    with open(FILE, "w", encoding="utf-8") as out:
        out.write(json.dumps(found, indent=2) + "\n")
    print(f"{FILE}: written")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="compare with counts.json")
    what.add_argument("--update", action="store_true", help="write counts.json")
    parser.add_argument("build", nargs="?", default="build/release", help="default: %(default)s")
    args = parser.parse_args()
    if not shutil.which("strace"):
        sys.exit("counts.py: strace is not there: apt-get install strace")
    with tempfile.TemporaryDirectory(prefix="actpass-counts-") as folder:
        setup = servers.Setup(folder, os.path.abspath(args.build), *run.cpus())
        try:
            return update(setup) if args.update else check(setup)
        except servers.Failed as failure:
            sys.exit(f"counts.py: {failure}")


if __name__ == "__main__":
    sys.exit(main())
