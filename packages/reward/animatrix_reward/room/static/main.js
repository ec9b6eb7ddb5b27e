// What every page does: words, keys, the outbox's line, and the page's own part.

import { Keys, comboOf, isTyping } from "./keys.js";
import { Outbox } from "./send.js";

const read = (id) => JSON.parse(document.getElementById(id).textContent);

export const words = read("words");
export const keys = new Keys(read("keys"));
export const person = document.body.dataset.person;
export const outbox = person
  ? new Outbox({ person, csrf: document.querySelector("meta[name=csrf-token]").content })
  : null;

const SCOPES = {
  compare: ["player", "task", "compare"],
  rate: ["player", "task", "rate"],
  deform: ["player", "task", "deform"],
  correct: ["player", "task"],
};
const listeners = new Set();

/** A sentence with its {places} filled. */
export function say(name, values = {}) {
  return words[name].replace(/\{(\w+)\}/g, (_, key) => String(values[key]));
}

/** A short line at the foot of the page. */
export function toast(text, wrong = false) {
  const place = document.querySelector("[data-toast]");
  place.textContent = text;
  place.classList.toggle("wrong", wrong);
  place.classList.add("shown");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => place.classList.remove("shown"), wrong ? 6000 : 2500);
}

/** The scopes whose keys hold now, by what the task on the page is about. */
export function scopes() {
  if (document.querySelector("[data-boxing]")) return ["box"];
  const task = document.querySelector("[data-about]");
  return SCOPES[task?.dataset.about] || [];
}

/** Hear of actions, by key or button: `act(name)` returns whether it was its own. Returns how to stop hearing. */
export function onAction(act) {
  listeners.add(act);
  return () => listeners.delete(act);
}

export function run(name) {
  for (const act of [...listeners].reverse()) if (act(name)) return true;
  return false;
}

/** Write the labels of keys into what has just come onto the page. */
export function printKeys(root = document) {
  keys.print(root, scopes().length ? scopes() : null);
}

function onKey(event) {
  const typing = isTyping(event);
  if (typing && event.code === "Escape") {
    event.target.blur();
    return;
  }
  if (typing || document.querySelector("dialog[open]") || document.querySelector("[data-pressing]")) return;
  const combo = comboOf(event);
  const action = combo && keys.actionOf(combo, scopes());
  if (!action) return;
  const focused = document.activeElement;
  // A control that has the focus keeps its own keys: Space and Enter press buttons that were reached by Tab.
  const pressing = focused?.matches(":focus-visible") && focused.matches("button, a, summary, input");
  if (pressing && (combo === "Space" || combo === "Enter")) return;
  if (run(action.id)) event.preventDefault();
}

function onClick(event) {
  const button = event.target.closest("[data-action]");
  if (!button) return;
  run(button.dataset.action);
  if (event.detail > 0) button.blur(); // pressed with the mouse: keys go to the task again
}

function showSending() {
  const place = document.querySelector("[data-sending]");
  const n = outbox.waiting().length;
  const refused = outbox.refused().length;
  const line = outbox.state === "sending" ? say("sending") : n === 1 ? say("waiting_one") : say("waiting_many", { n });
  place.dataset.state = refused && !n ? "refused" : n && outbox.state === "idle" ? "waiting" : outbox.state;
  place.dataset.waiting = n;
  if (outbox.state === "entering" && n) place.textContent = say("entering", { n });
  else if (n) place.textContent = line;
  else if (refused) place.textContent = say("refused", { n: refused });
  else place.textContent = say("saved");
}

function showKeys() {
  const dialog = document.querySelector("[data-keys-dialog]");
  if (dialog.open) return dialog.close(), true;
  const held = keys.actions.filter((action) => scopes().includes(action.scope));
  const list = document.createElement("ul");
  for (const action of held) {
    const row = document.createElement("li");
    const key = document.createElement("kbd");
    key.textContent = keys.label(keys.keyOf(action));
    row.append(document.createTextNode(words[`key.${action.id}`]), key);
    list.append(row);
  }
  dialog.replaceChildren(list);
  dialog.showModal();
  return true;
}

async function begin() {
  document.addEventListener("click", onClick);
  window.addEventListener("keydown", onKey);
  document.querySelector("[data-keys-dialog]").addEventListener("click", (event) => event.currentTarget.close());
  await keys.learnLayout();
  printKeys();
  onAction((name) => name === "keys" && showKeys());
  if (outbox) {
    outbox.addEventListener("state", showSending);
    document.querySelector("[data-sending]").addEventListener("click", () => {
      if (outbox.state === "entering") location.assign("/enter");
    });
    outbox.addEventListener("refused", ({ detail }) => toast(detail.reason, true));
    showSending();
    outbox.flush();
  }
  if (document.getElementById("task")) (await import("./task.js")).begin();
  if (document.querySelector("[data-keys]")) (await import("./keys_page.js")).begin();
  if (document.querySelector("[data-enter]")) (await import("./enter.js")).begin();
}

begin();
