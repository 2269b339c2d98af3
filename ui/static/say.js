// What the page says, in the language it is set to; and how it writes dates and numbers.

import {$, $$, icon} from "./dom.js";

export const boot = JSON.parse($("#boot").textContent);
const KEPT = "burhan.language";

let language = localStorage.getItem(KEPT) ?? document.documentElement.lang;

export const current = () => language;
export const directionOf = (name) => (name === "ar" ? "rtl" : "ltr");
export const otherLanguage = () => (language === "ar" ? "en" : "ar");

/** A phrase in the language of the page, or in another, filled in. */
export function say(phrase, values = {}, name = language) {
  const text = boot.strings[name][phrase] ?? phrase;
  return text.replace(/\$(\w+)/g, (_, key) => values[key] ?? "");
}

/** "three articles", as the language counts. */
export function count(phrase, n) {
  const form = new Intl.PluralRules(language).select(n);
  const known = `${phrase}_${form}` in boot.strings[language];
  return say(`${phrase}_${known ? form : "other"}`, {n: number(n)});
}

export const number = (n) => new Intl.NumberFormat(`${language}-u-nu-latn`).format(n);
export const list = (items) => items.join(language === "ar" ? "، " : ", ");
export const quoted = (text) => (language === "ar" ? `«${text}»` : `“${text}”`);

/** A date as a reader writes it, with the precision it has: 2024-10-12, 2024-10 or 2024. */
export function spokenDate(iso, name = language) {
  const [year, month, day] = iso.split("-").map(Number);
  if (!month) return String(year);
  const options = {year: "numeric", month: "long", timeZone: "UTC", ...(day ? {day: "numeric"} : {})};
  const locale = name === "ar" ? "ar-EG-u-nu-latn" : "en-GB";
  return new Intl.DateTimeFormat(locale, options).format(Date.UTC(year, month - 1, day || 1));
}

/** Turns the whole page to a language; the parts that are made of data turn themselves. */
export function setLanguage(name) {
  language = name;
  localStorage.setItem(KEPT, name);
  const page = document.documentElement;
  page.lang = name;
  page.dir = directionOf(name);
  document.title = name === "ar" ? "برهان · Burhan" : "Burhan · برهان";
  for (const element of $$("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of $$("[data-placeholder]")) element.placeholder = say(element.dataset.placeholder);
  for (const element of $$("[data-label]")) {
    element.setAttribute("aria-label", say(element.dataset.label));
    if (element.tagName === "BUTTON") element.title = say(element.dataset.label);
  }
  for (const element of $$("[data-icon]")) if (!$(".icon", element)) element.prepend(icon(element.dataset.icon));
  const toggle = $("#language");
  toggle.textContent = say("language_switch");
  toggle.lang = otherLanguage();
  document.dispatchEvent(new Event("language"));
}
