// The timelines of connections, drawn to one scale.
import {draw, find, make, setAttribute} from "./elements.js";
import {duration} from "./units.js";

export const EVENTS = {
    accept: "accepted", first_byte: "first byte", verdict: "verdict", hello: "hello",
    handshake: "handshake done", first_data: "first data", end: "end",
};

const SPANS_MS = [10e3, 60e3, 600e3, 3600e3, 6 * 3600e3, 86400e3, 7 * 86400e3, 30 * 86400e3,
    366 * 86400e3];
const TICKS = {1: "1 ms", 10: "10 ms", 100: "100 ms", 1e3: "1 s", 10e3: "10 s", 60e3: "1 min",
    600e3: "10 min", 3600e3: "1 h", 21600e3: "6 h", 86400e3: "1 d", 604800e3: "7 d",
    2592000e3: "30 d"};
const FINEST_MS = 0.1;  // below, the scale is nearly linear

// One scale for all, or they could not be compared; logarithmic, since a handshake takes
// milliseconds and a connection days.
const scale = {span: SPANS_MS[0]};
const place = (ms) => 100 * Math.log1p(ms / FINEST_MS) / Math.log1p(scale.span / FINEST_MS);
const percent = (ms) => `${Math.min(place(Math.max(ms, 0)), 100).toFixed(2)}%`;

function drawAxis() {
    let last = 0;
    const spans = [];
    for (const [ms, label] of Object.entries(TICKS)) {
        const at = place(Number(ms));
        if (Number(ms) > scale.span || at - last < 9 || at > 97)
            continue;
        last = at;
        const span = make("span", {"data-ms": ms}, label);
        span.style.left = percent(Number(ms));
        spans.push(span);
    }
    find("axis").replaceChildren(...spans);
}

// The events that were reached, the first one first.
export function reached(connection) {
    const order = Object.keys(EVENTS);
    return order.filter((event) => typeof connection.timeline[event] === "number")
        .map((event) => ({event, ms: connection.timeline[event]}))
        .sort((a, b) => a.ms - b.ms || order.indexOf(a.event) - order.indexOf(b.event));
}

// What was going on until the next event.
function phase(events, role) {
    const has = (event) => events.some((reachedOne) => reachedOne.event === event);
    return has("first_data") ? "data" : has("handshake") ? "ready" :
        has("verdict") && role === "none" ? "wait" :
        has("verdict") || has("hello") ? "handshake" : has("first_byte") ? "decide" : "wait";
}

function phases(events, until, role) {
    const made = [];
    events.forEach((event, index) => {
        const kind = phase(events.slice(0, index + 1), role), last = made[made.length - 1];
        const to = index + 1 < events.length ? events[index + 1].ms : until;
        if (last && last.kind === kind)
            last.to = to;
        else
            made.push({kind, from: event.ms, to});
    });
    return made.filter((one, index) => one.to > one.from || index === made.length - 1);
}

const BAR_HEIGHT = {wait: 2, decide: 6, handshake: 10, ready: 4, data: 8};
const MARK_HEIGHT = {verdict: 16, handshake: 12, end: 16};
const MIDDLE = 9;

function bar({kind, from, to}) {
    const height = BAR_HEIGHT[kind];
    const rect = draw("rect", {class: kind, x: percent(from), y: MIDDLE - height / 2, height});
    setEnd(rect, {from, to});
    return rect;
}

function mark({event, ms}, failed) {
    const height = MARK_HEIGHT[event] ?? 6;
    const kind = event === "end" && failed ? "mark failed" : "mark";
    return draw("rect", {class: kind, "data-event": event, x: percent(ms), y: MIDDLE - height / 2,
        height});
}

const told = ({event, ms}, {cause}) => event === "accept" ? "" :
    `${EVENTS[event]} ${duration(ms)}${event === "verdict" && cause ? ` (${cause})` : ""}`;

function setEnd(rect, {from, to}) {
    const width = Math.min(place(to), 100) - place(from);
    setAttribute(rect, "width", `${Math.max(width, 0).toFixed(2)}%`);
}

// Most of the time only the last bar grows.
export function drawTimeline(entry, connection, old) {
    const known = JSON.stringify([connection.timeline, connection.cause, scale.span]);
    const until = connection.timeline.end ?? old;
    if (entry.known === known) {
        if (entry.last)
            setEnd(entry.last.rect, {from: entry.last.from, to: until});
        return;
    }
    const events = reached(connection), bars = phases(events, until, connection.role);
    const rects = bars.map(bar), last = bars.length - 1;
    const marks = events.filter(({event}) => event !== "accept")
        .map((event) => mark(event, connection.state === "closed"));
    entry.known = known;
    entry.last = last >= 0 ? {rect: rects[last], from: bars[last].from} : null;
    entry.svg.replaceChildren(...rects, ...marks);
    const label = events.map((event) => told(event, connection)).filter(Boolean).join(", ");
    setAttribute(entry.svg, "aria-label", label || "nothing has happened yet");
    setAttribute(entry.svg.parentNode, "title", label);
}

export function setScale(list, now) {
    const longest = Math.max(0, ...list.map((connection) =>
        connection.timeline.end ?? now - connection.accepted_ms));
    const span = SPANS_MS.find((candidate) => candidate >= longest) ?? longest;
    if (span !== scale.span || !find("axis").firstChild) {
        scale.span = span;
        drawAxis();
    }
}
