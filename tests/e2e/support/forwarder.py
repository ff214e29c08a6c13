"""The example proxy in the place of actpass, for the tests of forward."""
import os
import signal

from .actpass import Actpass


class Forwarder(Actpass):
    """Runs with actpass's configuration of one service that forwards to TCP. Its log lines have the
    same names, but only those fields that these tests look at."""

    def command(self, program, services):
        backend, = (service["forward"] for service in services)
        example = os.path.join(os.path.dirname(program), "examples", "proxy")
        return ["sh", "-c", 'exec "$0" "$@" >&2', example, self.config_file, backend]

    def address(self, service=None):
        line = self.wait_for_line("listening on ")
        host, _, port = line.split()[-1].rpartition(":")
        return host, int(port)

    def stop(self, timeout=30):
        """It does not handle SIGTERM, which ends it."""
        status = super().stop(timeout)
        return 0 if status == -signal.SIGTERM else status


class Forwarded:
    """A test case with it. `without` has parts of the names of tests that are not about forward."""
    endpoint = Forwarder
    without = ()

    def __init_subclass__(cls):
        super().__init_subclass__()
        for name in dir(cls):
            if name.startswith("test") and any(word in name for word in cls.without):
                setattr(cls, name, None)
