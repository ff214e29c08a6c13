"""Keys with passphrases, systemd's credentials, and the log of secrets."""
import glob
import json
import os
import signal
import subprocess
import unittest

from support.case import Case, need, program
from support.each import ROLES, VERSIONS, each


class Secrets(Case):
    def encrypted_key(self, name, passphrase, certificate="front"):
        path = os.path.join(self.folder, name)
        subprocess.run(["openssl", "pkey", "-in", self.certificates.path(certificate, "key"), "-aes256",
                        "-passout", "pass:" + passphrase, "-out", path], check=True, capture_output=True)
        os.chmod(path, 0o600)
        return path

    def greets(self, actpass, service=None, **options):
        peer = self.client(actpass, service=service, **options)
        self.assertEqual(peer.exchange(b"hello", 5), b"hello")
        peer.finish()

    # ---- Passphrases

    def test_passphrase_of_a_file(self):
        """Of the certificate, and of one for a server name. A reload reads both files again."""
        key, passphrase = self.encrypted_key("front.key", "first"), self.file("pass", b"first\n")
        other, second = self.encrypted_key("other.key", "second", "client"), self.file("pass2", b"second")
        more = {"server_names": ["client.example"], "certificate": self.certificates.path("client"),
                "key": other, "key_passphrase_file": second}
        actpass = self.actpass(self.service(tls={
            "key": key, "key_passphrase_file": passphrase, "certificates": [more]}))
        self.greets(actpass)
        self.encrypted_key("front.key", "third")
        actpass.signal(signal.SIGHUP)
        self.assertIn("the passphrase in %s is wrong" % passphrase,
                      actpass.wait_for(event="reload")["error"])
        self.file("pass", b"third")
        actpass.signal(signal.SIGHUP)
        self.assertNotIn("error", actpass.wait_for(event="reload", count=2))
        self.greets(actpass)

    def test_credentials(self):
        """As the unit has them: by "credential:", and by the folder's variable in any path."""
        folder = os.path.join(self.folder, "credentials")
        os.mkdir(folder)
        self.encrypted_key("credentials/private_key.pem", "secret")
        self.file("credentials/private_pass", b"secret\n")
        actpass = self.actpass(self.service(tls={
            "key": "${env:CREDENTIALS_DIRECTORY}/private_key.pem",
            "key_passphrase_file": "credential:private_pass"}), env={"CREDENTIALS_DIRECTORY": folder})
        self.greets(actpass)

    # ---- "store:"

    def test_store(self):
        """A key in PKCS#12, by OpenSSL's own store."""
        both = os.path.join(self.folder, "both.p12")
        certificate, key = self.certificates.chain("front")
        subprocess.run(["openssl", "pkcs12", "-export", "-in", certificate, "-inkey", key,
                        "-passout", "pass:secret", "-out", both], check=True, capture_output=True)
        actpass = self.actpass(self.service(tls={
            "key": "store:file:" + both, "key_passphrase_file": self.file("pass", b"secret")}))
        self.greets(actpass)

    def test_no_provider(self):
        """A PIN in the URI is shown to nobody."""
        config = self.file("c.json", json.dumps({"services": [self.service(tls={
            "key": "store:unknown:key?pin-value=1234"})]}).encode())
        done = subprocess.run([program(), "--check", config], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("/tls/key: store:unknown:key... cannot be loaded: OpenSSL says", done.stderr)
        self.assertIn("/tls/key: holds the PIN", done.stderr)
        self.assertNotIn("1234", done.stderr)

    def token(self, pin):
        """Makes a token with the key of "front" in it. Returns the environment that leads to it.
        SoftHSM uses OpenSSL itself, and crashes if it is finalized while OpenSSL ends (no-deinit)."""
        need("softhsm2-util")
        modules = glob.glob("/usr/lib/*/ossl-modules/pkcs11.so")
        if not modules:
            raise unittest.SkipTest("the provider is not installed (pkcs11-provider, from Debian 13 on)")
        os.mkdir(os.path.join(self.folder, "tokens"))
        env = {"SOFTHSM2_CONF": self.file("softhsm2.conf", b"directories.tokendir = %s/tokens\n"
                                          % self.folder.encode()),
               "OPENSSL_CONF": self.file("openssl.cnf", f"""
openssl_conf = all
[all]
providers = loaded
[loaded]
default = usual
pkcs11 = tokens
[usual]
activate = 1
[tokens]
module = {modules[0]}
pkcs11-module-path = /usr/lib/softhsm/libsofthsm2.so
pkcs11-module-quirks = no-deinit
activate = 1
""".encode())}
        for words in (["--init-token", "--free", "--so-pin", "12345678"],
                      ["--import", self.certificates.path("front", "key"), "--id", "01"]):
            name = "--label" if "--free" in words else "--token"
            label = [] if "--free" in words else ["--label", "key of front"]
            subprocess.run(["softhsm2-util", *words, name, "test", *label, "--pin", pin], check=True,
                           capture_output=True, env={**os.environ, "SOFTHSM2_CONF": env["SOFTHSM2_CONF"]})
        return env

    @each(version=VERSIONS)
    def test_pkcs11(self, version):
        """The key never leaves its token; the PIN is in a file. Several connections at once."""
        env = self.token("1234")
        actpass = self.actpass(self.service(tls={
            "key": "store:pkcs11:token=test;object=key%20of%20front;type=private",
            "key_passphrase_file": self.file("pin", b"1234\n")}), env=env)
        peers = [self.client(actpass, version) for _ in range(5)]
        for peer in peers:
            self.assertEqual(peer.exchange(b"hello", 5), b"hello")
        self.finish_all(*peers)

    # ---- insecure_key_log

    @each(role=ROLES, version=VERSIONS)
    def test_key_log(self, role, version):
        """It has the lines that the peer writes, and is for its owner alone."""
        ours, theirs = (os.path.join(self.folder, name) for name in ("ours", "theirs"))
        wait = {"initial_data_timeout": "100ms"} if role == "client" else {}
        actpass = self.actpass(self.service(tls={"insecure_key_log": ours}, **wait))
        actpass.wait_for(level="warning")
        self.assertTrue([line for line in actpass.lines if "insecure_key_log" in line])
        peer = self.peer(role, actpass, version, handshake=False)
        peer.object.context.keylog_filename = theirs
        self.assertEqual(peer.handshake().exchange(b"hello", 5), b"hello")
        peer.finish()
        actpass.wait_for(event="close")
        self.assertEqual(os.stat(ours).st_mode & 0o777, 0o600)
        with open(ours, encoding="ascii") as mine, open(theirs, encoding="ascii") as other:
            lines = {line for line in other if not line.startswith("#")}
            self.assertEqual(set(mine), lines)
            self.assertTrue(lines)

    def test_a_check_makes_no_key_log(self):
        """A start makes it, before there is a connection."""
        ours = os.path.join(self.folder, "ours")
        service = self.service(tls={"insecure_key_log": ours})
        config = self.file("check.json", json.dumps({"services": [service]}).encode())
        done = subprocess.run([program(), "--check", config], capture_output=True, check=False)
        self.assertEqual((done.returncode, os.path.exists(ours)), (0, False), done.stderr)
        self.actpass(service)
        self.assertTrue(os.path.exists(ours))

    def test_the_environment_does_not_ask_for_it(self):
        log = os.path.join(self.folder, "log")
        actpass = self.actpass(self.service(), env={"SSLKEYLOGFILE": log})
        self.greets(actpass)
        self.assertFalse(os.path.exists(log))
