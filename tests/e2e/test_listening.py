"""Where a service listens: several addresses, names, ranges of ports, unix sockets and their options."""
import grp
import json
import os
import re
import signal
import socket
import stat
import subprocess

from support import tls
from support.case import need, program
from support.data import until
from support.names import hosts
from support.ports import free_port, free_range
from support.reloads import Reloads


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


class Listening(Reloads):
    def addresses(self, actpass, count, service="front"):
        """Of `count` listeners, as the log says."""
        actpass.wait_for(event="listening", service=service, count=count)
        return [line["address"] for line in actpass.find(event="listening", service=service)]

    def dial(self, address):
        """A TLS client at any address of the log."""
        if address.startswith("unix:"):
            path = address[len("unix:"):]
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.connect("\0" + path[1:] if path.startswith("@") else path)
            self.addCleanup(sock.close)
        else:
            host, _, port = address.rpartition(":")
            sock = self.connect((host.strip("[]"), int(port)))
        return tls.Tls(sock, tls.context(self.certificates, False)).handshake()

    def fails(self, *services, env=None, **top):
        """What a configuration says that does not start."""
        file = self.file("fails.json", json.dumps({"services": services, **top}).encode())
        done = subprocess.run([program(), file], capture_output=True, text=True, timeout=20,
                              env={**os.environ, **(env or {})})
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    # ---- All kinds at once

    def test_each_address_of_a_list(self):
        first = free_range(3)
        path = os.path.join(self.folder, "mode.sock")
        name = f"actpass-test-{os.getpid()}"
        wanted = [f"127.0.0.2:{first}-{first + 2}", "two.example:0", "unix:" + path, "unix:@" + name]
        group = grp.getgrgid(1).gr_name
        actpass = self.actpass(
            self.service(listen=wanted,
                         listen_options={"backlog": 77, "mode": "0606", "owner": "65534", "group": group}),
            admin={"listen": f"unix:{self.folder}/admin.sock", "mode": "0600", "group": group},
            prefix=hosts(self, "127.0.0.1 two.example", "::1 two.example", "127.0.0.1 two.example"))
        found = self.addresses(actpass, 6 + has_ipv6())
        self.assertEqual(len(found), 6 + has_ipv6(), found)
        self.assertEqual(found[:3], [f"127.0.0.2:{port}" for port in range(first, first + 3)])
        self.assertEqual(found[-2:], wanted[2:])
        self.assertTrue(any(each.startswith("127.0.0.1:") for each in found[3:-2]), found)
        self.assertEqual(any(each.startswith("[::1]:") for each in found), has_ipv6(), found)
        for address in found:
            self.dial(address).finish()
        self.check_files(path, group)
        self.check_backlog(found)
        self.check_status(found)
        self.check_socat(name)

    def check_files(self, path, group):
        for file, mode, owner in (path, 0o606, 65534), (f"{self.folder}/admin.sock", 0o600, 0):
            status = os.stat(file)
            self.assertEqual((stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid),
                             (mode, owner, grp.getgrnam(group).gr_gid), file)

    def check_backlog(self, found):
        said = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout
        for address in found:
            if not address.startswith("unix:"):
                self.assertRegex(said, rf"(?m)^LISTEN +\d+ +77 +{re.escape(address)} ")

    def admin(self, path):
        done = subprocess.run(["curl", "-sS", "--fail", "--unix-socket", f"{self.folder}/admin.sock",
                               "http://localhost" + path], capture_output=True, text=True, check=True)
        return done.stdout

    def check_status(self, found):
        service = json.loads(self.admin("/status"))["services"][0]
        self.assertEqual([(each["address"], each["accepted"]) for each in service["listeners"]],
                         [(address, 1) for address in found])
        self.assertEqual(service["listen"], f"{found[0]} and {len(found) - 1} more")
        metrics = self.admin("/metrics")
        for address in found:
            self.assertIn(f'actpass_listener_accepted_total{{service="front",address="{address}"}} 1\n', metrics)

    def check_socat(self, name):
        """The real one dials the abstract name, and openssl talks through it."""
        path = os.path.join(self.folder, "socat.sock")
        self.spawn(["socat", f"UNIX-LISTEN:{path}", f"ABSTRACT-CONNECT:{name}"])
        until(lambda: os.path.exists(path), 20, "socat")
        done = subprocess.run(["openssl", "s_client", "-quiet", "-unix", path, "-CAfile",
                               self.certificates.path("ca"), "-verify_return_error", "-no_ign_eof"],
                              input=b"hello\n", capture_output=True, timeout=30)
        self.assertIn(b"depth=0", done.stderr)

    # ---- All or nothing

    def test_one_that_fails_is_named_and_none_is_left(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        port = taken.getsockname()[1]
        path = os.path.join(self.folder, "s")
        said = self.fails(self.service(listen=["unix:" + path, "127.0.0.1:0", f"127.0.0.1:{port}"]))
        self.assertIn(f'service "front": cannot listen on 127.0.0.1:{port}: Address already in use', said)
        self.assertFalse(os.path.exists(path))
        said = self.fails(self.service(listen=f"127.0.0.1:{port}-{port + 1}"))
        self.assertIn(f"cannot listen on 127.0.0.1:{port}-{port + 1} (127.0.0.1:{port}): Address", said)
        said = self.fails(self.service(listen=["unix:" + path], listen_options={"owner": "no-such-user"}))
        self.assertIn(f'cannot listen on unix:{path}: there is no user "no-such-user" on this system', said)
        self.assertFalse(os.path.exists(path))

    def test_only_stale_files_are_replaced(self):
        path = os.path.join(self.folder, "s")
        other = socket.socket(socket.AF_UNIX)
        other.bind(path)
        other.listen()
        self.assertIn("Address already in use", self.fails(self.service(listen=["unix:" + path])))
        other.close()
        actpass = self.actpass(self.service(listen=["unix:" + path, "127.0.0.1:0"]), check=False)
        self.dial("unix:" + path).finish()
        os.unlink(path)
        with open(path, "w"):
            pass
        self.assertEqual(actpass.stop(), 0)
        self.assertTrue(os.path.exists(path), "it is somebody else's")

    # ---- Options

    def test_the_mode_is_that_of_no_other_file(self):
        """The owner may put a link in the socket's place before its mode is set."""
        if "ASAN_OPTIONS" in os.environ:
            self.skipTest("a sanitizer's library must be the first one")
        need("cc")
        library = os.path.join(self.folder, "swapped_socket.so")
        source = os.path.join(os.path.dirname(__file__), "support", "swapped_socket.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
        victim = self.file("victim", b"")
        os.chmod(victim, 0o600)
        said = self.fails(self.service(listen="unix:" + os.path.join(self.folder, "s"),
                                       listen_options={"owner": "65534", "mode": "0666"}),
                          env={"LD_PRELOAD": library, "VICTIM": victim})
        self.assertIn("cannot set the mode of its file", said)
        self.assertEqual(stat.S_IMODE(os.stat(victim).st_mode), 0o600)

    def test_reuse_port(self):
        port = free_port()
        shared = self.service(listen=f"127.0.0.1:{port}", listen_options={"reuse_port": True})
        both = [self.actpass(shared), self.actpass(shared)]
        self.assertIn("Address already in use", self.fails(self.service(listen=f"127.0.0.1:{port}")))
        for _ in range(64):  # by chance all of them to one: 1 in 2^63
            self.client(both[0]).finish()
            if all(each.find(event="close") for each in both):
                break
        else:
            self.fail("the kernel shares nothing out")

    def test_v6only(self):
        if not has_ipv6():
            self.skipTest("no IPv6 here")
        for options, works in ({}, False), ({"v6only": False}, True):
            actpass = self.actpass(self.service(listen="[::]:0", listen_options=options))
            port = actpass.port()
            if works:
                self.dial(f"127.0.0.1:{port}").finish()
                self.assertTrue(actpass.wait_for(event="close")["peer"].startswith("127.0.0.1:")
                                or "::ffff:127.0.0.1" in actpass.find(event="close")[0]["peer"])
            else:
                with self.assertRaises(ConnectionRefusedError):
                    self.connect(port)

    def test_peers_without_an_address_are_not_one(self):
        """Of a service on both kinds of sockets: those of TCP are limited, all of them are older."""
        path = os.path.join(self.folder, "s")
        actpass = self.actpass(self.service(listen=["unix:" + path, "127.0.0.1:0"], role="server",
                                            limits={"undecided_per_address": 1}), check=False)
        local = [self.connect(path) for _ in range(3)]
        port = int(self.addresses(actpass, 2)[1].rpartition(":")[2])
        _silent = [self.connect(port) for _ in range(2)]
        line = actpass.wait_for(event="close")
        self.assertIn("to make room", line["error"])
        self.assertTrue(line["peer"].startswith("127.0.0.1:"), line)
        for sock in local:
            tls.Tls(sock, tls.context(self.certificates, False)).handshake().finish()

    # ---- Reload

    def test_a_reload_keeps_the_others_and_who_waits_there(self):
        path = os.path.join(self.folder, "s")
        kept, gone, new = (f"127.0.0.1:{free_port()}" for _ in range(3))
        service = self.service(listen=[kept, gone, "unix:" + path], max_connections=1)
        actpass = self.actpass(service, check=False)
        self.addresses(actpass, 3)
        first = self.dial(kept)
        port = int(kept.rpartition(":")[2])
        sock = self.connect(port)  # no room: it waits to be accepted
        self.reload(actpass, {**service, "listen": [new, kept, "unix:" + path]})
        actpass.wait_for(event="reload", change="changed", listener="opened", address=new, closed=gone)
        for address in kept, "unix:" + path:
            actpass.wait_for(event="reload", service="front", listener="kept", address=address)
        first.finish()
        peer = tls.Tls(sock, tls.context(self.certificates, False)).handshake()
        peer.finish()
        with self.assertRaises(ConnectionRefusedError):
            self.dial(gone)
        for address in new, "unix:" + path:
            self.dial(address).finish()

    def test_a_reload_looks_names_up_again(self):
        """Addresses of a name that came are opened, those that went are closed."""
        port = free_port()
        service = self.service(listen=[f"moving.example:{port}"])
        actpass = self.actpass(service, check=False,
                               prefix=hosts(self, "127.0.0.2 moving.example", "127.0.0.3 moving.example"))
        two, three, four = (f"127.0.0.{last}:{port}" for last in (2, 3, 4))
        self.assertEqual(sorted(self.addresses(actpass, 2)), [two, three])
        peer = self.dial(two)
        self.file("hosts", b"127.0.0.3 moving.example\n127.0.0.4 moving.example\n")
        self.reload(actpass, service)
        for state, address in ("kept", three), ("opened", four):
            actpass.wait_for(event="reload", service="front", listener=state, address=address)
        actpass.wait_for(event="reload", service="front", closed=two)
        with self.assertRaises(ConnectionRefusedError):
            self.dial(two)
        for address in three, four:
            self.dial(address).finish()
        self.assertEqual(peer.exchange(b"still", 5), b"still")
        peer.finish()
        self.file("hosts", b"")
        after = len(actpass.log)
        self.reload(actpass, service)
        said = actpass.wait_for(event="configuration", level="warning", after=after)["warning"]
        self.assertIn(f"cannot look up moving.example:{port} again, so its addresses of before stay: ", said)
        for address in three, four:
            actpass.wait_for(event="reload", listener="kept", address=address, after=after)
            self.dial(address).finish()

    def test_a_reload_knows_the_names_of_groups(self):
        """Inside the sandbox, too."""
        one, other = (grp.getgrgid(number).gr_name for number in (1, 2))
        path = os.path.join(self.folder, "s")
        service = self.service(listen=["unix:" + path + "1"], listen_options={"group": one})
        actpass = self.actpass(service, check=False)
        self.reload(actpass, {**service, "listen": ["unix:" + path + "2"], "listen_options": {"group": other}})
        self.assertEqual(os.stat(path + "2").st_gid, 2)
        line = self.refuse(actpass, {**service, "listen": ["unix:" + path + "3"],
                                     "listen_options": {"group": "nobody-has-this"}})
        self.assertIn("there is no group \"nobody-has-this\" on this system", line["error"])

    def test_a_reload_that_fails_opens_and_closes_nothing(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        one, two = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        service = self.service(listen=[one])
        actpass = self.actpass(service, check=False)
        line = self.refuse(actpass, {**service, "listen": [two, "127.0.0.1:%d" % taken.getsockname()[1]]})
        self.assertIn("Address already in use", line["error"])
        self.dial(one).finish()
        with self.assertRaises(ConnectionRefusedError):
            self.dial(two)
        self.reload(actpass, {**service, "listen": [one, two],
                              "listen_options": {"backlog": 9, "reuse_port": True}})
        actpass.wait_for(event="reload", listener="kept", address=one)
        actpass.wait_for(event="reload", listener="opened", address=two)
        self.assertIn("only \"backlog\" changes", actpass.wait_for(event="configuration")["warning"])
        said = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout
        self.assertRegex(said, rf"(?m)^LISTEN +\d+ +9 +{re.escape(one)} ")

    # ---- A backend

    def test_an_abstract_backend(self):
        name = f"actpass-backend-{os.getpid()}"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("\0" + name)
        listener.listen()
        self.addCleanup(listener.close)
        actpass = self.actpass(self.service(forward="unix:@" + name))
        peer = self.client(actpass)
        session, _ = listener.accept()
        session.sendall(b"abstract")
        session.close()
        self.assertEqual(peer.recv_exactly(8), b"abstract")
        peer.finish()
