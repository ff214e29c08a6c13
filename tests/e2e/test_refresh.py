"""Certificates and keys that change in their files are loaded without a signal."""
import os
import shutil
import signal
import ssl

from support.reloads import Reloads


class Refresh(Reloads):
    def put(self, folder, name, *ends):
        """The certificate of that name in a folder of the test, each file put in place at once."""
        os.makedirs(os.path.join(self.folder, folder), exist_ok=True)
        for end in ends or ("pem", "key"):
            path = os.path.join(self.folder, folder, "tls." + end)
            shutil.copy(self.certificates.path(name, end), path + ".new")
            os.chmod(path + ".new", 0o600)
            os.rename(path + ".new", path)

    def files(self, folder):
        return {"certificate": os.path.join(self.folder, folder, "tls.pem"),
                "key": os.path.join(self.folder, folder, "tls.key")}

    def start(self, folder):
        actpass = self.actpass(self.service(role="server", tls=self.files(folder)))
        # The folders are watched by the time that it answers a signal.
        actpass.signal(signal.SIGUSR1)
        actpass.wait_for(event="status")
        return actpass

    def shown(self, actpass):
        """The name of the certificate that a client is shown."""
        peer = self.client(actpass, verify=False)
        shown = peer.object.getpeercert(binary_form=True)
        peer.finish()
        for name in "front", "device":
            with open(self.certificates.path(name)) as file:
                if ssl.PEM_cert_to_DER_cert(file.read().partition("-----END CERTIFICATE-----")[0] +
                                            "-----END CERTIFICATE-----\n") == shown:
                    return name
        return None

    def test_a_pair_that_is_put_in_place(self):
        self.put("pair", "front")
        actpass = self.start("pair")
        before = self.client(actpass)
        self.assertEqual(self.shown(actpass), "front")
        self.put("pair", "device")
        line = actpass.wait_for(event="files", level="info")
        self.assertIn("serial", line)
        self.assertEqual(self.shown(actpass), "device")
        self.assertEqual(before.exchange(b"still", 5), b"still")
        before.finish()

    def test_a_pair_that_does_not_match_is_tried_again_and_said_once(self):
        self.put("pair", "front")
        actpass = self.start("pair")
        self.put("pair", "device", "pem")
        line = actpass.wait_for(event="files", level="warning")
        self.assertIn("key", line["error"])
        self.assertEqual(self.shown(actpass), "front")
        self.put("pair", "device", "pem")  # the same once more
        os.utime(self.files("pair")["key"])
        self.put("pair", "device", "key")
        actpass.wait_for(event="files", level="info")
        self.assertEqual(self.shown(actpass), "device")
        self.assertEqual(len(actpass.find(event="files")), 2)

    def test_links_as_kubernetes_makes_them(self):
        self.put("..one", "front")
        self.put("..two", "device")
        os.symlink("..one", os.path.join(self.folder, "..data"))
        for end in "pem", "key":
            os.symlink(f"..data/tls.{end}", os.path.join(self.folder, f"tls.{end}"))
        actpass = self.start("")
        self.assertEqual(self.shown(actpass), "front")
        os.symlink("..two", os.path.join(self.folder, "..data_tmp"))
        os.rename(os.path.join(self.folder, "..data_tmp"), os.path.join(self.folder, "..data"))
        actpass.wait_for(event="files", level="info")
        self.assertEqual(self.shown(actpass), "device")

    def test_what_a_reload_has_loaded_is_not_loaded_again(self):
        self.put("pair", "front")
        actpass = self.start("pair")
        self.put("pair", "device")
        self.reload(actpass, self.service(role="server", tls=self.files("pair")))
        self.assertEqual(self.shown(actpass), "device")
        self.put("pair", "front")
        actpass.wait_for(event="files", level="info")
        self.assertEqual(self.shown(actpass), "front")
        self.assertEqual(len(actpass.find(event="files")), 1)
