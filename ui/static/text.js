// Text of either language, or both, as blocks that each run their own way.

import {h, plain} from "./dom.js";
import {boot, directionOf, say} from "./say.js";

const ARABIC = /[\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]/g;
const LETTER = /\p{L}/u;
const LATIN = /[A-Za-z\u00c0-\u024f]/g;
const LONG = 60;
const QUOTED = /«[^»]*»|“[^”]*”/g;
const UNVERIFIED = ["ar", "en"].map((name) => boot.strings[name].unverified.replace(/[[\]]/g, "\\$&"));
const MARKER = new RegExp(`\\s*(?:\\[(\\d{1,3})\\]|${UNVERIFIED.join("|")})`, "g");
// Runs of the other script, with what joins them; dates and the like, which must not turn round.
const ARABIC_RUN = /[\u0620-\u064a\u066e-\u06ff\u0750-\u077f][\u0610-\u06ff\u0750-\u077f]*(?:[\s\u00a0'’\-–.]*[\u0620-\u064a\u066e-\u06ff\u0750-\u077f][\u0610-\u06ff\u0750-\u077f]*)*/g;
const LATIN_RUN = /[A-Za-z\u00c0-\u024f][\w\u00c0-\u024f]*(?:[\s\u00a0'’\-–./&@:,]*[A-Za-z\u00c0-\u024f0-9][\w\u00c0-\u024f]*)*|\+?\d+(?:[-/:.]\d+)+|\+\d+/g;

/** The language most of the letters are of; `otherwise` where there are none. */
export function languageOf(text, otherwise) {
  const arabic = text.match(ARABIC)?.length ?? 0, latin = text.match(LATIN)?.length ?? 0;
  return arabic + latin ? (arabic >= latin ? "ar" : "en") : otherwise;
}

/** Language of a block: of what is said around its quotes, else of the quotes. */
function blockLanguage(text, quotes, language) {
  const around = pieces(text, quotes).filter((piece) => !piece.quote).map((piece) => piece.text).join(" ");
  const first = languageOf(around.match(LETTER)?.[0] ?? "", "");
  // A name of the other script is no reason to turn a sentence round, wherever it stands.
  return first === language ? language : languageOf(around, languageOf(text, language));
}

/** The text cut at its quotes: those known to be quotes, and others by their marks. */
function pieces(text, quotes) {
  const found = [];
  let rest = 0;
  for (const match of knownQuotes(text, quotes)) {
    found.push(...byMarks(text.slice(rest, match.start)), {quote: true, text: text.slice(match.start, match.end)});
    rest = match.end;
  }
  return [...found, ...byMarks(text.slice(rest))].filter((piece) => piece.text);
}

function knownQuotes(text, quotes) {
  const found = [];
  for (const quote of [...quotes].sort((a, b) => b.length - a.length)) {
    const at = quote ? text.indexOf(quote) : -1;
    if (at < 0 || found.some((other) => at < other.end && at + quote.length > other.start)) continue;
    const marked = /[«“]$/.test(text.slice(0, at)) && /^[»”]/.test(text.slice(at + quote.length));
    found.push({start: at - marked, end: at + quote.length + marked});
  }
  return found.sort((a, b) => a.start - b.start);
}

function byMarks(text) {
  const found = [];
  let rest = 0;
  for (const match of text.matchAll(QUOTED)) {
    found.push({text: text.slice(rest, match.index)}, {quote: true, text: match[0]});
    rest = match.index + match[0].length;
  }
  return [...found, {text: text.slice(rest)}];
}

/** Text with every run of the other script held together, for a block of this language. */
export function isolated(text, language) {
  const nodes = [];
  let rest = 0;
  for (const match of plain(text).matchAll(language === "ar" ? LATIN_RUN : ARABIC_RUN)) {
    nodes.push(plain(text).slice(rest, match.index), h("bdi", {dir: language === "ar" ? "ltr" : "rtl"}, match[0]));
    rest = match.index + match[0].length;
  }
  return [...nodes, plain(text).slice(rest)];
}

function inline(text, language, {quotes, chip}) {
  const found = pieces(text, quotes), nodes = [];
  found.forEach((piece, i) => {
    if (!piece.quote) return nodes.push(...withChips(piece.text, language, chip));
    const own = languageOf(piece.text, language), direction = directionOf(own);
    const quote = h("bdi", {class: "quote", lang: own, dir: direction}, plain(piece.text));
    if (own === language || piece.text.length < LONG) return nodes.push(quote);
    // A long quote of the other language stands apart, and takes its markers along.
    const [markers] = found[i + 1]?.quote === undefined ? found[i + 1]?.text.match(/^(\s*\[\d{1,3}\])*/) ?? [""] : [""];
    if (markers) found[i + 1].text = found[i + 1].text.slice(markers.length);
    nodes.push(h("span", {class: "apart", lang: own, dir: direction}, quote, withChips(markers, own, chip)));
  });
  return nodes;
}

function withChips(text, language, chip) {
  const nodes = [];
  let rest = 0;
  for (const match of text.matchAll(MARKER)) {
    // The chip stays on the line of the word before it.
    const mark = match[1] ? chip(Number(match[1])) : unverified(match[0]);
    nodes.push(...isolated(text.slice(rest, match.index), language), h("span", {class: "held"}, "\u00a0", mark));
    rest = match.index + match[0].length;
  }
  return [...nodes, ...isolated(text.slice(rest), language)];
}

const unverified = (text) => h("span", {class: "badge", title: say("unverified_why")}, text.trim().slice(1, -1));

/**
 * Blocks of an answer: paragraphs, lists and tables. `quotes` are the verbatim quotes in it;
 * `chip` makes the element of a marker.
 */
export function blocks(text, language, how) {
  return text.split(/\n\s*\n/).filter((block) => block.trim()).flatMap((block) => groups(block).map((group) => built(group, language, how)));
}

const KINDS = [["table", /^\s*\|.*\|\s*$/], ["ul", /^\s*[-•*]\s+/], ["ol", /^\s*[\d٠-٩]+[.)]\s+/]];

/** Lines of one block, those of a kind together. */
function groups(block) {
  const found = [];
  for (const line of block.split("\n")) {
    const kind = KINDS.find(([, shape]) => shape.test(line))?.[0] ?? "p";
    if (found.at(-1)?.kind === kind) found.at(-1).lines.push(line);
    else found.push({kind, lines: [line]});
  }
  return found;
}

function built({kind, lines}, language, how) {
  const own = blockLanguage(lines.join("\n"), how.quotes, language);
  const frame = {lang: own, dir: directionOf(own), class: how.class};
  if (kind === "table") return table(lines, frame, how);
  if (kind === "p") return h("p", frame, lines.flatMap((line, i) => [i > 0 && h("br"), ...inline(line, own, how)]));
  const items = lines.map((line) => line.replace(/^\s*(?:[-•*]|[\d٠-٩]+[.)])\s+/, ""));
  return h(kind, frame, items.map((item) => {
    const language = blockLanguage(item, how.quotes, own);
    return h("li", {lang: language, dir: directionOf(language)}, inline(item, language, how));
  }));
}

function table(lines, frame, how) {
  const rows = lines.filter((line) => !/^[\s|:-]+$/.test(line)).map((line) => line.trim().slice(1, -1).split("|"));
  const cell = (tag) => (text) => {
    const own = blockLanguage(text, how.quotes, frame.lang);
    return h(tag, {lang: own, dir: directionOf(own), scope: tag === "th" && "col"}, inline(text.trim(), own, how));
  };
  const [head, ...body] = rows;
  return h("div", {class: "scrolls", tabindex: "0"}, h("table", frame,
    h("thead", {}, h("tr", {}, head.map(cell("th")))),
    h("tbody", {}, body.map((row) => h("tr", {}, row.map(cell("td")))))));
}
