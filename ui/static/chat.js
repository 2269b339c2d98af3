// The conversation: asking, and everything that can be done with an answer.

import {$, announce, h, toast} from "./dom.js";
import {exchange, fill} from "./answer.js";
import {closePanel, openArticle, openSource} from "./sources.js";
import {activeFilters} from "./filters.js";
import {blankPage} from "./welcome.js";
import {drawHistory} from "./history.js";
import * as kept from "./kept.js";
import {boot, count, number, say} from "./say.js";
import {Failure, run} from "./wire.js";

const CONTEXT = 6, WAIT = 300;
let conversation = kept.opened();
let running = null;

const acts = {
  source: (turn, marker, from) => openSource(turn.answer, marker, from),
  article: openArticle,
  edit: (turn, question) => ask(question, before(turn), turn.filters),
  retry: (turn) => ask(turn.question, before(turn), turn.filters),
  unfiltered: (turn) => { conversation.filters = kept.noFilters(); activeFilters(); ask(turn.question, before(turn)); },
  changed: (turn) => { kept.keep(conversation); redraw(turn); },
  isLast: (turn) => conversation.turns.at(-1) === turn,
};

export const currentConversation = () => conversation;

/** Keeps a change of the conversation's filters. */
export function changeFilters(filters) {
  conversation.filters = filters;
  if (conversation.turns.length) kept.keep(conversation);
  activeFilters();
}

/** Shows another conversation. */
export function show(other) {
  stop();
  conversation = other;
  kept.open(other);
  closePanel();
  draw();
  activeFilters();
}

/** Draws everything anew, as when the language of the page changes. */
export function draw() {
  const log = $("#log");
  log.replaceChildren(...(conversation.turns.length ? conversation.turns.map(drawn) : [blankPage(ask)]));
  log.scrollTop = log.scrollHeight;
  if (!conversation.turns.length) log.scrollTop = 0;
  drawHistory(conversation);
}

function drawn(turn) {
  const element = exchange(turn, acts);
  element.dataset.turn = turn.id;
  return element;
}

const elementOf = (turn) => $(`[data-turn="${turn.id}"]`);

function redraw(turn) {
  const element = elementOf(turn);
  if (element) fill($(".answer", element), turn, acts);
}

const before = (turn) => conversation.turns.slice(0, conversation.turns.indexOf(turn));

/** Asks; `turns` are those that stay before it. */
export async function ask(question, turns = conversation.turns, filters = conversation.filters) {
  stop();
  closePanel();
  question = question.trim();
  const turn = {id: kept.newId(), question, filters: structuredClone(filters), status: "pending", text: "", answer: null};
  conversation.turns = [...turns, turn];
  conversation.title ||= question.slice(0, 80);
  kept.keep(conversation);
  draw();
  $("#log").scrollTop = elementOf(turn).offsetTop - $("#log").offsetTop;
  announce(say("searching"));
  await follow(turn, turns);
}

async function follow(turn, turns) {
  const mine = (running = {turn, controller: new AbortController()});
  busy(true);
  try {
    await run("ask", {question: turn.question, history: history(turns), filters: bounds(turn.filters)}, {
      signal: mine.controller.signal,
      on: {place: (place) => placed(turn, place), value: (value) => receive(turn, value)},
    });
    if (turn.status === "pending") turn.status = turn.answer ? "done" : "stopped";
  } catch (error) {
    // A page that is being left loses its connections, too: that is no failure to be kept.
    await new Promise((resolve) => setTimeout(resolve, WAIT));
    const {phrase, values} = error instanceof Failure ? error : {phrase: "error_internal", values: {}};
    Object.assign(turn, {status: "error", error: {phrase, values}});
  }
  finish(turn, mine);
}

/** Earlier exchanges that were answered; the server itself remembers nothing. */
const history = (turns) => turns.filter((turn) => turn.answer).slice(-CONTEXT).map((turn) => [turn.question, turn.text]);

/** Filters as the server takes them: dates only where there are any. */
const bounds = (filters) => ({...filters, published_from: filters.published_from || null, published_to: filters.published_to || null});

function placed(turn, place) {
  turn.place = place;
  // Whoever need not wait is told so at once, and would only see it flash.
  if (place !== null) setTimeout(() => tellPlace(turn, place), WAIT);
  else redraw(turn);
}

function tellPlace(turn, place) {
  if (turn.status !== "pending" || turn.place !== place) return;
  turn.queued = place;
  announce(say("queued", {n: number(place + 1)}));
  redraw(turn);
}

function receive(turn, {text, answer, error}) {
  if (turn.status !== "pending") return;
  if (error) Object.assign(turn, {status: "error", error});
  else Object.assign(turn, {text, answer: answer ?? null, ...(answer ? {status: "done"} : {})});
  hear(turn);
  redraw(turn);
}

/** Paragraphs are heard as each is whole. */
function hear(turn) {
  const whole = turn.answer ? turn.text : turn.text.slice(0, turn.text.lastIndexOf("\n\n") + 1);
  const news = whole.slice(turn.heard ?? 0).trim();
  turn.heard = whole.length;
  const end = turn.answer ? `${say("answer_ready")} ${turn.answer.citations.length ? count("sources", turn.answer.citations.length) : ""}` : "";
  if (news || end) announce(`${news} ${end}`, turn.answer?.language);
}

/** Ends what is being answered; what has come of it stays. */
export function stop() {
  if (!running) return;
  const {turn, controller} = running;
  if (turn.status === "pending") turn.status = "stopped";
  controller.abort();
}

function finish(turn, mine) {
  delete turn.place;
  delete turn.queued;
  delete turn.heard;
  if (running === mine) {
    running = null;
    busy(false);
  }
  const element = elementOf(turn);
  if (!element) return;
  kept.keep(conversation);
  redraw(turn);
  drawHistory(conversation);
  if (turn.status === "error") announce(say(turn.error.phrase, turn.error.values));
}

function busy(is) {
  const hadFocus = [$("#send"), $("#stop")].includes(document.activeElement);
  $("#send").hidden = is;
  $("#stop").hidden = !is;
  if (hadFocus) (is ? $("#stop") : $("#question")).focus();
}

/** The box to ask in. */
export function prepareComposer() {
  const box = $("#question");
  const grow = () => { box.style.height = "auto"; box.style.height = `${Math.min(box.scrollHeight, 200)}px`; };
  const send = () => {
    if (!box.value.trim()) return toast(say("error_empty"));
    if (box.value.length > boot.max_question_chars)
      return toast(say("error_long", {n: number(box.value.length), limit: number(boot.max_question_chars)}));
    const question = box.value;
    box.value = "";
    grow();
    ask(question);
  };
  box.addEventListener("input", grow);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
    if (event.key === "Escape") stop();
  });
  $("#composer").addEventListener("submit", (event) => { event.preventDefault(); send(); });
  $("#stop").addEventListener("click", stop);
}
