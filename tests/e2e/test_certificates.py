"""Certificates by server name: folders of them, and several types of keys for one name."""
import json
import os
import subprocess

from support.authority import Authority
from support.case import program
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

    def check(self, *certificates):
        """What --check says of these "certificates"."""
        certificate, key = self.authority.issue("default", "default.example")
        path = os.path.join(self.folder, "checked.json")
        with open(path, "w") as out:
            json.dump({"services": [self.service(role="server", tls={
                "certificate": certificate, "key": key, "ca": None, "peer_names": None,
                "certificates": list(certificates)})]}, out)
        done = subprocess.run([program(), "--check", path], capture_output=True, text=True,
                              timeout=60)
        return done.stdout + done.stderr

    def test_what_is_wrong_is_said_of_its_file(self):
        certificate, key = self.issue("one", "one.example")
        self.issue("usage", "usage.example", extensions=["keyUsage=keyEncipherment"])
        self.issue("nameless")
        with open(os.path.join(self.shelf, "README"), "w") as out:
            out.write("hello")
        os.rename(key, key + ".old")
        said = self.check({"certificate": self.shelf, "server_names": ["a.example"]})
        self.assertIn('"certificate" is a folder', said)
        said = self.check(self.shelf)
        self.assertIn("certs/README holds no certificate", said)
        os.remove(os.path.join(self.shelf, "README"))
        os.remove(key + ".old")
        said = self.check(self.shelf)
        self.assertIn("certs/one.pem holds no private key", said)
        os.remove(certificate)
        said = self.check(self.shelf)
        self.assertIn("certs/usage.pem must not sign by its keyUsage", said)
        self.assertIn("certs/nameless.pem has no DNS name", said)
        two = [self.authority.issue(name, "x.example") for name in ("first", "second")]
        said = self.check(*[{"certificate": certificate, "key": key, "server_names": ["x.example"]}
                            for certificate, key in two])
        self.assertIn("have the same type of key, and both are for the name x.example", said)
