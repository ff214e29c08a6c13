"""Debian's mariadbd, in a folder of its own, on a free port of 127.0.0.1."""
import os
import subprocess

from .case import need
from .directories import Server


class MariaDb(Server):
    """Its user "me" has the password "secret"; "tls" has the same, and must come in TLS."""

    def __init__(self, certificates):
        need("mariadbd")
        self.ca = certificates.path("ca")
        super().__init__(certificates)

    def prepare(self):
        self.data = self.path("data")
        root = ["--user=root"] if os.getuid() == 0 else []
        self.common = ["--no-defaults", f"--datadir={self.data}", *root]
        subprocess.run(["mariadb-install-db", *self.common, "--auth-root-authentication-method=normal",
                        "--skip-test-db", "--skip-name-resolve"], check=True, cwd=self.folder,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.write("init.sql", "create user me identified by 'secret';\n"
                   "create user tls identified by 'secret' require ssl;\n")

    def command(self):
        return ["mariadbd", *self.common, "--bind-address=127.0.0.1", f"--port={self.port}",
                f"--socket={self.path('sock')}", f"--pid-file={self.path('pid')}",
                f"--ssl-cert={self.certificate}", f"--ssl-key={self.key}", f"--ssl-ca={self.ca}",
                "--skip-name-resolve", f"--init-file={self.path('init.sql')}",
                "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M",
                "--innodb-flush-log-at-trx-commit=0", "--key-buffer-size=1M",
                "--performance-schema=off"]
