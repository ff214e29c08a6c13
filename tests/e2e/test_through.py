"""Services that dial through a proxy: tinyproxy with CONNECT, microsocks and danted with SOCKS5."""
import os
import socket

from support import proxies, tls
from support.backend import Backend
from support.case import SHORT
from support.dials import Dials
from support.each import each
from support.proxies import PASSWORD, USER

PROXIES = {"tinyproxy": proxies.tinyproxy, "microsocks": proxies.microsocks,
           "danted": proxies.danted}
LOGIN = {"tinyproxy": [f"BasicAuth {USER} {PASSWORD}"], "microsocks": ["-u", USER, "-P", PASSWORD]}
WANTS = {"tinyproxy": "refused: 407 Proxy Authentication Required; it wants a user and a password: "
                      "add dial_through_auth",
         "microsocks": "refused: it wants the client to authenticate: add dial_through_auth"}
WRONG = {"tinyproxy": "does it take Basic authentication, with what is in dial_through_auth?",
         "microsocks": "refused the user or the password: check dial_through_auth"}
REFUSED = "refused: connection refused by the target (SOCKS5 reply 5)"
UNREACHED = {"tinyproxy": "refused: 50",  # its releases differ
             "microsocks": REFUSED, "danted": REFUSED}


class Through(Dials):
    def ask(self, actpass, text):
        local = self.connect(actpass)
        local.sendall(text)
        local.shutdown(socket.SHUT_WR)
        return self.read_all(local)

    @staticmethod
    def said(proxy, what):
        return f"the proxy {proxy.address} {what}"

    @each(kind=list(PROXIES))
    def test_a_client_reaches_a_server_by_address_and_by_name(self, kind):
        server = self.tls_server(self.echo)
        port = server.address.rpartition(":")[2]
        proxy = PROXIES[kind](self)
        for target in server.address, f"localhost:{port}":
            actpass = self.bridge(target, dial_through=proxy.url)
            self.assertEqual(self.ask(actpass, b"hello"), b"hello")
            line = actpass.wait_for(event="connected")
            self.assertEqual((line["address"], line["through"], line["peer"]),
                             (target, proxy.url, proxy.address))
            closed = actpass.wait_for(event="close", reason="CLEAN")
            self.assertEqual((closed["address"], closed["through"]), (target, proxy.url))

    @each(kind=list(LOGIN))
    def test_a_user_and_a_password(self, kind):
        server = self.tls_server(self.echo)
        proxy = PROXIES[kind](self, *LOGIN[kind])
        auth = proxies.credentials(self)
        actpass = self.bridge(server.address, dial_through=proxy.url, dial_through_auth=auth)
        self.assertEqual(self.ask(actpass, b"hello"), b"hello")
        proxies.credentials(self, "wrong")  # is read at each dial
        self.cut_before_a_byte(actpass)
        line = actpass.wait_for(event="dial")
        self.assertEqual((line["address"], line["through"]), (server.address, proxy.url))
        self.assertTrue(line["error"].startswith(self.said(proxy, "refused")), line)
        self.assertTrue(line["error"].endswith(WRONG[kind]), line)
        os.unlink(auth)
        self.cut_before_a_byte(actpass)
        self.assertIn(f"{auth} cannot be read: ", actpass.wait_for(event="dial", count=2)["error"])
        without = self.bridge(server.address, dial_through=proxy.url)
        self.cut_before_a_byte(without)
        self.assertEqual(without.wait_for(event="dial")["error"], self.said(proxy, WANTS[kind]))
        self.assertNotIn("wrong", "\n".join(actpass.lines))
        self.assertNotIn(PASSWORD, "\n".join(actpass.lines))

    @each(kind=list(PROXIES))
    def test_an_address_that_the_proxy_does_not_reach_is_followed_by_the_next(self, kind):
        server = self.tls_server(self.echo)
        proxy = PROXIES[kind](self)
        dead = f"127.0.0.1:{self.dead_port()}"
        actpass = self.bridge(dead, server.address, dial_through=proxy.url)
        self.assertEqual(self.ask(actpass, b"hello"), b"hello")
        failed = actpass.wait_for(event="dial")
        self.assertEqual(failed["address"], dead)
        self.assertTrue(failed["error"].startswith(self.said(proxy, UNREACHED[kind])), failed)
        self.assertEqual(actpass.wait_for(event="connected")["address"], server.address)

    @each(kind=list(PROXIES))
    def test_a_device_behind_a_proxy_calls_home(self, kind):
        """The collector's ClientHello can come with the proxy's answer."""
        made = tls.context(self.certificates, False, certificate="front")

        def run(session):
            peer = tls.Tls(session.sock, made, server_hostname="dev1.devices.example").handshake()
            peer.send(b"hello")
            session.echoed = peer.recv_exactly(5)
            peer.finish()
        collector = self.backend(Backend(run))
        proxy = PROXIES[kind](self)
        home = {"certificate": self.certificates.path("device"),
                "key": self.certificates.path("device", "key"), "peer_names": ["front.example"]}
        for number, role in enumerate(("server", "auto")):
            device = self.actpass(self.dial_service(collector.address, role=role, tls=home,
                                                    dial_through=proxy.url), check=False)
            self.assertEqual(device.role()["role"], "server")
            device.close(reason="CLEAN")
            self.assertEqual(device.stop(), 0)
            self.assertEqual(collector.session(number).echoed, b"hello")

    @each(kind=list(PROXIES))
    def test_with_role_auto_a_silent_peer_is_the_server(self, kind):
        server = self.tls_server(self.echo)
        actpass = self.bridge(server.address, role="auto", initial_data_timeout=SHORT,
                              dial_through=PROXIES[kind](self).url)
        self.assertEqual(self.ask(actpass, b"hello"), b"hello")
        role = actpass.role()
        self.assertEqual((role["role"], role["cause"]), ("client", "silence"))

    def test_proxies_that_are_down_or_silent(self):
        down = f"127.0.0.1:{self.dead_port()}"
        actpass = self.bridge("a.example:1", "b.example:1", dial_through=f"http://{down}")
        self.cut_before_a_byte(actpass)
        self.assertEqual(actpass.wait_for(event="dial")["error"],
                         f"the proxy {down} cannot be reached: Connection refused")
        silent = self.backend(Backend(lambda session: session.sock.recv(1000) and
                                      session.sock.recv(1000)))
        actpass = self.bridge("a.example:1", "b.example:1", connect_timeout="2s",
                              dial_through=f"socks5://{silent.address}")
        self.cut_before_a_byte(actpass)
        for count in 1, 2:
            self.assertEqual(actpass.wait_for(event="dial", count=count)["error"],
                             f"the proxy {silent.address} has not connected to it within its part "
                             "of connect_timeout")

    @each(kind=["microsocks", "danted"])
    def test_many_at_once(self, kind):
        server = self.tls_server(self.echo)
        proxy = PROXIES[kind](self)
        actpass = self.bridge(server.address, dial_through=proxy.url)
        locals_ = [self.connect(actpass) for _ in range(40)]
        for number, local in enumerate(locals_):
            local.sendall(b"%02d" % number)
        for number, local in enumerate(locals_):
            self.assertEqual(local.recv(10), b"%02d" % number)
            local.close()
        actpass.wait_for(event="close", reason="CLEAN", count=40)
