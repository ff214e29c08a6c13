// Making and changing elements. Texts go into text nodes and attributes, never through a parser.

export const find = (id) => document.getElementById(id);

export function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
        element.setAttribute(key, value);
    element.append(...children);
    return element;
}

export function draw(name, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes))
        element.setAttribute(key, value);
    return element;
}

export function setText(element, text) {
    if (element.textContent !== text)
        element.textContent = text;
}

export function setAttribute(element, name, value) {
    if (element.getAttribute(name) !== value)
        element.setAttribute(name, value);
}

// Makes the children of PARENT those of the list, in its order, and moves as few as it can.
export function arrange(parent, list) {
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
