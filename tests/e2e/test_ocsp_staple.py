"""OCSP responses are fetched in the background and stapled."""
import os
import subprocess
import time

from support.authority import Authority
from support.case import Case
from support.data import until
from support.ports import free_port
from support.proxies import microsocks, tinyproxy
from support.responder import Responder


class Staples(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.authority = Authority(os.path.join(self.folder, "authority"))
        self.aia = [f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{self.port}/ocsp"]
        self.own = self.authority.issue("own", "localhost", extensions=self.aia)

    def start(self, ocsp=None, service=None, allowed=None, **tls):
        certificate, key = self.own
        return self.actpass(
            self.service(role="server", tls={
                "certificate": certificate, "key": key, "ca": self.authority.certificate,
                "peer_names": None, "ocsp": {"staple": True, **(ocsp or {})}, **tls},
                **(service or {})),
            **(allowed or {"sandbox_connect": [str(self.port)]}))

    def status(self, actpass, *options):
        """What openssl says of the response that is stapled."""
        done = subprocess.run(
            ["openssl", "s_client", "-connect", "127.0.0.1:%d" % actpass.address()[1], "-status",
             "-CAfile", self.authority.certificate, *options],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        found = [line.strip() for line in done.stdout.splitlines() if "Cert Status:" in line]
        return found[0].removeprefix("Cert Status: ") if found else None

    def stapled(self, actpass, *options):
        def is_good():
            time.sleep(0.1)  # each look costs a process
            return self.status(actpass, *options) == "good"
        until(is_good, 40, "a stapled response")

    def test_real_clients_take_it(self):
        """ECDSA and RSA side by side: a response for each."""
        rsa = self.authority.issue("rsa", "localhost", kind="rsa", extensions=self.aia)
        self.authority.write_index()
        Responder(self, self.authority, self.port)
        with open(self.own[0], "a") as chain, open(self.authority.certificate) as issuer:
            chain.write(issuer.read())  # curl looks for it there
        with open(os.path.join(self.folder, "page"), "w") as out:
            out.write("hello")
        actpass = self.start(service={"echo": None, "http": {"root": self.folder}},
                             certificates=[{"certificate": rsa[0], "key": rsa[1]}])
        for version in "-tls1_2", "-tls1_3":
            for algorithms in "ECDSA+SHA256", "RSA-PSS+SHA256":
                self.stapled(actpass, version, "-sigalgs", algorithms)
        port = actpass.address()[1]
        done = subprocess.run(
            ["curl", "-sS", "--cert-status", "--cacert", self.authority.certificate,
             "--max-time", "20", f"https://localhost:{port}/page"],
            capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (0, "hello"), done.stderr)
        done = subprocess.run(
            ["gnutls-cli", "--ocsp", "--x509cafile", self.authority.certificate, "-p", str(port),
             "localhost"], input="", capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("OCSP", done.stdout)

    def test_what_is_kept_survives_a_restart_without_the_responder(self):
        cache = os.path.join(self.folder, "cache")
        os.mkdir(cache, 0o700)
        self.authority.write_index()
        responder = Responder(self, self.authority, self.port)
        actpass = self.start({"cache": cache})
        self.stapled(actpass)
        until(lambda: [name for name in os.listdir(cache) if name.endswith(".ocsp")], 20, "a file")
        self.assertEqual(actpass.stop(), 0)
        responder.stop()
        actpass = self.start({"cache": cache})
        self.assertEqual(self.status(actpass), "good")  # at once
        # What is in the folder is verified.
        self.assertEqual(actpass.stop(), 0)
        for name in os.listdir(cache):
            with open(os.path.join(cache, name), "r+b") as file:
                file.seek(70)  # in what is signed
                file.write(bytes(8))
        actpass = self.start({"cache": cache})
        self.assertIsNone(self.status(actpass))

    def test_a_responder_that_is_down_is_asked_again(self):
        self.authority.write_index()
        actpass = self.start()
        line = actpass.wait_for(event="ocsp", level="warning")
        self.assertIn("no response can be fetched", line["error"])
        self.assertIsNone(self.status(actpass))  # and no connection has waited
        Responder(self, self.authority, self.port)
        self.stapled(actpass)

    def test_a_bad_response_is_not_shown(self):
        """Revoked; a stranger's signature; a delegated responder's, which is good."""
        self.authority.write_index(revoked=["own"])
        responder = Responder(self, self.authority, self.port)
        actpass = self.start()
        self.assertIn("it is revoked", actpass.wait_for(event="ocsp")["error"])
        self.assertIsNone(self.status(actpass))
        self.assertEqual(actpass.stop(), 0)
        responder.stop()
        self.authority.write_index()
        stranger = Authority(os.path.join(self.folder, "stranger"))
        responder = Responder(self, self.authority, self.port,
                              (stranger.certificate, stranger.path(stranger.name, "key")))
        actpass = self.start()
        self.assertIn("signed neither by the certificate's issuer",
                      actpass.wait_for(event="ocsp")["error"])
        self.assertIsNone(self.status(actpass))
        self.assertEqual(actpass.stop(), 0)
        responder.stop()
        delegated = self.authority.issue("responder", purpose="OCSPSigning")
        self.authority.write_index()
        Responder(self, self.authority, self.port, delegated)
        self.stapled(self.start())

    def test_through_a_proxy(self):
        """The responder's port is not open to actpass itself."""
        self.authority.write_index()
        Responder(self, self.authority, self.port)
        proxy = tinyproxy(self)
        actpass = self.start({"through": proxy.url}, allowed={"shutdown_timeout": "10s"})
        self.stapled(actpass)

    def test_through_the_proxy_that_is_dialed_through(self):
        """The same for a device that calls home, in vain here, and by SOCKS5."""
        self.authority.write_index()
        Responder(self, self.authority, self.port)
        proxy = microsocks(self)
        cache = os.path.join(self.folder, "cache")
        os.mkdir(cache, 0o700)
        actpass = self.start({"cache": cache}, allowed={"shutdown_timeout": "10s"}, service={
            "listen": None, "dial": f"127.0.0.1:{free_port()}", "dial_through": proxy.url,
            "persistent": True}, client_auth="require")
        until(lambda: [name for name in os.listdir(cache) if name.endswith(".ocsp")], 40, "a file")
        self.assertEqual(actpass.stop(), 0)
