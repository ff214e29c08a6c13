"""The servers that are compared: how each is configured, started and asked for its version.

All get the same certificate (P-256), TLS 1.3 and no log of connections. Group and cipher suite are
fixed by the load generator. Everything else is as each comes from Debian, session tickets
included."""
import json
import os
import re
import shutil
import socket
import subprocess
import time

import processes

START_SECONDS = 10
MIN_CONNECTIONS = 1200  # more than any measure opens but "many"
START_TRIES = 3


class Failed(Exception):
    """A server or a measure that did not work."""


class Setup:
    """What is the same for all servers: the folder to work in, the programs, the certificate,
    the CPUs, and how many connections may be open at once."""

    def __init__(self, folder, build, server_cpu, load_cpu, max_connections=MIN_CONNECTIONS):
        self.folder, self.build, self.max_connections = folder, build, max_connections
        self.server_cpu, self.load_cpu = server_cpu, load_cpu
        self.certificate, self.key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        self.both = os.path.join(folder, "both.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                        "/CN=localhost", "-keyout", self.key, "-out", self.certificate],
                       check=True, capture_output=True)
        with open(self.both, "w") as both:
            for name in (self.key, self.certificate):
                with open(name) as part:
                    both.write(part.read())
        os.chmod(self.both, 0o600)

    def program(self, name):
        """A program that scons built."""
        return os.path.join(self.build, name)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as out:
            out.write(text)
        return path


# ---- One function per server: configuration -> command line

def actpass(name, role, transport):
    """Where the role is automatic, the name and the CA are for peers that turn out to be servers:
    ours are clients that speak at once, and are asked for no certificate."""
    def command(setup, port, backend):
        tls = {"certificate": setup.certificate, "key": setup.key}
        if role == "auto":
            tls.update(client_auth="none", ca=setup.certificate, peer_names=["localhost"])
        config = {
            "log": {"level": "warning"}, "shutdown_timeout": "1s",
            "services": [{"name": "bench", "listen": f"127.0.0.1:{port}", "role": role,
                          "transport": transport, "max_connections": setup.max_connections,
                          "tls": tls, "forward": f"127.0.0.1:{backend}"}]}
        return [setup.program("actpass"),
                setup.write(f"actpass-{name}.json", json.dumps(config, indent=2))]
    return command


def stunnel(setup, port, backend):
    return ["stunnel4", setup.write("stunnel.conf", f"""
foreground = yes
pid =
syslog = no
debug = 3
[bench]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{backend}
cert = {setup.certificate}
key = {setup.key}
sslVersionMin = TLSv1.3
""")]


def hitch(setup, port, backend):
    user = 'user = "root"\ngroup = "root"\n' if os.geteuid() == 0 else ""
    return ["hitch", "--config=" + setup.write("hitch.conf", f"""
frontend = "[127.0.0.1]:{port}"
backend = "[127.0.0.1]:{backend}"
pem-file = "{setup.both}"
tls-protos = TLSv1.3
workers = 1
daemon = off
syslog = off
log-level = 0
backlog = 1024
{user}""")]


def haproxy(setup, port, backend):
    return ["haproxy", "-db", "-f", setup.write("haproxy.cfg", f"""
global
    nbthread 1
    maxconn {setup.max_connections}
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
frontend bench
    bind 127.0.0.1:{port} ssl crt {setup.both} ssl-min-ver TLSv1.3
    default_backend plain
backend plain
    server plain 127.0.0.1:{backend}
""")]


NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"


def nginx(setup, port, backend):
    load_module = f"load_module {NGINX_STREAM};" if os.path.exists(NGINX_STREAM) else ""
    user = "user root root;" if os.geteuid() == 0 else ""
    return ["nginx", "-p", setup.folder, "-e", "stderr", "-c", setup.write("nginx.conf", f"""
{load_module}
{user}
daemon off;
worker_processes 1;
pid {setup.folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections {2 * setup.max_connections + 200}; }}
stream {{
    server {{
        listen 127.0.0.1:{port} ssl backlog=1024;
        proxy_pass 127.0.0.1:{backend};
        proxy_timeout 1h;
        ssl_certificate {setup.certificate};
        ssl_certificate_key {setup.key};
        ssl_protocols TLSv1.3;
        ssl_session_cache shared:bench:10m;
    }}
}}
""")]


# ---- The list

class Server:
    def __init__(self, name, command, program, version):
        self.name, self.command = name, command
        self._program, self._version = program, version

    def version(self, setup):
        """"2.6.12", or None when it is not there."""
        program = self._program
        if program == "actpass":
            program = setup.program(program)
        elif not shutil.which(program):
            program = os.path.join("/usr/sbin", program)
        if not os.path.exists(program) and not shutil.which(program):
            return None
        said = subprocess.run([program, self._version], capture_output=True, text=True)
        number = re.search(r"\d+\.\d+[.\d]*", said.stdout + said.stderr)
        return number.group(0) if number else "?"


SERVERS = [
    Server("relay", actpass("relay", "server", "relay"), "actpass", "--version"),
    Server("direct", actpass("direct", "server", "direct"), "actpass", "--version"),
    Server("auto", actpass("auto", "auto", "relay"), "actpass", "--version"),
    Server("stunnel", stunnel, "stunnel4", "-version"),
    Server("hitch", hitch, "hitch", "--version"),
    Server("haproxy", haproxy, "haproxy", "-v"),
    Server("nginx", nginx, "nginx", "-v"),
]


# ---- Running one

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Running:
    """A server in front of a backend of its own; `with` stops both."""

    def __init__(self, setup, server):
        self.setup = setup
        self.backend = processes.Process([setup.program("bench/backend")], setup.load_cpu,
                                         os.path.join(setup.folder, "backend.log"), stdout=-1)
        try:
            backend_port = int(self.backend.stdout.readline().split(b"=")[1])
            self.server, self.port = self._start(server, backend_port)
        except BaseException:
            self.backend.stop()
            raise

    def _start(self, server, backend_port):
        """The port is free when we look, but may be taken when the server does: then once more."""
        for _ in range(START_TRIES):
            port = free_port()
            log = os.path.join(self.setup.folder, server.name + ".log")
            process = processes.Process(server.command(self.setup, port, backend_port),
                                        self.setup.server_cpu, log)
            deadline = time.monotonic() + START_SECONDS
            while not process.ended() and time.monotonic() < deadline:
                if listening(port):
                    return process, port
                time.sleep(0.02)
            process.stop()
        raise Failed(f"{server.name} does not start: {process.tail()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()
        self.backend.stop()
