"""SIGHUP: the whole configuration is loaded again while connections are open."""
import json
import os
import signal
import socket
import subprocess
import threading
import time

from support import tls
from support.backend import Backend, echo
from support.case import SHORT
from support.data import soak, until
from support.ports import free_port
from support.reloads import Reloads
from support.site import GET, read_response


def digest_backend(answer):
    """Answers whatever it receives with this text."""
    def serve(session):
        while session.sock.recv(65536):
            session.sock.sendall(answer)
    return Backend(serve)


class Reload(Reloads):
    def at(self, name="front", **changes):
        """A service on a port of its own that stays the same."""
        return self.service(name, **{"listen": f"127.0.0.1:{free_port()}", **changes})

    def port_of(self, service):
        return int(service["listen"].rpartition(":")[2])

    def assertEchoes(self, peer):
        self.assertEqual(peer.exchange(b"hello", 5), b"hello")

    # ---- services come, go and change

    def test_a_service_is_added(self):
        front, more = self.at(), self.at("more")
        actpass = self.actpass(front, check=False)
        lines = self.reload(actpass, front, more)
        self.assertEqual(lines["front"]["change"], "none")
        self.assertEqual(lines["front"]["listener"], "kept")
        self.assertEqual(lines["more"]["change"], "added")
        self.assertEqual(lines["more"]["listener"], "opened")
        self.assertEqual(lines["more"]["address"], more["listen"])
        for service in front, more:
            self.client(self.port_of(service)).finish()

    def test_a_service_is_removed_and_its_connections_end_at_the_timeout(self):
        front, more = self.at(), self.at("more")
        actpass = self.actpass(front, more, check=False)
        peer, other = self.client(actpass, service="more"), self.client(actpass)
        for each in peer, other:
            self.assertEchoes(each)
        lines = self.reload(actpass, front, shutdown_timeout="1s")
        self.assertEqual(lines["more"]["change"], "removed")
        self.assertEqual(lines["more"]["closed"], more["listen"])
        with self.assertRaises(ConnectionRefusedError):
            self.connect(self.port_of(more))
        self.assertEchoes(peer)
        self.assertEqual(actpass.wait_for(event="close", service="more")["reason"], "CANCELLED")
        self.assertEchoes(other)

    def test_connections_that_wait_for_a_request_end_when_their_service_is_gone(self):
        root = os.path.dirname(self.file("index.html", b"<p>hello</p>"))
        front, site = self.at(), self.at("site", echo=None, http={"root": root})
        actpass = self.actpass(front, site, check=False)
        peer = self.client(actpass, service="site")
        peer.send(GET % (b"/index.html", b""))
        self.assertEqual(read_response(peer).status, 200)
        self.reload(actpass, front, shutdown_timeout="1h")
        self.assertEqual(peer.recv_all(), b"")
        peer.finish()
        self.assertEqual(actpass.wait_for(event="close", service="site")["reason"], "CLEAN")

    def test_open_connections_go_on_with_what_they_began_with(self):
        old, new = (self.backend(digest_backend(text)) for text in (b"old", b"new"))
        front = self.at(forward=old.address)
        actpass = self.actpass(front, check=False)
        before = self.client(actpass)
        self.assertEqual(before.exchange(b"x", 3), b"old")
        lines = self.reload(actpass, {**front, "forward": new.address})
        self.assertEqual((lines["front"]["change"], lines["front"]["listener"]), ("changed", "kept"))
        after = self.client(actpass)
        self.assertEqual(after.exchange(b"x", 3), b"new")
        self.assertEqual(before.exchange(b"x", 3), b"old")
        self.finish_all(before, after)

    def test_limits_count_connections_from_before(self):
        front = self.at(max_connections=2)
        actpass = self.actpass(front, check=False)
        first = [self.client(actpass) for _ in range(2)]
        self.reload(actpass, front)
        waiting = self.connect(actpass)
        actpass.wait_for(event="full", service="front")
        first[0].finish()
        peer = tls.Tls(waiting, tls.context(self.certificates, False)).handshake()
        self.assertEchoes(peer)
        self.finish_all(peer, first[1])

    def test_the_address_goes_to_a_service_of_another_name(self):
        front = self.at()
        actpass = self.actpass(front, check=False)
        peer = self.client(actpass)
        lines = self.reload(actpass, {**front, "name": "renamed"}, shutdown_timeout=SHORT)
        self.assertEqual(lines["renamed"]["change"], "added")
        self.assertEqual(lines["renamed"]["listener"], "kept")
        self.assertNotIn("closed", lines["front"])
        self.client(self.port_of(front)).finish()
        actpass.wait_for(event="close", service="renamed", reason="CLEAN")
        actpass.wait_for(event="close", service="front", reason="CANCELLED")
        peer.sock.close()

    def test_another_address(self):
        front = self.at()
        moved = self.at()
        actpass = self.actpass(front, check=False)
        line = self.reload(actpass, moved)["front"]
        self.assertEqual((line["listener"], line["address"], line["closed"]),
                         ("opened", moved["listen"], front["listen"]))
        with self.assertRaises(ConnectionRefusedError):
            self.connect(self.port_of(front))
        self.client(self.port_of(moved)).finish()

    def test_a_unix_socket_goes_and_comes(self):
        path = os.path.join(self.folder, "front.sock")
        front, more = self.at(), self.service("more", listen="unix:" + path)
        actpass = self.actpass(front, check=False)
        for _ in range(2):
            self.reload(actpass, front, more)
            self.client(path).finish()
            self.reload(actpass, front, more)
            self.client(path).finish()
            self.reload(actpass, front)
            self.assertFalse(os.path.exists(path))

    def test_the_log_changes(self):
        front = self.at()
        actpass = self.actpass(front, level="info", check=False)
        self.connect(actpass).close()
        self.client(actpass).finish()
        actpass.wait_for(event="close", reason="CLEAN")
        self.assertEqual(actpass.find(level="debug"), [])
        self.reload(actpass, front, level="debug")
        self.connect(actpass).close()
        actpass.wait_for(event="close", level="debug")
        self.write(actpass, front)
        config = {"log": {"level": "info", "format": "json"}, "services": [front]}
        self.file(os.path.basename(actpass.config_file), json.dumps(config).encode())
        actpass.signal(1)
        line = until(lambda: next((line for line in actpass.lines if line.startswith("{")), None), 20,
                     "a line of JSON")
        self.assertEqual(json.loads(line)["event"], "reload")

    def test_keys_that_need_a_restart_are_named(self):
        """Each time, as long as they differ from those of the start."""
        service = self.service()
        changed = {"admin": {"listen": f"unix:{self.folder}/admin.sock"},
                   "control": f"unix:{self.folder}/control.sock", "user": "nobody", "group": "nogroup",
                   "sandbox": "require", "sandbox_read": ["/usr/lib"],
                   "sandbox_write": [self.folder, self.folder], "sandbox_connect": ["1-65534"]}
        actpass = self.actpass(service)
        for top in changed, changed, {}:
            after = len(actpass.log)
            self.reload(actpass, service, **top)
            warned = [line["key"] for line in actpass.find(after, event="reload", level="warning")]
            self.assertEqual(warned, [key for key in changed if key in top])

    def test_a_stop_does_not_wait_for_a_load_that_blocks(self):
        """As on a file system of a network that is away; here a pipe that nobody writes to."""
        actpass = self.actpass(self.service(), check=False)
        peer = self.client(actpass)
        pipe = os.path.join(self.folder, "pipe")
        os.mkfifo(pipe)
        os.rename(pipe, actpass.config_file)
        actpass.signal(signal.SIGHUP)
        time.sleep(.3)  # it opens the pipe by then, most probably; it ends in any case
        after = len(actpass.log)
        actpass.signal(signal.SIGUSR1)
        actpass.wait_for(event="status", after=after)
        self.assertEqual(peer.exchange(b"still", 5), b"still")
        actpass.signal(signal.SIGTERM)
        actpass.wait_for(event="stopping")
        peer.finish()
        self.assertEqual(actpass.wait_exit(), 0)
        self.assertTrue(actpass.find(event="stopped"))

    def test_the_certificates_that_were_loaded_are_logged(self):
        def files(name):
            return {"certificate": self.certificates.path(name), "key": self.certificates.path(name, "key")}
        front = self.at(tls={"certificates": [{"server_names": ["b.example"], **files("device")}]})
        actpass = self.actpass(front, check=False)
        after = len(actpass.log)
        lines = [self.reload(actpass, front)["front"], actpass.wait_for(event="loaded", after=after)]
        for name, line in zip(("front", "device"), lines):
            text = subprocess.run(["openssl", "x509", "-noout", "-serial", "-enddate", "-dateopt",
                                   "iso_8601", "-in", self.certificates.path(name)], check=True,
                                  capture_output=True, text=True).stdout
            serial, end = (part.partition("=")[2] for part in text.splitlines())
            self.assertEqual((line["serial"].upper(), line["not_after"]),
                             (serial, end.replace(" ", "T")))

    # ---- what is wrong

    def test_a_wrong_configuration_changes_nothing(self):
        front, more = self.at(), self.at("more")
        actpass = self.actpass(front, check=False)
        descriptors = actpass.descriptors()
        peer = self.client(actpass)
        line = self.refuse(actpass, {**front, "handshake_timeout": "soon"}, more)
        self.assertRegex(line["error"], r"\.json:\d+:\d+: /services/0/handshake_timeout: ")
        self.assertIn("stays in force", line["result"])
        line = self.refuse(actpass, front, more, self.at("bad", tls={"certificate": "/none.pem"}))
        self.assertIn("/services/2/tls/certificate", line["error"])
        with self.assertRaises(ConnectionRefusedError):
            self.connect(self.port_of(more))
        self.assertEchoes(peer)
        peer.finish()
        self.client(actpass).finish()
        until(lambda: actpass.descriptors() <= descriptors, 20, "all being closed")

    def test_an_address_that_is_taken_changes_nothing(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        front, more = self.at(), self.at("more")
        actpass = self.actpass(front, check=False)
        line = self.refuse(actpass, more, self.at(listen="127.0.0.1:%d" % taken.getsockname()[1]))
        self.assertIn("Address already in use", line["error"])
        with self.assertRaises(ConnectionRefusedError):
            self.connect(self.port_of(more))
        self.client(self.port_of(front)).finish()

    def test_an_address_that_our_own_listener_is_in_the_way_of(self):
        front = self.at()
        actpass = self.actpass(front, check=False)
        line = self.refuse(actpass, {**front, "listen": "0.0.0.0:%d" % self.port_of(front)})
        self.assertIn(f'this program itself still listens on {front["listen"]} (service "front")',
                      line["error"])
        self.client(actpass).finish()

    # ---- persistent services

    def keep_up(self, server, **changes):
        return self.service("dialer", listen=None, initial_data_timeout=None, dial=server.address,
                            persistent=True, tls={"client_auth": "require"}, **changes)

    def tls_server(self):
        made = tls.context(self.certificates, True, certificate="device")

        def run(session):
            session.tls = tls.Tls(session.sock, made, server_side=True).handshake()
            session.tls.send(b"ping")
            session.release = threading.Event()
            session.pong = session.tls.recv_exactly(4)
            session.release.wait(60)
        return self.backend(Backend(run))

    def up(self, server, number=0):
        session = server.session(number)
        until(lambda: getattr(session, "pong", None) == b"ping", 20, "the echo")
        return session

    def test_a_persistent_connection_is_kept_while_nothing_is_changed(self):
        server, front = self.tls_server(), self.at()
        actpass = self.actpass(front, self.keep_up(server), check=False)
        first = self.up(server)
        for _ in range(3):
            line = self.reload(actpass, front, self.keep_up(server))["dialer"]
            self.assertEqual(line["change"], "none")
        self.assertEqual(actpass.find(event="close", service="dialer"), [])
        self.assertEqual(len(actpass.find(event="connected")), 1)
        first.release.set()  # and the next one is of the service of now
        self.up(server, 1).release.set()
        server.close()

    def test_a_persistent_service_that_is_changed_dials_anew_and_one_that_is_gone_ends(self):
        server, other, front = self.tls_server(), self.tls_server(), self.at()
        actpass = self.actpass(front, self.keep_up(server), check=False)
        first = self.up(server)
        line = self.reload(actpass, front, self.keep_up(other), shutdown_timeout=SHORT)["dialer"]
        self.assertEqual(line["change"], "changed")
        second = self.up(other)
        actpass.wait_for(event="close", service="dialer", reason="CANCELLED")
        self.reload(actpass, front, shutdown_timeout=SHORT)
        actpass.wait_for(event="close", service="dialer", reason="CANCELLED", count=2)
        self.assertEqual(len(actpass.find(event="connected")), 2)
        self.assertEqual(len(actpass.find(event="retry")), 0)
        for session in first, second:
            session.release.set()


class ReloadLoop(Reloads):
    deadline = 180

    def visit(self, port):
        """Connects, says something and hears it, again and again. Adds each failure to a list."""
        context = tls.context(self.certificates, False)
        while not self.ended.is_set():
            try:
                sock = socket.create_connection(("127.0.0.1", port), 20)
                with sock:
                    peer = tls.Tls(sock, context).handshake()
                    if peer.exchange(b"hello", 5) != b"hello" or peer.finish() != b"":
                        raise AssertionError("other bytes came back")
            except (OSError, AssertionError, tls.Truncated) as failure:
                self.failures.append(repr(failure))
            self.visits += 1

    def configurations(self, front):
        """In turn: as it was, wrong, with one service more, not even JSON, with other keys."""
        device = {"certificate": self.certificates.path("front"),
                  "key": self.certificates.path("front", "key")}
        more = self.service("more", listen=f"127.0.0.1:{free_port()}")
        return [[front], [{**front, "echo": "perhaps"}], [front, more], [more, {"name": "x"}],
                [{**front, "tls": self.tls(**device), "idle_timeout": "30s"}],
                [front, {**more, "tls": self.tls(ca="/none.pem")}]]

    def state_of(self, actpass):
        with open(f"/proc/{actpass.process.pid}/status") as status:
            rss = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        return actpass.descriptors(), actpass.threads(), rss

    def reload_until(self, actpass, front, deadline):
        """Each configuration at least once, however slow the machine is."""
        turn, all_of = 0, self.configurations(front)
        while time.monotonic() < deadline or turn < len(all_of):
            what = self.refuse if turn % 2 else self.reload
            what(actpass, *all_of[turn % len(all_of)])
            turn += 1
        self.reload(actpass, front)
        return turn + 1

    def test_in_a_loop_under_load_with_every_second_one_wrong(self):
        seconds = soak(5, 60)
        front = self.service(listen=f"127.0.0.1:{free_port()}")
        actpass = self.actpass(front)
        before = self.client(actpass)
        self.ended, self.failures, self.visits = threading.Event(), [], 0
        descriptors = actpass.descriptors()
        port = actpass.port()
        threads = [threading.Thread(target=self.visit, args=(port,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        try:
            self.reload_until(actpass, front, began + seconds / 2)
            half = self.state_of(actpass)
            turns = self.reload_until(actpass, front, began + seconds)
        finally:
            self.ended.set()
            for thread in threads:
                thread.join()
        self.assertEqual(self.failures, [], f"of {self.visits} visits")
        self.assertEqual(before.exchange(b"still", 5), b"still")
        until(lambda: actpass.descriptors() <= descriptors, 20, "descriptors going back")
        end = self.state_of(actpass)
        if soak(0, 1) and "ACTPASS_BULK_MIB" not in os.environ:  # a sanitizer keeps what is freed
            self.assertLessEqual(end[2], half[2] * 1.1 + 2048,
                                 f"KiB of memory, {turns} reloads later")
        before.finish()
