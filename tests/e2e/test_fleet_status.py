"""What the admin listener says of pools: offers, clients that wait, and who is joined to whom."""
import subprocess

from support.admin import Admin
from support.backend import Backend, echo
from support.case import PATIENT, need, program
from support.certificates import DEVICE
from support.data import until
from support.redis import Redis
from test_fleet import Fleet, head

LATE = "dev9.devices.example"


class Pools(Admin, Fleet):
    """`status` is that of Admin, `code` the status that a gate has answered."""

    def code(self, client):
        return int(self.answer(client).split()[1])

    def start(self, *gates):
        return self.admin(self.field(), *gates, check=False)

    def pool(self, **wanted):
        """The pool, once its members have these values."""
        def found():
            pools = self.status()["pools"]  # none before the first who asks for it, or offers
            return pools and all(pools[0][key] == value for key, value in wanted.items()) and pools[0]
        return until(found, 20, f"the pool with {wanted}")

    def test_who_is_joined_to_whom(self):
        actpass = self.start(self.gate(wait=PATIENT))
        devices = [self.offered(actpass) for _ in range(2)]
        device, = self.pool(offers=2)["devices"]
        self.assertEqual([device[key] for key in ("name", "offers", "waiting", "joined", "joins")],
                         [DEVICE, 2, 0, 0, []])
        self.assertLess(abs(device["since_ms"] - self.status()["time_ms"]), 60000)
        client, late = self.asked(actpass), self.asked(actpass, LATE)
        self.assertEqual(self.code(client), 200)
        pool = self.pool(offers=1, waiting=1, joined=1, names=2)
        seen = {one["name"]: one for one in pool["devices"]}
        join, = seen[DEVICE]["joins"]
        line = actpass.wait_for(event="reach", name=DEVICE)
        self.assertEqual((join["client"], join["device"]), (int(line["conn"]), int(line["joined"])))
        self.assertEqual((join["gate"], join["by"]), ("gate", "connect"))
        self.assertEqual((seen[LATE]["waiting"], seen[LATE]["since_ms"]), (1, None))
        self.assertEqual(pool["results"]["reached"], 1)
        self.check_commands()
        client.close()
        late.close()
        for one in devices:
            one.reset()
        pool = self.pool(offers=0, waiting=0, joined=0, names=0, devices=[])
        self.assertEqual((pool["joined_total"], pool["results"]["failed"]), (1, 1))
        actpass.stop()

    def test_a_device_that_comes_is_given_to_those_who_wait_in_their_order(self):
        actpass = self.start(self.gate(wait=PATIENT))
        clients = []
        for number in range(3):
            clients.append(self.asked(actpass))
            self.pool(waiting=number + 1)
        for number, client in enumerate(clients):
            device = self.offered(actpass)
            device.send(b"%d" % number)
            self.assertEqual(self.code(client), 200)
            self.assertEqual(client.recv(1), b"%d" % number)

    def check_commands(self):
        text = subprocess.run([program(), "status", self.address], capture_output=True,
                              text=True, check=True).stdout
        self.assertRegex(text, rf"field +{DEVICE} +1 +\S+ +0 +1 +\d+ +gate \d+\n")
        self.assertRegex(text, rf"field +{LATE} +0 +- +1 +0 +- +-\n")

    def test_the_spare_connections_of_a_device(self):
        collector = self.actpass(self.field(), self.gate())
        backend = self.backend(Backend(echo))
        self.admin(self.dial_service(
            "127.0.0.1:%d" % collector.port("field"), name="home", forward=backend.address,
            persistent={"spare": 2, "max": 8}, start="first_byte",
            tls={"certificate": self.certificates.path("device"),
                 "key": self.certificates.path("device", "key"),
                 "peer_names": ["front.example"]}), check=False)
        kept = {"dialing": 0, "unused": 2, "used": 0}
        until(lambda: self.status()["services"][0]["kept"] == kept, 20, "two spare connections")
        client = self.asked(collector)
        client.sendall(b"x")
        self.assertEqual(self.code(client), 200)
        self.assertEqual(client.recv(1), b"x")
        kept["used"] = 1
        until(lambda: self.status()["services"][0]["kept"] == kept, 20, "another one")
        self.assertEqual([self.metrics()['actpass_kept_connections{service="home",state="%s"}' % state]
                          for state in ("dialing", "unused", "used")], [0, 2, 1])
        client.close()
        kept["used"] = 0
        until(lambda: self.status()["services"][0]["kept"] == kept, 20, "the end of its use")

    def registry(self, **wanted):
        """What is said of the pool's registry, once its members have these values."""
        def found():
            seen, = self.pool()["registries"]
            return all(seen[key] == value for key, value in wanted.items()) and seen
        return until(found, 20, f"the registry with {wanted}")

    def test_the_registry_of_a_shared_pool(self):
        need("redis-server")
        redis = self.backend(Redis(self.folder).start())
        self.admin(self.field(), self.service(
            "others", listen=None, initial_data_timeout=None, echo=None,
            tls={"client_auth": None, "peer_names": ["*.collectors.example"]},
            share={"pool": "field", "registry": redis.url, "advertise": "127.0.0.1:7001",
                   "expire": "1s"}), check=False)
        up = self.registry(state="up", collectors=0)
        self.assertEqual(up["service"], "others")
        self.assertLess(abs(up["since_ms"] - self.status()["time_ms"]), 60000)
        redis.ask("SADD", "actpass:{field}", "127.0.0.2:7001", "127.0.0.3:7001")
        redis.ask("SADD", "actpass:{field}:127.0.0.2:7001", DEVICE)
        self.registry(state="up", collectors=1)
        redis.kill()
        down = self.registry(state="down")
        self.assertIsNone(down["collectors"])
        self.assertGreater(down["since_ms"], up["since_ms"])
        redis.start()
        self.registry(state="up", collectors=0)

    def test_metrics_name_pools_but_no_device(self):
        actpass = self.start(self.tls_gate(wait="50ms"))
        self.offered(actpass)
        for name, code in ((DEVICE, b"200"), (LATE, b"504"), ("elsewhere.example", b"404")):
            client = self.client(actpass, service="gate", certificate="client")
            client.send(head(name))
            self.assertIn(b" %s " % code, client.recv())
        metrics = until(lambda: self.joined(1), 20, "the join")
        of_pool = 'actpass_reaches_total{pool="field",result="%s"}'
        for result, count in (("reached", 1), ("none_came", 1), ("unknown", 1), ("failed", 0)):
            self.assertEqual(metrics[of_pool % result], count, result)
        self.assertEqual(metrics['actpass_pool_offers{pool="field"}'], 0)
        self.assertNotIn("devices.example", self.curl("/metrics").body)
        self.check_format()

    def joined(self, count):
        metrics = self.metrics()
        return metrics['actpass_pool_clients_joined{pool="field"}'] == count and metrics

    def check_format(self):
        need("promtool")
        done = subprocess.run(["promtool", "check", "metrics"], input=self.curl("/metrics").body,
                              capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
