"""`actpass status` and `actpass top`: what they print of a daemon's /status, and where they look."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

from support import statuses
from support.case import Case, program
from support.data import until

HOSTILE = "CN=\x1b[2J\x9b\u202e<b>"
ALTERNATE, RESTORED = "\x1b[?1049h", "\x1b[?1049l"


class Screen:
    """A terminal of 14 lines of 100 characters, in which a command runs. `text` is all that it got.
    KEYS: another terminal, to be its stdin."""

    def __init__(self, command, keys=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 14, 100, 0, 0))
            if keys is not None:
                os.dup2(keys, 0)
            os.execv(command[0], command)
        self.text = ""
        self.status = None

    def read(self, seconds=.05):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                self.text += os.read(self.fd, 1 << 16).decode("utf-8", "replace")
            except OSError:  # it has ended
                pass

    def wait_for(self, part):
        def there():
            self.read()
            return part in self.text
        until(there, 20, f"{part!r} on the screen")

    def resize(self, lines, width):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, width, 0, 0))

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def end(self):
        """Its exit status."""
        def ended():
            self.read()
            pid, self.status = os.waitpid(self.pid, os.WNOHANG)
            return pid
        until(ended, 20, "the end of the command")
        return os.waitstatus_to_exitcode(self.status)

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


class Status(Case):
    def stub(self, **changes):
        made = self.backend(statuses.Stub(os.path.join(self.folder, "admin.sock")))
        opened = [statuses.connection(7), statuses.waiting(8)]
        failed = [statuses.failure(1), statuses.failure(2)]
        failed[0]["subject"] = HOSTILE
        made.status = json.dumps(statuses.status(opened, failed, **changes),
                                 ensure_ascii=False).encode()
        return made

    def call(self, *arguments, status=0):
        done = subprocess.run([program(), *arguments], capture_output=True, text=True, timeout=20,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def test_tables(self):
        text = self.call("status", self.stub().address)
        self.assertIn("actpass 0.1.0, pid 4242, running for 3h18m: 2 open, 2 failed lately", text)
        rows = [re.split(r"  +", line.strip()) for line in text.splitlines()]
        self.assertIn(["shop", "[::]:443", "auto", "2", "10000", "120", "4", "3", "40", "1.0M", "2.0M",
                       "30d00h"], rows)
        refused = next(row for row in rows if "REFUSED" in row and "shop" in row)
        self.assertEqual(refused[2:12], ["1", "192.0.2.1:40001", "server", "client_hello", "REFUSED",
                                         "0.4ms", "0.4ms", "0.5ms", "8.2ms", "-"])
        self.assertEqual(refused[13], "the peer's certificate has expired")
        self.assertIn("CN=\\x1b[2J\\xc2\\x9b\\xe2\\x80\\xae<b>", text)
        waiting = next(row for row in rows if "waiting" in row)
        self.assertEqual(waiting[1:], ["gate", "8", "192.0.2.8:40008", "-", "-", "waiting", "-", "-",
                                       "-", "-", "-", "0", "0", "-", "-"])
        self.assertEqual(text, self.call("top", self.stub_address()))

    def stub_address(self):
        return f"unix:{self.folder}/admin.sock"

    def test_json_is_the_same_and_controls_no_terminal(self):
        stub = self.stub()
        text = self.call("status", "--json", stub.address)
        self.assertEqual(json.loads(text), json.loads(stub.status))
        for character in "\x1b\x9b\u202e":
            self.assertNotIn(character, text)

    def test_the_file_says_where(self):
        """Also by a path beside the file, and if other keys are wrong."""
        self.stub()
        path = self.file("conf.json", json.dumps(
            {"admin": {"listen": "unix:admin.sock"}, "services": [{"nonsense": 1}]}).encode())
        self.assertIn("pid 4242", self.call("status", path))

    def test_a_daemon(self):
        path = os.path.join(self.folder, "daemon.sock")
        actpass = self.actpass(self.service(), admin={"listen": f"unix:{path}"})
        peer = self.client(actpass)
        peer.send(b"x")
        peer.recv_exactly(1)
        text = self.call("status", actpass.config_file)
        self.assertRegex(text, r"pid %d, running for .*: 1 open, 0 failed" % actpass.process.pid)
        self.assertRegex(text, r"front .* 127\.0\.0\.1:\d+ +server  client_hello  established "
                               r"( +\d+\.\dms){5} +[\d.]+K? +[\d.]+K? +TLSv1\.3 +-")
        peer.finish()
        actpass.wait_for(event="close")

    def test_what_does_not_answer(self):
        stub = self.stub()
        for answer, words in ((None, "HTTP status 500"), (b'{"a": 1}', "is not actpass"),
                              (stub.status[:-9], "was cut")):
            stub.status = answer
            self.assertIn(words, self.call("status", stub.address, status=1))

    def screen(self, *arguments, keys=None):
        made = Screen([program(), "top", *arguments], keys)
        self.addCleanup(made.close)
        return made

    def test_top(self):
        stub = self.stub()
        screen = self.screen(stub.address)
        screen.wait_for(ALTERNATE)
        screen.wait_for("TAKEN/s")  # with the second answer
        self.assertFalse(screen.echoes())
        pictures = screen.text.split("\x1b[H")[1:]
        for picture in pictures[:2]:
            lines = re.sub(r"\x1b\[[?\d]*[A-Za-z]", "", picture).splitlines()
            self.assertLessEqual(len(lines), 14)
            self.assertLessEqual(max(map(len, lines)), 100)
        self.assertIn("REFUSED", pictures[0].split("FAILED  SERVICE")[1])
        self.assertNotIn("\x1b[2J", screen.text)
        screen.resize(30, 300)
        screen.wait_for("CN=\\x1b[2J")  # in the last column
        os.write(screen.fd, b"q")
        self.assertEqual(screen.end(), 0)
        self.assertIn(RESTORED, screen.text)

    def test_top_goes_on_without_an_answer(self):
        stub = self.stub()
        screen = self.screen(stub.address)
        screen.wait_for("pid 4242")
        answer, stub.status = stub.status, None
        screen.wait_for("No answer, as before: what listens there answers with HTTP status 500")
        stub.status = answer.replace(b"4242", b"777")
        screen.wait_for("pid 777")
        os.kill(screen.pid, signal.SIGTERM)
        self.assertEqual(screen.end(), 0)
        self.assertIn(RESTORED, screen.text)
        self.assertTrue(screen.echoes())

    def test_top_ends_when_the_terminal_of_its_keys_is_gone(self):
        """The end of a terminal is the end of a file, and no key."""
        ours, keys = os.openpty()
        screen = self.screen(self.stub().address, keys=keys)
        os.close(keys)
        screen.wait_for("TAKEN/s")
        os.close(ours)
        self.assertEqual(screen.end(), 0)
        self.assertIn(RESTORED, screen.text)

    def test_top_of_nobody_leaves_the_screen_alone(self):
        screen = self.screen("unix:/nowhere/admin.sock")
        self.assertEqual(screen.end(), 1)
        self.assertNotIn(ALTERNATE, screen.text)
        self.assertIn("cannot connect to unix:/nowhere/admin.sock", screen.text)
