#!/usr/bin/python3
"""Measures actpass beside the peers that are installed; see --help and README."""
import argparse
import collections
import datetime
import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import tempfile

import inproc
import measures
import progress
import report
import servers


def arguments():
    parser = argparse.ArgumentParser(
        description="Measures actpass beside stunnel4, hitch, haproxy and nginx, in front of the "
        "same plain backend: the server on one CPU, load and backend on another.")
    parser.add_argument("build", nargs="?", default="build/release",
                        help="folder with actpass and bench/ (default: %(default)s)")
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--quick", action="store_true", help="one small round, under a minute")
    parser.add_argument("--only", default="", metavar="NAME,..",
                        help="servers (%s) and measures (%s, inproc)" % (
                            ", ".join(server.name for server in servers.SERVERS),
                            ", ".join(measures.MEASURES)))
    parser.add_argument("--markdown", metavar="FILE", help="write the tables for the README")
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
    args.measures = chosen & all_measures or all_measures
    return args


def cpus():
    """One for the server and one for the load; the same where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def measure_server(setup, server, wanted, args, samples, shown):
    """`wanted` loses each measure that has been taken."""
    alone = [["idle"]] if "idle" in wanted else []  # with a server of its own, before the others
    for group in alone + [[name for name in wanted if name != "idle"]]:
        if not group:
            continue
        with servers.Running(setup, server) as running:
            measures.warm_up(running)
            for name in group:
                shown.begin(name)
                for key, value in measures.MEASURES[name](running, args.size).items():
                    samples[server.name][key].append(value)
                shown.done(name)
                wanted.remove(name)


def chosen_measures(args):
    return [name for name in measures.MEASURES if name in args.measures]


def run_rounds(setup, present, args, problems, shown):
    samples = collections.defaultdict(lambda: collections.defaultdict(list))
    if not chosen_measures(args):
        return samples
    for number in range(args.rounds):
        # To and fro, so that no server always follows the same one.
        for server in present if number % 2 == 0 else reversed(present):
            shown.stage(f"round {number + 1} of {args.rounds}: {server.name}")
            wanted = chosen_measures(args)
            try:
                measure_server(setup, server, wanted, args, samples, shown)
            except servers.Failed as failure:
                problems.append(f"{server.name}: {failure}")
                shown.drop(wanted)
    return samples


def machine():
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":", 1)[1].strip() for line in info
                      if line.startswith("model name")), os.uname().machine)
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.split()
    return (f"{model}, {os.cpu_count()} CPUs, Linux {os.uname().release}, OpenSSL {openssl[1]}, "
            f"{datetime.date.today()}")


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is stopped
    raise_descriptor_limit()
    problems = []
    with tempfile.TemporaryDirectory(prefix="actpass-bench-") as folder:
        setup = servers.Setup(folder, os.path.abspath(args.build), *cpus())
        versions = {server.name: server.version(setup) for server in servers.SERVERS
                    if server.name in args.servers}
        present = [server for server in servers.SERVERS if versions.get(server.name)]
        problems += [f"{name}: not there" for name, version in versions.items() if not version]
        inside_too = "inproc" in args.measures
        shown = progress.Progress(chosen_measures(args) * len(present) * args.rounds +
                                  (inproc.plan(args) if inside_too else []))
        samples = run_rounds(setup, present, args, problems, shown)
        inside = inproc.run(setup, args, problems, shown) if inside_too else {}
        shown.finish()
    result = report.Report(samples, inside, args, versions, machine(),
                           "tests/bench/run.py " + shlex.join(sys.argv[1:]), problems)
    print(result.terminal())
    if args.markdown:
        with open(args.markdown, "w") as out:
            out.write(result.markdown())
    if args.json:
        with open(args.json, "w") as out:
            json.dump({"servers": samples, "inproc": inside}, out, indent=1)
    return 1 if problems and any("not there" not in problem for problem in problems) else 0


if __name__ == "__main__":
    sys.exit(main())
