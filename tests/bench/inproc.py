"""The second part: the program bench/inproc, which measures the transports inside one process."""
import collections
import json
import subprocess

GIB = 1 << 30
MEASURES = "handshakes", "ping", "down", "up"  # measure_names in inproc.c
TRANSPORTS = 3
IN_PROCESS = "in process: "  # what tells these measures from those of the servers


def plan(args):
    """The measure of each sample, in order: the program takes each of all transports in turn."""
    return [IN_PROCESS + measure for measure in MEASURES for _ in range(TRANSPORTS)] * args.rounds


def run(setup, args, problems, shown):
    """All samples: {transport: {value: [numbers]}}."""
    size = args.size
    command = [setup.program("bench/inproc"), "--certificate", setup.certificate, "--key",
               setup.key, "--rounds", str(args.rounds), "--handshakes", str(size.handshakes),
               "--round-trips", str(size.round_trips), "--bytes", str(size.bulk),
               "--server-cpu", str(setup.server_cpu), "--peer-cpu", str(setup.load_cpu)]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        problems.append(f"inproc: {error}")
        return {}
    with process:
        try:
            samples = _collect(process.stdout, plan(args), args.rounds, shown)
            complaint = process.stderr.read().strip()
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        problems.append(f"inproc: {complaint}")
        return {}
    return samples


def _collect(lines, measures, rounds, shown):
    samples = collections.defaultdict(lambda: collections.defaultdict(list))
    per_round = len(measures) // rounds
    for number, measure in enumerate(measures):
        if number % per_round == 0:
            shown.stage(f"{IN_PROCESS}round {number // per_round + 1} of {rounds}")
        shown.begin(measure)
        line = lines.readline()
        if not line:
            break
        found = json.loads(line)
        for key, value in _values(found).items():
            samples[found["transport"]][f"{found['measure']}_{key}"].append(value)
        shown.done(measure)
    return samples


def _values(found):
    if found["measure"] in ("down", "up"):
        return {"mib_s": found["amount"] / found["seconds"] / (1 << 20),
                "cpu_s_gib": found["cpu"] / found["amount"] * GIB}
    values = {"cpu_us": found["cpu"] / found["amount"] * 1e6}
    if found["measure"] == "ping":
        values.update(p50_us=found["p50_us"], p99_us=found["p99_us"])
    return values
