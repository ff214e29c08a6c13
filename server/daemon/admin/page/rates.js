// Counters of two answers, and the rates between them.

const SAMPLES = 61;  // a minute of them for the small charts
const RATE_OVER = 5;  // samples: single ones jump

// The newest last: {time_ms, started_ms, all: counters, services: {name: counters}}.
export const samples = [];

const COUNTERS = ["taken", "failed", "refused", "handshakes", "handshake_ms_sum", "resumed",
    "received_bytes", "sent_bytes"];
const sum = (list) => list.reduce((total, number) => total + number, 0);

// Port scans and health checks, which close before their first byte, are no failures.
export function counters(service) {
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

export function takeSample(status) {
    const services = status.services.map(counters);
    if (samples.length > 0 && samples[0].started_ms !== status.started_ms)
        samples.length = 0;  // another process, whose counters begin anew
    samples.push({time_ms: status.time_ms, started_ms: status.started_ms, all: together(services),
        services: Object.fromEntries(services.map((service) => [service.name, service]))});
    samples.splice(0, samples.length - SAMPLES);
}

// What `pick` finds in two samples, as a difference a second. null: not known yet.
export function between(from, to, pick, counter) {
    const [before, after] = [from && pick(from), to && pick(to)];
    const ms = before && after ? to.time_ms - from.time_ms : 0;
    return ms > 0 ? Math.max(0, after[counter] - before[counter]) * 1000 / ms : null;
}

export function rate(pick, counter) {
    const last = samples.length - 1;
    return between(samples[Math.max(0, last - RATE_OVER)], samples[last], pick, counter);
}

export const shown = (number, form) => number === null ? "–" : form(number);
