"""The page of the admin listener in a real browser: what it draws is what /status says, whatever that
holds; its keys, its filter, and how it looks without a daemon. One browser for all of it, since its
start takes longer than the rest."""
import json
import os

from support import statuses
from support.browser import Browser
from support.case import Case, need
from support.statuses import EVENTS

OPEN, FAILED = 500, 200
HOSTILE = "CN=<img src=x onerror='document.title=1'></td><script>alert(1)</script>&lt;\x1b[31m\u202e"
WORDS = dict(zip(EVENTS, ("accepted", "first byte", "verdict", "hello", "handshake done",
                          "first data", "end")))
ROWS = """[...document.querySelectorAll("#connections tr.row")].map((row) => ({
    cells: [...row.children].map((cell) => cell.textContent),
    label: row.querySelector("svg").getAttribute("aria-label"),
    failed: row.classList.contains("failed"),
    marks: [...row.querySelectorAll("rect.mark")].map((mark) =>
        [mark.dataset.event, parseFloat(mark.getAttribute("x"))]),
    until: Math.max(...[...row.querySelectorAll("rect:not(.mark)")].map((bar) =>
        parseFloat(bar.getAttribute("x")) + parseFloat(bar.getAttribute("width"))))}))"""
AXIS = """[...document.querySelectorAll("#axis span")].map((tick) =>
    [Number(tick.dataset.ms), parseFloat(tick.style.left)])"""
# The contrast of each kind of text with what is behind it (WCAG 2.2, 1.4.3).
CONTRAST = """(() => {
    const part = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = (text) => part(text).slice(0, 3).map((c) => c / 255).map((c) =>
        c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
    const behind = (element) => { for (; element; element = element.parentElement) {
        const color = getComputedStyle(element).backgroundColor;
        if (part(color)[3] !== 0) return color; } };
    const kinds = "h1, h2, dt, dd, th, .pill, footer, label, #pause, tr:nth-child(-n + 5) > td";
    return [...document.querySelectorAll(kinds)]
        .filter((element) => element.checkVisibility()).map((element) => {
            const two = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
            return (two[0] + .05) / (two[1] + .05); })
        .reduce((least, ratio) => Math.min(least, ratio));
})()"""


def duration(ms):
    if ms < 1000:
        return f"{ms:.{2 if ms < 10 else 1 if ms < 100 else 0}f} ms"
    return f"{ms / 1000:.1f} s" if ms < 60000 else f"{int(ms // 60000)} m {int(ms // 1000 % 60):02d} s"


def in_order(status):
    """Failures first, then what has no handshake yet, the oldest first, then the rest."""
    pending = [one for one in status["connections"] if one["timeline"]["handshake"] is None]
    return status["failed"] + pending[::-1] + [one for one in status["connections"] if one not in pending]


def reached(connection):
    return sorted(((event, ms) for event, ms in connection["timeline"].items()
                   if ms is not None and event != "accept"), key=lambda step: step[1])


class AdminPage(Case):
    deadline = 120

    def setUp(self):
        super().setUp()
        need("chromium")
        self.browser = self.backend(Browser(os.path.join(self.folder, "browser")))

    # ---- what the stub answers

    def give(self, status):
        """The stub's answer from now on, which the page then reads."""
        self.stub.status = json.dumps(status).encode()
        self.browser.run("ask()")

    def crowd(self):
        opened = [statuses.waiting(n) if n % 25 == 3 else statuses.connection(n)
                  for n in range(OPEN)]
        failed = [statuses.failure(1000 + n, accepted_ms=statuses.NOW_MS - 62000 - 1000 * n)
                  for n in range(FAILED)]
        failed[1]["error"], failed[1]["subject"] = None, HOSTILE
        opened[0]["server_name"] = opened[0]["alpn"] = HOSTILE
        devices = [statuses.device("idle.example"), statuses.device("used.example", 20, joins=2),
                   statuses.device("wanted.example", offers=0, waiting=1, since_ms=None),
                   statuses.device(HOSTILE, 50, joins=25)]
        return statuses.status(opened, failed, pools=[statuses.pool("field", devices),
                                                      statuses.pool(HOSTILE, [])])

    def later(self, status, **changes):
        return {**status, "time_ms": status["time_ms"] + 1000, **changes}

    def visit(self, address, ready):
        """Opens the page and waits. What its modules export is then at hand: ask, state."""
        self.browser.open(f"http://{address}/")
        self.browser.wait(f"window.troubles && {ready}")
        self.browser.run("""Promise.all([import("/page.js"), import("/state.js")]).then((modules) => {
            Object.assign(window, ...modules); })""")

    # ---- what the page shows

    def text(self, selector):
        return self.browser.run(f"document.querySelector({json.dumps(selector)}).textContent")

    def conns(self):
        return self.browser.run("""[...document.querySelectorAll("#connections tr.row")].map((row) =>
            Number(row.dataset.conn))""")

    def visible(self, selector):
        return self.browser.run(f"document.querySelector({json.dumps(selector)}).checkVisibility()")

    def focused(self):
        return self.browser.run("document.activeElement.textContent.slice(2)")

    # ---- the parts

    def check_connections(self):
        """Each row has the facts of its connection, and its timeline the events that it had, each
        where the axis has its time."""
        self.compare_rows(self.status)
        self.assertEqual(len(self.conns()), OPEN + FAILED)

    def compare_rows(self, status):
        rows, axis = self.browser.run(ROWS), self.browser.run(AXIS)
        self.assertGreaterEqual(len(axis), 4)
        axis = [(0, 0), *axis, (1e12, 100)]
        self.assertEqual(len(rows), len(status["connections"]) + len(status["failed"]))
        for row, one in zip(rows, in_order(status)):
            failed = one["state"] == "closed"
            cause = ", ".join(filter(None, (one["role"], one["cause"]))) or "–"
            self.assertEqual(row["cells"][2:6] + row["cells"][7:],
                             [one["reason"] if failed else one["state"], one["service"], one["peer"],
                              cause, one["error"] or one["subject"] or one["server_name"] or "–"])
            self.assertEqual(row["cells"][0], f"▸ {one['conn']}")
            self.assertEqual(row["failed"], failed)
            steps = reached(one)
            self.assertEqual([event for event, _ in row["marks"]], [event for event, _ in steps])
            self.assertEqual(row["label"], ", ".join(
                f"{WORDS[event]} {duration(ms)}" + (f" ({one['cause']})" if event == "verdict" else "")
                for event, ms in steps) or "nothing has happened yet")
            end = one["timeline"]["end"] or status["time_ms"] - one["accepted_ms"]
            for ms, at in [*((ms, at) for (_, ms), (_, at) in zip(steps, row["marks"])),
                           (end, row["until"])]:
                below = max(place for tick, place in axis if tick <= ms)
                above = min(place for tick, place in axis if tick >= ms)
                self.assertTrue(below - .02 <= at <= above + .02, (one["conn"], ms, at, axis))

    def check_services(self):
        cells = self.browser.run("""[...document.querySelectorAll("#services tbody tr")].map((row) =>
            [...row.children].map((cell) => cell.textContent))""")
        for row, service in zip(cells, self.status["services"]):
            self.assertEqual(row[:4] + row[9:], [
                service["name"], service["listen"], "auto", "2 of 10,000", "120", "4", "3", "40",
                f"in 30 d 00 h, CN={service['name']}.example"])
        self.assertEqual(len(cells), 2)
        self.assertEqual(self.text("#numbers dd"), str(OPEN))
        self.assertIn("Next expiry30 d 00 h", self.text("#numbers"))
        self.assertIn("version 0.1.0, pid 4242, up 3 h 18 m", self.text("#about"))
        self.assertEqual(self.text("#state"), "running")

    def devices(self):
        return self.browser.run("""[...document.querySelectorAll("#devices tbody tr")].map((row) =>
            [...row.children].map((cell) => cell.textContent))""")

    def check_fleet(self):
        rows = self.devices()
        self.assertEqual([row[1] for row in rows],
                         [HOSTILE, "used.example", "wanted.example", "idle.example"])
        self.assertTrue(rows[0][5].endswith("; 17 more"), rows[0])
        self.assertEqual(rows[1:], [
            ["field", "used.example", "2", "0", "5.0 s",
             "gate 1020 by connect, conn 20, for 3.0 s; gate 1021 by connect, conn 21, for 3.0 s"],
            ["field", "wanted.example", "0", "1", "–", "–"],
            ["field", "idle.example", "2", "0", "5.0 s", "–"]])
        self.assertEqual(self.text("#devices-count"), "4 of 4")
        self.assertEqual(self.text("#pools"),
                         "field: 6 offered, 1 waiting, 27 joined; 120 reached, 6 missed so far"
                         f"{HOSTILE}: 0 offered, 0 waiting, 0 joined; 120 reached, 6 missed so far")
        for text, names in (("used", ["used.example"]), ("nowhere", [])):
            self.browser.run("""(() => { const field = document.getElementById("device");
                field.value = %s; field.dispatchEvent(new Event("input")); })()""" % json.dumps(text))
            self.assertEqual([row[1] for row in self.devices()], names)
        self.assertFalse(self.visible("#devices"))
        self.browser.run("""(() => { const field = document.getElementById("device");
            field.value = ""; field.dispatchEvent(new Event("input")); })()""")
        self.assertEqual(len(self.devices()), 4)

    def check_hostile_text(self):
        self.assertEqual(self.text("tr[data-conn='1001'] td:last-child"), HOSTILE)
        self.browser.run("document.querySelector(\"tr[data-conn='1001'] button\").click()")
        self.assertIn(HOSTILE, self.text("#details-1001 dl"))
        self.browser.run("document.querySelector(\"tr[data-conn='1001'] button\").click()")
        self.assertEqual(self.browser.run(
            "document.querySelectorAll('img, body script, tbody tbody, [onerror]').length"), 0)
        self.assertEqual(self.browser.run("document.title"), "actpass")

    def check_filter(self):
        all_of_them = in_order(self.status)

        def choose(name, value):
            self.browser.run("""(() => { const field = document.forms[0].elements[%s]; field.value = %s;
                field.dispatchEvent(new Event("input", {bubbles: true})); })()"""
                             % (json.dumps(name), json.dumps(value)))

        def check(wanted):
            self.assertEqual(self.conns(), [one["conn"] for one in all_of_them if wanted(one)])
        choose("service", "gate")
        check(lambda one: one["service"] == "gate")
        choose("cause", "silence")
        check(lambda one: one["service"] == "gate" and one["cause"] == "silence")
        self.browser.key("Escape")
        self.assertEqual(len(self.conns()), OPEN + FAILED)
        choose("result", "REFUSED")
        check(lambda one: one["reason"] == "REFUSED")
        self.assertEqual(self.text("#count"), "50 of 700")
        choose("result", "waiting")
        check(lambda one: one["state"] == "waiting")
        choose("result", "all failed")
        check(lambda one: one["state"] == "closed")
        self.browser.key("Escape")
        self.browser.key("/", "/")
        for letter in "Expi":
            self.browser.key(letter, letter)
        check(lambda one: "expi" in (one["error"] or ""))
        self.browser.key("!", "!")
        self.assertEqual(self.text("#nothing"), "No connection fits the filter.")
        self.assertFalse(self.visible("#connections"))
        self.browser.key("Escape")
        self.assertEqual(len(self.conns()), OPEN + FAILED)
        self.browser.run("document.querySelector('#services button').click()")
        check(lambda one: one["service"] == "gate")
        self.browser.run("document.querySelector('#services button').click()")
        self.assertEqual(len(self.conns()), OPEN + FAILED)

    def check_keys(self):
        self.browser.run("document.activeElement.blur()")
        order = [str(conn) for conn in self.conns()]
        for key, wanted in (("ArrowDown", order[0]), ("ArrowDown", order[1]), ("ArrowUp", order[0]),
                            ("End", order[-1]), ("ArrowDown", order[-1]), ("ArrowUp", order[-2])):
            self.browser.key(key)
            self.assertEqual(self.focused(), wanted)
        self.browser.key("Enter", "\r")
        self.assertEqual(self.browser.run("document.activeElement.getAttribute('aria-expanded')"), "true")
        details = self.text(f"#details-{order[-2]} ol")
        for event, ms in reached(in_order(self.status)[-2]):
            self.assertIn(WORDS[event] + duration(ms), details)
        stops = "document.querySelectorAll('#connections button[tabindex=\"0\"]').length"
        self.assertEqual(self.browser.run(stops), 1)
        self.browser.key("p", "p")
        self.assertEqual(self.text("#pause"), "Paused")
        self.browser.key("p", "p")
        self.assertEqual(self.text("#pause"), "Pause")

    def check_live(self):
        """A connection that fails comes first; it keeps its row, and the row the focus."""
        focused = self.focused()
        status = self.later(self.status)
        gone = next(one for one in status["connections"] if str(one["conn"]) == focused)
        status["connections"] = [one for one in status["connections"] if one is not gone]
        status["failed"] = [{**gone, "state": "closed", "reason": "RESET", "error": "it was reset"},
                            *status["failed"][:-1]]
        status["services"] = [{**service, "accepted": service["accepted"] + 10}
                              for service in status["services"]]
        self.give(status)
        self.assertEqual(self.conns()[0], gone["conn"])
        self.assertEqual(self.text("tr.row td:last-child"), "it was reset")
        self.assertEqual(self.focused(), focused)
        self.assertEqual(len(self.conns()), OPEN + FAILED - 1)
        self.assertEqual(self.text("#services td:nth-child(5)"), "10")
        self.assertIn("20", self.text("#numbers"))

    def check_without_a_daemon(self):
        answer, self.stub.status = self.stub.status, None
        self.browser.run("ask()")
        self.assertIn("has not answered since", self.text("#alarm"))
        self.assertIn("HTTP status 500", self.text("#alarm"))
        self.assertTrue(self.visible("#alarm"))
        self.assertEqual(self.text("#state"), "not reachable")
        self.give(self.later(json.loads(answer), state="draining", connections=[], failed=[], open=0))
        self.assertFalse(self.visible("#alarm"))
        self.assertEqual(self.text("#state"), "draining")
        self.assertEqual(self.text("#nothing"), "No connection is open, and none has failed.")
        self.assertFalse(self.visible("#connections"))

    def check_schemes(self):
        for scheme in "dark", "light":
            self.browser.scheme(scheme)
            self.assertGreaterEqual(self.browser.run(CONTRAST), 4.5, scheme)
            self.take_picture(scheme)

    def take_picture(self, name):
        """For a person to look at, where ACTPASS_PICTURES names a folder."""
        if "ACTPASS_PICTURES" in os.environ:
            self.browser.picture(os.path.join(os.environ["ACTPASS_PICTURES"], f"page_{name}.png"))

    def check_a_daemon(self):
        """The page as the daemon serves it, with a connection of each kind."""
        actpass = self.actpass(self.service(tls={"client_auth": "require"}), check=False,
                               admin={"listen": "127.0.0.1:0"})
        address = actpass.wait_for(event="admin")["address"]
        plain = self.connect(actpass)
        plain.sendall(b"no TLS at all")
        actpass.wait_for(event="close", cause="not_tls")
        peer = self.client(actpass, certificate="html-name")
        peer.send(b"x")
        self.assertEqual(peer.recv_exactly(1), b"x")
        silent = self.connect(actpass)
        self.visit(address, "document.querySelectorAll('#connections tr.row').length === 3")
        status = json.loads(self.browser.run("state.paused = true, JSON.stringify(state.status)"))
        self.compare_rows(status)
        self.assertEqual([one["state"] for one in in_order(status)], ["closed", "waiting", "established"])
        events = [event for event, _ in reached(status["connections"][-1])]
        self.assertEqual(events, ["first_byte", "verdict", "hello", "handshake", "first_data"])
        self.assertIn("<img src=x", self.text("tr.row:last-child td:last-child"))
        self.assertEqual(self.text("#services td:nth-child(4)"), "2 of 10,000")
        self.assertEqual(self.browser.run("document.title"), "actpass")
        self.take_picture("daemon")
        self.assertEqual(self.browser.run("troubles"), [])
        silent.close()
        peer.finish()
        self.assertEqual(actpass.stop(), 0)

    def test_page(self):
        self.stub = self.backend(statuses.Stub())
        self.status = self.crowd()
        self.stub.status = json.dumps(self.status).encode()
        self.visit(self.stub.address, "document.querySelector('#connections tr.row')")
        for check in (self.check_connections, self.check_services, self.check_fleet,
                      self.check_hostile_text,
                      self.check_schemes, self.check_filter, self.check_keys, self.check_live,
                      self.check_without_a_daemon):
            with self.subTest(check.__name__):
                check()
        self.assertEqual(self.browser.run("troubles"), [])
        self.check_a_daemon()
