"""Certificates made with the openssl command, once per run, in one folder.

Every name below is a certificate; <name>.pem holds its chain, <name>.key its key. All keys are
P-256.
"""
import hashlib
import os
import subprocess
import time

FRONT = "front.example"  # actpass itself
DEVICE = "dev1.devices.example"
PEER_NAMES = ["*.devices.example"]

# name: (issuer, subject's common name, subjectAltName, further extensions)
LEAVES = {
    "front": ("ca", FRONT, f"DNS:{FRONT},IP:127.0.0.1,IP:::1", []),
    "device": ("ca", DEVICE, f"DNS:{DEVICE}", []),
    "client": ("ca", "client", "DNS:client.devices.example", []),
    "other-name": ("ca", "other", "DNS:dev1.elsewhere.example", []),
    "deeper-name": ("ca", "deeper", "DNS:a.b.devices.example", []),
    "localhost": ("ca", "localhost", "DNS:localhost", []),
    "no-san": ("ca", DEVICE, None, []),
    "by-ip": ("ca", "ip", "IP:127.0.0.1", []),
    "html-name": ("ca", "<img src=x onerror=document.title=1>", "DNS:html.devices.example", []),
    "by-uri": ("ca", "uri", "URI:urn:dev:ops:32473-1", []),
    "for-servers": ("ca", "tls server", f"DNS:{DEVICE}", ["extendedKeyUsage=serverAuth"]),
    "for-clients": ("ca", "tls client", f"DNS:{DEVICE}", ["extendedKeyUsage=clientAuth"]),
    "by-middle": ("middle", DEVICE, f"DNS:{DEVICE}", []),
    "without-chain": ("ca", DEVICE, f"DNS:{DEVICE}",
                      ["authorityInfoAccess=caIssuers;URI:http://ca.example/ca.crt"]),
    "stranger": ("stranger-ca", DEVICE, f"DNS:{DEVICE}", []),
    "self-signed": (None, DEVICE, f"DNS:{DEVICE}", []),
}
AUTHORITIES = {"ca": None, "stranger-ca": None, "middle": "ca"}


class Certificates:
    def __init__(self, folder):
        self.folder = folder

    def path(self, name, end="pem"):
        return os.path.join(self.folder, f"{name}.{end}")

    def chain(self, name):
        return self.path(name), self.path(name, "key")

    def make_all(self):
        for name, issuer in AUTHORITIES.items():
            self._make(name, issuer, name, None, ["basicConstraints=critical,CA:TRUE",
                                                  "keyUsage=critical,keyCertSign,cRLSign"])
        for name, (issuer, subject, alternative, extensions) in LEAVES.items():
            self._make(name, issuer, subject, alternative,
                       ["basicConstraints=critical,CA:FALSE"] + extensions)
        with open(self.path("by-middle"), "a") as chain, open(self.path("middle")) as middle:
            chain.write(middle.read())
        self._make_request()
        self._make_dated("expired", "20200101000000Z", "20200201000000Z")
        self._make_dated("early", "20480101000000Z", "20480201000000Z")
        soon = time.gmtime(time.time() + 5.5 * 86400)
        self._make_dated("soon", "20200101000000Z", time.strftime("%Y%m%d%H%M%SZ", soon))
        return self

    def _make(self, name, issuer, subject, alternative, extensions, days="30"):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-nodes", "-sha256", "-days", days,
                   "-config", "/dev/null", "-subj", f"/CN={subject}",
                   "-out", self.path(name), "-keyout", self.path(name, "key")]
        if issuer:
            command += ["-CA", self.path(issuer), "-CAkey", self.path(issuer, "key")]
        if alternative:
            extensions = extensions + [f"subjectAltName={alternative}"]
        for extension in extensions:
            command += ["-addext", extension]
        subprocess.run(command, check=True, capture_output=True)
        os.chmod(self.path(name, "key"), 0o600)

    def _make_request(self):
        """The device's key and name, to be signed with other dates."""
        config = self.path("dated", "cnf")
        with open(config, "w") as out:
            out.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.path('dated', 'db')}\n"
                      f"new_certs_dir={self.folder}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n"
                      f"unique_subject=no\nx509_extensions=e\n[p]\ncommonName=supplied\n"
                      f"[e]\nsubjectAltName=DNS:{DEVICE},IP:127.0.0.1\n")
        open(self.path("dated", "db"), "w").close()
        subprocess.run(["openssl", "req", "-new", "-key", self.path("device", "key"), "-config",
                        "/dev/null", "-subj", f"/CN={DEVICE}", "-out",
                        self.path("dated", "csr")], check=True, capture_output=True)

    def _make_dated(self, name, start, end):
        subprocess.run(["openssl", "ca", "-batch", "-notext", "-config", self.path("dated", "cnf"),
                        "-in", self.path("dated", "csr"), "-cert", self.path("ca"), "-keyfile",
                        self.path("ca", "key"), "-startdate", start, "-enddate", end,
                        "-out", self.path(name)], check=True, capture_output=True)
        with open(self.path("device", "key")) as key, open(self.path(name, "key"), "w") as out:
            out.write(key.read())
        os.chmod(self.path(name, "key"), 0o600)

    def pin(self, name):
        """The pin of a certificate's key as the configuration wants it."""
        public = subprocess.run(["openssl", "x509", "-in", self.path(name), "-noout", "-pubkey"],
                                check=True, capture_output=True).stdout
        spki = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public,
                              check=True, capture_output=True).stdout
        return "sha256:" + hashlib.sha256(spki).hexdigest()
