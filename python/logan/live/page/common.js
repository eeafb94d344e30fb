"use strict";
// Text from logs goes into the page as text nodes only.
const byId = (id) => document.getElementById(id);
const count = new Intl.NumberFormat("en-US");
let source = null;
let heard = 0;

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function drawing(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// columns: [title, value of a row, class, tone of a row]
function table(id, rows, columns, none) {
  const target = byId(id);
  if (!rows.length) {
    const cell = element("td", none, "empty");
    const row = element("tr");
    row.append(cell);
    target.replaceChildren(row);
    return;
  }
  const head = element("tr");
  for (const [title, , kind] of columns) {
    const cell = element("th", title, kind);
    cell.scope = "col";
    head.append(cell);
  }
  const body = rows.map((row) => {
    const line = element("tr");
    for (const [, value, kind, tone] of columns) {
      line.append(element("td", value(row), [kind, tone && tone(row)].filter(Boolean).join(" ")));
    }
    return line;
  });
  target.replaceChildren(head, ...body);
}

function check() {
  if (Date.now() - heard > 5000) {
    const state = byId("state");
    state.className = "lost";
    state.textContent = heard ? "no news: it has ended, or cannot be reached" : "connecting…";
  }
}
