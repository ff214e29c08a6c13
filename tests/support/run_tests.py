#!/usr/bin/env python3
"""Runs test programs (Criterion, or mini_criterion in variant tsan) and judges what they did.

A program passes when it ends with status 0, its closing line counts at least one test and no
failure, and no sanitizer left a report: Criterion lets an empty run and a leak pass (hazards 39
and 40). Output is kept in LOGS; what failed is shown. The last line is `N passed, N failed`.

These machines are shared: a program whose tests failed, without a sanitizer's report, is run once more, and what
it said at first is shown all the same. A report counts at once.
"""
import argparse
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


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--variant', default='release')
    parser.add_argument('--logs', required=True, help='folder for output and sanitizer reports')
    parser.add_argument('--timeout', type=float, default=300, help='seconds for one program')
    parser.add_argument('programs', nargs='*')
    return parser.parse_args()


def run(command, env, output, timeout):
    """The process id and exit status, which is None after a timeout. The program and all it started
    are a group of their own."""
    with open(output, 'wb') as log:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT, start_new_session=True)
    try:
        return process.pid, process.wait(timeout)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            return process.pid, None
        raise


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
    """Runs one program, prints its line, and returns passed, failed, and whether a sanitizer reported."""
    name = os.path.relpath(program, os.path.dirname(args.logs)).replace('/', '-')
    output = os.path.join(args.logs, name + '.log')
    report = os.path.join(args.logs, name + '.report')
    sanitizers.forget_reports(report)
    env = sanitizers.environment(report)
    command = [os.path.abspath(program)]
    if args.variant != 'tsan':
        command += ['--verbose', '--color=never']  # Criterion names skipped tests only if verbose
    began = time.monotonic()
    pid, status = run(command, env, output, args.timeout)
    if args.variant == 'tsan' and 'unexpected memory mapping' in read(output):
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
    print('%s %-24s %4d passed, %d failed%s  %.1f s%s' % (
        'ok  ' if not failed else 'FAIL', os.path.basename(program), passed, failed,
        ', %d skipped' % skipped if skipped else '', time.monotonic() - began,
        '  (%s)' % '; '.join(wrong) if wrong else ''))
    if failed:
        for path in [output] + reports[:3]:
            print('---- %s\n%s' % (path, PASSING.sub('', read(path))[-8000:].rstrip()))
    return passed, failed, 'sanitizer reports' in wrong


def run_twice(program, args):
    passed, failed, reported = run_program(program, args)
    if failed and not reported:
        print('once more:')
        passed, failed, _ = run_program(program, args)
    return passed, failed


def main():
    args = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the running program is ended, too
    os.makedirs(args.logs, exist_ok=True)
    if not args.programs:
        print('there is no test program to run')
    passed = failed = 0
    for program in args.programs:
        more_passed, more_failed = run_twice(program, args)
        passed += more_passed
        failed += more_failed
    print('%d passed, %d failed' % (passed, failed))
    return 0 if passed and not failed else 1


sys.exit(main())
