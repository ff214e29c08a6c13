"""Servers of LDAP, PostgreSQL and XMPP as Debian has them, each in a folder of its own, on free
ports of 127.0.0.1. They speak clear text, and TLS for who asks for it."""
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

from .actpass import died_with_us
from .case import need
from .data import until
from .ports import free_port


class Server:
    """USER: whom it runs as if we are root; it refuses to be root."""
    user = None
    stop = signal.SIGTERM

    def __init__(self, certificates):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="actpass.server.")
        os.chmod(self.folder, 0o755)
        self.certificate, self.key = self._copy(certificates, "device")
        self._own()
        self.prepare()
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen(died_with_us(self.as_user(self.command())),
                                        cwd=self.folder, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        until(self._is_up, 60, f"{self.command()[0]} listening")

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as out:
            out.write(text)
        return self.path(name)

    def _copy(self, certificates, name):
        for source in certificates.chain(name):
            shutil.copy(source, self.folder)
            os.chmod(self.path(os.path.basename(source)), 0o600)
        return self.path(name + ".pem"), self.path(name + ".key")

    def _own(self):
        if os.getuid() == 0 and self.user:
            owner = pwd.getpwnam(self.user)
            for path in [self.folder, *glob.glob(self.folder + "/*")]:
                os.chown(path, owner.pw_uid, owner.pw_gid)

    def as_user(self, command):
        if os.getuid() != 0 or not self.user:
            return command
        return ["setpriv", "--reuid", self.user, "--regid", self.user, "--clear-groups",
                "--pdeathsig", "TERM", *command]

    def prepare(self):
        """Writes its configuration."""

    def _is_up(self):
        if self.process.poll() is not None:
            self.log.flush()
            with open(self.log.name) as log:
                raise AssertionError("it does not start: " + log.read()[-2000:])
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.process.send_signal(self.stop)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Slapd(Server):
    """STRICT: refuses everything that is not in TLS."""

    def __init__(self, certificates, strict=False):
        need("slapd")
        self.strict = strict
        super().__init__(certificates)

    def prepare(self):
        self.write("slapd.conf", "include /etc/ldap/schema/core.schema\n"
                   f"TLSCertificateFile {self.certificate}\nTLSCertificateKeyFile {self.key}\n"
                   + ("security tls=1\n" if self.strict else ""))

    def command(self):
        return ["slapd", "-d", "0", "-h", f"ldap://{self.address}", "-f", self.path("slapd.conf")]


class Postgres(Server):
    user = "postgres"
    stop = signal.SIGINT  # does not wait for clients

    def __init__(self, certificates):
        folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        need(folders[-1] + "/postgres" if folders else "postgres")
        self.programs = folders[-1]
        super().__init__(certificates)

    def prepare(self):
        subprocess.run(self.as_user([self.programs + "/initdb", "-D", self.path("data"), "-U", "me",
                                     "-A", "trust", "--no-sync", "--no-instructions", "-E", "UTF8",
                                     "--locale", "C"]),
                       check=True, cwd=self.folder, stdout=subprocess.DEVNULL)

    def command(self):
        settings = {"ssl": "on", "ssl_cert_file": self.certificate, "ssl_key_file": self.key,
                    "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
                    "fsync": "off", "shared_buffers": "1MB", "max_connections": "10"}
        words = [self.programs + "/postgres", "-D", self.path("data"), "-p", str(self.port)]
        for name, value in settings.items():
            words += ["-c", f"{name}={value}"]
        return words


class Prosody(Server):
    """`port` is for clients, `between` for servers. TLS is wanted of both if STRICT."""
    user = "prosody"

    def __init__(self, certificates, host, strict=False):
        need("prosody")
        self.host, self.strict, self.between = host, strict, free_port()
        super().__init__(certificates)

    def prepare(self):
        strict = str(self.strict).lower()
        self.write("prosody.cfg.lua", f"""
data_path = "{self.folder}"
pidfile = "{self.path('pid')}"
log = "*console"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {self.port} }}
s2s_ports = {{ {self.between} }}
modules_enabled = {{ "tls", "saslauth" }}
modules_disabled = {{ "http", "offline", "posix" }}
authentication = "anonymous"
c2s_require_encryption = {strict}
s2s_require_encryption = {strict}
ssl = {{ certificate = "{self.certificate}", key = "{self.key}" }}
VirtualHost "{self.host}"
""")

    def command(self):
        return ["prosody", "--config", self.path("prosody.cfg.lua"), "-F"]
