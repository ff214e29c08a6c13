"""What is known of a peer before it speaks; and what --check says of Fast Open."""
import signal
import subprocess
import time

from support.case import program
from support.dials import Dials


class Hints(Dials):
    def test_a_hint_of_client_skips_the_wait(self):
        actpass = self.actpass(self.service(
            role_hints=[{"from": "10.0.0.0/8", "role": "server"},
                        {"from": "127.0.0.0/8", "role": "client"}]))  # the timeout is 20 s
        self.device(actpass).finish()
        role = actpass.role()
        self.assertEqual((role["role"], role["cause"]), ("client", "hint"))

    def test_a_hint_of_server(self):
        actpass = self.actpass(self.service(initial_data_timeout="0s",
                                            role_hints=[{"from": "127.0.0.1/32",
                                                         "role": "server"}]))
        client = self.client(actpass, handshake=False)
        time.sleep(0.1)  # with the timeout alone we would have become client by now
        client.handshake().finish()
        role = actpass.role()
        self.assertEqual((role["role"], role["cause"]), ("server", "hint"))

    def test_a_wrong_hint_does_no_harm_to_a_hello_that_is_there(self):
        """The client's hello came while no thread of ours ran: withholding finds it."""
        actpass = self.actpass(self.service(role_hints=[{"from": "127.0.0.0/8",
                                                         "role": "client"}]))
        actpass.signal(signal.SIGSTOP)
        client = self.client(actpass, handshake=False)
        client.try_handshake()
        actpass.signal(signal.SIGCONT)
        client.handshake().finish()
        actpass.wait_for(event="role", cause="client_hello_late", role="server")

    def test_silent_peers_are_remembered(self):
        actpass = self.actpass(self.service(initial_data_timeout="1s", remember_roles=True))
        for number in range(4):
            self.device(actpass).finish()
        waits = [int(line["after_ms"]) for line in
                 (actpass.wait_for(event="role", count=number + 1) for number in range(4))]
        self.assertTrue(all(wait >= 1000 for wait in waits[:2]), waits)
        self.assertTrue(all(125 <= wait < 1000 for wait in waits[2:]), waits)
        self.client(actpass).finish()  # it speaks first: forgotten
        self.device(actpass).finish()
        self.assertGreaterEqual(int(actpass.wait_for(event="role", count=6)["after_ms"]), 1000)


class Check(Dials):
    def test_check_warns_where_the_system_forbids_fast_open(self):
        with open("/proc/sys/net/ipv4/tcp_fastopen") as sysctl:
            allowed = int(sysctl.read())
        server = self.tls_server(self.echo)
        for bit, service in ((1, self.dial_service(server.address, tcp_fast_open=True)),
                             (2, self.service(tcp_fast_open=True))):
            actpass = self.actpass(service, check=False, shutdown_timeout="100ms")
            checked = subprocess.run([program(), "--check", actpass.config_file],
                                     capture_output=True, text=True, check=True)
            self.assertEqual("net.ipv4.tcp_fastopen=" in checked.stderr, not allowed & bit,
                             checked.stderr)
            actpass.stop()
