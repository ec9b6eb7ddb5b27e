// The form of a rating: scales of 1 to 5 with the anchors of the active one in sight.

import { say } from "./main.js";

export function makeForm(section, tokens, changed) {
  const rows = [...section.querySelectorAll("[data-row]")];
  const scores = {};
  const history = [];
  let active = 0;

  const show = () => {
    rows.forEach((row, place) => {
      row.classList.toggle("active", place === active);
      for (const cell of row.querySelectorAll("[data-score]")) {
        cell.setAttribute("aria-pressed", String(scores[row.dataset.row] === Number(cell.dataset.score)));
      }
    });
    const now = rows[active].dataset.row;
    for (const list of section.querySelectorAll("[data-anchors]")) {
      list.hidden = list.dataset.anchors !== now;
      for (const line of list.querySelectorAll("[data-anchor]")) {
        line.classList.toggle("chosen", Number(line.dataset.anchor) === scores[list.dataset.anchors]);
      }
    }
  };
  const score = (place, value) => {
    history.push({ scores: { ...scores }, active });
    scores[rows[place].dataset.row] = value;
    const open = rows.findIndex((row, at) => at > place && !scores[row.dataset.row]);
    active = open >= 0 ? open : Math.min(place + 1, rows.length - 1);
    show();
    changed();
  };
  section.querySelector("[data-form]").addEventListener("click", (event) => {
    const row = event.target.closest("[data-row]");
    const cell = event.target.closest("[data-score]");
    const anchor = event.target.closest("[data-anchor]");
    if (cell) score(rows.indexOf(row), Number(cell.dataset.score));
    else if (anchor) score(active, Number(anchor.dataset.anchor));
    else if (row) active = rows.indexOf(row);
    if (cell && event.detail > 0) cell.blur();
    show();
  });
  show();

  return {
    act(name) {
      const value = name.startsWith("score.") && Number(name.slice("score.".length));
      if (value) score(active, value);
      else if (name === "row.next") active = Math.min(active + 1, rows.length - 1);
      else if (name === "row.back") active = Math.max(active - 1, 0);
      else return false;
      show();
      return true;
    },
    undo() {
      const last = history.pop();
      if (!last) return false;
      for (const row of Object.keys(scores)) delete scores[row];
      Object.assign(scores, last.scores);
      active = last.active;
      show();
      changed();
      return true;
    },
    bodies() {
      if (rows.some((row) => !scores[row.dataset.row])) return { why: say("score_some") };
      return { bodies: [{ clip: tokens[0], scores: { ...scores } }] };
    },
    draft: () => (Object.keys(scores).length ? { ...scores } : null),
    restore(draft) {
      Object.assign(scores, draft);
      const open = rows.findIndex((row) => !scores[row.dataset.row]);
      active = open >= 0 ? open : rows.length - 1;
      show();
    },
  };
}
