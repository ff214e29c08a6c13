#!/usr/bin/python3
"""Measures actpass beside the peers that are installed; see --help and README."""
import argparse
import collections
import contextlib
import datetime
import json
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

import chart
import inproc
import measures
import processes
import progress
import report
import servers

SHARED = 0.15  # of the CPUs: more for others disturbs what is measured
OTHER_DESCRIPTORS = 500  # of a server, beside those of its connections


def arguments():
    parser = argparse.ArgumentParser(
        description="Measures actpass beside stunnel4, hitch, haproxy and nginx, in front of the "
        "same plain backend: the server on one CPU, load and backend on another.")
    parser.add_argument("build", nargs="?", default="build/release",
                        help="folder with actpass and bench/ (default: %(default)s)")
    parser.add_argument("--rounds", type=int, help="default %d" % measures.FULL_SIZE.rounds)
    parser.add_argument("--quick", action="store_true", help="one small round, under a minute")
    parser.add_argument("--only", default="", metavar="NAME,..",
                        help="servers (%s) and measures (%s, inproc)" % (
                            ", ".join(server.name for server in servers.SERVERS),
                            ", ".join(measures.MEASURES)))
    parser.add_argument("--markdown", metavar="FILE", help="write the tables for the README")
    parser.add_argument("--chart", metavar="FILE", help="draw the chart for the README (SVG)")
    parser.add_argument("--json", metavar="FILE", help="write every sample")
    args = parser.parse_args()
    args.size = measures.QUICK_SIZE if args.quick else measures.FULL_SIZE
    args.rounds = args.rounds or args.size.rounds
    chosen = set(filter(None, args.only.split(",")))
    all_servers = {server.name for server in servers.SERVERS}
    all_measures = set(measures.MEASURES) | {"inproc"}
    if chosen - all_servers - all_measures:
        parser.error("--only: unknown " + ", ".join(chosen - all_servers - all_measures))
    args.servers = chosen & all_servers or all_servers
    args.measures = chosen & all_measures or all_measures - (
        {"many"} if args.quick else set())
    return args


def cpus():
    """One for the server and one for the load; the same where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


class Round:
    """One round: each measure of all servers by turns, so that those that are compared follow each
    other within seconds, whatever else the machine does."""

    def __init__(self, setup, args, samples, problems, shown):
        self._setup, self._args, self._samples = setup, args, samples
        self._problems, self._shown = problems, shown

    def run(self, number, present):
        # To and fro, so that no server always follows the same one.
        order = present if number % 2 == 0 else present[::-1]
        wanted = {server: measures.taken(server.name, number, self._args.measures)
                  for server in order}
        for name in measures.MEASURES:
            if name in measures.ALONE:
                for server in [server for server in order if name in wanted[server]]:
                    self._alone(server, name, wanted)
        self._by_turns(order, wanted)

    def _alone(self, server, name, wanted):
        with self._noting(server, wanted), servers.Running(self._setup, server) as running:
            measures.warm_up(running)
            self._take(running, server, name, wanted)

    def _by_turns(self, order, wanted):
        """All servers are up; those that wait for their turn use no CPU."""
        with contextlib.ExitStack() as stack:
            running = {}
            for server in [server for server in order if wanted[server]]:
                with self._noting(server, wanted):
                    running[server] = stack.enter_context(servers.Running(self._setup, server))
                    measures.warm_up(running[server])
            for name in measures.MEASURES:
                for server in [server for server in order if name in wanted[server]]:
                    with self._noting(server, wanted):
                        self._take(running[server], server, name, wanted)

    def _take(self, running, server, name, wanted):
        self._shown.begin(name)
        for key, value in measures.MEASURES[name](running, self._args.size).items():
            self._samples[server.name][key].append(value)
        self._shown.done(name)
        wanted[server].remove(name)

    @contextlib.contextmanager
    def _noting(self, server, wanted):
        """A server that fails is left out of the rest of the round."""
        try:
            yield
        except servers.Failed as failure:
            self._problems.append(f"{server.name}: {failure}")
            self._shown.drop(wanted[server])
            wanted[server] = []


def run_rounds(setup, present, args, problems, shown):
    samples = collections.defaultdict(lambda: collections.defaultdict(list))
    for number in range(args.rounds):
        shown.stage(f"round {number + 1} of {args.rounds}")
        Round(setup, args, samples, problems, shown).run(number, present)
    return samples


def plan(present, args):
    return [name for number in range(args.rounds) for server in present
            for name in measures.taken(server.name, number, args.measures)]


def machine():
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":", 1)[1].strip() for line in info
                      if line.startswith("model name")), os.uname().machine)
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.split()
    return (f"{model}, {os.cpu_count()} CPUs, Linux {os.uname().release}, OpenSSL {openssl[1]}, "
            f"{datetime.date.today()}")


def raise_descriptor_limit():
    """As far as is needed or allowed; for how many connections it is enough."""
    needed = measures.DESCRIPTORS * (measures.MANY_IDLE + measures.MANY_SPARE) + OTHER_DESCRIPTORS
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (
            needed, hard if hard == resource.RLIM_INFINITY else max(hard, needed)))
    except (OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    limit = min(needed, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return max(servers.MIN_CONNECTIONS, (limit - OTHER_DESCRIPTORS) // measures.DESCRIPTORS)


def leave_out(args, max_connections, problems):
    """What this machine cannot measure."""
    if "many" in args.measures and measures.many_idle(max_connections) <= args.size.idle:
        args.measures.remove("many")
        problems.append("many: not there (raise the limit of descriptors, ulimit -Hn)")
    if "counts" in args.measures and not shutil.which("strace"):
        args.measures.remove("counts")
        problems.append("counts: strace is not there")
    args.many = measures.many_idle(max_connections)


def measure(args, problems):
    """All samples of the servers and of the part in one process, and the servers' versions."""
    max_connections = raise_descriptor_limit()
    leave_out(args, max_connections, problems)
    with tempfile.TemporaryDirectory(prefix="actpass-bench-") as folder:
        setup = servers.Setup(folder, os.path.abspath(args.build), *cpus(), max_connections)
        versions = {server.name: server.version(setup) for server in servers.SERVERS
                    if server.name in args.servers}
        present = [server for server in servers.SERVERS if versions.get(server.name)]
        problems += [f"{name}: not there" for name, version in versions.items() if not version]
        inside_too = "inproc" in args.measures
        shown = progress.Progress(plan(present, args) + (inproc.plan(args) if inside_too else []))
        samples = run_rounds(setup, present, args, problems, shown)
        inside = inproc.run(setup, args, problems, shown) if inside_too else {}
        shown.finish()
    return samples, inside, versions


def others_note(share):
    return [f"!! others used {share:.0%} of the CPUs meanwhile: measure again on an idle machine"] \
        if share > SHARED else []


def write(path, text):
    if path:
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is stopped
    problems, others = [], processes.Others()
    samples, inside, versions = measure(args, problems)
    notes = others_note(others.share())
    result = report.Report(samples, inside, args, versions, machine(),
                           "tests/bench/run.py " + shlex.join(sys.argv[1:]), notes + problems)
    print(result.terminal())
    write(args.json, json.dumps({"servers": samples, "inproc": inside}, indent=1))
    write(args.markdown, result.markdown())
    write(args.chart, chart.draw(result.found, result.machine))
    return 1 if problems and any("not there" not in problem for problem in problems) else 0


if __name__ == "__main__":
    sys.exit(main())
