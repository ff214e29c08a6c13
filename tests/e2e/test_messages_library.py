"""What actpass_config_error says about each wrong use of the C API, and about each file that the
library cannot use: compared with tests/golden/library.txt. It calls the shared library as another
program would."""
import ctypes
import os
import re
import shlex
import socket
import subprocess
import unittest

from support.case import Case, program
from support.golden import Golden

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.path.join(HERE, "../../server/include")
HEADERS = [os.path.join(INCLUDE, name) for name in sorted(os.listdir(INCLUDE))]
KEY = b"0f" * 32 + b"\n"  # of a file with keys for sessions
CUT = b"-----BEGIN %s-----\nMIIB\n-----END %s-----\n"


def words():
    """The enumerators of the headers, without `ACTPASS_`, and their values."""
    found = {"NEVER": -1}
    for header in HEADERS:
        with open(header, encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        for body in re.findall(r"typedef enum \{(.*?)\}", text, re.S):
            found.update((name, at) for at, name in enumerate(re.findall(r"ACTPASS_(\w+)", body)))
    return found


class Library:
    """One configuration, and the calls that a golden file names."""

    TYPES = {"set_timeout": (ctypes.c_int, ctypes.c_int64),
             "set_keepalive": (ctypes.c_int64,) * 3,
             "set_chain_limits": (ctypes.c_size_t, ctypes.c_uint),
             "set_ocsp_staple": (ctypes.c_int, ctypes.c_char_p),
             "set_dial_mark": (ctypes.c_uint32,),
             **dict.fromkeys(("set_role", "set_transport", "set_client_auth", "set_unknown_name",
                              "set_min_version", "set_require_alpn", "set_insecure_any_peer",
                              "set_tcp_fast_open", "set_ocsp_peers"), (ctypes.c_int,))}

    def __init__(self, path):
        self.calls = ctypes.CDLL(path)
        self.words = words()
        self.calls.actpass_config_new.restype = ctypes.c_void_p
        self.calls.actpass_config_error.restype = ctypes.c_char_p
        for opener in self.calls.actpass_accept_fd, self.calls.actpass_connect:
            opener.restype = ctypes.c_void_p
        self.config = ctypes.c_void_p(self.calls.actpass_config_new())

    def arguments(self, name, given):
        """Numbers or enumerators where the call takes such, otherwise strings."""
        types = self.TYPES.get(name, (ctypes.c_char_p,) * len(given))
        return [self.argument(kind, word) for kind, word in zip(types, given, strict=True)]

    def argument(self, kind, word):
        if kind is ctypes.c_char_p:
            return None if word == "NULL" else kind(os.fsencode(word))
        return kind(self.words[word] if word in self.words else int(word, 0))

    def open(self, call, where):
        """False if there is no connection; one that there is, is closed."""
        conn = ctypes.c_void_p(call(self.config, where))
        if conn:
            self.calls.actpass_free(conn)
        return bool(conn)

    def accept(self, kind):
        one, other = socket.socketpair(socket.AF_UNIX, kind)
        with other:
            return self.open(self.calls.actpass_accept_fd, one.detach())

    def call(self, name, *arguments):
        """Did it succeed?"""
        if name == "accept":
            return self.accept(socket.SOCK_STREAM)
        if name == "accept_datagrams":
            return self.accept(socket.SOCK_DGRAM)
        if name == "connect":
            return self.open(self.calls.actpass_connect, os.fsencode(arguments[0]))
        call = getattr(self.calls, "actpass_config_" + name)
        return call(self.config, *self.arguments(name, arguments)) == 0

    def error(self):
        return self.calls.actpass_config_error(self.config).decode()

    def free(self):
        self.calls.actpass_config_free(self.config)


class Messages(Case):
    def setUp(self):
        super().setUp()
        self.library = os.path.join(os.path.dirname(program()), "libactpass.so.0")
        if "ASAN_OPTIONS" in os.environ:  # set for TSan, too
            raise unittest.SkipTest("a sanitizer is not loaded into another program")
        os.environ.pop("CREDENTIALS_DIRECTORY", None)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        self.write_files()

    def write(self, name, content, mode=0o600):
        os.chmod(self.file(name, content), mode)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def write_files(self):
        """tests/golden/library.txt names them."""
        content = {}
        for name in ("front", "ca", "device"):
            for end in "pem", "key":
                with open(self.certificates.path(name, end), "rb") as file:
                    content[name, end] = file.read()
        self.write("peer.pem", content["front", "pem"] + content["front", "key"])
        self.write("open.pem", content["front", "pem"] + content["front", "key"], 0o644)
        self.write("ca.pem", content["ca", "pem"], 0o644)
        self.write("other.key", content["device", "key"])
        self.write("empty", b"")
        self.write("text", b"no certificate, no list, no key\n")
        self.write("cut.pem", CUT % (b"CERTIFICATE", b"CERTIFICATE"))
        self.write("cut.crl", CUT % (b"X509 CRL", b"X509 CRL"))
        self.write("failed.ocsp", b"\x30\x03\x0a\x01\x06")
        self.write("large.ocsp", bytes(65536))
        self.write("good.keys", KEY)
        self.write("open.keys", KEY, 0o644)
        self.write("many.keys", KEY * 17)
        self.write("comment.keys", b"# no key\n\n")
        self.write("short.keys", b"# one line\n" + KEY[2:])
        self.write("good.password", b"secret\n")
        self.write("open.password", b"secret\n", 0o604)
        self.write("long.password", b"x" * 513)
        self.write("open.store", b"", 0o666)
        os.mkdir("folder")
        os.mkdir("writable")
        os.chmod("writable", 0o777)
        os.symlink("nowhere", "link")
        self.openssl("pkey", "-in", "other.key", "-aes256", "-passout", "pass:x", "-out", "locked.key")
        self.openssl("req", "-x509", "-newkey", "rsa:1024", "-nodes", "-config", "/dev/null", "-subj",
                     "/CN=weak", "-out", "weak.pem", "-keyout", "weak.key")
        os.chmod("weak.key", 0o600)
        self.answer_about_another("other.ocsp")

    def answer_about_another(self, name):
        """An OCSP response about a serial number that no certificate has."""
        self.write("index", b"")
        self.openssl("ocsp", "-index", "index", "-CA", "ca.pem", "-issuer", "ca.pem", "-serial", "1",
                     "-rsigner", "ca.pem", "-rkey", self.certificates.path("ca", "key"),
                     "-respout", name)

    def say(self, golden, title):
        """The error after the last of the case's calls; those before it succeed."""
        library = Library(self.library)
        try:
            *before, last = golden.input(title).decode(errors="surrogateescape").split("\n")
            for line in before:
                if line:
                    self.assertTrue(library.call(*shlex.split(line)),
                                    f"{title}: {line}: {library.error()}")
            self.assertFalse(library.call(*shlex.split(last)), f"{title}: {last} succeeded")
            error = library.error()
        finally:
            library.free()
        # What OpenSSL says of broken data depends on its version.
        return [re.sub(r"cannot be read \([^)]*\)", "cannot be read (REASON)", error)]

    def test_library(self):
        golden = Golden("library.txt")
        golden.check({title: self.say(golden, title) for title in golden.cases})
