"""A program for each connection ("exec")."""
import json
import os
import pwd
import signal
import subprocess
import time
import unittest

from support import data, tls
from support.case import need, program
from support.data import until
from support.executed import Programs, alive, children, exec_of, name_of, processor_time, shell
from support.reloads import Reloads


class Bytes(Programs):
    def test_half_close(self):
        """The end of the peer's data is that of its input, and its output goes on; none is lost."""
        actpass = self.front(exec_of("/usr/bin/sort"))
        lines = [b"%06d\n" % (number * 7919 % 100003) for number in range(60000)]
        self.assertEqual(self.ask(actpass, b"".join(lines)), b"".join(sorted(lines)))
        line = actpass.wait_for(event="program", state="ended")
        self.assertEqual((line["status"], line["program"]), ("0", "/usr/bin/sort"))
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    def test_sftp(self):
        """The real sftp through the real socat: bytes to and fro, and an end in order."""
        server = "/usr/lib/openssh/sftp-server"
        for tool in "sftp", "socat":
            need(tool)
        if not os.path.exists(server):
            self.skipTest("openssh-sftp-server is not installed")
        actpass = self.front(exec_of(server, "-e", folder=self.folder))
        content = data.block(data.BULK, 7)
        self.file("sent", content)
        self.file("commands", b"put sent there\nrename there renamed\nget renamed back\nrm renamed\nbye\n")
        pipe = self.file("pipe", f"""#!/bin/sh
exec socat - OPENSSL:127.0.0.1:{actpass.port()},cafile={self.certificates.path("ca")},commonname=front.example
""".encode())
        os.chmod(pipe, 0o700)
        done = subprocess.run(["sftp", "-D", pipe, "-b", "commands"], cwd=self.folder, capture_output=True, text=True,
                              timeout=50)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(self.folder, "back"), "rb") as back:
            self.assertTrue(back.read() == content)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "renamed")))
        self.assertEqual(actpass.wait_for(event="program", state="ended")["status"], "0")
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    def test_it_exits_first(self):
        """All of its output comes, then a clean close, though it has left input unread."""
        actpass = self.front(shell("head -c 3000000 /dev/zero; exit 7"))
        peer = self.client(actpass)
        peer.send(b"x" * 100000)
        self.assertEqual(len(peer.recv_all()), 3000000)
        self.assertEqual(actpass.wait_for(event="program", state="ended")["status"], "7")
        peer.finish()
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    def test_its_children_do_not_hold_the_connection(self):
        actpass = self.front(shell("sleep 1000 & echo $!"))
        peer = self.client(actpass)
        child = int(peer.recv_all())
        peer.finish()
        self.assertEqual(actpass.close()["reason"], "CLEAN")
        self.gone(child)

    def test_a_crash_is_no_clean_end(self):
        actpass = self.front(shell("echo half; kill -SEGV $$"))
        peer = self.client(actpass)
        with self.assertRaises((tls.Truncated, ConnectionResetError)):
            peer.recv_all()
        line = actpass.close()
        self.assertEqual(line["reason"], "CANCELLED")
        self.assertIn("was ended by signal 11", line["error"])
        self.assertEqual(actpass.wait_for(event="program", state="ended")["signal"], "11")

    def test_it_closes_its_output_early(self):
        """The peer is told at once, and its data still arrives."""
        path = os.path.join(self.folder, "kept")
        script = ("import socket,os; s=socket.socket(fileno=0); s.send(b'bye'); s.shutdown(1); "
                  f"open('{path}.new','wb').write(s.makefile('rb').read()); "
                  f"os.rename('{path}.new','{path}')")
        actpass = self.front(exec_of("/usr/bin/python3", "-c", script))
        peer = self.client(actpass)
        self.assertEqual(peer.recv_all(), b"bye")
        peer.send(b"late")
        peer.shutdown_write()
        until(lambda: os.path.exists(path), 30, "the program's file")
        with open(path, "rb") as kept:
            self.assertEqual(kept.read(), b"late")

    def test_stderr(self):
        actpass = self.front(shell("echo one >&2; printf 'two\\033' >&2; echo out"))
        self.assertEqual(self.ask(actpass), b"out\n")
        self.assertEqual(actpass.wait_for(event="stderr")["text"], "one")
        self.assertIn("two", actpass.wait_for(event="stderr", count=2)["text"])
        actpass = self.front(shell("for i in 1 2 3 4 5; do seq 1000; done >&2"))
        self.ask(actpass)
        actpass.wait_for(event="program", state="ended")
        self.assertLess(len(actpass.find(event="stderr")), 200)
        actpass = self.front(shell("echo both >&2", stderr="connection"))
        self.assertEqual(self.ask(actpass), b"both\n")


class Surroundings(Programs):
    def test_environment(self):
        """Only what is ours, and what is configured; no descriptor, no signal of the daemon's."""
        script = ("env | sort; grep -E 'Sig(Blk|Ign)' /proc/self/status;"
                  "ulimit -n; pwd; ps -o pid=,pgid=,sid= $$ | tr -s ' '; echo $$")
        actpass = self.actpass(self.service(
            exec=shell(script, environment=["COLOR=red", "TCPREMOTEIP=6.6.6.6"], folder="/tmp",
                       limits={"descriptors": 77}),
            tls={"client_auth": "require", "alpn": ["x/1"]}), env={"SECRET": "1"})
        made = tls.context(self.certificates, False, "1.3", certificate="device")
        made.set_alpn_protocols(["x/1"])
        peer = tls.Tls(self.connect(actpass), made).handshake()
        host, port = peer.sock.getsockname()
        lines = peer.recv_all().decode().splitlines()
        found = dict(line.split("=", 1) for line in lines if "=" in line)
        for name, value in {
                "COLOR": "red", "TCPREMOTEIP": host, "TCPREMOTEPORT": str(port), "PROTO": "TCP",
                "REMOTE_HOST": host, "REMOTE_PORT": str(port), "ACTPASS_ROLE": "server",
                "ACTPASS_CAUSE": "client_hello", "ACTPASS_SERVICE": "front",
                "ACTPASS_PEER_NAME": "dns:dev1.devices.example", "ACTPASS_VERIFY": "SUCCESS",
                "SSL_PROTOCOL": "TLSv1.3", "ACTPASS_ALPN": "x/1", "SSL_TLS_SNI": "front.example",
                "TCPLOCALPORT": str(actpass.port())}.items():
            self.assertEqual(found.get(name), value, name)
        self.assertRegex(found["ACTPASS_PEER_PIN"], "^sha256:[0-9a-f]{64}$")
        for variable, option in ("S_DN", "-subject"), ("I_DN", "-issuer"):
            said = subprocess.run(["openssl", "x509", "-noout", option, "-nameopt", "RFC2253", "-in",
                                   self.certificates.path("device")], capture_output=True, text=True, check=True)
            self.assertEqual(found["SSL_CLIENT_" + variable], said.stdout.strip().partition("=")[2])
        self.assertNotIn("SECRET", found)
        rest = lines[-6:]
        self.assertEqual(rest[:4], ["SigBlk:\t" + "0" * 16, "SigIgn:\t" + "0" * 16, "77", "/tmp"])
        self.assertEqual(rest[4].split(), [rest[5]] * 3)
        actpass = self.front(exec_of("/bin/ls", "/proc/self/fd"))  # 3: the folder
        self.assertEqual(self.ask(actpass), b"0\n1\n2\n3\n")

    def test_terminal(self):
        """A shell on a terminal: it is one, lines end in CR LF, ^C reaches what runs, and the end of
        data ends it."""
        actpass = self.front(exec_of("/bin/sh", pty=True, environment=["PS1=> ", "ENV="]))
        peer = self.client(actpass)
        peer.send(b"tty; stty -echo; stty size; sleep 1000\n")
        out = b""
        while b"24 80\r\n" not in out:
            out += peer.recv()
        self.assertIn(b"/dev/pts/", out)
        leader = int(actpass.wait_for(event="program", state="started")["pid"])
        until(lambda: [name_of(child) for child in children(leader)] == ["sleep"], 30, "sleep")
        peer.send(b"\x03")
        peer.send(b"echo $((6*7))\n")
        while b"42\r\n" not in out:
            out += peer.recv()
        peer.shutdown_write()
        peer.recv_all()
        actpass.wait_for(event="program", state="ended")
        self.assertEqual(actpass.close()["reason"], "CLEAN")

    def test_a_terminal_is_hung_up(self):
        actpass = self.front(exec_of("/bin/sh", "-c", "sleep 1000; sleep 1000", pty=True))
        peer = self.client(actpass)
        leader = int(actpass.wait_for(event="program", state="started")["pid"])
        tls.reset(peer.sock)
        self.gone(leader)
        until(lambda: children(self.spawner(actpass)) == [], 30, "all children reaped")

    def test_neither_side_reads(self):
        """A terminal that has hung up, with bytes for both sides left, costs no processor time."""
        actpass = self.front(shell("stty raw -echo; yes & sleep 1", pty=True))
        peer = self.client(actpass)
        actpass.wait_for(event="program", state="started")
        peer.send(b"x" * 270000)
        actpass.wait_for(event="program", state="ended")
        spawner = self.spawner(actpass)
        until(lambda: len(children(spawner)) == 1, 30, "the end of all but the one that copies")
        copier, = children(spawner)
        before = processor_time(copier)
        time.sleep(1)
        self.assertLess(processor_time(copier) - before, 0.2)
        tls.reset(peer.sock)
        self.gone(copier)


class Users(Programs):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root can become another user")
        self.nobody = pwd.getpwnam("nobody")

    def ids(self, user=None, **keys):
        actpass = self.actpass(self.service(exec=shell("id -u; id -G; echo $USER", **keys)),
                               **({"user": user} if user else {}))
        return self.ask(actpass).decode().split()

    def test_its_user(self):
        """Its own, or the one that actpass becomes; the spawner stays root for that."""
        groups = [str(self.nobody.pw_uid), str(self.nobody.pw_gid), "nobody"]
        self.assertEqual(self.ids(user="nobody"), groups)
        actpass = self.actpass(self.service(exec=shell("id -u", user="root")), user="nobody",
                               check=False)
        self.assertEqual(self.ask(actpass), b"0\n")
        actpass = self.actpass(self.service(exec=shell("id -u; grep processes "
                                                       "/proc/self/limits", user="nobody",
                                                       limits={"processes": 4321})))
        words = self.ask(actpass).decode().split()
        self.assertEqual((words[0], words[3:5]), (groups[0], ["4321", "4321"]))

    def test_what_it_may_not_execute(self):
        """Found by --check."""
        script = os.path.join(self.folder, "script")
        with open(script, "w", opener=lambda path, flags: os.open(path, flags, 0o700)) as out:
            out.write("#!/bin/sh\n")
        service = self.service(exec=exec_of(script, user="nobody"))
        path = self.file("c.json", json.dumps({"services": [service]}).encode())
        ended = subprocess.run([program(), "--check", path], capture_output=True, text=True,
                               check=False)
        self.assertEqual(ended.returncode, 2)
        self.assertIn(f'/services/0/exec/command: user "nobody" may not execute {script}',
                      ended.stderr)


class Sandbox(Programs):
    def test_what_decides_must_not_be_writable(self):
        """A process that is taken over could else have anything run outside its sandbox."""
        os.mkdir(os.path.join(self.folder, "written"))
        for written, warned in ("keys", True), ("written/keys", False):
            service = self.service(exec=exec_of("/bin/cat"))
            service["tls"]["insecure_key_log"] = os.path.join(self.folder, written)
            path = self.file("c.json", json.dumps({"services": [service]}).encode())
            ended = subprocess.run([program(), "--check", path], capture_output=True, text=True,
                                   check=True)
            self.assertEqual(f"must allow writing to {path}" in ended.stderr, warned, ended.stderr)


class Failures(Programs):
    def test_it_cannot_be_executed(self):
        """What passes every check, and yet cannot: no interpreter."""
        script = os.path.join(self.folder, "script")
        with open(script, "w", opener=lambda path, flags: os.open(path, flags, 0o755)) as out:
            out.write("#!/there/is/none\n")
        actpass = self.front(exec_of(script))
        with self.assertRaises((tls.Truncated, ConnectionResetError)):
            self.client(actpass).recv_all()
        line = actpass.close()
        self.assertEqual(line["reason"], "CANCELLED")
        self.assertIn(f"cannot execute {script}", line["error"])

    def test_ending_ones_count(self):
        """Who connects again and again gets no more processes than connections."""
        actpass = self.front(shell("trap '' TERM; echo $$; while :; do sleep 1000; done",
                                   kill_after="20s"), max_connections=1)
        peer = self.client(actpass)
        pid = int(peer.recv())
        tls.reset(peer.sock)
        actpass.close()
        with self.assertRaises((tls.Truncated, ConnectionResetError)):
            self.client(actpass).recv_all()
        self.assertIn("max_connections", actpass.close(reason="CANCELLED")["error"])
        os.kill(pid, signal.SIGKILL)
        self.gone(pid)

    def test_one_that_leaves_its_group(self):
        """After the program's end, and without its own: it counts no more, and nothing is killed
        in the name of a group that is gone."""
        script = self.file("leave.py", b"""
import os, signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
leader = os.getpid()
reader, writer = os.pipe()
if os.fork() == 0:
    print(os.getpid(), flush=True)
    os.close(0), os.close(1), os.close(writer)
    while os.path.exists(f"/proc/{leader}"):  # until it is reaped
        time.sleep(0.01)
    time.sleep(0.3)  # until the spawner has looked for others of the group, which nothing shows
    os.setsid()
    time.sleep(1000)
os.close(writer)
os.read(reader, 1)  # what is written after the program's end is nobody's
""")
        actpass = self.front(exec_of("/usr/bin/python3", script, kill_after="2s"),
                             max_connections=1)
        left = int(self.ask(actpass))
        self.addCleanup(os.kill, left, signal.SIGKILL)
        actpass.close()
        self.assertTrue(alive(left))
        another = until(lambda: self.answer_of(actpass), 30, "another program being started")
        self.addCleanup(os.kill, int(another), signal.SIGKILL)
        # Nor does the spawner wait for such a process.
        spawner = self.spawner(actpass)
        self.assertEqual(actpass.stop(), 0)
        self.gone(spawner)
        self.assertTrue(alive(int(another)))

    def answer_of(self, actpass):
        try:
            peer = self.client(actpass)
            answer = peer.recv()
            peer.finish()
            return answer
        except (tls.Truncated, ConnectionResetError):
            return b""


class Reload(Reloads, Programs):
    def test_other_commands(self):
        """New ones by a reload, and the running one goes on. Nothing else can be started."""
        actpass = self.actpass(self.service(exec=shell("echo old; cat")))
        peer = self.client(actpass)
        self.assertEqual(peer.recv(), b"old\n")
        self.reload(actpass, self.service(exec=shell("echo new")))
        self.assertEqual(self.ask(actpass), b"new\n")
        peer.send(b"still")
        self.assertEqual(peer.recv(), b"still")
        line = self.refuse(actpass, self.service(exec=exec_of("/there/is/none")))
        self.assertIn("/there/is/none", line["error"])

    def test_there_was_none(self):
        actpass = self.actpass(self.service())
        self.assertEqual(children(actpass.process.pid), [])
        line = self.refuse(actpass, self.service(exec=exec_of("/bin/cat")))
        self.assertIn("restart actpass", line["error"])
