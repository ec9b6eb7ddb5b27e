// The form of a deformation task: spans with kind, verdict, severity, cues and box; or the explicit "nothing departs".

import { Lanes, lanesOfRaters } from "./lanes.js";
import { say } from "./main.js";
import { colour } from "./stage.js";

const BOX_STEP = 0.02;
const BOX_LEAST = 0.02;
const FIRST_BOX = [0.35, 0.3, 0.65, 0.7];
const FIRST_SEVERITY = 3;

export function makeForm(section, tokens, changed) {
  return new Deform(section, tokens, changed);
}

class Deform {
  constructor(section, tokens, changed) {
    Object.assign(this, { section, tokens, changed });
    this.spans = [];
    this.selected = -1;
    this.none = false;
    this.following = false; // the selected span ends where one looks, until that is said
    this.history = [];
    this.player = null;
    this.list = section.querySelector("[data-spans]");
    this.mark = section.querySelector("[data-mark]");
    this.kinds = section.querySelector("[data-kind-choice]");
    this.options = [...this.kinds.querySelectorAll("option")];
    this.kinds.addEventListener("change", () => this.set({ kind: this.kinds.value }));
    this.list.addEventListener("click", (event) => {
      const row = event.target.closest("[data-place]");
      if (row) this.go(Number(row.dataset.place));
    });
    section.querySelector("[data-box-clear]").addEventListener("click", () => this.set({ box: null }));
    this.show();
  }

  attach(player) {
    this.player = player;
    const element = this.section.querySelector("[data-lanes]");
    this.lanes = new Lanes(element, player, this);
    this.ofRaters = lanesOfRaters(this.section, element, player, (kind) => this.nameOf(kind));
    player.overlay = (_, index) =>
      this.spans.flatMap((span, place) =>
        span.box && span.start <= index && index < span.end
          ? [{ box: span.box, colour: colour(`verdict-${span.verdict || "open"}`), strong: place === this.selected }]
          : [],
      );
    this._onFrame = () => this.follow();
    player.addEventListener("frame", this._onFrame);
    this._drawBox();
    this.show();
  }

  close() {
    this.lanes?.close();
    this.ofRaters?.forEach((lanes) => lanes.close());
    this._abort?.abort();
  }

  nameOf(kind) {
    return this.options.find((option) => option.value === kind)?.textContent || kind;
  }

  get span() {
    return this.spans[this.selected] || null;
  }

  // ---- what the keyboard and the buttons do

  act(name) {
    const [group, rest] = name.split(/\.(.*)/);
    const byGroup = {
      verdict: () => this.set({ verdict: rest }),
      severity: () => this.set({ severity: Number(rest) }),
      cue: () => this.turnCue(Number(rest) - 1),
      kind: () => this.turnKind(rest === "next" ? 1 : -1),
      box: () => this.box(rest),
    };
    const whole = {
      mark: () => this.begin(),
      "mark.drop": () => this.drop(),
      "mark.start": () => this.edge("start"),
      "mark.end": () => this.edge("end"),
      "mark.next": () => this.go(this.selected + 1),
      "mark.back": () => this.go(this.selected - 1),
      none: () => this.sayNone(),
    };
    const does = whole[name] || byGroup[group];
    if (!does || !this.player) return false;
    does();
    return true;
  }

  begin() {
    const { index } = this.player;
    this.player.pause();
    this.add(index, index + 1);
    this.following = true;
    this.done();
  }

  add(start, end) {
    this.remember();
    const last = this.spans[this.selected];
    this.none = false;
    this.following = false;
    this.spans.push({
      start,
      end,
      kind: last?.kind || this.options[0].value,
      verdict: null,
      severity: FIRST_SEVERITY,
      cues: [],
      box: null,
    });
    this.selected = this.spans.length - 1;
    this.show();
  }

  /** While a span is open it ends with the frame that is shown. */
  follow() {
    if (!this.following || !this.span || this.player.playing) return;
    const end = Math.max(this.span.start, this.player.shown.indices[0]) + 1;
    if (end !== this.span.end) this.change(this.selected, { end });
  }

  select(place) {
    this.following = false;
    this.selected = Math.min(Math.max(place, 0), this.spans.length - 1);
    this.show();
  }

  go(place) {
    if (!this.spans.length) return;
    this.select(place);
    this.player.seekFrame(this.span.start);
  }

  change(place, values) {
    Object.assign(this.spans[place], values);
    this.show();
  }

  done() {
    this.changed();
  }

  set(values) {
    if (!this.span) return;
    this.remember();
    this.change(this.selected, values);
    this.done();
  }

  edge(which) {
    if (!this.span) return;
    const { index } = this.player;
    this.following = false;
    if (which === "start") this.set({ start: index, end: Math.max(this.span.end, index + 1) });
    else this.set({ end: index + 1, start: Math.min(this.span.start, index) });
  }

  drop() {
    if (!this.span) return;
    this.remember();
    this.spans.splice(this.selected, 1);
    this.following = false;
    this.selected = Math.min(this.selected, this.spans.length - 1);
    this.show();
    this.done();
  }

  sayNone() {
    this.remember();
    this.none = !this.none;
    if (this.none) {
      this.spans = [];
      this.selected = -1;
      this.following = false;
    }
    this.show();
    this.done();
  }

  turnKind(by) {
    if (!this.span) return;
    const place = this.options.findIndex((option) => option.value === this.span.kind);
    this.set({ kind: this.options[(place + by + this.options.length) % this.options.length].value });
  }

  turnCue(place) {
    const cue = this.section.querySelectorAll("[data-cue]")[place]?.dataset.cue;
    if (!cue || !this.span) return;
    const { cues } = this.span;
    this.set({ cues: cues.includes(cue) ? cues.filter((one) => one !== cue) : [...cues, cue] });
  }

  // ---- boxes

  box(how) {
    if (!this.span) return;
    const boxing = this.section.hasAttribute("data-boxing");
    if (!how || how === "done") {
      this.section.toggleAttribute("data-boxing", !boxing && how !== "done");
      if (!boxing && !this.span.box) this.set({ box: [...FIRST_BOX] });
      this.show();
      return;
    }
    const [x0, y0, x1, y1] = this.span.box || FIRST_BOX;
    const by = { left: [-1, 0, -1, 0], right: [1, 0, 1, 0], up: [0, -1, 0, -1], down: [0, 1, 0, 1],
      wider: [0, 0, 1, 0], narrower: [0, 0, -1, 0], higher: [0, 0, 0, 1], lower: [0, 0, 0, -1] }[how];
    const moved = [x0, y0, x1, y1].map((value, place) => value + by[place] * BOX_STEP);
    this.set({ box: inside(moved) || this.span.box });
  }

  _drawBox() {
    this._abort = new AbortController();
    const { signal } = this._abort;
    const { canvas } = this.player;
    let from = null;
    const to = (event) => {
      const at = this.player.pointAt(event.clientX, event.clientY);
      return inside([Math.min(from.x, at.x), Math.min(from.y, at.y), Math.max(from.x, at.x), Math.max(from.y, at.y)]);
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (!this.section.hasAttribute("data-boxing") || !this.span || event.button !== 0) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      canvas.setPointerCapture(event.pointerId);
      from = this.player.pointAt(event.clientX, event.clientY);
      this.remember();
    }, { signal, capture: true });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      const box = to(event);
      if (box) this.change(this.selected, { box });
    }, { signal });
    canvas.addEventListener("pointerup", () => {
      if (!from) return;
      from = null;
      this.box("done");
      this.done();
    }, { signal });
  }

  // ---- undo, showing, sending

  remember() {
    this.history.push(JSON.stringify({ spans: this.spans, selected: this.selected, none: this.none }));
    this.history = this.history.slice(-100);
  }

  undo() {
    const last = this.history.pop();
    if (!last) return false;
    Object.assign(this, JSON.parse(last));
    this.following = false;
    this.section.removeAttribute("data-boxing");
    this.show();
    this.changed();
    return true;
  }

  show() {
    const { span } = this;
    this.mark.disabled = !span;
    this.section.querySelector("[data-none]").setAttribute("aria-pressed", String(this.none));
    this.list.replaceChildren(...this.spans.map((one, place) => this.row(one, place)));
    if (!this.spans.length && this.none) this.list.append(Object.assign(document.createElement("li"), { textContent: say("none_said") }));
    const press = (selector, on) => {
      for (const button of this.section.querySelectorAll(selector)) button.setAttribute("aria-pressed", String(on(button)));
    };
    press("[data-action^='verdict.']", (button) => span?.verdict === button.dataset.action.slice(8));
    press("[data-action^='severity.']", (button) => span?.severity === Number(button.dataset.action.slice(9)));
    press("[data-cue]", (button) => Boolean(span?.cues.includes(button.dataset.cue)));
    press("[data-action='box']", () => this.section.hasAttribute("data-boxing"));
    if (span) this.kinds.value = span.kind;
    this.lanes?.paint();
    this.player?.repaint();
  }

  row(span, place) {
    const row = document.createElement("li");
    row.dataset.place = place;
    row.className = `verdict-${span.verdict || "open"}${place === this.selected ? " selected" : ""}`;
    const frames = document.createElement("b");
    frames.textContent = `${span.start + 1}–${span.end}`;
    const what = document.createElement("span");
    what.textContent = this.nameOf(span.kind);
    const how = document.createElement("small");
    how.textContent = `${span.severity}${span.cues.length ? ` +${span.cues.length}` : ""}${span.box ? " ▢" : ""}`;
    row.append(frames, what, how);
    return row;
  }

  bodies() {
    if (!this.spans.length && !this.none) return { why: say("mark_or_none") };
    const open = this.spans.findIndex((span) => !span.verdict);
    if (open >= 0) {
      this.go(open);
      return { why: say("verdict_missing", { n: open + 1 }) };
    }
    const spans = [...this.spans].sort((a, b) => a.start - b.start || a.end - b.end);
    return { bodies: [{ clip: this.tokens[0], spans, none: this.none }] };
  }

  draft() {
    return this.spans.length || this.none ? { spans: this.spans, selected: this.selected, none: this.none } : null;
  }

  restore(draft) {
    Object.assign(this, draft);
    this.show();
  }
}

/** A box kept inside the picture, with room in it; null where none is left. */
function inside(box) {
  const [x0, y0, x1, y1] = box.map((value) => Math.round(Math.min(Math.max(value, 0), 1) * 1e4) / 1e4);
  return x1 - x0 >= BOX_LEAST && y1 - y0 >= BOX_LEAST ? [x0, y0, x1, y1] : null;
}
