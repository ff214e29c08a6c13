"""Devices that call home, TLS servers on connections that they opened, with TLS 1.2 and 1.3
each."""
import socket
import subprocess

from support import data, programs, tls
from support.backend import Backend, exchange
from support.case import SHORT, Case

SIZE = data.BULK


class CallHome(Case):
    deadline = 180

    def setUp(self):
        super().setUp()
        self.up, self.down = data.block(SIZE, 1), data.block(SIZE, 2)

    def bulk(self):
        """actpass in front of a backend that sends and receives a block at once."""
        backend = self.backend(Backend(exchange(self.down, SIZE)))
        service = self.service(forward=backend.address, initial_data_timeout=SHORT)
        return self.actpass(service), backend

    def device_service(self):
        """The plain service in the device, for a device that is made of a TLS proxy."""
        return self.backend(Backend(exchange(self.up, SIZE)))

    def check(self, actpass, backend, received):
        """`received` is the SHA-256 of what the device got."""
        session = backend.finished()
        self.assertEqual(session.digest, data.sha256(self.up), "from device to backend")
        self.assertEqual(received, data.sha256(self.down), "from backend to device")
        self.check_log(actpass)

    def check_log(self, actpass):
        role = actpass.role()
        self.assertEqual((role["role"], role["cause"]), ("client", "silence"))
        self.assertGreaterEqual(int(role["after_ms"]), 100)
        self.assertEqual(actpass.close(role)["reason"], "CLEAN")

    def python(self, version):
        actpass, backend = self.bulk()
        made = tls.context(self.certificates, True, version, certificate="device")
        with socket.create_connection(("127.0.0.1", actpass.port()), 60) as raw, \
                made.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False) as device:
            device.sendall(self.up)
            received = bytearray()
            while chunk := device.recv(262144):
                received += chunk
            device.unwrap()
        self.check(actpass, backend, data.sha256(received))

    def test_python_ssl_tls12(self):
        self.python("1.2")

    def test_python_ssl_tls13(self):
        self.python("1.3")

    def stunnel(self, version):
        """stunnel, given a connection that socat opened, the way inetd gives it one."""
        actpass, backend = self.bulk()
        device = self.device_service()
        config = self.file("stunnel.conf",
                           programs.stunnel_config(self.certificates, version, device))
        self.spawn(programs.call_home(actpass, f"EXEC:stunnel4 {config},nofork"))
        self.check(actpass, backend, device.finished(timeout=120).digest)

    def test_stunnel_tls12(self):
        self.stunnel("1.2")

    def test_stunnel_tls13(self):
        self.stunnel("1.3")

    def socat(self, version):
        actpass, backend = self.bulk()
        device = self.device_service()
        server = self.spawn(programs.socat_server(self.certificates, version, device))
        self.spawn(programs.call_home(actpass, programs.port_of(server)))
        self.check(actpass, backend, device.finished(timeout=120).digest)

    def test_socat_tls12(self):
        self.socat("1.2")

    def test_socat_tls13(self):
        self.socat("1.3")

    def s_server(self, version):
        actpass, backend = self.bulk()
        sink = self.file("received")
        with open(sink, "wb") as stdout:
            server = self.spawn(programs.s_server(self.certificates, version),
                                stdin=subprocess.PIPE, stdout=stdout)
            self.spawn(programs.call_home(actpass, programs.port_of(server)))
            server.stdin.write(self.up)
            server.stdin.flush()  # and stays open: at its end s_server would go
            self.assertEqual(backend.finished(timeout=120).digest, data.sha256(self.up))
            server.stdin.close()
            server.wait(60)
        with open(sink, "rb") as received:
            self.check(actpass, backend, data.sha256(received.read()))

    def test_openssl_s_server_tls12(self):
        self.s_server("1.2")

    def test_openssl_s_server_tls13(self):
        self.s_server("1.3")

    def gnutls_serv(self, version):
        """gnutls-serv echoes text only, so this one is not 64 MiB of anything."""
        text = b"".join(b"line %d of the text that is echoed\n" % i for i in range(20000))
        backend = self.backend(Backend(exchange(text, len(text))))
        actpass = self.actpass(self.service(forward=backend.address, initial_data_timeout=SHORT))
        server = self.spawn(programs.gnutls_serv(self.certificates, version))
        self.spawn(programs.call_home(actpass, programs.port_of(server)))
        self.assertEqual(backend.finished(timeout=120).digest, data.sha256(text))
        self.check_log(actpass)

    def test_gnutls_serv_tls12(self):
        self.gnutls_serv("1.2")

    def test_gnutls_serv_tls13(self):
        self.gnutls_serv("1.3")


class BothOnOnePort(Case):
    def test_a_client_and_a_device_reach_the_same_service_on_the_same_port(self):
        backend = self.backend(Backend(exchange(b"hello from the backend", 5)))
        actpass = self.actpass(self.service(forward=backend.address, initial_data_timeout="1s"))
        device = self.device(actpass, handshake=False)
        client = self.client(actpass)
        device.handshake()
        for peer in client, device:
            self.assertEqual(peer.exchange(b"12345", 22), b"hello from the backend")
            peer.finish()
        causes = sorted((line["role"], line["cause"]) for line in actpass.find(event="role"))
        self.assertEqual(causes, [("client", "silence"), ("server", "client_hello")])
