"""A file with a secret in it is private, or it is not used: at the start, with --check, and with
SIGHUP."""
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile

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


class SessionFile(Case):
    """Nobody else can put another file in the place of the session file."""
    USER = 65532

    def run_as(self, user, path, *options):
        keys = self.file("session.keys", secrets.token_hex(32).encode() + b"\n")
        config = self.file("actpass.json", json.dumps({"services": [self.service(
            role="server", tls={"certificate": self.here("front.pem"),
                                "key": self.here("front.key"), "ca": self.here("ca.pem"),
                                "client_auth": "require", "sessions": "file:" + path,
                                "session_key_file": keys})]}).encode())
        command, env = [program(), *options, config], dict(os.environ)
        if user:
            env["GCOV_PREFIX"] = os.path.join(self.folder, "counts")  # variant coverage
            os.makedirs(env["GCOV_PREFIX"], exist_ok=True)
            os.chown(env["GCOV_PREFIX"], user, -1)
            for name in os.listdir(self.folder):
                if name.endswith((".keys", ".json", ".pem", ".key")):
                    os.chown(os.path.join(self.folder, name), user, -1)
            command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] + command
        try:
            done = subprocess.run(command, capture_output=True, text=True, env=env,
                                  timeout=20 if options else 2)
        except subprocess.TimeoutExpired:
            return None, "it runs"
        return done.returncode, done.stderr

    def here(self, name):
        with open(self.certificates.path(*name.split(".")), "rb") as file:
            return self.file(name, file.read())

    def refused(self, user, path, text):
        for options in ("--check",), ():
            status, said = self.run_as(user, path, *options)
            self.assertIn(status, (1, 2), (options, said))
            self.assertIn(text, said)
            self.assertIn("cannot be used", said)

    def folder_of(self, mode, user=0):
        path = os.path.join(self.folder, secrets.token_hex(4))
        os.mkdir(path)
        os.chmod(path, mode)
        os.chown(path, user, -1)
        return path

    @each(link=("sess", "sess-lock"))
    def test_a_link_that_an_attacker_left(self, link):
        """As root in a folder like /tmp, and in one of root's that was open once."""
        victim = self.file("victim", b"for root only\n")
        for mode, text in (0o1777, "others may write to the folder"), (0o755, "a symbolic link"):
            folder = self.folder_of(mode)
            os.symlink(victim, os.path.join(folder, link))
            self.refused(0, os.path.join(folder, "sess"), text)
            with open(victim, "rb") as file:
                self.assertEqual(file.read(), b"for root only\n")
            self.assertEqual(os.listdir(folder), [link], "nothing was made")

    def test_a_folder_that_others_may_write(self):
        for mode in 0o777, 0o775, 0o1777:
            folder = self.folder_of(mode)
            self.refused(0, folder + "/sess", f"others may write to the folder {folder}")
        inside = os.path.join(folder, "ours")
        os.mkdir(inside, 0o700)
        self.assertEqual(self.run_as(0, inside + "/sess")[0], None, "a folder of ours in it will do")

    def test_another_users_store(self):
        """It can cut its file at any time, which killed the process with SIGBUS."""
        folder = self.folder_of(0o755)
        path = os.path.join(folder, "sess")
        self.assertEqual(self.run_as(0, path, "--check"), (0, ""))
        for name in path, path + "-lock":
            os.chown(name, self.USER, -1)
            self.refused(0, path, f"belongs to user {self.USER}")
            os.chown(name, 0, -1)
        os.chown(folder, self.USER, -1)
        self.refused(0, path, f"belongs to user {self.USER}")

    def test_not_as_root(self):
        self.folder = tempfile.mkdtemp(prefix="actpass-e2e.", dir="/tmp")  # that user gets there
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o711)
        folder = self.folder_of(0o700, self.USER)
        self.assertEqual(self.run_as(self.USER, folder + "/sess", "--check"), (0, ""))
        self.assertEqual(self.run_as(self.USER, folder + "/sess")[0], None)
        os.chown(folder, self.USER + 1, -1)
        os.chmod(folder, 0o777)
        self.refused(self.USER, folder + "/sess", f"belongs to user {self.USER + 1}")
