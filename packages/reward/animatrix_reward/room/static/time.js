// Which frame is shown when: pure functions of a clip's table and a time in milliseconds. No frame rate is used.

/** The frame whose interval [pts, next pts) holds `t`; the first before the clip, the last after it. */
export function indexAt(ptsMs, t) {
  let low = 0;
  let high = ptsMs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ptsMs[middle] <= t) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The first frame of the drawing that frame `index` holds. */
export function drawingStart(drawing, index) {
  let start = index;
  while (start > 0 && drawing[start - 1] === drawing[index]) start -= 1;
  return start;
}

/** The first frame of the drawing `by` drawings away, kept inside the clip. Back from inside a drawing: its first frame. */
export function stepDrawing(drawing, index, by) {
  let at = index;
  for (let n = 0; n < Math.abs(by); n += 1) {
    if (by > 0) {
      let next = at;
      while (next < drawing.length && drawing[next] === drawing[at]) next += 1;
      if (next === drawing.length) return at;
      at = next;
    } else {
      const start = drawingStart(drawing, at);
      at = start < at ? start : drawingStart(drawing, Math.max(0, start - 1));
    }
  }
  return at;
}

/** The frame that stands for the drawing `by` away from that of `index`; null where there is none. */
export function neighbourDrawing(drawing, index, by) {
  const wanted = drawing[index] + by;
  const found = drawing.indexOf(wanted);
  return found < 0 ? null : found;
}

/** `t` after `dt` more, inside [start, end): around again, or stopped just before the end. */
export function advance(t, dt, start, end, loop) {
  const next = t + dt;
  if (next < end) return { t: Math.max(next, start), stopped: false };
  if (!loop) return { t: lastBefore(end), stopped: true };
  const length = end - start;
  return { t: length > 0 ? start + ((next - start) % length) : start, stopped: false };
}

/** The largest time that still lies before `end`. */
export function lastBefore(end) {
  return end - 1e-3;
}

/** When frame `index` begins to be shown, and when it ends. */
export function interval(table, index) {
  const end = index + 1 < table.pts_ms.length ? table.pts_ms[index + 1] : table.end_ms;
  return [table.pts_ms[index], end];
}

/** Runs of one drawing: [{start, end, number}], frames half-open. */
export function exposures(drawing) {
  const runs = [];
  drawing.forEach((number, index) => {
    const last = runs[runs.length - 1];
    if (last && last.number === number) last.end = index + 1;
    else runs.push({ start: index, end: index + 1, number });
  });
  return runs;
}
