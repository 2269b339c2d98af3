// What restricts the search: language, dates and outlets.

import {$, $$, h, iconButton, plain} from "./dom.js";
import {changeFilters, currentConversation} from "./chat.js";
import {described} from "./answer.js";
import {noFilters} from "./kept.js";
import {number, say} from "./say.js";
import {theOverview} from "./welcome.js";

/** Shows the filters in force above the question box, each with a button to take it off. */
export function activeFilters() {
  const filters = currentConversation().filters;
  const parts = [
    ...filters.languages.map((value) => [{...noFilters(), languages: [value]}, () => ({...filters, languages: []})]),
    ...["published_from", "published_to"].filter((name) => filters[name])
      .map((name) => [{...noFilters(), [name]: filters[name]}, () => ({...filters, [name]: ""})]),
    ...filters.sources.map((value) => [{...noFilters(), sources: [value]}, () => ({...filters, sources: filters.sources.filter((one) => one !== value)})]),
  ];
  $("#active-filters").replaceChildren(...parts.map(([one, without]) => {
    const [text] = described(one);
    return h("li", {}, h("bdi", {}, text), iconButton("close", say("filter_remove", {filter: text}), () => { changeFilters(without()); $("#question").focus(); }));
  }));
  $("#filter").dataset.count = parts.length || "";
  $("#filter").setAttribute("aria-label", parts.length ? say("filters_on", {n: number(parts.length)}) : say("filters"));
}

/** The button that opens the form. */
export function prepareFilters() {
  const dialog = $("#filters");
  $("#filter").addEventListener("click", async () => {
    dialog.replaceChildren(form(dialog, currentConversation().filters, await theOverview().catch(() => ({outlets: []}))));
    dialog.showModal();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}

function form(dialog, filters, {outlets}) {
  const problem = h("p", {class: "problem", role: "alert", hidden: true}, say("error_dates"));
  const shown = h("form", {onsubmit: (event) => {
    event.preventDefault();
    const chosen = read(shown);
    const crossed = chosen.published_from && chosen.published_to && chosen.published_from > chosen.published_to;
    problem.hidden = !crossed;
    if (crossed) return;
    changeFilters(chosen);
    dialog.close();
  }},
  h("header", {}, h("h2", {id: "filters-title"}, say("filters_title")), iconButton("close", say("close"), () => dialog.close())),
  languages(filters), dates(filters), problem, outlets.length > 0 && outletList(filters, outlets),
  h("footer", {},
    h("button", {type: "submit", class: "primary"}, say("filter_apply")),
    h("button", {type: "button", class: "quiet", onclick: () => { changeFilters(noFilters()); dialog.close(); }}, say("filter_clear"))));
  return shown;
}

function languages({languages: [chosen = ""]}) {
  const choices = [["", "both_languages"], ["ar", "arabic"], ["en", "english"]];
  return h("fieldset", {}, h("legend", {}, say("filter_language")), h("div", {class: "segments"}, choices.map(([value, phrase]) =>
    h("label", {}, h("input", {type: "radio", name: "language", value, checked: value === chosen}), h("span", {}, say(phrase))))));
}

function dates(filters) {
  const field = (name, phrase) => h("label", {}, say(phrase), h("input", {type: "date", name, value: filters[name]}));
  return h("fieldset", {}, h("legend", {}, say("filter_dates")), h("div", {class: "dates"}, field("published_from", "filter_from"), field("published_to", "filter_to")));
}

function outletList(filters, outlets) {
  return h("fieldset", {}, h("legend", {}, say("filter_outlets")), h("p", {class: "note"}, say("filter_all_outlets")),
    h("div", {class: "outlets"}, outlets.map(({name, n}) => h("label", {},
      h("input", {type: "checkbox", name: "source", value: name, checked: filters.sources.includes(name)}),
      h("bdi", {}, plain(name)), h("span", {class: "count"}, number(n))))));
}

function read(shown) {
  const language = $("[name=language]:checked", shown).value;
  return {
    sources: $$("[name=source]:checked", shown).map((box) => box.value),
    languages: language ? [language] : [],
    published_from: $("[name=published_from]", shown).value,
    published_to: $("[name=published_to]", shown).value,
  };
}
