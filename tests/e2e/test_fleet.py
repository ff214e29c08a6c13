"""Devices offer their connections to a pool, and clients of a gate reach them by name: with real
clients of HTTP CONNECT and SOCKS5, over gates with and without TLS."""
import select
import socket
import subprocess
import time

from support import data, tls
from support.backend import Http
from support.case import PATIENT, Case, need
from support.certificates import DEVICE
from support.data import until
from support.reloads import Reloads

GONE = (ConnectionResetError, BrokenPipeError)


def head(name, port=22, more=b""):
    return f"CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n".encode() + more


class Fleet(Case):
    def field(self, name="field", offer="field", **changes):
        """The service that devices connect to."""
        return self.service(name, {"client_auth": "require"}, offer=offer, role="server", **changes)

    def gate(self, by="connect", wait="5s", **reach):
        """A gate without TLS."""
        return {"name": "gate", "listen_plain": "127.0.0.1:0",
                "reach": {"pool": "field", "by": by, "wait": wait, **reach}}

    def tls_gate(self, by="connect", wait="5s", **reach):
        return self.service("gate", {"client_auth": "require"}, role="server",
                            reach={"pool": "field", "by": by, "wait": wait, **reach})

    def offered(self, actpass, certificate="device", **options):
        """A device that has connected, and waits."""
        return self.client(actpass, service="field", certificate=certificate, **options)

    def named(self, actpass, service, certificate, name):
        """A TLS client that asks for this server name."""
        made = tls.context(self.certificates, False, certificate=certificate, verify=False)
        return tls.Tls(self.connect(actpass, service), made, server_hostname=name).handshake()

    def asked(self, actpass, name=DEVICE, **options):
        client = self.connect(actpass, "gate")
        client.sendall(head(name, **options))
        return client

    def answer(self, client):
        """The head of the gate's answer, and nothing behind it."""
        got = b""
        while not got.endswith(b"\r\n\r\n"):
            byte = client.recv(1)
            if not byte:
                break
            got += byte
        return got.split(b"\r\n")[0].decode()

    def status(self, client):
        return int(self.answer(client).split()[1])

    def both_ways(self, client, device):
        client.sendall(b"to the device")
        self.assertEqual(device.recv_exactly(13), b"to the device")
        device.send(b"to the client")
        self.assertEqual(client.recv(13, socket.MSG_WAITALL), b"to the client")


class Connect(Fleet):
    def test_a_client_is_joined_to_the_device_of_the_name(self):
        actpass = self.actpass(self.field(), self.gate())
        device, other = self.offered(actpass), self.offered(actpass, "client")
        client = self.asked(actpass, DEVICE.upper() + ".")
        self.assertEqual(self.status(client), 200)
        self.both_ways(client, device)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(device.recv(), b"", "the client's end, in order")
        device.send(b"bye")
        self.finish_all(device)
        self.assertEqual(client.recv(3, socket.MSG_WAITALL), b"bye")
        self.assertEqual(client.recv(1), b"")
        reach = actpass.wait_for(event="reach", name=DEVICE, result="reached")
        close = actpass.wait_for(event="close", reached=DEVICE)
        self.assertEqual((close["conn"], close["joined"]), (reach["joined"], reach["conn"]))
        self.assertEqual((close["by"], close["reason"]), ("connect", "CLEAN"))
        other.send(b"still there")
        self.assertEqual(self.status(self.asked(actpass, "client.devices.example")), 200)

    def test_what_comes_early_is_kept_on_both_sides(self):
        """A server that speaks first, and a client that does not wait for the answer."""
        actpass = self.actpass(self.field(), self.gate())
        device = self.offered(actpass)
        device.send(b"SSH-2.0-device\r\n")
        client = self.asked(actpass, more=b"SSH-2.0-client\r\n")
        self.assertEqual(self.status(client), 200)
        self.assertEqual(client.recv(16, socket.MSG_WAITALL), b"SSH-2.0-device\r\n")
        self.assertEqual(device.recv_exactly(16), b"SSH-2.0-client\r\n")
        self.both_ways(client, device)

    def test_who_can_not_be_reached(self):
        actpass = self.actpass(self.field(), self.gate(wait="200ms"))
        for name, status in (("dev9.devices.example", 504), ("dev1.elsewhere.example", 404),
                             ("a.b.devices.example", 404), ("127.0.0.1", 404)):
            client = self.asked(actpass, name, more=b"and what nobody reads")
            self.assertEqual(self.status(client), status, name)
            while client.recv(4096):
                pass

    def test_devices_that_have_gone_are_not_given(self):
        actpass = self.actpass(self.field(), self.gate(wait=PATIENT))
        closed, cut, alive = (self.offered(actpass) for _ in range(3))
        alive.send(b"alive")
        cut.reset()
        closed.finish()
        clients = [self.asked(actpass), self.asked(actpass)]
        reached, = select.select(clients, [], [], 20)[0]  # either may be served first
        other, = (client for client in clients if client is not reached)
        other.settimeout(0.3)
        self.assertEqual(self.status(reached), 200)
        self.assertEqual(reached.recv(5, socket.MSG_WAITALL), b"alive")
        with self.assertRaises(TimeoutError):
            other.recv(1)

    def test_a_cut_is_passed_on(self):
        actpass = self.actpass(self.field(), self.gate())
        device = self.offered(actpass)
        client = self.asked(actpass)
        self.assertEqual(self.status(client), 200)
        device.reset()
        with self.assertRaises(GONE):
            client.recv(1)
        device = self.offered(actpass)
        client = self.asked(actpass)
        self.assertEqual(self.status(client), 200)
        tls.reset(client)
        with self.assertRaises((tls.Truncated, *GONE)):
            device.recv()

    def test_calls_home(self):
        """A device that is TLS server."""
        service = self.service("field", {"client_auth": "require"}, offer={"pool": "field"},
                               initial_data_timeout="50ms")
        actpass = self.actpass(service, self.gate())
        device = self.device(actpass, service="field", verify=True)
        client = self.asked(actpass)
        self.assertEqual(self.status(client), 200)
        self.both_ways(client, device)

    def test_one_name_has_a_limit(self):
        offer = {"pool": "field", "per_name": 2}
        actpass = self.actpass(self.field(offer=offer), self.gate())
        devices = [self.offered(actpass) for _ in range(3)]
        close = actpass.wait_for(event="close", service="field")
        self.assertIn("per_name", close["error"])
        # Usually the first one: a handshake may end later at the other side than the next one's.
        with self.assertRaises((tls.Truncated, *GONE)):
            {"%s:%d" % one.sock.getsockname(): one for one in devices}[close["peer"]].recv()

    def test_a_name_comes_from_the_certificate_alone(self):
        """Not by its server name, nor its common name; also when the session is resumed."""
        names = ["*.devices.example", "dev1.elsewhere.example"]
        field = self.service("field", {"client_auth": "require", "peer_names": names,
                                       "sessions": "tickets"}, offer="field", role="server")
        actpass = self.actpass(field, self.gate(wait="100ms"))
        other = self.named(actpass, "field", "other-name", DEVICE)
        other.send(b"x")
        self.assertEqual(self.status(self.asked(actpass)), 504)
        client = self.asked(actpass, "dev1.elsewhere.example")
        self.assertEqual(self.status(client), 200)
        self.assertEqual(client.recv(1), b"x")

    def test_a_resumed_session_has_the_names_of_its_certificate(self):
        """Though the client has another certificate by now."""
        names = ["*.devices.example", "dev1.elsewhere.example"]
        field = self.service("field", {"client_auth": "require", "peer_names": names,
                                       "sessions": "tickets"}, offer="field", role="server")
        actpass = self.actpass(field, self.gate(wait="100ms"))
        made = tls.context(self.certificates, False, "1.2", certificate="other-name", verify=False)
        first = tls.Tls(self.connect(actpass, "field"), made).handshake()
        session = first.object.session
        self.finish_all(first)
        made.load_cert_chain(*self.certificates.chain("device"))
        again = tls.Tls(self.connect(actpass, "field"), made)
        again.object.session = session
        again.handshake()
        self.assertTrue(again.object.session_reused)
        self.assertEqual(self.status(self.asked(actpass)), 504)
        self.assertEqual(self.status(self.asked(actpass, "dev1.elsewhere.example")), 200)

    def test_a_route_offers_what_its_own_trust_vouches_for(self):
        """A device of the route's CA must not offer a name that only the service's CA may give."""
        route = {"server_name": ["other.example"], "offer": "field",
                 "tls": {"ca": self.certificates.path("stranger-ca"),
                         "peer_names": ["dev1.devices.example"]}}
        field = self.service("field", {"client_auth": "require", "peer_names": ["*.devices.example"]},
                             offer="field", role="server", routes=[route])
        self.certificates._make("two-names", "stranger-ca", "two",
                                f"DNS:{DEVICE},DNS:client.devices.example", [])
        actpass = self.actpass(field, self.gate(wait="100ms"))
        device = self.named(actpass, "field", "two-names", "other.example")
        device.send(b"x")
        self.assertEqual(self.status(self.asked(actpass, "client.devices.example")), 504)
        client = self.asked(actpass)
        self.assertEqual(self.status(client), 200)
        self.assertEqual(client.recv(1), b"x")

    def test_a_common_name_is_compared_with_its_case(self):
        """As peer_names is, where the peer is judged: here another name lets the device in."""
        self.certificates._make("upper", "ca", DEVICE.upper(), "DNS:upper.devices.example", [])
        field = self.service("field", {"client_auth": "require",
                                       "peer_names": ["cn:" + DEVICE, "*.devices.example"]},
                             offer="field", role="server")
        actpass = self.actpass(field, self.gate(wait="100ms"))
        self.offered(actpass, "upper")
        self.assertEqual(self.status(self.asked(actpass)), 504)
        self.assertEqual(self.status(self.asked(actpass, "upper.devices.example")), 200)

    def test_a_name_with_a_dot_at_its_end_is_none(self):
        """Name constraints and the policy take it for another name than the one without."""
        self.certificates._make("dotted", "ca", "dotted", f"DNS:{DEVICE}.,DNS:dotted.devices.example", [])
        actpass = self.actpass(self.field(), self.gate(wait="100ms"))
        self.offered(actpass, "dotted").send(b"x")
        self.assertEqual(self.status(self.asked(actpass)), 504)
        client = self.asked(actpass, "dotted.devices.example.")
        self.assertEqual(self.status(client), 200)
        self.assertEqual(client.recv(1), b"x")

    def test_the_device_is_told_who_reaches_it(self):
        offer = {"pool": "field", "send_proxy": True}
        actpass = self.actpass(self.field(offer=offer), self.gate())
        device = self.offered(actpass)
        client = self.asked(actpass, more=b"hello")
        self.assertEqual(self.status(client), 200)
        first = device.recv_exactly(16)
        self.assertEqual(first[:14], b"\r\n\r\n\0\r\nQUIT\n\x21\x11", "PROXY, TCP over IPv4")
        rest = device.recv_exactly(int.from_bytes(first[14:16], "big"))
        ports = int.from_bytes(rest[8:10], "big"), int.from_bytes(rest[10:12], "big")
        self.assertEqual(ports, (client.getsockname()[1], actpass.port("gate")))
        self.assertIn(DEVICE.encode(), rest[12:])
        self.assertEqual(device.recv_exactly(5), b"hello")

    def test_too_few_descriptors_for_one_more_join(self):
        """The client is refused; the devices stay, and one of them is joined once there is room.
        Clients that have left while they waited take no room."""
        actpass = self.actpass(self.field(offer={"pool": "field", "per_name": 20}, max_connections=40),
                               {**self.gate(wait=PATIENT), "max_connections": 4}, nofile=84)
        for number in range(10):
            tls.reset(self.asked(actpass, "dev9.devices.example"))
            actpass.wait_for(event="reach", result="failed", count=number + 1)
        devices = [self.offered(actpass) for _ in range(12)]
        for device in devices:
            device.send(b"x")
        joined = [self.asked(actpass)]
        while self.status(joined[-1]) == 200:
            self.assertLess(len(joined), len(devices))
            joined.append(self.asked(actpass))
        self.assertIn(b"Too many clients", joined.pop().recv(1000))
        full = actpass.wait_for(event="full", service="gate")
        self.assertEqual((int(full["joins"]), full["level"]), (len(joined), "warning"))
        self.assertEqual(actpass.wait_for(event="reach", result="full")["name"], DEVICE)
        tls.reset(joined.pop())
        until(lambda: self.status(self.asked(actpass)) == 200, what="a join")

    def test_stops_at_once(self):
        actpass = self.actpass(self.field(), self.gate(wait=PATIENT))
        device = self.offered(actpass)
        client = self.asked(actpass, "dev9.devices.example")
        until(lambda: actpass.find(event="role"), what="the device")
        begin = time.monotonic()
        actpass.signal()
        self.assertEqual(self.status(client), 503)
        self.assertIn(b"about to stop", client.recv(1000))
        client.close()
        self.finish_all(device)
        self.assertEqual(actpass.wait_exit(), 0)
        self.assertLess(time.monotonic() - begin, 20)


class Reloaded(Reloads, Fleet):
    def test_a_recheck_takes_away_names(self):
        """The newer settings accept the certificate for one of its names, and give the other one to
        another CA's devices."""
        names = ["kept.devices.example", DEVICE]
        self.certificates._make("moved", "ca", "moved", ",".join("DNS:" + name for name in names), [])
        other = self.service("other", {"client_auth": "require", "ca": self.certificates.path("stranger-ca"),
                                       "peer_names": [DEVICE]}, offer="field", role="server")

        def services(names):
            return (self.service("field", {"client_auth": "require", "peer_names": names}, offer="field",
                                 role="server", on_reload="recheck"), other, self.gate(wait="200ms"))
        actpass = self.actpass(*services(names))
        devices = [self.offered(actpass, "moved") for _ in range(6)]
        for device in devices:
            device.send(b"x")
        self.assertEqual(self.status(self.asked(actpass)), 200)
        self.reload(actpass, *services(names[:1]))
        until(lambda: self.status(self.asked(actpass)) == 504, what="the name is gone")
        client = self.asked(actpass, names[0])
        self.assertEqual(self.status(client), 200)
        self.assertEqual(client.recv(1), b"x", "what it has sent before is kept")


class OtherWays(Fleet):
    def test_a_fixed_name(self):
        actpass = self.actpass(self.field(), self.gate("name", wait="1s", name=DEVICE))
        device = self.offered(actpass)
        client = self.connect(actpass, "gate")
        self.both_ways(client, device)
        missed = self.connect(actpass, "gate")
        with self.assertRaises(GONE):
            missed.recv(1)

    def test_over_tls_by_server_name(self):
        actpass = self.actpass(self.field(), self.tls_gate("server_name", wait="100ms"))
        device = self.offered(actpass)
        client = self.named(actpass, "gate", "client", DEVICE)
        client.send(b"hello")
        self.assertEqual(device.recv_exactly(5), b"hello")
        device.send(b"hi")
        self.assertEqual(client.recv_exactly(2), b"hi")
        device.shutdown_write()
        self.assertEqual(client.recv(), b"")
        self.finish_all(client, device)
        for name in DEVICE, "elsewhere.example":
            missed = self.named(actpass, "gate", "client", name)
            with self.assertRaises((tls.Truncated, *GONE)):
                missed.recv()

    def test_a_client_that_asks_for_no_name_is_told_so(self):
        actpass = self.actpass(self.field(), self.tls_gate("server_name"))
        missed = self.named(actpass, "gate", "client", "127.0.0.1")  # then it sends none
        with self.assertRaises((tls.Truncated, *GONE)):
            missed.recv()
        self.assertEqual(actpass.wait_for(event="close", service="gate")["error"],
                         "the client said no name that could be reached")

    def test_over_tls_a_cut_is_passed_on(self):
        actpass = self.actpass(self.field(), self.tls_gate())
        for cut, left in (0, 1), (1, 0):
            device = self.offered(actpass)
            client = self.client(actpass, service="gate", certificate="client")
            client.send(head(DEVICE))
            self.assertIn(b" 200 ", client.recv())
            ends = device, client
            ends[cut].reset()
            with self.assertRaises((tls.Truncated, *GONE)):
                ends[left].recv()

    def test_who_is_allowed(self):
        allow = [{"peer_names": ["client.devices.example"], "names": ["dev1.devices.example"]},
                 {"peer_names": ["dev1.devices.example"], "names": ["*.devices.example"]}]
        actpass = self.actpass(self.field(), self.tls_gate(wait="50ms", allow=allow))
        for certificate, name, status in (("client", DEVICE, b"504"),
                                          ("client", "dev2.devices.example", b"403"),
                                          ("device", "dev2.devices.example", b"504"),
                                          ("html-name", DEVICE, b"403")):
            client = self.client(actpass, service="gate", certificate=certificate)
            client.send(head(name))
            self.assertIn(b" %s " % status, client.recv(), f"{certificate} to {name}")


class Programs(Fleet):
    """Each device is an actpass with a spare connection, and a web server behind it."""

    def start(self, gate, offer="field", **device):
        backend = self.backend(Http())
        collector = self.actpass(self.field(offer=offer), gate, check=False)
        address = "127.0.0.1:%d" % collector.port("field")
        self.actpass(self.dial_service(
            address, forward=backend.address,
            tls={"certificate": self.certificates.path("device"),
                 "key": self.certificates.path("device", "key"),
                 "peer_names": ["front.example"]}, retry={"min": "50ms", "max": "100ms"}, **device), check=False)
        return collector.port("gate")

    def fetch(self, *options):
        need("curl")
        command = ["curl", "--silent", "--show-error", "--max-time", "20", *options,
                   f"http://{DEVICE}/bytes/5000/7"]
        got = subprocess.run(command, capture_output=True)
        self.assertEqual(got.returncode, 0, got.stderr)
        self.assertEqual(got.stdout, data.block(5000, 7))

    def test_curl(self):
        port = self.start(self.gate())
        for _ in range(3):
            self.fetch("--proxytunnel", "--proxy", f"http://127.0.0.1:{port}")

    def test_curl_to_a_device_that_waits_for_the_header(self):
        """And keeps two connections ready."""
        port = self.start(self.gate(), {"pool": "field", "send_proxy": True}, start="proxy",
                          persistent={"spare": 2, "max": 8})
        for _ in range(4):
            self.fetch("--proxytunnel", "--proxy", f"http://127.0.0.1:{port}")

    def test_curl_socks5(self):
        port = self.start(self.gate("socks5"))
        self.fetch("--socks5-hostname", f"127.0.0.1:{port}")

    def test_curl_https_proxy(self):
        port = self.start(self.tls_gate())
        self.fetch("--proxytunnel", "--proxy", f"https://localhost:{port}",
                   "--proxy-cacert", self.certificates.path("ca"),
                   "--proxy-cert", self.certificates.path("client"),
                   "--proxy-key", self.certificates.path("client", "key"),
                   "--proxy-insecure")

    def test_nc(self):
        need("nc")
        port = self.start(self.gate())
        got = subprocess.run(["nc", "-X", "connect", "-x", f"127.0.0.1:{port}", DEVICE, "80"],
                             input=b"GET /bytes/5/1 HTTP/1.0\r\n\r\n", capture_output=True, timeout=20)
        self.assertIn(b"200", got.stdout, got.stderr)
