#!/usr/bin/python3
"""Runs actpass against other TLS libraries: run.py [--program FILE] [--jobs N] [pattern...]

The options, and all of the runner but the folder, are those of tests/e2e/run.py. The peers are
built by `scons interop-programs`, into the folder interop beside the program. README.md says what
is tested.
"""
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
E2E = os.path.join(HERE, "..", "e2e")


def main():
    sys.path[:0] = [HERE, E2E]  # test modules here, and the package support there
    spec = importlib.util.spec_from_file_location("e2e_run", os.path.join(E2E, "run.py"))
    runner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runner)
    runner.HERE = HERE
    return runner.main()


if __name__ == "__main__":
    sys.exit(main())
