// The page that adds articles: files sent, indexed with progress, and the command's summary.

import {$, h, icon} from "./dom.js";
import {forgetArticles} from "./articles.js";
import {boot, current, number, say} from "./say.js";
import {isolated} from "./text.js";
import {forgetOverview} from "./welcome.js";
import {run} from "./wire.js";

const MEGA = 1_000_000;
const REASONS = [
  [/is not a format Burhan reads/, "skip_format"], [/file is empty|folder holds no files/, "skip_empty"],
  [/no article text|holds no text|no text/, "skip_no_text"], [/is not JSON|is a JSON/, "skip_json"],
  [/^has no '|^'/, "skip_field"], [/over [\d,]+ (bytes|characters)|too large|expands/, "skip_large"], [/was already read/, "skip_twice"],
];
let busy = false, outcome = [];

/** Draws the page anew. */
export function drawAdd() {
  const input = h("input", {type: "file", id: "files", multiple: true, class: "sr", onchange: () => send([...input.files])});
  const zone = h("label", {class: "drop", for: "files"}, icon("file"), h("span", {class: "primary"}, say("add_choose")), h("span", {}, say("add_drop")),
    h("span", {class: "note"}, say("add_limits", {files: number(boot.max_upload_files), megabytes: number(boot.max_upload_bytes / MEGA)})));
  for (const name of ["dragover", "drop"]) zone.addEventListener(name, (event) => event.preventDefault());
  zone.addEventListener("drop", (event) => send([...event.dataTransfer.files]));
  $("#add").replaceChildren(h("div", {class: "page"}, h("h1", {}, say("add_title")), h("p", {class: "lead"}, say("add_intro")), input, zone,
    h("div", {id: "outcome", "aria-live": "polite"}, outcome)));
}

function show(...parts) {
  outcome = parts;
  $("#outcome")?.replaceChildren(...parts);
}

const problem = (phrase, values) => show(h("p", {class: "problem", role: "alert"}, isolated(say(phrase, values), current())));

async function send(files) {
  if (busy || !files.length) return;
  if (files.length > boot.max_upload_files) return problem("error_too_many", {files: number(boot.max_upload_files)});
  if (files.reduce((sum, file) => sum + file.size, 0) > boot.max_upload_bytes * 0.99) return problem("error_too_large", {megabytes: number(boot.max_upload_bytes / MEGA)});
  busy = true;
  try {
    await index(await upload(files));
  } catch (error) {
    problem(error.phrase ?? "error_internal", error.values);
  } finally {
    busy = false;
    drawAdd();
  }
}

function progress(text, share) {
  show(h("label", {class: "progress"}, h("span", {}, text), h("progress", share === undefined ? {} : {max: 1, value: share})));
}

function upload(files) {
  const form = new FormData();
  for (const file of files) form.append("file", file);
  // The only way to hear how far the sending has come.
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    request.upload.onprogress = ({loaded, total}) => progress(say("add_sending", {percent: number(Math.round((100 * loaded) / total))}), loaded / total);
    request.onerror = () => reject({phrase: "error_network"});
    request.onload = () => {
      if (request.status === 200) resolve(JSON.parse(request.responseText).keys);
      else reject(request.status === 413 ? {phrase: "error_too_large", values: {megabytes: number(boot.max_upload_bytes / MEGA)}} : {phrase: "error_internal"});
    };
    request.open("POST", "api/upload");
    request.send(form);
  });
}

async function index(keys) {
  let last;
  await run("add", {keys}, {signal: new AbortController().signal, on: {
    place: (place) => place !== null && progress(say("add_waiting")),
    value: (value) => {
      last = value;
      if (value.total) progress(say("add_indexing", {done: number(value.done), total: number(value.total)}), value.done / value.total);
    },
  }});
  if (!last || last.error) return problem(last?.error.phrase ?? "error_internal", last?.error.values);
  forgetOverview();
  forgetArticles();
  show(...summary(last.summary));
}

/** What the command says at its end. */
function summary({added, replaced, unchanged, skipped, encodings}) {
  const counts = {added, replaced, unchanged, skipped: skipped.length};
  const numbers = Object.entries(counts).filter(([, n]) => n).map(([name, n]) => h("li", {class: name}, h("strong", {}, number(n)), " ", say(`add_${name}`)));
  const reasons = skipped.map(({file, reason}) => {
    const phrase = REASONS.find(([shape]) => shape.test(reason))?.[1] ?? "skip_other";
    return h("li", {}, h("bdi", {class: "file"}, file), " ", h("span", {}, say(phrase)),
      h("details", {}, h("summary", {}, say("details")), h("p", {lang: "en", dir: "ltr"}, reason)));
  });
  return [h("h2", {}, say("add_done")), h("ul", {class: "counts"}, numbers),
    ...Object.entries(encodings).map(([encoding, n]) => h("p", {class: "note"}, isolated(say("add_encoding", {encoding, n: number(n)}), current()))),
    ...(reasons.length ? [h("ul", {class: "skipped"}, reasons)] : []),
    ...(added + replaced ? [h("a", {class: "primary", href: "#chat"}, say("add_ask"))] : [])];
}
