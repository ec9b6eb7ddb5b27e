// What stands around a player: numbers on the pictures, the strip of drawings, the toolbar's lights.

import { say } from "./main.js";
import { exposures, indexAt } from "./time.js";

const ROW_PX = 14;

/** Give a player its numbers, strip and lights; returns how to take them away. */
export function dress(section, player) {
  const strip = new Strip(section.querySelector("[data-strip]"), player);
  const badges = [...section.querySelectorAll("[data-badge]")];
  const onFrame = () => {
    showNumbers(badges, player);
    strip.paint();
  };
  const onState = () => {
    showLights(section, player);
    placeBadges(badges, player);
    strip.paint();
  };
  player.addEventListener("frame", onFrame);
  player.addEventListener("state", onState);
  const watch = new ResizeObserver(() => {
    placeBadges(badges, player);
    strip.paint();
  });
  watch.observe(player.canvas);
  onState();
  return () => {
    watch.disconnect();
    player.removeEventListener("frame", onFrame);
    player.removeEventListener("state", onState);
    strip.close();
  };
}

/** Numbers count from 1, as on an exposure sheet; data-index from 0, as in what is stored. */
function showNumbers(badges, player) {
  for (const badge of badges) {
    const place = Number(badge.dataset.badge);
    const { table } = player.clips[place];
    const index = player.shown.indices[place];
    badge.dataset.index = index;
    badge.dataset.drawing = table.drawing[index];
    badge.querySelector("[data-frame]").textContent = say("frame", { frame: index + 1, frames: table.n_frames });
    badge.querySelector("[data-drawing]").textContent = `${table.drawing[index]} / ${table.drawing.at(-1)}`;
    badge.querySelector("[data-ms]").textContent = `${(player.shown.t / 1000).toFixed(3)} s`;
    const ended = badge.querySelector("[data-ended]");
    ended.hidden = player.shown.t < table.end_ms;
    ended.textContent = say("ended");
  }
}

function placeBadges(badges, player) {
  const scale = player.canvas.clientWidth / player.canvas.width;
  const views = player.views();
  for (const badge of badges) {
    const place = Number(badge.dataset.badge);
    const view = views.find(({ clip }) => clip === place);
    badge.hidden = !view || player.covered;
    if (view) badge.style.left = `${view.cell.x * scale}px`;
    badge.classList.toggle("front", player.clips.length > 1 && place === player.front);
  }
}

function showLights(section, player) {
  const on = {
    play: player.playing,
    loop: player.loop,
    "span.in": player.span !== null,
    "span.out": player.span !== null,
    "speed.quarter": player.speed === 0.25,
    "speed.half": player.speed === 0.5,
    "speed.full": player.speed === 1,
    flip: player.mode === "flip" && !player.difference,
    side: player.mode === "side" && !player.difference,
    difference: player.difference,
    "onion.before": player.onion.before > 0,
    "onion.after": player.onion.after > 0,
  };
  for (const [action, lit] of Object.entries(on)) {
    for (const button of section.querySelectorAll(`.toolbar [data-action="${action}"]`)) {
      button.setAttribute("aria-pressed", String(lit));
    }
  }
  for (const side of ["before", "after"]) {
    section.querySelector(`.toolbar .${side}`).dataset.count = player.onion[side] || "";
  }
  section.querySelector("[data-gain]").textContent = player.gain;
  section.querySelector("[data-zoom]").textContent = `${Math.round(100 * player.view.zoom)} %`;
  section.querySelector("[data-loading]").hidden = !player.waiting || player.covered;
  section.querySelector("[data-warning]").hidden = !player.covered;
  if (player.playing) section.querySelector("[data-still]").hidden = true;
}

/** Where a time lies on a strip or lane of this width, and back. */
export const xOf = (player, t, width) => (t / player.durationMs) * width;
export const tOf = (player, x, width) => (Math.min(Math.max(x / width, 0), 1) * player.durationMs);

/** Fit a canvas to its element; returns its context in CSS pixels. */
export function fitted(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return { context, width, height };
}

/** A colour of the page's theme. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** An exposure sheet on its side: a cell a drawing, as wide as it is held; scrubbed with the pointer. */
class Strip {
  constructor(element, player) {
    this.element = element;
    this.player = player;
    this.canvas = element.querySelector("canvas");
    this.runs = player.clips.map((clip) => exposures(clip.table.drawing));
    this._abort = new AbortController();
    const { signal } = this._abort;
    element.setAttribute("aria-valuemax", String(player.clips[player.front].length));
    element.addEventListener("pointerdown", (event) => {
      element.setPointerCapture(event.pointerId);
      this._scrub(event);
    }, { signal });
    element.addEventListener("pointermove", (event) => event.buttons & 1 && this._scrub(event), { signal });
  }

  close() {
    this._abort.abort();
  }

  _scrub(event) {
    const bounds = this.canvas.getBoundingClientRect();
    const t = tOf(this.player, event.clientX - bounds.left, bounds.width);
    this.player.seekFrame(indexAt(this.player.clips[this.player.front].table.pts_ms, t));
  }

  paint() {
    const { player } = this;
    const { context, width, height } = fitted(this.canvas);
    context.clearRect(0, 0, width, height);
    const rows = player.clips.length;
    const top = Math.max(0, (height - rows * (ROW_PX + 2)) / 2);
    player.clips.forEach((clip, place) => this._row(context, width, top + place * (ROW_PX + 2), clip, place));
    if (player.span) {
      context.fillStyle = colour("span");
      const [from, to] = player.span;
      context.fillRect(xOf(player, from, width), 0, xOf(player, to - from, width), 3);
      context.fillRect(xOf(player, from, width), height - 3, xOf(player, to - from, width), 3);
    }
    context.fillStyle = colour("head");
    context.fillRect(Math.round(xOf(player, player.t, width)) - 1, 0, 2, height);
    this.element.setAttribute("aria-valuenow", String(player.index + 1));
  }

  _row(context, width, y, clip, place) {
    const { pts_ms: pts, end_ms: end } = clip.table;
    const at = (index) => xOf(this.player, index < pts.length ? pts[index] : end, width);
    const now = this.player.indices[place];
    for (const { start, end: stop, number } of this.runs[place]) {
      const held = now >= start && now < stop;
      context.fillStyle = colour(held ? "cell-now" : number % 2 ? "cell-odd" : "cell-even");
      context.fillRect(at(start), y, Math.max(1, at(stop) - at(start) - 1), ROW_PX);
    }
    context.fillStyle = colour("tick");
    if (width / clip.length >= 5) {
      for (let index = 0; index < clip.length; index += 1) context.fillRect(at(index), y + ROW_PX - 3, 1, 3);
    }
  }
}
