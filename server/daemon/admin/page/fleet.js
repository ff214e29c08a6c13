// The pools of devices that can be reached by name, and who is joined to whom.
import {arrange, find, make, setText} from "./elements.js";
import {redraw, state} from "./state.js";
import {age, count} from "./units.js";

const ROWS_MAX = 1000;
const rows = new Map();  // by pool and name

const sum = (list) => list.reduce((total, number) => total + number, 0);

function summary(pool) {
    const {reached, ...missed} = pool.results;
    return `${pool.name}: ${count(pool.offers)} offered, ${count(pool.waiting)} waiting, ` +
        `${count(pool.joined)} joined; ${count(reached)} reached, ` +
        `${count(sum(Object.values(missed)))} missed so far`;
}

function drawPools(pools) {
    const list = find("pools");
    while (list.children.length < pools.length)
        list.append(make("li"));
    while (list.children.length > pools.length)
        list.lastElementChild.remove();
    pools.forEach((pool, index) => setText(list.children[index], summary(pool)));
}

function deviceRow() {
    const row = make("tr");
    for (let column = 0; column < 6; column++)
        row.append(make("td", [2, 3, 4].includes(column) ? {class: "number"} : {}));
    return row;
}

function joinedTo({joined, joins}, now) {
    const texts = joins.map((join) => `${join.gate} ${join.client} by ${join.by}, conn ` +
        `${join.device}, for ${age(now - join.since_ms)}`);
    if (joined > joins.length)
        texts.push(`${count(joined - joins.length)} more`);
    return texts.join("; ") || "–";
}

function drawDevice({pool, device}, now) {
    const key = JSON.stringify([pool.name, device.name]);
    if (!rows.has(key))
        rows.set(key, deviceRow());
    const row = rows.get(key), {since_ms: since} = device;
    const texts = [pool.name, device.name, count(device.offers), count(device.waiting),
        since === null ? "–" : age(now - since), joinedTo(device, now)];
    texts.forEach((text, column) => setText(row.children[column], text));
    row.children[3].classList.toggle("warn", device.waiting > 0);
    return row;
}

function fits({pool, device}) {
    const words = [pool.name, device.name, ...device.joins.map((join) => join.gate)];
    return words.some((word) => word.toLowerCase().includes(state.device));
}

// What is in use first.
function inOrder(one, other) {
    const [a, b] = [one, other].map(({device}) => device.waiting > 0 || device.joined > 0);
    return b - a || (one.device.name < other.device.name ? -1 : 1);
}

function forget(drawn) {
    const kept = new Set(drawn);
    for (const [key, row] of rows)
        if (!kept.has(row))
            rows.delete(key);
}

export function drawFleet({pools = [], time_ms: now}) {
    const all = pools.flatMap((pool) => pool.devices.map((device) => ({pool, device})));
    const fitting = all.filter(fits).sort(inOrder), names = sum(pools.map((pool) => pool.names));
    const drawn = fitting.slice(0, ROWS_MAX).map((one) => drawDevice(one, now));
    find("fleet").hidden = pools.length === 0;
    drawPools(pools);
    arrange(find("devices").tBodies[0], drawn);
    find("devices").parentNode.hidden = drawn.length === 0;
    setText(find("devices-count"), `${count(drawn.length)} of ${count(names)}`);
    forget(drawn);
}

export function beginFleet() {
    find("device").addEventListener("input", ({target}) => {
        state.device = target.value.trim().toLowerCase();
        redraw();
    });
}
