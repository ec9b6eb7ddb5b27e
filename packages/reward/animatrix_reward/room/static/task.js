// One task after another: its player, its form, sending, undo, skip, drafts. The server says which comes next.

import { Clip, ClipError } from "./clip.js";
import { onAction, outbox, person, printKeys, say, toast } from "./main.js";
import { Player } from "./player.js";
import { dress } from "./stage.js";

const FORMS = {
  compare: () => import("./compare.js"),
  rate: () => import("./rate.js"),
  deform: () => import("./deform.js"),
  correct: () => import("./correct.js"),
};
const DRAFT = `room.draft.${person}.`;
const UNDO = `room.undo.${person}`;
const UNDO_MOST = 20;

let current = null; // {section, player, form, stop}

/** The task on the page: {section, player, form}. */
export function task() {
  return current;
}

export function begin() {
  onAction(act);
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (new URL(event.detail.xhr.responseURL).pathname !== "/enter") return;
    event.detail.shouldSwap = false; // the session ended: what was said is kept until somebody enters again
    location.assign("/enter");
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-again]")) next();
    const go = event.target.closest("[data-go]");
    if (go && current?.player) current.player.seekFrame(Number(go.dataset.go));
  });
  open();
}

function act(name) {
  if (name === "undo") return undo(), true;
  if (!current) return false;
  if (name === "send") return send(), true;
  if (name === "skip") return keep("skip", [{ reason: note() }]), true;
  if (current.form?.act(name)) return true;
  return Boolean(current.player?.act(name));
}

/** Make what the server sent live. */
async function open() {
  const section = document.querySelector("#task .task");
  printKeys();
  if (!section) return;
  const { about } = section.dataset;
  const mine = { section, player: null, form: null, stop: [], tokens: JSON.parse(section.dataset.clips) };
  current = mine;
  const makeForm = (await FORMS[about]()).makeForm;
  if (current !== mine) return;
  mine.form = makeForm(section, mine.tokens, () => saveDraft(mine));
  const draft = readDraft(section.dataset.task);
  if (draft) {
    mine.form.restore(draft.form);
    section.querySelector("[data-note]").value = draft.note || "";
  }
  section.querySelector("[data-note]").addEventListener("input", () => saveDraft(mine));
  try {
    const clips = await Promise.all(mine.tokens.map((token) => openPatiently(token, mine)));
    if (current !== mine) return clips.forEach((clip) => clip.close());
    start(mine, clips, draft);
  } catch (error) {
    if (current === mine) showBroken(section, error.message);
  }
}

/** A clip, asked for again while the network is away; what the server refuses is an error. */
async function openPatiently(token, mine) {
  for (let wait = 500; ; wait = Math.min(2 * wait, 8000)) {
    try {
      return await Clip.open(token);
    } catch (error) {
      if (error instanceof ClipError || current !== mine) throw error;
      showBroken(mine.section, null);
      await new Promise((done) => setTimeout(done, wait));
    }
  }
}

function start(mine, clips, draft) {
  const { section } = mine;
  section.querySelector("[data-broken]").hidden = true;
  const flashing = section.dataset.flashing === "yes" || clips.some((clip) => clip.table.flashing);
  const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const place = draft?.place;
  mine.player = new Player(section.querySelector("[data-player]"), clips, {
    start: !reduced && !place,
    warned: flashing,
  });
  section.querySelector("[data-still]").hidden = !reduced || flashing;
  mine.stop.push(dress(section, mine.player));
  mine.form.attach?.(mine.player);
  if (place) mine.player.seek(place);
  printKeys(section);
}

function showBroken(section, reason) {
  const place = section.querySelector("[data-broken]");
  place.hidden = false;
  place.textContent = reason === null ? say("no_network") : say("no_clip", { reason });
  section.querySelector("[data-loading]").hidden = true;
}

const note = () => current.section.querySelector("[data-note]").value.trim();

function send() {
  const { bodies, why } = current.form.bodies();
  if (why) return toast(why, true);
  const { kind, about } = current.section.dataset;
  const wrapped = kind === about ? bodies : bodies.map((body) => ({ kind: about, body }));
  const said = note();
  keep(kind, said ? wrapped.map((body) => ({ ...body, note: said })) : wrapped);
}

/** Keep an answer, then go on. */
async function keep(kind, bodies) {
  if (!current || current.sent) return;
  const mine = current;
  mine.sent = true;
  const id = mine.section.dataset.task;
  saveDraft(mine);
  const ids = outbox.keep(bodies.map((body) => ({ task: id, kind, body })));
  pushUndo({ task: id, ids, draft: readDraft(id) });
  dropDraft(id);
  mine.section.classList.add("sent");
  await next();
}

/** Ask for the next task once everything has arrived: the server chooses by what it knows. */
async function next() {
  const waiting = setTimeout(() => toast(say("no_network"), true), 4000);
  await outbox.clear();
  const from = document.getElementById("task").dataset.from;
  for (let wait = 500; ; wait = Math.min(2 * wait, 8000)) {
    if (await swap(from)) break;
    await new Promise((done) => setTimeout(done, wait));
  }
  clearTimeout(waiting);
}

async function swap(from) {
  const place = document.getElementById("task");
  try {
    close();
    await htmx.ajax("GET", from, { target: place, swap: "innerHTML" });
  } catch {
    return false;
  }
  if (place.querySelector(".task.sent")) return false; // nothing came: it is asked for again
  open();
  return true;
}

function close() {
  if (!current) return;
  current.stop.forEach((stop) => stop());
  current.form?.close?.();
  current.player?.close();
  current = null;
}

/** Take back the last answer: unsent ones are dropped, sent ones answered by `undo`; its task comes again. */
async function undo() {
  if (current?.form?.undo?.()) return;
  const stack = readUndo();
  const last = stack.pop();
  if (!last) return toast(say("nothing_to_undo"));
  sessionStorage.setItem(UNDO, JSON.stringify(stack));
  const sent = outbox.drop(last.ids);
  outbox.keep(sent.map((id) => ({ task: last.task, kind: "undo", body: { undoes: id } })));
  if (last.draft) localStorage.setItem(DRAFT + last.task, JSON.stringify(last.draft));
  toast(say("undone"));
  if (current) current.section.classList.add("sent");
  await next();
}

function pushUndo(entry) {
  sessionStorage.setItem(UNDO, JSON.stringify([...readUndo(), entry].slice(-UNDO_MOST)));
}

function readUndo() {
  return JSON.parse(sessionStorage.getItem(UNDO) || "[]");
}

function saveDraft(mine) {
  const form = mine.form?.draft();
  const said = mine.section.querySelector("[data-note]").value;
  if (!form && !said) return dropDraft(mine.section.dataset.task);
  const place = mine.player?.t || 0;
  localStorage.setItem(DRAFT + mine.section.dataset.task, JSON.stringify({ form, note: said, place }));
}

function readDraft(id) {
  return JSON.parse(localStorage.getItem(DRAFT + id) || "null");
}

function dropDraft(id) {
  localStorage.removeItem(DRAFT + id);
}
