"""What the daemon holds over time: samples, the verdict, and the curve."""
import signal
import statistics
import time
from xml.sax.saxutils import escape

# What is compared: under load, and at quiet points, when all but those that stay have gone.
# (share, number): the median of the last third may be so much above that of the second third. At
# quiet points memory varies by a tenth with how many threads the crew happens to have; of 45
# minutes, a leak of 50 bytes a visit is found.
LIMITS = {
    "load": {"own_kib": (0.08, 1024), "rss_kib": (0.08, 1024), "threads": (0.1, 3),
             "descriptors": (0.15, 15)},
    "quiet": {"own_kib": (0.05, 512), "rss_kib": (0.05, 512), "threads": (0, 1),
              "descriptors": (0, 0)},
}
# Within the first minutes memory still grows, since the stores of sessions, the tables of addresses
# and the allocator fill up.
WARM_MINUTES, WARMING = 10, (0.25, 2048)
COLUMNS = ("seconds", "state", "open", "own_kib", "rss_kib", "threads", "descriptors", "visits")
BLOCKS = "▁▂▃▄▅▆▇█"


def sample(daemon, began, state, visits):
    """own_kib is no page of a file: its share of those depends on what else runs on the machine."""
    memory = daemon.memory()
    status = daemon.after_signal(signal.SIGUSR1, "status")
    return {"seconds": round(time.monotonic() - began), "state": state,
            "open": int(status["open"]), "own_kib": memory["Pss_Anon"] + memory["Pss_Shmem"],
            "rss_kib": memory["Rss"], "threads": daemon.threads(),
            "descriptors": daemon.descriptors(), "visits": visits}


def line(taken):
    return " ".join(f"{taken[name]:>{max(8, len(name))}}" for name in COLUMNS)


HEAD = " ".join(f"{name:>{max(8, len(name))}}" for name in COLUMNS)


def thirds(values):
    """The medians of the second and of the last third."""
    third = len(values) // 3
    return statistics.median(values[third:2 * third]), statistics.median(values[-third:])


def grown(samples, minutes):
    """(state, measure, median of the second third, of the last third, whether that is too much)"""
    found = []
    for state, limits in LIMITS.items():
        of_state = [taken for taken in samples if taken["state"] == state]
        assert len(of_state) >= 3, f"{len(of_state)} samples ({state}) are too few for a verdict"
        for name, limit in limits.items():
            warming = minutes < WARM_MINUTES and name.endswith("_kib")
            share, number = WARMING if warming else limit
            before, after = thirds([taken[name] for taken in of_state])
            found.append((state, name, before, after, after > before * (1 + share) + number))
    return found


def curve(values, width=72):
    """The values as a line of blocks, from their minimum to their maximum."""
    step = max(1, len(values) / width)
    means = [statistics.mean(values[int(i * step):max(int(i * step) + 1, int((i + 1) * step))])
             for i in range(min(width, len(values)))]
    low, high = min(means), max(means)
    return "".join(BLOCKS[round((mean - low) / ((high - low) or 1) * (len(BLOCKS) - 1))]
                   for mean in means)


def curves(samples):
    lines = []
    for state, limits in LIMITS.items():
        for name in ("open", *limits):
            values = [taken[name] for taken in samples if taken["state"] == state]
            if values:
                lines.append(f"{state:>6} {name:<12}{min(values):>8} to {max(values):>7}  "
                             f"{curve(values)}")
    return "\n".join(lines)


# ---- the chart

STYLE = """
    text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
    .page { fill: #ffffff; }
    .frame { fill: none; stroke: #d1d9e0; }
    .load { fill: none; stroke: #0969da; stroke-width: 1.5; }
    .quiet { fill: none; stroke: #bc4c00; stroke-width: 1.5; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .page { fill: #0d1117; }
      .frame { stroke: #3d444d; }
      .load { stroke: #4493f8; }
      .quiet { stroke: #db6d28; }
    }"""
PANELS = ("own_kib", "threads", "descriptors", "open")
WIDTH, HEIGHT, MARGIN = 720, 110, 40


def chart(samples, title):
    """An SVG: one panel for each measure, one line under load and one at the quiet points."""
    total = MARGIN + len(PANELS) * (HEIGHT + MARGIN)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 2 * MARGIN} {total}" '
             'role="img">', f"  <title>{escape(title)}</title>", f"  <style>{STYLE}\n  </style>",
             f'  <rect class="page" width="{WIDTH + 2 * MARGIN}" height="{total}" rx="6"/>',
             f'  <text x="{MARGIN}" y="18">{escape(title)}</text>']
    for number, name in enumerate(PANELS):
        parts += _panel(samples, name, MARGIN + number * (HEIGHT + MARGIN))
    return "\n".join(parts + ["</svg>"]) + "\n"


def _panel(samples, name, top):
    most = max(taken[name] for taken in samples) or 1
    end = samples[-1]["seconds"] or 1
    yield f'  <text x="{MARGIN}" y="{top + 14}">{escape(name)}, at most {most}</text>'
    yield f'  <rect class="frame" x="{MARGIN}" y="{top + 20}" width="{WIDTH}" height="{HEIGHT}"/>'
    for state in LIMITS:
        points = " ".join(f"{MARGIN + WIDTH * taken['seconds'] / end:.1f},"
                          f"{top + 20 + HEIGHT * (1 - taken[name] / most):.1f}"
                          for taken in samples if taken["state"] == state)
        yield f'  <polyline class="{state}" points="{points}"/>'
