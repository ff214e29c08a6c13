"""The admin listener: what it says is what was done."""
import concurrent.futures
import json
import os
import re
import signal
import subprocess

from support import tls
from support.admin import Admin
from support.backend import nobody
from support.case import SHORT, need, program
from support.data import until
from support.each import each

STEPS = ["accept", "first_byte", "verdict", "hello", "handshake", "first_data", "end"]


class Numbers(Admin):
    def test_who_has_not_begun_with_tls_counts_as_open(self):
        actpass = self.admin(self.service(accept_proxy={"from": ["127.0.0.0/8"]}))
        with self.connect(actpass):
            until(lambda: self.status()["services"][0]["open"] == 1, 20, "an open connection")
            self.assertIn('actpass_connections_open{service="front",state="waiting"} 1',
                          self.curl("/metrics").body)
        self.settled()

    def test_what_is_said_before_tls_is_shown(self):
        actpass = self.admin(self.service(accept_proxy={"from": ["127.0.0.0/8"]}, role="server", starttls="smtp"))

        def shown(step):
            return next((one for one in self.status()["connections"] if one["waits_for"] == step), None)
        with self.connect(actpass) as sock:
            one = until(lambda: shown("accept_proxy"), 20, "the header of a proxy being waited for")
            self.assertEqual((one["peer"], one["state"]), ("127.0.0.1:%d" % sock.getsockname()[1], "preface"))
            self.assertEqual([one[key] for key in ("conn", "service", "dialed", "role", "cause", "reason", "protocol")],
                             [1, "front", False, None, None, None, None])
            sock.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.8 1234 25\r\n")
            one = until(lambda: shown("starttls"), 20, "the command being waited for")
            self.assertEqual((one["peer"], one["state"], one["conn"]), ("192.0.2.7:1234", "preface", 1))
            said = subprocess.run([program(), "status", self.address], capture_output=True, text=True, check=True).stdout
            row = next(line for line in said.splitlines() if "192.0.2.7:1234" in line)
            self.assertEqual(re.split("  +", row.strip())[3:7], ["192.0.2.7:1234", "-", "-", "preface: starttls"])
        self.settled()
        self.assertEqual(self.status()["connections"], [])

    def test_of_each_kind_as_many_as_there_were(self):
        actpass = self.admin(
            self.service(initial_data_timeout=SHORT),
            self.service("closed", limits={"deny": ["127.0.0.0/8"]}))
        for _ in range(4):
            peer = self.client(actpass)
            self.assertEqual(peer.exchange(b"x" * 1000, 1000), b"x" * 1000)
            peer.finish()
        device = self.device(actpass)
        device.finish()
        self.junk(actpass)
        self.connect(actpass).close()
        for _ in range(2):
            self.refused(actpass)
        front = self.settled(ended=7)
        ends = {(one["role"], one["cause"], one["reason"]): one["count"] for one in front["closed"]}
        self.assertEqual(ends.pop(("server", "client_hello", "CLEAN")), 4)
        self.assertEqual(ends.pop(("client", "silence", "CLEAN")), 1)
        self.assertEqual(sum(ends.values()), 2, ends)
        self.assertEqual((front["accepted"], front["dialed"], front["handshakes"]), (7, 0, 5))
        self.assertGreater(front["received_bytes"], 4000)
        self.assertGreater(front["sent_bytes"], 4000)
        self.check_metrics(front)

    def refused(self, actpass):
        try:
            self.connect(actpass, "closed").recv(1)
        except OSError:
            pass

    def check_metrics(self, front):
        metrics = until(lambda: self.refusals(2), 20, "two refusals")
        of_front = '{service="front"}'
        self.assertEqual(metrics["actpass_connections_accepted_total" + of_front], 7)
        self.assertEqual(metrics["actpass_received_bytes_total" + of_front], front["received_bytes"])
        self.assertEqual(metrics["actpass_sent_bytes_total" + of_front], front["sent_bytes"])
        for one in front["closed"]:
            self.assertEqual(metrics[
                'actpass_connections_closed_total{service="front",role="%(role)s",'
                'cause="%(cause)s",reason="%(reason)s"}' % one], one["count"])
        histogram = 'actpass_handshake_duration_seconds_%s{service="front",role="%s"%s}'
        self.assertEqual(metrics[histogram % ("count", "server", "")], 4)
        self.assertEqual(metrics[histogram % ("bucket", "server", ',le="+Inf"')], 4)
        self.assertEqual(metrics[histogram % ("count", "client", "")], 1)
        in_all = sum(metrics[histogram % ("sum", role, "")] for role in ("server", "client"))
        self.assertAlmostEqual(in_all * 1000, front["handshake_ms_sum"], places=2)
        self.assertEqual(metrics["actpass_ready"], 1)
        expiry = metrics['actpass_certificate_not_after_timestamp_seconds'
                         '{service="front",certificate="0",server_name=""}']
        self.assertEqual(expiry * 1000, front["certificates"][0]["not_after_ms"])

    def refusals(self, count):
        metrics = self.metrics()
        name = 'actpass_connections_refused_total{service="closed",limit="denied"}'
        return metrics[name] == count and metrics

    @each(version=("1.2", "1.3"))
    def test_resumed_by_version_and_store(self, version):
        actpass = self.admin(self.service(role="server", tls={"sessions": "memory"}))
        session = os.path.join(self.folder, "session.pem")
        flags = {"1.2": "-tls1_2", "1.3": "-tls1_3"}[version]
        for use in ("-sess_out", "-sess_in", "-sess_in"):
            client = self.spawn(
                ["openssl", "s_client", "-connect", "127.0.0.1:%d" % actpass.port(), flags, "-CAfile",
                 self.certificates.path("ca"), use, session], stdin=subprocess.PIPE)
            # A TLS 1.3 ticket comes after the handshake.
            until(lambda: os.path.exists(session) and os.path.getsize(session), 20, "a session")
            client.communicate(b"Q\n", 20)
            self.assertEqual(client.returncode, 0)
        resumed = self.settled(ended=3)["resumed"]
        # A TLS 1.3 ticket is good for one use.
        self.assertEqual(resumed, {"1.2": 2, "1.3": resumed}[version])
        self.assertGreaterEqual(resumed, 1)
        self.assertEqual(self.metrics()[
            'actpass_sessions_resumed_total{service="front",version="TLSv%s",store="memory"}'
            % version], resumed)

    def test_bytes_of_an_open_connection_are_counted_once(self):
        actpass = self.admin(self.service())
        peer = self.client(actpass)
        sizes = []
        for _ in range(3):
            peer.exchange(b"y" * 5000, 5000)
            sizes.append(self.metrics()['actpass_sent_bytes_total{service="front"}'])
        self.assertEqual(sizes, sorted(set(sizes)), "it grows while the connection is open")
        peer.finish()
        front = self.settled()
        self.assertLess(front["sent_bytes"], sizes[-1] + 1000)
        line = actpass.close()
        self.assertEqual((front["received_bytes"], front["sent_bytes"]),
                         (int(line["rx"]), int(line["tx"])))

    def test_asking_while_connections_come_and_go(self):
        actpass = self.admin(self.service())
        stay = [self.connect(actpass) for _ in range(70)]  # more than one look takes
        until(lambda: len(self.status()["connections"]) == len(stay), 20, "all of them")

        def visit(size):
            for _ in range(20):
                peer = self.client(actpass)
                self.assertEqual(len(peer.exchange(b"z" * size, size)), size)
                peer.finish()

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            visits = [pool.submit(visit, size) for size in (1, 100, 10000)]
            sent = 0
            while not all(one.done() for one in visits):
                status, metrics = self.status(), self.metrics()
                self.assertGreaterEqual(len(status["connections"]), len(stay))
                now = metrics['actpass_sent_bytes_total{service="front"}']
                self.assertGreaterEqual(now, sent, "a counter never falls")
                sent = now
            for one in visits:
                one.result()
        for sock in stay:
            sock.close()
        front = self.settled(ended=130)
        self.assertEqual((front["accepted"], front["handshakes"]), (130, 60))
        self.assertGreater(front["sent_bytes"], 20 * 10101)

    def test_counters_go_on_after_a_reload(self):
        actpass = self.admin(self.service())
        self.client(actpass).finish()
        self.settled()
        with open(actpass.config_file) as file:
            config = json.load(file)
        config["services"][0]["max_connections"] = 77
        with open(actpass.config_file, "w") as file:
            json.dump(config, file)
        actpass.signal(signal.SIGHUP)
        until(lambda: self.status()["services"][0]["max_connections"] == 77, 20, "the new limit")
        self.client(actpass).finish()
        front = self.settled(ended=2)
        self.assertEqual((front["accepted"], front["handshakes"]), (2, 2))

    def test_a_program_begins_once(self):
        """Another time would mean a restart: Prometheus, `actpass top` and the page begin anew then."""
        self.admin(self.service())
        begins = {(self.status()["started_ms"], self.metrics()["process_start_time_seconds"])
                  for _ in range(12)}
        self.assertEqual(len(begins), 1, begins)

    def test_promtool_finds_nothing(self):
        need("promtool")
        actpass = self.admin(self.service(tls={"certificates": [
            {"server_names": ["a.example", "b.example"],
             "certificate": self.certificates.path("front"),
             "key": self.certificates.path("front", "key")}]}), self.service("other"))
        self.client(actpass).finish()
        self.settled()
        self.junk(actpass)
        self.settled(ended=2)
        text = self.curl("/metrics").body
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                              text=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""), text)
        self.assertIn('server_name="a.example"', text)


class Connections(Admin):
    def test_the_open_ones_and_their_steps(self):
        actpass = self.admin(self.service(tls={"client_auth": "request", "alpn": ["one", "two"]}))
        self.connect(actpass)
        waiting = until(lambda: self.status()["connections"], 20, "a connection")[0]
        self.assertEqual((waiting["state"], waiting["role"], waiting["cause"]), ("waiting", None, None))
        self.assertEqual([step for step in STEPS if waiting["timeline"][step] is None], STEPS[1:])
        made = tls.context(self.certificates, False, certificate="device")
        made.set_alpn_protocols(["two"])
        peer = tls.Tls(self.connect(actpass), made).handshake()
        peer.exchange(b"z", 1)
        status = self.status()
        self.assertEqual(status["services"][0]["states"],
                         {"waiting": 1, "handshake": 0, "established": 1, "closing": 0})
        newest, oldest = status["connections"]
        self.assertEqual((oldest["conn"], newest["conn"], status["open"]), (1, 2, 2))
        self.assertEqual([newest[key] for key in ("state", "role", "cause", "alpn", "server_name")],
                         ["established", "server", "client_hello", "two", "front.example"])
        self.assertIn("device", newest["subject"])
        self.assertEqual(newest["peer"], "127.0.0.1:%d" % peer.sock.getsockname()[1])
        times = [newest["timeline"][step] for step in STEPS[:-1]]
        self.assertEqual(times, sorted(times))
        self.assertIsNone(newest["timeline"]["end"])
        self.assertLess(abs(newest["accepted_ms"] - status["time_ms"]), 60000)
        self.assertEqual([one["conn"] for one in self.status("?connections=1")["connections"]], [2])
        self.assertEqual(self.status("?connections=0")["connections"], [])
        for wrong in "x", "-1", "", "1x", "50001", "99999999999999999999":
            self.assertEqual(self.curl(f"/status?connections={wrong}").status, 400, wrong)

    def test_one_that_we_dial(self):
        there = self.actpass(self.service(role="server", tls={
            "certificate": self.certificates.path("device"),
            "key": self.certificates.path("device", "key")}))
        address = "127.0.0.1:%d" % there.port()
        away, free = nobody()
        self.addCleanup(free.close)
        self.admin(self.dial_service(away, address), self.dial_service(away, name="lost"),
                   check=False)
        one = until(lambda: [one for one in self.status()["connections"]
                             if one["state"] == "established"], 20, "a connection")[0]
        self.assertEqual([one[key] for key in ("service", "dialed", "role", "cause", "peer")],
                         ["dialer", True, "client", "configured", address])
        self.assertLess(one["timeline"]["hello"], one["timeline"]["first_byte"])
        service = self.status()["services"][0]
        self.assertEqual([service[key] for key in ("listen", "dial", "dialed", "accepted", "open",
                                                   "as_server", "as_client")],
                         [None, [away, address], 1, 0, 1, None, "echo"])
        until(lambda: self.failed_dials("lost")[0] > 0, 20, "a dial that has failed")
        dials, addresses = self.failed_dials("lost")
        self.assertIn(addresses - dials, (0, 1))  # one may come between the two
        self.assertEqual((service["dials_failed"], service["dial_addresses_failed"]), (0, 1))
        self.assertEqual(self.failed_dials("dialer"), [0, 1])

    def failed_dials(self, service):
        """The metrics: dials, addresses."""
        metrics = self.metrics()
        return [metrics[f'actpass_{what}_failed_total{{service="{service}"}}']
                for what in ("dials", "dial_addresses")]

    def test_the_last_200_that_failed(self):
        actpass = self.admin(self.service(), level="info")
        self.client(actpass).finish()
        for _ in range(205):
            self.junk(actpass)
        self.settled(ended=206)
        failed = self.status()["failed"]
        numbers = [one["conn"] for one in failed]
        # In the order of their ends, which is not quite that of their beginnings.
        self.assertEqual((len(numbers), len(set(numbers))), (200, 200))
        self.assertLessEqual(set(range(30, 207)), set(numbers))
        self.assertGreater(min(numbers[:100]), max(numbers[150:]))
        for one in failed:
            self.assertEqual((one["state"], one["role"], one["cause"], one["reason"]),
                             ("closed", "none", "not_tls", "PROTOCOL"))
            self.assertTrue(one["error"])
            self.assertGreaterEqual(one["timeline"]["end"], one["timeline"]["first_byte"])
            self.assertIsNone(one["timeline"]["handshake"])
        # A port scan displaces nothing.
        self.connect(actpass).close()
        self.settled(ended=207)
        self.assertEqual([one["conn"] for one in self.status()["failed"]], numbers)

    def test_a_refused_certificate_is_shown_as_text(self):
        actpass = self.admin(self.service(tls={"client_auth": "require"}))
        with self.assertRaises(Exception):
            self.client(actpass, "1.2", certificate="stranger")
        self.settled()
        failed = self.status()["failed"][0]
        self.assertEqual(failed["reason"], "REFUSED")
        self.assertTrue(failed["error"])
