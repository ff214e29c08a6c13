// The page of a running actpass: reads /status again and again, and draws what it says.
import {drawConnections} from "./connections.js";
import {find, make, setAttribute, setText} from "./elements.js";
import {drawFilter, setFilter} from "./filter.js";
import {beginFleet, drawFleet} from "./fleet.js";
import {moveTo} from "./focus.js";
import {drawHeader, drawNumbers, drawServices} from "./overview.js";
import {takeSample} from "./rates.js";
import {changed, state} from "./state.js";

const EVERY_MS = 1000;  // from one answer to the next question
const PATIENCE_MS = 8000;  // for one answer
let timer = 0;

function clearFilter() {
    find("filter").reset();
}

function pause() {
    state.paused = !state.paused;
    setAttribute(find("pause"), "aria-pressed", String(state.paused));
    setText(find("pause"), state.paused ? "Paused" : "Pause");
    if (!state.paused)
        void ask();
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

function drawAll(status) {
    drawNumbers(status);
    drawServices(status);
    drawFleet(status);
    drawFilter(status);
    drawConnections(status);
}

async function read() {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch("status", {cache: "no-store", signal});
    if (!answer.ok)
        throw new Error(`HTTP status ${answer.status}`);
    return answer.json();
}

export async function ask() {
    clearTimeout(timer);
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
    clearTimeout(timer);
    timer = setTimeout(ask, EVERY_MS);
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
    beginFleet();
    find("pause").addEventListener("click", pause);
    document.addEventListener("keydown", onKey);
    document.addEventListener("visibilitychange", ask);
    changed.addEventListener("change", () => {
        if (state.status)
            drawAll(state.status);
    });
    void ask();
}

begin();
