"""A file with a secret in it is private, or it is not used: at the start, with --check, and with SIGHUP."""
import json
import os
import secrets
import signal
import subprocess

from support.case import Case, program
from support.each import each

USERS, NOGROUP = 100, 65534  # the groups in which all users can be
OPEN = {"read by all": (0o644, 0), "written by all": (0o602, 0), "run by all": (0o701, 0),
        "read by users": (0o640, USERS), "read by nogroup": (0o640, NOGROUP)}
CLOSED = {"owner": (0o600, 0), "read only": (0o400, 0), "a group": (0o640, 0),
          "users may not": (0o600, USERS)}


class PrivateFiles(Case):
    def secret(self, name):
        """The path of a file with a secret in it, and the "tls" that names it."""
        pem, key = (open(self.certificates.path("front", end), "rb").read()
                    for end in ("pem", "key"))
        if name == "key":
            path = self.file("front.key", key)
            return path, {"key": path}
        if name == "both":
            path = self.file("both.pem", pem + key)
            return path, {"certificate": path, "key": None}
        if name == "certificates":
            path = self.file("other.key", key)
            return path, {"certificates": [{
                "certificate": self.certificates.path("front"), "key": path,
                "server_names": ["other.example"]}]}
        path = self.file("session.keys", secrets.token_hex(32).encode() + b"\n")
        return path, {"sessions": "tickets", "session_key_file": path}

    def run_with(self, tls, *options):
        config = self.file("actpass.json", json.dumps(
            {"services": [self.service(role="server", tls={"client_auth": "require", **tls})]}
        ).encode())
        try:
            done = subprocess.run([program(), *options, config], capture_output=True, text=True,
                                  timeout=2 if not options else 20)
        except subprocess.TimeoutExpired:
            return None, ""
        return done.returncode, done.stderr

    @each(name=("key", "both", "certificates", "session keys"))
    def test_at_the_start(self, name):
        path, tls = self.secret(name)
        for how, (mode, group) in OPEN.items():
            os.chown(path, -1, group)
            os.chmod(path, mode)
            for options in ("--check",), ():
                status, said = self.run_with(tls, *options)
                self.assertEqual(status, 2, (how, options, said))
                self.assertIn(f"{path} holds ", said)
                self.assertIn(f"may read or write it: chmod 600 {path}", said)
        for how, (mode, group) in CLOSED.items():
            os.chown(path, -1, group)
            os.chmod(path, mode)
            self.assertEqual(self.run_with(tls, "--check"), (0, ""), how)

    @each(name=("key", "both", "certificates", "session keys"))
    def test_at_reload(self, name):
        """What was loaded before stays in use."""
        path, tls = self.secret(name)
        actpass = self.actpass(self.service(role="server", tls={"client_auth": "require", **tls}))
        for number, (mode, error) in enumerate([(0o644, True), (0o600, False)]):
            os.chmod(path, mode)
            actpass.signal(signal.SIGHUP)
            line = actpass.wait_for(event="reload", count=number + 1)
            self.assertEqual(f"chmod 600 {path}" in line.get("error", ""), error, line)
            self.assertEqual(self.client(actpass, "1.3", certificate="device").exchange(
                b"hello", 5), b"hello")
