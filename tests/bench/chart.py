"""The chart of the README: one SVG with a panel for each measure. It follows the reader's choice of
a light or a dark page."""
from xml.sax.saxutils import escape

NAMES = {"relay": "actpass", "direct": "actpass direct", "auto": "actpass auto", "hitch": "hitch",
         "haproxy": "haproxy", "nginx": "nginx", "stunnel": "stunnel"}
PANELS = [  # title, unit, key, decimals; less is better in all of them
    ("Full handshake", "CPU µs", "full_cpu_us", 0),
    ("Resumed handshake", "CPU µs", "resumed_cpu_us", 0),
    ("System calls", "a connection", "counts_syscalls", 0),
    ("Round trip, 1 connection", "CPU µs", "rtt_cpu_us", 1),
    ("Round trip, 64 busy", "CPU µs", "busy64_cpu_us", 1),
    ("Round trip, 256 busy", "CPU µs", "busy256_cpu_us", 1),
    ("Round trip, 256 busy", "p99 ms", "busy256_p99_us", 2),
    ("1 000 open, 5 % active", "CPU µs a round trip", "mix_cpu_us", 1),
    ("Idle connection", "KiB", "idle_kib", 0),
    ("Bulk to the client", "CPU s per GiB", "down_cpu_s_gib", 2),
    ("Bulk to the server", "CPU s per GiB", "up_cpu_s_gib", 2),
    ("Threads", "1 000 idle", "idle_threads", 0),
]
COLUMNS, MARGIN, GAP = 3, 16, 28
PANEL_WIDTH, LABEL_WIDTH, VALUE_WIDTH = 286, 92, 44
HEAD, ROW, BAR = 28, 19, 12
STYLE = """
    text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
    .title { font-weight: 600; font-size: 13px; }
    .quiet { fill: #59636e; }
    .value { text-anchor: end; font-variant-numeric: tabular-nums; }
    .ours { fill: #0969da; }
    .theirs { fill: #afb8c1; }
    .page { fill: #ffffff; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .quiet { fill: #9198a1; }
      .ours { fill: #4493f8; }
      .theirs { fill: #545d68; }
      .page { fill: #0d1117; }
    }"""


def draw(found, machine):
    """The SVG. `found` is {server: {key: number}}; a panel without numbers is left out."""
    names = [name for name in NAMES if name in found]
    panels = [panel for panel in PANELS if any(panel[2] in found[name] for name in names)]
    height = HEAD + ROW * len(names) + GAP
    lines = -(-len(panels) // COLUMNS)
    width = 2 * MARGIN + COLUMNS * PANEL_WIDTH + (COLUMNS - 1) * GAP
    total = 2 * MARGIN + lines * height + ROW
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" '
             f'width="{width}" height="{total}" role="img">',
             "  <title>What a server spends, beside its peers; shorter is better</title>",
             f"  <style>{STYLE}\n  </style>",
             f'  <rect class="page" width="{width}" height="{total}" rx="6"/>']
    for number, panel in enumerate(panels):
        line, column = divmod(number, COLUMNS)
        parts += _panel(MARGIN + column * (PANEL_WIDTH + GAP), MARGIN + line * height, panel,
                        {name: found[name].get(panel[2]) for name in names})
    parts.append(_text(MARGIN, total - MARGIN, "quiet", f"Shorter is better. {machine}"))
    return "\n".join(parts + ["</svg>"]) + "\n"


def _panel(left, top, panel, values):
    title, unit, key, decimals = panel
    yield (f'  <text x="{left}" y="{top + 12}" class="title">{escape(title)} '
           f'<tspan class="quiet" font-weight="400">{escape(unit)}</tspan></text>')
    scale = 1e-3 if unit.endswith(" ms") and key.endswith("_us") else 1
    longest = max(value for value in values.values() if value is not None) or 1
    room = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH
    for row, (name, value) in enumerate(values.items()):
        y = top + HEAD + ROW * row
        kind = "ours" if NAMES[name].startswith("actpass") else "theirs"
        yield _text(left, y + BAR - 2, "name" if kind == "ours" else "quiet", NAMES[name])
        if value is None:
            yield _text(left + LABEL_WIDTH, y + BAR - 2, "quiet", "not measured")
            continue
        yield (f'  <rect class="{kind}" x="{left + LABEL_WIDTH}" y="{y}" '
               f'width="{max(1, value / longest * room):.1f}" height="{BAR}" rx="2"/>')
        yield _text(left + PANEL_WIDTH, y + BAR - 2, "value", f"{value * scale:,.{decimals}f}")


def _text(x, y, kind, words):
    return f'  <text x="{x}" y="{y}" class="{kind}">{escape(words)}</text>'
