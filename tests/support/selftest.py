#!/usr/bin/env python3
"""Tests the test runners: do they report test programs that fail, crash, hang, leak, race or are
empty?

Writes small test programs, builds each with Criterion or with mini_criterion.c, runs them through
run_tests.py as `scons test` does, and compares what it says. selftest_runs.py holds the cases of
tests/e2e/run.py and tests/run.sh, selftest_abi.py those of abi.py, selftest_bench.py those of
tests/bench. The last line is `N passed, N failed`.
"""
import concurrent.futures
import functools
import os
import re
import subprocess
import sys
import tempfile
import textwrap

import selftest_abi
import selftest_bench
import selftest_runs

SUPPORT = os.path.dirname(os.path.abspath(__file__))
FLAGS = ['-std=gnu11', '-D_GNU_SOURCE', '-O1', '-g', '-pthread', '-fvisibility=hidden', '-Wall',
         '-Wextra']
HEAD = '''
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
'''
GOOD = '''
static int ready;
static void begin(void) { ready++; }
static void end(void) { cr_assert_eq(ready, 2); }
TestSuite(good, .init = begin, .timeout = 20);
Test(good, init_of_suite_and_test, .init = begin, .fini = end) { cr_assert_eq(ready, 2); }
Test(good, signal_expected, .signal = SIGTERM) { raise(SIGTERM); }
Test(good, status_expected, .exit_code = 3) { exit(3); }
Test(good, disabled, .disabled = true) { cr_assert_fail("runs though disabled"); }
Test(good, asserts)
{
    cr_assert(1, "%d", 1);
    cr_assert_not(0);
    cr_assert_str_eq("a", "a");
    cr_assert_arr_eq("ab", "ab", 2);
    cr_assert_null(NULL);
    cr_assert_float_eq(1.0, 1.01, 0.1);
    cr_expect_leq(1, 1);
}
struct row { int number; char text[8]; };
ParameterizedTestParameters(good, rows)
{
    static struct row rows[] = {{1, "one"}, {2, "two"}, {3, "three"}};
    return cr_make_param_array(struct row, rows, 3);
}
ParameterizedTest(struct row *row, good, rows)
{
    cr_assert_eq(strlen(row->text), row->number < 3 ? 3 : 5, "%d", row->number);
}
'''
SKIP = ('Test(skip, this) { cr_skip_test("because %d", 1); }\n'
        'Test(skip, not_this) { cr_assert(1); }\n')
RACE = '''
static int shared;
static void *add(void *arg) { for (int i = 0; i < 1000; i++) shared++; return arg; }
Test(race, two_threads)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) cr_assert_eq(pthread_create(&threads[i], NULL, add, NULL), 0);
    for (int i = 0; i < 2; i++) cr_assert_eq(pthread_join(threads[i], NULL), 0);
}
'''
THREAD = '''
static void *fail(void *arg) { cr_assert_fail("elsewhere"); return arg; }
Test(thread, fails)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, fail, NULL), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
}
'''

LEFT = '''
static void *wait(void *arg) { return arg; }
Test(left, behind)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, wait, NULL), 0);
    cr_assert_fail("before the join");
}
'''
# It fails when both threads have run: before, there need not have been a race.
RACE_AND_FAILURE = RACE.rstrip()[:-1] + '    cr_assert_fail("after the race");\n}\n'
ONCE = r'(?!(.|\n)*\n(again|once more))'  # nothing runs it again

# Name, text, and what is expected: passed, failed, a pattern in the output.
BOTH = [
    ('good', GOOD, 7, 0, ''),
    ('empty', '', 0, 1, 'it ran no test'),
    ('skipped', SKIP, 1, 0, '1 skipped'),
    ('failing', 'Test(a, one) { cr_assert_eq(1, 2, "row %d", 7); } Test(a, two) { }', 1, 1,
     r'row 7(.|\n)*\nagain: 1 \(\S+_failing\)\n'),
    ('message', 'Test(a, one) { cr_assert_str_eq("left", "right"); }', 0, 1, 'left.*right'),
    ('expect', 'Test(a, one) { cr_expect(0, "first"); cr_expect(0, "second"); }', 0, 1,
     'first(.|\n)*second'),
    ('crash', 'Test(a, one) { raise(SIGSEGV); } Test(a, two) { }', 1, 1, 'CRASH'),
    ('aborts', 'Test(a, one) { abort(); } Test(a, two) { }', 1, 1, 'CRASH'),
    ('late', 'Test(a, one, .timeout = 0.25) { for (;;) pause(); } Test(a, two) { }', 1, 1,
     'Timed out'),
    ('late_suite', 'TestSuite(a, .timeout = 0.25); Test(a, one) { for (;;) pause(); }', 0, 1,
     'Timed out'),
    ('status', 'Test(a, one) { exit(3); }', 0, 1, 'FAIL'),
    ('no_status', 'Test(a, one, .exit_code = 3) { }', 0, 1, 'FAIL'),
    ('no_signal', 'Test(a, one, .signal = SIGTERM) { }', 0, 1, 'FAIL'),
    ('init', 'static void f(void) { cr_assert_fail("early"); }\n'
             'Test(a, one, .init = f) { exit(0); }', 0, 1, 'early'),
    ('flaky', 'Test(a, one) { if (symlink("x", __FILE__ ".was") == 0) cr_assert_fail("first"); }',
     1, 0, r'flaky: 1 \(\w+_flaky\)'),
    ('disabled', 'Test(a, one, .disabled = true) { }', 0, 1, 'it ran no test'),
]
MINI = [os.path.join(SUPPORT, 'mini_criterion.c')]
SCENES = {
    # Variant: compiler flags, what runs the tests, cases.
    'release': ([], ['-lcriterion'], BOTH),
    'asan': (['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined'], MINI, [
        ('clean', 'Test(a, one) { free(malloc(4)); }', 1, 0, ''),
        ('leak', 'void *volatile p; Test(a, one) { p = malloc(77); p = NULL; }', 0, 2,
         'LeakSanitizer(.|\n)*77 byte' + ONCE),
        ('leak_of_a_failure', 'void *volatile p; Test(a, one) { p = malloc(77); p = NULL;'
                              ' cr_assert_fail("early"); }', 0, 1, 'early(.|\n)*\nagain: 1 '),
        ('overflow', 'Test(a, one) { volatile size_t n = 4; char *p = malloc(n);'
                     ' ((volatile char *)p)[n] = 1; free(p); }',
         0, 2, 'heap-buffer-overflow' + ONCE),
        ('undefined', 'Test(a, one) { volatile int n = 2147483647; n = n + 1; }', 0, 2,
         'signed integer overflow' + ONCE),
    ]),
    'tsan': (['-fsanitize=thread'], MINI, BOTH + [
        ('race', RACE, 0, 2, 'data race' + ONCE),
        ('race_and_failure', RACE_AND_FAILURE, 0, 2, 'data race' + ONCE),
        ('left', LEFT, 0, 1, r'before the join(.|\n)*\nagain: 1 '),
        ('thread', THREAD, 0, 1, 'outside the main thread'),
        ('fini', 'static void f(void) { cr_assert_fail("last"); }\n'
                 'Test(a, one, .fini = f) { }', 0, 1, 'last'),
        ('second_parameter', GOOD.replace('{2, "two"}', '{2, "four"}'), 6, 1, 'parameter 1'),
    ]),
}


def run(variant, flags, runner, case, folder):
    """What is wrong with the runner's answer to this case; '' when it is as expected."""
    name, text, passed, failed, pattern = case
    os.makedirs(folder)
    source = os.path.join(folder, '%s_%s.c' % (variant, name))
    with open(source, 'w', encoding='utf-8') as file:
        file.write(HEAD + text)
    program = source[:-2]
    built = subprocess.run(['gcc'] + FLAGS + flags + [source] + runner + ['-o', program],
                           capture_output=True, text=True, check=False)
    if built.returncode != 0:
        return built.stderr
    command = [sys.executable, os.path.join(SUPPORT, 'run_tests.py'),
               '--runner', 'mini_criterion' if runner == MINI else 'criterion',
               '--logs', os.path.join(folder, 'logs'), '--timeout', '60', program]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    said = ran.stdout + ran.stderr
    if ran.stdout.splitlines()[-1:] != ['%d passed, %d failed' % (passed, failed)]:
        return 'expected %d passed, %d failed:\n%s' % (passed, failed, said)
    if (ran.returncode == 0) != (failed == 0 and passed > 0):
        return 'status %d:\n%s' % (ran.returncode, said)
    if not re.search(pattern, said):
        return 'no "%s" in:\n%s' % (pattern, said)
    return ''


def faults_without_tests():
    """What tests/FAULTS.md names and is not there, a line each."""
    tests = os.path.join(SUPPORT, '..')
    with open(os.path.join(tests, 'FAULTS.md'), encoding='utf-8') as file:
        rows = re.findall(r'^\| *(\d+) \|[^|]*\|([^|]*)\|$', file.read(), re.M)
    wrong = [] if [int(number) for number, _ in rows] == list(range(1, 24)) else ['not 23 rows']
    for number, shown in rows:
        for name in shown.split(', '):
            path, word = name.strip().split(':', 1)
            path = os.path.join(tests, path)
            if not os.path.exists(path) or word not in open(path, encoding='utf-8').read():
                wrong.append('row %s: %s' % (number, name))
    return '\n'.join(wrong)


def all_cases():
    """Names and functions, each of which takes a folder and answers what is wrong; the first ones
    may run side by side."""
    scenes = [('%s %s' % (variant, case[0]), functools.partial(run, variant, flags, runner, case))
              for variant, (flags, runner, cases) in SCENES.items() for case in cases]
    others = [*selftest_abi.cases(), *selftest_bench.cases(), *selftest_runs.cases()]
    return scenes, [('faults', lambda _: faults_without_tests()), *others]


def answers(cases, workers):
    """The cases that fail. What they say is indented, since it has closing lines of other runs."""
    with tempfile.TemporaryDirectory(prefix='actpass-selftest.') as folder:
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            folders = [os.path.join(folder, name.replace(' ', '_')) for name, _ in cases]
            results = pool.map(lambda case, own: case[1](own), cases, folders)
            for case, wrong in zip(cases, results):
                if wrong:
                    print(textwrap.indent('FAIL %s: %s' % (case[0], wrong), '    '))
                    yield case


def main():
    scenes, others = all_cases()
    failed = [*answers(scenes, os.cpu_count()), *answers(others, 1)]
    if failed:
        print('once more, alone:')
    again = [name for name, _ in answers(failed, 1)]
    flaky = [name.replace(' ', '_') for name, _ in failed if name not in again]
    if flaky:
        print('flaky: %d (%s)' % (len(flaky), ' '.join(flaky)))
    passed = len(scenes) + len(others) - len(again)
    print('%d passed, %d failed' % (passed, len(again)))
    return 0 if passed and not again else 1


sys.exit(main())
