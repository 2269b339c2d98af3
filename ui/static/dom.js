// Elements made of names and text, never of HTML: what an article says can only be shown.

const ICONS = {
  menu: "M4 7h16M4 12h16M4 17h16",
  plus: "M12 5v14M5 12h14",
  filter: "M4 6h16M7 12h10M10 18h4",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M8 8h8v8H8z",
  close: "M6 6l12 12M18 6L6 18",
  edit: "M5 19l1-4L16 5l3 3L9 18zM14 7l3 3",
  retry: "M19 12a7 7 0 1 1-2-5M19 4v4h-4",
  copy: "M9 9h10v10H9zM5 15V5h10",
  up: "M8 11v8H5v-8zM8 11l3-6c1.5 0 2 1 1.7 2.5L12 10h5.500c1 0 1.700.9 1.500 1.900l-1.200 5.500c-.2 1-1 1.600-1.900 1.600H8",
  down: "M8 13V5H5v8zM8 13l3 6c1.500 0 2-1 1.700-2.500L12 14h5.500c1 0 1.700-.9 1.500-1.900l-1.200-5.500c-.2-1-1-1.600-1.900-1.600H8",
  trash: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12",
  auto: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v1M12 20v1M3 12h1M20 12h1M5.600 5.600l.7.7M17.700 17.700l.7.7M18.400 5.600l-.7.7M6.300 17.700l-.7.7",
  dark: "M19 14.500A8 8 0 0 1 9.500 5 7.500 7.500 0 1 0 19 14.500z",
  link: "M14 5h5v5M19 5l-8 8M17 14v5H5V7h5",
  file: "M7 4h7l4 4v12H7zM14 4v4h4",
  check: "M5 12l5 5 9-10",
};

/** An element with properties and children; strings become text. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "value" || name === "checked" || name === "open") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}

/** A drawing that screen readers pass over. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({viewBox: "0 0 24 24", "aria-hidden": "true", class: `icon ${name}`}))
    svg.setAttribute(key, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that is only a drawing, with its name for those who do not see it. */
export function iconButton(name, label, onclick, properties = {}) {
  return h("button", {type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...properties}, icon(name));
}

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// Characters that make others run against their nature: a quote could be shown as another.
const OVERRIDES = /[\u202a-\u202e\u2066-\u2069]/g;

/** The text without what would turn it round. */
export const plain = (text) => text.replace(OVERRIDES, "");

/** Says something to those who hear the page. */
export function announce(text, language = document.documentElement.lang) {
  $("#live").lang = language;
  $("#live").textContent = plain(text);
}

/** A short message that goes by itself, with something to do about it if need be. */
export function toast(text, action, act) {
  $(".toast")?.remove();
  const shown = h("div", {class: "toast"}, h("span", {}, text));
  if (action) shown.append(h("button", {type: "button", class: "quiet", onclick: () => { shown.remove(); act(); }}, action));
  document.body.append(shown);
  announce(text);
  setTimeout(() => shown.remove(), action ? 8000 : 3500);
}
