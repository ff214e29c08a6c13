#!/usr/bin/env python3
"""Checks what users of libactpass link with: abi.py [--types] [--update] [LIBRARY]

The functions that the public headers declare (ACTPASS_API) must be those of the version script,
server/lib/libactpass.map, and those that the shared LIBRARY exports, each with the version of its
node. With --types the library must also fit tests/abi/libactpass.abi, which abidw has made of an
earlier build: a removed function, or another type, is an error; a new function is reported.

--update makes the last node of the version script hold what the headers declare; with LIBRARY,
built after that, it writes the description anew. Read the diff. Once a version is released, its
node never changes: begin another one before you add a function. The last line is
`N passed, N failed`, with `N skipped` where this is another processor.
"""
import argparse
import glob
import os
import platform
import re
import subprocess
import sys
import tempfile

MAP = 'server/lib/libactpass.map'
HEADERS = 'server/include'
DESCRIPTION = 'tests/abi/libactpass.abi'
SUPPRESSIONS = os.path.join(os.path.dirname(__file__), '..', 'abi', 'suppressions.ini')
PROCESSOR = 'x86_64'  # of the description: sizes and offsets differ elsewhere
# Only what the headers show, and nothing that depends on the place of the build.
ABIDW = ['abidw', '--exported-interfaces-only', '--drop-private-types', '--no-show-locs',
         '--no-comp-dir-path', '--no-corpus-path', '--no-elf-needed']


def declared(texts):
    """The functions that these headers declare."""
    names = set()
    for text in texts:
        text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
        names.update(re.findall(r'^ACTPASS_API\s[^;(]*?\b(actpass_\w+)\(', text, re.M))
    return names


def listed(text):
    """Of a version script: each function with its node."""
    names = {}
    for node, body in re.findall(r'^([\w.]+) \{(.*?)^\}', text, re.M | re.S):
        for name in re.findall(r'^\s+(actpass_\w+);', body, re.M):
            names[name] = node
    return names


def exported(library):
    """What a shared library exports: each function with its version."""
    command = ['nm', '-D', '--defined-only', '--with-symbol-versions', library]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    symbols = [line.split()[-1].partition('@@') for line in lines if ' A ' not in line]
    return {name: node for name, _, node in symbols}


def updated(text, headers):
    """The version script, whose last node has the functions that no earlier one has, in order."""
    last = text.rindex('global:\n') + len('global:\n')
    end = last + re.search(r'^    local:|^\}', text[last:], re.M).start()
    body = sorted(headers - listed(text[:last] + text[end:]).keys())
    return text[:last] + ''.join('        %s;\n' % name for name in body) + text[end:]


def differences(headers, script, library=None):
    """One sentence for each function that is not everywhere."""
    for name in sorted(headers - script.keys()):
        yield '%s: is declared, but not in %s (abi.py --update)' % (name, MAP)
    for name in sorted(script.keys() - headers):
        yield '%s: is in %s, but no header declares it' % (name, MAP)
    for name in sorted(script.keys() & headers) if library is not None else ():
        if name not in library:
            yield '%s: is declared, but the library does not export it' % name
        elif library[name] != script[name]:
            yield '%s: has the version %r in the library' % (name, library[name])
    for name in sorted((library or {}).keys() - script.keys()):
        yield '%s: is exported by the library, but not in %s' % (name, MAP)


def describe(library, description, headers):
    command = [*ABIDW, '--headers-dir', headers, '--out-file', description, library]
    subprocess.run(command, check=True)


def types_differ(library, description, headers):
    """What abidiff says about changed and removed functions, and what about new ones; "" if there
    are none."""
    def abidiff(*options):
        command = ['abidiff', '--suppressions', SUPPRESSIONS, *options, description, now.name]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        return ran.stdout + ran.stderr if ran.returncode else ''
    with tempfile.NamedTemporaryFile(suffix='.abi') as now:
        describe(library, now.name, headers)
        changed = abidiff('--no-added-syms')
        return changed, '' if changed else abidiff()


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def update(options, headers):
    text = updated(read(MAP), headers)
    with open(MAP, 'w', encoding='utf-8') as out:
        out.write(text)
    if not options.library:
        return
    if exported(options.library) != listed(text):
        sys.exit('build the library again, since %s has changed' % MAP)
    describe(options.library, DESCRIPTION, HEADERS)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--types', action='store_true')
    parser.add_argument('--update', action='store_true')
    parser.add_argument('library', nargs='?')
    options = parser.parse_args()
    headers = declared(map(read, sorted(glob.glob(HEADERS + '/*.h'))))
    if options.update:
        update(options, headers)
    library = exported(options.library) if options.library else None
    wrong = list(differences(headers, listed(read(MAP)), library))
    passed, skipped = len(headers) - len(wrong), 0
    if options.types and platform.machine() != PROCESSOR:
        print('skipped: %s is of %s' % (DESCRIPTION, PROCESSOR))
        skipped = 1
    elif options.types:
        changed, new = types_differ(options.library, DESCRIPTION, HEADERS)
        passed += not changed
        wrong += [changed] if changed else []
        if new:
            print('new, and not yet in %s (abi.py --update):\n%s' % (DESCRIPTION, new))
    for text in wrong:
        print(text)
    print('%d passed, %d failed' % (max(passed, 0), len(wrong)) +
          (', %d skipped' % skipped if skipped else ''))
    return 1 if wrong or not headers else 0


if __name__ == '__main__':
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
    sys.exit(main())
