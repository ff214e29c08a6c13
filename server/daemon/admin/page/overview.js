// The daemon and its services: the state, the numbers of all, and one row for each.
import {arrange, draw, find, make, setAttribute, setText} from "./elements.js";
import {setFilter} from "./filter.js";
import {between, counters, rate, samples, shown} from "./rates.js";
import {state} from "./state.js";
import {bytes, clock, count, duration, small} from "./units.js";

const SOON_MS = 14 * 86400e3;  // a certificate that expires within it is worth a warning

export function drawHeader() {
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
    const all = (sample) => sample.all;
    const last = samples.length - 1, from = samples[Math.max(0, last - 60)], to = samples[last];
    const done = to.all.handshakes - from.all.handshakes;
    const spent = to.all.handshake_ms_sum - from.all.handshake_ms_sum;
    const failing = rate(all, "failed"), refusing = rate(all, "refused");
    const lost = status.log_lines_lost;
    const certificates = status.services.flatMap((service) => service.certificates);
    const first = validity(certificates, status.time_ms);
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

export function drawNumbers(status) {
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

function spark() {
    const svg = draw("svg", {class: "spark", role: "img"});
    svg.append(draw("polyline", {class: "taken"}), draw("polyline", {class: "failed"}));
    return svg;
}

// New ones and failures by sample, the newest at the right.
function drawSpark(svg, pick) {
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
    setAttribute(cells[0].firstChild, "aria-pressed",
        String(state.filter.service === service.name));
    for (const [column, text] of Object.entries(texts))
        setText(cells[column], text);
    cells[5].classList.toggle("bad", rate(pick, "failed") > 0);
    drawSpark(cells[6].firstChild, pick);
    drawCertificate(cells[13], service, now);
}

const serviceRows = new Map();

export function drawServices(status) {
    const rows = status.services.map((service) => {
        if (!serviceRows.has(service.name))
            serviceRows.set(service.name, serviceRow(service.name));
        const row = serviceRows.get(service.name);
        drawService(row, service, status.time_ms);
        return row;
    });
    arrange(find("services").tBodies[0], rows);
}
