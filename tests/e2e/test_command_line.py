"""The command line: options, exit statuses, and what is said on which stream."""
import json
import os
import subprocess

from support.case import Case, need, program
from support.documents import configurations
from support.golden import Golden


class CommandLine(Case):
    def call(self, *arguments, status=0):
        done = subprocess.run([program(), *arguments], capture_output=True, text=True, timeout=20,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def config(self, text=None, **service):
        if text is None:
            text = json.dumps({"services": [self.service(**service)]})
        return self.file("actpass.json", text.encode())

    def test_help(self):
        done = self.call("--help")
        for option in "--check", "--schema", "--version", "--help", "FILE":
            self.assertIn(option, done.stdout)
        self.assertEqual(done.stderr, "")

    def test_version(self):
        self.assertRegex(self.call("--version").stdout,
                         r"^actpass \d+\.\d+\.\d+\nOpenSSL 3\.\d+\.\d+.*\nsessions in files: ")

    def test_schema(self):
        schema = json.loads(self.call("--schema").stdout)
        self.assertIn("draft-07", schema["$schema"])
        self.assertIn("services", schema["properties"])

    def validator(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        schema = json.loads(self.call("--schema").stdout)
        jsonschema.Draft7Validator.check_schema(schema)
        return jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())

    def test_schema_refuses_nothing_that_is_good(self):
        """Of the configurations in golden/config.txt, and it finds what an editor should mark."""
        validator, golden = self.validator(), Golden("config.txt")
        valid, refused = 0, []
        for title, said in golden.outputs().items():
            try:
                value = json.loads(golden.input(title))
            except ValueError:
                continue  # not even JSON
            errors = [line for line in said if ": warning: " not in line]
            if validator.is_valid(value):
                valid += 1
                self.assertNotIn(": unknown key", " ".join(errors), title)
            else:
                self.assertTrue(errors, title)
                refused.append(title)
        self.assertGreater(valid, 100)
        self.assertGreater(len(refused), 200, "all others need more than a schema can say")

    def test_schema_takes_the_examples(self):
        validator = self.validator()
        texts = [text for name, text in configurations() if name.endswith(".json")]
        self.assertGreater(len(texts), 20)
        variable = json.dumps({"services": [{**self.service(), "listen": "${env:LISTEN}"}]})
        for text in *texts, variable, '{"include": "conf.d"}':
            validator.validate(json.loads(text))
        for text in "{}", variable.replace("listen", "accept"), variable.replace("${", "{"):
            self.assertFalse(validator.is_valid(json.loads(text)), text)

    def test_check_of_a_good_file(self):
        done = self.call("--check", self.config())
        self.assertEqual(done.stderr, "")

    def test_check_as_json(self):
        good = self.call("--check", "--json", self.config())
        self.assertEqual((json.loads(good.stdout), good.stderr), ([], ""))
        file = self.config('{"services": [\n{"name": "ä", "zzz": 1}]}')
        done = self.call("--json", "--check", file, status=2)
        self.assertEqual(done.stderr, "")
        messages = json.loads(done.stdout)
        self.assertEqual(set(messages[0]), {"severity", "file", "line", "column", "key", "message"})
        unknown = next(m for m in messages if m["key"] == "/services/0/zzz")
        self.assertEqual((unknown["severity"], unknown["file"], unknown["line"], unknown["column"]),
                         ("error", file, 2, 15))
        text = self.call("--check", file, status=2).stderr.splitlines()
        self.assertEqual(text, ["{file}:{line}:{column}: {key}: {message}".format(**m)
                                for m in messages])
        nowhere = json.loads(self.call("--check", "--json", "/nowhere", status=2).stdout)
        self.assertEqual([(m["line"], m["key"]) for m in nowhere], [(None, None)])

    def test_check_opens_nothing(self):
        path = os.path.join(self.folder, "front.sock")
        self.call("--check", self.config(listen="unix:" + path))
        self.assertFalse(os.path.exists(path))

    def test_check_names_every_error_with_its_place(self):
        text = '{ "services": [\n  { "name": "front", "listen": "127.0.0.1:0",\n' \
               '    "rol": "auto", "idle_timeout": "5 apples",\n    "echo": {} } ] }\n'
        file = self.config(text)
        lines = self.call("--check", file, status=2).stderr.splitlines()
        self.assertTrue(any(line.startswith(f"{file}:3:5: /services/0/rol: ") and '"role"' in line
                            for line in lines), lines)
        self.assertTrue(any("/services/0/idle_timeout" in line for line in lines), lines)

    def test_check_loads_certificates(self):
        cases = {
            "no such file": {"certificate": "/nowhere/at/all.pem"},
            "not a certificate": {"certificate": self.file("not.pem", b"not a certificate")},
            "another key": {"key": self.certificates.path("device", "key")},
            "no CA": {"ca": self.file("empty.pem")},
        }
        for name, keys in cases.items():
            with self.subTest(name):
                done = self.call("--check", self.config(tls=keys), status=2)
                self.assertIn("/services/0/tls", done.stderr)

    def test_a_limit_of_processes_is_named(self):
        """The limit does not hold for root. Sanitizers start threads and processes of their own."""
        need("setpriv")
        need("prlimit")
        if "ASAN_OPTIONS" in os.environ:
            self.skipTest("a sanitizer cannot end under this limit")
        other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
        done = subprocess.run((other if os.geteuid() == 0 else []) + [
            "prlimit", "--nproc=1", "--", program(), "any.json"], capture_output=True, text=True, timeout=20)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "actpass: cannot set up the process: no process or thread can be started: raise the "
                             "limit of processes (ulimit -u, TasksMax)\n"))

    def warning_with(self, soft, hard, *services):
        """What --check says of a good configuration where so many descriptors may be open."""
        need("prlimit")
        file = self.config(json.dumps({"services": list(services)}))
        done = subprocess.run(["prlimit", f"--nofile={soft}:{hard}", "--", program(), "--check",
                               file], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines()[0], f"{file}: the configuration is good")
        return done.stderr.removeprefix(f"{file}: warning: ")

    def test_check_warns_where_descriptors_are_too_few(self):
        services = [self.service("one", max_connections=1000),
                    self.service("two", max_connections=1000)]
        warning = self.warning_with(200, 200, *services)
        self.assertRegex(warning, r"^the max_connections of all services need \d+ descriptors and "
                         r"the process may have 200, so each service gets its share of them "
                         r"\(\"one\": \d\d of 1000 connections\): raise the limit \(ulimit -Hn, "
                         r"LimitNOFILE=\), or lower max_connections\n$")
        enough = int(warning.split("need ")[1].split()[0])
        short = enough - 1
        self.assertIn(f"may have {short},", self.warning_with(short, short, *services))
        self.assertEqual(self.warning_with(enough, enough, *services), "")
        self.assertEqual(self.warning_with(200, enough, *services), "", "it can raise a soft limit")

    def test_check_warns_only_whose_limit_is_not_met(self):
        unlimited, small = self.service("one"), self.service("two", max_connections=20)
        self.assertEqual(self.warning_with(200, 200, unlimited), "", "the default is no demand")
        self.assertEqual(self.warning_with(200, 200, unlimited, small), "", "20 of 20")
        self.assertIn('("two": ', self.warning_with(60, 60, unlimited, small))

    def test_a_client_must_say_whom_it_trusts(self):
        for keys in {"ca": None}, {"peer_names": None}:
            with self.subTest(keys=keys):
                done = self.call("--check", self.config(tls=keys), status=2)
                self.assertRegex(done.stderr, "peer_names|peer_pins|ca")

    def test_running_a_bad_file(self):
        self.call(self.config('{"services": 1}'), status=2)

    def test_a_file_that_is_not_there(self):
        for arguments in ["/nowhere/actpass.json"], ["--check", "/nowhere/actpass.json"]:
            self.assertIn("/nowhere/actpass.json", self.call(*arguments, status=2).stderr)

    def test_wrong_usage(self):
        for arguments in [], ["--nonsense"], ["a.json", "b.json"], ["--check"], \
                ["--schema", "a.json"]:
            with self.subTest(arguments=arguments):
                done = self.call(*arguments, status=2)
                self.assertIn("usage", done.stderr)
                self.assertEqual(done.stdout, "")

    def test_a_closed_standard_output(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([program(), "--schema"], stdout=full, stderr=subprocess.PIPE,
                                  timeout=20)
        self.assertEqual(done.returncode, 1)
