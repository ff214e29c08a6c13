"""The worst that a gate can do is to join a client to the wrong device. Devices that each answer
with their own name come and go, renew their certificates and speak first, clients give up, and the
configuration is loaded again: each answer is that of the device that was asked for, or there is a
clear failure."""
import asyncio
import random
import signal
import ssl

from support.data import soak
from support.reloads import Reloads
from test_fleet import Fleet, head

DEVICES = soak(12, 500)
REACHES = soak(200, 20000)
CLIENTS = 24  # at once


class Device:
    """Keeps one connection in the pool, and answers `NAME QUESTION` to each question."""

    def __init__(self, number, contexts, port):
        self.names = [f"d{number}.devices.example", f"alias{number}.devices.example"]
        self.contexts, self.port = contexts, port
        self.random = random.Random(number)

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
            patience = self.random.random() * 0.2 if self.random.random() < 0.4 else 60
            question = await asyncio.wait_for(reader.readline(), patience)
            if question:
                writer.write(self.names[0].encode() + b" " + question)
                await writer.drain()
        except asyncio.TimeoutError:
            pass
        finally:
            if self.random.random() < 0.5:
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
            try:
                outcome = await asyncio.wait_for(self.reach(name, number), 20)
            except (OSError, asyncio.IncompleteReadError):
                outcome = "cut"
            self.tally[outcome] = self.tally.get(outcome, 0) + 1

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
    deadline = soak(120, 1500)

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
        tally = {"asked": 0}
        devices = [asyncio.create_task(Device(number, self.make_contexts(number),
                                              actpass.port("field")).run())
                   for number in range(DEVICES)]
        clients = [Client(actpass.port("gate"), tally, seed).run() for seed in range(CLIENTS)]
        reloads = asyncio.create_task(self.reload_often(actpass))
        await asyncio.gather(*clients)
        for task in reloads, *devices:
            task.cancel()
        await asyncio.gather(reloads, *devices, return_exceptions=True)
        return tally

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
        tally = asyncio.run(self.churn(actpass))
        print(f"\n{DEVICES} devices: {tally}")
        wrong = [outcome for outcome in tally if outcome.startswith("WRONG")]
        self.assertEqual(wrong, [])
        self.assertGreater(tally["right"], REACHES / 5, tally)
        self.assertEqual([line for line in actpass.find(level="error")], [])
