"""Keys with passphrases, systemd's credentials, and the log of secrets."""
import os
import signal
import subprocess

from support.case import Case
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

    def test_the_environment_does_not_ask_for_it(self):
        log = os.path.join(self.folder, "log")
        actpass = self.actpass(self.service(), env={"SSLKEYLOGFILE": log})
        self.greets(actpass)
        self.assertFalse(os.path.exists(log))
