// What the page knows, and what its user has chosen.

export const state = {
    status: null,  // the last answer
    paused: false,
    failedSince: null,  // {at, why}: there has been no answer since; null: all is well
    filter: {service: "", cause: "", result: "", text: ""},
    device: "",  // the text that devices of the fleet have to hold
    opened: new Set(),  // the numbers of the connections whose details are shown
};

// Draws the last answer anew, after a choice of the user.
export const changed = new EventTarget();
export const redraw = () => changed.dispatchEvent(new Event("change"));
