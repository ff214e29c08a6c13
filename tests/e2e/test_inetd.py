"""One connection on descriptor 0: `actpass --inetd`."""
import json
import os
import signal
import socket
import subprocess

from support import tls
from support.case import Case, need, program
from support.data import until
from support.ports import free_port


class Inetd(Case):
    def config(self, *services, name="inetd.json", **top):
        return self.file(name, json.dumps({"services": list(services or [self.service()]),
                                           **top}).encode())

    def start(self, *arguments, same=False, one=None):
        """Serves one end of a connection, whose other end is answered with the process. SAME: its
        standard error is the connection, too."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            peer = socket.create_connection(listener.getsockname())
            taken, _ = listener.accept()
        self.addCleanup(peer.close)
        with taken:
            process = self.spawn([program(), "--inetd", *arguments], stdin=taken, stdout=taken,
                                 stderr=taken if same else subprocess.PIPE)
        return process, peer

    def shake_hands(self, sock):
        return tls.Tls(sock, tls.context(self.certificates, False)).handshake()

    def ended(self, process, status):
        self.assertEqual(process.wait(60), status)
        return process.stderr.read().decode() if process.stderr else ""

    def refused(self, why, *arguments, **options):
        process = self.spawn([program(), "--inetd", *arguments], stderr=subprocess.PIPE, **options)
        self.assertIn(why, self.ended(process, 2))

    def test_status(self):
        """It tells how the connection has ended."""
        path = self.config()
        process, sock = self.start(path)
        peer = self.shake_hands(sock)
        peer.send(b"hello")
        self.assertEqual(peer.recv(), b"hello")
        peer.finish()
        self.assertIn("reason=CLEAN", self.ended(process, 0))
        process, sock = self.start(path)
        tls.reset(self.shake_hands(sock).sock)
        self.assertIn("reason=RESET", self.ended(process, 1))
        process, sock = self.start(path)
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        self.assertIn("reason=PROTOCOL", self.ended(process, 1))
        sock.close()
        process, sock = self.start(path)
        sock.close()
        self.ended(process, 0)

    def test_stop(self):
        """SIGTERM lets the connection end, for shutdown_timeout."""
        process, sock = self.start(self.config(shutdown_timeout="300ms"))
        peer = self.shake_hands(sock)
        peer.send(b"x")
        peer.recv()
        process.send_signal(signal.SIGTERM)
        self.assertIn("reason=CANCELLED", self.ended(process, 3))

    def test_the_log_never_goes_to_the_connection(self):
        """Where standard error is the connection, as with inetd."""
        process, sock = self.start(self.config(log={"level": "debug"}), same=True)
        peer = self.shake_hands(sock)
        peer.send(b"hello")
        self.assertEqual(peer.recv(), b"hello")
        peer.finish()
        self.ended(process, 0)
        process, sock = self.start(os.path.join(self.folder, "none"), same=True)
        self.assertEqual(process.wait(60), 2)
        self.assertEqual(sock.recv(1), b"")

    def test_which_service(self):
        path = self.config(self.service(), self.service("other", echo=None,
                                                        exec={"command": ["/usr/bin/wc", "-c"]}))
        process, sock = self.start("--service", "other", path)
        peer = self.shake_hands(sock)
        peer.send(b"x" * 1000)
        peer.shutdown_write()
        self.assertEqual(peer.recv_all(), b"1000\n")
        self.assertIn("status=0", self.ended(process, 0))
        process, sock = self.start(path)
        self.assertIn("say which, by --service", self.ended(process, 1))
        process, sock = self.start("--service", "none", path)
        self.assertIn('there is no service "none"', self.ended(process, 1))

    def test_what_is_no_connection(self):
        path = self.config()
        self.refused("is not a connection", path)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.refused("write Accept=yes", path, stdin=listener)
        with socket.socket() as unconnected:
            self.refused("is not connected", path, stdin=unconnected)

    def test_as_a_client(self):
        """A local connection is joined to one that is dialed ("listen_plain")."""
        actpass = self.actpass(self.service())
        host, port = actpass.address()
        service = self.dial_service(f"{host}:{port}", listen_plain="127.0.0.1:1",
                                    tls={"peer_names": ["front.example"], "client_auth": None,
                                         "certificate": None, "key": None})
        process, sock = self.start(self.config(service))
        sock.sendall(b"hello")
        self.assertEqual(sock.recv(100), b"hello")
        sock.shutdown(socket.SHUT_WR)
        self.assertEqual(sock.recv(100), b"")
        self.ended(process, 0)

    # ---- who starts it

    def visit(self, port):
        def attempt():
            try:
                return socket.create_connection(("127.0.0.1", port))
            except ConnectionRefusedError:
                return None
        sock = until(attempt, 30, "a listener")
        self.addCleanup(sock.close)
        peer = self.shake_hands(sock)
        peer.send(b"ping")
        self.assertEqual(peer.recv(), b"ping")
        peer.finish()

    def test_systemd(self):
        """As a socket unit with Accept=yes."""
        need("systemd-socket-activate")
        port = free_port()
        self.spawn(["systemd-socket-activate", "--accept", "--inetd", "-l", f"127.0.0.1:{port}",
                    program(), "--inetd", self.config()])
        self.visit(port)
        self.visit(port)

    def test_socat(self):
        """With the connection itself, and with a socketpair."""
        need("socat")
        command = f"{program()} --inetd {self.config()}"
        for options in ",nofork", "":
            port = free_port()
            self.spawn(["socat", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork",
                        f"EXEC:{command}{options}"])
            self.visit(port)
