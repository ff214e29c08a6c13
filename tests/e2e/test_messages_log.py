"""The log lines of one connection of each kind: compared with tests/golden/log.txt."""
import contextlib
import re
import signal
import socket
import ssl

from support import tls
from support.backend import Backend, nobody, refuse
from support.case import SHORT, Case
from support.golden import Golden

NUMBERS = re.compile(r"\b(rx|tx|dur_ms|after_ms|role_ms|first_byte_ms|handshake_ms)=\d+")
NORMALS = [(re.compile(r"^ts=\S+ "), ""),
           (NUMBERS, r"\1=N"),
           (re.compile(r"(127\.0\.0\.\d+):\d+"), r"\1:PORT"),
           (re.compile(r"\bfingerprint=\S+"), "fingerprint=F"),
           (re.compile(r"\b(serial|not_after)=\S+"), r"\1=X"),
           (re.compile(r"\bid=[0-9a-f]{16}\b"), "id=ID"),
           (re.compile(r"\bgroup=\S+"), "group=G"),  # newer releases of OpenSSL have others
           (re.compile(r'/[^ "]*/'), ""),
           (re.compile(r"\bactpass\d+\.json"), "actpass.json")]


def by_connection(lines):
    """Connections log side by side: their lines are compared one connection after the other. A line
    about none stays behind the line before it."""
    numbers = [0]
    for line in lines:
        number = re.search(r" conn=(\d+) ", line)
        numbers.append(int(number[1]) if number else numbers[-1])
    return [line for _, line in sorted(zip(numbers[1:], lines), key=lambda pair: pair[0])]


class LogLines(Case):
    deadline = 180

    def begin(self, *services, **top):
        """Starts actpass. No check at its end: lines_of kills it once the case's lines are
        there."""
        self.server = self.actpass(*services, check=False, **top)

    def begin_one(self, tls=None, **changes):
        self.begin(self.service(tls=tls, **changes))

    def raw(self, data=b""):
        sock = self.connect(self.server)
        sock.sendall(data)
        return sock

    def closed(self, **fields):
        self.server.wait_for(event="close", **fields)

    # ---- the peer

    def case_a_client(self):
        self.begin_one()
        self.client(self.server, "1.3").finish()
        self.closed()

    def case_a_client_of_TLS_1_2_with_a_certificate(self):
        self.begin_one(tls={"client_auth": "require"})
        self.client(self.server, "1.2", certificate="device").finish()
        self.closed()

    def case_a_device_that_calls_home(self):
        self.begin_one(initial_data_timeout=SHORT)
        self.device(self.server, "1.3").finish()
        self.closed()

    def case_a_port_scan(self):
        self.begin_one()
        self.raw().close()
        self.closed()

    def case_plain_HTTP(self):
        self.begin_one(close_timeout=SHORT)
        self.raw(b"GET / HTTP/1.1\r\n\r\n")
        self.closed()

    def case_an_alert_first(self):
        self.begin_one()
        self.raw(b"\x15\x03\x03\x00\x02\x02\x28")
        self.closed()

    def case_a_ServerHello_first(self):
        self.begin_one(close_timeout=SHORT)
        self.raw(b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26")
        self.closed()

    def case_half_a_ClientHello_and_the_end(self):
        self.begin_one()
        self.raw(b"\x16\x03\x01\x02\x00\x01").shutdown(socket.SHUT_WR)
        self.closed()

    def case_half_a_ClientHello_and_silence(self):
        self.begin_one(handshake_timeout="300ms")
        self.raw(b"\x16\x03\x01\x02\x00\x01")
        self.closed()

    def case_a_mirror(self):
        self.begin_one(initial_data_timeout=SHORT, close_timeout=SHORT,
                       transport="relay")  # only it resolves glare
        sock = self.raw()
        sock.sendall(sock.recv(65536))
        self.closed()

    def case_silence_in_the_handshake(self):
        self.begin_one(handshake_timeout="300ms")
        self.client(self.server, "1.2", handshake=False).try_handshake()
        self.closed()

    def case_silence_after_the_handshake(self):
        self.begin_one(idle_timeout="300ms")
        self.client(self.server, "1.3")
        self.closed()

    def case_an_end_without_close_notify(self):
        self.begin_one(tls={"sessions": "off"})
        self.client(self.server, "1.3").sock.shutdown(socket.SHUT_WR)
        self.closed()

    def case_a_reset(self):
        self.begin_one(tls={"sessions": "off"})
        peer = self.client(self.server, "1.3")
        self.assertEqual(peer.exchange(b"x", 1), b"x")
        peer.reset()
        self.closed()

    def case_a_record_that_is_garbage(self):
        self.begin_one(tls={"sessions": "off"}, close_timeout=SHORT)
        self.client(self.server, "1.3").sock.send(b"\x17\x03\x03\x00\x20" + bytes(32))
        self.closed()

    # ---- not TLS, or nothing in common

    def begin_fixed(self, role, data=b""):
        unused = {"ca": None, "peer_names": None} if role == "server" else {}
        self.begin_one(role=role, tls=unused, close_timeout=SHORT)
        return self.raw(data)

    def case_a_port_scan_of_a_server(self):
        self.begin_fixed("server").close()
        self.closed()

    def case_plain_HTTP_to_a_server(self):
        self.begin_fixed("server", b"DELETE / HTTP/1.1\r\n\r\n")
        self.closed()

    def case_SSH_to_a_server(self):
        self.begin_fixed("server", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
        self.closed()

    def case_SMTP_to_a_client(self):
        self.begin_fixed("client", b"220 mail.example ESMTP\r\n")
        self.closed()

    def case_a_server_that_hangs_up(self):
        sock = self.begin_fixed("client")
        sock.recv(65536)
        sock.shutdown(socket.SHUT_WR)
        self.closed()

    def offer(self, *options, **own):
        """A client of openssl's, and its groups and versions do not depend on its release."""
        self.begin_one(tls={"groups": "X25519:P-256", **own})
        self.spawn(["openssl", "s_client", "-connect", f"127.0.0.1:{self.server.port()}",
                    "-servername", "front.example", *options])
        self.closed()

    def case_a_client_without_a_common_version(self):
        self.offer("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")

    def case_a_client_without_a_common_version_1_3(self):
        self.offer("-tls1_2", min_version="1.3")

    def case_a_client_without_a_common_cipher(self):
        self.offer("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", "-groups", "P-256")

    def case_a_client_without_a_common_cipher_1_3(self):
        self.offer("-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384",
                   ciphersuites="TLS_AES_128_GCM_SHA256")

    def case_a_client_without_a_common_group(self):
        self.offer("-tls1_3", "-groups", "P-384")

    def case_a_client_without_a_common_protocol(self):
        self.offer("-tls1_3", "-alpn", "h2,http/1.1", alpn=["netconf", "coap"])

    def case_a_client_that_offers_no_protocol(self):
        self.offer("-tls1_3", alpn=["netconf"], require_alpn=True)

    def case_a_client_with_an_unknown_name(self):
        known = {"server_names": ["front.example"], "certificate": self.certificates.path("front"),
                 "key": self.certificates.path("front", "key")}
        self.offer("-tls1_3", "-servername", "elsewhere.example", certificates=[known],
                   unknown_server_name="refuse")

    def serve(self, change, version=None, **own):
        """A device that calls home, and what is particular to it."""
        self.begin_one(tls={"groups": "X25519:P-256", **own}, initial_data_timeout=SHORT)
        made = tls.context(self.certificates, True, version, certificate="device")
        change(made)
        with contextlib.suppress(tls.Truncated, OSError, ssl.SSLError):
            tls.Tls(self.raw(), made, server_side=True).handshake()
        self.closed()

    def case_a_device_without_a_common_version(self):
        def change(made):
            made.maximum_version = ssl.TLSVersion.TLSv1_2
        self.serve(change, min_version="1.3")

    def case_a_device_without_a_common_cipher(self):
        self.serve(lambda made: made.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256"), "1.2")

    def case_a_device_without_a_common_group(self):
        self.serve(lambda made: made.set_ecdh_curve("secp521r1"), "1.3")

    def case_a_device_without_a_common_protocol(self):
        self.serve(lambda made: made.set_alpn_protocols(["h2"]), "1.3", alpn=["netconf"],
                   require_alpn=True)

    # ---- identity

    def refused_device(self, certificate):
        self.begin_one(initial_data_timeout=SHORT)
        with contextlib.suppress(tls.Truncated, OSError, ssl.SSLError):
            self.device(self.server, "1.2", certificate=certificate)
        self.closed()

    def case_a_device_of_another_CA(self):
        self.refused_device("stranger")

    def case_a_device_with_another_name(self):
        self.refused_device("other-name")

    def case_a_device_whose_certificate_has_expired(self):
        self.refused_device("expired")

    def case_a_device_whose_certificate_is_not_valid_yet(self):
        self.refused_device("early")

    def case_a_device_with_a_self_signed_certificate(self):
        self.refused_device("self-signed")

    def refusing_device(self, version):
        self.begin_one(initial_data_timeout=SHORT)
        made = tls.context(self.certificates, True, version, certificate="device",
                           ca="stranger-ca", verify=True)
        with contextlib.suppress(tls.Truncated, OSError, ssl.SSLError):
            tls.Tls(self.raw(), made, server_side=True).handshake()
        self.closed()

    def case_a_device_that_does_not_trust_us(self):
        self.refusing_device("1.3")

    def case_a_client_without_the_certificate_that_is_required(self):
        self.begin_one(tls={"client_auth": "require"})
        with contextlib.suppress(tls.Truncated, OSError, ssl.SSLError):
            self.client(self.server, "1.2")
        self.closed()

    def case_a_client_that_does_not_trust_us(self):
        self.begin_one()
        with contextlib.suppress(tls.Truncated, OSError, ssl.SSLError):
            self.client(self.server, "1.2", ca="stranger-ca")
        self.closed()

    def distrust(self, *command):
        """A program that trusts another CA; PORT stands for ours."""
        self.begin_one()
        port = str(self.server.port())
        self.spawn([word.replace("PORT", port) for word in command])
        self.closed()

    def case_s_client_does_not_trust_us(self):
        self.distrust("openssl", "s_client", "-verify_return_error", "-CAfile",
                      self.certificates.path("stranger-ca"), "-connect", "127.0.0.1:PORT")

    def case_curl_does_not_trust_us(self):
        self.distrust("curl", "--noproxy", "*", "--cacert", self.certificates.path("stranger-ca"),
                      "https://127.0.0.1:PORT/")

    def case_gnutls_cli_does_not_trust_us(self):
        self.distrust("gnutls-cli", "--x509cafile", self.certificates.path("stranger-ca"),
                      "--port", "PORT", "127.0.0.1")

    # ---- the backend

    def case_a_backend_that_is_not_there(self):
        address, holder = nobody()
        self.addCleanup(holder.close)
        self.begin_one(forward=address, tls={"sessions": "off"})
        peer = self.client(self.server, "1.3")
        with contextlib.suppress(tls.Truncated, OSError):
            peer.recv_all()
        peer.cut()
        self.closed()

    def case_a_backend_that_resets(self):
        def serve(session):
            session.recv()
            refuse(session)
        self.begin_one(forward=self.backend(Backend(serve)).address)
        self.client(self.server, "1.3").send(b"x")
        self.closed()

    # ---- limits

    def case_an_address_that_is_denied(self):
        self.begin_one(limits={"deny": ["127.0.0.9/32"]})
        socket.create_connection(self.server.address(), source_address=("127.0.0.9", 0)).close()
        self.server.wait_for(event="refused")

    def case_a_connection_that_makes_way(self):
        self.begin_one(max_connections=1)
        self.raw()
        self.client(self.server, "1.3").finish()
        self.closed(reason="CLEAN")

    # ---- connections that we open

    def case_a_dial_for_a_local_connection(self):
        device = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(device.close)
        address = "127.0.0.1:%d" % device.getsockname()[1]
        self.begin(self.dial_service(address, listen_plain="127.0.0.1:0", role="client"))
        local = self.raw()
        sock = device.accept()[0]
        self.addCleanup(sock.close)
        made = tls.context(self.certificates, True, "1.3", certificate="device")
        peer = tls.Tls(sock, made, server_side=True).handshake()
        local.close()
        peer.finish()
        self.closed()

    def case_a_dial_that_nobody_answers(self):
        address, holder = nobody()
        self.addCleanup(holder.close)
        self.begin(self.dial_service(address, listen_plain="127.0.0.1:0"))
        with contextlib.suppress(ConnectionResetError):  # which may come before connect returns
            self.raw()
        self.server.wait_for(event="dial")

    def case_a_dial_through_a_proxy_that_nobody_answers(self):
        address, holder = nobody()
        self.addCleanup(holder.close)
        self.begin(self.dial_service("a.example:443", listen_plain="127.0.0.1:0",
                                     dial_through=f"http://{address}"))
        with contextlib.suppress(ConnectionResetError):
            self.raw()
        self.server.wait_for(event="dial")

    def case_a_persistent_dial_that_nobody_answers(self):
        address, holder = nobody()
        self.addCleanup(holder.close)
        self.begin(self.dial_service(address))
        self.server.wait_for(event="retry")
        self.server.kill()

    # ---- signals

    def case_SIGHUP(self):
        self.begin_one()
        self.server.signal(signal.SIGHUP)
        self.server.wait_for(event="reload")

    def case_SIGHUP_with_a_certificate_that_is_gone(self):
        copy = self.file("copy.pem", open(self.certificates.path("front"), "rb").read())
        self.begin_one(tls={"certificate": copy})
        open(copy, "w").close()
        self.server.signal(signal.SIGHUP)
        self.server.wait_for(event="reload")

    def case_SIGUSR1(self):
        self.begin_one()
        self.server.signal(signal.SIGUSR1)
        self.server.wait_for(event="status", service="front")

    def case_SIGTERM_with_a_connection_that_stays_open(self):
        self.begin_one(tls={"sessions": "off"})
        peer = self.client(self.server, "1.3")
        self.assertEqual(peer.exchange(b"x", 1), b"x")
        for _ in range(2):
            self.server.signal()
            self.server.wait_for(event="stopping")
        self.server.wait_exit()

    # ---- all

    def lines_of(self, title):
        getattr(self, "case_" + re.sub(r"\W+", "_", title))()
        lines = [line for line in self.server.lines
                 if " event=listening " not in line and " event=sandbox " not in line]
        self.server.kill()
        self.started.clear()  # a failure shows these lines anyway
        for pattern, normal in NORMALS:
            lines = [pattern.sub(normal, line) for line in lines]
        return by_connection(lines)

    def test_log_lines(self):
        golden = Golden("log.txt")
        cases = {name[len("case_"):] for name in dir(self) if name.startswith("case_")}
        self.assertEqual({re.sub(r"\W+", "_", title) for title in golden.cases}, cases)
        golden.check({title: self.lines_of(title) for title in golden.cases})
