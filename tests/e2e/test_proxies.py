"""HAProxy and nginx before and behind actpass, joined by the PROXY protocol."""
import os
import socket
import subprocess
import tempfile

from support import tls
from support.actpass import died_with_us
from support.case import Case, need
from support.data import until
from support.each import each
from support.haproxy import Haproxy
from support.ports import free_port

SOURCE = "127.0.0.9"  # of the client: no other has it

# Before actpass: it brings clients. Behind: it answers with what it knows of them.
HAPROXY = """
listen v1
    bind 127.0.0.1:{v1}
    server actpass 127.0.0.1:{front} send-proxy
listen v2
    bind 127.0.0.1:{v2}
    server actpass 127.0.0.1:{front} send-proxy-v2 proxy-v2-options crc32c,unique-id
    unique-id-format %ci:%cp
backend checks
    server actpass 127.0.0.1:{front} send-proxy-v2 check check-send-proxy inter 200ms
frontend behind
    mode http
    bind 127.0.0.1:{behind} accept-proxy
    http-request return content-type text/plain lf-string "%[src] %[src_port] %[dst] %[fc_pp_authority] %[fc_pp_unique_id]"
"""
NGINX = """daemon off; master_process off; pid {folder}/pid; error_log {folder}/log;
load_module {modules}/ngx_stream_module.so;
events {{ worker_connections 64; }}
stream {{
    server {{ listen 127.0.0.1:{v1}; proxy_pass 127.0.0.1:{front}; proxy_protocol on; }}
}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{behind} proxy_protocol; keepalive_timeout 0;
        return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr";
    }}
}}
"""
MODULES = "/usr/lib/nginx/modules"


class Proxies(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for tool in "haproxy", "nginx":
            need(tool)
        cls.made = tempfile.TemporaryDirectory(dir=os.environ["ACTPASS_E2E_FOLDER"])
        cls.ports = {name: free_port() for name in
                     ("front", "haproxy_v1", "haproxy_v2", "haproxy", "nginx_v1", "nginx")}
        cls.haproxy = Haproxy(cls.made.name, HAPROXY.format(
            v1=cls.ports["haproxy_v1"], v2=cls.ports["haproxy_v2"], behind=cls.ports["haproxy"],
            front=cls.ports["front"]), [cls.ports["haproxy"]])
        cls.addClassCleanup(cls.made.cleanup)
        cls.addClassCleanup(cls.haproxy.close)
        config = cls.made.name + "/nginx.conf"
        with open(config, "w") as out:
            out.write(NGINX.format(folder=cls.made.name, modules=MODULES, v1=cls.ports["nginx_v1"],
                                   behind=cls.ports["nginx"], front=cls.ports["front"]))
        cls.nginx = subprocess.Popen(died_with_us(["nginx", "-c", config]),
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.nginx.wait)
        cls.addClassCleanup(cls.nginx.kill)
        until(lambda: Haproxy.answers(cls.ports["nginx"]), 20, "nginx listening")

    def client_through(self, name):
        """A TLS client of that proxy, and its address."""
        sock = socket.create_connection(("127.0.0.1", self.ports[name]), 60, (SOURCE, 0))
        self.addCleanup(sock.close)
        return tls.Tls(sock, tls.context(self.certificates, False)), sock.getsockname()

    @each(before=["haproxy_v1", "haproxy_v2", "nginx_v1"], behind=["haproxy", "nginx"])
    def test_from_one_to_the_other(self, before, behind):
        """What the last one knows of the client is true, and so is our log."""
        service = self.service(listen=f"127.0.0.1:{self.ports['front']}",
                               forward=f"127.0.0.1:{self.ports[behind]}", proxy_protocol="v2",
                               accept_proxy={"from": ["127.0.0.1/32"]},
                               limits={"allow": [SOURCE + "/32"]})
        actpass = self.actpass(service)
        peer, (host, port) = self.client_through(before)
        peer.handshake().send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        answer = peer.recv_all().partition(b"\r\n\r\n")[2].decode().split()
        peer.finish()
        self.assertEqual(answer[:3], [host, str(port), "127.0.0.1"])
        line = actpass.wait_for(event="close", peer=f"{host}:{port}", reason="CLEAN")
        self.assertTrue(line["proxy"].startswith("127.0.0.1:"))
        if before == "haproxy_v2":  # which also looks whether we are there, with LOCAL
            actpass.wait_for(event="close", cause="closed_before_first_byte", level="debug")
        if behind == "haproxy":
            self.assertEqual(answer[3:], ["front.example", line["id"]])
