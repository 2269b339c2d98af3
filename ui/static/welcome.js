// What an empty conversation shows: what is indexed, and questions to begin with.

import {h} from "./dom.js";
import {count, current, directionOf, say, spokenDate} from "./say.js";
import {isolated} from "./text.js";
import {get} from "./wire.js";

let overview, examples;

/** Forgets what was counted, as after articles were added. */
export function forgetOverview() {
  overview = examples = undefined;
}

export const theOverview = () => (overview ??= get("overview").catch((error) => { overview = undefined; throw error; }));
const theExamples = () => (examples ??= get("examples").catch(() => ({ar: [], en: []})));

/** The first screen; `ask` is called with an example that is chosen. */
export function blankPage(ask) {
  const covers = h("p", {class: "covers"}), chosen = h("ul", {class: "examples"});
  const heading = h("h3", {hidden: true}, say("examples"));
  theOverview().then((known) => { covers.textContent = coverage(known); }, () => {});
  theExamples().then((known) => {
    const language = current();
    chosen.replaceChildren(...known[language].map((question) =>
      h("li", {}, h("button", {type: "button", class: "example", lang: language, dir: directionOf(language), onclick: () => ask(question)}, isolated(question, language)))));
    heading.hidden = !known[language].length;
  });
  return h("div", {class: "welcome"}, h("h1", {}, say("welcome")), h("p", {class: "subtitle"}, say("subtitle")), covers, heading, chosen);
}

function coverage({articles, first, last}) {
  if (!articles) return say("nothing_indexed");
  const counted = count("articles", articles);
  return first ? say("covers", {articles: counted, first: spokenDate(first), last: spokenDate(last)}) : counted;
}
