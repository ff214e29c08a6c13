"""Certificates by server name: folders of them, and several types of keys for one name."""
import os
import subprocess

from support.authority import Authority
from support.data import until
from support.reloads import Reloads


class Certificates(Reloads):
    def setUp(self):
        super().setUp()
        self.authority = Authority(os.path.join(self.folder, "authority"))
        self.shelf = os.path.join(self.folder, "certs")
        os.mkdir(self.shelf)

    def issue(self, name, *names, **how):
        return self.authority.issue(name, *names, folder=self.shelf, **how)

    def start(self, **keys):
        certificate, key = self.authority.issue("default", "default.example")
        return self.actpass(self.service(role="server", tls={
            "certificate": certificate, "key": key, "ca": None, "peer_names": None,
            "certificates": [self.shelf], **keys}))

    def shown(self, actpass, name, *options):
        """The common name of the certificate that openssl is shown."""
        done = subprocess.run(
            ["openssl", "s_client", "-connect", "127.0.0.1:%d" % actpass.address()[1],
             "-CAfile", self.authority.certificate, "-verify_return_error", *options,
             *(["-servername", name, "-verify_hostname", name] if name else ["-noservername"])],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        found = [line for line in done.stdout.splitlines() if line.startswith("subject=")]
        self.assertTrue(found, done.stdout + done.stderr)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return found[0].replace(" ", "").removeprefix("subject=CN=")

    def test_a_folder(self):
        self.issue("one", "one.example", "also.example")
        self.issue("wild", "*.wild.example", together=True)
        open(os.path.join(self.shelf, ".hidden"), "w").close()
        os.mkdir(os.path.join(self.shelf, "below"))
        actpass = self.start()
        for name, shown in ((None, "default"), ("one.example", "one"), ("also.example", "one"),
                            ("a.wild.example", "wild")):
            with self.subTest(name):
                self.assertEqual(self.shown(actpass, name), shown)
        # A new file is taken without a signal, and by a reload.
        self.issue("two", "two.example", together=True)
        until(lambda: self.shown_unverified(actpass, "two.example") == "two", 30,
              "the new certificate being shown")

    def shown_unverified(self, actpass, name):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", "127.0.0.1:%d" % actpass.address()[1],
             "-servername", name], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60)
        found = [line for line in done.stdout.splitlines() if line.startswith("subject=")]
        return found[0].replace(" ", "").removeprefix("subject=CN=") if found else None

    def test_two_types_of_keys(self):
        self.issue("ec", "both.example")
        self.issue("rsa", "both.example", "default.example", kind="rsa")
        actpass = self.start()
        for version in "-tls1_2", "-tls1_3":
            for name, algorithms, shown in (
                    ("both.example", "ECDSA+SHA256", "ec"),
                    ("both.example", "RSA-PSS+SHA256", "rsa"),
                    # Beside the default one, which is an ECDSA certificate.
                    ("default.example", "ECDSA+SHA256", "default"),
                    ("default.example", "RSA-PSS+SHA256", "rsa"),
                    (None, "RSA-PSS+SHA256", "rsa")):
                with self.subTest(version=version, name=name, algorithms=algorithms):
                    self.assertEqual(
                        self.shown(actpass, name, version, "-sigalgs", algorithms), shown)
        self.assertEqual(self.shown(actpass, "both.example", "-tls1_2", "-cipher",
                                    "ECDHE-RSA-AES128-GCM-SHA256"), "rsa")
