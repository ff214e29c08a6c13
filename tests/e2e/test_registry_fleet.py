"""Several collectors share a pool through a registry in Redis: a device is reached through each of
them, wherever it is connected, and never a wrong one. Each device answers with its own name."""
import os
import selectors
import signal
import socket
import threading
import time
import unittest

from support.case import need
from support.data import fleet, until
from support.namespaces import Hosts
from support.ports import free_port
from support.redis import Redis
from test_fleet import Fleet, head

DEVICES = fleet(12, 100, 300)
COLLECTORS = 3
GROUPS = 3  # of devices: a process and a host for each
PATIENCE = fleet(30, 60, 120)  # seconds
KEEPALIVE = {"idle": "1s", "interval": "1s", "probes": 1}
REFUSED = (403, 404, 502, 503, 504)


class Names:
    """The services of all devices, in one thread: each answers a line with the device's name."""

    def __init__(self, names, folder):
        self.selector = selectors.DefaultSelector()
        self.addresses = {}
        for name in names:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(f"{folder}/{name}.sock")
            listener.listen(64)
            self.addresses[name] = f"unix:{folder}/{name}.sock"
            self.selector.register(listener, selectors.EVENT_READ, (name, None))
        self.stop, self.stopped = socket.socketpair()
        self.selector.register(self.stopped, selectors.EVENT_READ, (None, None))
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            for key, _ in self.selector.select():
                name, client = key.data
                if name is None:
                    return
                if client is None:
                    made, _ = key.fileobj.accept()
                    self.selector.register(made, selectors.EVENT_READ, (name, made))
                    continue
                try:
                    if client.recv(100):
                        client.sendall(name.encode())
                except OSError:
                    pass
                self.selector.unregister(client)
                client.close()

    def close(self):
        self.stop.close()
        self.thread.join(10)
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


class Loopback:
    """In the place of Hosts: all is on this one."""

    @staticmethod
    def address(number):
        return f"127.0.0.{number}"

    @staticmethod
    def prefix(_number):
        return []


class Shared(Fleet):
    """Gates and the services of devices are unix sockets: in all network namespaces."""

    def setUp(self):
        super().setUp()
        need("redis-server")
        self.hosts = Loopback()
        self.redis = self.backend(self.make_redis().start())
        self.link_port, self.field_port = self.port(), self.port()

    @staticmethod
    def port():
        """A free one, on the loopback addresses of all collectors."""
        return free_port(*map(Loopback.address, range(1, COLLECTORS + 1)))

    def make_redis(self):
        return Redis(self.folder)

    def certificate(self, name):
        """The "tls" of whoever has this name: the certificate, made here, and its key."""
        made = os.path.join(self.folder, name)
        if not os.path.exists(self.certificates.path(made)):
            self.certificates._make(made, "ca", name, f"DNS:{name}", [])
        return {"certificate": self.certificates.path(made),
                "key": self.certificates.path(made, "key")}

    def collector(self, number, wait="3s", name=None):
        """Its services for devices, for clients, and for the other collectors."""
        host = self.hosts.address(number)
        shown = self.certificate(name or f"c{number}.collectors.example")
        peers = {**shown, "client_auth": "require", "peer_names": ["*.collectors.example"]}
        services = [
            self.service("field", {**shown, "client_auth": "require"}, offer="field",
                         role="server", listen=f"{host}:{self.field_port}", keepalive=KEEPALIVE),
            {**self.gate(wait=wait), "listen_plain": f"unix:{self.folder}/gate{number}.sock"},
            self.service("link", peers, role="server", listen=f"{host}:{self.link_port}",
                         reach={"pool": "field", "by": "connect", "wait": "500ms"}),
            self.service("others", {**peers, "client_auth": None},
                         listen=None, initial_data_timeout=None, echo=None,
                         share={"pool": "field", "registry": self.redis.url,
                                "advertise": f"{host}:{self.link_port}", "expire": "1s"})]
        return self.actpass(*services, check=False, prefix=self.hosts.prefix(number))

    def devices(self, names, collectors, host=0):
        """All of them in one process. Each prefers another collector, and takes the next one if
        that is gone."""
        answering = self.backend(Names(names, self.folder))
        services = []
        for number, name in enumerate(names):
            first = name.split(".")[0]
            order = [collectors[(number + i) % len(collectors)] for i in range(len(collectors))]
            services.append(self.dial_service(
                *[f"{self.hosts.address(each)}:{self.field_port}" for each in order], name=first,
                forward=answering.addresses[name], retry={"min": "50ms", "max": "500ms"},
                keepalive=KEEPALIVE,
                tls={**self.certificate(name), "client_auth": None,
                     "peer_names": ["*.collectors.example", "c2.elsewhere.example"]}))
        return self.actpass(*services, check=False, level="info", prefix=self.hosts.prefix(host))

    def reach(self, collector, name):
        """What answers under the name: its own name, or the status of a refusal."""
        client = self.asked(collector, name)
        try:
            status = self.status(client)
            if status != 200:
                return status
            client.sendall(b"who?\n")
            got = client.recv(200).decode()
            return got or 0
        except OSError:
            return 0
        finally:
            client.close()

    def reach_all(self, collectors, names, within):
        """Until each was reached through each of the collectors. Any answer is the device's own, or
        a refusal."""
        missing = {(number, name) for number in range(len(collectors)) for name in names}
        end = time.monotonic() + within
        while missing:
            self.assertLess(time.monotonic(), end, f"not reached: {sorted(missing)[:5]}")
            for number, name in sorted(missing):
                got = self.reach(collectors[number], name)
                if got == name:
                    missing.discard((number, name))
                else:
                    self.assertTrue(got == 0 or got in REFUSED, f"{name} was asked for, got {got}")


class CollectorGoes(Shared):
    """One of three, with devices in three groups: each collector and each group has a host of its
    own, if network namespaces can be made."""
    deadline = fleet(90, 200, 400)

    def make_redis(self):
        try:
            self.hosts = self.backend(Hosts(COLLECTORS + GROUPS))
        except unittest.SkipTest as missing:
            print(f"on loopback addresses, since {missing}")
            return super().make_redis()
        return Redis(self.folder, 6379, self.hosts.address(0), self.hosts.prefix(0))

    def start(self):
        """The collectors, the names of the devices, and these, by groups."""
        names = [f"d{number}.devices.example" for number in range(DEVICES)]
        collectors = [self.collector(number, wait="1s") for number in range(1, COLLECTORS + 1)]
        numbers = range(1, COLLECTORS + 1)
        groups = [self.devices(names[group::GROUPS], numbers, COLLECTORS + 1 + group)
                  for group in range(GROUPS)]
        begin = time.monotonic()
        self.reach_all(collectors, names, PATIENCE)
        passed_on = sum(len(each.find(event="close", service="others", reason="CLEAN"))
                        for each in collectors)
        self.assertGreater(passed_on, DEVICES, "each is elsewhere for two of three collectors")
        print(f"{DEVICES} devices through {COLLECTORS} collectors ({type(self.hosts).__name__}): "
              f"{passed_on} of {DEVICES * COLLECTORS} passed on, {time.monotonic() - begin:.1f} s")
        return collectors, names, groups

    def reach_all_without_the_first(self, collectors, names, how):
        begin = time.monotonic()
        self.reach_all(collectors[1:], names, PATIENCE)
        print(f"after one was {how}, all through the other two in {time.monotonic() - begin:.1f} s")

    @staticmethod
    def all_are_connected(groups):
        return DEVICES == sum(len(group.find(event="connected")) - len(group.find(event="close"))
                              for group in groups)

    def test_it_is_killed(self):
        collectors, names, _ = self.start()
        collectors[0].kill()
        self.reach_all_without_the_first(collectors, names, "killed")

    def test_its_cable_is_cut_and_mended(self):
        """Nobody is told: keepalive and the registry's expiry must notice."""
        if isinstance(self.hosts, Loopback):
            self.skipTest("network namespaces cannot be made here")
        collectors, names, groups = self.start()
        until(lambda: self.all_are_connected(groups), what="all devices having a connection again")
        self.hosts.cut(1)
        self.reach_all_without_the_first(collectors, names, "cut off")
        for end in collectors[0], *groups:
            end.wait_for(event="close", reason="TIMEOUT")
        collectors[0].wait_for(event="registry", state="down")
        self.assertIn(self.reach(collectors[0], names[0]), REFUSED)
        self.hosts.mend(1)
        self.reach_all(collectors, names, PATIENCE)


class Collectors(Shared):
    deadline = 90

    def test_redis_goes_and_comes_back(self):
        here, there = "d1.devices.example", "d2.devices.example"
        one, two = self.collector(1, wait="1s"), self.collector(2, wait="1s")
        self.devices([here], [1])
        self.devices([there], [2])
        self.reach_all([one, two], [here, there], 20)
        self.redis.kill()
        for each in one, two:
            self.assertEqual(each.wait_for(event="registry", state="down")["level"], "warning")
        until(lambda: self.reach(one, here) == here, what="the device that is here")
        self.assertEqual(self.reach(one, there), 504)
        self.redis.start()
        self.reach_all([one, two], [here, there], 20)
        for each in one, two:
            self.assertEqual(len(each.find(event="registry", state="down")), 1)
            self.assertEqual(len(each.find(event="registry", state="up")), 2)

    def test_a_reload_keeps_the_names_and_a_stop_takes_them_away(self):
        here, there = "d1.devices.example", "d2.devices.example"
        one, two = self.collector(1), self.collector(2, wait="1s")
        self.devices([here], [1])
        self.devices([there], [2])
        self.reach_all([one, two], [here, there], 20)
        for number in range(3):
            one.signal(signal.SIGHUP)
            self.reach_all([one, two], [here, there], 20)
            one.wait_for(event="reload", count=number + 1, service="others")
        self.assertEqual(one.stop(), 0)
        self.assertEqual([key for key in self.redis.keys() if b"127.0.0.1:" in key], [])
        self.assertEqual(self.reach(two, there), there)
        self.assertEqual(self.reach(two, here), 504)
        self.assertEqual(two.stop(), 0)

    def test_who_is_no_collector(self):
        """One with a certificate that is none of the collectors', and one that is only written in
        the registry: names there are not reached."""
        name = "d1.devices.example"
        good, other = self.collector(1, wait="1s"), self.collector(2, name="c2.elsewhere.example")
        self.devices([name], [2])
        until(lambda: self.reach(other, name) == name, what="the device, where it is")
        self.assertEqual(self.reach(good, name), 504)
        refused = good.wait_for(event="close", service="others")
        self.assertIn(refused["reason"], ("REFUSED", "TLS_ERROR", "POLICY"), refused)

    def full(self, host, port):
        """An address whose backlog is full: nobody answers a connect."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            sock = socket.socket()
            self.addCleanup(sock.close)
            sock.setblocking(False)
            sock.connect_ex((host, port))
        return f"{host}:{port}"

    def test_who_does_not_answer_is_dialed_for_as_long_as_it_is_remembered(self):
        name, silent = "d1.devices.example", self.full("127.0.0.9", self.link_port)
        one = self.collector(1, wait="1500ms")
        self.redis.ask("SADD", "actpass:{field}", silent)
        self.redis.ask("SADD", f"actpass:{{field}}:{silent}", name)
        client = self.asked(one, name)
        self.assertEqual(one.wait_for(event="dial", address=silent)["error"],
                         "no answer within expire")
        self.assertEqual(self.status(client), 504)

    def test_who_waits_during_a_reload_is_not_forgotten(self):
        name = "d1.devices.example"
        one, _ = self.collector(1, wait="6s"), self.collector(2)
        client = self.asked(one, name)
        one.signal(signal.SIGHUP)
        one.wait_for(event="reload")
        self.devices([name], [2])
        self.assertEqual(self.status(client), 200)

    def test_a_request_is_passed_on_once(self):
        name = "d1.devices.example"
        one, _ = self.collector(1, wait="500ms"), self.collector(2)
        self.devices([name], [2])
        self.reach_all([one], [name], 20)
        for _ in range(3):
            client = self.connect(one, "gate")
            client.sendall(head(name).replace(b"\r\n\r\n", b"\r\nMax-Forwards: 0\r\n\r\n"))
            self.assertEqual(self.status(client), 504)
        self.assertEqual(self.reach(one, name), name)
