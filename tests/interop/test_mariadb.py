"""STARTTLS of MySQL with the client and the server of MariaDB."""
import subprocess

from support.dials import Dials
from support.mariadb import MariaDb

SWITCH = "--default-auth=client_ed25519"  # the server wants another method: two packets more
CIPHER = "show status like 'ssl_version'"


class Real(Dials):
    deadline = 120

    def test_mariadb(self):
        """All in one, since its server takes seconds to make."""
        self.server = self.backend(MariaDb(self.certificates))
        self.client_in_tls()
        self.server_in_tls()
        self.both()

    def mariadb(self, port, *more, query=CIPHER, user="me", password="secret"):
        """Exit status and output."""
        done = subprocess.run(["mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(port),
                               "-u", user, f"-p{password}", "-N", "-B", *more, "-e", query],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    def with_tls(self, *more):
        return ["--ssl", "--ssl-verify-server-cert", f"--ssl-ca={self.certificates.path('ca')}",
                *more]

    def client_in_tls(self):
        """The server sees no TLS, and the client does."""
        actpass = self.actpass(self.service(starttls="mysql", forward=self.server.address))
        port = actpass.port()
        self.assertEqual(self.mariadb(port, *self.with_tls()), (0, "Ssl_version\t\n"))
        big = "select length(repeat('x', 3000000)), repeat('y', 3000000)"
        status, said = self.mariadb(port, *self.with_tls("--compress"), query=big)
        self.assertEqual((status, len(said)), (0, 3000009))
        self.assertEqual(self.mariadb(port, *self.with_tls(SWITCH)), (0, "Ssl_version\t\n"))
        status, said = self.mariadb(port, *self.with_tls(), password="wrong")
        self.assertEqual(status, 1)
        self.assertIn("Access denied for user 'me'", said)
        status, said = self.mariadb(port, "--skip-ssl")
        self.assertEqual(status, 1)
        self.assertIn("TLS is required here", said)

    def server_in_tls(self):
        """The server demands it, and the client knows nothing of it."""
        actpass = self.bridge(self.server.address, starttls="mysql")
        port = actpass.port()
        for more in "--compress", SWITCH:
            status, said = self.mariadb(port, "--skip-ssl", more, user="tls")
            self.assertEqual(status, 0, said)
            self.assertIn("TLSv1.", said)
        self.assertIn("Access denied",
                      self.mariadb(port, "--skip-ssl", password="wrong")[1])
        self.assertIn("Access denied",
                      self.mariadb(self.server.port, "--skip-ssl", user="tls")[1])

    def both(self):
        """TLS is only between two actpass."""
        chain, key = self.certificates.chain("client")  # another one than the server's
        far = self.actpass(self.service(starttls="mysql", forward=self.server.address))
        near = self.bridge(f"127.0.0.1:{far.port()}", starttls="mysql",
                           tls={"peer_names": ["front.example"], "certificate": chain, "key": key})
        status, said = self.mariadb(near.port(), "--skip-ssl", query="select 40 + 2")
        self.assertEqual((status, said), (0, "42\n"))
