// Lanes of spans under the strip: drawn, moved and sized with the pointer. Frames are half-open [start, end).

import { say } from "./main.js";
import { colour, fitted, tOf, xOf } from "./stage.js";
import { indexAt } from "./time.js";

const LANE_PX = 18;
const EDGE_PX = 5;

/** Which lane each span lies in: the first one that is free there. */
export function laneOf(spans) {
  const ends = [];
  const order = spans.map((_, place) => place).sort((a, b) => spans[a].start - spans[b].start);
  const lanes = [];
  for (const place of order) {
    const free = ends.findIndex((end) => end <= spans[place].start);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = spans[place].end;
    lanes[place] = lane;
  }
  return lanes;
}

/** What each rater marked, in lanes of their own above `element`, to look at; returns them. */
export function lanesOfRaters(section, element, player, nameOf) {
  return [...section.querySelectorAll("[data-said]")].map((said, place) => {
    const spans = JSON.parse(said.dataset.said);
    const lanes = document.createElement("div");
    lanes.className = "lanes of-rater";
    lanes.title = say("rater", { n: place + 1 });
    lanes.style.height = `${Math.max(1, ...laneOf(spans).map((lane) => lane + 1)) * LANE_PX + 1}px`;
    lanes.append(document.createElement("canvas"));
    element.before(lanes);
    return new Lanes(lanes, player, { spans, selected: -1, nameOf });
  });
}

export class Lanes {
  /** `form` has spans, selected, nameOf(kind), add(start, end), select(place), change(place, {start, end}), done(); spans
   *  that are only looked at have no add. */
  constructor(element, player, form) {
    Object.assign(this, { element, player, form });
    this.canvas = element.querySelector("canvas");
    this._abort = new AbortController();
    const { signal } = this._abort;
    if (form.add) {
      element.addEventListener("pointerdown", (event) => this._down(event), { signal });
      element.addEventListener("pointermove", (event) => this._move(event), { signal });
      element.addEventListener("pointerup", () => this._up(), { signal });
    } else {
      element.addEventListener("click", (event) => player.seekFrame(this._at(event).frame), { signal });
    }
    this._onFrame = () => this.paint();
    player.addEventListener("frame", this._onFrame);
    this._watch = new ResizeObserver(() => this.paint());
    this._watch.observe(element);
  }

  close() {
    this._abort.abort();
    this._watch.disconnect();
    this.player.removeEventListener("frame", this._onFrame);
  }

  get table() {
    return this.player.clips[0].table;
  }

  _x(index, width) {
    const { pts_ms: pts, end_ms: end } = this.table;
    return xOf(this.player, index < pts.length ? pts[index] : end, width);
  }

  _at(event) {
    const bounds = this.canvas.getBoundingClientRect();
    const x = event.clientX - bounds.left;
    const frame = indexAt(this.table.pts_ms, tOf(this.player, x, bounds.width));
    const lane = Math.floor((event.clientY - bounds.top) / LANE_PX);
    const lanes = laneOf(this.form.spans);
    const place = this.form.spans.findIndex(
      (span, i) =>
        lanes[i] === lane &&
        x >= this._x(span.start, bounds.width) - EDGE_PX &&
        x <= this._x(span.end, bounds.width) + EDGE_PX,
    );
    let part = "middle";
    if (place >= 0) {
      const span = this.form.spans[place];
      if (Math.abs(x - this._x(span.start, bounds.width)) <= EDGE_PX) part = "start";
      if (Math.abs(x - this._x(span.end, bounds.width)) <= EDGE_PX) part = "end";
    }
    return { frame, place, part };
  }

  _down(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.element.setPointerCapture(event.pointerId);
    const { frame, place, part } = this._at(event);
    if (place >= 0) {
      this.form.select(place);
      this._drag = { part, frame, from: { ...this.form.spans[place] }, place };
    } else {
      this.form.add(frame, frame + 1);
      this._drag = { part: "new", frame, place: this.form.selected };
    }
    this.player.seekFrame(frame);
  }

  _move(event) {
    if (!this._drag) {
      this.element.dataset.over = this._at(event).place >= 0 ? this._at(event).part : "";
      return;
    }
    const { part, frame: first, from, place } = this._drag;
    const n = this.table.n_frames;
    const { frame } = this._at(event);
    const change = {};
    if (part === "new") Object.assign(change, { start: Math.min(first, frame), end: Math.max(first, frame) + 1 });
    if (part === "start") change.start = Math.min(frame, from.end - 1);
    if (part === "end") change.end = Math.min(n, Math.max(frame + 1, from.start + 1));
    if (part === "middle") {
      const by = Math.min(Math.max(frame - first, -from.start), n - from.end);
      Object.assign(change, { start: from.start + by, end: from.end + by });
    }
    this.form.change(place, change);
    this.player.seekFrame(frame);
  }

  _up() {
    if (this._drag) this.form.done();
    this._drag = null;
  }

  paint() {
    const { context, width, height } = fitted(this.canvas);
    context.clearRect(0, 0, width, height);
    context.fillStyle = colour("lane");
    for (let y = 0; y + LANE_PX <= height; y += LANE_PX) context.fillRect(0, y + 1, width, LANE_PX - 2);
    const lanes = laneOf(this.form.spans);
    context.font = `11px ${getComputedStyle(this.element).fontFamily}`;
    this.form.spans.forEach((span, place) => {
      const x = this._x(span.start, width);
      const w = Math.max(3, this._x(span.end, width) - x - 1);
      const y = lanes[place] * LANE_PX + 1;
      context.fillStyle = colour(span.verdict ? `verdict-${span.verdict}` : "verdict-open");
      context.fillRect(x, y, w, LANE_PX - 2);
      if (place === this.form.selected) {
        context.strokeStyle = colour("head");
        context.lineWidth = 2;
        context.strokeRect(x + 1, y + 1, Math.max(1, w - 2), LANE_PX - 4);
      }
      context.save();
      context.beginPath();
      context.rect(x, y, w - 3, LANE_PX);
      context.clip();
      context.fillStyle = colour("on-verdict");
      context.fillText(`${place + 1} ${this.form.nameOf(span.kind)}`, x + 5, y + 12);
      context.restore();
    });
    context.fillStyle = colour("head");
    context.fillRect(Math.round(xOf(this.player, this.player.t, width)) - 1, 0, 2, height);
  }
}
