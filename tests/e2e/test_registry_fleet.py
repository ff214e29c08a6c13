"""Several collectors share a pool through a registry in Redis: a device is reached through each of
them, wherever it is connected, and never a wrong one. Each device answers with its own name."""
import os
import selectors
import signal
import socket
import threading
import time

from support.case import need
from support.data import fleet, until
from support.redis import Redis, free_port
from test_fleet import Fleet, head

DEVICES = fleet(12, 100, 300)
COLLECTORS = 3
REFUSED = (403, 404, 502, 503, 504)


class Names:
    """The services of all devices, in one thread: each answers a line with the device's name."""

    def __init__(self, names):
        self.selector = selectors.DefaultSelector()
        self.addresses = {}
        for name in names:
            listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            self.addresses[name] = "127.0.0.1:%d" % listener.getsockname()[1]
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


class Collectors(Fleet):
    deadline = fleet(90, 200, 300)

    def setUp(self):
        super().setUp()
        need("redis-server")
        self.redis = self.backend(Redis(self.folder).start())
        self.link_port, self.field_port = free_port(), free_port()

    def certificate(self, name):
        """The "tls" of whoever has this name: the certificate, made here, and its key."""
        made = os.path.join(self.folder, name)
        if not os.path.exists(self.certificates.path(made)):
            self.certificates._make(made, "ca", name, f"DNS:{name}", [])
        return {"certificate": self.certificates.path(made),
                "key": self.certificates.path(made, "key")}

    def collector(self, number, wait="3s", name=None):
        """Its services for devices, for clients, and for the other collectors."""
        host = f"127.0.0.{number}"
        shown = self.certificate(name or f"c{number}.collectors.example")
        peers = {**shown, "client_auth": "require", "peer_names": ["*.collectors.example"]}
        services = [
            self.service("field", {**shown, "client_auth": "require"}, offer="field",
                         role="server", listen=f"{host}:{self.field_port}"),
            {**self.gate(wait=wait), "listen_plain": f"{host}:0"},
            self.service("link", peers, role="server", listen=f"{host}:{self.link_port}",
                         reach={"pool": "field", "by": "connect", "wait": "500ms"}),
            self.service("others", {**peers, "client_auth": None},
                         listen=None, initial_data_timeout=None, echo=None,
                         share={"pool": "field", "registry": self.redis.url,
                                "advertise": f"{host}:{self.link_port}", "expire": "1s"})]
        return self.actpass(*services, check=False)

    def devices(self, names, collectors):
        """All of them in one process. Each prefers another collector, and takes the next one if
        that is gone."""
        self.names = self.backend(Names(names))
        services = []
        for number, name in enumerate(names):
            first = name.split(".")[0]
            order = [collectors[(number + i) % len(collectors)] for i in range(len(collectors))]
            services.append(self.dial_service(
                *[f"127.0.0.{host}:{self.field_port}" for host in order], name=first,
                forward=self.names.addresses[name], retry={"min": "50ms", "max": "500ms"},
                tls={**self.certificate(name), "client_auth": None,
                     "peer_names": ["*.collectors.example", "c2.elsewhere.example"]}))
        return self.actpass(*services, check=False, level="info")

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

    def test_a_collector_dies(self):
        names = [f"d{number}.devices.example" for number in range(DEVICES)]
        collectors = [self.collector(number + 1) for number in range(COLLECTORS)]
        self.devices(names, [number + 1 for number in range(COLLECTORS)])
        begin = time.monotonic()
        self.reach_all(collectors, names, fleet(30, 60, 120))
        passed_on = sum(len(each.find(event="close", service="others", reason="CLEAN"))
                        for each in collectors)
        self.assertGreater(passed_on, DEVICES, "each is elsewhere for two of three collectors")
        all_there = time.monotonic()
        collectors[0].kill()
        self.reach_all(collectors[1:], names, fleet(30, 60, 120))
        print(f"{DEVICES} devices through {COLLECTORS} collectors: {passed_on} of "
              f"{DEVICES * COLLECTORS} passed on, {all_there - begin:.1f} s; after one was killed, "
              f"all through the other two in {time.monotonic() - all_there:.1f} s")

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
