// The list of connections: those that failed, and those that are open.
import {arrange, draw, find, make, setAttribute, setText} from "./elements.js";
import {fits, isFailed, resultOf} from "./filter.js";
import {keepOneTabStop} from "./focus.js";
import {redraw, state} from "./state.js";
import {EVENTS, drawTimeline, reached, setScale} from "./timeline.js";
import {age, count, duration} from "./units.js";

const ROWS_MAX = 1000;
const rows = new Map();  // by number of the connection: {row, svg, button, id, details}

// Failures first, the newest of them first; then what has no handshake yet, the oldest first, since
// it may be stuck; then the rest.
function inOrder(status) {
    const pending = [], established = [];
    for (const connection of status.connections)
        (connection.timeline.handshake === null ? pending : established).push(connection);
    return [...status.failed, ...pending.reverse(), ...established];
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
        [connection.dialed ? "Dialed" : "Accepted"]:
            new Date(connection.accepted_ms).toISOString()};
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
    setAttribute(cells[2], "class",
        failed ? "bad" : connection.state === "established" ? "" : "warn");
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
    redraw();
}

function entryOf(connection) {
    if (!rows.has(connection.conn))
        rows.set(connection.conn, connectionRow(connection.conn));
    return rows.get(connection.conn);
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

export function drawConnections(status) {
    const all = inOrder(status), fitting = all.filter(fits), list = fitting.slice(0, ROWS_MAX);
    const focused = document.activeElement, drawn = [];
    setScale(all, status.time_ms);
    for (const connection of list) {
        const entry = entryOf(connection);
        drawConnection(entry, connection, status.time_ms);
        drawn.push(entry.row, ...(state.opened.has(connection.conn) ? [entry.details] : []));
    }
    arrange(find("connections").tBodies[0], drawn);
    const known = new Set(all.map((connection) => connection.conn));
    for (const conn of rows.keys())
        if (!known.has(conn)) {
            rows.delete(conn);
            state.opened.delete(conn);
        }
    if (focused !== document.activeElement && focused.isConnected)
        focused.focus({preventScroll: true});  // a row that was moved loses it
    keepOneTabStop();
    drawCount(status, all.length, fitting.length, list.length);
}
