"""stunnel's own test suite, with actpass in the place of stunnel (stunnel_suite/, README.md)."""
import os
import re
import shutil
import tempfile
from concurrent import futures

from stunnel_suite import suite
from support.case import Case, need, program

HERE = os.path.dirname(os.path.abspath(__file__))
AT_ONCE = 3
SECONDS = 40  # for one plugin; those that wait for what never comes take all of it


def expected():
    """The cases that do not pass, by the table of the README."""
    with open(os.path.join(HERE, "README.md")) as file:
        table = file.read().partition("<!-- suite -->")[2].partition("<!-- end of suite -->")[0]
    return set(re.findall(r"(?m)^\| (\d{3}) \|", table))


class Suite(Case):
    deadline = 600

    def fetched(self):
        need("apt-get")
        folder = tempfile.mkdtemp(prefix="suite.", dir=os.environ["ACTPASS_E2E_FOLDER"])
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        try:
            return folder, suite.fetch(folder)
        except (suite.Unavailable, OSError) as why:
            self.skipTest(f"the source of stunnel's tests cannot be had: {why}")

    def test_suite(self):
        folder, tests = self.fetched()

        def run(plugin):
            results, text = suite.run(tests, plugin, os.path.join(folder, "run-" + plugin[:-3]),
                                      program(), SECONDS)
            return plugin, results, text
        results, said = {}, []
        with futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for plugin, some, text in pool.map(run, suite.plugins(tests)):
                results.update(some)
                said.append(f"-- {plugin}\n{text[-1500:]}")
        failed = {case for case, result in results.items() if result != "succeeded"}
        self.assertGreaterEqual(len(results), 40, "\n".join(said))
        self.assertEqual(failed, expected(), "see README.md\n" + "\n".join(said))
