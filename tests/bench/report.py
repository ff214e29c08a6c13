"""Medians to tables: measures, ratios and bars, for the terminal and as Markdown."""

import statistics

COLUMNS = {"relay": "actpass relay", "direct": "actpass direct", "stunnel": "stunnel",
           "hitch": "hitch", "haproxy": "haproxy", "nginx": "nginx"}
PEERS = ["stunnel", "hitch", "haproxy", "nginx"]
BUSY = 0.9  # below that share of a CPU the server was not what limits the rate

MEASURED = [  # words, key, decimals, the key that says how busy the server was
    ("full handshakes per s", "full_per_s", 0, "full_busy"),
    ("full handshake, CPU µs", "full_cpu_us", 0, None),
    ("resumed handshakes per s", "resumed_per_s", 0, "resumed_busy"),
    ("resumed handshake, CPU µs", "resumed_cpu_us", 0, None),
    ("64-byte round trip, p50 µs", "rtt_p50_us", 1, None),
    ("64-byte round trip, p99 µs", "rtt_p99_us", 1, None),
    ("64-byte round trip, CPU µs", "rtt_cpu_us", 1, None),
    ("down, MiB/s", "down_mib_s", 0, "down_busy"),
    ("down, CPU s per GiB", "down_cpu_s_gib", 3, None),
    ("up, MiB/s", "up_mib_s", 0, "up_busy"),
    ("up, CPU s per GiB", "up_cpu_s_gib", 3, None),
    ("idle connection, PSS KiB", "idle_kib", 1, None),
    ("threads with all idle", "idle_threads", 0, None),
    ("all idle, CPU ms per s", "idle_cpu_ms_s", 2, None),
]
COMPARED = ["full_cpu_us", "resumed_cpu_us", "rtt_p50_us", "rtt_p99_us", "rtt_cpu_us",
            "down_cpu_s_gib", "up_cpu_s_gib", "idle_kib"]
BARS = [  # words, whom relay is held against (the best of them), keys, bar
    ("relay / direct: CPU per GiB", ["direct"], ["down_cpu_s_gib", "up_cpu_s_gib"], 1.05),
    ("relay / direct: round trip", ["direct"], ["rtt_p50_us", "rtt_cpu_us"], 1.10),
    ("relay / direct: full handshake", ["direct"], ["full_cpu_us"], 1.15),
    ("relay / stunnel: full handshake", ["stunnel"], ["full_cpu_us"], 0.60),
    ("relay / stunnel: resumed handshake", ["stunnel"], ["resumed_cpu_us"], 0.60),
    ("relay / best of hitch, haproxy, nginx: full handshake", PEERS[1:], ["full_cpu_us"], 1.15),
    ("relay / best peer: CPU per GiB", PEERS, ["down_cpu_s_gib", "up_cpu_s_gib"], 0.90),
    ("relay / best peer: round trip", PEERS, ["rtt_p50_us"], 1.00),
    ("relay / stunnel: PSS per idle connection", ["stunnel"], ["idle_kib"], 0.60),
]
SHORT = {"down_cpu_s_gib": "down", "up_cpu_s_gib": "up", "rtt_p50_us": "p50", "rtt_cpu_us": "CPU",
         "full_cpu_us": "CPU", "resumed_cpu_us": "CPU", "idle_kib": "KiB"}
MEASURE_OF = {"full": "full", "resumed": "resumed", "rtt": "roundtrip", "down": "down", "up": "up",
              "idle": "idle"}  # by the first word of a key
INSIDE = [  # words, key, decimals, bar of relay / direct
    ("full handshake, CPU µs", "handshakes_cpu_us", 0, 1.15),
    ("64-byte round trip, p50 µs", "ping_p50_us", 1, 1.10),
    ("64-byte round trip, p99 µs", "ping_p99_us", 1, None),
    ("64-byte round trip, CPU µs", "ping_cpu_us", 2, 1.10),
    ("down, MiB/s", "down_mib_s", 0, None),
    ("down, CPU s per GiB", "down_cpu_s_gib", 3, 1.05),
    ("up, MiB/s", "up_mib_s", 0, None),
    ("up, CPU s per GiB", "up_cpu_s_gib", 3, 1.05),
]
INSIDE_COLUMNS = {"relay": "relay", "direct": "direct", "plain": "SSL on the socket"}


def number(value, decimals):
    return "n/a" if value is None else f"{value:.{decimals}f}"


def verdict(ratio, bar):
    return "n/a" if ratio is None else "pass" if ratio <= bar else "MISS"


def medians(samples):
    return {name: {key: statistics.median(values) for key, values in found.items()}
            for name, found in samples.items()}


class Report:
    """`samples` and `inside` are {server or transport: {key: [a number per round]}}."""

    def __init__(self, samples, inside, args, versions, machine, command, problems):
        self.samples, self.found, self.inside = samples, medians(samples), medians(inside)
        self.args = args
        self.versions, self.machine = versions, machine
        self.command, self.problems = command, problems
        self.names = [name for name in COLUMNS if name in self.found]

    def value(self, name, key):
        return self.found.get(name, {}).get(key)

    def ratio(self, key, against):
        """relay's value over the best of `against`; None where one is missing."""
        ours = self.value("relay", key)
        theirs = [value for value in (self.value(name, key) for name in against) if value]
        return ours / min(theirs) if ours is not None and theirs else None

    def asked_for(self, key):
        return MEASURE_OF[key.split("_")[0]] in self.args.measures

    def range_of_rounds(self, key, against):
        """The same, round by round: how far the one number can be trusted."""
        lists = [self.samples.get(name, {}).get(key) for name in against]
        ours = self.samples["relay"].get(key)
        theirs = list(zip(*filter(None, lists)))
        if not ours or len(ours) != len(theirs) or len(ours) < 2:
            return ""
        ratios = [our / min(their) for our, their in zip(ours, theirs)]
        return f"{min(ratios):.2f} to {max(ratios):.2f}"

    # ---- tables: lists of rows, the first is the head

    def measured(self):
        head = [""] + [f"{COLUMNS[name]} {self.versions[name]}" for name in self.names]
        rows = []
        for words, key, decimals, busy in MEASURED:
            cells = []
            for name in self.names:
                slack = busy and (self.value(name, busy) or 1) < BUSY
                cells.append(number(self.value(name, key), decimals) + ("~" if slack else ""))
            if any(cell != "n/a" for cell in cells):
                rows.append([words] + cells)
        return [head] + rows if rows else []

    def ratios(self):
        others = [name for name in self.names if name != "relay"]
        if "relay" not in self.names or not others:
            return []
        words = {key: text for text, key, _, _ in MEASURED}
        return [["actpass relay / ..."] + [COLUMNS[name] for name in others]] + [
            [words[key]] + [number(self.ratio(key, [name]), 2) for name in others]
            for key in COMPARED if self.asked_for(key)]

    def bars(self):
        if "relay" not in self.names:
            return []
        rows = [["ratio", "", "measured", "single rounds", "bar", ""]]
        for words, against, keys, bar in BARS:
            for key in filter(self.asked_for, keys):
                ratio = self.ratio(key, against)
                rows.append([words, SHORT[key], number(ratio, 3),
                             self.range_of_rounds(key, against), f"≤ {bar:.2f}",
                             verdict(ratio, bar)])
        return rows

    def in_process(self):
        if not self.inside:
            return []
        rows = [[""] + list(INSIDE_COLUMNS.values()) + ["relay / direct", "relay / SSL", "bar", ""]]
        for words, key, decimals, bar in INSIDE:
            values = {name: self.inside.get(name, {}).get(key) for name in INSIDE_COLUMNS}
            ratios = {name: values["relay"] / values[name]
                      if values["relay"] and values[name] else None for name in values}
            rows.append([words] + [number(value, decimals) for value in values.values()] +
                        [number(ratios["direct"], 3), number(ratios["plain"], 3)] +
                        ([f"≤ {bar:.2f} to direct", verdict(ratios["direct"], bar)]
                         if bar else ["", ""]))
        return rows

    def sections(self):
        yield "Each server in front of the same plain backend, medians", self.measured()
        yield "The price of actpass relay as a share of each other's", self.ratios()
        yield "Bars", self.bars()
        yield "Inside one process, on the API", self.in_process()

    def notes(self):
        size = self.args.size
        yield self.machine
        yield (f"{self.args.rounds} round(s), interleaved; each: {size.handshakes} handshakes, "
               f"{size.round_trips} round trips, {size.bulk >> 20} MiB each way, {size.idle} idle "
               "connections. TLS 1.3, P-256, X25519, AES-128-GCM. Server on one CPU, load and "
               "backend on the other.")
        if any(self.value(name, key) is not None and self.value(name, key) < BUSY
               for name in self.names for key in ("full_busy", "resumed_busy", "down_busy",
                                                  "up_busy")):
            yield "~ the server's CPU was less than 90 % busy: the load is what limits this rate"
        for name in self.names:
            share = self.value(name, "resumed_share")
            if share is not None and share < 1:
                yield (f"{COLUMNS[name]} resumed {share:.0%} of the connections that asked for it: "
                       "n/a. Its full handshakes are spared the tickets that the others make.")
        yield from self.problems

    def terminal(self):
        text = []
        for title, table in self.sections():
            if table:
                text += ["", title, ""] + aligned(table)
        return "\n".join(text + [""] + list(self.notes()))

    def markdown(self):
        text = [f"`{self.command}`", ""]
        for title, table in self.sections():
            if table:
                text += [f"**{title}**", ""] + piped(table) + [""]
        return "\n".join(text + [f"- {note}" for note in self.notes()]) + "\n"


def aligned(table):
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return ["  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                      for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
            for row in table]


def piped(table):
    lines = ["| " + " | ".join(row) + " |" for row in table]
    return [lines[0], "|---|" + "--:|" * (len(table[0]) - 1)] + lines[1:]
