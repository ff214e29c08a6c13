#!/usr/bin/env python3
"""Checks that each unit and torture test is named after the module it tests: test_names.py
[--untested]

A test is named test_MODULE.c or test_MODULE_TOPIC.c. MODULE is a source file or header below
config/, relay/ or server/, without its ending, or one of their folders: test_http_parse.c tests
parse.c in the folder http. --untested also lists the sources that have no test of their own name.
The last line is `N passed, N failed`.
"""
import glob
import os
import sys

TOPS = ('config', 'relay', 'server')
TESTS = ('tests/unit/test_*.c', 'tests/torture/test_*.c')


def modules():
    """The names that a test may have, and of each source the names that a test of its own has."""
    known, own = set(), {}
    for top in TOPS:
        for folder, _, names in os.walk(top):
            place = os.path.basename(folder)
            known.add(place)
            for name in names:
                stem, ending = os.path.splitext(name)
                if ending in ('.c', '.h'):
                    known.add(stem)
                if ending == '.c':
                    own[os.path.join(folder, name)] = (stem, '%s_%s' % (place, stem))
    return known, own


def names_one_of(test, wanted):
    return any(test == module or test.startswith(module + '_') for module in wanted)


def main():
    known, own = modules()
    tests = {path: os.path.basename(path)[len('test_'):-len('.c')]
             for pattern in TESTS for path in sorted(glob.glob(pattern))}
    wrong = [path for path, test in tests.items() if not names_one_of(test, known)]
    for path in wrong:
        print('%s: the name begins with no module of %s; see tests/README.md'
              % (path, ', '.join(TOPS)))
    if '--untested' in sys.argv[1:]:
        for source, wanted in sorted(own.items()):
            if not any(names_one_of(test, wanted) for test in tests.values()):
                print('no test is named after %s' % source)
    print('%d passed, %d failed' % (len(tests) - len(wrong), len(wrong)))
    return 1 if wrong or not tests else 0


if __name__ == '__main__':
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
    sys.exit(main())
