"""The base of the tests that change the configuration of a running actpass."""
import json
import os
import signal

from .case import Case


class Reloads(Case):
    @property
    def allowed(self):
        """What the sandbox allows from the start for the sake of later configurations."""
        return {"sandbox_connect": ["1-65535"], "sandbox_write": [self.folder]}

    def actpass(self, *services, **options):
        started = super().actpass(*services, **{**self.allowed, **options})
        started.names = {service["name"] for service in services}
        return started

    def write(self, actpass, *services, level="debug", **top):
        """Replaces the configuration, and keeps the log level unless told otherwise. A reload that
        is still reading has the one of before."""
        config = {"log": {"level": level}, "services": list(services), **self.allowed, **top}
        with open(actpass.config_file + ".new", "w") as out:
            json.dump(config, out, indent=2)
        os.replace(actpass.config_file + ".new", actpass.config_file)

    def reload(self, actpass, *services, **top):
        """The lines about the services, of before, too, by their names, once this configuration is
        in force."""
        names = {service["name"] for service in services}
        self.write(actpass, *services, **top)
        after = len(actpass.log)
        actpass.signal(signal.SIGHUP)
        for name in names | actpass.names:
            actpass.wait_for(event="reload", level="info", service=name, after=after)
        actpass.names = names
        return {line["service"]: line for line in actpass.find(after, event="reload")
                if "service" in line}

    def refuse(self, actpass, *services, **top):
        """What actpass says about a configuration that it does not take."""
        self.write(actpass, *services, **top)
        after = len(actpass.log)
        actpass.signal(signal.SIGHUP)
        line = actpass.wait_for(event="reload", level="error", after=after)
        self.assertEqual(actpass.find(after, event="reload", level="info"), [])
        return line
