"""Under a service manager such as systemd: notifications, the watchdog, and sockets that it opens."""
import json
import os
import re
import signal
import socket
import subprocess
import sys

from support.case import Case, need, program

# Passes the descriptors 3 and up, with names, as systemd does: LAUNCHER NAMES PROGRAM ARGUMENT...
LAUNCHER = """
import os, sys
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=sys.argv[1],
                  LISTEN_FDS=str(sys.argv[1].count(":") + 1))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Manager:
    """The manager's end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(20)
        self.path = path

    def next(self):
        """The next notification, as a dict."""
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n"))

    def next_but_watchdog(self):
        while "WATCHDOG" in (found := self.next()):
            pass
        return found


class ServiceManager(Case):
    def manager(self):
        manager = Manager(os.path.join(self.folder, "notify"))
        self.addCleanup(manager.socket.close)
        return manager

    def test_ready_reload_stop(self):
        manager = self.manager()
        actpass = self.actpass(self.service(), env={"NOTIFY_SOCKET": manager.path})
        self.assertEqual(manager.next(), {"READY": "1", "STATUS": "accepts connections"})
        actpass.signal(signal.SIGHUP)
        reloading = manager.next()
        self.assertEqual(reloading["RELOADING"], "1")
        self.assertGreater(int(reloading["MONOTONIC_USEC"]), 0)
        self.assertIn("READY", manager.next())
        peer = self.client(actpass)
        actpass.signal()
        stopping = manager.next()
        self.assertEqual(stopping["STOPPING"], "1")
        self.assertIn("waits for 1 connections", stopping["STATUS"])
        peer.finish()
        self.assertEqual(actpass.wait_exit(), 0)

    def test_a_reload_that_fails_is_reported(self):
        manager = self.manager()
        certificate = self.file("front.pem", open(self.certificates.path("front"), "rb").read())
        actpass = self.actpass(self.service(tls={"certificate": certificate}),
                               env={"NOTIFY_SOCKET": manager.path})
        manager.next()
        os.truncate(certificate, 0)
        actpass.signal(signal.SIGHUP)
        self.assertIn("RELOADING", manager.next())
        after = manager.next()
        self.assertEqual(after["READY"], "1")
        self.assertRegex(after["STATUS"], r"with the configuration of before, since the last reload failed: "
                                          r".*/services/0/tls/certificate: .* holds no certificate")

    def test_the_watchdog_is_fed_while_nothing_happens(self):
        manager = self.manager()
        self.actpass(self.service(), env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "100000"})
        self.assertIn("READY", manager.next())
        for _ in range(5):
            self.assertEqual(manager.next(), {"WATCHDOG": "1"})

    def test_a_manager_that_is_gone_stops_nothing(self):
        actpass = self.actpass(self.service(), env={"NOTIFY_SOCKET": "@actpass-nobody"})
        actpass.wait_for(event="notify", level="warning", error="Connection refused")
        self.client(actpass).finish()

    def test_a_wrong_environment_is_a_warning(self):
        actpass = self.actpass(self.service(), env={"NOTIFY_SOCKET": "nonsense"})
        line = actpass.wait_for(event="configuration", level="warning")
        self.assertIn("NOTIFY_SOCKET must be an absolute path", line["warning"])

    # ---- Sockets

    def launch(self, names, *sockets):
        """The start of a command whose program gets these sockets. They stay open here, too."""
        for taken in sockets:
            os.set_inheritable(taken.fileno(), True)
        # Through high numbers, so that no descriptor is overwritten before it is copied.
        high = " ".join("%d>&%d" % (100 + place, taken.fileno())
                        for place, taken in enumerate(sockets))
        moves = " ".join("%d>&%d" % (3 + place, 100 + place) for place in range(len(sockets)))
        return ["bash", "-c", f'exec {high}; exec {moves}; exec "$@"', "bash", sys.executable, "-c",
                LAUNCHER, names]

    def refused(self, prefix, *services, **options):
        """What actpass says that does not start."""
        file = self.file("refused.json", json.dumps({"services": services}).encode())
        done = subprocess.run([*prefix, program(), file], capture_output=True, text=True,
                              timeout=20, close_fds=False, **options)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    def listening(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        return listener

    def run_with(self, prefix, *services):
        file = self.file("passed.json", json.dumps({"services": services}).encode())
        process = subprocess.Popen([*prefix, program(), file], stderr=subprocess.PIPE, text=True,
                                   close_fds=False)
        self.addCleanup(self._reap, process)
        return process

    def said(self, process):
        """Its next line, but for what of the sandbox it lacks here."""
        line = process.stderr.readline()
        return process.stderr.readline() if "event=sandbox" in line else line

    def test_services_listen_on_the_sockets_of_their_names(self):
        first, second = self.listening(), self.listening()
        process = self.run_with(self.launch("two:one", second, first),
                                self.service("one", listen="127.0.0.1:0"),
                                self.service("two", listen="127.0.0.1:%d" % second.getsockname()[1]),
                                self.service("own", listen="127.0.0.1:0"))
        for name, taken in ("one", first), ("two", second), ("own", None):
            line = self.said(process)
            self.assertIn(f"event=listening service={name} ", line)
            if taken:
                self.assertIn("address=127.0.0.1:%d\n" % taken.getsockname()[1], line)
        self.client(second.getsockname()[1]).finish()
        process.terminate()
        process.wait(20)
        # What comes while actpass is down waits for its next start.
        self.connect(second.getsockname()[1])

    def test_the_sockets_of_one_name_are_one_services(self):
        """As several ListenStream= of one socket unit; what is not passed is opened."""
        first, second = self.listening(), self.listening()
        abstract = socket.socket(socket.AF_UNIX)
        self.addCleanup(abstract.close)
        abstract.bind(f"\0actpass-manager-{os.getpid()}")
        abstract.listen()
        addresses = ["127.0.0.1:%d" % each.getsockname()[1] for each in (second, first)]
        addresses.append(f"unix:@actpass-manager-{os.getpid()}")
        process = self.run_with(self.launch("front:front:front", first, abstract, second),
                                self.service(listen=[*addresses, "127.0.0.1:0"]))
        for address in addresses:
            self.assertIn(f"event=listening service=front address={address}\n", self.said(process))
        self.assertIn("event=listening service=front address=127.0.0.1:", process.stderr.readline())
        self.client(first.getsockname()[1]).finish()
        said = self.refused(self.launch("front:front", first, second), self.service(listen=addresses[0]))
        self.assertIn(f"listens on {addresses[1]} and does not listen on {addresses[0]}", said)

    def test_a_unix_socket_stays_the_managers(self):
        path = os.path.join(self.folder, "front.sock")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen()
        process = self.run_with(self.launch("front", listener), self.service(listen="unix:" + path))
        self.assertIn(path, self.said(process))
        self.client(path).finish()
        process.terminate()
        process.wait(20)
        self.assertTrue(os.path.exists(path))

    def test_another_address_is_refused(self):
        said = self.refused(self.launch("front", self.listening()), self.service(listen="127.0.0.2:0"))
        self.assertRegex(said, r'^service "front": the socket that the service manager passes '
                               r'listens on 127\.0\.0\.1:\d+ and does not listen on 127\.0\.0\.2:0: write the same '
                               r'addresses in ListenStream= of the socket unit and in the configuration\n$')

    def test_a_socket_that_no_service_wants_is_refused(self):
        said = self.refused(self.launch("frnt", self.listening()), self.service())
        self.assertRegex(said, r'^the service manager passes a socket named "frnt", and no service '
                               r'of that name listens: write FileDescriptorName= ')

    def test_with_systemd_socket_activate(self):
        need("systemd-socket-activate")
        port = self.listening()
        number = port.getsockname()[1]
        port.close()
        off = [f"--setenv={name}" for name in ("ACTPASS_SANDBOX",) if name in os.environ]
        process = self.run_with(["systemd-socket-activate", f"--listen=127.0.0.1:{number}",
                                 "--fdname=front", *off], self.service(listen=f"127.0.0.1:{number}"))
        self.assertRegex(process.stderr.readline(), "Listening on")
        self.client(number).finish()  # which starts actpass
        said = ""
        while not re.search("event=close", said):
            said += process.stderr.readline()
        self.assertIn(f"event=listening service=front address=127.0.0.1:{number}", said)
        process.terminate()
        self.assertEqual(process.wait(20), 0)
