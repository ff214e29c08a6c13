"""A certificate authority of one test, with the index that `openssl ocsp` answers by."""
import os
import subprocess
import time

KINDS = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}


class Authority:
    def __init__(self, folder, name="authority"):
        self.folder = folder
        self.name = name
        self.serials = {}
        os.makedirs(folder, exist_ok=True)
        self._make(self.path(name), self.path(name, "key"), name, "ec",
                   ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"])
        self.certificate = self.path(name)

    def path(self, name, end="pem"):
        return os.path.join(self.folder, f"{name}.{end}")

    def _make(self, certificate, key, subject, kind, extensions, more=(), days=30):
        command = ["openssl", "req", "-x509", "-newkey", *KINDS[kind], "-nodes", "-sha256",
                   "-days", str(days), "-config", "/dev/null", "-subj", f"/CN={subject}",
                   "-out", certificate, "-keyout", key, *more]
        for extension in extensions:
            command += ["-addext", extension]
        subprocess.run(command, check=True, capture_output=True)
        os.chmod(key, 0o600)

    def issue(self, name, *names, kind="ec", extensions=(), folder=None, together=False,
              purpose="serverAuth,clientAuth"):
        """A certificate for these DNS names: NAME.pem and NAME.key, or both in one file."""
        serial = len(self.serials) + 16
        self.serials[name] = serial
        where = folder or self.folder
        os.makedirs(where, exist_ok=True)
        certificate, key = os.path.join(where, name + ".pem"), os.path.join(where, name + ".key")
        extensions = ["basicConstraints=critical,CA:FALSE", f"extendedKeyUsage={purpose}",
                      *extensions]
        if names:
            extensions.append("subjectAltName=" + ",".join("DNS:" + each for each in names))
        self._make(certificate, key, name, kind, extensions,
                   ["-CA", self.path(self.name), "-CAkey", self.path(self.name, "key"),
                    "-set_serial", str(serial)])
        if together:
            with open(certificate, "a") as out, open(key) as private:
                out.write(private.read())
            os.chmod(certificate, 0o600)
            os.remove(key)
        return certificate, key

    def write_index(self, revoked=(), unknown=()):
        """What `openssl ocsp -index` reads: certificates of UNKNOWN are not in it."""
        ends = time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() + 86400 * 20))
        then = time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() - 3600))
        path = self.path("index", "txt")
        with open(path, "w") as out:
            for name, serial in self.serials.items():
                if name in unknown:
                    continue
                state = "R" if name in revoked else "V"
                out.write(f"{state}\t{ends}\t{then if state == 'R' else ''}\t{serial:02X}\tunknown\t/CN={name}\n")
        return path
