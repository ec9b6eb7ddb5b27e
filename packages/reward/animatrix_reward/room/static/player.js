// Shows one clip, or two locked by time. Painted by index on a canvas: what the numbers say is what was painted.
//
// Time is in ms from the first frame; each clip shows the frame whose interval holds it. While a picture is not decoded
// the clock waits, so that no wrong frame is ever shown. Buttons with data-action and keys call the same actions.

import { cells, paintBox, paintDifference, paintPicture, placed } from "./paint.js";
import { advance, indexAt, lastBefore, neighbourDrawing, stepDrawing } from "./time.js";

const AHEAD = 14; // frames decoded before they are due
const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8, 12, 16];
const GAINS = [1, 4, 16];
const ONION_MOST = 3;
const LONGEST_TICK_MS = 100; // a page that slept does not jump
const of = new WeakMap();

/** The player of an element, once it is made. */
export function playerOf(element) {
  return of.get(element);
}

export class Player extends EventTarget {
  /** `root` holds the canvas [data-stage]; `clips` are one or two Clips; `start` false waits for consent or a key. */
  constructor(root, clips, { start = true, warned = false } = {}) {
    super();
    this.root = root;
    this.clips = clips;
    this.canvas = root.querySelector("[data-stage]");
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.durationMs = Math.max(...clips.map((clip) => clip.table.end_ms));
    this.t = 0;
    this.speed = 1;
    this.loop = true;
    this.span = null; // [from, to) in ms
    this.mode = clips.length > 1 ? "side" : "single";
    this.front = 0; // the clip that is stepped, and shown where one is
    this.difference = false;
    this.gain = 4;
    this.onion = { before: 0, after: 0 };
    this.view = { zoom: 1, x: 0.5, y: 0.5 };
    this.playing = false;
    this.waiting = false;
    this.covered = warned; // a warning stands before it
    this.shown = null; // {t, indices} of what is painted
    this.overlay = () => []; // boxes of a clip's frame: [{box, colour, strong}]
    this._dirty = true;
    this._last = null;
    this._closed = false;
    this._came = () => this._request();
    for (const clip of clips) clip.addEventListener("came", this._came);
    this._watch = new ResizeObserver(() => this._resize());
    this._watch.observe(this.canvas);
    this._gestures();
    of.set(root, this);
    this._resize();
    if (start && !warned) this.play();
    this._request();
  }

  close() {
    this._closed = true;
    this._watch.disconnect();
    this._abort.abort();
    for (const clip of this.clips) {
      clip.removeEventListener("came", this._came);
      clip.close();
    }
  }

  // ---- time

  indicesAt(t) {
    return this.clips.map((clip) => indexAt(clip.table.pts_ms, t));
  }

  get indices() {
    return this.indicesAt(this.t);
  }

  get index() {
    return this.indices[this.front];
  }

  get range() {
    return this.span || [0, this.durationMs];
  }

  play() {
    if (this.covered || this.playing) return;
    const [from, to] = this.range;
    if (this.t >= lastBefore(to) || this.t < from) this.t = from;
    this.playing = true;
    this._last = null;
    this._changed();
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this._changed();
  }

  /** Go to a time, exactly. */
  seek(t) {
    this.pause();
    this.t = Math.min(Math.max(t, 0), lastBefore(this.durationMs));
    this._changed();
  }

  /** Go to the first moment of a frame of the clip in front. */
  seekFrame(index) {
    const { pts_ms: pts } = this.clips[this.front].table;
    this.seek(pts[Math.min(Math.max(index, 0), pts.length - 1)]);
  }

  // ---- actions: what keys and buttons do

  act(name) {
    const step = { "frame.next": 1, "frame.back": -1, "frame.next10": 10, "frame.back10": -10 }[name];
    if (step) return this.seekFrame(this.index + step), true;
    const table = this.clips[this.front].table;
    const actions = {
      play: () => (this.playing ? this.pause() : this.play()),
      "drawing.next": () => this.seekFrame(stepDrawing(table.drawing, this.index, 1)),
      "drawing.back": () => this.seekFrame(stepDrawing(table.drawing, this.index, -1)),
      "go.start": () => this.seek(this.range[0]),
      "go.end": () => this.seek(lastBefore(this.range[1])),
      loop: () => (this.loop = !this.loop),
      "span.in": () => this._setSpan(0),
      "span.out": () => this._setSpan(1),
      "span.clear": () => (this.span = null),
      "speed.quarter": () => (this.speed = 0.25),
      "speed.half": () => (this.speed = 0.5),
      "speed.full": () => (this.speed = 1),
      flip: () => this._flip(),
      side: () => this._side(),
      difference: () => (this.difference = !this.difference),
      gain: () => (this.gain = GAINS[(GAINS.indexOf(this.gain) + 1) % GAINS.length]),
      "onion.before": () => (this.onion.before = (this.onion.before + 1) % (ONION_MOST + 1)),
      "onion.after": () => (this.onion.after = (this.onion.after + 1) % (ONION_MOST + 1)),
      "onion.off": () => (this.onion = { before: 0, after: 0 }),
      "zoom.in": () => this.zoom(1),
      "zoom.out": () => this.zoom(-1),
      "zoom.fit": () => (this.view = { zoom: 1, x: 0.5, y: 0.5 }),
      "pan.left": () => this.pan(-0.1, 0),
      "pan.right": () => this.pan(0.1, 0),
      "pan.up": () => this.pan(0, -0.1),
      "pan.down": () => this.pan(0, 0.1),
      consent: () => this.uncover(),
    };
    if (!actions[name]) return false;
    actions[name]();
    this._changed();
    return true;
  }

  /** Take the warning away; the clip stays still until it is played. */
  uncover() {
    this.covered = false;
    this._changed();
  }

  zoom(by, at = null) {
    const place = ZOOMS.findIndex((zoom) => zoom >= this.view.zoom - 1e-9);
    const zoom = ZOOMS[Math.min(Math.max(place + by, 0), ZOOMS.length - 1)];
    const point = at || { x: this.view.x, y: this.view.y };
    const share = this.view.zoom / zoom; // the point under the pointer stays there
    this.view = { zoom, x: point.x + (this.view.x - point.x) * share, y: point.y + (this.view.y - point.y) * share };
    this.pan(0, 0);
  }

  /** Move what is seen by shares of what is seen. */
  pan(dx, dy) {
    const { zoom } = this.view;
    const inside = (value) => Math.min(Math.max(value, Math.min(0.5, 0.5 / zoom)), Math.max(0.5, 1 - 0.5 / zoom));
    this.view = { zoom, x: inside(this.view.x + dx / zoom), y: inside(this.view.y + dy / zoom) };
    this._changed();
  }

  _setSpan(end) {
    const table = this.clips[this.front].table;
    const from = table.pts_ms[this.index];
    const to = this.index + 1 < table.n_frames ? table.pts_ms[this.index + 1] : table.end_ms;
    const now = this.span || [0, this.durationMs];
    if (end) this.span = [now[0] < to ? now[0] : 0, to];
    else this.span = [from, now[1] > from ? now[1] : this.durationMs];
  }

  _flip() {
    if (this.clips.length < 2) return;
    if (this.mode === "flip") this.front = 1 - this.front;
    else this.mode = "flip";
  }

  _side() {
    if (this.clips.length < 2) return;
    if (this.mode === "side") this.front = 1 - this.front;
    else this.mode = "side";
  }

  // ---- painting

  /** The views: which clip each shows, its cell, and where its picture lies. Pixels of the canvas. */
  views() {
    const one = this.mode !== "side" || this.difference;
    const shown = one ? [this.front] : this.clips.map((_, place) => place);
    return cells(this.canvas.width, this.canvas.height, shown.length).map((cell, place) => {
      const { width: w, height: h } = this.clips[shown[place]].table;
      return { clip: shown[place], cell, rect: placed(cell, { w, h }, this.view) };
    });
  }

  /** Where a point of the page lies: {clip, x, y} in shares of the picture; null outside of every picture. */
  pointAt(clientX, clientY) {
    const bounds = this.canvas.getBoundingClientRect();
    const x = ((clientX - bounds.left) * this.canvas.width) / bounds.width;
    const y = ((clientY - bounds.top) * this.canvas.height) / bounds.height;
    for (const { clip, cell, rect } of this.views()) {
      if (x >= cell.x && x < cell.x + cell.w) return { clip, x: (x - rect.x) / rect.w, y: (y - rect.y) / rect.h };
    }
    return null;
  }

  /** What must be decoded to paint time `t`: [clip, frame] pairs. */
  _needs(t) {
    const indices = this.indicesAt(t);
    const needs = this.clips.map((clip, place) => [place, indices[place]]);
    for (const skin of this._skins(indices)) needs.push([skin.clip, skin.index]);
    if (this.difference && this.clips.length < 2) needs.push([0, Math.max(0, indices[0] - 1)]);
    return needs;
  }

  _skins(indices) {
    const skins = [];
    this.clips.forEach((clip, place) => {
      for (const [side, sign] of [["before", -1], ["after", 1]]) {
        for (let distance = this.onion[side]; distance > 0; distance -= 1) {
          const index = neighbourDrawing(clip.table.drawing, indices[place], sign * distance);
          if (index !== null) skins.push({ clip: place, index, side, distance });
        }
      }
    });
    return skins;
  }

  _request() {
    if (this._asked || this._closed) return;
    this._asked = true;
    requestAnimationFrame((now) => {
      this._asked = false;
      if (!this._closed) this._tick(now);
    });
  }

  _tick(now) {
    let t = this.t;
    let stopped = false;
    if (this.playing) {
      const elapsed = this._last === null ? 0 : Math.min(now - this._last, LONGEST_TICK_MS);
      this._last = now;
      ({ t, stopped } = advance(this.t, elapsed * this.speed, ...this.range, this.loop));
    }
    const ready = this._ready(t);
    if (this.waiting !== !ready) {
      this.waiting = !ready;
      this.dispatchEvent(new Event("state"));
    }
    this._want(t);
    if (ready) {
      this.t = t;
      const indices = this.indicesAt(t);
      const same = this.shown && indices.every((index, place) => index === this.shown.indices[place]);
      if (this._dirty || !same) this._paint(indices);
      this.shown = { t, indices };
      this.dispatchEvent(new Event("frame"));
      if (stopped && this.playing) this.pause();
    }
    if (this.playing) this._request();
  }

  _ready(t) {
    return this._needs(t).every(([clip, index]) => this.clips[clip].has(index));
  }

  _want(t) {
    const needs = this._needs(t);
    const ahead = this.indicesAt(t);
    this.clips.forEach((clip, place) => {
      const wanted = needs.filter(([of]) => of === place).map(([, index]) => index);
      const [from, to] = this.range;
      const first = indexAt(clip.table.pts_ms, from);
      const last = indexAt(clip.table.pts_ms, lastBefore(to));
      for (let n = 1; n <= AHEAD; n += 1) {
        const next = ahead[place] + n;
        wanted.push(next > last && this.loop ? first + ((next - last - 1) % (last - first + 1)) : next);
      }
      wanted.push(ahead[place] - 1, ahead[place] - 2, stepDrawing(clip.table.drawing, ahead[place], -1));
      clip.want([...new Set(wanted)]);
    });
  }

  _paint(indices) {
    const { context, canvas } = this;
    context.fillStyle = getComputedStyle(canvas).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    this._dirty = false;
    if (this.covered) return;
    const skins = this._skins(indices);
    for (const { clip, cell, rect } of this.views()) {
      const bitmap = this.clips[clip].picture(indices[clip]);
      if (this.difference) {
        const two = this.clips.length > 1;
        const other = two
          ? this.clips[1 - clip].picture(indices[1 - clip])
          : this.clips[0].picture(Math.max(0, indices[0] - 1));
        paintDifference(context, cell, rect, bitmap, other, this.gain);
      } else {
        const own = skins.filter((skin) => skin.clip === clip);
        const drawn = own.map((skin) => ({ ...skin, bitmap: this.clips[clip].picture(skin.index) }));
        paintPicture(context, cell, rect, bitmap, drawn);
      }
      for (const { box, colour, strong } of this.overlay(clip, indices[clip])) {
        paintBox(context, rect, box, colour, strong);
      }
    }
  }

  /** Something changed: paint again, and tell who listens. */
  _changed() {
    this._dirty = true;
    this.dispatchEvent(new Event("state"));
    this._request();
  }

  repaint() {
    this._changed();
  }

  _resize() {
    const { clientWidth, clientHeight } = this.canvas;
    const scale = window.devicePixelRatio || 1;
    const width = Math.max(2, Math.round(clientWidth * scale));
    const height = Math.max(2, Math.round(clientHeight * scale));
    if (this.canvas.width === width && this.canvas.height === height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this._changed();
    if (this.shown && this._ready(this.t)) this._paint(this.indices);
  }

  _gestures() {
    this._abort = new AbortController();
    const { signal } = this._abort;
    this.canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const at = this.pointAt(event.clientX, event.clientY);
        if (at) this.zoom(event.deltaY < 0 ? 1 : -1, at);
      },
      { passive: false, signal },
    );
    let drag = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.defaultPrevented || (event.button !== 0 && event.button !== 1)) return;
      const at = this.pointAt(event.clientX, event.clientY);
      if (at && this.mode === "side") this.front = at.clip;
      drag = { x: event.clientX, y: event.clientY };
      this.canvas.setPointerCapture(event.pointerId);
      this._changed();
    }, { signal });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const { w, h } = this.views()[0].rect;
      const scale = (window.devicePixelRatio || 1) * this.view.zoom;
      this.pan(((drag.x - event.clientX) * scale) / w, ((drag.y - event.clientY) * scale) / h);
      drag = { x: event.clientX, y: event.clientY };
    }, { signal });
    this.canvas.addEventListener("pointerup", () => (drag = null), { signal });
    this.canvas.addEventListener("dblclick", () => this.act("zoom.fit"), { signal });
  }
}
