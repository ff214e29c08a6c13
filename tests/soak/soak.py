#!/usr/bin/env python3
"""Mixed load on the daemon for a while: soak.py [--program FILE] [--minutes N]

Peers in both roles connect, resume, send much, idle, stop reading, half-close, and go at any step,
through forward, echo and http; certificates are reloaded meanwhile. Every byte must be right, no
connection lost, and after the first third memory, threads and descriptors must be flat. It takes
at most half a processor, the daemon's part included. See "Soak" in tests/README.md.

The last line is `N passed, N failed`: the visits, those that stay, and each measure.
"""
import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]

import visits  # noqa: E402
import watch  # noqa: E402
from support.data import until  # noqa: E402
from world import Pace, World  # noqa: E402

WORKERS = 24
MOST_FAILURES = 20  # then it ends
SETTLE_S = 2  # a connection that has been idle for a second gives its memory back


class Soak:
    def __init__(self, options, folder):
        self.options = options
        self.failures = []
        self._lock = threading.Lock()
        self.visits = 0
        self.samples = []
        self.began = time.monotonic()
        env = {"LD_PRELOAD": options.preload} if options.preload else None
        self.world = World(os.path.abspath(options.program), folder, self.fail, env)
        self.pace = Pace(self.world, options.share)
        self._kinds, self._weights = zip(*visits.all_visits(self.world))
        self.resume = next(kind for kind in self._kinds if isinstance(kind, visits.Resume))
        self._reloads = 0

    def fail(self, kind, seed, error):
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        with self._lock:
            self.failures.append(f"{kind}, seed {seed}:\n{text}")
        seconds = time.monotonic() - self.began
        print(f"FAILED after {seconds:.0f} s: {self.failures[-1]}", flush=True)

    def work(self):
        while True:
            self.pace.begin()
            with self._lock:
                self.visits += 1
                seed = self.options.seed * 1000000 + self.visits
            chance = random.Random(seed)
            kind = chance.choices(self._kinds, self._weights)[0]
            try:
                kind(self.world, chance)
            except Exception as error:  # whatever it is, it is the result of the visit
                self.fail(getattr(kind, "__name__", type(kind).__name__), seed, error)
            finally:
                self.pace.end()

    # ---- one round: load, then quiet

    def reload(self, chance):
        """Now and then with another certificate, which the next client must be shown. Sessions do
        not outlive that, and those in memory no reload at all."""
        self._reloads += 1
        name = ("old", "new")[self._reloads // 5 % 2]
        self.world.use_certificate(name)
        self.world.daemon.after_signal(signal.SIGHUP, "reload", "kept")
        peer = self.world.served("echo", chance, device=False)
        shown = peer.object.getpeercert()["serialNumber"]
        visits.cleanly(peer)
        assert int(shown, 16) == int(self.world.certificates.serial(name), 16), "an old certificate"

    def take(self, state):
        self.samples.append(watch.sample(self.world.daemon, self.began, state, self.visits))
        print(watch.line(self.samples[-1]), flush=True)

    def load(self, seconds, chance, residents):
        end = time.monotonic() + seconds
        due = time.monotonic() + self.options.interval
        while time.monotonic() < end:
            time.sleep(self.options.interval / 5)
            residents.ask_some()
            if time.monotonic() >= due:
                self.take("load")
                self.reload(chance)
                due += self.options.interval

    def rest(self, home, residents):
        """All but those that stay go; then the daemon must have nothing but these."""
        home.resting.set()
        self.pace.pause()
        staying = len(residents.peers) + 1
        until(lambda: self.open() == staying, 30, f"{staying} open connections")
        time.sleep(SETTLE_S)
        self.take("quiet")
        home.resting.clear()
        self.pace.go_on()

    def open(self):
        time.sleep(0.1)
        return int(self.world.daemon.after_signal(signal.SIGUSR1, "status")["open"])

    # ---- all of it

    def run(self):
        chance = random.Random(self.options.seed)
        residents = visits.Residents(self.world, chance)
        home = visits.Home(self.world, random.Random(self.options.seed + 1), self.fail)
        for _ in range(WORKERS):
            threading.Thread(target=self.work, daemon=True).start()
        print(watch.HEAD, flush=True)
        end = self.began + 60 * self.options.minutes
        while time.monotonic() < end and len(self.failures) < MOST_FAILURES:
            self.load(self.options.round, chance, residents)
            self.rest(home, residents)
        self.pace.pause()
        home.done = True
        residents.leave()
        self.check_log()
        self.world.daemon.stop()

    def check_log(self):
        """Each connection was accepted, and the daemon had nothing to complain about."""
        status = self.world.daemon.after_signal(signal.SIGUSR1, "status")
        self.expect(int(status["accepted"]), self.world.connected, "connections were accepted")
        for name in "dropped", "refused", "made_way":
            self.expect(int(status[name]), 0, f"connections were {name}")
        self.expect(self.world.daemon.errors[:5], [], "errors were logged")
        for store, times in self.resume.resumed.items():
            self.expect(times > 0, True, f"service {store} resumed sessions")

    def expect(self, found, wanted, what):
        if found != wanted:
            self.failures.append(f"{what}: {found}, not {wanted}")

    def judge(self):
        """Prints what came of it; how many passed and failed."""
        daemon = self.world.daemon
        print("\n" + watch.curves(self.samples), "\n")
        growing = self.judge_growth()
        resumed = ", ".join(f"{name} {self.resume.resumed[name]} of {times}"
                            for name, times in sorted(self.resume.times.items()))
        print(f"{self.visits} visits, {self._reloads} reloads; resumed: {resumed}; closed: "
              + ", ".join(f"{reason} {count}" for reason, count in daemon.counts.most_common()))
        for text in self.failures:
            print("failed: " + text.splitlines()[0])
        failed = len(self.failures) + growing
        print(f"{max(0, self.visits - len(self.failures))} passed, {failed} failed")
        return 1 if failed else 0

    def judge_growth(self):
        """Prints the medians; how many of them have grown."""
        growing = 0
        try:
            for state, name, before, after, grows in watch.grown(self.samples,
                                                                 self.options.minutes):
                growing += grows
                print(f"{state:>6} {name:<12} {before:>9g} in the second third, {after:>9g} in the "
                      f"last{': it grows' if grows else ''}")
        except AssertionError as error:
            self.failures.append(str(error))
        return growing


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/release/actpass")
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--round", type=float, help="seconds of load between two quiet points")
    parser.add_argument("--interval", type=float, help="seconds between two samples")
    parser.add_argument("--share", type=float, default=0.5, help="of a processor, for all of it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--preload", help="a library for the daemon's LD_PRELOAD")
    parser.add_argument("--chart", help="where to write the curves, as SVG")
    options = parser.parse_args()
    options.round = options.round or max(10, options.minutes * 60 / 45)
    options.interval = options.interval or min(10, options.round / 5)
    return options


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folder is removed
    folder = tempfile.mkdtemp(prefix="actpass-soak.")
    soak = None
    try:
        soak = Soak(options, folder)
        try:
            soak.run()
        except Exception as error:
            soak.fail("soak", options.seed, error)
        if options.chart:
            with open(options.chart, "w", encoding="utf-8") as out:
                out.write(watch.chart(soak.samples, f"{options.minutes:g} minutes of mixed load"))
        return soak.judge()
    finally:
        if soak:
            soak.world.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
