"""How a program for a connection ("exec") ends: by its peer, a stop, or the end of the process that starts it."""
import os
import signal
import time

from support import tls
from support.data import until
from support.executed import Programs, alive, children, exec_of, shell


class Ends(Programs):
    def test_the_peer_resets(self):
        """TERM for the whole group; what ignores that is killed."""
        actpass = self.front(shell("trap '' TERM; (trap '' TERM; sleep 1000) & echo $$ $!; "
                                   "while :; do sleep 1000; done", kill_after="300ms"))
        peer = self.client(actpass)
        pids = list(map(int, peer.recv().split()))
        tls.reset(peer.sock)
        line = actpass.wait_for(event="program", state="ended")
        self.assertEqual(line["signal"], "9")
        self.gone(*pids)
        self.assertEqual(actpass.close()["reason"], "RESET")
        until(lambda: children(self.spawner(actpass)) == [], 30, "all children reaped")

    def test_output_that_nobody_reads(self):
        """It waits; the peer's reset ends it."""
        actpass = self.front(exec_of("/usr/bin/yes"))
        peer = self.client(actpass)
        pid = int(actpass.wait_for(event="program", state="started")["pid"])
        time.sleep(0.2)  # for the buffers to fill: nothing says that they are full
        self.assertTrue(alive(pid))
        tls.reset(peer.sock)
        self.gone(pid)
        actpass.wait_for(event="program", state="ended")

    def test_input_that_it_never_reads(self):
        for transport in "relay", "direct":
            with self.subTest(transport):
                actpass = self.front(exec_of("/bin/sleep", "1000"), transport=transport)
                peer = self.client(actpass)
                pid = int(actpass.wait_for(event="program", state="started")["pid"])
                peer.send(b"x" * 270000)  # fills its socket and our buffers, but not TCP's window
                time.sleep(0.3)  # to fill them: nothing says that they are full
                tls.reset(peer.sock)
                self.gone(pid)
                self.assertEqual(actpass.close()["reason"], "RESET")

    def test_stop(self):
        """A stop waits for programs as for connections, then ends them, and leaves none."""
        actpass = self.actpass(self.service(exec=shell("trap '' TERM; echo $$; sleep 1000; sleep 1000",
                                                       kill_after="200ms")),
                               shutdown_timeout="300ms", check=False)
        peer = self.client(actpass)
        pid = int(peer.recv())
        spawner = self.spawner(actpass)
        actpass.signal(signal.SIGTERM)
        self.assertEqual(actpass.wait_exit(), 3)
        self.gone(pid, spawner)

    def test_the_daemon_is_killed(self):
        actpass = self.actpass(self.service(exec=shell("echo $$; sleep 1000")), check=False)
        pid = int(self.client(actpass).recv())
        spawner = self.spawner(actpass)
        actpass.signal(signal.SIGKILL)
        self.gone(pid, spawner)

    def test_the_spawner_is_killed(self):
        """That is said, connections end, and not in order; further ones are refused clearly."""
        actpass = self.front(shell("echo $$; sleep 1000"))
        peer = self.client(actpass)
        pid = int(peer.recv())
        os.kill(self.spawner(actpass), signal.SIGKILL)
        actpass.wait_for(event="programs", level="error")
        with self.assertRaises((tls.Truncated, ConnectionResetError)):
            peer.recv_all()
        self.gone(pid)
        with self.assertRaises((tls.Truncated, ConnectionResetError)):
            self.client(actpass).recv_all()
        actpass.wait_for(event="backend", level="warning")

    def test_a_spawner_that_takes_nothing_holds_no_thread(self):
        """Its queue is full then. Other services go on, the log says it once, and it forgets nobody."""
        actpass = self.actpass(self.service(exec=shell("sleep 1000"), handshake_timeout="3s", max_connections=1000),
                               self.service("other"))
        spawner = self.spawner(actpass)
        os.kill(spawner, signal.SIGSTOP)
        self.addCleanup(os.kill, spawner, signal.SIGCONT)
        threads = actpass.threads()
        peers = [self.client(actpass) for _ in range(300)]
        if os.environ.get("ACTPASS_TEST_PARK") != "never":  # else each connection has one of its own
            self.assertLess(actpass.threads(), threads + 20)
        peer = self.client(actpass, service="other")
        self.assertEqual(peer.exchange(b"hello", 5), b"hello")
        peer.finish()
        actpass.wait_for(event="close", reason="CANCELLED", count=300)
        for peer in peers:
            peer.sock.close()
        self.assertEqual(len(actpass.find(event="programs", level="error")), 1)
        os.kill(spawner, signal.SIGCONT)
        until(lambda: actpass.find(event="program", state="ended"), 20, "programs that came too late")
        until(lambda: not children(spawner), 20, "the end of all of them")
        peer = self.client(actpass)
        until(lambda: children(spawner), 20, "a program for the next one")
        peer.sock.close()

    def test_the_spawner_hangs(self):
        """As when a folder's file system does not answer: a connection does not wait for ever."""
        actpass = self.front(shell("echo up"), handshake_timeout="2s")
        spawner = self.spawner(actpass)
        os.kill(spawner, signal.SIGSTOP)
        self.addCleanup(os.kill, spawner, signal.SIGCONT)
        with self.assertRaises((tls.Truncated, ConnectionResetError)):
            self.client(actpass).recv_all()
        self.assertIn("handshake_timeout", actpass.close(reason="CANCELLED")["error"])
        os.kill(spawner, signal.SIGCONT)
        self.assertEqual(self.ask(actpass), b"up\n")

    def test_many(self):
        """50 at once, ended in each way: no descriptor, process or zombie is left."""
        count = max(10, 50 // int(os.environ.get("ACTPASS_SHARE", 1)))
        actpass = self.front(shell("trap 'exit 3' TERM; sleep 1000 & echo up; read line; echo $line"),
                             max_connections=count)
        spawner = self.spawner(actpass)
        before = len(os.listdir(f"/proc/{spawner}/fd"))
        peers = [self.client(actpass) for _ in range(count)]
        for peer in peers:
            self.assertEqual(peer.recv(), b"up\n")
        for number, peer in enumerate(peers):
            if number % 2:
                peer.send(b"%d\n" % number)
                self.assertEqual(peer.recv_all(), b"%d\n" % number)
                peer.finish()
            else:
                tls.reset(peer.sock)
        actpass.wait_for(event="program", state="ended", count=count)
        until(lambda: children(spawner) == [], 30, "all children reaped")
        until(lambda: len(os.listdir(f"/proc/{spawner}/fd")) == before, 30, "its descriptors")
