"""Shows how far the benchmark has come: one line that is kept up to date on a terminal, elsewhere a
line for each stage."""
import collections
import sys
import time


class Progress:
    """`plan` has the measures that will be taken, each as often as it will be taken."""

    def __init__(self, plan, out=sys.stderr):
        self._left = collections.Counter(plan)
        self._total = sum(self._left.values())
        self._seconds = collections.defaultdict(list)  # {measure: [seconds each took]}
        self._out, self._since, self._stage = out, time.monotonic(), ""

    def stage(self, text):
        self._stage = text
        if not self._out.isatty():
            print(self._line(), file=self._out, flush=True)

    def begin(self, measure):
        self._since = time.monotonic()
        if self._out.isatty():
            print("\r\033[K" + self._line(measure), end="", file=self._out, flush=True)

    def done(self, measure):
        now = time.monotonic()
        self._seconds[measure].append(now - self._since)
        self._left[measure] -= 1
        self._since = now

    def drop(self, measures):
        """These will not be taken after all."""
        self._left.subtract(measures)
        self._total -= len(measures)

    def finish(self):
        if self._out.isatty():
            print("\r\033[K", end="", file=self._out, flush=True)

    def seconds_left(self):
        """By the mean of each measure so far; where there is none yet, by the mean of all."""
        known = [seconds for measure in self._seconds.values() for seconds in measure]
        if not known:
            return None
        return sum(count * _mean(self._seconds[measure] or known)
                   for measure, count in list(self._left.items()))

    def _line(self, measure=""):
        seconds = self.seconds_left()
        return "%s%s; %d of %d done%s" % (
            self._stage, ", " + measure if measure else "", self._total - sum(self._left.values()),
            self._total, "" if seconds is None else "; about %.0f s left" % seconds)


def _mean(numbers):
    return sum(numbers) / len(numbers)
