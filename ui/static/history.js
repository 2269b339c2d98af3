// The list of earlier conversations.

import {$, h, iconButton, plain, toast} from "./dom.js";
import {show} from "./chat.js";
import * as kept from "./kept.js";
import {directionOf, current, say} from "./say.js";
import {languageOf} from "./text.js";

/** Shows all conversations, the open one marked. */
export function drawHistory(opened) {
  const items = kept.all().map((one) => item(one, one.id === opened.id));
  $("#conversations").replaceChildren(...(items.length ? items : [h("li", {class: "note"}, say("no_conversations"))]));
}

function item(conversation, isOpen) {
  const title = plain(conversation.title), language = languageOf(title, current());
  const choose = () => { location.hash = "chat"; showHistory(false); show(conversation); $("#question").focus(); };
  return h("li", {class: isOpen && "open"},
    h("button", {type: "button", class: "conversation", "aria-current": isOpen && "true", lang: language, dir: directionOf(language), onclick: choose}, title),
    iconButton("trash", say("delete_conversation", {title}), () => remove(conversation, isOpen)));
}

function remove(conversation, isOpen) {
  kept.forget(conversation);
  if (isOpen) show(kept.newConversation());
  else drawHistory({id: kept.opened().id});
  toast(say("deleted"), say("undo"), () => { kept.restore(conversation); show(conversation); });
  $("#new").focus();
}

/** Opens or closes the list where it does not stand beside the conversation. */
export function showHistory(is) {
  document.body.classList.toggle("with-history", is);
  $("#menu").setAttribute("aria-expanded", String(is));
}

/** The buttons for it. */
export function prepareHistory() {
  $("#menu").addEventListener("click", () => {
    const is = !document.body.classList.contains("with-history");
    showHistory(is);
    if (is) $("#new").focus();
  });
  $("#new").addEventListener("click", () => {
    location.hash = "chat";
    showHistory(false);
    show(kept.newConversation());
    $("#question").focus();
  });
  // What is drawn over the rest of the page belongs to the layout.
  $(".layout").addEventListener("click", (event) => { if (event.target === event.currentTarget) showHistory(false); });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !document.body.classList.contains("with-history")) return;
    showHistory(false);
    $("#menu").focus();
  });
}
