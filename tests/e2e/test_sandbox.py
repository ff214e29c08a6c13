"""The sandbox: what is refused from inside the process, which user it becomes, and what a kernel
without it means. That nothing is refused which actpass needs is shown by all other tests."""
import errno
import grp
import json
import os
import pwd
import shutil
import signal
import subprocess
import unittest

from support.backend import Backend, echo
from support.case import Case, need, program

REFUSED = {str(errno.EACCES), str(errno.EPERM)}
# What intruder.c attempts, beside "own": to read the certificate, which is allowed.
ATTEMPTS = ("passwd", "folder", "write", "connect", "fast_open", "udp", "execve", "fork", "ptrace",
            "kill", "dumpable")


def built_with_seccomp():
    said = subprocess.run([program(), "--version"], capture_output=True, text=True, check=True)
    return "sandbox: yes" in said.stdout


class Confined(Case):
    def setUp(self):
        super().setUp()
        if os.environ.get("ACTPASS_SANDBOX") == "off":
            raise unittest.SkipTest("sanitizers and valgrind do not work in the sandbox")
        if not built_with_seccomp():
            raise unittest.SkipTest("actpass was built without libseccomp")

    def require_landlock(self, actpass):
        if int(actpass.wait_for(event="sandbox")["landlock"]) < 4:
            raise unittest.SkipTest("this kernel has no Landlock for TCP")

    def intruder(self, **more):
        """The environment that brings the intruder in."""
        need("cc")
        library = os.path.join(self.folder, "intruder.so")
        source = os.path.join(os.path.dirname(__file__), "support", "intruder.c")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
        return {"LD_PRELOAD": library, **more}


class Sandbox(Confined):
    def intrude(self, **top):
        """What the attempts came to, and the daemon: it forwards, so there is a port to which it may
        connect, and another one for the intruder."""
        allowed, other = (self.backend(Backend(echo)) for _ in range(2))
        environment = self.intruder(INTRUDER_OWN=self.certificates.path("front"),
                                    INTRUDER_PORT=other.address.rpartition(":")[2])
        actpass = self.actpass(self.service(forward=allowed.address), env=environment,
                               **top)
        peer = self.client(actpass)
        self.assertEqual(peer.exchange(b"hello", 5), b"hello")
        peer.finish()
        return actpass, actpass.wait_for(event="intruder")

    def test_what_an_intruder_may(self):
        actpass, found = self.intrude()
        self.require_landlock(actpass)
        self.assertEqual((found["own"], found["dumps"]), ("0", "0"))
        for attempt in ATTEMPTS:
            with self.subTest(attempt):
                self.assertIn(found[attempt], REFUSED)

    def test_what_an_intruder_may_without(self):
        """The attempts are real: without a sandbox they are not refused."""
        _, found = self.intrude(sandbox="off")
        self.assertEqual(found["dumps"], "1")
        for attempt in ATTEMPTS:
            with self.subTest(attempt):
                self.assertNotIn(found[attempt], REFUSED)

    def test_a_reload_that_needs_more(self):
        """Nothing changes, and the log says what is refused."""
        service = self.service()
        actpass = self.actpass(service)
        self.require_landlock(actpass)
        allowed = actpass.find(event="listening")
        config = {"services": [{**service, "echo": None, "forward": "127.0.0.1:9"}]}
        del config["services"][0]["echo"]
        with open(actpass.config_file, "w") as out:
            json.dump(config, out)
        actpass.signal(signal.SIGHUP)
        line = actpass.wait_for(event="reload", level="error")
        self.assertIn("connecting to port 9: the sandbox was made at the start", line["error"])
        self.client(actpass).finish()
        self.assertEqual(actpass.find(event="listening"), allowed)

    def test_a_reload_that_needs_names_of_accounts(self):
        """They can be looked up only if the first configuration had some."""
        path = os.path.join(self.folder, "s")
        service = self.service(listen=["unix:" + path + "1"], listen_options={"group": "1"})
        actpass = self.actpass(service)
        self.require_landlock(actpass)
        service.update(listen=["unix:" + path + "2"], listen_options={"group": grp.getgrgid(1).gr_name})
        with open(actpass.config_file, "w") as out:
            json.dump({"services": [service]}, out)
        actpass.signal(signal.SIGHUP)
        line = actpass.wait_for(event="reload", level="error")
        self.assertIn("cannot be looked up inside the sandbox, which was made at the start: write numbers, or restart",
                      line["error"])
        self.assertFalse(os.path.exists(path + "2"))

    def test_the_accept_thread_lets_the_others_finish(self):
        actpass = self.actpass(self.service())
        self.client(actpass).finish()
        main = actpass.process.pid
        policies = {int(thread): os.sched_getscheduler(int(thread)) for thread in os.listdir(f"/proc/{main}/task")}
        self.assertEqual(policies.pop(main), os.SCHED_BATCH)
        self.assertEqual(set(policies.values()), {os.SCHED_OTHER})

    def test_every_thread_is_confined(self):
        actpass = self.actpass(self.service())
        peer = self.client(actpass)
        folder = f"/proc/{actpass.process.pid}/task"
        for thread in os.listdir(folder):
            with open(os.path.join(folder, thread, "status")) as status:
                fields = dict(line.split(":\t", 1) for line in status)
            self.assertEqual((fields["NoNewPrivs"].strip(), fields["Seccomp"].strip()), ("1", "2"))
        peer.finish()


class Lacking(Confined):
    """A kernel without Landlock."""

    def test_prefer(self):
        environment = self.intruder(INTRUDER_NO_LANDLOCK="1")
        actpass = self.actpass(self.service(), env=environment, level="info")
        self.client(actpass).finish()
        line = actpass.wait_for(event="sandbox")
        self.assertEqual((line["level"], line["landlock"], line["seccomp"]), ("info", "0", "yes"))
        self.assertIn("this kernel has none", line["lacks"])
        self.assertEqual(len(actpass.find(event="sandbox")), 1)

    def start(self, environment=None, **top):
        """Starts a daemon that cannot: its exit status and what it says."""
        path = self.file("wrong.json", json.dumps({"services": [self.service()], **top}).encode())
        ended = subprocess.run([program(), path], capture_output=True, text=True, timeout=30,
                               check=False, env={**os.environ, **(environment or {})})
        return ended.returncode, ended.stderr

    def test_require(self):
        status, said = self.start(self.intruder(INTRUDER_NO_LANDLOCK="1"), sandbox="require")
        self.assertEqual(status, 1)
        self.assertIn("the sandbox is required, and not whole: Landlock: this kernel has none", said)

    def test_required_and_there(self):
        actpass = self.actpass(self.service(), sandbox="require",
                               env={"ACTPASS_SANDBOX": "off"})  # which has no say then
        self.require_landlock(actpass)
        self.client(actpass).finish()

    def test_switched_off(self):
        actpass = self.actpass(self.service(), env={"ACTPASS_SANDBOX": "off"}, level="info")
        self.assertIn("ACTPASS_SANDBOX=off", actpass.wait_for(event="sandbox")["lacks"])

    def test_unknown_user(self):
        status, said = self.start(user="no-such-user")
        self.assertEqual(status, 1)
        self.assertIn('there is no user "no-such-user" on this system', said)


class User(Confined):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root can become another user")
        os.chmod(self.folder, 0o755)
        self.key = os.path.join(self.folder, "front.key")
        shutil.copy(self.certificates.path("front", "key"), self.key)  # root's alone

    def start(self):
        return self.actpass(self.service(tls={"key": self.key}), user="nobody", check=False)

    def test_becomes_the_user_once_it_listens(self):
        actpass = self.start()
        self.client(actpass).finish()
        with open(f"/proc/{actpass.process.pid}/status") as status:
            fields = dict(line.split(":\t", 1) for line in status)
        nobody = pwd.getpwnam("nobody")
        self.assertEqual(fields["Uid"].split(), [str(nobody.pw_uid)] * 4)
        self.assertEqual(fields["Gid"].split(), [str(nobody.pw_gid)] * 4)
        self.assertEqual(fields["Groups"].split(), [str(nobody.pw_gid)])
        self.assertEqual(int(fields["CapEff"], 16), 0)

    def test_a_reload_reads_as_the_user(self):
        actpass = self.start()
        actpass.signal(signal.SIGHUP)
        self.assertIn("Permission denied", actpass.wait_for(event="reload", level="error")["error"])
        self.client(actpass).finish()  # with what it had
