// The panel that shows a source: the whole article, at the quoted sentence.

import {$, $$, h, icon, iconButton, plain} from "./dom.js";
import {facts} from "./answer.js";
import {current, directionOf, list, number, say, spokenDate} from "./say.js";
import {Failure, get} from "./wire.js";

const NARROW = matchMedia("(max-width: 1099px)");
let returnTo = null, shown = 0;

/** Opens the source of a marker, and goes back to `from` when it is closed. */
export function openSource(answer, marker, from) {
  const citation = answer.citations.find((one) => one.marker === marker);
  const evidence = answer.evidence.find((one) => one.marker === marker);
  const same = answer.citations.filter((one) => one.article_id === citation.article_id);
  return open(citation.article_id, from, {citation, evidence, same, language: answer.language});
}

/** Opens an article to be read. */
export const openArticle = (article, from) => open(article.article_id, from, {citation: article, same: [], language: current()});

async function open(articleId, from, about) {
  const panel = $("#panel"), mine = ++shown;
  returnTo = from;
  const text = h("div", {class: "article-text", "aria-busy": "true"});
  panel.replaceChildren(head(about), text);
  panel.hidden = false;
  modal(NARROW.matches);
  panel.focus();
  const parts = await get("article", {article_id: articleId}).then((article) => read(article, about), (error) => unread(error, about));
  if (mine !== shown) return;
  text.replaceChildren(...parts);
  text.removeAttribute("aria-busy");
  const mark = $("mark.chosen", panel);
  if (mark) mark.scrollIntoView({block: "center"});
  else panel.scrollTop = 0;
}

/** On a narrow screen the panel covers the page: nothing behind it can be reached. */
function modal(is) {
  const panel = $("#panel");
  for (const [name, value] of [["role", "dialog"], ["aria-modal", "true"]]) is ? panel.setAttribute(name, value) : panel.removeAttribute(name);
  for (const other of $$("header.bar, main, #history")) other.inert = is;
}

export function closePanel() {
  const panel = $("#panel");
  if (panel.hidden) return;
  shown++;
  panel.hidden = true;
  panel.replaceChildren();
  modal(false);
  if (returnTo?.isConnected) returnTo.focus();
}

function head({citation, evidence, language}) {
  const link = /^https?:\/\//i.test(citation.url);
  const also = evidence?.also_reported_by ?? [];
  const title = h("h2", {lang: citation.language, dir: directionOf(citation.language)}, plain(citation.title));
  return h("header", {},
    h("div", {class: "row spread"},
      h("span", {class: "row"}, evidence && h("span", {class: "number"}, citation.marker), h("span", {class: "eyebrow"}, say("source_panel"))),
      iconButton("close", say("close"), closePanel)),
    title, facts(citation, language),
    link && h("a", {class: "original", href: citation.url, target: "_blank", rel: "noopener noreferrer"}, icon("link"), say("open_original")),
    also.length > 0 && h("p", {class: "also"}, say("also_reported_by", {outlets: list(also.map(plain))})),
    evidence && why(citation, evidence, language));
}

/** The scores in plain words. */
function why(citation, {scores = {}}, language) {
  const abroad = citation.language !== language;
  const {calibrated = 0, lexical = 0, names = 0} = scores;
  const reasons = [
    say(`why_meaning_${calibrated >= 3 ? "high" : calibrated >= 2 ? "fair" : "low"}`),
    say(abroad ? "why_words_abroad" : lexical >= 0.6 ? "why_words_high" : lexical > 0.15 ? "why_words_some" : "why_words_none"),
    names > 0 && say("why_names"),
  ];
  return h("details", {class: "why"}, h("summary", {}, say("why_chosen")), h("ul", {}, reasons.filter(Boolean).map((reason) => h("li", {}, reason))));
}

/** The article's text with its quoted sentences marked; `start` and `end` count code points. */
function read(article, {citation, same}) {
  const points = Array.from(article.text);
  const piece = (start, end) => points.slice(start, end).join("");
  if (citation.quote && piece(citation.start, citation.end) !== citation.quote) return [note("article_changed"), asItStood(citation), ...paragraphs(article, [{text: article.text}])];
  const pieces = [];
  let rest = 0;
  for (const one of [...same].sort((a, b) => a.start - b.start)) {
    if (one.start < rest || piece(one.start, one.end) !== one.quote) continue;
    pieces.push({text: piece(rest, one.start)}, {text: one.quote, mark: one.marker === citation.marker ? "chosen" : "other"});
    rest = one.end;
  }
  return paragraphs(article, [...pieces, {text: piece(rest)}]);
}

function unread(error, {citation}) {
  const gone = error instanceof Failure && error.phrase === "article_gone";
  return [note(gone ? "article_gone" : "article_failed"), ...(citation.quote ? [asItStood(citation)] : [])];
}

const note = (phrase) => h("p", {class: "note"}, say(phrase));
const marked = (text, kind) => h("mark", {class: kind, ...(kind === "chosen" ? {"aria-label": say("quoted_sentence"), role: "mark"} : {})}, plain(text));
const asItStood = ({quote, language}) => h("p", {lang: language, dir: directionOf(language)}, marked(quote, "chosen"));

/** Pieces of a text as paragraphs; a mark that spans several stays one. */
function paragraphs({language}, pieces) {
  const found = [[]];
  for (const {text, mark} of pieces) {
    if (mark) { found.at(-1).push(marked(text, mark)); continue; }
    const [first, ...others] = text.split(/\n+/);
    found.at(-1).push(plain(first));
    for (const other of others) found.push([plain(other)]);
  }
  return found.filter((nodes) => nodes.some((node) => (node.textContent ?? node).trim()))
    .map((nodes) => h("p", {lang: language, dir: directionOf(language)}, nodes));
}

/** Keys and widths. */
export function preparePanel() {
  const panel = $("#panel");
  addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden && !$("dialog[open]")) closePanel(); });
  NARROW.addEventListener("change", () => modal(NARROW.matches && !panel.hidden));
}
