// The page of a running actpass: reads /status again and again, and draws what it says.
// Whatever comes from there is put into text nodes and attributes, never parsed as HTML.
"use strict";

const EVERY_MS = 1000;  // from one answer to the next question
const PATIENCE_MS = 8000;  // for one answer
const SAMPLES = 61;  // a minute of them for the small charts
const RATE_OVER = 5;  // samples: single ones jump
const ROWS_MAX = 1000;
const SOON_MS = 14 * 86400e3;  // a certificate that expires within it is worth a warning

const EVENTS = {
    accept: "accepted", first_byte: "first byte", verdict: "verdict", hello: "hello",
    handshake: "handshake done", first_data: "first data", end: "end",
};

const state = {
    status: null,
    samples: [],  // the newest last: {time_ms, all: counters, services: {name: counters}}
    paused: false,
    failedSince: null,
    filter: {service: "", cause: "", result: "", text: ""},
    rows: new Map(),  // by number of the connection
    opened: new Set(),  // the numbers of those whose details are shown
    timer: 0,
};

// ---- Elements ----------------------------------------------------------------------------------

const find = (id) => document.getElementById(id);

function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
        element.setAttribute(key, value);
    element.append(...children);
    return element;
}

function draw(name, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes))
        element.setAttribute(key, value);
    return element;
}

function setText(element, text) {
    if (element.textContent !== text)
        element.textContent = text;
}

function setAttribute(element, name, value) {
    if (element.getAttribute(name) !== value)
        element.setAttribute(name, value);
}

// Makes the children of PARENT those of the list, in its order, and moves as few as it can.
function arrange(parent, list) {
    const wanted = new Set(list);
    for (const child of [...parent.children])
        if (!wanted.has(child))
            child.remove();
    let next = parent.firstElementChild;
    for (const child of list) {
        if (child === next)
            next = next.nextElementSibling;
        else
            parent.insertBefore(child, next);
    }
}

// ---- Units -------------------------------------------------------------------------------------

function duration(ms) {
    const s = Math.floor(ms / 1000), two = (number) => String(number).padStart(2, "0");
    if (ms < 1000)
        return `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
    if (s < 60)
        return `${(ms / 1000).toFixed(1)} s`;
    if (s < 3600)
        return `${Math.floor(s / 60)} m ${two(s % 60)} s`;
    if (s < 86400)
        return `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)} m`;
    return `${Math.floor(s / 86400)} d ${two(Math.floor(s / 3600) % 24)} h`;
}

function bytes(count) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let unit = 0;
    for (; count >= 1000 && unit < units.length - 1; unit++)
        count /= 1024;
    return `${unit > 0 && count < 9.95 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}

const grouped = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
const count = (number) => grouped.format(number);
const age = (ms) => ms < 60e3 ? `${(Math.max(ms, 0) / 1000).toFixed(1)} s` : duration(ms);
const small = (number) => number > 0 && number < 9.95 ? number.toFixed(1) : count(number);
const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");

// ---- Counters and rates ------------------------------------------------------------------------

const COUNTERS = ["taken", "failed", "refused", "handshakes", "handshake_ms_sum", "resumed",
    "received_bytes", "sent_bytes"];
const sum = (list) => list.reduce((total, number) => total + number, 0);

// Port scans and health checks, which close before their first byte, are no failures.
function counters(service) {
    const failed = service.closed.filter((closed) => closed.reason !== "CLEAN" &&
        closed.reason !== "UNUSED" && closed.cause !== "closed_before_first_byte");
    return {...service, taken: service.accepted + service.dialed,
        failed: sum(failed.map((closed) => closed.count)),
        refused: sum(Object.values(service.refused))};
}

function together(services) {
    const total = {};
    for (const counter of COUNTERS)
        total[counter] = sum(services.map((service) => service[counter]));
    return total;
}

function takeSample(status) {
    const services = status.services.map(counters);
    if (state.status && state.status.started_ms !== status.started_ms)
        state.samples = [];  // another process, whose counters begin anew
    state.samples.push({time_ms: status.time_ms, all: together(services),
        services: Object.fromEntries(services.map((service) => [service.name, service]))});
    state.samples.splice(0, state.samples.length - SAMPLES);
}

// What `pick` finds in two samples, as a difference a second. null: not known yet.
function between(from, to, pick, counter) {
    const [before, after] = [from && pick(from), to && pick(to)];
    const ms = before && after ? to.time_ms - from.time_ms : 0;
    return ms > 0 ? Math.max(0, after[counter] - before[counter]) * 1000 / ms : null;
}

function rate(pick, counter) {
    const last = state.samples.length - 1;
    return between(state.samples[Math.max(0, last - RATE_OVER)], state.samples[last], pick, counter);
}

const shown = (number, form) => number === null ? "–" : form(number);

// ---- Header ------------------------------------------------------------------------------------

function drawHeader() {
    const {status, failedSince} = state, pill = find("state"), alarm = find("alarm");
    document.body.classList.toggle("stale", Boolean(failedSince));
    alarm.hidden = !failedSince;
    pill.hidden = !status && !failedSince;
    if (failedSince) {
        setText(alarm, `actpass has not answered since ${clock(failedSince.at)} ` +
            `(${failedSince.why}). ` + (status ? "Below is its last answer. " : "") +
            "The page goes on asking.");
    }
    const word = failedSince ? "not reachable" : status ? status.state : "";
    setText(pill, word);
    pill.className = `pill ${failedSince ? "bad" : word === "running" ? "" : "warn"}`;
    document.title = (word && word !== "running" ? `${word}: ` : "") + "actpass";
    if (status) {
        setText(find("about"), `version ${status.version}, pid ${status.pid}, up ` +
            `${duration(status.time_ms - status.started_ms)}, ` +
            `${count(status.threads.crew + status.threads.blocked)} threads, ${status.openssl}`);
    }
}

// The certificate that expires first, and how long it has left.
function validity(certificates, now) {
    const first = [...certificates].sort((a, b) => a.not_after_ms - b.not_after_ms)[0] ?? null;
    const left = first && first.not_after_ms - now;
    return {first, left, kind: !first ? "dim" : left < 0 ? "bad" : left < SOON_MS ? "warn" : ""};
}

function tiles(status) {
    const all = (sample) => sample.all, {samples} = state;
    const last = samples.length - 1, from = samples[Math.max(0, last - 60)], to = samples[last];
    const done = to.all.handshakes - from.all.handshakes;
    const spent = to.all.handshake_ms_sum - from.all.handshake_ms_sum;
    const failing = rate(all, "failed"), refusing = rate(all, "refused");
    const lost = status.log_lines_lost;
    const first = validity(status.services.flatMap((service) => service.certificates), status.time_ms);
    return [
        ["Open", count(status.open)],
        ["Failed/s", shown(failing, small), failing > 0 ? "bad" : ""],
        ["Refused/s", shown(refusing, small), refusing > 0 ? "warn" : ""],
        ["New/s", shown(rate(all, "taken"), small)],
        ["Handshake", done > 0 ? duration(spent / done) : "–"],
        ["In/s", shown(rate(all, "received_bytes"), bytes)],
        ["Out/s", shown(rate(all, "sent_bytes"), bytes)],
        ["Next expiry", first.left === null ? "–" : first.left < 0 ? "expired" :
            duration(first.left), first.kind],
        ["Log lines lost", count(lost), lost > 0 ? "warn" : ""],
    ];
}

function drawNumbers(status) {
    const parent = find("numbers"), list = tiles(status);
    while (parent.children.length < list.length)
        parent.append(make("div", {}, make("dt"), make("dd")));
    list.forEach(([name, value, kind = ""], index) => {
        const [term, number] = parent.children[index].children;
        setText(term, name);
        setText(number, value);
        number.className = kind;
    });
}

// ---- Services ----------------------------------------------------------------------------------

function spark() {
    const svg = draw("svg", {class: "spark", role: "img"});
    svg.append(draw("polyline", {class: "taken"}), draw("polyline", {class: "failed"}));
    return svg;
}

// New ones and failures by sample, the newest at the right.
function drawSpark(svg, pick) {
    const {samples} = state;
    const series = ["taken", "failed"].map((counter) => samples.slice(1).map((sample, index) =>
        between(samples[index], sample, pick, counter) ?? 0));
    const most = Math.max(1, ...series[0], ...series[1]);
    series.forEach((rates, which) => {
        const points = rates.map((value, index) =>
            `${2 * (60 - rates.length + index + 1)},${(17 - 16 * value / most).toFixed(1)}`);
        setAttribute(svg.children[which], "points", points.join(" "));
    });
    setAttribute(svg, "aria-label", `at most ${small(most)} a second`);
}

function serviceRow(name) {
    const row = make("tr");
    const button = make("button", {type: "button", title: "Show only its connections"});
    button.addEventListener("click", () => {
        setFilter({service: state.filter.service === name ? "" : name});
    });
    row.append(make("td", {}, button));
    for (let column = 1; column < 14; column++)
        row.append(make("td", [1, 2, 6, 13].includes(column) ? {} : {class: "number"}));
    row.children[6].append(spark());
    return row;
}

function drawCertificate(cell, service, now) {
    const {first, left, kind} = validity(service.certificates, now);
    setText(cell, !first ? "–" : left < 0 ? `expired ${duration(-left)} ago, ${first.subject}` :
        `in ${duration(left)}, ${first.subject}`);
    cell.className = kind;
}

function drawService(row, service, now) {
    const pick = (sample) => sample.services[service.name], cells = row.children;
    const {taken, failed, refused} = counters(service);
    const texts = {1: service.listen ?? service.dial.join(", "), 2: service.role,
        3: `${count(service.open)} of ${count(service.max_connections)}`,
        4: shown(rate(pick, "taken"), small), 5: shown(rate(pick, "failed"), small),
        7: shown(rate(pick, "received_bytes"), bytes), 8: shown(rate(pick, "sent_bytes"), bytes),
        9: count(taken), 10: count(failed), 11: count(refused), 12: count(service.resumed)};
    setText(cells[0].firstChild, service.name);
    setAttribute(cells[0].firstChild, "aria-pressed", String(state.filter.service === service.name));
    for (const [column, text] of Object.entries(texts))
        setText(cells[column], text);
    cells[5].classList.toggle("bad", rate(pick, "failed") > 0);
    drawSpark(cells[6].firstChild, pick);
    drawCertificate(cells[13], service, now);
}

const serviceRows = new Map();

function drawServices(status) {
    const rows = status.services.map((service) => {
        if (!serviceRows.has(service.name))
            serviceRows.set(service.name, serviceRow(service.name));
        const row = serviceRows.get(service.name);
        drawService(row, service, status.time_ms);
        return row;
    });
    arrange(find("services").tBodies[0], rows);
}

// ---- Timelines ---------------------------------------------------------------------------------

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
function reached(connection) {
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
function drawTimeline(entry, connection, old) {
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
        .map((event) => mark(event, isFailed(connection)));
    entry.known = known;
    entry.last = last >= 0 ? {rect: rects[last], from: bars[last].from} : null;
    entry.svg.replaceChildren(...rects, ...marks);
    const label = events.map((event) => told(event, connection)).filter(Boolean).join(", ");
    setAttribute(entry.svg, "aria-label", label || "nothing has happened yet");
    setAttribute(entry.svg.parentNode, "title", label);
}

// ---- Connections -------------------------------------------------------------------------------

const isFailed = (connection) => connection.state === "closed";
const resultOf = (connection) => isFailed(connection) ? connection.reason : connection.state;

// Failures first, the newest of them first; then what has no handshake yet, the oldest first, since
// it may be stuck; then the rest.
function inOrder(status) {
    const pending = [], established = [];
    for (const connection of status.connections)
        (connection.timeline.handshake === null ? pending : established).push(connection);
    return [...status.failed, ...pending.reverse(), ...established];
}

function fits(connection) {
    const {service, cause, result, text} = state.filter;
    const words = [connection.conn, connection.peer, connection.subject, connection.error,
        connection.server_name, connection.fingerprint];
    return (!service || connection.service === service) &&
        (!cause || (connection.cause ?? "none yet") === cause) &&
        (!result || resultOf(connection) === result ||
            result === (isFailed(connection) ? "all failed" : "all open")) &&
        (!text || words.some((word) => String(word ?? "").toLowerCase().includes(text)));
}

function connectionRow(conn) {
    const id = `details-${conn}`;
    const button = make("button", {type: "button", "aria-expanded": "false", "aria-controls": id,
        tabindex: "-1"}, `▸ ${conn}`);
    const row = make("tr", {class: "row", role: "row", "data-conn": conn});
    for (let column = 0; column < 8; column++)
        row.append(make("td", {role: "cell", class: {1: "number", 6: "drawn"}[column] ?? ""}));
    row.firstChild.append(button);
    const svg = draw("svg", {class: "line", role: "img"});
    row.children[6].append(svg);
    row.addEventListener("click", (event) => {
        if (event.target === button || String(getSelection()) === "")
            toggle(conn);
    });
    return {row, svg, button, id, details: null};
}

function drawDetails(entry, connection) {
    const facts = {Error: connection.error, Subject: connection.subject,
        Fingerprint: connection.fingerprint, "Server name": connection.server_name,
        TLS: [connection.protocol, connection.cipher, connection.group].filter(Boolean).join(", "),
        ALPN: connection.alpn, Resumed: connection.protocol && (connection.resumed ? "yes" : "no"),
        Bytes: `${count(connection.received_bytes)} in, ${count(connection.sent_bytes)} out`,
        [connection.dialed ? "Dialed" : "Accepted"]: new Date(connection.accepted_ms).toISOString()};
    const list = make("dl");
    for (const [name, text] of Object.entries(facts))
        if (text)
            list.append(make("dt", {}, name), make("dd", {}, text));
    const steps = make("ol");
    let before = 0;
    for (const {event, ms} of reached(connection)) {
        steps.append(make("li", {}, make("span", {}, EVENTS[event]), make("span", {}, duration(ms)),
            make("span", {class: "dim"}, event === "accept" ? "" : `+ ${duration(ms - before)}`)));
        before = ms;
    }
    const drawn = list.textContent + steps.textContent;
    if (entry.details?.drawn === drawn)
        return;
    entry.details ??= make("tr", {class: "details", role: "row", id: entry.id},
        make("td", {role: "cell"}));
    entry.details.drawn = drawn;
    entry.details.firstChild.replaceChildren(make("div", {class: "pair"}, steps, list));
}

function drawConnection(entry, connection, now) {
    const cells = entry.row.children, old = now - connection.accepted_ms;
    const failed = isFailed(connection), expanded = state.opened.has(connection.conn);
    const texts = {1: failed ? `${age(old - (connection.timeline.end ?? 0))} ago` : age(old),
        2: resultOf(connection), 3: connection.service, 4: connection.peer,
        5: [connection.role, connection.cause].filter(Boolean).join(", ") || "–",
        7: connection.error ?? connection.subject ?? connection.server_name ?? "–"};
    for (const [column, text] of Object.entries(texts))
        setText(cells[column], text);
    setAttribute(entry.row, "class", failed ? "row failed" : "row");
    setAttribute(cells[2], "class", failed ? "bad" : connection.state === "established" ? "" : "warn");
    setAttribute(cells[7], "title", texts[7]);
    setText(entry.button, `${expanded ? "▾" : "▸"} ${connection.conn}`);
    setAttribute(entry.button, "aria-expanded", String(expanded));
    drawTimeline(entry, connection, old);
    if (expanded)
        drawDetails(entry, connection);
}

function toggle(conn) {
    if (!state.opened.delete(conn))
        state.opened.add(conn);
    drawConnections(state.status);
}

function entryOf(connection) {
    if (!state.rows.has(connection.conn))
        state.rows.set(connection.conn, connectionRow(connection.conn));
    return state.rows.get(connection.conn);
}

function setScale(list, now) {
    const longest = Math.max(0, ...list.map((connection) =>
        connection.timeline.end ?? now - connection.accepted_ms));
    const span = SPANS_MS.find((candidate) => candidate >= longest) ?? longest;
    if (span !== scale.span || !find("axis").firstChild) {
        scale.span = span;
        drawAxis();
    }
}

function drawCount(status, all, fitting, drawn) {
    const more = status.open - status.connections.length;
    const notes = [`${count(drawn)} of ${count(all + more)}`];
    if (fitting > drawn)
        notes.push(`${count(fitting - drawn)} more fit the filter`);
    if (more > 0)
        notes.push(`the oldest ${count(more)} are not listed`);
    setText(find("count"), notes.join("; "));
    const nothing = find("nothing");
    nothing.hidden = drawn > 0;
    find("connections").parentNode.hidden = find("legend").hidden = drawn === 0;
    setText(nothing, all > 0 ? "No connection fits the filter." :
        "No connection is open, and none has failed.");
}

function drawConnections(status) {
    const all = inOrder(status), fitting = all.filter(fits), list = fitting.slice(0, ROWS_MAX);
    const focused = document.activeElement, rows = [];
    setScale(all, status.time_ms);
    for (const connection of list) {
        const entry = entryOf(connection);
        drawConnection(entry, connection, status.time_ms);
        rows.push(entry.row, ...(state.opened.has(connection.conn) ? [entry.details] : []));
    }
    arrange(find("connections").tBodies[0], rows);
    const known = new Set(all.map((connection) => connection.conn));
    for (const conn of state.rows.keys())
        if (!known.has(conn)) {
            state.rows.delete(conn);
            state.opened.delete(conn);
        }
    if (focused !== document.activeElement && focused.isConnected)
        focused.focus({preventScroll: true});  // a row that was moved loses it
    keepOneTabStop();
    drawCount(status, all.length, fitting.length, list.length);
}

// ---- Filter ------------------------------------------------------------------------------------

function drawChoices(select, counted) {
    const chosen = state.filter[select.name];
    if (chosen && !counted.has(chosen))
        counted.set(chosen, 0);
    const wanted = [["", "any"], ...[...counted].map(([value, number]) =>
        [value, `${value} (${count(number)})`])];
    const drawn = JSON.stringify(wanted);
    if (select.drawn === drawn)
        return;
    select.drawn = drawn;
    select.replaceChildren(...wanted.map(([value, text]) => make("option", {value}, text)));
    select.value = chosen;
}

function counted(list, word, first = []) {
    const found = new Map(first);
    for (const item of list)
        found.set(word(item), (found.get(word(item)) ?? 0) + 1);
    return found;
}

function drawFilter(status) {
    const {elements} = find("filter"), all = [...status.failed, ...status.connections];
    const services = status.services.map((service) => [service.name, 0]);
    const results = [["all failed", status.failed.length], ["all open", status.connections.length]];
    if (document.activeElement.tagName === "SELECT")
        return;  // a list that is open must not change
    drawChoices(elements.service, counted(all, (one) => one.service, services));
    drawChoices(elements.cause, counted(all, (one) => one.cause ?? "none yet"));
    drawChoices(elements.result, counted(all, resultOf, results));
}

function setFilter(changes) {
    const {elements} = find("filter");
    Object.assign(state.filter, changes);
    for (const [name, value] of Object.entries(changes))
        if (name !== "text")
            elements[name].value = value;
    if (state.status)
        drawAll(state.status);
}

// ---- Keys --------------------------------------------------------------------------------------

const buttons = () => [...find("connections").querySelectorAll("tr.row button")];

// Tab reaches the list once; the arrows move within it.
function keepOneTabStop() {
    const all = buttons();
    if (all.some((button) => button.tabIndex === 0))
        return;
    if (all.length > 0)
        all[0].tabIndex = 0;
}

function focusButton(button) {
    for (const other of find("connections").querySelectorAll("button[tabindex='0']"))
        other.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
    button.scrollIntoView({block: "nearest"});
}

function moveTo(key) {
    const all = buttons(), at = all.indexOf(document.activeElement);
    const to = {ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, Home: 0, End: all.length - 1,
        PageDown: at + 15, PageUp: at - 15}[key];
    if (to === undefined || all.length === 0 || (at < 0 && !key.startsWith("Arrow")))
        return false;
    focusButton(all[Math.min(Math.max(to, 0), all.length - 1)]);
    return true;
}

function clearFilter() {
    find("filter").reset();
}

function onKey(event) {
    const field = event.target.closest("input, select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey || (field && event.key !== "Escape"))
        return;
    const act = {"/": () => find("filter").elements.text.focus(), p: pause, Escape: clearFilter};
    if (act[event.key])
        act[event.key]();
    else if (!moveTo(event.key))
        return;
    event.preventDefault();
}

function pause() {
    state.paused = !state.paused;
    setAttribute(find("pause"), "aria-pressed", String(state.paused));
    setText(find("pause"), state.paused ? "Paused" : "Pause");
    if (!state.paused)
        void ask();
}

// ---- Life --------------------------------------------------------------------------------------

function drawAll(status) {
    drawNumbers(status);
    drawServices(status);
    drawFilter(status);
    drawConnections(status);
}

async function read() {
    const answer = await fetch("status", {cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS)});
    if (!answer.ok)
        throw new Error(`HTTP status ${answer.status}`);
    return answer.json();
}

async function ask() {
    clearTimeout(state.timer);
    if (state.paused || document.hidden)
        return;
    try {
        const status = await read();
        takeSample(status);
        state.status = status;
        state.failedSince = null;
    } catch (error) {
        state.failedSince ??= {at: Date.now(), why: error.message};
    }
    drawHeader();
    if (state.status && !state.failedSince)
        drawAll(state.status);
    clearTimeout(state.timer);
    state.timer = setTimeout(ask, EVERY_MS);
}

function begin() {
    const form = find("filter");
    for (const name of ["service", "cause", "result"])
        form.elements[name].append(make("option", {value: ""}, "any"));
    form.addEventListener("input", (event) => {
        setFilter({[event.target.name]: event.target.name === "text" ?
            event.target.value.trim().toLowerCase() : event.target.value});
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setFilter({service: "", cause: "", result: "", text: ""}));
    find("pause").addEventListener("click", pause);
    document.addEventListener("keydown", onKey);
    document.addEventListener("visibilitychange", ask);
    void ask();
}

begin();
