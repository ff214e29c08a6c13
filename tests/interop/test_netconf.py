"""NETCONF call home over TLS (RFC 8071) with libnetconf2, as device and as client, without
sysrepo."""
import hashlib
import ssl
import subprocess
import types

import netconf
from peers import command
from support.backend import Backend
from support.case import SHORT, Case
from support.certificates import DEVICE
from support.each import VERSIONS, each
from support.ports import free_port

TRANSPORTS = ("relay", "direct")


class Netconf(Case):
    deadline = 90

    def libnetconf2(self, name, version, port, certificate, *more):
        """libnetconf2 sets no version itself: OpenSSL's own configuration does."""
        config = self.file("openssl.cnf", (
            "openssl_conf=i\n[i]\nssl_conf=s\n[s]\nsystem_default=v\n[v]\n"
            f"MinProtocol=TLSv{version}\nMaxProtocol=TLSv{version}\n").encode())
        words = command(name) + [str(port), *self.certificates.chain(certificate),
                                 self.certificates.path("ca"), *more]
        return self.spawn(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={"OPENSSL_CONF": config, "PATH": "/usr/bin:/bin"})

    def fingerprint(self, name):
        """As ietf-x509-cert-to-name wants it: 04 is SHA-256."""
        with open(self.certificates.path(name)) as file:
            der = ssl.PEM_cert_to_DER_cert(file.read())
        return "04:" + hashlib.sha256(der).digest().hex(":")

    def check(self, actpass, version, role, cause):
        line = actpass.role()
        self.assertEqual((line["role"], line["cause"]), (role, cause))
        closed = actpass.close(line)
        self.assertEqual((closed["reason"], closed["protocol"]), ("CLEAN", f"TLSv{version}"))

    @each(version=VERSIONS, transport=TRANSPORTS)
    def test_device_calls_home(self, version, transport):
        """libnetconf2 connects and is TLS server; actpass is TLS client before a NETCONF client."""
        backend = self.backend(Backend(netconf.client))
        actpass = self.actpass(self.service(
            forward=backend.address, transport=transport, initial_data_timeout=SHORT,
            tls={"client_auth": "require"}))
        device = self.libnetconf2("netconf_device", version, actpass.port(), "device",
                                  self.fingerprint("ca"))
        session = backend.finished()
        output, errors = device.communicate(timeout=60)
        self.assertEqual((device.returncode, output.decode()),
                         (0, "collector is front.example\nclosed\n"), errors.decode())
        self.assertIsNone(session.error)
        self.assertIn(netconf.CHUNKED, session.hello)
        self.assertIn(b"<name>ietf-netconf</name>", session.reply)
        self.assertIn(b"<ok/>", session.goodbye)
        self.assertTrue(session.clean, "the end of stream after the reply to close-session")
        self.check(actpass, version, "client", "silence")

    def connected(self, actpass, name):
        """A client of the gate that has got the device of this name."""
        client = self.connect(actpass, "gate")
        client.sendall(f"CONNECT {name}:830 HTTP/1.1\r\nHost: {name}:830\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += client.recv(1)
        self.assertIn(b" 200 ", answer)
        return client

    @each(version=VERSIONS)
    def test_device_is_reached_by_name(self, version):
        """libnetconf2 calls home to a pool, and says hello at once; a NETCONF client asks the gate
        for the name in its certificate."""
        field = self.service("field", {"client_auth": "require"}, offer="field",
                             initial_data_timeout=SHORT)
        gate = {"name": "gate", "listen_plain": "127.0.0.1:0",
                "reach": {"pool": "field", "by": "connect", "wait": "20s"}}
        actpass = self.actpass(field, gate)
        device = self.libnetconf2("netconf_device", version, actpass.port("field"), "device",
                                  self.fingerprint("ca"))
        session = types.SimpleNamespace(sock=self.connected(actpass, DEVICE))
        netconf.client(session)
        output, errors = device.communicate(timeout=60)
        self.assertEqual((device.returncode, output.decode()),
                         (0, "collector is front.example\nclosed\n"), errors.decode())
        self.assertIn(b"<name>ietf-netconf</name>", session.reply)
        self.assertTrue(session.clean, "the end of stream after the reply to close-session")
        session.sock.close()
        self.check(actpass, version, "client", "silence")

    def dial(self, backend, version, transport, certificate="front"):
        """libnetconf2 listens on a port that was free; actpass dials it as a device would."""
        port = free_port()
        client = self.libnetconf2("netconf_client", version, port, "device")
        self.assertEqual(client.stdout.readline(), b"listening\n")
        return client, self.actpass(self.dial_service(
            f"127.0.0.1:{port}", role="server", forward=backend.address, transport=transport,
            tls={"client_auth": "require", "certificate": self.certificates.path(certificate),
                 "key": self.certificates.path(certificate, "key")}), check=False)

    @each(version=VERSIONS, transport=TRANSPORTS)
    def test_client_is_called(self, version, transport):
        """actpass connects and is TLS server before a NETCONF server; libnetconf2 is TLS client."""
        backend = self.backend(Backend(netconf.server))
        client, actpass = self.dial(backend, version, transport)
        session = backend.finished()
        output, errors = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 0, errors.decode())
        self.assertIn(b"session 7\n", output)
        self.assertIn(b"from behind", output)
        self.assertEqual(session.requests, ["get", "close-session"])
        self.assertTrue(session.chunked, "framing of NETCONF 1.1")
        self.check(actpass, version, "server", "configured")
        self.assertEqual(actpass.stop(), 0, "exit status of actpass, which dials on")

    def test_client_refuses_a_stranger(self):
        backend = self.backend(Backend(netconf.server))
        client, actpass = self.dial(backend, "1.3", "relay", "stranger")
        _, errors = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 1)
        self.assertIn(b"accept the call home", errors)
        self.assertNotEqual(actpass.close()["reason"], "CLEAN")
        self.assertEqual(backend.sessions, [])

    def test_device_refuses_an_unmapped_client(self):
        """The device's cert-to-name list has another CA's fingerprint, so actpass gets no
        session."""
        backend = self.backend(Backend(netconf.client))
        actpass = self.actpass(self.service(forward=backend.address, initial_data_timeout=SHORT,
                                            tls={"client_auth": "require"}))
        device = self.libnetconf2("netconf_device", "1.2", actpass.port(), "device",
                                  self.fingerprint("stranger-ca"))
        self.assertIn("handshake failure", actpass.close()["error"])
        device.kill()
        output, errors = device.communicate(timeout=30)
        self.assertEqual(output, b"")
        self.assertIn(b"SSL_accept failed", errors)
        self.assertEqual(backend.sessions, [])
