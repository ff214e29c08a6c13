// The keyboard within the list of connections.
import {find} from "./elements.js";

const buttons = () => [...find("connections").querySelectorAll("tr.row button")];

// Tab reaches the list once; the arrows move within it.
export function keepOneTabStop() {
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

export function moveTo(key) {
    const all = buttons(), at = all.indexOf(document.activeElement);
    const to = {ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, Home: 0, End: all.length - 1,
        PageDown: at + 15, PageUp: at - 15}[key];
    if (to === undefined || all.length === 0 || (at < 0 && !key.startsWith("Arrow")))
        return false;
    focusButton(all[Math.min(Math.max(to, 0), all.length - 1)]);
    return true;
}
