"""Limits, shortages, other kinds of sockets, and signals."""
import concurrent.futures
import json
import os
import signal
import socket
import stat
import subprocess
import threading
import time

from support import data, tls
from support.actpass import Actpass
from support.backend import Backend, echo, sink
from support.case import PATIENT, SHORT, Case, program
from support.data import MIB, until
from support.each import ROLES, each


class Connections(Case):
    def answered(self, sock, timeout=20):
        """A client on this connection: is it served?"""
        peer = tls.Tls(sock, tls.context(self.certificates, False), timeout=timeout).handshake()
        return peer.exchange(b"served?", 7) == b"served?" and peer

    def test_max_connections(self):
        actpass = self.actpass(self.service(max_connections=3))
        first = [self.answered(self.connect(actpass)) for _ in range(3)]
        waiting = [self.connect(actpass) for _ in range(4)]  # in the backlog
        actpass.wait_for(event="full", service="front")
        time.sleep(0.3)
        self.assertEqual(len(actpass.find(event="role")), 3)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:  # they speak, so none makes way
            served = [pool.submit(lambda sock=sock: self.answered(sock).finish())
                      for sock in waiting]
            time.sleep(0.3)
            self.assertFalse(any(one.done() for one in served))
            self.finish_all(*first)
            self.assertEqual([one.result() for one in served], [b""] * 4)
        self.assertLessEqual(len(actpass.find(event="full")), 2, "said once while it lasts")

    def test_at_max_connections_the_oldest_undecided_one_makes_way(self):
        actpass = self.actpass(self.service(max_connections=2))
        oldest, _ = [self.connect(actpass) for _ in range(2)]
        self.answered(self.connect(actpass)).finish()
        line = actpass.wait_for(event="close", reason="CANCELLED")
        self.assertEqual(line["peer"], "%s:%d" % oldest.getsockname())
        self.assertEqual(len(actpass.find(event="close", reason="CANCELLED")), 1)
        self.assertIn("make room", line["error"])

    def test_max_connections_is_for_one_service(self):
        actpass = self.actpass(self.service("one", max_connections=1), self.service("two"))
        busy = self.client(actpass, service="one")
        self.connect(actpass, "one")
        actpass.wait_for(event="full", service="one")
        self.client(actpass, service="two").finish()
        busy.finish()

    def test_full_costs_no_cpu(self):
        actpass = self.actpass(self.service(max_connections=1))
        busy = self.client(actpass)
        self.assertEqual(busy.exchange(b"x", 1), b"x")  # established there, too: it need not go
        waiting = self.connect(actpass)
        actpass.wait_for(event="full")
        until(lambda: actpass.rests(0.2), 20, "actpass resting")
        waiting.close()
        busy.finish()

    def test_too_few_descriptors(self):
        """It has as many connections as fit, neither spins nor dies, and serves who speaks."""
        backend = self.backend(Backend(echo))
        actpass = self.actpass(self.service(forward=backend.address, max_connections=1000),
                               nofile=30)
        self.assertIn("30", actpass.wait_for(event="configuration")["warning"])
        silent = [self.connect(actpass) for _ in range(40)]
        until(lambda: actpass.rests(0.2), 20, "actpass resting")
        self.assertTrue(actpass.running())
        until(lambda: self.is_served(actpass), 20, "a connection that is served")
        for sock in silent:
            sock.close()

    def is_served(self, actpass):
        """The first ones may still come while those that went are not all closed."""
        try:
            self.answered(self.connect(actpass)).finish()
            return True
        except (OSError, tls.Truncated):
            return False

    def test_no_descriptor_for_the_backend(self):
        """Then that connection is lost, and the next one is not."""
        backend = self.backend(Backend(echo))
        actpass = self.actpass(self.service(forward=backend.address, initial_data_timeout="30s"),
                               nofile=24)
        peers = []
        for _ in range(12):
            peer = tls.Tls(self.connect(actpass), tls.context(self.certificates, False), timeout=2)
            try:
                peer.handshake()
                if peer.exchange(b"x", 1) == b"x":
                    peers.append(peer)
            except (OSError, tls.Truncated, AssertionError):
                peer.sock.close()
        self.assertTrue(peers, "some are served")
        self.assertLess(len(peers), 12, "not all of them can be")
        self.finish_all(*peers)
        until(lambda: self.is_served(actpass), 20, "a connection that is served")

    def test_idle_connections_cost_no_cpu(self):
        backend = self.backend(Backend(echo))
        actpass = self.actpass(self.service(forward=backend.address, initial_data_timeout="200ms"))
        peers = [self.client(actpass) for _ in range(20)]
        peers += [self.device(actpass) for _ in range(20)]
        until(lambda: actpass.rests(0.05, 2), 20, "actpass resting")
        self.finish_all(*peers)

    def test_peers_that_do_not_read_cost_no_cpu(self):
        backend = self.backend(Backend(echo))
        actpass = self.actpass(self.service(forward=backend.address))
        block = data.block(256 * 1024)
        peers = [self.client(actpass) for _ in range(4)]
        for peer in peers:
            for _ in range(200):
                peer.object.write(block)
                if not peer.flush():
                    break
        until(lambda: actpass.rests(0.1, 1.5), 20, "actpass resting")
        for peer in peers:
            peer.reset()

    def test_a_backend_that_does_not_read_costs_no_cpu(self):
        """Also where TLS has read a part of a record, and would read on."""
        end = threading.Event()
        self.addCleanup(end.set)
        backend = self.backend(Backend(lambda session: end.wait(30)))
        actpass = self.actpass(self.service(forward=backend.address))
        peer = self.client(actpass)
        peer.object.write(data.block(16 * MIB))
        sent, all_of_it = 0, peer.outgoing.read()
        while sent < len(all_of_it):
            try:
                sent += peer.sock.send(all_of_it[sent:sent + 20011])
                time.sleep(0.001)  # so that actpass reads each piece on its own
            except BlockingIOError:
                break
        self.assertLess(sent, len(all_of_it), "all of it fits on the way")
        until(lambda: actpass.rests(0.3), 20, "actpass resting")
        end.set()
        peer.reset()


class Addresses(Case):
    def test_listen_on_a_unix_socket(self):
        path = os.path.join(self.folder, "front.sock")
        backend = self.backend(Backend(echo))
        actpass = self.actpass(self.service(listen="unix:" + path, forward=backend.address,
                                            initial_data_timeout="300ms"))
        self.assertTrue(stat.S_ISSOCK(os.stat(path).st_mode))
        for peer in self.client(actpass), self.device(actpass):
            self.assertEqual(peer.exchange(b"hello", 5), b"hello")
            peer.finish()
        self.assertEqual({line["peer"] for line in actpass.find(event="role")}, {"unix"})
        self.assertEqual(actpass.stop(), 0)
        self.assertFalse(os.path.exists(path), "the socket's file is removed at the end")

    def test_a_stale_unix_socket_is_replaced(self):
        path = os.path.join(self.folder, "front.sock")
        left_over = socket.socket(socket.AF_UNIX)
        left_over.bind(path)
        left_over.close()
        actpass = self.actpass(self.service(listen="unix:" + path))
        self.client(actpass).finish()

    def test_forward_to_a_unix_socket(self):
        backend = self.backend(Backend(echo, os.path.join(self.folder, "backend.sock")))
        actpass = self.actpass(self.service(forward=backend.address))
        peer = self.client(actpass)
        block = data.block(2 * data.MIB)
        self.assertEqual(data.sha256(peer.exchange(block, len(block))), data.sha256(block))
        peer.finish()

    def test_a_unix_path_is_relative_to_the_configuration(self):
        backend = self.backend(Backend(echo, os.path.join(self.folder, "backend.sock")))
        actpass = self.actpass(self.service(listen="unix:front.sock", forward="unix:backend.sock"))
        self.assertEqual(actpass.address(), os.path.join(self.folder, "front.sock"))
        peer = self.client(actpass)
        self.assertEqual(peer.exchange(b"hello", 5), b"hello")
        peer.finish()
        self.assertEqual(len(backend.sessions), 1)

    def test_listen_on_ipv6(self):
        actpass = self.actpass(self.service(listen="[::1]:0", initial_data_timeout="300ms"))
        self.assertEqual(actpass.address()[0], "::1")
        self.client(actpass).finish()
        device = self.device(actpass)
        peer = "[::1]:%d" % device.sock.getsockname()[1]
        device.finish()
        self.assertEqual(actpass.role(peer=peer)["role"], "client")

    def test_several_services(self):
        first, second = self.backend(Backend(echo)), self.backend(Backend(sink))
        actpass = self.actpass(self.service("one", forward=first.address),
                               self.service("two", forward=second.address), self.service("three"))
        for name in "one", "two", "three":
            self.client(actpass, service=name).finish()
            actpass.wait_for(event="role", service=name)
        self.assertEqual((len(first.sessions), len(second.sessions)), (1, 1))

    def test_an_address_in_use(self):
        holder = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(holder.close)
        address = "127.0.0.1:%d" % holder.getsockname()[1]
        with self.assertRaises(AssertionError):
            self.actpass(self.service(listen=address), check=False)
        started = self.started[-1]
        self.assertEqual(started.wait_exit(), 1)
        self.assertIn(address, "\n".join(started.lines))

    @each(role=ROLES)
    def test_another_conversation_for_each_role(self, role):
        server, client = self.backend(Backend(echo)), self.backend(Backend(sink))
        actpass = self.actpass(self.service(initial_data_timeout="300ms",
                                            as_server={"forward": server.address},
                                            as_client={"forward": client.address}))
        peer = self.peer(role, actpass)
        peer.send(b"hello")
        peer.shutdown_write()
        self.assertEqual(peer.recv_all(), b"hello" if role == "server" else b"")
        peer.sock.close()
        used, unused = (server, client) if role == "server" else (client, server)
        self.assertEqual(used.finished().received, 5)
        self.assertEqual(unused.sessions, [])

    def test_echo_for_one_role_and_forward_for_the_other(self):
        backend = self.backend(Backend(sink))
        actpass = self.actpass(self.service(initial_data_timeout="300ms",
                                            as_server={"forward": backend.address},
                                            as_client={"echo": {}}))
        device, client = self.device(actpass), self.client(actpass)
        self.assertEqual(device.exchange(b"echo", 4), b"echo")
        client.send(b"sink")
        self.finish_all(device, client)
        self.assertEqual(backend.finished().received, 4)


class Signals(Case):
    def start(self, **top):
        return self.actpass(self.service(initial_data_timeout=SHORT), check=False, **top)

    def begin_stop(self, actpass, number=signal.SIGTERM):
        actpass.signal(number)
        actpass.wait_for(event="stopping")

    @each(name=("SIGTERM", "SIGINT"))
    def test_stop_with_nothing_open(self, name):
        actpass = self.start()
        self.begin_stop(actpass, getattr(signal, name))
        self.assertEqual(actpass.wait_exit(), 0)

    def test_open_connections_may_end(self):
        actpass = self.start()
        peers = [self.client(actpass), self.device(actpass)]
        self.begin_stop(actpass)
        for peer in peers:  # still served
            self.assertEqual(peer.exchange(b"still there", 11), b"still there")
        with self.assertRaises(OSError):
            self.connect(actpass)  # but nobody new
        self.assertTrue(actpass.running())
        self.finish_all(*peers)
        self.assertEqual(actpass.wait_exit(), 0)
        self.assertEqual(len(actpass.find(event="close", reason="CLEAN")), 2)

    def test_the_shutdown_timeout_cuts(self):
        actpass = self.start(shutdown_timeout="300ms")
        self.client(actpass)
        self.begin_stop(actpass)
        self.assertEqual(actpass.wait_exit(), 3)
        self.assertEqual(len(actpass.find(event="close", reason="CANCELLED")), 1)

    def test_a_second_signal_cuts_at_once(self):
        actpass = self.start()
        self.client(actpass)
        self.begin_stop(actpass)
        began = time.monotonic()
        actpass.signal(signal.SIGINT)
        self.assertEqual(actpass.wait_exit(), 3)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(len(actpass.find(event="close", reason="CANCELLED")), 1)

    def test_stop_while_a_peer_is_silent(self):
        """It gets its time to speak, or becomes TLS server."""
        actpass = self.actpass(self.service(initial_data_timeout="1s"), check=False)
        device = self.device(actpass, handshake=False)
        self.client(actpass).finish()  # so that the device, too, was accepted
        self.begin_stop(actpass)
        device.handshake().finish()
        self.assertEqual(actpass.wait_exit(), 0)

    def test_stop_while_silent_peers_could_wait_for_ever(self):
        actpass = self.actpass(self.service(initial_data_timeout="never"), check=False)
        self.connect(actpass)
        self.client(actpass).finish()
        self.begin_stop(actpass)
        self.assertEqual(actpass.wait_exit(), 0)

    def test_a_closed_log_is_survived(self):
        """Nobody reads stderr any more."""
        path = os.path.join(self.folder, "front.sock")
        config = self.file("actpass.json", json.dumps(
            {"services": [self.service(listen="unix:" + path)]}).encode())
        process = self.spawn([program(), config], stderr=subprocess.PIPE)
        until(lambda: is_listening(path))
        process.stderr.close()
        for _ in range(3):
            until(lambda: self.client(path).finish() == b"")
        process.terminate()
        self.assertEqual(process.wait(20), 0)


def is_listening(path):
    """A socket file is there before its owner listens."""
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(path) == 0


class Log(Case):
    def start(self, access=None, **log):
        """With a log of which the harness need not learn an address."""
        path = os.path.join(self.folder, "front.sock")
        started = Actpass(program(), self.folder,
                          {"log": log, "services": [self.service(listen="unix:" + path,
                                                                 log_access=access)]})
        self.started.append(started)
        self.addCleanup(started.kill)
        until(lambda: is_listening(path))
        until(lambda: self.client(path).finish() == b"")
        self.assertEqual(started.stop(), 0)
        return started

    def test_json_lines(self):
        lines = [json.loads(line) for line in self.start(format="json").lines]
        closed = next(line for line in lines if line["event"] == "close")
        self.assertEqual((closed["role"], closed["cause"], closed["level"]),
                         ("server", "client_hello", "info"))
        self.assertIsInstance(closed["role_ms"], int)

    @each(form=("logfmt", "json", "journald"))
    def test_a_template(self, form):
        started = self.start("at=%[service] of=100%% from=%[peer] %[reason] %[backend] %[sni]",
                             format=form)
        wanted = "at=front of=100% from=unix CLEAN - front.example"
        line = next(line for line in started.lines if "100%" in line)
        if form == "json":
            self.assertEqual(json.loads(line)["access"], wanted)
        else:
            self.assertEqual(line, {"logfmt": "", "journald": "<6>"}[form] + wanted)

    def test_level_info(self):
        events = {line["event"] for line in self.start(level="info").log}
        self.assertLessEqual({"listening", "close"}, events)
        self.assertNotIn("role", events)

    @each(form=("logfmt", "json", "journald"))
    def test_errors_before_there_is_a_log(self, form):
        file = self.file("wrong.json", json.dumps(
            {"log": {"format": form}, "services": [self.service(colour="red")]}).encode())
        done = subprocess.run([program(), file], capture_output=True, timeout=20, text=True)
        self.assertEqual(done.returncode, 2)
        line, = done.stderr.splitlines()
        self.assertIn("/services/0/colour: unknown key", line)
        if form == "json":
            said = json.loads(line)
            self.assertEqual((said["level"], said["event"]), ("error", "configuration"))
        elif form == "journald":
            self.assertTrue(line.startswith("<3>event=configuration error="), line)
        else:
            self.assertTrue(line.startswith(file + ":"), line)

    def test_level_error(self):
        self.assertEqual(self.start(level="error").lines, [])

    def test_what_a_peer_sends_stays_on_its_line(self):
        """Every line is whole logfmt, whatever peers do."""
        actpass = self.actpass(self.service(initial_data_timeout=PATIENT))
        for junk in b"\nevent=role role=server\n", b"\x16\x03\x01\n\n\n", b"\"\\\x00\xff=\n":
            sock = self.connect(actpass)
            sock.sendall(junk)
            sock.close()
        actpass.wait_for(event="close", count=3)
        for line, fields in zip(actpass.lines, actpass.log):
            self.assertIn("ts", fields, line)
            self.assertIn("level", fields, line)
