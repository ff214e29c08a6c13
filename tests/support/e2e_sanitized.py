#!/usr/bin/env python3
"""The end-to-end tests against a sanitized program: e2e_sanitized.py BUILD JOBS [TEST...]

Beside the tests, the sanitizers' report files judge: one file is one failure. Tests of 64 MiB send
8. The last line is `N passed, N failed`.
"""
import os
import platform
import re
import subprocess
import sys

import sanitizers


def launcher(program):
    """Some kernels randomise more bits of addresses than gcc's ThreadSanitizer can bear."""
    probe = subprocess.run([program, '--version'], capture_output=True, text=True, check=False)
    if 'unexpected memory mapping' in probe.stderr:
        return ['setarch', platform.machine(), '-R']
    return []


def main():
    build, jobs, *patterns = sys.argv[1:]
    report = os.path.join(build, 'logs', 'e2e.report')
    os.makedirs(os.path.dirname(report), exist_ok=True)
    sanitizers.forget_reports(report)
    program = os.path.join(build, 'actpass')
    ran = subprocess.run(
        [*launcher(program), 'tests/e2e/run.py', '--again', '--program', program, '--jobs', jobs,
         *patterns],
        env=dict(sanitizers.environment(report), ACTPASS_BULK_MIB='8'), stdout=subprocess.PIPE,
        text=True, check=False)
    print(ran.stdout, end='')
    closing = re.search(r'^(\d+) passed, (\d+) failed', ran.stdout, re.M)
    passed, failed = map(int, closing.groups()) if closing else (0, 1)
    left = sanitizers.reports(report)
    for path in left[:5]:
        with open(path, encoding='utf-8', errors='replace') as file:
            print('---- %s\n%s' % (path, file.read()[:6000]))
    failed += len(left)
    print('%d passed, %d failed' % (passed, failed))
    return 0 if passed and not failed else 1


sys.exit(main())
