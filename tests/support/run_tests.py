#!/usr/bin/env python3
"""Runs test programs (Criterion, or mini_criterion under sanitizers) and judges what they did.

A program passes when it ends with status 0, its closing line counts at least one test and no
failure, and no sanitizer left a report: Criterion lets an empty run and a leak pass (hazards 39
and 40). Output is kept in LOGS; what failed is shown. The last line is `N passed, N failed`.

Most tests wait more than they compute, so as many programs run at once as there are processors,
each of which runs as many tests at once, and the longest begin. These machines are shared: a
program whose tests failed, without a sanitizer's report, is run once more at the end, alone, and
what it said at first is shown all the same. If it passes then, the line `flaky: N (NAMES)` before
the last one names it. If it fails again, the line `again: N (PATHS)` names it and others, which have
N failures: run.sh runs them a last time, with --once, when nothing else runs. What a sanitizer
reports counts at once and is in neither line, nor is what hung.
"""
import argparse
import concurrent.futures
import os
import platform
import re
import signal
import subprocess
import sys
import time

import sanitizers

SYNTHESIS = re.compile(r'Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+) '
                       r'\| Crashing: (\d+)')
UNDEFINED = re.compile(r': runtime error: ')  # this sanitizer does not obey log_path beside ASan
PASSING = re.compile(r'^\[(RUN |PASS)\].*\n', re.M)
SKIPPED = re.compile(r'^\[SKIP\](?!.*Test is disabled)', re.M)
# From 27 seconds down to 4 in variant release, of which most compute for a fraction.
LONGEST = ('test_http', 'test_conn_end', 'test_conn_moments', 'test_relay_loop', 'test_relay_rings',
           'test_bio', 'test_conn_hazards', 'test_bridge', 'test_conn_streams', 'test_conn_waits',
           'test_sessions_expiry', 'test_conn_cut', 'test_conn_certificate', 'test_conn_flood',
           'test_conn_verdict', 'test_sessions_store', 'test_conn_attack',
           'test_forward_backpressure')


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--runner', choices=('criterion', 'mini_criterion'), default='criterion')
    parser.add_argument('--logs', required=True, help='folder for output and sanitizer reports')
    parser.add_argument('--timeout', type=float, default=300, help='seconds for one program')
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='programs at once')
    parser.add_argument('--once', action='store_true', help='run nothing once more')
    parser.add_argument('programs', nargs='*')
    return parser.parse_args()


running = set()  # the processes


def end_all(*_):
    """For signals: what was started ends with us."""
    for process in list(running):
        os.killpg(process.pid, signal.SIGKILL)
    os._exit(1)


def run(command, env, output, timeout):
    """The process id and exit status, which is None after a timeout. The program and all it started
    are a group of their own."""
    with open(output, 'wb') as log:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT, start_new_session=True)
    running.add(process)
    try:
        return process.pid, process.wait(timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return process.pid, None
    finally:
        running.discard(process)


def read(path):
    with open(path, encoding='utf-8', errors='replace') as file:
        return file.read()


def judge(status, text, reports):
    """Passed, failed, and what is wrong beyond the failed tests."""
    match = SYNTHESIS.search(text)
    if status is None:
        return 0, 1, ['timed out']
    if not match:
        return 0, 1, ['no closing line, status %d' % status]
    tested, passed, failed, _ = map(int, match.groups())
    wrong = []
    if tested == 0:
        wrong.append('it ran no test')
    if reports or UNDEFINED.search(text):
        wrong.append('sanitizer reports')
    if status != 0 and not failed and not wrong:
        wrong.append('status %d' % status)
    if passed + failed != tested:
        wrong.append('its closing line does not add up')
    return passed, failed + len(wrong), wrong


def run_program(program, args):
    """Runs one program; passed, failed, what is wrong beyond that, and what there is to say."""
    name = os.path.relpath(program, os.path.dirname(args.logs)).replace('/', '-')
    output = os.path.join(args.logs, name + '.log')
    report = os.path.join(args.logs, name + '.report')
    sanitizers.forget_reports(report)
    env = sanitizers.environment(report)
    command = [os.path.abspath(program)]
    if args.runner == 'criterion':
        command += ['--verbose', '--color=never']  # it names skipped tests only if verbose
    began = time.monotonic()
    pid, status = run(command, env, output, args.timeout)
    if 'unexpected memory mapping' in read(output):
        # Some kernels randomise more bits of addresses than gcc's ThreadSanitizer can bear.
        command = ['setarch', platform.machine(), '-R'] + command
        pid, status = run(command, env, output, args.timeout)
    reports = sanitizers.reports(report)
    own = '%s.%d' % (report, pid)
    if own in reports and status == sanitizers.LEAKED:
        reports.remove(own)  # no test ran in this process: Criterion leaks the timers of .timeout
        status = 0
    text = read(output)
    passed, failed, wrong = judge(status, text, reports)
    skipped = len(SKIPPED.findall(text))
    said = '%s %-24s %4d passed, %d failed%s  %.1f s%s' % (
        'ok  ' if not failed else 'FAIL', os.path.basename(program), passed, failed,
        ', %d skipped' % skipped if skipped else '', time.monotonic() - began,
        '  (%s)' % '; '.join(wrong) if wrong else '')
    if failed:
        for path in [output] + reports[:3]:
            said += '\n---- %s\n%s' % (path, PASSING.sub('', read(path))[-8000:].rstrip())
    return passed, failed, wrong, said


def longest_first(programs):
    """The others keep their order."""
    place = {name: number for number, name in enumerate(LONGEST)}
    return sorted(programs, key=lambda path: place.get(os.path.basename(path), len(LONGEST)))


def run_all(args):
    """Runs all programs; passed, failed, and those to run once more, whose results count then."""
    passed = failed = 0
    again = []
    with concurrent.futures.ThreadPoolExecutor(max(args.jobs, 1)) as pool:
        results = pool.map(lambda program: run_program(program, args), args.programs)
        for program, (more_passed, more_failed, wrong, said) in zip(args.programs, results):
            print(said)
            if more_failed and 'sanitizer reports' not in wrong and not args.once:
                again.append(program)
                continue
            passed += more_passed
            failed += more_failed
    return passed, failed, again


def run_again(programs, args):
    """Runs these alone; passed, failed, the flaky ones, and those to run a last time with the
    number of their failures."""
    total_passed = total_failed = last = 0
    flaky, final = [], []
    for program in programs:
        passed, failed, wrong, said = run_program(program, args)
        print('once more, alone:\n' + said)
        total_passed += passed
        total_failed += failed
        if not failed:
            flaky.append(os.path.basename(program))
        elif not set(wrong) & {'sanitizer reports', 'timed out'}:
            final.append(program)
            last += failed
    return total_passed, total_failed, flaky, final, last


def main():
    args = options()
    args.programs = longest_first(args.programs)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end_all)
    os.makedirs(args.logs, exist_ok=True)
    if not args.programs:
        print('there is no test program to run')
    passed, failed, again = run_all(args)
    more_passed, more_failed, flaky, final, last = run_again(again, args)
    passed, failed = passed + more_passed, failed + more_failed
    if flaky:
        print('flaky: %d (%s)' % (len(flaky), ' '.join(flaky)))
    if final:
        print('again: %d (%s)' % (last, ' '.join(final)))
    print('%d passed, %d failed' % (passed, failed))
    return 0 if passed and not failed else 1


sys.exit(main())
