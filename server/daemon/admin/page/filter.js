// Which connections are shown.
import {find, make} from "./elements.js";
import {redraw, state} from "./state.js";
import {count} from "./units.js";

export const isFailed = (connection) => connection.state === "closed";
export const resultOf = (connection) => isFailed(connection) ? connection.reason : connection.state;

export function fits(connection) {
    const {service, cause, result, text} = state.filter;
    const words = [connection.conn, connection.peer, connection.subject, connection.error,
        connection.server_name, connection.fingerprint];
    return (!service || connection.service === service) &&
        (!cause || (connection.cause ?? "none yet") === cause) &&
        (!result || resultOf(connection) === result ||
            result === (isFailed(connection) ? "all failed" : "all open")) &&
        (!text || words.some((word) => String(word ?? "").toLowerCase().includes(text)));
}

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

export function drawFilter(status) {
    const {elements} = find("filter"), all = [...status.failed, ...status.connections];
    const services = status.services.map((service) => [service.name, 0]);
    const results = [["all failed", status.failed.length], ["all open", status.connections.length]];
    if (document.activeElement.tagName === "SELECT")
        return;  // a list that is open must not change
    drawChoices(elements.service, counted(all, (one) => one.service, services));
    drawChoices(elements.cause, counted(all, (one) => one.cause ?? "none yet"));
    drawChoices(elements.result, counted(all, resultOf, results));
}

export function setFilter(changes) {
    const {elements} = find("filter");
    Object.assign(state.filter, changes);
    for (const [name, value] of Object.entries(changes))
        if (name !== "text")
            elements[name].value = value;
    redraw();
}
