"""The control socket: `actpass upgrade`, by which another process takes the place of a running one,
and `actpass reload`."""
import array
import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time

from support import tls
from support.case import program
from support.data import soak, until
from support.ports import free_port
from support.reloads import Reloads
from test_service_manager import Manager


class Control(Reloads):
    deadline = 180

    def setUp(self):
        super().setUp()
        self.control = "unix:" + os.path.join(self.folder, "control.sock")
        self.service_of = self.service(listen=f"127.0.0.1:{free_port()}")

    def start(self, *services, **options):
        options.setdefault("check", False)
        actpass = self.actpass(*services, control=self.control, **options)
        # It attends to the socket by the time that it answers a signal.
        actpass.signal(signal.SIGUSR1)
        actpass.wait_for(event="status")
        return actpass

    def configure(self, actpass, *services, **top):
        self.write(actpass, *services, control=self.control, **top)

    def run_command(self, *words):
        return subprocess.run([program(), *words], capture_output=True, text=True, timeout=20)


class ReloadCommand(Control):
    def test_done_and_failed(self):
        actpass = self.start(self.service_of)
        done = self.run_command("reload", actpass.config_file)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(actpass.wait_for(event="reload")["change"], "none")
        self.configure(actpass, {**self.service_of, "echo": "perhaps"})
        done = self.run_command("reload", self.control)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"json:\d+:\d+: /services/0/echo: .*\n.*nothing was changed\n$")

    def test_who_cannot_be_reached(self):
        done = self.run_command("reload", self.control)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot connect", done.stderr)
        actpass = self.actpass(self.service_of)
        done = self.run_command("reload", actpass.config_file)
        self.assertIn('has no "control"', done.stderr)

    def test_who_says_nothing_or_nonsense_holds_up_nothing(self):
        actpass = self.start(self.service_of)
        silent = self.connect(self.control[len("unix:"):])
        actpass.signal(signal.SIGUSR1)
        actpass.wait_for(event="status", count=3)
        silent.close()
        for text in b"nonsense\n", b"ready\n", b"x" * 10000, b"\n":
            sock = self.connect(self.control[len("unix:"):])
            with contextlib.suppress(OSError):
                sock.sendall(text)
                while sock.recv(4096):
                    pass
            sock.close()
        self.assertEqual(self.run_command("reload", self.control).returncode, 0)
        self.client(actpass).finish()


class Upgrade(Control):
    def start(self, *services, **options):
        started = super().start(*services, **options)
        self.addCleanup(self.end_all)  # before the end of its log, which they have, is waited for
        return started

    def end_all(self):
        """New processes are not our children: they are found by the folder of this test."""
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as words:
                if words.read().split(b"\0")[1:3] == [b"upgrade", self.folder.encode() +
                                                      b"/actpass.json"]:
                    os.kill(int(name), signal.SIGKILL)

    def upgrade(self, actpass, fails=False):
        """The new process, once it has taken the place of the running one; its log is the old
        one's."""
        done = self.run_command("upgrade", actpass.config_file)
        self.assertEqual(done.returncode, 1 if fails else 0, done.stderr)
        if fails:
            return done.stderr
        return int(actpass.wait_for(event="control", command="ready")["pid"])

    @staticmethod
    def end(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            until(lambda: not os.path.exists(f"/proc/{pid}") or Upgrade.is_zombie(pid), 20,
                  "the end of the new process")

    @staticmethod
    def is_zombie(pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
        return True

    def visit(self, port, count, failures):
        context = tls.context(self.certificates, False)
        while self.visits < count or not self.upgraded.is_set():
            self.visits += 1
            try:
                with socket.create_connection(("127.0.0.1", port), 30) as sock:
                    peer = tls.Tls(sock, context).handshake()
                    if peer.exchange(b"hello", 5) != b"hello" or peer.finish() != b"":
                        raise AssertionError("other bytes came back")
            except (OSError, AssertionError, tls.Truncated) as failure:
                failures.append(repr(failure))

    def test_programs(self):
        """Those of before go on, with their spawner; new ones are the new process's."""
        service = self.service(listen=f"127.0.0.1:{free_port()}",
                               exec={"command": ["/bin/sh", "-c", "echo $PPID; cat"]})
        actpass = self.start(service, shutdown_timeout="1h")
        before = self.client(actpass)
        spawner = int(before.recv())
        pid = self.upgrade(actpass)
        self.addCleanup(self.end, pid)
        after = self.client(actpass)
        self.assertNotEqual(int(after.recv()), spawner)
        for peer in before, after:
            self.assertEqual(peer.exchange(b"still", 5), b"still")
            peer.finish()
        self.assertEqual(actpass.process.wait(20), 0)
        until(lambda: not os.path.exists(f"/proc/{spawner}") or self.is_zombie(spawner), 20,
              "the end of the old spawner")

    def test_all_addresses_of_a_service_are_handed_over(self):
        path = os.path.join(self.folder, "s")
        first = free_port()
        addresses = [f"127.0.0.1:{first}", f"127.0.0.2:{free_port()}", "unix:" + path,
                     f"unix:@actpass-upgrade-{os.getpid()}"]
        actpass = self.start(self.service(listen=addresses), shutdown_timeout="1s")
        waiting = self.connect(first)  # perhaps in the queue still
        inode = os.stat(path).st_ino
        pid = self.upgrade(actpass)
        waiting.close()
        self.assertEqual(actpass.process.wait(20), 0)
        self.assertEqual(os.stat(path).st_ino, inode)
        for address in addresses:
            actpass.wait_for(event="listening", address=address, count=2)
        self.client(path).finish()
        self.client(first).finish()
        self.end(pid)
        self.assertFalse(os.path.exists(path))

    def test_no_connection_is_refused_and_the_old_ones_live_on(self):
        actpass = self.start(self.service_of, shutdown_timeout="1h")
        before = self.client(actpass)
        self.visits, self.upgraded, failures = 0, threading.Event(), []
        count = soak(800, 10000)
        threads = [threading.Thread(target=self.visit, args=(actpass.port(), count, failures))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            until(lambda: self.visits > count / 2, 100, "the first half")
            pid = self.upgrade(actpass)
        finally:
            self.upgraded.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [], f"of {self.visits} visits")
        self.assertEqual(before.exchange(b"still", 5), b"still")
        self.assertTrue(actpass.running())
        before.finish()
        self.assertEqual(actpass.process.wait(20), 0)
        os.kill(pid, 0)
        self.client(self.port()).finish()

    def port(self):
        return int(self.service_of["listen"].rpartition(":")[2])

    def test_another_configuration_with_unix_sockets_and_again(self):
        paths = [os.path.join(self.folder, name) for name in ("one.sock", "two.sock", "three.sock")]
        one, two, three = (self.service(os.path.basename(path)[:-5], listen="unix:" + path)
                           for path in paths)
        actpass = self.start(self.service_of, one, two)
        self.configure(actpass, one, three, self.service_of)
        self.upgrade(actpass)
        self.assertEqual(actpass.process.wait(20), 0)
        for path in paths[0], paths[2]:
            self.client(path).finish()
        self.assertFalse(os.path.exists(paths[1]))
        self.assertEqual(self.run_command("reload", self.control).returncode, 0)
        done = self.run_command("upgrade", actpass.config_file)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        pid = int(actpass.wait_for(event="control", command="ready", count=2)["pid"])
        self.client(paths[0]).finish()
        self.end(pid)
        self.assertEqual([path for path in paths if os.path.exists(path)], [])
        self.assertFalse(os.path.exists(self.control[len("unix:"):]))

    def test_a_wrong_configuration(self):
        actpass = self.start(self.service_of)
        self.configure(actpass, {**self.service_of, "echo": "perhaps"})
        done = self.run_command("upgrade", actpass.config_file)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"json:\d+:\d+: /services/0/echo: ")
        self.client(actpass).finish()
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        self.configure(actpass, self.service_of,
                       self.service("more", listen="127.0.0.1:%d" % taken.getsockname()[1]))
        self.assertIn("Address already in use", self.upgrade(actpass, fails=True))
        actpass.wait_for(event="control", level="warning")
        self.client(actpass).finish()
        self.configure(actpass, self.service_of)
        self.upgrade(actpass)

    def test_without_a_control_socket(self):
        actpass = self.actpass(self.service_of)
        self.assertIn('"control": "unix:/run/actpass/control.sock"',
                      self.upgrade(actpass, fails=True))
        self.configure(actpass, self.service_of)
        self.assertIn("No such file", self.upgrade(actpass, fails=True))

    def test_a_successor_that_is_killed_before_it_is_ready(self):
        """It has all sockets, and goes: with SIGKILL, its kernel closes them in the same way."""
        actpass = self.start(self.service_of)
        descriptors = actpass.descriptors()
        sock = self.connect(self.control[len("unix:"):])
        sock.sendall(b"upgrade\n")
        text, received = b"", array.array("i")
        while not text.endswith(b"end\n"):
            data, ancillary, _, _ = sock.recvmsg(4096, 4096)
            text += data
            for _, _, content in ancillary:
                received.frombytes(content)
        self.assertEqual(text.split(b"\n")[0], b"log")
        self.assertIn(b"socket ours service front", text)
        self.assertEqual(len(received), 3)
        self.client(actpass).finish()
        for descriptor in received:
            os.close(descriptor)
        sock.close()
        actpass.wait_for(event="control", level="warning")
        self.client(actpass).finish()
        until(lambda: actpass.descriptors() <= descriptors, 20, "descriptors going back")

    def test_a_reload_meanwhile_makes_it_fail(self):
        actpass = self.start(self.service_of)
        sock = self.connect(self.control[len("unix:"):])
        sock.sendall(b"upgrade\n")
        while not sock.recv(65536).endswith(b"end\n"):
            pass
        self.configure(actpass, self.service_of)
        actpass.signal(signal.SIGHUP)
        actpass.wait_for(event="reload")
        sock.sendall(b"ready\n")
        self.assertIn(b"error the configuration was reloaded meanwhile", sock.recv(4096))
        sock.close()
        self.client(actpass).finish()

    def test_the_service_manager_is_told(self):
        manager = Manager(os.path.join(self.folder, "notify"))
        self.addCleanup(manager.socket.close)
        actpass = self.start(self.service_of, env={"NOTIFY_SOCKET": manager.path})
        self.assertIn("READY", manager.next())
        before = self.client(actpass)
        pid = self.upgrade(actpass)
        self.assertEqual(manager.next(), {"MAINPID": str(pid)})
        self.assertIn("READY", manager.next())
        before.finish()
        self.assertEqual(actpass.process.wait(20), 0)
        self.end(pid)
        self.assertIn("STOPPING", manager.next())

    def test_the_admin_listener(self):
        path = os.path.join(self.folder, "admin.sock")
        actpass = self.start(self.service_of, admin={"listen": "unix:" + path})
        self.configure(actpass, self.service_of, admin={"listen": "unix:" + path})
        pids = []
        for _ in range(2):
            done = self.run_command("status", "--json", "unix:" + path)
            pids.append(json.loads(done.stdout)["pid"])
            if len(pids) == 1:
                new = self.upgrade(actpass)
        self.assertEqual(pids, [actpass.process.pid, new])
