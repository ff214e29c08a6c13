"""The worst that a gate can do is to join a client to the wrong device. Devices that each answer
with their own name come and go, renew their certificates and speak first, clients give up, and the
configuration is loaded again: each answer is that of the device that was asked for, or there is a
clear failure. Once nothing comes and goes any more, each name is reached.

How many are reached meanwhile depends on the machine: a device has one connection and needs a
handshake for the next, a client waits only so long, and a part of both give up."""
import asyncio
import random
import signal
import ssl

from support.data import fleet
from support.reloads import Reloads
from test_fleet import Fleet, head

DEVICES = fleet(12, 100, 500)
REACHES = fleet(200, 1500, 20000)
CLIENTS = 24  # at once
CALM_S = 120  # to reach all names once it is calm


class Device:
    """Keeps one connection in the pool, and answers `NAME QUESTION` to each question."""

    def __init__(self, number, contexts, port):
        self.names = [f"d{number}.devices.example", f"alias{number}.devices.example"]
        self.contexts, self.port = contexts, port
        self.random = random.Random(number)
        self.calm = False  # True: its connections do not vanish any more

    async def run(self):
        while True:
            try:
                await self.serve_one()
            except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
                pass
            await asyncio.sleep(self.random.random() * 0.02)

    async def serve_one(self):
        """TLS by one of its certificates. A part of its connections vanish while they wait."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.random.choice(self.contexts),
            server_hostname="front.example")
        try:
            if self.random.random() < 0.3:
                writer.write(self.names[0].encode() + b" speaks first\n")
            vanishes = self.random.random() < 0.4 and not self.calm
            patience = self.random.random() * 0.2 if vanishes else 60
            question = await asyncio.wait_for(reader.readline(), patience)
            if question:
                writer.write(self.names[0].encode() + b" " + question)
                await writer.drain()
        except asyncio.TimeoutError:
            pass
        finally:
            if self.random.random() < 0.5 and not self.calm:
                writer.transport.abort()
            else:
                writer.close()


class Client:
    """Reaches for random devices; counts what came of it, and keeps what must never be."""

    def __init__(self, port, tally, seed):
        self.port, self.tally, self.random = port, tally, random.Random(seed)

    async def run(self):
        while self.tally["asked"] < REACHES:
            self.tally["asked"] += 1
            number = self.random.randrange(DEVICES)
            name = self.random.choice(["d", "alias"]) + f"{number}.devices.example"
            await self.reach_once(name, number)

    async def reach_once(self, name, number):
        try:
            outcome = await asyncio.wait_for(self.reach(name, number), 60)
        except (OSError, asyncio.IncompleteReadError):
            outcome = "cut"
        self.tally[outcome] = self.tally.get(outcome, 0) + 1
        return outcome

    async def reach_at_last(self, number):
        """Both names, as often as it takes."""
        for kind in "d", "alias":
            while await self.reach_once(f"{kind}{number}.devices.example", number) != "right":
                await asyncio.sleep(0.05)

    async def reach(self, name, number):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            question = b"q%d\n" % self.random.getrandbits(60)
            early = self.random.random() < 0.3
            writer.write(head(name, more=question if early else b""))
            if self.random.random() < 0.1:
                await asyncio.sleep(self.random.random() * 0.02)
                return "gave up"
            status = int((await reader.readuntil(b"\r\n\r\n")).split()[1])
            if status != 200:
                return str(status)
            if not early:
                writer.write(question)
            own = b"d%d.devices.example " % number
            line = await reader.readline()
            if line == own + b"speaks first\n":
                line = await reader.readline()
            if line in (b"", own + question):
                return "right" if line else "closed"
            return f"WRONG: {name} answered {line!r}"
        finally:
            if self.random.random() < 0.3:
                writer.transport.abort()
            else:
                writer.close()


class Churn(Fleet, Reloads):
    deadline = fleet(300, 600, 1800)

    def make_contexts(self, number):
        """Two certificates of the same names: it renews them."""
        made = []
        for generation in range(2 if number % 3 == 0 else 1):
            name = f"churn-{number}-{generation}"
            alternative = ",".join(f"DNS:{kind}{number}.devices.example" for kind in ("d", "alias"))
            self.certificates._make(name, "ca", f"device {number}", alternative, [])
            context = ssl.create_default_context(cafile=self.certificates.path("ca"))
            context.load_cert_chain(*self.certificates.chain(name))
            made.append(context)
        return made

    async def churn(self, actpass):
        tally, calm = {"asked": 0}, {"asked": 2 * DEVICES}
        devices = [Device(number, self.make_contexts(number), actpass.port("field"))
                   for number in range(DEVICES)]
        tasks = [asyncio.create_task(device.run()) for device in devices]
        reloads = asyncio.create_task(self.reload_often(actpass))
        gate = actpass.port("gate")
        await asyncio.gather(*(Client(gate, tally, seed).run() for seed in range(CLIENTS)))
        reloads.cancel()
        for device in devices:
            device.calm = True
        await asyncio.wait_for(self.reach_all(gate, calm), CALM_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(reloads, *tasks, return_exceptions=True)
        return tally, calm

    @staticmethod
    async def reach_all(gate, tally):
        """A few at a time."""
        async def some(first):
            for number in range(first, DEVICES, CLIENTS // 4):
                await Client(gate, tally, number).reach_at_last(number)
        await asyncio.gather(*(some(first) for first in range(CLIENTS // 4)))

    async def reload_often(self, actpass):
        """The pool stays, whatever else is changed."""
        for number in range(1000):
            await asyncio.sleep(0.3)
            self.write(actpass, self.field(max_connections=2000 + number),
                       self.gate(wait=f"{500 + number}ms"), level="warning")
            actpass.signal(signal.SIGHUP)

    def test_nobody_is_joined_to_another_device(self):
        actpass = self.actpass(self.field(max_connections=2000), self.gate(wait="500ms"),
                               level="info")
        tally, calm = asyncio.run(self.churn(actpass))
        print(f"\n{DEVICES} devices: {tally}, then {calm}")
        wrong = [outcome for outcome in (*tally, *calm) if outcome.startswith("WRONG")]
        self.assertEqual(wrong, [])
        self.assertGreater(tally.get("right", 0), 0, tally)
        self.assertEqual([line for line in actpass.find(level="error")], [])
