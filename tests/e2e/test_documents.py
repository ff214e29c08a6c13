"""The documents: their links lead somewhere, and their configurations are good as they stand."""
import os
import re
import subprocess
import unittest

from support.case import Case, program
from support.documents import BLOCK, TOP, anchors, configurations, documents, read


class Documents(unittest.TestCase):
    def test_links(self):
        wrong, seen = [], 0
        for path in documents():
            text = re.sub(r"`[^`\n]*`", "", BLOCK.sub("", read(path)))
            for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
                target, _, anchor = link.partition("#")
                other = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
                there = os.path.exists(os.path.join(TOP, other))
                if not there or (anchor and anchor not in anchors(read(other))):
                    wrong.append(f"{path}: {link}")
                seen += 1
        self.assertEqual(wrong, [])
        self.assertGreater(seen, 100)


class DocumentedConfigurations(Case):
    deadline = 120  # some name hosts that are not known, which takes the resolver its time

    def copy(self, name, base):
        """The certificate, with its key in the same file and beside it."""
        both = b""
        for end in "key", "pem":
            with open(self.certificates.path(name, end), "rb") as file:
                both = file.read() + both
            self.file(f"{base}.{end}", both)

    def here(self, match):
        """The path, led to a file of the test that is like the one it means."""
        path = os.path.join(self.folder, "files" + match[1] if match[1][0] == "/" else match[1])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        base, end = os.path.splitext(path)
        if end == ".pem":
            self.copy("ca" if base.endswith("ca") else "front", base)
        elif end == ".auth":
            self.file(path, b"user:password\n")
        elif end == "":
            os.makedirs(path, exist_ok=True)  # a folder of certificates, or a cache
        return f'"{path}"'

    def test_are_good(self):
        seen = 0
        for name, text in configurations():
            text = re.sub(r'"(/etc/actpass/certs|/var/cache/actpass|[\w./-]+\.(?:pem|key|auth))"', self.here, text)
            ending = os.path.splitext(name)[1]
            with self.subTest(name):
                done = subprocess.run([program(), "--check", self.file("c" + ending, text.encode())],
                                      capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
                self.assertEqual(done.returncode, 0, done.stderr)
                seen += 1
        self.assertGreater(seen, 20)
