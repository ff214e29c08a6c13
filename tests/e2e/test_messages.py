"""What actpass says about bad configurations, files and command lines: compared with
tests/golden/."""
import concurrent.futures
import os
import re
import subprocess
import tempfile

from support.case import Case, program
from support.golden import Golden, call

GOOD = "c.json: the configuration is good"

# What differs between machines.
NORMALS = [(r"^actpass \d[\d.]*$", "actpass VERSION"), (r"^OpenSSL \d.*", "OpenSSL VERSION"),
           (r"^(s[a-z]+ in [\w ]+: |admin listener: ).*", r"\1BUILT"),
           (r"( is not known here: ).*", r"\1REASON"),
           (r"( expires on )[\d-]+( \(UTC\), in 5 days)", r"\1DATE\2")]


class Messages(Case):
    deadline = 300  # hundreds of short runs

    def setUp(self):
        super().setUp()
        self.forms = self.make_forms()

    def make_forms(self):
        """The certificate and key of "front" in other forms: names and bytes."""
        certificate, key = self.certificates.chain("front")
        commands = {
            "der.crt": ["x509", "-in", certificate, "-outform", "DER"],
            "der.key": ["pkey", "-in", key, "-outform", "DER"],
            "locked.key": ["pkey", "-in", key, "-aes256", "-passout", "pass:x"],
            "both.p12": ["pkcs12", "-export", "-in", certificate, "-inkey", key, "-passout", "pass:x"],
            "weak.pem": ["req", "-x509", "-newkey", "rsa:1024", "-nodes", "-config", "/dev/null", "-subj",
                         "/CN=weak", "-keyout", "/dev/stdout"],
            "request.pem": ["req", "-new", "-key", key, "-config", "/dev/null", "-subj", "/CN=x"],
        }
        return {name: subprocess.run(["openssl", *command], check=True, capture_output=True).stdout
                for name, command in commands.items()}

    def folder_for(self, golden, title):
        """A folder of the case's own, with its configuration and the files that this may name."""
        folder = tempfile.mkdtemp(dir=self.folder)
        os.mkdir(os.path.join(folder, "folder"))
        certificate, key, authority, other = (
            self.read(self.certificates.path(*name))
            for name in (("front",), ("front", "key"), ("ca",), ("device", "key")))
        for name, content in [("peer.pem", certificate + key), ("ca.pem", authority),
                              ("open.pem", certificate + key), ("empty.pem", b""), ("other.key", other),
                              ("text.pem", b"no certificate\n"), ("c.json", golden.input(title)),
                              ("cert.pem", certificate), ("key.pem", key), *self.forms.items(),
                              ("renewed.pem", self.forms["request.pem"] + certificate + key),
                              ("bundle.pem", certificate + self.read(self.certificates.path("early"))),
                              ("far.pem", certificate + b"text\n" * 14000 + key),
                              *self.special_certificates(),
                              ("c.jsonc", golden.input(title)), *golden.more_files(title).items()]:
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)
            os.chmod(file.name, 0o644 if name in ("ca.pem", "open.pem") else 0o600)
        return folder

    def special_certificates(self):
        """Names and bytes of certificates that peers may refuse, and of their keys."""
        for name in "expired", "early", "soon", "without-chain":
            for end in "pem", "key":
                yield f"{name}.{end}", self.read(self.certificates.path(name, end))

    @staticmethod
    def read(path):
        with open(path, "rb") as file:
            return file.read()

    def check_file(self, golden, title):
        """What --check prints about a configuration."""
        status, out, err = call(self.folder_for(golden, title), program(), golden.arguments(title))
        self.assertIn(status, (0, 2), title)
        self.assertEqual(out[:1], [GOOD] if status == 0 else [], title)
        return err

    def run_command(self, golden, title):
        """What a command prints, which stream it prints it on, and its exit status."""
        status, out, err = call(self.folder_for(golden, title), program(), golden.arguments(title),
                                golden.environment(title))
        return [f"status {status}", *self.shown("stdout", out), *self.shown("stderr", err)]

    @staticmethod
    def shown(stream, lines):
        """With the usage after an error, and the version, left out."""
        kept = next((at for at, line in enumerate(lines) if at and "usage:" in line), len(lines))
        if kept < len(lines):
            lines = lines[:kept] + ["usage: ..."]
        for pattern, normal in NORMALS:
            lines = [re.sub(pattern, normal, line) for line in lines]
        return [f"{stream}: {line}" for line in lines]

    def check_all(self, name, say, share=1):
        """Every SHARE-th case, or all to write them."""
        golden = Golden(name)
        titles = list(golden.cases)[::1 if os.environ.get("GOLDEN_UPDATE") else share]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            said = pool.map(lambda title: say(golden, title), titles)
            golden.check({**golden.outputs(), **dict(zip(titles, said))})

    def test_config(self):
        """unit/test_config_messages.c has all of them."""
        self.check_all("config.txt", self.check_file, share=5)

    def test_program(self):
        self.check_all("program.txt", self.run_command)
