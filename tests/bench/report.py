"""Medians and ratios to tables: measures and bars, for the terminal and as Markdown."""

import statistics

import measures

COLUMNS = {"relay": "actpass relay", "direct": "actpass direct", "auto": "actpass auto",
           "stunnel": "stunnel", "hitch": "hitch", "haproxy": "haproxy", "nginx": "nginx"}
PEERS = ["stunnel", "hitch", "haproxy", "nginx"]
FEW = 5  # rounds: fewer have no meaningful quartiles
BUSY = 0.9  # below that share of a CPU the server was not what limits the rate

MEASURED = [  # words, key, decimals, the key that says how busy the server was
    ("full handshakes per s, 8 at once", "full_per_s", 0, "full_busy"),
    ("full handshake, 8 at once: CPU µs", "full_cpu_us", 0, None),
    ("full handshakes per s, 64 at once", "full64_per_s", 0, "full64_busy"),
    ("full handshake, 64 at once: CPU µs", "full64_cpu_us", 0, None),
    ("resumed handshakes per s, 8 at once", "resumed_per_s", 0, "resumed_busy"),
    ("resumed handshake, 8 at once: CPU µs", "resumed_cpu_us", 0, None),
    ("resumed handshakes per s, 64 at once", "resumed64_per_s", 0, "resumed64_busy"),
    ("resumed handshake, 64 at once: CPU µs", "resumed64_cpu_us", 0, None),
    ("64-byte round trip, p50 µs", "rtt_p50_us", 1, None),
    ("64-byte round trip, p99 µs", "rtt_p99_us", 1, None),
    ("64-byte round trip, CPU µs", "rtt_cpu_us", 1, None),
    ("64 busy: round trips per s", "busy64_per_s", 0, "busy64_busy"),
    ("64 busy: round trip, CPU µs", "busy64_cpu_us", 1, "busy64_busy"),
    ("64 busy: round trip, p50 µs", "busy64_p50_us", 0, "busy64_busy"),
    ("64 busy: round trip, p99 µs", "busy64_p99_us", 0, "busy64_busy"),
    ("256 busy: round trips per s", "busy256_per_s", 0, "busy256_busy"),
    ("256 busy: round trip, CPU µs", "busy256_cpu_us", 1, "busy256_busy"),
    ("256 busy: round trip, p50 µs", "busy256_p50_us", 0, "busy256_busy"),
    ("256 busy: round trip, p99 µs", "busy256_p99_us", 0, "busy256_busy"),
    ("256 busy: CPU of load and backend, busy %", "busy256_load", 0, None),
    ("mix: round trips per s", "mix_per_s", 0, "mix_busy"),
    ("mix: round trip, CPU µs", "mix_cpu_us", 1, "mix_busy"),
    ("mix: round trip, p99 µs", "mix_p99_us", 0, "mix_busy"),
    ("down, MiB/s", "down_mib_s", 0, "down_busy"),
    ("down, CPU s per GiB", "down_cpu_s_gib", 3, None),
    ("up, MiB/s", "up_mib_s", 0, "up_busy"),
    ("up, CPU s per GiB", "up_cpu_s_gib", 3, None),
    ("idle connection, KiB", "idle_kib", 1, None),
    ("threads with all idle", "idle_threads", 0, None),
    ("all idle, CPU ms per s", "idle_cpu_ms_s", 2, None),
    ("many idle: a connection, KiB", "many_kib", 1, None),
    ("many idle: threads", "many_threads", 0, None),
    ("many idle: CPU ms per s", "many_cpu_ms_s", 2, None),
    ("system calls a connection", "counts_syscalls", 1, None),
    ("futex calls a connection", "counts_futex", 1, None),
    ("voluntary switches a connection", "counts_switches", 1, None),
    ("system calls a round trip", "counts_trip", 1, None),
    ("system calls a round trip, 64 busy", "counts_trip64", 1, None),
]
WORDS = {key: words for words, key, _, _ in MEASURED}
RATES = [key for _, _, _, key in MEASURED if key]
COMPARED = [key for key in WORDS
            if key.endswith(("_cpu_us", "_p50_us", "_p99_us", "_gib", "_kib", "_syscalls", "_trip", "_trip64"))]
BULK = ["down_cpu_s_gib", "up_cpu_s_gib"]
HANDSHAKES = ["full_cpu_us", "resumed_cpu_us"]
BUSY_CPU = ["busy64_cpu_us", "busy256_cpu_us"]
BARS = [  # whose, relative to the best of whom (nobody: the number itself), keys, bar
    ("relay", PEERS, BUSY_CPU, 1.00),
    ("relay", PEERS, ["busy256_p99_us"], 1.20),
    ("relay", PEERS, ["rtt_p50_us"], 1.00),
    ("relay", PEERS, HANDSHAKES, 1.00),
    ("auto", PEERS, HANDSHAKES, 1.00),
    ("relay", [], ["counts_switches"], 3),
    ("relay", [], ["counts_futex"], 4),
    ("relay", ["haproxy"], ["idle_kib"], 1.30),
    ("relay", [], ["idle_threads"], 16),
    ("relay", PEERS, BULK, 0.85),
    ("relay", ["direct"], HANDSHAKES + ["rtt_p50_us", "rtt_cpu_us"] + BUSY_CPU +
     ["busy256_p99_us", "idle_kib"] + BULK, 1.05),
]
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

    def rounds(self, whose, key, other):
        """The ratios to another server, round by round; none where a round of one is missing."""
        ours, theirs = self.samples[whose].get(key, []), self.samples.get(other, {}).get(key, [])
        if len(ours) != len(theirs) or not all(theirs):
            return []
        return [our / their for our, their in zip(ours, theirs)]

    def compared(self, whose, key, other):
        """The median of the rounds' ratios, since both numbers of a round were taken at about the
        same time; that of the medians where a round is missing. None: not measured."""
        ours, theirs = self.value(whose, key), self.value(other, key)
        if ours is None or not theirs:
            return None
        return statistics.median(self.rounds(whose, key, other) or [ours / theirs])

    def ratio(self, whose, key, against):
        """The ratio to the best of `against`, which is the highest one, and whose that is; the
        number alone if `against` is empty. None where one is missing."""
        if not against:
            return self.value(whose, key), None
        found = [(ratio, name) for ratio, name in (
            (self.compared(whose, key, name), name) for name in against) if ratio is not None]
        return max(found, default=(None, None))

    def asked_for(self, key):
        word = key.split("_")[0]
        return {"rtt": "roundtrip"}.get(word, word) in self.args.measures

    def spread(self, whose, key, other):
        """How far the one number can be trusted: what half of the rounds lie between, or all where
        these are few. `other`: whom it is relative to; None: to nobody, so there are no ratios."""
        found = self.rounds(whose, key, other) if other else self.samples[whose].get(key, [])
        if len(found) < 2:
            return ""
        low, _, high = statistics.quantiles(found, n=4, method="inclusive")
        if len(found) < FEW:
            low, high = min(found), max(found)
        return f"{low:.2f} to {high:.2f}"

    # ---- tables: lists of rows, the first is the head

    def measured(self):
        head = [""] + [f"{COLUMNS[name]} {self.versions[name]}" for name in self.names]
        rows = []
        for words, key, decimals, busy in MEASURED:
            cells = []
            for name in self.names:
                slack = busy and (self.value(name, busy) or 1) < BUSY
                value = self.value(name, key)
                if value is not None and key.endswith("_load"):
                    value *= 100
                cells.append(number(value, decimals) + ("~" if slack and value else ""))
            if any(cell != "n/a" for cell in cells):
                rows.append([words] + cells)
        return [head] + rows if rows else []

    def ratios(self):
        others = [name for name in self.names if name != "relay"]
        if "relay" not in self.names or not others:
            return []
        return [["actpass relay / ..."] + [COLUMNS[name] for name in others]] + [
            [WORDS[key]] + [number(self.compared("relay", key, name), 2) for name in others]
            for key in COMPARED if self.asked_for(key)]

    def bars(self):
        rows = [["", "relative to", "measured", "half of the rounds", "bar", ""]]
        for whose, against, keys, bar in BARS:
            for key in filter(self.asked_for, keys if whose in self.names else []):
                ratio, other = self.ratio(whose, key, against)
                rows.append([f"{whose}: {WORDS[key]}",
                             f"{other or 'best peer'}" if against == PEERS else " ".join(against),
                             number(ratio, 3 if against else 1),
                             self.spread(whose, key, other) if other or not against else "",
                             f"≤ {bar:.2f}" if against else f"≤ {bar}", verdict(ratio, bar)])
        return rows if len(rows) > 1 else []

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
        yield "The price of actpass relay as a share of each other's, medians of rounds", self.ratios()
        yield "Bars", self.bars()
        yield "Inside one process, on the API", self.in_process()

    def notes(self):
        size = self.args.size
        yield self.machine
        yield (f"{self.args.rounds} round(s), in each of which all servers take turns; each: "
               f"{size.handshakes} handshakes, {size.round_trips} round trips, "
               f"{size.bulk >> 20} MiB each way, {size.idle} idle connections. TLS 1.3, P-256, "
               "X25519, AES-128-GCM. Server on one CPU, load and backend on the other.")
        if "many" in self.args.measures:
            yield (f"many idle: {self.args.many} connections, as many as the limit of descriptors "
                   "allows")
        yield (f"N busy: each of N connections has a message in flight; mix: "
               f"{measures.MIX_ACTIVE} of {measures.MIX_CONNECTIONS} open ones, by turns; "
               f"{size.busy} round trips each. stunnel is left out of these.")
        yield (f"counts: {size.counted} connections, 8 at once, each a full handshake, one message "
               "and the close. strace counts the calls; a second pass without it the switches, but "
               "not those of threads that end, as stunnel's do.")
        if any(self.value(name, key) is not None and self.value(name, key) < BUSY
               for name in self.names for key in RATES):
            yield ("~ the server's CPU was less than 90 % busy: the load, or the server's own "
                   "waiting, is what limits this")
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
