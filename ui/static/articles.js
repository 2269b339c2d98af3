// The page of what is indexed: by month, by outlet, searched and opened.

import {$, h, plain} from "./dom.js";
import {card} from "./answer.js";
import {openArticle} from "./sources.js";
import {count, current, list, number, say, spokenDate} from "./say.js";
import {theOverview} from "./welcome.js";
import {get} from "./wire.js";

const nothing = () => ({query: "", source: "", month: "", language: ""});
let wanted = nothing(), asked = 0, timer;

/** Draws the page anew. */
export async function drawArticles() {
  const page = $("#articles");
  const overview = await theOverview().catch((error) => error);
  if (overview instanceof Error) {
    page.replaceChildren(h("p", {class: "problem", role: "alert"}, say("error_network")));
    return;
  }
  page.replaceChildren(
    h("div", {class: "page"},
      h("h1", {}, say("articles_title")), numbers(overview),
      h("div", {class: "columns"}, chart(overview), outlets(overview)),
      searchBox(), h("p", {id: "chosen-articles", class: "note"}), h("ul", {id: "article-list"}),
      h("div", {id: "more-articles"})));
  await drawList();
}

function numbers({articles, languages, first, last, undated}) {
  const facts = [
    count("articles", articles),
    ...["ar", "en"].filter((name) => languages[name]).map((name) => `${say(name === "ar" ? "arabic" : "english")}: ${number(languages[name])}`),
    first && (first === last ? spokenDate(first) : `${spokenDate(first)} – ${spokenDate(last)}`),
    undated > 0 && say("articles_undated", {articles: count("articles", undated)}),
  ];
  return h("p", {class: "facts"}, facts.filter(Boolean).map((fact) => h("span", {}, h("bdi", {}, fact))));
}

function chart({months}) {
  if (!months.length) return h("div", {});
  const all = everyMonth(months), most = Math.max(...all.map(({ar, en}) => ar + en));
  const bars = all.map(({month, ar, en}) => {
    const bar = (n, language) => { const part = h("span", {class: `part ${language}`}); part.style.blockSize = `${(100 * n) / most}%`; return part; };
    const label = say("articles_in_month", {month: spokenDate(month), articles: count("articles", ar + en)});
    const choose = () => choosing({month: wanted.month === month ? "" : month});
    return h("li", {}, h("button", {
      type: "button", class: "bar-button", title: label, "aria-label": label, disabled: !(ar + en), "data-month": month,
      "aria-pressed": String(wanted.month === month), onclick: choose,
    }, bar(en, "en"), bar(ar, "ar")));
  });
  const [first, last] = [all[0].month, all.at(-1).month].map((month) => spokenDate(month));
  return h("section", {class: "chart"}, h("h2", {}, say("articles_by_month")),
    h("ol", {class: "bars", "aria-label": say("chart_label", {first, last})}, bars),
    h("div", {class: "ends", "aria-hidden": "true"}, h("span", {}, first), h("span", {}, last)),
    h("p", {class: "legend"}, ["ar", "en"].map((name) => h("span", {class: `key ${name}`}, say(name === "ar" ? "arabic" : "english")))));
}

/** The months with those between them that have no article. */
function everyMonth(months) {
  const known = new Map(months.map((one) => [one.month, one]));
  const found = [];
  let [year, month] = months[0].month.split("-").map(Number);
  for (const last = months.at(-1).month; ;) {
    const name = `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}`;
    // Years without articles would leave a chart of nothing.
    if (known.has(name) || months.length > 1) found.push(known.get(name) ?? {month: name, ar: 0, en: 0});
    if (name >= last || found.length > 240) return found.length > 240 ? months : found;
    [year, month] = month === 12 ? [year + 1, 1] : [year, month + 1];
  }
}

function outlets({outlets: known, articles}) {
  const most = known[0]?.n ?? 1;
  const button = (name, text, n, language) => {
    const line = h("span", {class: "line"});
    line.style.inlineSize = `${(100 * n) / Math.max(most, 1)}%`;
    return h("li", {}, h("button", {type: "button", class: "outlet", "data-source": name, "aria-pressed": String(wanted.source === name), onclick: () => choosing({source: wanted.source === name ? "" : name})},
      h("span", {class: "row spread"}, h("bdi", {lang: language}, text), h("span", {class: "count"}, number(n))), name && line));
  };
  return h("section", {}, h("h2", {}, say("articles_by_outlet")),
    h("ul", {class: "outlet-list"}, button("", say("articles_all_outlets"), articles), known.map(({name, n, language}) => button(name, plain(name), n, language))));
}

function searchBox() {
  const input = h("input", {type: "search", dir: "auto", "aria-label": say("articles_search"), placeholder: say("articles_search_hint"), value: wanted.query});
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => choosing({query: input.value}), 250); });
  const segments = h("div", {class: "segments", role: "group", "aria-label": say("filter_language")}, [["", "both_languages"], ["ar", "arabic"], ["en", "english"]].map(([value, phrase]) =>
    h("label", {}, h("input", {type: "radio", name: "article-language", value, checked: wanted.language === value, onchange: () => choosing({language: value})}), h("span", {}, say(phrase)))));
  return h("form", {class: "row search", role: "search", onsubmit: (event) => event.preventDefault()}, input, segments);
}

function choosing(change) {
  wanted = {...wanted, ...change};
  for (const button of document.querySelectorAll("#articles [data-month], #articles [data-source]"))
    button.setAttribute("aria-pressed", String(button.dataset.month === undefined ? button.dataset.source === wanted.source : button.dataset.month === wanted.month));
  drawList();
}

async function drawList(start = 0) {
  const mine = ++asked;
  const found = await get("articles", {...wanted, start}).catch(() => ({total: 0, articles: []}));
  if (mine !== asked || !$("#article-list")) return;
  const items = found.articles.map(item);
  start ? $("#article-list").append(...items) : $("#article-list").replaceChildren(...items);
  showChosen(found.total);
  const left = found.total > start + found.articles.length;
  $("#more-articles").replaceChildren(...(left ? [h("button", {type: "button", class: "quiet", onclick: () => drawList(start + found.articles.length)}, say("articles_more"))] : []));
  if (start) items[0]?.querySelector("button").focus();
}

function showChosen(total) {
  const parts = [wanted.source && plain(wanted.source), wanted.month && spokenDate(wanted.month)].filter(Boolean);
  const told = total ? count("articles", total) : say("articles_none");
  $("#chosen-articles").replaceChildren(h("span", {role: "status"}, told),
    ...(parts.length ? [" · ", h("bdi", {}, say("articles_filtered", {filters: list(parts)})), " ",
      h("button", {type: "button", class: "link", onclick: () => choosing({source: "", month: ""})}, say("articles_clear"))] : []));
}

const item = (article) => h("li", {}, card(article, current(), (event) => openArticle(article, event.currentTarget)));

/** Forgets what was chosen and found, as after articles were added. */
export function forgetArticles() {
  wanted = nothing();
  $("#articles").replaceChildren();
}
