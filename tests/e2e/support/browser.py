"""A headless Chromium, driven by the Chrome DevTools Protocol over a pipe."""
import base64
import json
import os
import select
import subprocess
import time

from .actpass import died_with_us

# What is in the sandbox of Chromium cannot run as root, and /dev/shm is small in containers.
OPTIONS = ["--headless", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
           "--no-first-run", "--disable-extensions", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--no-proxy-server",
           "--hide-scrollbars", "--remote-debugging-pipe"]
# Before any script of the page: what it violates and throws is kept.
WATCH = """window.troubles = [];
for (const kind of ["securitypolicyviolation", "error", "unhandledrejection"])
    addEventListener(kind, (event) => troubles.push(
        [kind, event.violatedDirective, event.message, String(event.reason)].join(" ")), true);
"""


class Browser:
    """One page in a browser of its own. `size` is that of its window."""

    def __init__(self, folder, size=(1440, 900)):
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        os.set_inheritable(theirs_in, True)
        os.set_inheritable(theirs_out, True)
        command = ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", "chromium",
                   *OPTIONS, f"--user-data-dir={folder}", "--window-size=%d,%d" % size, "about:blank"]
        self.process = subprocess.Popen(died_with_us(command), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        pass_fds=(theirs_in, theirs_out), start_new_session=True,
                                        env={**os.environ, "HOME": folder})
        os.close(theirs_in)
        os.close(theirs_out)
        self.pipes = ours_in, ours_out
        self.buffer, self.number, self.session = b"", 0, None
        self.session = self._attach()
        self.call("Page.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)

    def _attach(self):
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        return self.call("Target.attachToTarget", targetId=page["targetId"],
                         flatten=True)["sessionId"]

    def _read(self, deadline):
        """The next message."""
        while b"\0" not in self.buffer:
            ready = select.select([self.pipes[0]], [], [], max(0, deadline - time.monotonic()))[0]
            piece = os.read(self.pipes[0], 1 << 20) if ready else b""
            if not piece:
                raise AssertionError("the browser does not answer")
            self.buffer += piece
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method, timeout=40, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.pipes[1], json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            answer = self._read(deadline)
            if answer.get("id") != self.number:
                continue
            if "error" in answer:
                raise AssertionError(f"{method}: {answer['error']['message']}")
            return answer["result"]

    def run(self, script):
        """The value of an expression in the page; of a promise, what it comes to."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def open(self, url):
        self.call("Page.navigate", url=url)

    def wait(self, script, timeout=30):
        """Waits until the expression is true, which the page itself looks at with each frame."""
        return self.run("""new Promise((done, failed) => {
            const late = performance.now() + %d;
            const look = () => { if (%s) done(true);
                else if (performance.now() > late) failed(new Error("not in time: " + %s));
                else setTimeout(look, 20); };
            look();
        })""" % (timeout * 1000, script, json.dumps(script)))

    def key(self, key, text=""):
        kind = "keyDown" if text else "rawKeyDown"
        codes = {"Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "Tab": 9, "End": 35}
        code = codes.get(key, ord(key[0].upper()))
        for step in kind, "keyUp":
            more = {"text": text} if text and step != "keyUp" else {}
            self.call("Input.dispatchKeyEvent", type=step, key=key, windowsVirtualKeyCode=code, **more)

    def scheme(self, name):
        """Light or dark."""
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": name}])

    def picture(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as out:
            out.write(base64.b64decode(data))

    def close(self):
        try:
            self.call("Browser.close", timeout=5)
            self.process.wait(10)
        except (AssertionError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
        self.process.wait()
        for pipe in self.pipes:
            os.close(pipe)
