#!/usr/bin/env python3
"""The tables of COMING_FROM.md, made from those that `actpass convert` follows.

    coming_from.py [--program FILE] --update   rewrites them
    coming_from.py [--program FILE] --check    fails if one of them is out of date
"""
import argparse
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(ROOT, "config/COMING_FROM.md")


def with_table(page, program, name):
    table = subprocess.run([program, "convert", "--options", name], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    begin, end = f"<!-- options of {name} -->\n", f"<!-- end of {name} -->"
    before, _, rest = page.partition(begin)
    _, there, after = rest.partition(end)
    if not there:
        sys.exit(f"{PAGE}: there is no place for the options of {name}")
    return before + begin + table + end + after


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/actpass"))
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--update", action="store_true")
    mode.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with open(PAGE) as file:
        before = file.read()
    after = before
    for name in "stunnel", "hitch", "ghostunnel":
        after = with_table(after, options.program, name)
    if options.check and after != before:
        sys.exit("config/COMING_FROM.md is out of date: run config/coming_from.py --update")
    if options.update:
        with open(PAGE, "w") as file:
            file.write(after)


if __name__ == "__main__":
    main()
