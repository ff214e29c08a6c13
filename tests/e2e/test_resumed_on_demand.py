"""A certificate on demand in a resumed session: it is asked for and judged anew."""
import ssl

from support import tls
from support.each import VERSIONS, each
from support.site import HttpCase as Site


class ResumedOnDemand(Site):
    def visit(self, actpass, made, session, path):
        """One connection with one request; its session, whether it was resumed, and the status."""
        with self.connect(actpass) as raw, made.wrap_socket(
                raw, server_hostname="front.example", session=session) as sock:
            reused = sock.session_reused  # a renegotiation is a full handshake
            sock.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: front.example\r\n"
                         b"Connection: close\r\n\r\n")
            answer = b""
            try:
                while chunk := sock.recv(4096):
                    answer += chunk
            except (ssl.SSLError, OSError):
                pass
            status = int(answer.split()[1]) if answer else None
            return sock.session, reused, status

    def context(self, version, certificate):
        made = tls.context(self.certificates, False, version, certificate=certificate)
        made.post_handshake_auth = True
        return made

    def service_with(self, **changes):
        return self.site(tls={"client_auth": "on_demand", "sessions": "memory", **changes},
                         http={"protected": ["/secure/"]})

    @each(version=VERSIONS, certificate=("device", "stranger", None))
    def test_it_is_asked_for_and_judged_anew(self, version, certificate):
        actpass = self.service_with()
        made = self.context(version, certificate)
        session, _, status = self.visit(actpass, made, None, b"/text.txt")
        self.assertEqual(status, 200)
        _, reused, status = self.visit(actpass, made, session, b"/secure/file.txt")
        self.assertTrue(reused)
        if certificate == "device":
            self.assertEqual(status, 200)
        else:
            self.assertIn(status, (403, None))
