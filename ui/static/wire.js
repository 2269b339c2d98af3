// What goes to the server and comes back: plain requests, and Gradio's queue for what takes time.

import {boot} from "./say.js";

const QUEUE = "gradio/gradio_api";
// Two runs must not share a session, nor may one follow another that was left before its end: each
// would hear what is meant for the other.
const idle = [];
const newSession = () => crypto.randomUUID?.() ?? String(Math.random()).slice(2);

/** An error as a phrase of the interface. */
export class Failure extends Error {
  constructor(phrase, values = {}) {
    super(phrase);
    this.phrase = phrase;
    this.values = values;
  }
}

async function send(path, options = {}) {
  try {
    return await fetch(path, {credentials: "same-origin", ...options});
  } catch {
    throw new Failure("error_network");
  }
}

const posted = (body) => ({
  method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body),
});

/** JSON from the server. */
export async function get(path, query = {}) {
  const response = await send(`api/${path}?${new URLSearchParams(query)}`);
  if (response.ok) return response.json();
  throw new Failure(response.status === 404 ? "article_gone" : "error_network");
}

/** Whether the server took it. */
export async function post(path, body) {
  return (await send(`api/${path}`, posted(body))).ok;
}

/**
 * A run through the queue. `on.place` is told how many are before it (0 when it is next),
 * `on.value` everything that the endpoint yields. Aborting the signal stops it there.
 */
export async function run(endpoint, payload, {on, signal}) {
  const session = idle.pop() ?? newSession();
  const body = {data: [payload], fn_index: boot.endpoints[endpoint], session_hash: session};
  const response = await send(`${QUEUE}/queue/join`, posted(body));
  if (response.status === 503) throw new Failure("error_busy");
  if (!response.ok) throw new Failure("error_network");
  const {event_id} = await response.json();
  const cancel = () => send(`${QUEUE}/cancel`, posted({...body, event_id})).catch(() => {});
  if (signal.aborted) return cancel();
  signal.addEventListener("abort", cancel);
  await follow(session, event_id, on, signal).finally(() => signal.removeEventListener("abort", cancel));
  if (!signal.aborted) idle.push(session);
}

function follow(session, id, on, signal) {
  let value, failed = false;
  return new Promise((resolve, reject) => {
    const stream = new EventSource(`${QUEUE}/queue/data?session_hash=${session}`);
    const end = (settle, result) => { stream.close(); settle(result); };
    signal.addEventListener("abort", () => end(resolve));
    stream.onerror = () => end(reject, new Failure("error_network"));
    stream.onmessage = ({data}) => {
      const message = JSON.parse(data);
      if (message.event_id && message.event_id !== id) return;
      if (message.msg === "estimation") on.place?.(message.rank);
      if (message.msg === "process_starts") on.place?.(null);
      if (message.msg === "process_generating") {
        const [news] = message.output.data ?? [];
        value = value === undefined ? news : patched(value, news);
        if (value) on.value(value);
      }
      if (message.msg === "process_completed") failed = !message.success;
      if (message.msg === "close_stream") failed ? end(reject, new Failure("error_internal")) : end(resolve);
      if (message.msg === "unexpected_error") end(reject, new Failure("error_internal"));
    };
  });
}

/** Gradio sends a value whole once and then its changes: [operation, path, value]. */
export function patched(value, changes) {
  const root = {value: structuredClone(value)};
  for (const [operation, path, news] of changes) {
    const keys = ["value", ...path];
    const last = keys.pop();
    const owner = keys.reduce((inner, key) => inner[key], root);
    if (operation === "append") owner[last] += news;
    else if (operation === "delete") Array.isArray(owner) ? owner.splice(last, 1) : delete owner[last];
    else if (operation === "add" && Array.isArray(owner)) owner.splice(last, 0, news);
    else owner[last] = news;
  }
  return root.value;
}
