#!/usr/bin/python3
"""Runs the end-to-end tests: run.py [--program FILE] [--jobs N] [--transport T] [pattern...]

A pattern is a part of a test's name, such as test_verdict or Limits.test_idle. The last line is
`N passed, N failed, N skipped`; with --again the line `flaky: N (NAMES)` before it names the tests
that passed only when run once more, and `again: N (NAMES)` those that did not, if they are few.
The exit status is 0 only when some passed and none failed.
ACTPASS_SHARE=N: of the ways of a test (@each) only every N-th, for slow programs.
ACTPASS_ONLY=NAMES: these tests alone, once, one at a time, as run.sh asks at its end.
"""
import argparse
import multiprocessing
import multiprocessing.connection
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import unittest
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
AGAIN_MOST = 5  # more than so many failures are no accident
GRACE = 30  # seconds that a test has beyond its own deadline before its process is killed


def all_tests(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from all_tests(item)
        else:
            yield item


def share_of(tests, share):
    """Of each test with many ways (@each) every SHARE-th way, another one in another test. Of two
    axes with two values each, half of them are one diagonal."""
    ways = {}
    for test in tests:
        ways.setdefault(test.id().partition("__")[0], []).append(test)
    chosen = []
    for name, several in ways.items():
        first = zlib.crc32(name.encode())
        chosen += [test for number, test in enumerate(several)
                   if (number + number // share + first) % share == 0] or \
            [several[first % len(several)]]
    return chosen


class Result(unittest.TestResult):
    """Keeps what one test came to, with the log of actpass where it failed."""

    def __init__(self):
        super().__init__()
        self.outcome, self.text = "passed", ""

    def _failed(self, test, error, subtest=None):
        self.outcome = "failed"
        log = test.diagnostics() if hasattr(test, "started") else ""
        where = f"{subtest}\n" if subtest else ""
        self.text += where + "".join(traceback.format_exception(*error)) + log + "\n"

    def addFailure(self, test, err):
        self._failed(test, err)

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err:
            self._failed(test, err, subtest)

    def addSkip(self, test, reason):
        if self.outcome == "passed":
            self.outcome, self.text = "skipped", reason


def processor_seconds():
    """Of this process and of those that it has started and that have ended."""
    return sum(os.times()[:4])


def work(pipe):
    """A worker: runs the tests whose names it is sent, one at a time."""
    while True:
        try:
            name = pipe.recv()
        except EOFError:
            return
        result = Result()
        before = processor_seconds()
        unittest.defaultTestLoader.loadTestsFromName(name).run(result)
        pipe.send((result.outcome, result.text, processor_seconds() - before))


class Worker:
    def __init__(self):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=self._main,
                                                                   args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.test = None

    def _main(self, pipe):
        self.pipe.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        work(pipe)

    def start(self, test):
        self.test = test
        self.began = time.monotonic()
        self.latest = self.began + getattr(test, "deadline", 60) + GRACE
        self.pipe.send(test.id())

    def outcome(self):
        """What the test came to, with its processor seconds, or None while it runs."""
        try:
            if self.pipe.poll():
                return self.pipe.recv()
        except EOFError:
            return "failed", "the process that ran the test died\n", 0
        if time.monotonic() < self.latest:
            return None
        return "failed", "the test hung, beyond its deadline\n", 0

    def end(self):
        self.pipe.close()
        self.process.kill()
        self.process.join()


def run_all(tests, jobs, report):
    waiting = list(reversed(tests))
    workers = []
    while waiting or workers:
        while waiting and len(workers) < jobs:
            workers.append(Worker())
            workers[-1].start(waiting.pop())
        multiprocessing.connection.wait([worker.pipe for worker in workers], 1)
        for worker in list(workers):
            outcome = worker.outcome()
            if not outcome:
                continue
            report(worker.test, time.monotonic() - worker.began, *outcome)
            healthy = worker.process.is_alive() and time.monotonic() < worker.latest
            if waiting and healthy:
                worker.start(waiting.pop())
            else:
                worker.end()
                workers.remove(worker)


def raise_descriptor_limit():
    """The default of 10 000 connections for each service needs 30 000; only root may go beyond
    the hard limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for limit in max(hard, 65536), hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return
        except ValueError:
            pass


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/release/actpass")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--transport", choices=["relay", "direct"])
    parser.add_argument("--again", action="store_true",
                        help="run a few that failed once more, alone: for a shared machine")
    parser.add_argument("--update", action="store_true",
                        help="run test_messages*, and write tests/golden instead of comparing")
    parser.add_argument("--verbose", "-v", action="store_true", help="name passed tests, too")
    parser.add_argument("patterns", nargs="*")
    return parser.parse_args()


def wanted(patterns):
    """The tests to run, the long ones first."""
    suite = all_tests(unittest.defaultTestLoader.discover(HERE, "test_*.py", HERE))
    only = os.environ.get("ACTPASS_ONLY", "").split()
    if only:
        return [test for test in suite if test.id() in only]
    tests = [test for test in suite if not patterns or any(p in test.id() for p in patterns)]
    tests = share_of(tests, int(os.environ.get("ACTPASS_SHARE", 1)))
    return sorted(tests, key=lambda test: -getattr(test, "deadline", 60))


def main():
    options = arguments()
    if "ACTPASS_ONLY" in os.environ:
        options.again, options.jobs = False, 1
    if not os.access(options.program, os.X_OK):
        print(f"{options.program} is not there: build it with scons, or name it with --program")
        return 2
    raise_descriptor_limit()
    os.environ["ACTPASS"] = os.path.abspath(options.program)
    if options.update:
        os.environ["GOLDEN_UPDATE"] = "1"
        options.patterns = options.patterns or ["test_messages"]
    if options.transport:
        os.environ["TRANSPORT"] = options.transport
    tests = wanted(options.patterns)
    count = {"passed": 0, "failed": 0, "skipped": 0}

    failed, flaky = [], []

    def report(test, seconds, outcome, text, processor):
        count[outcome] += 1
        if outcome == "failed":
            failed.append(test)
        if outcome != "passed" or options.verbose:
            print(f"{outcome} {test.id()} ({seconds:.1f} s, {processor:.1f} s of processor)",
                  flush=True)
        if outcome != "passed":
            print("  " + text.rstrip().replace("\n", "\n  "), flush=True)

    from support.certificates import Certificates
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folder is removed
    folder = tempfile.mkdtemp(prefix="actpass-e2e.")
    try:
        os.environ["ACTPASS_E2E_FOLDER"] = folder
        Certificates(folder).make_all()
        run_all(tests, max(options.jobs, 1), report)
        if options.again and 0 < len(failed) <= AGAIN_MOST:
            again, failed = failed, []
            print(f"once more, alone: {len(again)}")
            count["failed"] = 0
            run_all(again, 1, report)
            flaky = [test.id() for test in again if test not in failed]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if flaky:
        print(f"flaky: {len(flaky)} ({' '.join(flaky)})")
    if options.again and 0 < len(failed) <= AGAIN_MOST:
        print(f"again: {len(failed)} ({' '.join(test.id() for test in failed)})")
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**count))
    return 0 if count["passed"] and not count["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
