// Conversations, kept in this browser only.

import {say} from "./say.js";
import {toast} from "./dom.js";

const PREFIX = "burhan.conversation.";
const OPEN = "burhan.open";
const MOST = 50;

export const noFilters = () => ({sources: [], languages: [], published_from: "", published_to: ""});
export const newId = () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
export const newConversation = () => ({id: newId(), title: "", updated: 0, filters: noFilters(), turns: []});

/** All conversations, the latest first. */
export function all() {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  return keys.map(read).filter(Boolean).sort((a, b) => b.updated - a.updated);
}

function read(key) {
  try {
    const kept = JSON.parse(localStorage.getItem(key));
    if (!Array.isArray(kept?.turns)) return null;
    // What was being answered when the page was left will not be.
    const left = kept.turns.filter((turn) => turn.status === "pending");
    for (const turn of left) Object.assign(turn, {status: "error", error: {phrase: "interrupted", values: {}}});
    return kept;
  } catch {
    return null;
  }
}

/** The conversation this tab shows, else the latest, else a new one. */
export function opened() {
  const id = sessionStorage.getItem(OPEN);
  return (id ? read(PREFIX + id) : all()[0]) ?? newConversation();
}

export function open(conversation) {
  sessionStorage.setItem(OPEN, conversation.id);
}

/** Keeps it; where the browser has no more room, the oldest go. */
export function keep(conversation) {
  conversation.updated = Date.now();
  open(conversation);
  for (const old of all().filter((one) => one.id !== conversation.id).slice(MOST - 1)) forget(old);
  for (;;) {
    try {
      localStorage.setItem(PREFIX + conversation.id, JSON.stringify(conversation));
      return;
    } catch {
      const oldest = all().filter((one) => one.id !== conversation.id).at(-1);
      if (!oldest) return;
      forget(oldest);
      toast(say("error_storage"));
    }
  }
}

export function forget(conversation) {
  localStorage.removeItem(PREFIX + conversation.id);
}

export function restore(conversation) {
  localStorage.setItem(PREFIX + conversation.id, JSON.stringify(conversation));
}
