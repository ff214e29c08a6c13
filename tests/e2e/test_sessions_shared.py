"""Several processes on one store of sessions, and stores that fail or are tampered with."""
import json
import os
import random
import secrets
import signal
import subprocess
import threading
import time

from support.actpass import Actpass
from support.backend import Backend
from support.case import need, program
from support.data import until
from support.each import VERSIONS, each
from support.ports import free_port
from support.sessions import SHARED, SessionsCase


def soak(short, long):
    """ACTPASS_SOAK=1 asks for the long form of a test."""
    return long if os.environ.get("ACTPASS_SOAK") else short


class Shared(SessionsCase):
    # ---- several processes

    @each(kind=SHARED, version=VERSIONS)
    def test_two_processes(self, kind, version):
        both = [self.start(kind), self.start(kind)]
        context, session, resumed = self.context(version), None, 0
        for number in range(20):
            session, reused = self.visit(both[number % 2], context, session)
            resumed += reused
        self.assertEqual(resumed, 19)

    def namespaces(self):
        """Two network namespaces with a cable between them: 10.77.0.1 and 10.77.0.2."""
        need("ip")
        tag = secrets.token_hex(3)
        names = [f"actpass-{tag}-{end}" for end in "ab"]
        for name in names:
            if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
                self.skipTest("network namespaces cannot be made here")
            self.addCleanup(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
        commands = [f"link add v{tag}a netns {names[0]} type veth peer name v{tag}b netns {names[1]}"]
        for number, (name, end) in enumerate(zip(names, "ab"), 1):
            commands += [f"-n {name} addr add 10.77.0.{number}/24 dev v{tag}{end}",
                         f"-n {name} link set v{tag}{end} up", f"-n {name} link set lo up"]
        for command in commands:
            subprocess.run(["ip"] + command.split(), check=True, capture_output=True)
        return names

    def inside(self, namespace, number, url):
        """An actpass in a network namespace, that listens on a unix socket, which is in none."""
        folder = os.path.join(self.folder, str(number))
        os.mkdir(folder)
        script = self.file(f"actpass-{number}", f"#!/bin/sh\nexec ip netns exec {namespace} "
                                                f'"{program()}" "$@"\n'.encode())
        os.chmod(script, 0o700)
        service = self.service(listen=f"unix:{folder}/socket",
                               tls={"sessions": url, "session_key_file": self.keys})
        started = Actpass(script, folder, {"services": [service]})
        self.started.append(started)
        self.addCleanup(started.kill)
        return started.address()

    @each(version=VERSIONS)
    def test_two_hosts_on_one_redis(self, version):
        here, there = self.namespaces()
        redis = self.redis(host="10.77.0.1", port=6379, prefix=["ip", "netns", "exec", here])
        both = [self.inside(here, 1, redis.url), self.inside(there, 2, redis.url)]
        context, session, count = self.context(version), None, [0, 0]
        for number in range(20):
            session, reused = self.visit(both[number % 2], context, session)
            count = [count[0] + 1, count[1] + reused]
        self.share(f"two hosts in turn on one Redis, TLS {version}", count)
        self.assertEqual(count, [20, 19])

    def swarm(self, ports, seconds, version, failures, clients=4):
        """Clients that come again and again, each to any of the ports (a callable); counts (all,
        resumed)."""
        count = [0, 0]
        lock = threading.Lock()
        end = time.monotonic() + seconds

        def run():
            context, session = self.context(version), None
            while time.monotonic() < end:
                try:
                    session, reused = self.visit(("127.0.0.1", random.choice(ports())), context,
                                                 session)
                except (OSError, AssertionError) as error:
                    failures(error)
                    continue
                with lock:
                    count[0] += 1
                    count[1] += reused
        workers = [threading.Thread(target=run, daemon=True) for _ in range(clients)]
        for worker in workers:
            worker.start()
        return workers, count

    def share(self, what, count):
        print(f"{what}: {count[1]} of {count[0]} connections were resumed "
              f"({100 * count[1] / max(count[0], 1):.1f} %)", flush=True)

    @each(version=VERSIONS)
    def test_killed_processes_on_one_file(self, version):
        """Twenty processes on one store, one in four killed each second; the others go on."""
        settings = self.store("file")
        processes = [self.spawn_server(settings, number) for number in range(20)]
        alive = {number: process.port() for number, process in enumerate(processes)}
        seconds, errors = soak(6, 20), []
        workers, count = self.swarm(lambda: list(alive.values()), seconds, version, errors.append)
        end = time.monotonic() + seconds
        turn = 0
        while any(worker.is_alive() for worker in workers) and time.monotonic() < end + 30:
            time.sleep(1)
            if time.monotonic() >= end:
                continue
            for number in range(turn % 4, 20, 4):
                alive.pop(number)
            for number in range(turn % 4, 20, 4):
                processes[number].process.send_signal(signal.SIGKILL)
                processes[number].process.wait()
                processes[number] = self.spawn_server(settings, number)
                alive[number] = processes[number].port()
            turn += 1
        for worker in workers:
            self.assertFalse(worker.is_alive(), "a client hangs")
        self.share(f"20 processes on one file, one in four killed each second, TLS {version}", count)
        killed = 5 * turn
        self.assertLessEqual(len(errors), 4 * turn + 4, f"{killed} killed: {errors[:5]}")
        self.assertGreater(count[0], 20)
        self.assertGreater(count[1] / count[0], 0.7)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "store-damaged")))
        for process in processes:
            self.assertTrue(process.running(), process.lines[-20:])
            for line in process.find(event="sessions"):  # on a machine with other work
                self.assertIn("it was busy for longer", line["error"])

    def spawn_server(self, settings, number):
        """One that is expected to be killed: in a folder of its own, with a log of its own."""
        folder = os.path.join(self.folder, f"{number}-{secrets.token_hex(4)}")
        os.mkdir(folder)
        before, self.folder = self.folder, folder
        try:
            return self.actpass(self.service(tls=settings), level="info", check=False)
        finally:
            self.folder = before

    @each(version=VERSIONS)
    def test_redis_killed_and_started_again(self, version):
        """Under load: no connection fails, and sessions are resumed again afterwards."""
        redis = self.redis(port=free_port())
        settings = self.store("redis")
        servers = [self.run_on("redis", self.service(tls=settings)) for _ in range(2)]
        failures = []
        workers, count = self.swarm(lambda: [server.port() for server in servers], soak(5, 20),
                                    version, failures.append)
        for _ in range(soak(2, 8)):
            time.sleep(1)
            redis.kill()
            time.sleep(0.5)
            redis.start()
        for worker in workers:
            worker.join(60)
            self.assertFalse(worker.is_alive(), "a client hangs")
        self.share(f"Redis killed and started again under load, TLS {version}", count)
        self.assertEqual(failures, [])
        until(lambda: self.visits(servers[0], version, 3) == 2, 20, "resumption afterwards")
        for server in servers:
            lines = server.find(event="sessions")
            self.assertLessEqual(len(lines), 1, "one line a minute")

    # ---- stores that fail

    def test_what_lies_in_redis_is_sealed_and_expires(self):
        redis = self.redis()
        actpass = self.start("redis", tls={"session_timeout": "100s"})
        session, _ = self.visit(actpass, self.context("1.2"))
        names = redis.keys()
        self.assertEqual(len(names), 1)
        self.assertLessEqual(int(redis.ask("TTL", names[0])[1:]), 100)
        self.assertGreater(int(redis.ask("TTL", names[0])[1:]), 50)
        self.assertNotIn(b"front.example", redis.ask("GET", names[0]))
        self.assertNotIn(session.id, redis.ask("GET", names[0]))

    @each(version=VERSIONS)
    def test_records_that_were_changed(self, version):
        """Flipped, cut, exchanged, of another kind: a full handshake each, never a failure."""
        redis = self.redis()
        actpass = self.start("redis")
        context = self.context(version)
        changes = [("SETRANGE", 0, b"\x02"), ("SETRANGE", 5, b"????????"),
                   ("SETRANGE", 40, bytes(16)),
                   ("SET", b""), ("SET", b"x"), ("SET", b"x" * 100000), ("APPEND", b"x")]
        made = []

        def make():
            """A session that is in Redis: after an answer that was too large, it is left alone
            for a second."""
            redis.ask("FLUSHALL")
            until(lambda: made.append(self.visit(actpass, context)[0]) or redis.keys())
            return made[-1], redis.keys()[0]

        for command, *words in changes:
            session, name = make()
            redis.ask(command, name, *words)
            self.assertFalse(self.visit(actpass, context, session)[1], command)
        session, name = make()
        redis.ask("DEL", name)
        redis.ask("LPUSH", name, "x")
        self.assertFalse(self.visit(actpass, context, session)[1], "a list")
        self.assertEqual(self.visits(actpass, version), 4)

    @each(kind=("down", "silent", "http", "closes"))
    def test_a_redis_that_is_none(self, kind):
        """Each connection works, quickly; the log says it once."""
        def silent(session):
            while session.recv():
                pass

        def web(session):
            session.recv()
            session.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        serve = {"silent": silent, "http": web, "closes": lambda session: None}.get(kind)
        if serve:
            url = "redis://" + self.backend(Backend(serve)).address + "/0"
        else:
            url = f"redis://127.0.0.1:{free_port()}/0"
        actpass = self.run_on("redis", self.service(tls={"sessions": url,
                                                         "session_key_file": self.keys}))
        for version in VERSIONS:
            self.assertEqual(self.visits(actpass, version, 5), 0)
        actpass.wait_for(event="close", reason="CLEAN", count=10)
        lines = actpass.find(event="sessions")
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("sessions in Redis", lines[0]["error"])
        quick = [line for line in actpass.find(event="close") if int(line["dur_ms"]) < 240]
        self.assertGreaterEqual(len(quick), 4, "most do not wait for it")

    def test_a_key_file_that_goes_bad(self):
        actpass = self.start("file")
        context = self.context("1.3")
        session, _ = self.visit(actpass, context)
        with open(self.keys, "w") as keys:
            keys.write("nonsense\n")
        time.sleep(1.1)  # it is looked at once a second
        session, reused = self.visit(actpass, context, session)
        self.assertTrue(reused, "the keys from before stay")
        line = actpass.wait_for(event="sessions")
        self.assertIn("64 hex digits", line["error"])

    def test_refused_at_the_start(self):
        rows = [({"sessions": "file:/nonexistent/store", "session_key_file": self.keys},
                 "make the folder first"),
                ({"sessions": "file:" + self.file("text", b"x" * 20000),
                  "session_key_file": self.keys}, "it is not a store of sessions"),
                ({"sessions": "memory", "session_key_file": "/nonexistent"}, "session_key_file"),
                ({"sessions": "tickets", "session_key_file": self.file("bad", b"12\n")},
                 "a key is 64 hex digits")]
        for settings, text in rows:
            path = os.path.join(self.folder, "check.json")
            with open(path, "w") as out:
                json.dump({"services": [self.service(tls=settings)]}, out)
            done = subprocess.run([program(), "--check", path], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=30)
            self.assertIn(text, done.stdout.decode(), settings)
            if "memory" not in settings["sessions"]:
                self.assertEqual(done.returncode, 2, settings)
