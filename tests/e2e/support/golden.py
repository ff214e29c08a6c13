"""Golden files: cases with what actpass says about each, which `run.py --update` writes anew.

A case is `## TITLE`, `$ ARGUMENTS` of a command, lines `< INPUT` and lines `> OUTPUT`. All other
lines are for the reader. tests/golden/config.txt explains the format.
"""
import difflib
import os
import re
import shlex
import subprocess

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../golden")
_FRAME = re.compile(r"([A-Z_]+):(?: |$)")
_BYTE = re.compile(rb"<([0-9a-f]{2})>")


def _unescape(text):
    return _BYTE.sub(lambda match: bytes.fromhex(match.group(1).decode()), text.encode())


class Golden:
    def __init__(self, name):
        self.path = os.path.normpath(os.path.join(FOLDER, name))
        with open(self.path, encoding="utf-8") as file:
            self.lines = file.read().splitlines()
        self.frames = {}
        self.cases = {}  # title: lines of input
        self.commands = {}  # title: arguments
        self.files = {}  # title: {path: lines} of further files
        self.environments = {}  # title: {name: value}
        self._read()

    def _read(self):
        text = title = None
        for line in self.lines:
            mark, _, rest = line.partition(" ")
            if mark in ("##", "frame"):
                text = []
                place = self.cases if mark == "##" else self.frames
                if rest in place:
                    raise AssertionError(f"{self.path}: {rest} is there twice")
                place[rest], title = text, rest
            elif mark == "<":
                text.append(rest)
            elif mark == "$":
                self.commands[title] = rest
            elif mark == "+":
                path, _, line = rest.partition(": ")
                self.files.setdefault(title, {}).setdefault(path, []).append(line)
            elif mark == "=":
                name, _, value = rest.partition("=")
                self.environments.setdefault(title, {})[name] = value

    def input(self, title):
        """The bytes of a case's input, in its frame."""
        text = "\n".join(self.cases[title])
        named = _FRAME.match(text)
        if named:
            frame = "\n".join(self.frames[named.group(1)])
            text = frame.replace("@", text[named.end():], 1)
        return _unescape(text)

    def more_files(self, title):
        """The paths and bytes of the case's further files."""
        return {path: _unescape("\n".join(lines))
                for path, lines in self.files.get(title, {}).items()}

    def outputs(self):
        """The lines of output of each case, by its title."""
        found, title = {}, None
        for line in self.lines:
            mark, _, rest = line.partition(" ")
            if mark == "##":
                title = rest
                found[title] = []
            elif mark == ">":
                found[title].append(rest)
        return found

    def environment(self, title):
        """What the case adds to the environment."""
        return self.environments.get(title, {})

    def arguments(self, title):
        """The arguments of its command."""
        return shlex.split(os.fsdecode(_unescape(self.commands.get(title, "--check c.json"))))

    def check(self, said):
        """Compares with the outputs: a list of lines for each title. With --update, writes them."""
        lines, title, before = [], None, []
        for line in self.lines:
            if line.startswith("## "):
                title, before = line[3:], said[line[3:]]
                if not before:
                    raise AssertionError(f"{self.path}: actpass says nothing about: {title}")
            if line.startswith(">"):
                continue
            if title and not line.strip():  # the blank line that ends a case
                lines += [f"> {text}".rstrip() for text in before]
                title, before = None, []
            lines.append(line)
        lines += [f"> {text}".rstrip() for text in before]
        if lines == self.lines:
            return
        if os.environ.get("GOLDEN_UPDATE"):
            with open(self.path, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
            return
        name = os.path.relpath(self.path)
        changes = difflib.unified_diff(self.lines, lines, name, "what actpass says", lineterm="")
        raise AssertionError("\n".join([*changes, "If this is meant: tests/e2e/run.py --update, and look "
                                        "at git diff"]))


def call(folder, program, arguments, environment=None):
    """Runs actpass in that folder, with that added to the environment. Its exit status, and its lines
    on stdout and on stderr."""
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False,
                          env={**os.environ, **(environment or {})})
    streams = [stream.decode("utf-8", "backslashreplace").splitlines()
               for stream in (done.stdout, done.stderr)]
    return done.returncode, *streams
