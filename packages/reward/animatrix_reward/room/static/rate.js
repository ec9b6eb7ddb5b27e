// The form of a rating: scales of 1 to 5 with the anchors of the active one in sight.

import { say } from "./main.js";
import { makeRows } from "./rows.js";

export function makeForm(section, [clip], changed) {
  const paint = (scores, row) => {
    for (const list of section.querySelectorAll("[data-anchors]")) {
      list.hidden = list.dataset.anchors !== row;
      for (const line of list.querySelectorAll("[data-anchor]")) {
        line.classList.toggle("chosen", Number(line.dataset.anchor) === scores[list.dataset.anchors]);
      }
    }
  };
  const bodies = (scores, rows) => {
    if (rows.some((row) => !scores[row])) return { why: say("score_some") };
    return { bodies: [{ clip, scores: { ...scores } }] };
  };
  return makeRows(section, { name: "score", action: "score.", read: Number, drops: () => false, paint, bodies }, changed);
}
