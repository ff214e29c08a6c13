"""actpass convert: what the manuals of stunnel, hitch and ghostunnel show becomes a configuration
that is accepted, and that does the same with the real stunnel on the other end."""
import json
import os
import re
import shlex
import socket
import subprocess
import threading

from support import clear, tls
from support.backend import Backend, Http, echo
from support.case import Case, need, program
from support.programs import port_of
from support.proxies import tinyproxy

LOST = 4
# What the section EXAMPLES of the manual shows, with names and ports of our own.
STUNNEL = {
    "remote mode": ("cert = front.pem\nkey = front.key\n[imapd]\naccept = 993\nconnect = 143\n"),
    "client": ("[imap]\nclient = yes\naccept = 143\nconnect = localhost:993\n"),
    "socks client": ("[socks]\nclient = yes\naccept = 127.0.0.1:1080\nconnect = localhost:9080\n"
                     "verifyPeer = yes\nCAfile = front.pem\n"),
    "socks server": ("[socks]\nprotocol = socks\naccept = 9080\ncert = front.pem\n"
                     "key = front.key\n"),
    "names": ("[main]\naccept = 443\ncert = front.pem\nkey = front.key\nconnect = 127.0.0.1:8080\n"
              "[one]\nsni = main:one.example\ncert = device.pem\nkey = device.key\nconnect = 8081\n"
              "[two]\nsni = main:two.example\ncert = client.pem\nkey = client.key\nconnect = 8082\n"
              "verifyPeer = yes\nCAfile = device.pem\n"),
    "a program": ("cert = front.pem\nkey = front.key\n[imapd]\naccept = 993\nexec = /bin/cat\n"
                  "execArgs = cat -u\n"),
    "a program in a terminal": ("cert = front.pem\nkey = front.key\n[vpn]\naccept = 2020\n"
                                "exec = /bin/cat\nexecArgs = cat -u\npty = yes\n"),
    "a program that is connected": ("[vpn]\nclient = yes\nconnect = localhost:993\n"
                                    "exec = /bin/cat\ncert = client.pem\nkey = client.key\n"),
    "inetd": "cert = front.pem\nkey = front.key\nexec = /bin/cat\nexecArgs = cat\n",
    "starttls": ("cert = front.pem\nkey = front.key\n[smtp]\naccept = 25\nconnect = 26\n"
                 "protocol = smtp\n[client]\nclient = yes\naccept = 1025\n"
                 "connect = localhost:25\nprotocol = smtp\nverifyChain = yes\nCAfile = ca.pem\n"),
    "a proxy": ("[c]\nclient = yes\naccept = 1025\nconnect = localhost:3128\n"
                "protocol = connect\nprotocolHost = localhost:443\n"),
    "revocation": ("[c]\nclient = yes\naccept = 1025\nconnect = localhost:443\nCAfile = ca.pem\n"
                   "verifyChain = yes\nOCSP = http://localhost:80/\nTIMEOUTocsp = 5\n"),
    "sources": ("cert = front.pem\nkey = front.key\n[a]\naccept = 25\naccept = :::25\n"
                "connect = 26\nlocal = 127.0.0.1\nprotocol = proxy\n"),
}
HITCH = """frontend = {
    host = "*"
    port = "443"
}
backend = "[127.0.0.1]:6086"  # PROXY
workers = 4
daemon = on
alpn-protos = "h2, http/1.1"
write-proxy-v2 = on
pem-file = "both.pem"
"""
GHOSTUNNEL = [
    ("server --listen localhost:8443 --target localhost:8080 --cert front.pem --key front.key "
     "--cacert ca.pem --allow-cn client", 0),
    ("server --listen localhost:8443 --target unix:/run/x --cert front.pem --key front.key "
     "--cacert ca.pem --allow-ou=eng --allow-dns=a.example", LOST),
    ("client --listen localhost:8080 --target localhost:8443 --cert client.pem --key client.key "
     "--cacert ca.pem", 0),
    ("client --listen unix:/run/y --target localhost:8443 --disable-authentication --cacert ca.pem "
     "--override-server-name front.example", 0)]


def read_jsonc(text):
    """What convert prints has its comments on lines of their own."""
    return json.loads("\n".join(line for line in text.splitlines()
                                if not line.lstrip().startswith("//")))


class Converting(Case):
    def setUp(self):
        super().setUp()
        for name in "ca", "front", "device", "client":
            for end in "pem", "key":
                with open(self.certificates.path(name, end), "rb") as file:
                    self.file(f"{name}.{end}", file.read())

    def call(self, *arguments, status=0):
        done = subprocess.run([program(), *arguments], capture_output=True, text=True, timeout=30,
                              cwd=self.folder, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done.stderr + done.stdout)
        return done

    def convert(self, text, *options, name="stunnel.conf", status=0):
        self.file(name, text.encode())
        done = self.call("convert", *options, name, status=status)
        return read_jsonc(done.stdout) if done.stdout else done.stderr

    def check(self, *arguments, status=0):
        """What is converted is accepted, too."""
        done = self.call("convert", *arguments, status=status)
        self.file("made.jsonc", done.stdout.encode())
        self.call("--check", "made.jsonc")
        return read_jsonc(done.stdout)


class Examples(Converting):
    def test_stunnel(self):
        for title, text in STUNNEL.items():
            with self.subTest(title):
                self.file("stunnel.conf", text.encode())
                self.check("stunnel.conf")

    def test_stunnel_socks_server_with_an_address(self):
        self.file("stunnel.conf", (STUNNEL["socks server"] + "local = 127.0.0.1\n").encode())
        made = self.check("stunnel.conf")
        self.assertEqual(made["services"][0]["proxy"]["source"], "127.0.0.1")

    def test_stunnel_with_the_certificate_store_of_windows(self):
        """It is left with a service that works without it, and that says what is missing."""
        self.file("stunnel.conf", b"engine = capi\n[service]\nengineId = capi\nclient = yes\n"
                                  b"accept = 127.0.0.1:8080\nconnect = localhost:8443\n")
        self.check("stunnel.conf", status=LOST)

    def test_hitch(self):
        with open(os.path.join(self.folder, "front.pem")) as chain:
            with open(os.path.join(self.folder, "front.key")) as key:
                self.file("both.pem", (key.read() + chain.read()).encode())
        self.file("hitch.conf", HITCH.encode())
        made = self.check("hitch.conf")
        self.assertEqual(made["services"][0]["proxy_protocol"], "v2")

    def test_ghostunnel(self):
        for line, status in GHOSTUNNEL:
            with self.subTest(line):
                self.check("ghostunnel", *shlex.split(line), status=status)

    def test_included_files(self):
        os.mkdir(os.path.join(self.folder, "conf.d"))
        self.file("conf.d/10-a.conf", b"[a]\naccept = 1\nconnect = 2\ncert = front.pem\n")
        self.file("conf.d/20-b.conf", b"bad\n")
        self.assertIn("conf.d/20-b.conf:1: expected NAME = VALUE",
                      self.convert("include = conf.d\n", status=2))
        os.remove(os.path.join(self.folder, "conf.d/20-b.conf"))
        made = self.convert("include = conf.d\n[z]\nclient = yes\naccept = 3\nconnect = 4\n")
        self.assertEqual([service["name"] for service in made["services"]], ["a", "z"])

    def test_exit_status(self):
        """Nothing is written of what is wrong; what is lost is on stderr, too."""
        good = "[a]\nclient = yes\naccept = 1\nconnect = 2\n"
        self.convert(good)
        self.convert(good, "--from", "stunnel", name="any")
        self.assertEqual(self.call("convert", "absent-stunnel.conf", status=2).stdout, "")
        self.assertIn("--from", self.call("convert", "any", status=2).stderr)
        self.assertIn("stunnel.conf:5: libwrap = yes: LOST",
                      self.call_lost(good + "libwrap = yes\n"))
        self.assertIn("verifyPeer", self.convert(good + "verifyPeer = yes\nCAfile = no\n", status=2))

    def call_lost(self, text):
        self.file("stunnel.conf", text.encode())
        return self.call("convert", "stunnel.conf", status=LOST).stderr


class Tables(Converting):
    """Every option of the programs that are installed is in the converter's table."""

    def known(self, name):
        rows = self.call("convert", "--options", name).stdout.splitlines()[2:]
        return {re.match(r"\| `([^`]+)`", row).group(1).lower() for row in rows}

    def test_stunnel(self):
        need("stunnel4")
        told = subprocess.run(["stunnel4", "-help"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=30)
        options = re.findall(r"(?m)^(\w+) += ", told.stdout + told.stderr)
        self.assertGreater(len(options), 70, told)
        self.assertEqual({option.lower() for option in options} - self.known("stunnel"), set())

    def test_hitch(self):
        need("hitch")
        told = subprocess.run(["hitch", "--help"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=30)
        options = set(re.findall(r"--([a-z][a-z0-9-]+)", told.stdout + told.stderr))
        of_the_command = {"help", "version", "test", "config", "enable-tcp-fastopen"}
        self.assertGreater(len(options), 20, told)
        self.assertEqual(options - of_the_command - self.known("hitch"), set())

    def test_page(self):
        """The page has these tables."""
        top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
        with open(os.path.join(top, "config/COMING_FROM.md")) as file:
            page = file.read()
        for name in "stunnel", "hitch", "ghostunnel":
            begin, end = f"<!-- options of {name} -->\n", f"<!-- end of {name} -->"
            there = page.partition(begin)[2].partition(end)[0]
            self.assertEqual(there, self.call("convert", "--options", name).stdout,
                             f"{name}: run config/coming_from.py --update")

    def test_haproxy(self):
        """That table is written by hand. The keys of ours in it exist, as in `tls.client_auth`."""
        top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
        with open(os.path.join(top, "config/COMING_FROM.md")) as file:
            table = file.read().partition("\n## HAProxy\n")[2]
        ours = " ".join(line.rpartition(" | ")[2] for line in table.splitlines())
        words = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([a-z_.]+)`", ours))))
        self.assertGreater(len(words), 30, ours)
        schema = self.call("--schema").stdout
        self.assertEqual([word for word in words if f'"{word}"' not in schema], [])


class Beside(Converting):
    """The same configuration, once read by stunnel and once converted: the other end, which is
    stunnel, sees no difference."""

    SERVER = """
[plain]
accept = 127.0.0.1:0
connect = {backend}
cert = front.pem
key = front.key
[chain]
accept = 127.0.0.1:0
connect = {backend}
cert = front.pem
key = front.key
verifyChain = yes
CAfile = ca.pem
[pinned]
accept = 127.0.0.1:0
connect = {backend}
cert = front.pem
key = front.key
verifyPeer = yes
CAfile = device.pem
"""
    CLIENT = """
[any]
client = yes
accept = 127.0.0.1:0
connect = 127.0.0.1:{plain}
[named]
client = yes
accept = 127.0.0.1:0
connect = 127.0.0.1:{plain}
verifyChain = yes
CAfile = ca.pem
checkHost = front.example
[misnamed]
client = yes
accept = 127.0.0.1:0
connect = 127.0.0.1:{plain}
verifyChain = yes
CAfile = ca.pem
checkHost = other.example
[pin]
client = yes
accept = 127.0.0.1:0
connect = 127.0.0.1:{plain}
verifyPeer = yes
CAfile = front.pem
[wrongpin]
client = yes
accept = 127.0.0.1:0
connect = 127.0.0.1:{plain}
verifyPeer = yes
CAfile = device.pem
[certified]
client = yes
accept = 127.0.0.1:0
connect = 127.0.0.1:{chain}
cert = client.pem
key = client.key
[uncertified]
client = yes
accept = 127.0.0.1:0
connect = 127.0.0.1:{chain}
[pinned]
client = yes
accept = 127.0.0.1:0
connect = 127.0.0.1:{pinned}
cert = device.pem
key = device.key
[unpinned]
client = yes
accept = 127.0.0.1:0
connect = 127.0.0.1:{pinned}
cert = client.pem
key = client.key
"""
    WORKS = {"any", "named", "pin", "certified", "pinned"}
    NAMES = ["any", "named", "misnamed", "pin", "wrongpin", "certified", "uncertified", "pinned",
             "unpinned"]

    def setUp(self):
        super().setUp()
        need("stunnel4")
        self.there = self.backend(Backend(echo))

    def stunnel(self, text, names):
        """The ports of its services."""
        file = self.file(f"real-{len(os.listdir(self.folder))}.conf",
                         ("foreground = yes\npid =\ndebug = 6\n" + text).encode())
        process = self.spawn(["stunnel4", file], cwd=self.folder, stderr=subprocess.PIPE)
        os.set_blocking(process.stderr.fileno(), True)
        ports = {}
        while len(ports) < len(names):
            line = process.stderr.readline().decode()
            self.assertTrue(line, "stunnel has ended")
            found = re.search(r"Service \[(\w+)\] \(FD=\d+\) bound to [\d.]+:(\d+)", line)
            if found:
                ports[found.group(1)] = int(found.group(2))
        self.drain(process.stderr)
        return ports

    def drain(self, stream):
        """Nothing more is read of it; stunnel writes little."""
        os.set_blocking(stream.fileno(), False)

    def converted(self, text, names):
        made = self.convert(text)
        for service in made["services"]:
            for key in "certificate", "key", "ca":
                if key in service["tls"]:
                    service["tls"][key] = os.path.join(self.folder, service["tls"][key])
        started = self.actpass(*made["services"])
        return {name: started.port(name) for name in names}

    def works(self, port):
        """Does a byte come back? A refusal may be quicker than connect(2), which then fails, too."""
        try:
            with socket.create_connection(("127.0.0.1", port), 30) as sock:
                sock.sendall(b"x")
                return sock.recv(1) == b"x"
        except (ConnectionResetError, BrokenPipeError):
            return False

    def meet(self, server, client):
        backend = self.there.address
        servers = server(self.SERVER.format(backend=backend), ["plain", "chain", "pinned"])
        clients = client(self.CLIENT.format(**servers), self.NAMES)
        working = {name for name in self.NAMES if self.works(clients[name])}
        self.assertEqual(working, self.WORKS)

    def test_converted_server(self):
        self.meet(self.converted, self.stunnel)

    def test_converted_client(self):
        self.meet(self.stunnel, self.converted)

    def test_both_converted(self):
        self.meet(self.converted, self.converted)

    # ---- Protocols that begin in clear

    SPOKEN = {"smtp": b"NOOP\r\n", "pop3": b"NOOP\r\n", "imap": b"1 NOOP\r\n",
              "pgsql": b"\0\0\0\x09\0\3\0\0\0"}

    def clear_backend(self, protocol):
        def serve(session):
            session.sock.sendall(clear.GREETING.get(protocol, b""))
            echo(session)
        return self.backend(Backend(serve))

    def speaks(self, protocol, port):
        """A local client is greeted once, if its protocol has a greeting, and then heard."""
        with socket.create_connection(("127.0.0.1", port), 30) as sock:
            sock.settimeout(30)
            if protocol in clear.GREETING:
                clear.read_until(sock, rb"^(220 |\+OK|\* OK).*\r\n$")
            sock.sendall(self.SPOKEN[protocol])
            clear.read_until(sock, b"^" + re.escape(self.SPOKEN[protocol]) + b"$")

    def meet_in_clear(self, server, client):
        keys = {name: self.clear_backend(name).address for name in self.SPOKEN}
        section = "[{0}]\n{1}accept = 127.0.0.1:0\nconnect = {2}\nprotocol = {0}\n"
        own = "cert = front.pem\nkey = front.key\n"
        servers = server(own + "".join(section.format(name, "", keys[name]) for name in keys),
                         list(keys))
        clients = client("".join(section.format(name, "client = yes\n",
                                                f"127.0.0.1:{servers[name]}") for name in keys),
                         list(keys))
        for name in keys:
            self.speaks(name, clients[name])

    def test_clear_converted_server(self):
        self.meet_in_clear(self.converted, self.stunnel)

    def test_clear_converted_client(self):
        self.meet_in_clear(self.stunnel, self.converted)

    def test_through_a_proxy(self):
        proxy = tinyproxy(self)
        server = self.stunnel(self.SERVER.format(backend=self.there.address),
                              ["plain", "chain", "pinned"])["plain"]
        text = (f"[c]\nclient = yes\naccept = 127.0.0.1:0\nconnect = 127.0.0.1:{proxy.port}\n"
                f"protocol = connect\nprotocolHost = 127.0.0.1:{server}\n")
        for client in self.stunnel, self.converted:
            self.assertTrue(self.works(client(text, ["c"])["c"]), client)
        self.assertFalse(self.works(self.converted(text.replace(str(server), "1"), ["c"])["c"]))

    def meet_by_socks(self, server, client):
        """The pair in the section EXAMPLES of the manual."""
        web = Http()
        self.addCleanup(web.close)
        self.outer = self.outer_web()
        port = server("[socks]\nprotocol = socks\naccept = 127.0.0.1:0\ncert = front.pem\n"
                      "key = front.key\n", ["socks"])["socks"]
        local = client("[c]\nclient = yes\naccept = 127.0.0.1:0\nverifyPeer = yes\n"
                       f"CAfile = front.pem\nconnect = 127.0.0.1:{port}\n", ["c"])["c"]
        for way in "--socks4", "--socks4a", "--socks5", "--socks5-hostname":
            self.assertEqual(self.curl(way, local, web.address), 97, "loopback is refused")
            if self.outer:
                self.assertEqual(self.curl(way, local, self.outer), 0, way)

    def outer_web(self):
        """A server at an address of this machine that is not loopback; None: there is none."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            if sock.connect_ex(("192.0.2.1", 9)) != 0:
                return None
            host = sock.getsockname()[0]
        listener = socket.create_server((host, 0))
        self.addCleanup(listener.close)
        threading.Thread(target=self.serve, args=(listener,), daemon=True).start()
        return "%s:%d" % listener.getsockname()

    @staticmethod
    def serve(listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock:
                sock.recv(4096)
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")

    def curl(self, way, port, address):
        return subprocess.run(["curl", "-sS", "-o", "/dev/null", "--max-time", "30", way,
                               f"127.0.0.1:{port}", f"http://{address}/bytes/100/1"],
                              capture_output=True).returncode

    def test_socks_converted_server(self):
        self.meet_by_socks(self.converted, self.stunnel)

    def test_socks_converted_client(self):
        self.meet_by_socks(self.stunnel, self.converted)

    def test_server_names(self):
        """Each name gets its certificate."""
        text = STUNNEL["names"].replace("accept = 443", "accept = 127.0.0.1:0")
        made = self.convert(re.sub(r"connect = \S+", f"connect = {self.there.address}", text))
        service = made["services"][0]
        for keys in service["tls"], service["routes"][0]["tls"], service["routes"][1]["tls"]:
            for key in "certificate", "key":
                keys[key] = os.path.join(self.folder, keys[key])
        started = self.actpass(service)
        for name, subject in ("one.example", "dev1.devices.example"), ("x.example", "front.example"):
            made = tls.context(self.certificates, False)
            made.check_hostname = False
            peer = tls.Tls(self.connect(started), made, server_hostname=name).handshake()
            self.assertIn(subject, str(peer.object.getpeercert()["subjectAltName"]))
            peer.finish()
