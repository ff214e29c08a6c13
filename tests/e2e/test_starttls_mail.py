"""STARTTLS with programs that were not written here: exim, dovecot and vsftpd as servers, on either
side of actpass; curl, swaks and openssl s_client as clients."""
import subprocess

from support.case import Case, need
from support.each import each
from support.mail import PASSWORD, USER, Dovecot, Exim, Vsftpd


class WithServers(Case):
    """In front of plain servers we are the TLS server; towards servers with STARTTLS the client."""
    servers = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, kind in cls.servers:
            server = kind(cls.certificates)
            cls.addClassCleanup(server.close)
            setattr(cls, name, server)

    def front(self, protocol, port, **changes):
        """The port of a service with STARTTLS before a plain server."""
        return self.actpass(self.service(starttls=protocol, forward=f"127.0.0.1:{port}", **changes))

    def back(self, protocol, port, **changes):
        """The port of a plain service that speaks STARTTLS with a server."""
        service = self.service("back", listen=None, listen_plain="127.0.0.1:0", echo=None,
                               dial=f"127.0.0.1:{port}", starttls=protocol,
                               initial_data_timeout=None, **changes)
        return self.actpass(service)

    def run_client(self, *command, stdin=None):
        need(command[0])
        made = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=50)
        self.assertEqual(made.returncode, 0, made.stdout + made.stderr)
        return made.stdout

    def curl(self, actpass, url, *more, secure="--ssl-reqd"):
        """URL has a %s for host and port. SECURE: how TLS is asked for; None: not at all."""
        host, port = ("front.example" if secure else "127.0.0.1"), actpass.port()
        tls = [secure, "--cacert", self.certificates.path("ca")] if secure else []
        return self.run_client("curl", "--silent", "--show-error", "--max-time", "40", "--noproxy",
                               "*", "--resolve", f"front.example:{port}:127.0.0.1", *tls, *more,
                               url % f"{host}:{port}")

    def s_client(self, actpass, protocol, *commands):
        """What comes after the handshake, with these commands sent."""
        return self.run_client(
            "openssl", "s_client", "-starttls", protocol, "-connect",
            f"127.0.0.1:{actpass.port()}", "-CAfile", self.certificates.path("ca"),
            "-verify_hostname", "front.example", "-verify_return_error", "-quiet", "-crlf",
            stdin="".join(command + "\n" for command in commands))

    def is_clean(self, actpass):
        self.assertEqual(actpass.close()["reason"], "CLEAN")


class Smtp(WithServers):
    servers = (("exim", Exim),)

    def check_message(self, body):
        found = [message for message in self.exim.messages() if body.encode() in message]
        self.assertEqual(len(found), 1, self.exim.messages())

    def swaks(self, actpass, body, *more):
        return self.run_client("swaks", "--server", f"127.0.0.1:{actpass.port()}", "--from",
                               "a@one.example", "--to", "b@two.example", "--body", body,
                               "--timeout", "30", *more)

    def test_swaks_to_a_plain_exim(self):
        actpass = self.front("smtp", self.exim.plain)
        said = self.swaks(actpass, "by swaks", "-tls", "--tls-verify", "--tls-ca-path",
                          self.certificates.path("ca"))
        self.assertIn("=== TLS started", said)
        self.check_message("by swaks")

    def test_curl_to_a_plain_exim(self):
        actpass = self.front("smtp", self.exim.plain)
        message = self.file("message", b"Subject: a\r\n\r\nby curl\r\n")
        self.curl(actpass, "smtp://%s/me.example", "--mail-from", "a@one.example", "--mail-rcpt",
                  "b@two.example", "--upload-file", message)
        self.check_message("by curl")

    def test_a_plain_client_to_an_exim_with_starttls(self):
        actpass = self.back("smtp", self.exim.port)
        said = self.swaks(actpass, "by a plain client")
        self.assertNotIn("STARTTLS", said)
        self.check_message("by a plain client")
        self.is_clean(actpass)

    def test_two_of_us_between_a_plain_client_and_a_plain_exim(self):
        """Both sides of the protocol are ours then."""
        front = self.front("smtp", self.exim.plain)
        back = self.back("smtp", front.port(), tls={"peer_names": ["front.example"],
                                                    "certificate": None, "key": None})
        self.swaks(back, "through two")
        self.check_message("through two")

    def test_swaks_to_an_exim_for_each_connection(self):
        """As inetd does it, and stunnel with exec and protocol."""
        command = ["/usr/sbin/exim4", "-bs", "-C", self.exim.path("exim.conf")]
        actpass = self.actpass(self.service(echo=None, starttls="smtp", exec={"command": command}))
        self.swaks(actpass, "by a program", "-tls")
        self.check_message("by a program")

    def test_exim_without_starttls_is_reported(self):
        actpass = self.back("smtp", self.exim.plain)
        with self.assertRaises(AssertionError):
            self.swaks(actpass, "never sent")
        self.assertIn("does not offer STARTTLS", actpass.close()["error"])


class Imap(WithServers):
    servers = (("dovecot", Dovecot),)
    LOGIN = ("--user", f"{USER}:{PASSWORD}")

    @each(protocol=["imap", "pop3"])
    def test_curl_to_a_plain_dovecot(self, protocol):
        path = {"imap": "/INBOX;MAILINDEX=1", "pop3": "/1"}[protocol]
        actpass = self.front(protocol, getattr(self.dovecot, protocol))
        self.assertIn("kept", self.curl(actpass, f"{protocol}://%s{path}", *self.LOGIN))

    @each(protocol=["imap", "pop3"])
    def test_curl_without_tls_to_a_dovecot_with_starttls(self, protocol):
        path = {"imap": "/INBOX;MAILINDEX=1", "pop3": "/1"}[protocol]
        actpass = self.back(protocol, getattr(self.dovecot, protocol))
        said = self.curl(actpass, f"{protocol}://%s{path}", *self.LOGIN, secure=None)
        self.assertIn("kept", said)

    @each(protocol=["imap", "pop3"])
    def test_openssl_s_client(self, protocol):
        leave = {"imap": "a LOGOUT", "pop3": "QUIT"}[protocol]
        actpass = self.front(protocol, getattr(self.dovecot, protocol))
        said = self.s_client(actpass, protocol, leave)
        self.assertTrue(said.startswith({"imap": "* BYE", "pop3": "+OK"}[protocol]), said)


class Ftp(WithServers):
    """The control connection alone: data connections are not ours, and are in clear."""
    servers = (("vsftpd", Vsftpd),)

    def test_curl_to_a_plain_vsftpd(self):
        actpass = self.front("ftp", self.vsftpd.port)
        said = self.curl(actpass, "ftp://%s/kept", secure="--ftp-ssl-control")
        self.assertEqual(said, "kept\n")

    def test_curl_that_wants_its_data_in_tls(self):
        """A backend without TLS refuses PROT P, and the client says so."""
        actpass = self.front("ftp", self.vsftpd.port)
        with self.assertRaises(AssertionError) as caught:
            self.curl(actpass, "ftp://%s/kept")
        self.assertIn("(64)", str(caught.exception))

    def test_curl_without_tls_to_a_vsftpd_with_auth_tls(self):
        actpass = self.back("ftp", self.vsftpd.port)
        self.assertEqual(self.curl(actpass, "ftp://%s/kept", secure=None), "kept\n")

    def test_openssl_s_client(self):
        actpass = self.front("ftp", self.vsftpd.port)
        self.assertTrue(self.s_client(actpass, "ftp", "QUIT").startswith("221 "))
