"""Who the peer is: the same policy in both roles, and no way around it."""
import ssl

from support import tls
from support.case import SHORT, Case
from support.each import ROLES, VERSIONS, each

# certificate of the peer: may it pass where peers are *.devices.example of our CA?
PEERS = {
    "device": True,
    "client": True,
    "by-middle": True,
    "other-name": False,
    "deeper-name": False,
    "no-san": False,
    "by-ip": False,
    "by-uri": False,
    "stranger": False,
    "self-signed": False,
    "expired": False,
    "front": False,  # our own certificate comes back
}


class Identity(Case):
    def service_for(self, role, client_auth="require", **tls_keys):
        return self.service(tls={"client_auth": client_auth, **tls_keys},
                            initial_data_timeout=SHORT if role == "client" else "20s")

    def meet(self, actpass, role, version, certificate, **options):
        """A peer with this certificate (None: without one) tries a round of echo. Did it work?"""
        peer = self.peer(role, actpass, version, certificate=certificate, handshake=False, **options)
        try:
            answered = peer.handshake().exchange(b"let me in", 9) == b"let me in"
            peer.finish()
            return answered
        except (ssl.SSLError, tls.Truncated, OSError):
            return False
        finally:
            peer.sock.close()

    def check(self, actpass, role, version, certificate, passes, **options):
        self.assertEqual(self.meet(actpass, role, version, certificate, **options), passes)
        line = actpass.role()
        self.assertEqual(line["role"], role)
        closed = actpass.close(line)
        self.assertEqual(closed["reason"], "CLEAN" if passes else "REFUSED", closed)
        if not passes:
            self.assertTrue(closed["error"])
        return closed

    @each(role=ROLES, version=VERSIONS, certificate=tuple(PEERS))
    def test_names_and_chain(self, role, version, certificate):
        passes = PEERS[certificate]
        # That our own certificate comes back must be refused for that alone.
        names = ["front.example"] if certificate == "front" else ["*.devices.example"]
        actpass = self.actpass(self.service_for(role, peer_names=names))
        self.check(actpass, role, version, certificate, passes)

    @each(version=VERSIONS)
    def test_extended_key_usage(self, version):
        """A certificate is for TLS servers, for TLS clients, or for both."""
        for role, certificate, passes in (("server", "for-clients", True),
                                          ("server", "for-servers", False),
                                          ("client", "for-servers", True),
                                          ("client", "for-clients", False)):
            with self.subTest(role=role, certificate=certificate):
                actpass = self.actpass(self.service_for(role))
                self.check(actpass, role, version, certificate, passes)

    @each(role=ROLES, kind=("ip", "uri"))
    def test_names_that_are_no_dns_names(self, role, kind):
        name = {"ip": "127.0.0.1", "uri": "uri:urn:dev:ops:32473-1"}[kind]
        actpass = self.actpass(self.service_for(role, peer_names=["a.example", name]))
        self.check(actpass, role, "1.3", f"by-{kind}", True)

    @each(role=ROLES, kind=("ip", "uri"))
    def test_wrong_names_that_are_no_dns_names(self, role, kind):
        name = {"ip": "127.0.0.2", "uri": "uri:urn:dev:ops:32473-12"}[kind]
        actpass = self.actpass(self.service_for(role, peer_names=["a.example", name]))
        self.check(actpass, role, "1.3", f"by-{kind}", False)

    # ---- pins

    @each(role=ROLES, version=VERSIONS)
    def test_a_pin_alone_is_trusted(self, role, version):
        pins = [self.certificates.pin("client"), self.certificates.pin("self-signed")]
        actpass = self.actpass(self.service_for(role, ca=None, peer_names=None, peer_pins=pins))
        self.check(actpass, role, version, "self-signed", True)

    @each(role=ROLES, version=VERSIONS)
    def test_another_key_than_the_pinned_one(self, role, version):
        pins = [self.certificates.pin("client")]
        actpass = self.actpass(self.service_for(role, ca=None, peer_names=None, peer_pins=pins))
        self.check(actpass, role, version, "device", False)

    @each(role=ROLES)
    def test_a_pin_and_a_ca_must_both_hold(self, role):
        pins = [self.certificates.pin("stranger"), self.certificates.pin("device")]
        for certificate, passes in (("device", True), ("stranger", False), ("client", False)):
            with self.subTest(certificate=certificate):
                actpass = self.actpass(self.service_for(role, peer_names=None, peer_pins=pins))
                self.check(actpass, role, "1.3", certificate, passes)

    @each(role=ROLES)
    def test_our_own_key_is_refused_even_if_it_is_pinned(self, role):
        pins = [self.certificates.pin("front")]
        actpass = self.actpass(self.service_for(role, ca=None, peer_names=None, peer_pins=pins))
        self.check(actpass, role, "1.3", "front", False)

    # ---- whether a client needs a certificate

    @each(version=VERSIONS, client_auth=("none", "request"))
    def test_a_client_without_certificate_passes(self, version, client_auth):
        actpass = self.actpass(self.service_for("server", client_auth))
        self.check(actpass, "server", version, None, True)

    @each(version=VERSIONS)
    def test_a_client_without_certificate_where_one_is_required(self, version):
        actpass = self.actpass(self.service_for("server", "require"))
        self.check(actpass, "server", version, None, False)

    @each(version=VERSIONS, certificate=("client", "other-name", "stranger"))
    def test_a_certificate_that_is_requested_is_also_judged(self, version, certificate):
        actpass = self.actpass(self.service_for("server", "request"))
        self.check(actpass, "server", version, certificate, PEERS[certificate])

    @each(version=VERSIONS)
    def test_a_certificate_that_nobody_asks_for(self, version):
        """The client has one that would be refused, and does not send it."""
        actpass = self.actpass(self.service_for("server", "none"))
        closed = self.check(actpass, "server", version, "stranger", True)
        self.assertNotIn("subject", closed)

    @each(role=ROLES)
    def test_the_log_names_the_peer(self, role):
        actpass = self.actpass(self.service_for(role))
        closed = self.check(actpass, role, "1.3", "device", True)
        self.assertEqual(closed["subject"], "CN=dev1.devices.example")
        self.assertRegex(closed["fingerprint"].replace(":", ""), "^[0-9A-Fa-f]{64}$")

    @each(role=ROLES)
    def test_insecure_any_peer_accepts_a_stranger(self, role):
        actpass = self.actpass(self.service_for(role, "request", ca=None, peer_names=None,
                                                insecure_any_peer=True))
        self.check(actpass, role, "1.3", "stranger", True)

    # ---- what the peer thinks of us

    @each(role=ROLES, version=VERSIONS)
    def test_a_peer_that_refuses_our_certificate(self, role, version):
        options = {"ca": "stranger-ca"}
        if role == "client":
            options["verify"] = True  # the device asks for our certificate
        actpass = self.actpass(self.service_for(role, "none"))
        certificate = None if role == "server" else "device"
        self.check(actpass, role, version, certificate, False, **options)

    @each(version=VERSIONS)
    def test_a_device_that_verifies_us(self, version):
        actpass = self.actpass(self.service_for("client"))
        self.check(actpass, "client", version, "device", True, verify=True)

    # ---- the server name, protocols and ciphers

    @each(version=VERSIONS)
    def test_the_server_name_that_we_send(self, version):
        actpass = self.actpass(self.service_for("client", server_name="dev1.devices.example"))
        made = tls.context(self.certificates, True, version, certificate="device")
        names = []
        made.sni_callback = lambda _socket, name, _context: names.append(name)
        tls.Tls(self.connect(actpass), made, server_side=True).handshake().finish()
        self.assertEqual(names, ["dev1.devices.example"])

    @each(role=ROLES, version=VERSIONS)
    def test_alpn(self, role, version):
        actpass = self.actpass(self.service_for(role, "none", alpn=["two/2", "one/1"]))
        for offer in ["one/1", "two/2"], ["one/1"]:
            peer = self.peer_with(role, actpass, version,
                                  lambda made: made.set_alpn_protocols(offer))
            chosen = peer.object.selected_alpn_protocol()
            self.assertIn(chosen, offer)
            if role == "server":
                self.assertEqual(chosen, "two/2" if "two/2" in offer else "one/1")
            peer.finish()
        self.assertIn(actpass.wait_for(event="close", count=2)["alpn"], ("one/1", "two/2"))

    def peer_with(self, role, actpass, version, change):
        """A peer whose context was changed first."""
        made = tls.context(self.certificates, role == "client", version,
                           certificate="device" if role == "client" else None)
        change(made)
        return tls.Tls(self.connect(actpass), made, server_side=role == "client").handshake()

    def meet_alpn(self, role, version, required, offer):
        """Does a peer that offers this (None: no ALPN) get its echo?"""
        actpass = self.actpass(self.service_for(role, "none", alpn=["one/1"],
                                                require_alpn=required))
        change = (lambda made: made.set_alpn_protocols(offer)) if offer else (lambda _: None)
        try:
            peer = self.peer_with(role, actpass, version, change)
            self.assertEqual(peer.exchange(b"echo", 4), b"echo")
            peer.finish()
        except (ssl.SSLError, tls.Truncated, OSError) as error:
            self.assertEqual(actpass.close()["reason"], "PROTOCOL")
            return str(error)
        self.assertEqual(actpass.close()["reason"], "CLEAN")
        return None

    @each(role=ROLES, version=VERSIONS, required=(None, False, True))
    def test_alpn_with_a_peer_that_takes_no_part(self, role, version, required):
        error = self.meet_alpn(role, version, required, None)
        self.assertEqual(error is None, not required, error)
        if required and role == "server":
            self.assertRegex(error, "(?i)no.application.protocol")

    @each(version=VERSIONS, required=(False, True))
    def test_alpn_without_a_protocol_in_common(self, version, required):
        """Python's server goes on without ALPN then, so only its client is of use."""
        self.assertRegex(self.meet_alpn("server", version, required, ["other/1"]),
                         "(?i)no.application.protocol")

    @each(role=ROLES, version=VERSIONS)
    def test_alpn_that_is_required_and_agreed(self, role, version):
        self.assertIsNone(self.meet_alpn(role, version, True, ["one/1"]))

    @each(role=ROLES)
    def test_ciphers(self, role):
        cipher = "ECDHE-ECDSA-AES256-GCM-SHA384"
        actpass = self.actpass(self.service_for(role, "none", ciphers=cipher,
                                                ciphersuites="TLS_CHACHA20_POLY1305_SHA256"))
        for version, expected in ("1.2", cipher), ("1.3", "TLS_CHACHA20_POLY1305_SHA256"):
            peer = self.peer(role, actpass, version)
            self.assertEqual(peer.object.cipher()[0], expected)
            peer.finish()

    @each(role=ROLES)
    def test_min_version(self, role):
        actpass = self.actpass(self.service_for(role, "none", min_version="1.3"))
        self.assertEqual(self.meet(actpass, role, "1.2", None if role == "server" else "device"),
                         False)
        self.assertEqual(actpass.close()["reason"], "PROTOCOL")
        self.peer(role, actpass, "1.3").finish()

    def test_a_tls_11_client_is_told_the_version(self):
        """protocol_version, not internal_error (hazard 45)."""
        actpass = self.actpass(self.service_for("server", "none"))
        sock = self.connect(actpass)
        body = (b"\x03\x02" + bytes(32) + b"\x00" + b"\x00\x02\xc0\x09" + b"\x01\x00")
        hello = b"\x01" + len(body).to_bytes(3, "big") + body
        sock.sendall(b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello)
        self.assertEqual(sock.recv(7)[5:], b"\x02\x46", "the alert is protocol_version, fatal")
        sock.close()
        self.assertEqual(actpass.close()["reason"], "PROTOCOL")
