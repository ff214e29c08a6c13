"""Cases of selftest.py: what the benchmark says while it runs, how it judges ratios and counts, and
its chart. Nothing is measured here."""
import functools
import io
import os
import re
import sys
import types
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bench'))

import chart
import counts
import measures
import progress
import report
import tracing

TABLE = '''syscall               calls
---------------- ----------
futex                    12
recvfrom                 30
---------------- ----------
total                    42
'''


def expect(found, wanted):
    return '' if found == wanted else 'expected %r, found %r' % (wanted, found)


class Output(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self._terminal = terminal

    def isatty(self):
        return self._terminal


def shown_progress(terminal, pattern, _):
    """Two rounds of two measures, of which the last is dropped."""
    out = Output(terminal)
    shown = progress.Progress(['idle', 'full'] * 2, out)
    for number in 1, 2:
        shown.stage('round %d of 2' % number)
        shown.begin('idle')
        shown.done('idle')
        if number == 1:
            shown.begin('full')
            shown.done('full')
    shown.drop(['full'])
    shown.stage('rest')
    shown.finish()
    said = out.getvalue()
    return '' if re.fullmatch(pattern, said) else 'expected %s, found %r' % (pattern, said)


def strace_table(_):
    return expect(tracing.parse(TABLE.splitlines()), {'futex': 12, 'recvfrom': 30})


def judged_counts(_):
    """At its limit a count passes; a little above it fails; far below, it is to be landed."""
    landed = {'syscalls': 50.0, 'futex': 1.0, 'switches': 10.0, 'trip': 6.0, 'trip64': 4.0}
    fine = {'syscalls': 55.0, 'futex': 3.0, 'switches': 5.0, 'trip': 6.3, 'trip64': 4.3}
    bad = {'syscalls': 55.1, 'futex': 3.1, 'switches': 15.0, 'trip': 7.0, 'trip64': 4.4}
    lines = [line.split()[0] for line in counts.describe('relay', bad, landed)]
    hints = ['update' in line for line in counts.describe('relay', fine, landed)]
    return (expect(counts.too_high(fine, landed), []) or
            expect(counts.too_high(bad, landed), ['syscalls', 'futex', 'trip', 'trip64']) or
            expect(lines, ['FAIL', 'FAIL', 'ok', 'FAIL', 'FAIL']) or
            expect(hints, [False, False, True, False, False]))


def made_report(samples):
    args = types.SimpleNamespace(measures=set(measures.MEASURES), size=measures.QUICK_SIZE,
                                 rounds=2)
    return report.Report(samples, {}, args, dict.fromkeys(samples, '1.0'), 'a machine', 'run', [])


def judged_bars(_):
    """A ratio to the best peer, a number alone, and what was not measured."""
    rows = made_report({
        'relay': {'busy64_cpu_us': [20, 30], 'counts_futex': [5], 'idle_threads': [16, 16],
                  'full_cpu_us': [300, 310]},
        'nginx': {'busy64_cpu_us': [25, 25]}, 'hitch': {'busy64_cpu_us': [50, 50]}}).bars()
    found = {row[0]: row[1:] for row in rows if row[1] in ('nginx', 'best peer', '')}
    return (expect(found['relay: 64 busy: round trip, CPU µs'],
                   ['nginx', '1.000', '0.80 to 1.20', '≤ 1.00', 'pass']) or
            expect(found['relay: futex calls a connection'], ['', '5.0', '', '≤ 4', 'MISS']) or
            expect(found['relay: threads with all idle'],
                   ['', '16.0', '16.00 to 16.00', '≤ 16', 'pass']) or
            expect(found['relay: full handshake, 8 at once: CPU µs'][1:],
                   ['n/a', '', '≤ 1.00', 'n/a']))


def paired_ratios(_):
    """A ratio is the median of the rounds', also where the machine was slow in one of them; the
    spread leaves a quarter of them out at each end. A round that is missing: that of the medians."""
    made = made_report({
        'relay': {'busy64_cpu_us': [10, 12, 40, 10, 10], 'rtt_p50_us': [3, 9]},
        'nginx': {'busy64_cpu_us': [10, 10, 40, 20, 20], 'rtt_p50_us': [3]}})
    return (expect(made.ratio('relay', 'busy64_cpu_us', ['hitch', 'nginx']), (1.0, 'nginx')) or
            expect(made.spread('relay', 'busy64_cpu_us', 'nginx'), '0.50 to 1.00') or
            expect(made.ratio('relay', 'rtt_p50_us', ['nginx']), (2.0, 'nginx')) or
            expect(made.spread('relay', 'rtt_p50_us', 'nginx'), '') or
            expect(made.ratio('relay', 'rtt_p50_us', ['hitch']), (None, None)))


def limited_rates(_):
    """A server that was not busy has a mark at what depends on it."""
    table = made_report({'relay': {'busy64_per_s': [9000], 'busy64_busy': [0.5]},
                         'nginx': {'busy64_per_s': [9000], 'busy64_busy': [0.95]}}).measured()
    return expect(table[1], ['64 busy: round trips per s', '9000~', '9000'])


def taken_measures(_):
    """Rare measures are for the first rounds, and stunnel is never busy."""
    wanted = {'many', 'busy64', 'full'}
    found = [measures.taken(server, number, wanted)
             for server, number in (('relay', 0), ('relay', 2), ('stunnel', 2))]
    return expect(found, [['many', 'full', 'busy64'], ['full', 'busy64'], ['full']])


def drawn_chart(_):
    """A bar for each number, and a word where there is none."""
    text = chart.draw({'relay': {'full_cpu_us': 250, 'busy256_p99_us': 12345},
                       'nginx': {'full_cpu_us': 500}}, 'a <machine>')
    kinds = [rect.get('class') for rect in ElementTree.fromstring(text).iter(
        '{http://www.w3.org/2000/svg}rect')]
    return (expect(kinds, ['page', 'ours', 'theirs', 'ours']) or
            expect([word in text for word in ('not measured', '>12.35<', 'prefers-color-scheme')],
                   [True] * 3))


def cases():
    """Names and functions, each of which takes a folder and answers what is wrong."""
    make = functools.partial
    return [
        ('bench_plain', make(shown_progress, False, 'round 1 of 2; 0 of 4 done\n'
                             r'round 2 of 2; 2 of 4 done; about 0 s left\n'
                             r'rest; 3 of 3 done; about 0 s left\n')),
        ('bench_terminal', make(shown_progress, True, ''.join(
            r'\r\033\[K' + line for line in (
                'round 1 of 2, idle; 0 of 4 done', 'round 1 of 2, full; 1 of 4 done; about 0 s left',
                'round 2 of 2, idle; 2 of 4 done; about 0 s left', '')))),
        ('bench_strace', strace_table),
        ('bench_counts', judged_counts),
        ('bench_bars', judged_bars),
        ('bench_paired', paired_ratios),
        ('bench_limited', limited_rates),
        ('bench_taken', taken_measures),
        ('bench_chart', drawn_chart),
    ]
