// Numbers as people read them.

export function duration(ms) {
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

export function bytes(count) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let unit = 0;
    for (; count >= 1000 && unit < units.length - 1; unit++)
        count /= 1024;
    return `${unit > 0 && count < 9.95 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}

export const grouped = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
export const count = (number) => grouped.format(number);
export const age = (ms) => ms < 60e3 ? `${(Math.max(ms, 0) / 1000).toFixed(1)} s` : duration(ms);
export const small = (number) => number > 0 && number < 9.95 ? number.toFixed(1) : count(number);
export const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");
