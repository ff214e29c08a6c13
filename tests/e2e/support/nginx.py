"""nginx as a TLS server that serves one file, /block."""
import os
import signal
import socket
import subprocess
import time

from . import data
from .actpass import died_with_us
from .ports import free_port

CONFIG = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx.body; proxy_temp_path {folder}/nginx.proxy;
    fastcgi_temp_path {folder}/nginx.fastcgi; uwsgi_temp_path {folder}/nginx.uwsgi;
    scgi_temp_path {folder}/nginx.scgi;
    server {{
        listen {address} ssl {options}; root {folder}/www; keepalive_timeout 0;
        ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv{version};
    }}
}}
"""


class Nginx:
    """`prefix` is put before its command, as for a network namespace; then `host` is there."""

    def __init__(self, folder, certificates, version="1.3", host="127.0.0.1", options="",
                 prefix=(), size=data.MIB):
        self.block = data.block(size, 7)
        self.address = f"{host}:{free_port()}"
        os.makedirs(folder + "/www", exist_ok=True)
        with open(folder + "/www/block", "wb") as out:
            out.write(self.block)
        certificate, key = certificates.chain("device")
        config = folder + "/nginx.conf"
        with open(config, "w") as out:
            out.write(CONFIG.format(folder=folder, address=self.address, options=options,
                                    certificate=certificate, key=key, version=version))
        self.process = subprocess.Popen([*died_with_us(list(prefix) + ["nginx", "-c", config])],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        self._prefix = list(prefix)
        self._await()

    def _await(self):
        """Until it listens: `ss` sees it, in its namespace, without connecting."""
        port = self.address.rpartition(":")[2]
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._prefix:
                listening = subprocess.run([*self._prefix, "cat", "/proc/net/tcp"],
                                           capture_output=True, text=True, check=True).stdout
                if any(line.split()[1].endswith(":%04X" % int(port)) and line.split()[3] == "0A"
                       for line in listening.splitlines()[1:]):
                    return
            else:
                try:
                    socket.create_connection(("127.0.0.1", int(port)), 1).close()
                    return
                except OSError:
                    pass
            time.sleep(0.02)
        raise AssertionError("nginx does not listen: " + str(self.process.poll()))

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()
