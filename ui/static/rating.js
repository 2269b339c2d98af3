// Thumbs up and down, with a word on why.

import {$, h, iconButton, toast} from "./dom.js";
import {say} from "./say.js";
import {post} from "./wire.js";

/** The two thumbs; a second press takes the rating back. */
export function ratingRow(turn, acts) {
  const thumb = (value) => iconButton(value, say(`rate_${value}`), (event) => {
    const row = event.currentTarget.closest(".answer");
    send(turn, acts, turn.rating === value ? "none" : value, row);
  }, {"aria-pressed": String(turn.rating === value), class: `icon-button rate ${value}`});
  return [thumb("up"), thumb("down")];
}

async function send(turn, acts, rating, answer, comment = turn.comment ?? "") {
  const saved = await post("rate", body(turn, rating, comment)).catch(() => false);
  if (!saved) return toast(say("rate_failed"));
  turn.rating = rating;
  turn.comment = comment;
  acts.changed(turn);
  if (rating === "none" || comment) return comment && toast(say("rate_thanks"));
  askWhy(turn, acts, $(".foot", answer));
}

function askWhy(turn, acts, foot) {
  const input = h("input", {type: "text", dir: "auto", maxlength: 2000, "aria-label": say("rate_comment"), placeholder: say("rate_comment")});
  const form = h("form", {class: "comment", onsubmit: (event) => {
    event.preventDefault();
    form.remove();
    if (input.value.trim()) send(turn, acts, turn.rating, foot.closest(".answer"), input.value.trim());
  }}, input, h("button", {type: "submit", class: "quiet"}, say("rate_send")), iconButton("close", say("close"), () => form.remove()));
  foot.after(form);
  input.focus();
}

function body(turn, rating, comment) {
  const {answer} = turn;
  return {
    rating_id: turn.id, rating, comment, question: turn.question, answer: turn.text,
    refused: answer.refused, confidence: answer.confidence, engine: answer.engine, filters: turn.filters ?? {},
    citations: answer.citations.map(({article_id, quote, start, end}) => ({article_id, quote, start, end})),
  };
}
