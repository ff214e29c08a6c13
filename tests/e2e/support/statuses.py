"""A made-up /status of a daemon, and a server that answers with it."""
import http.server
import json
import os
import socketserver
import threading

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
PAGE = os.path.join(TOP, "server/daemon/admin/page")
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
          "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
NOW_MS = 1795891923123
EVENTS = ("accept", "first_byte", "verdict", "hello", "handshake", "first_data", "end")
# By the number of a failed connection: cause, role, reason, error, and the timeline until its end.
FAILURES = (
    ("not_tls", "none", "PROTOCOL", "the peer does not speak TLS", (0, .208, .208)),
    ("client_hello", "server", "REFUSED", "the peer's certificate has expired",
     (0, .4, .42, .5, 8.2)),
    ("silence", "client", "TIMEOUT", "the handshake took longer than 10 s", (0, None, 250, 250.2)),
    ("client_hello", "server", "TRUNCATED", "the peer ended without close_notify",
     (0, .3, .31, .4, 3.1, 4)),
)
AFTER_MS = (.2, 4, 10000, 61000)  # from the last event to the end
NEVER = (None,) * len(EVENTS)


def connection(number, **changes):
    """One that is established, with all members."""
    times = (0, .412, .43, .455, 2.731 + number % 7, 3.5 + 10 * (number % 11), None)
    made = {"conn": number, "service": ("gate", "shop")[number % 2], "dialed": False,
            "peer": f"192.0.2.{number % 250}:{40000 + number}", "state": "established",
            "role": "server", "cause": "client_hello", "reason": None, "error": None,
            "protocol": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "group": "x25519",
            "alpn": "http/1.1", "server_name": "shop.example", "subject": f"CN=device {number}",
            "fingerprint": "9f86d081" * 8, "resumed": number % 3 == 0,
            "received_bytes": 100 * number, "sent_bytes": 1000 * number,
            "accepted_ms": NOW_MS - 1000 * (number + 1), "timeline": dict(zip(EVENTS, times))}
    return {**made, **changes}


def waiting(number):
    """One without a role yet."""
    unknown = dict.fromkeys(("role", "cause", "protocol", "cipher", "group", "alpn", "server_name",
                             "subject", "fingerprint"))
    return connection(number, **unknown, state="waiting", received_bytes=0, sent_bytes=0,
                      timeline=dict(zip(EVENTS, (0,) + NEVER)))


def failure(number, **changes):
    kind = number % len(FAILURES)
    cause, role, reason, error, times = FAILURES[kind]
    times = times + NEVER[len(times):]
    end = max(time for time in times if time is not None) + AFTER_MS[kind]
    return connection(number, state="closed", cause=cause, role=role, reason=reason, error=error,
                      timeline=dict(zip(EVENTS, times[:-1] + (end,))), **changes)


def service(name, **changes):
    made = {"name": name, "listen": "127.0.0.1:4433", "dial": [], "role": "auto",
            "as_server": "forward 127.0.0.1:8080", "as_client": "echo", "max_connections": 10000,
            "open": 2, "states": {"waiting": 1, "handshake": 0, "established": 1, "closing": 0},
            "accepted": 120, "dialed": 0, "dials_failed": 0, "dial_addresses_failed": 0,
            "refused": {"denied": 0, "rate_per_address": 3, "per_address": 0},
            "made_way": 0, "dropped": 0, "handshakes": 115, "handshake_ms_sum": 431.25,
            "resumed": 40, "received_bytes": 1 << 20, "sent_bytes": 2 << 20,
            "closed": [{"role": "server", "cause": "client_hello", "reason": "CLEAN", "count": 114},
                       {"role": "none", "cause": "not_tls", "reason": "PROTOCOL", "count": 4},
                       {"role": "none", "cause": "closed_before_first_byte", "reason": "TRUNCATED",
                        "count": 9}],
            "certificates": [{"server_names": [], "subject": f"CN={name}.example",
                              "serial": "5F0A11", "not_before_ms": 1790000000000,
                              "not_after_ms": NOW_MS + 30 * 86400000}]}
    return {**made, **changes}


def device(name, number=0, joins=0, **changes):
    """A name of a pool."""
    made = {"name": name, "offers": 2, "waiting": 0, "since_ms": NOW_MS - 5000, "joined": joins,
            "joins": [{"device": number + n, "client": number + n + 1000, "gate": "gate",
                       "by": "connect", "since_ms": NOW_MS - 3000} for n in range(min(joins, 8))]}
    return {**made, **changes}


def pool(name, devices, **changes):
    made = {"name": name, "offers": sum(one["offers"] for one in devices), "names": len(devices),
            "waiting": sum(one["waiting"] for one in devices),
            "joined": sum(one["joined"] for one in devices), "joined_total": 120, "displaced": 1,
            "results": {"reached": 120, "not_allowed": 1, "unknown": 2, "failed": 0, "stopping": 0,
                        "full": 0, "none_came": 3},
            "devices": devices}
    return {**made, **changes}


def status(opened=(), failed=(), services=None, **changes):
    """A whole /status."""
    made = {"version": "0.1.0", "openssl": "OpenSSL 3.0.17 1 Jul 2025", "pid": 4242,
            "time_ms": NOW_MS, "started_ms": NOW_MS - 11923123, "state": "running",
            "threads": {"crew": 2, "blocked": 0}, "log_lines_lost": 0, "open": len(opened),
            "services": services or [service("gate"), service("shop", listen="[::]:443")],
            "pools": [], "connections": list(opened), "failed": list(failed)}
    return {**made, **changes}


class _Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class Stub:
    """Serves `status` (bytes, or None: 500) and the page, at a unix socket or a port of its own."""

    def __init__(self, path=None):
        stub = self
        self.status = json.dumps(status()).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                stub._answer(self)

            def address_string(self):
                return "stub"

            def log_message(self, *_):
                pass

        if path:
            self.server = _Unix(path, Handler)
            self.address = f"unix:{path}"
        else:
            self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            self.address = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(.05,))
        self.thread.start()

    def _answer(self, request):
        path, kind, body = request.path.partition("?")[0], "application/json", None
        name = os.path.basename(path) or "page.html"
        if path == "/status":
            body = self.status
        elif name in os.listdir(PAGE):
            kind = TYPES[name.rpartition(".")[2]]
            with open(os.path.join(PAGE, name), "rb") as file:
                body = file.read()
        request.send_response(200 if body is not None else 500)
        request.send_header("Content-Type", kind + "; charset=utf-8")
        request.send_header("Content-Security-Policy", POLICY)
        request.end_headers()
        request.wfile.write(body or b"")

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
