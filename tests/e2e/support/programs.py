"""TLS programs that were not written here, as clients of actpass and as devices that call home."""
import os

from .data import until

OPENSSL = {"1.2": "-tls1_2", "1.3": "-tls1_3"}
CURL = {"1.2": ["--tlsv1.2", "--tls-max", "1.2"], "1.3": ["--tlsv1.3"]}
STUNNEL = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}


def gnutls_priority(version):
    return f"NORMAL:-VERS-ALL:+VERS-TLS{version}"


def _listening(pid):
    """The TCP ports on which a process listens."""
    sockets = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            sockets.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass
    ports = []
    for table in "tcp", "tcp6":
        with open(f"/proc/net/{table}") as lines:
            for line in lines:
                field = line.split()
                if field[3] == "0A" and f"socket:[{field[9]}]" in sockets:
                    ports.append(int(field[1].rpartition(":")[2], 16))
    return ports


def port_of(process):
    """The port on which a program that was given port 0 listens."""
    return until(lambda: _listening(process.pid), 20, f"{process.args[-1]} listening")[0]


def s_client(certificates, port, version):
    return ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "front.example",
            "-verify_hostname", "front.example", "-verify_return_error",
            "-CAfile", certificates.path("ca"), "-quiet", OPENSSL[version]]


def gnutls_cli(certificates, port, version, log):
    return ["gnutls-cli", "--x509cafile", certificates.path("ca"), "--port", str(port),
            "--verify-hostname", "front.example", "--sni-hostname", "front.example",
            "--priority", gnutls_priority(version), "--logfile", log, "127.0.0.1"]


def curl(certificates, port, version, path, *more):
    return ["curl", "--silent", "--show-error", "--fail", "--max-time", "120", "--noproxy", "*",
            "--cacert", certificates.path("ca"), "--resolve", f"front.example:{port}:127.0.0.1",
            *CURL[version], *more, f"https://front.example:{port}{path}"]


def call_home(actpass, target):
    """A program that connects to actpass and to `target`, a port or a command, and joins both."""
    there = f"TCP:127.0.0.1:{target}" if isinstance(target, int) else target
    return ["socat", "-t", "60", f"TCP:127.0.0.1:{actpass.port()},nodelay", there]


def s_server(certificates, version):
    return ["openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-quiet",
            "-cert", certificates.path("device"), "-key", certificates.path("device", "key"),
            OPENSSL[version]]


def gnutls_serv(certificates, version):
    return ["gnutls-serv", "--port", "0", "--echo", "--crlf", "--disable-client-cert", "--quiet",
            "--x509certfile", certificates.path("device"),
            "--x509keyfile", certificates.path("device", "key"),
            "--priority", gnutls_priority(version)]


def socat_server(certificates, version, backend):
    return ["socat", "-t", "60",
            f"OPENSSL-LISTEN:0,bind=127.0.0.1,cert={certificates.path('device')},"
            f"key={certificates.path('device', 'key')},verify=0,"
            f"openssl-min-proto-version=TLS{version},openssl-max-proto-version=TLS{version}",
            f"TCP:{backend.address}"]


def stunnel_config(certificates, version, backend):
    """stunnel as inetd starts it: TLS server on its standard input, so without a [section]."""
    return (f"foreground = yes\npid =\ncert = {certificates.path('device')}\n"
            f"key = {certificates.path('device', 'key')}\nsslVersion = {STUNNEL[version]}\n"
            f"connect = {backend.address}\n").encode()
