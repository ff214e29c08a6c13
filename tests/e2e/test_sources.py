"""From where connections to backends are made: addresses, devices, marks, and the client's own
address, between hosts made of network namespaces, with nginx as the backend and curl as the client."""
import json
import os
import re
import subprocess

from support.case import Case, need, program
from support.data import until
from support.namespaces import Hosts

CLIENT, PROXY, BACKEND = 1, 2, 3
PORT, TLS_PORT = 8080, 8443

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx.body; proxy_temp_path {folder}/nginx.proxy;
    fastcgi_temp_path {folder}/nginx.fastcgi; uwsgi_temp_path {folder}/nginx.uwsgi;
    scgi_temp_path {folder}/nginx.scgi;
    server {{ listen 8080; listen [::]:8080 ipv6only=on; return 200 $remote_addr; }}
    server {{ listen 8443 ssl; listen [::]:8443 ssl ipv6only=on; return 200 $remote_addr;
        ssl_certificate {certificate}; ssl_certificate_key {key}; }}
}}
"""


def v6(number):
    return f"fd77::{number}"


class SourceHosts(Case):
    """The client and the backend are on the proxy's network, so answers to a client's address go
    straight to it, but for the backend's route."""
    deadline = 120

    def setUp(self):
        super().setUp()
        self.hosts = Hosts(3)
        self.addCleanup(self.hosts.close)
        for host in CLIENT, PROXY, BACKEND:
            self.ip(host, f"addr add {v6(host)}/64 dev e0 nodad", family="-6")
        self.ip(PROXY, "addr add 10.77.0.22/24 dev e0")
        self.ip(PROXY, f"addr add {v6(22)}/64 dev e0 nodad", family="-6")
        self.nginx()

    def ip(self, host, *commands, family="-4"):
        done = subprocess.run([*self.hosts.prefix(host), "ip", family, "-batch", "-"], capture_output=True,
                              text=True, input="\n".join(commands))
        self.assertEqual(done.returncode, 0, done.stderr)

    def nginx(self):
        need("nginx")
        certificate, key = self.certificates.chain("front")
        self.file("nginx.conf", NGINX.format(folder=self.folder, certificate=certificate, key=key).encode())
        process = self.spawn([*self.hosts.prefix(BACKEND), "nginx", "-c", f"{self.folder}/nginx.conf"],
                             stderr=subprocess.PIPE)

        def listens():
            self.assertIsNone(process.poll(), "nginx has ended")
            table = subprocess.run([*self.hosts.prefix(BACKEND), "ss", "-Hltn"], capture_output=True,
                                   text=True, check=True).stdout
            return table.count(":8443 ") >= 2
        until(listens, 20, "nginx")

    def start(self, *services, **options):
        options.setdefault("check", False)
        return self.actpass(*services, prefix=self.hosts.prefix(PROXY), **options)

    def lead_answers_back(self):
        """What config/ROUTES.md says: the backend sends answers for clients to the proxy, which takes
        them in."""
        for family, client, proxy in (("-4", "10.77.0.1", "10.77.0.2"), ("-6", v6(CLIENT), v6(PROXY))):
            self.ip(BACKEND, f"route add {client} via {proxy}", family=family)
            self.ip(PROXY, f"rule add iif e0 ipproto tcp sport {PORT} lookup 100",
                    f"rule add iif e0 ipproto tcp sport {TLS_PORT} lookup 100",
                    "route add local default dev lo table 100", family=family)

    def has_only_the_right_that_it_needs(self, actpass):
        for thread in os.listdir(f"/proc/{actpass.process.pid}/task"):
            with open(f"/proc/{actpass.process.pid}/task/{thread}/status") as status:
                rights = dict(re.findall(r"(?m)^(Cap\w+|Uid):\s*(\S+)", status.read()))
            self.assertNotEqual(rights["Uid"], "0")
            for kind in "CapPrm", "CapEff":
                # ThreadSanitizer's own thread, which was there before, has none
                self.assertIn(int(rights[kind], 16), (0, 1 << 13), "at most CAP_NET_RAW")
            self.assertEqual(int(rights["CapInh"], 16), 0)

    def both(self):
        return f"10.77.0.3:{PORT}", f"[{v6(BACKEND)}]:{PORT}"


class Sources(SourceHosts):
    def forward(self, name, port, backend, source, **changes):
        return self.service(name, listen=[f"10.77.0.2:{port}", f"[{v6(PROXY)}]:{port}"],
                            forward=backend, **({"source": source} if source else {}), **changes)

    def curl(self, url, status=0):
        """What nginx takes for the client's address."""
        done = subprocess.run(
            [*self.hosts.prefix(CLIENT), "curl", "-gsS", "--max-time", "20", "--cacert",
             self.certificates.path("ca"), "--connect-to", f"front.example::{url}",
             f"https://front.example:{url.rpartition(':')[2]}/"], capture_output=True, text=True)
        self.assertEqual(done.returncode == 0, status == 0, done.stderr)
        return done.stdout

    # ---- Fixed ones

    def test_addresses_devices_and_marks(self):
        """One daemon: a service for each."""
        v4_backend, v6_backend = self.both()
        pair = ["10.77.0.22", v6(22)]
        self.ip(PROXY, "rule add fwmark 7 prohibit")
        actpass = self.start(
            self.forward("v4", 9001, v4_backend, {"from": pair}),
            self.forward("v6", 9002, v6_backend, {"from": pair}),
            self.forward("alone", 9003, v4_backend, "10.77.0.22"),
            self.forward("other", 9004, ["[fd77::99]:1", v4_backend], {"from": "10.77.0.22"}),
            self.forward("device", 9005, v4_backend, {"device": "e0"}),
            self.forward("wrong", 9006, v4_backend, {"device": "lo"}),
            self.forward("marked", 9007, v4_backend, {"mark": 7}),
            self.forward("good", 9008, v4_backend, {"mark": 8}))
        for port, seen in ((9001, "10.77.0.22"), (9002, v6(22)), (9003, "10.77.0.22"),
                           (9004, "10.77.0.22"), (9005, "10.77.0.2"), (9008, "10.77.0.2")):
            self.assertEqual(self.curl(f"10.77.0.2:{port}"), seen, port)
        self.curl("10.77.0.2:9007", status=1)
        self.assertIn("Permission denied", actpass.wait_for(event="backend", service="marked")["error"])
        self.curl("10.77.0.2:9006", status=1)
        actpass.wait_for(event="close", service="wrong")

    def test_a_service_that_dials(self):
        """Without TLS in front and nginx's TLS behind; also with the ClientHello in the SYN, which
        the library dials."""
        keys = {"role": "client", "tls": {"certificate": None, "key": None, "client_auth": None,
                                          "peer_names": ["front.example"]}}
        pair = {"from": ["10.77.0.22", v6(22)], "device": "e0", "mark": 3}
        self.start(
            self.dial_service(f"[{v6(BACKEND)}]:{TLS_PORT}", name="v6", dial_source=pair,
                              listen_plain="10.77.0.2:9001", **keys),
            self.dial_service(f"10.77.0.3:{TLS_PORT}", name="syn", dial_source=pair, tcp_fast_open=True,
                              listen_plain="10.77.0.2:9002", **keys),
            self.dial_service(f"10.77.0.3:{TLS_PORT}", name="client", dial_source={"transparent": True},
                              listen_plain="10.77.0.2:9003", **keys))
        self.lead_answers_back()
        for port, seen in (9001, v6(22)), (9002, "10.77.0.22"), (9003, "10.77.0.1"):
            done = subprocess.run([*self.hosts.prefix(CLIENT), "curl", "-sS", "--max-time", "20",
                                   f"http://10.77.0.2:{port}/"], capture_output=True, text=True)
            self.assertEqual((done.stdout, done.stderr), (seen, ""), port)

    # ---- The client's address

    def test_transparent_as_another_user(self):
        """As in production: started by root, and then another user in the sandbox."""
        self.lead_answers_back()
        os.chmod(self.folder, 0o755)
        v4_backend, v6_backend = self.both()
        actpass = self.start(self.forward("v4", 9001, v4_backend, {"transparent": True}),
                             self.forward("v6", 9002, v6_backend, {"transparent": True}),
                             self.forward("plain", 9003, v4_backend, None), user="nobody")
        self.assertEqual(self.curl("10.77.0.2:9001"), "10.77.0.1")
        self.assertEqual(self.curl(f"[{v6(PROXY)}]:9002"), v6(CLIENT))
        self.assertEqual(self.curl("10.77.0.2:9003"), "10.77.0.2")
        self.curl("10.77.0.2:9002", status=1)  # a client of IPv4 has no address to come from
        self.assertIn("of another family", actpass.wait_for(event="backend", service="v6")["error"])
        self.has_only_the_right_that_it_needs(actpass)

    def test_without_the_right(self):
        """Nothing starts half: the error says what is missing. --check only warns, since another
        user may run it; what may come later is a warning always."""
        service = self.forward("front", 9001, f"10.77.0.3:{PORT}", {"transparent": True})
        absent = self.forward("absent", 9002, f"10.77.0.3:{PORT}", {"from": "10.77.0.99", "device": "e0"})
        os.chmod(self.folder, 0o755)
        file = self.file("c.json", json.dumps({"services": [service, absent]}).encode())
        prefix = [*self.hosts.prefix(PROXY), "setpriv", "--bounding-set", "-all"]
        for option, status in ((), 1), (("--check",), 0):
            done = subprocess.run([*prefix, program(), *option, file], capture_output=True, text=True,
                                  timeout=20)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertRegex(done.stderr, r'"transparent" is not permitted: Operation not permitted: it '
                                          r'needs CAP_NET_RAW \(AmbientCapabilities=')
        self.assertRegex(done.stderr, r"c.json:\d+:\d+: warning: /services/0/source: ")
        self.assertRegex(done.stderr, r"warning: /services/1/source: cannot connect from 10.77.0.99: Cannot "
                                      r"assign requested address: it is no address of this machine")


class ProxySources(SourceHosts):
    """The same for what a proxy dials for its peers, who say in a CONNECT within TLS where to."""

    def proxy(self, name, port, source, **changes):
        return self.service(name, listen=[f"10.77.0.2:{port}", f"[{v6(PROXY)}]:{port}"],
                            role="server", **{"proxy": self.proxying(source), **changes})

    @staticmethod
    def proxying(source):
        return {"allow": ["10.77.0.0/24", "[fd77::]/64"], "source": source}

    def curl(self, port, url, proxy="10.77.0.2", name="front.example", status=0):
        """What nginx takes for the client's address, or what curl says."""
        done = subprocess.run(
            [*self.hosts.prefix(CLIENT), "curl", "-gsS", "--max-time", "20", "--proxytunnel", "--noproxy", "",
             "--proxy-cacert", self.certificates.path("ca"), "--resolve", f"{name}:{port}:{proxy}",
             "--proxy", f"https://{name}:{port}", f"http://{url}/"], capture_output=True, text=True)
        self.assertEqual(done.returncode == 0, status == 0, done.stderr)
        return done.stderr if status else done.stdout

    def test_addresses_devices_and_marks(self):
        v4_backend, v6_backend = self.both()
        pair = {"from": ["10.77.0.22", v6(22)]}
        self.ip(PROXY, "rule add fwmark 7 prohibit")
        actpass = self.start(
            self.proxy("pair", 9001, pair), self.proxy("device", 9002, {"device": "e0"}),
            self.proxy("wrong", 9003, {"device": "lo"}), self.proxy("marked", 9004, {"mark": 7}),
            self.proxy("good", 9005, {"mark": 8}),
            self.proxy("all", 9006, {**pair, "device": "e0", "mark": 8}),
            self.proxy("routed", 9007, None, proxy=None, refuse=True, echo=None,
                       routes=[{"server_name": ["front.example"], "proxy": self.proxying(pair)}]))
        for port, backend, seen in ((9001, v4_backend, "10.77.0.22"), (9001, v6_backend, v6(22)),
                                    (9002, v4_backend, "10.77.0.2"), (9005, v4_backend, "10.77.0.2"),
                                    (9006, v6_backend, v6(22)), (9007, v4_backend, "10.77.0.22")):
            self.assertEqual(self.curl(port, backend), seen, port)
        self.assertIn("response 502", self.curl(9004, v4_backend, status=1))
        self.assertIn("for the peer: Permission denied", actpass.wait_for(event="backend", service="marked")["error"])
        self.curl(9003, v4_backend, status=1)
        actpass.wait_for(event="close", service="wrong")

    def test_transparent_as_another_user(self):
        """No other service needs the right that is kept for it."""
        self.lead_answers_back()
        os.chmod(self.folder, 0o755)
        v4_backend, v6_backend = self.both()
        actpass = self.start(self.proxy("client", 9001, {"transparent": True}), user="nobody")
        self.assertEqual(self.curl(9001, v4_backend), "10.77.0.1")
        self.assertEqual(self.curl(9001, v6_backend, proxy=f"[{v6(PROXY)}]"), v6(CLIENT))
        self.curl(9001, v6_backend, status=1)  # a client of IPv4 has no address to come from
        self.assertIn("of another family", actpass.wait_for(event="backend", service="client")["error"])
        self.has_only_the_right_that_it_needs(actpass)

    def test_without_the_right(self):
        """Neither the service's nor a route's starts half; --check names the place of each."""
        os.chmod(self.folder, 0o755)
        prefix = [*self.hosts.prefix(PROXY), "setpriv", "--bounding-set", "-all"]
        for source, error in (({"transparent": True}, '"transparent" is not permitted'),
                              ({"mark": 1}, 'the mark of "source" cannot be set')):
            routed = self.proxy("routed", 9002, None, proxy=None, refuse=True, echo=None,
                                routes=[{"server_name": ["a.example"], "proxy": self.proxying(source)}])
            file = self.file("c.json", json.dumps({"services": [self.proxy("a", 9001, source), routed]}).encode())
            for option, status, places in (
                    ((), 1, ('service "a"', 'service "routed"')),
                    (("--check",), 0, ("/services/0/proxy/source", "/services/1/routes/0/proxy/source"))):
                done = subprocess.run([*prefix, program(), *option, file], capture_output=True, text=True, timeout=20)
                self.assertEqual(done.returncode, status, done.stderr)
                for place in places:
                    self.assertIn(f"{place}: {error}: Operation not permitted: it needs CAP_NET_RAW", done.stderr)
