// One exchange as it is shown: the question, the answer, its sources, and what can be done with it.

import {$, h, icon, iconButton, plain, toast} from "./dom.js";
import {current, directionOf, list, number, quoted, say, spokenDate} from "./say.js";
import {blocks, isolated, languageOf} from "./text.js";
import {ratingRow} from "./rating.js";

const HIGH = 0.8, FAIR = 0.6;

/** What the page may do with an exchange, made by the chat. */
export function exchange(turn, acts) {
  const answer = h("div", {class: "answer", "data-status": turn.status});
  const shown = h("article", {class: "exchange"}, question(turn, acts), answer);
  fill(answer, turn, acts);
  return shown;
}

/** Shows the answer as far as it has come. */
export function fill(element, turn, acts) {
  element.dataset.status = turn.status;
  element.setAttribute("aria-busy", turn.status === "pending");
  const parts = [h("h3", {class: "sr"}, say("title")), ...state(turn)];
  if (turn.text) parts.push(body(turn, acts));
  if (turn.answer?.refused) parts.push(refusal(turn, acts));
  else if (turn.answer?.citations.length) parts.push(sources(turn, acts));
  const searched = turn.answer?.standalone ?? "";
  if (searched && searched !== turn.question.trim())
    parts.push(h("p", {class: "note"}, isolated(say("searched_as", {question: quoted(searched)}), current())));
  if (turn.filters && described(turn.filters).length)
    parts.push(h("p", {class: "note"}, isolated(say("asked_within", {filters: list(described(turn.filters))}), current())));
  if (turn.status !== "pending") parts.push(foot(turn, acts));
  element.replaceChildren(...parts);
}

function question(turn, acts) {
  const language = languageOf(turn.question, current());
  const text = h("p", {class: "question", lang: language, dir: directionOf(language)}, isolated(turn.question, language));
  const edit = iconButton("edit", say("edit"), () => box.replaceChildren(editor()), {class: "icon-button edit"});
  const box = h("div", {class: "asked"}, h("h2", {class: "sr"}, say("you")), text, edit);

  function editor() {
    const area = h("textarea", {dir: "auto", rows: 2, "aria-label": say("edit_label"), value: turn.question, class: "editing"});
    const back = () => { box.replaceChildren(h("h2", {class: "sr"}, say("you")), text, edit); edit.focus(); };
    const send = () => area.value.trim() && acts.edit(turn, area.value);
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") back();
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
    });
    setTimeout(() => area.focus());
    return h("form", {class: "editor", onsubmit: (event) => { event.preventDefault(); send(); }}, area,
      h("div", {class: "row"},
        h("button", {type: "submit", class: "primary"}, say("edit_send")),
        h("button", {type: "button", class: "quiet", onclick: back}, say("cancel"))));
  }
  return box;
}

/** What there is to say of an answer that is not there, or not whole. */
function state(turn) {
  if (turn.status === "pending" && !turn.text) {
    const waiting = turn.place != null && turn.queued != null ? say("queued", {n: number(turn.place + 1)}) : say("searching");
    return [h("p", {class: "waiting"}, h("span", {class: "pulse", "aria-hidden": "true"}), waiting)];
  }
  if (turn.status === "stopped") return [h("p", {class: "note"}, say("stopped"))];
  if (turn.status !== "error") return [];
  const {phrase, values} = turn.error ?? {phrase: "interrupted"};
  return [h("p", {class: "problem", role: "alert"}, isolated(say(phrase, values), current()))];
}

function body(turn, acts) {
  const cited = new Map((turn.answer?.citations ?? []).map((citation) => [citation.marker, citation]));
  const chip = (marker) => {
    const citation = cited.get(marker);
    if (!citation) return turn.answer ? h("bdi", {}, `[${marker}]`) : h("span", {class: "chip"}, marker);
    return h("button", {
      type: "button", class: "chip", "data-marker": marker, "aria-label": sourceName(citation),
      title: plain(citation.title), onclick: (event) => acts.source(turn, marker, event.currentTarget),
    }, marker);
  };
  const language = turn.answer?.language ?? languageOf(turn.question, current());
  const quotes = [...cited.values()].map((citation) => citation.quote);
  const note = turn.answer?.note, nearest = turn.answer?.nearest ?? [];
  // Titles that come near are shown as buttons instead.
  const shown = turn.text.split(/\n\s*\n/).filter((block) => !nearest.length || !nearest.every(({title}) => block.includes(title)));
  return h("div", {class: "text", lang: language, dir: directionOf(language)},
    shown.flatMap((block) => blocks(block, language, {quotes, chip, class: block.trim() === note && "note"})));
}

const sourceName = (citation) =>
  say("source_n", {n: citation.marker, title: plain(citation.title), outlet: plain(citation.source) || say("no_outlet")});

function sources(turn, acts) {
  const articles = Map.groupBy(turn.answer.citations, (citation) => citation.article_id);
  const cards = [...articles.values()].map((cited) => {
    const [{marker}] = cited;
    return h("li", {}, card(cited[0], turn.answer.language, (event) => acts.source(turn, marker, event.currentTarget), cited.map((one) => one.marker)));
  });
  return h("div", {class: "sources"}, h("h4", {}, say("sources")), h("ol", {}, cards));
}

/** A button that opens a source, with the numbers it is cited by, or an article. */
export function card(source, language, onclick, markers = []) {
  return h("button", {type: "button", class: "card", onclick},
    markers.length ? h("span", {class: "numbers", "aria-hidden": "true"}, markers.map((marker) => h("span", {class: "number"}, marker))) : icon("file"),
    h("span", {class: "card-text"},
      h("bdi", {class: "card-title", lang: source.language, dir: directionOf(source.language)}, plain(source.title)),
      facts(source, language)));
}

/** Outlet, date and, where it is not that of the answer, the language of a source. */
export function facts(source, language) {
  const outlet = plain(source.source) || say("no_outlet");
  const foreign = source.language !== language;
  return h("span", {class: "facts"},
    h("span", {}, h("bdi", {}, outlet)),
    h("span", {}, source.published ? spokenDate(source.published) : say("no_date")),
    foreign && h("span", {class: "badge"}, say(source.language === "ar" ? "in_arabic" : "in_english")));
}

function refusal(turn, acts) {
  const cards = (turn.answer.nearest ?? []).map((article) => card(article, turn.answer.language, (event) => acts.article(article, event.currentTarget)));
  return h("div", {class: "refusal"},
    cards.length > 0 && h("div", {class: "sources"}, h("h4", {}, say("nearest")), h("ul", {}, cards.map((one) => h("li", {}, one)))),
    described(turn.filters ?? {}).length > 0 &&
      h("button", {type: "button", class: "quiet", onclick: () => acts.unfiltered(turn)}, say("refused_filters")));
}

function foot(turn, acts) {
  const buttons = [];
  if (turn.text) buttons.push(iconButton("copy", say("copy"), () => copy(turn)));
  if (acts.isLast(turn)) buttons.push(iconButton("retry", say("retry"), () => acts.retry(turn), {class: "icon-button retry"}));
  return h("div", {class: "foot"}, turn.answer && confidence(turn.answer), h("div", {class: "row"}, buttons, turn.answer && ratingRow(turn, acts)));
}

function confidence({confidence, refused, engine}) {
  const why = !refused ? "confidence_why" : engine === "extractive" ? "refused_why" : "refused_model";
  const level = refused ? "none" : confidence >= HIGH ? "high" : confidence >= FAIR ? "fair" : "low";
  const percent = number(Math.round(confidence * 100));
  return h("details", {class: `confidence ${level}`},
    h("summary", {}, h("span", {class: "meter", "aria-hidden": "true"}), say(refused ? "refused" : `confidence_${level}`)),
    h("p", {}, say(why, {percent})));
}

/** Filters in words. */
export function described(filters) {
  const dates = [["published_from", "filter_from_date"], ["published_to", "filter_to_date"]];
  return [
    ...(filters.languages ?? []).map((language) => say(language === "ar" ? "in_arabic" : "in_english")),
    ...dates.filter(([name]) => filters[name]).map(([name, phrase]) => say(phrase, {date: spokenDate(filters[name])})),
    ...(filters.sources ?? []).map(plain),
  ];
}

/** The answer with its sources, as plain text. */
export function asText({question, text, answer}) {
  const lines = (answer?.citations ?? []).map((citation) => {
    const where = [citation.source, citation.published && spokenDate(citation.published)].filter(Boolean);
    return [`[${citation.marker}] ${quoted(citation.title)}${where.length ? ` — ${list(where)}` : ""}`, citation.url].filter(Boolean).join("\n");
  });
  return plain([question, text, ...(lines.length ? [`${say("sources")}\n${lines.join("\n")}`] : [])].join("\n\n"));
}

async function copy(turn) {
  const text = asText(turn);
  try {
    await navigator.clipboard.writeText(text);
    toast(say("copied"));
  } catch {
    // Pages that are not served securely may only copy what is selected.
    const area = h("textarea", {class: "sr", value: text, "aria-hidden": "true"});
    document.body.append(area);
    area.select();
    toast(say(document.execCommand("copy") ? "copied" : "copy_failed"));
    area.remove();
  }
}
