"""Resumption: real clients against every store, several processes on one store, and stores that
fail."""
import contextlib
import json
import os
import random
import re
import secrets
import signal
import socket
import ssl
import subprocess
import threading
import time

from support import programs, tls
from support.actpass import Actpass
from support.backend import Backend
from support.case import Case, need, program, transport
from support.data import until
from support.each import VERSIONS, each
from support.redis import Redis, free_port

STORES = ("memory", "tickets", "file", "redis")
SHARED = ("tickets", "file", "redis")


def soak(short, long):
    """ACTPASS_SOAK=1 asks for the long form of a test."""
    return long if os.environ.get("ACTPASS_SOAK") else short


def http(session):
    """One answer, and the end."""
    request = b""
    while b"\r\n\r\n" not in request:
        chunk = session.recv()
        if not chunk:
            return
        request += chunk
    session.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")


class Sessions(Case):
    deadline = 90

    def setUp(self):
        super().setUp()
        self.keys = self.file("session.keys", secrets.token_hex(32).encode() + b"\n")
        os.chmod(self.keys, 0o600)

    def store(self, kind):
        """What "tls" holds for a store of this test."""
        if kind in ("memory", "off"):
            return {"sessions": kind}
        if kind == "tickets":
            return {"sessions": "tickets", "session_key_file": self.keys}
        if kind == "file":
            return {"sessions": "file:" + os.path.join(self.folder, "store"),
                    "session_key_file": self.keys}
        return {"sessions": self.redis().url, "session_key_file": self.keys}

    def redis(self, **options):
        need("redis-server")
        if not getattr(self, "_redis", None):
            self._redis = self.backend(Redis(self.folder, **options).start())
        return self._redis

    def start(self, kind, **changes):
        more = changes.pop("tls", {})
        return self.run_on(kind, self.service(tls={**self.store(kind), **more}, **changes))

    def run_on(self, kind, service):
        """Connections to Redis are kept, so there are more descriptors at the end than at the
        start."""
        return self.actpass(service, check=kind != "redis")

    def context(self, version, certificate=None):
        return tls.context(self.certificates, False, version, certificate)

    def visit(self, actpass, context, session=None):
        """One connection of Python's ssl with an echo; answers its session and whether it was
        resumed."""
        address = actpass.address() if isinstance(actpass, Actpass) else actpass
        with self.connect(address) as raw:
            with context.wrap_socket(raw, server_hostname="front.example", session=session) as sock:
                sock.sendall(b"hello")
                received = b""
                while len(received) < 5:
                    chunk = sock.recv(5)
                    self.assertTrue(chunk, "the connection failed")
                    received += chunk
                answer = sock.session, sock.session_reused
                with contextlib.suppress(OSError):
                    sock.unwrap()
                return answer

    def visits(self, actpass, version, times=5, certificate=None):
        """Connections of one client, one after another; how many were resumed."""
        context, session, resumed = self.context(version, certificate), None, 0
        for _ in range(times):
            session, reused = self.visit(actpass, context, session)
            resumed += reused
        return resumed

    def resumed(self, actpass, count):
        """The log's number of resumed connections, once COUNT connections are closed."""
        actpass.wait_for(event="close", count=count)
        return len(actpass.find(event="close", resumed=1))

    # ---- real clients

    @each(kind=STORES, version=VERSIONS)
    def test_python(self, kind, version):
        actpass = self.start(kind)
        self.assertEqual(self.visits(actpass, version), 4)
        self.assertEqual(self.resumed(actpass, 5), 4)

    @each(kind=STORES, version=VERSIONS)
    def test_python_with_a_certificate(self, kind, version):
        """The peer's name is known on resumed connections, too."""
        actpass = self.start(kind, tls={"client_auth": "require"})
        self.assertEqual(self.visits(actpass, version, 3, "client"), 2)
        self.assertEqual(self.resumed(actpass, 3), 2)
        for line in actpass.find(event="close"):
            self.assertEqual(line["subject"], "CN=client")

    @each(version=VERSIONS)
    def test_off(self, version):
        actpass = self.start("off")
        self.assertEqual(self.visits(actpass, version), 0)
        self.assertEqual(self.resumed(actpass, 5), 0)

    def s_client(self, actpass, version, *more):
        """One openssl s_client with an echo; what it says."""
        command = [word for word in programs.s_client(self.certificates, actpass.port(), version)
                   if word != "-quiet"] + list(more)
        process = self.spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
        said = b""
        process.stdin.write(b"hello there\n")
        process.stdin.flush()
        while b"\nhello there\n" not in said:
            chunk = process.stdout.read1()
            self.assertTrue(chunk, said.decode(errors="replace"))
            said += chunk
        process.stdin.write(b"Q\n")
        process.stdin.close()
        said += process.stdout.read()
        process.wait(30)
        return said.decode(errors="replace")

    @each(kind=STORES, version=VERSIONS)
    def test_s_client(self, kind, version):
        actpass = self.start(kind)
        session = os.path.join(self.folder, "session.pem")
        first = self.s_client(actpass, version, "-sess_out", session)
        self.assertRegex(first, "New, TLSv1")
        for _ in range(2):
            said = self.s_client(actpass, version, "-sess_in", session, "-sess_out", session)
            self.assertRegex(said, "Reused, TLSv1")
        self.assertEqual(self.resumed(actpass, 3), 2)

    def again(self, kind, resumes):
        """resumes(actpass), for clients that are back at once: with the direct transport our last
        flight may arrive before the session is in its store, which costs a full handshake. Then it
        is tried again."""
        for _ in range(4 if transport() == "direct" else 0):
            if resumes(self.start(kind), lambda *_: None):
                return
        resumes(self.start(kind), self.assertEqual)

    @each(kind=STORES)
    def test_s_client_reconnects(self, kind):
        def resumes(actpass, equal):
            said = self.s_client(actpass, "1.2", "-reconnect")
            reused = len(re.findall("^Reused, TLSv1", said, re.M))
            equal(reused, 5, said)
            self.assertEqual(self.resumed(actpass, 6), reused)
            return reused == 5
        self.again(kind, resumes)

    @each(kind=STORES, version=VERSIONS)
    def test_gnutls_cli(self, kind, version):
        need("gnutls-cli")
        self.again(kind, lambda actpass, equal: self.gnutls_resumes(actpass, version, equal))

    def gnutls_resumes(self, actpass, version, equal):
        command = programs.gnutls_cli(self.certificates, actpass.port(), version,
                                      os.path.join(self.folder, "gnutls.log"))
        done = subprocess.run(command[:1] + ["--resume", "--waitresumption"] + command[1:],
                              input=b"hello\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60)
        with open(os.path.join(self.folder, "gnutls.log"), "rb") as log:
            said = done.stdout + log.read()
        resumed = b"This is a resumed session" in said
        equal(resumed, True, said)
        self.assertEqual(self.resumed(actpass, 2), resumed)
        return resumed

    @each(kind=STORES, version=VERSIONS)
    def test_curl(self, kind, version):
        """curl wants no tickets of TLS 1.2: it sets SSL_OP_NO_TICKET."""
        backend = self.backend(Backend(http))
        actpass = self.start(kind, forward=backend.address)
        url = f"https://front.example:{actpass.port()}/"
        command = programs.curl(self.certificates, actpass.port(), version, "/", url, url)
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=60)
        self.assertEqual(done.stdout, b"ok\nok\nok\n")
        self.assertEqual(self.resumed(actpass, 3), 0 if (kind, version) == ("tickets", "1.2") else 2)

    # ---- what must not resume

    @each(kind=STORES, version=VERSIONS)
    def test_the_timeout_counts_from_the_full_handshake(self, kind, version):
        """A client that uses its session all the time gets another each time, in TLS 1.3, but
        none lives longer."""
        actpass = self.start(kind, tls={"session_timeout": "3s"})
        context, turns = self.context(version), []
        session, _ = self.visit(actpass, context)

        def is_over():
            nonlocal session
            session, reused = self.visit(actpass, context, session)
            turns.append(reused)
            time.sleep(0.1)  # for some turns before the end
            return not reused
        until(is_over, 20, "the end of the session")
        self.assertGreater(len(turns), 1, turns)
        self.assertTrue(self.visit(actpass, context, session)[1], "the next one begins")

    @each(kind=SHARED, version=VERSIONS)
    def test_changed_settings_make_sessions_useless(self, kind, version):
        context = self.context(version, "client")
        same = {"client_auth": "require"}
        session, _ = self.visit(self.start(kind, tls=same), context)
        self.assertTrue(self.visit(self.start(kind, tls=same), context, session)[1])
        for change in ({"client_auth": "request"}, {"client_auth": "require", "peer_names":
                                                    ["client.devices.example"]}):
            self.assertFalse(self.visit(self.start(kind, tls=change), context, session)[1], change)
        other = self.start(kind, name="other", tls=same)
        self.assertFalse(self.visit(other, context, session)[1], "another service")

    @each(kind=SHARED, version=VERSIONS)
    def test_a_new_key_file(self, kind, version):
        """Keys rotate while actpass runs: old sessions go on as long as their key is there."""
        actpass = self.start(kind)
        context = self.context(version)
        session, _ = self.visit(actpass, context)
        with open(self.keys) as keys:
            old = keys.read()
        with open(self.keys, "w") as keys:
            keys.write(secrets.token_hex(32) + "\n" + old)
        time.sleep(1.1)  # it is looked at once a second
        for _ in range(2):
            session, reused = self.visit(actpass, context, session)
            self.assertTrue(reused)
        with open(self.keys, "w") as keys:
            keys.write(secrets.token_hex(32) + "\n")
        until(lambda: not self.visit(actpass, context, session)[1], 20, "the old key's end")

    @each(kind=SHARED, version=VERSIONS)
    def test_reload(self, kind, version):
        """SIGHUP reads the keys again at once; sessions that lie elsewhere go on."""
        actpass = self.start(kind)
        context = self.context(version)
        session, _ = self.visit(actpass, context)
        actpass.signal(signal.SIGHUP)
        actpass.wait_for(event="reload")
        session, reused = self.visit(actpass, context, session)
        self.assertTrue(reused)
        with open(self.keys, "w") as keys:
            keys.write(secrets.token_hex(32) + "\n")
        actpass.signal(signal.SIGHUP)
        actpass.wait_for(event="reload", count=2)
        self.assertFalse(self.visit(actpass, context, session)[1])

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
        seconds, errors = 20, []
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
                  "session_key_file": self.keys}, "it is no store of sessions"),
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
