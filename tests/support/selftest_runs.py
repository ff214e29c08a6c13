"""Cases of selftest.py: what tests/run.sh and tests/e2e/run.py say of tests that pass, fail and are
flaky.

Each runs a copy of the runner in a folder of its own, with stand-ins for what the runner would
start.
"""
import functools
import os
import re
import shutil
import subprocess
import sys

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
FLAKY = '''
import os
import unittest


class Fake(unittest.TestCase):
    def test_good(self):
        pass

    def test_flaky(self):  # fails the first time
        path = os.path.join(os.path.dirname(__file__), "ran")
        ran = os.path.exists(path)
        open(path, "w").close()
        self.assertTrue(ran)

    def test_bad(self):
        self.assertTrue(%s)
'''
WAITS = '''
import os
import time
end = time.monotonic() + 60
while not os.path.exists("begun"):
    assert time.monotonic() < end
    time.sleep(0.01)
print("1 passed, 0 failed")
'''
CERTIFICATES = '''
class Certificates:
    def __init__(self, folder):
        pass

    def make_all(self):
        pass
'''


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    os.chmod(path, mode)


def compare(command, folder, lines, status):
    """What is wrong with the last lines and the status of a command; '' when they are as
    expected."""
    env = {name: value for name, value in os.environ.items() if not name.startswith('ACTPASS_')}
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False,
                         env=dict(env, ACTPASS_NO_INSTALL='1', BUILDDIR='build'))
    said = ran.stdout.splitlines()[-len(lines):]
    matches = len(said) == len(lines) and all(map(re.fullmatch, lines, said))
    if matches and ran.returncode == status:
        return ''
    return 'expected %s and status %d:\n%s%s\nstatus %d' % (lines, status, ran.stdout, ran.stderr,
                                                        ran.returncode)


def end_to_end(good, options, lines, status, folder):
    os.makedirs(folder)
    shutil.copy(os.path.join(TESTS, 'e2e', 'run.py'), folder)
    write(os.path.join(folder, 'test_fake.py'), FLAKY % good)
    write(os.path.join(folder, 'support', 'certificates.py'), CERTIFICATES)
    return compare([sys.executable, 'run.py', '--program', '/bin/true'] + options, folder, lines,
                   status)


WAYS = '''
import unittest


class Fake(unittest.TestCase):
    def test_alone(self):
        pass


for name in %r:
    setattr(Fake, "test_" + name, Fake.test_alone)
'''


def share(number, wanted, folder):
    """How many tests run of one alone, two of four ways and five of two, with ACTPASS_SHARE."""
    ways = [f'{test}__{way}' for test in ('a', 'b') for way in ('c_12', 'c_13', 's_12', 's_13')] + \
        [f'{test}__{way}' for test in 'cdefg' for way in ('12', '13')]
    os.makedirs(folder)
    shutil.copy(os.path.join(TESTS, 'e2e', 'run.py'), folder)
    write(os.path.join(folder, 'test_fake.py'), WAYS % ways)
    write(os.path.join(folder, 'support', 'certificates.py'), CERTIFICATES)
    return compare(['env', 'ACTPASS_SHARE=%d' % number, sys.executable, 'run.py', '--program',
                    '/bin/true'], folder, ['%d passed, 0 failed, 0 skipped' % wanted], 0)


def copy_of_run(folder, selftest, quickstart):
    """A folder with tests/run.sh and, for its stages, a program in Python and a shell script."""
    os.makedirs(os.path.join(folder, 'tests'))
    shutil.copy(os.path.join(TESTS, 'run.sh'), os.path.join(folder, 'tests', 'run.sh'))
    write(os.path.join(folder, 'tests', 'support', 'selftest.py'), selftest)
    write(os.path.join(folder, 'examples', 'quickstart.sh'), '#!/bin/sh\n' + quickstart, 0o755)


def whole_run(selftest, quickstart, lines, status, folder):
    """Two stages, whose programs print and end as SELFTEST and QUICKSTART say: text and status."""
    copy_of_run(folder, 'import sys\nprint(%r)\nsys.exit(%d)\n' % selftest,
                "echo '%s'\nexit %d\n" % quickstart)
    return compare(['tests/run.sh', 'selftest', 'quickstart'], folder, lines, status)


TWICE = '''
import os, sys
if os.environ.get("ACTPASS_ONLY") == "folder/one two":  # the last try
    assert os.path.exists("ended")
    text, status = %r
else:
    text, status = %r
print(text)
sys.exit(status)
'''


def last_try(first, last, lines, status, folder):
    """The first stage fails, and the second one takes longer: text and status of the first time
    and of the last."""
    copy_of_run(folder, TWICE % (last, first), 'sleep 0.2; touch ended\n')
    return compare(['tests/run.sh', 'selftest', 'quickstart'], folder, lines, status)


def only(folder):
    """ACTPASS_ONLY names what run.py runs, whatever its patterns and share."""
    os.makedirs(folder)
    shutil.copy(os.path.join(TESTS, 'e2e', 'run.py'), folder)
    write(os.path.join(folder, 'test_fake.py'), FLAKY % 'True')
    write(os.path.join(folder, 'support', 'certificates.py'), CERTIFICATES)
    return compare(['env', 'ACTPASS_ONLY=test_fake.Fake.test_good test_fake.Fake.test_flaky',
                    'ACTPASS_SHARE=4', sys.executable, 'run.py', '--again', '--program', '/bin/true',
                    'test_bad'], folder, ['1 passed, 1 failed, 0 skipped'], 1)


def two_at_a_time(folder):
    """The first stage goes on when the second one has begun."""
    copy_of_run(folder, WAITS, 'touch begun\n')
    return compare(['tests/run.sh', 'selftest', 'quickstart'], folder, ['2 passed, 0 failed'], 0)


def one_for_each_build(folder):
    """Two stages that use the same build: each fails while the other one runs."""
    copy_of_run(folder, '', 'mkdir running && sleep 0.3 && rmdir running\n')
    return compare(['tests/run.sh', 'quickstart', 'quickstart'], folder, ['2 passed, 0 failed'], 0)


def unknown_stage(folder):
    os.makedirs(os.path.join(folder, 'tests'))
    shutil.copy(os.path.join(TESTS, 'run.sh'), os.path.join(folder, 'tests', 'run.sh'))
    return compare(['tests/run.sh', 'nonsense'], folder, [], 2)


DRAW = '''
import sys
sys.path.insert(0, %r)
from support import ports
few = range(11000, 11040)
ports._range = lambda: few
print(*[ports.free_port() for _ in range(5)], flush=True)
sys.stdin.read()
'''


def no_port_twice(_):
    """Of the same few ports, to several processes at once."""
    command = [sys.executable, '-c', DRAW % os.path.join(TESTS, 'e2e')]
    drawers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
               for _ in range(4)]
    drawn = [port for drawer in drawers for port in drawer.stdout.readline().split()]
    for drawer in drawers:
        drawer.communicate()
    return '' if len(set(drawn)) == 20 else 'ports: %s' % sorted(drawn)


def cases():
    """Names and functions, each of which takes a folder and answers what is wrong."""
    seconds = r'in \d+ s, \d+ s of processors'
    fine = ('2 passed, 0 failed', 0)
    quick = ('all is well', 0)  # its stage adds the closing line
    flaky = ('flaky: 2 (one two)\n3 passed, 0 failed', 0)
    again = 'again: 2 (folder/one two)\n4 passed, %d failed'
    make = functools.partial
    return [
        ('ports', no_port_twice),
        ('e2e_flaky', make(end_to_end, 'True', ['--again'], [
            r'flaky: 1 \(test_fake\.Fake\.test_flaky\)', '3 passed, 0 failed, 0 skipped'], 0)),
        ('e2e_bad', make(end_to_end, 'False', ['--again'], [
            r'flaky: 1 \(test_fake\.Fake\.test_flaky\)', r'again: 1 \(test_fake\.Fake\.test_bad\)',
            '2 passed, 1 failed, 0 skipped'], 1)),
        ('e2e_only', only),
        ('e2e_once', make(end_to_end, 'True', [], ['2 passed, 1 failed, 0 skipped'], 1)),
        ('e2e_all', make(share, 1, 1 + 2 * 4 + 5 * 2)),
        ('e2e_half', make(share, 2, 1 + 2 * 2 + 5)),
        ('e2e_quarter', make(share, 4, 1 + 2 + 5)),
        ('run_fine', make(whole_run, fine, quick, [seconds, '3 passed, 0 failed'], 0)),
        ('run_flaky', make(whole_run, flaky, quick, [
            seconds, r'flaky: 2 \(selftest:one selftest:two\)', '4 passed, 0 failed'], 0)),
        ('run_skipped', make(whole_run, ('2 passed, 0 failed, 3 skipped', 0), quick, [
            seconds, r'skipped: 3 \(selftest:3\)', '3 passed, 0 failed'], 0)),
        ('run_failing', make(whole_run, ('1 passed, 2 failed', 1), quick,
                             [seconds, '2 passed, 2 failed'], 1)),
        ('run_shows', make(whole_run, ('FAIL this\n1 passed, 1 failed', 1), quick, [
            '==== selftest: 1 failed, see build/logs/selftest.log', '    FAIL this',
            '    1 passed, 1 failed', seconds, '2 passed, 1 failed'], 1)),
        ('run_silent', make(whole_run, ('', 0), quick, [seconds, '1 passed, 1 failed'], 1)),
        ('run_empty', make(whole_run, ('0 passed, 0 failed', 0), quick,
                           [seconds, '1 passed, 1 failed'], 1)),
        ('run_status', make(whole_run, ('2 passed, 0 failed', 3), quick,
                            [seconds, '3 passed, 1 failed'], 1)),
        ('run_broken', make(whole_run, fine, ('oh', 1), [seconds, '2 passed, 1 failed'], 1)),
        ('run_again', make(last_try, (again % 2, 1), ('3 passed, 0 failed', 0), [
            seconds, r'flaky: 2 \(selftest:one selftest:two\)', '7 passed, 0 failed'], 0)),
        ('run_again_bad', make(last_try, (again % 2, 1), ('2 passed, 1 failed', 1),
                               [seconds, '5 passed, 2 failed'], 1)),
        ('run_again_silent', make(last_try, (again % 2, 1), ('', 0),
                                  [seconds, '5 passed, 2 failed'], 1)),
        ('run_not_again', make(last_try, (again % 3, 1), ('3 passed, 0 failed', 0),
                               [seconds, '5 passed, 3 failed'], 1)),
        ('run_two_at_a_time', two_at_a_time),
        ('run_one_for_each_build', one_for_each_build),
        ('run_unknown', unknown_stage),
    ]
