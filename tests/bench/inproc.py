"""The second part: the program bench/inproc, which measures the transports inside one process."""
import collections
import json
import subprocess

GIB = 1 << 30


def run(setup, args, problems):
    """All samples: {transport: {value: [numbers]}}."""
    size = args.size
    command = [setup.program("bench/inproc"), "--certificate", setup.certificate, "--key",
               setup.key, "--rounds", str(args.rounds), "--handshakes", str(size.handshakes),
               "--round-trips", str(size.round_trips), "--bytes", str(size.bulk),
               "--server-cpu", str(setup.server_cpu), "--peer-cpu", str(setup.load_cpu)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        problems.append(f"inproc: {error}")
        return {}
    if done.returncode != 0:
        problems.append(f"inproc: {done.stderr.strip()}")
        return {}
    samples = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in done.stdout.splitlines():
        found = json.loads(line)
        for key, value in _values(found).items():
            samples[found["transport"]][f"{found['measure']}_{key}"].append(value)
    return samples


def _values(found):
    if found["measure"] in ("down", "up"):
        return {"mib_s": found["amount"] / found["seconds"] / (1 << 20),
                "cpu_s_gib": found["cpu"] / found["amount"] * GIB}
    values = {"cpu_us": found["cpu"] / found["amount"] * 1e6}
    if found["measure"] == "ping":
        values.update(p50_us=found["p50_us"], p99_us=found["p99_us"])
    return values
