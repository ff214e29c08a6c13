"""stunnel's own test suite: fetched from Debian, as source of the version that is installed, and run a
plugin at a time, since one that waits for what never comes would stop the others."""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
RESULT = re.compile(r"^(\d{3})\. ", re.M)
ENDED = re.compile(r"\.{20,} (succeeded|failed|skipped)$", re.M)


class Unavailable(Exception):
    """The source cannot be had here."""


def _run(command, folder, timeout=120):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(command[:2])}: {done.stderr.strip()[-300:]}")
    return done.stdout


def _source_line():
    """Where the package comes from, as apt knows it, with the sources beside the programs."""
    policy = subprocess.run(["apt-cache", "policy", "stunnel4"], capture_output=True, text=True,
                            timeout=60).stdout
    found = re.search(r"^ +\d+ (http\S+) ([a-z-]+)/main \S+ Packages", policy, re.M)
    if not found:
        raise Unavailable("apt knows no place where stunnel4 comes from: apt-get update")
    signed = f"[signed-by={KEYRING}] " if os.path.exists(KEYRING) else ""
    return f"deb-src {signed}{found[1]} {found[2]} main\n"


def fetch(folder):
    """The folder tests/ of the source, with certificates, below FOLDER."""
    lists = os.path.join(folder, "lists")
    os.makedirs(os.path.join(lists, "partial"), exist_ok=True)
    with open(os.path.join(folder, "sources.list"), "w") as out:
        out.write(_source_line())
    options = ["-o", f"Dir::Etc::SourceList={folder}/sources.list", "-o", "Dir::Etc::SourceParts=-",
               "-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={folder}", "-o",
               "Acquire::Retries=2", "-o", "APT::Sandbox::User=root"]
    _run(["apt-get", *options, "update"], folder)
    _run(["apt-get", *options, "source", "--download-only", "stunnel4"], folder)
    archive = [name for name in os.listdir(folder) if ".orig.tar" in name and
               not name.endswith(".asc")]
    if not archive:
        raise Unavailable("the source package has no .orig.tar")
    _run(["tar", "xf", archive[0]], folder)
    source = [name for name in os.listdir(folder) if name.startswith("stunnel-")][0]
    tests = os.path.join(folder, source, "tests")
    certs = os.path.join(tests, "certs")
    _run(["sh", "maketestcert.sh"], certs)
    for name in os.listdir(certs):
        if name.endswith((".pem", ".p12", ".txt")):
            os.chmod(os.path.join(certs, name), 0o600)  # actpass wants keys to be private
    return tests


def plugins(tests):
    return sorted(name for name in os.listdir(os.path.join(tests, "plugins"))
                  if re.match(r"p\d+_.*\.py$", name))


def _alone(tests, plugin, folder):
    """A copy of the suite that has one plugin."""
    os.makedirs(os.path.join(folder, "plugins"))
    for name in os.listdir(tests):
        if name.endswith(".py"):
            shutil.copy(os.path.join(tests, name), folder)
    shutil.copy(os.path.join(tests, "plugins", plugin), os.path.join(folder, "plugins"))
    return folder


def run(tests, plugin, folder, actpass, seconds):
    """{number of the case: "succeeded", "failed", "skipped" or "late"}, and what was printed."""
    copy = _alone(tests, plugin, folder)
    command = [sys.executable, "maketest.py", "--certs", os.path.join(tests, "certs"), "--program",
               os.path.join(HERE, "stunnel"), "--logs", os.path.join(copy, "logs")]
    with subprocess.Popen(command, cwd=copy, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, start_new_session=True,
                          env={**os.environ, "ACTPASS": actpass}) as process:
        try:
            text, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)  # a session of its own: this suite and the adapters
            text, _ = process.communicate()
    results = {}
    for part in re.split(r"^(?=\d{3}\. )", text, flags=re.M)[1:]:
        ended = ENDED.search(part)
        results[RESULT.match(part)[1]] = ended[1] if ended else "late"
    return results, text
