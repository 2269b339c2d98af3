// Starts the page: its language, its colours, and which of its parts is shown.

import {$, $$, icon} from "./dom.js";
import {drawAdd} from "./add.js";
import {drawArticles} from "./articles.js";
import {draw, prepareComposer} from "./chat.js";
import {activeFilters, prepareFilters} from "./filters.js";
import {prepareHistory, showHistory} from "./history.js";
import {boot, current, otherLanguage, say, setLanguage} from "./say.js";
import {closePanel, preparePanel} from "./sources.js";

const THEMES = ["auto", "light", "dark"];
const THEME = "burhan.theme";
const PAGES = {chat: () => {}, articles: drawArticles, add: drawAdd};

function theme() {
  const kept = localStorage.getItem(THEME);
  return THEMES.includes(kept) ? kept : "auto";
}

function showTheme() {
  const now = theme(), button = $("#theme");
  now === "auto" ? delete document.documentElement.dataset.theme : (document.documentElement.dataset.theme = now);
  button.replaceChildren(icon(now));
  button.title = say(`theme_${now}`);
  button.setAttribute("aria-label", say(`theme_${now}`));
}

const wantedPage = () => {
  const name = location.hash.slice(1);
  return name in PAGES && (name !== "add" || boot.uploads) ? name : "chat";
};

function showPage({focus = false} = {}) {
  const wanted = wantedPage();
  closePanel();
  showHistory(false);
  for (const name of Object.keys(PAGES)) $(`#${name}`).hidden = name !== wanted;
  for (const link of $$("[data-page]")) link.dataset.page === wanted ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  PAGES[wanted]();
  if (focus) $(wanted === "chat" ? "#question" : `#${wanted}`).focus();
}

document.addEventListener("language", () => {
  showTheme();
  closePanel();
  draw();
  activeFilters();
  PAGES[wantedPage()]();
});

$("#theme").addEventListener("click", () => {
  localStorage.setItem(THEME, THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
  showTheme();
});
$("#language").addEventListener("click", () => setLanguage(otherLanguage()));
$('[data-page="add"]').hidden = !boot.uploads;
addEventListener("hashchange", () => showPage({focus: true}));
$(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  $(wantedPage() === "chat" ? "#question" : `#${wantedPage()}`).focus();
});

prepareComposer();
prepareFilters();
prepareHistory();
preparePanel();
setLanguage(current());
showPage();
document.documentElement.dataset.ready = "true";
if (!matchMedia("(pointer: coarse)").matches && wantedPage() === "chat") $("#question").focus();
