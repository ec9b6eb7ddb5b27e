// The form of a comparison: rows of questions, five verdicts each. The first row must be answered.

import { say } from "./main.js";

export function makeForm(section, tokens, changed) {
  const rows = [...section.querySelectorAll("[data-row]")];
  const said = {};
  const history = [];
  let active = 0;

  const show = () => {
    rows.forEach((row, place) => {
      row.classList.toggle("active", place === active);
      for (const cell of row.querySelectorAll("[data-verdict]")) {
        cell.setAttribute("aria-pressed", String(said[row.dataset.row] === cell.dataset.verdict));
      }
    });
  };
  const answer = (place, verdict) => {
    history.push({ said: { ...said }, active });
    const row = rows[place].dataset.row;
    if (said[row] === verdict && place > 0) delete said[row];
    else said[row] = verdict;
    active = Math.min(place + 1, rows.length - 1);
    show();
    changed();
  };
  section.querySelector("[data-form]").addEventListener("click", (event) => {
    const cell = event.target.closest("[data-verdict]");
    if (cell) answer(rows.indexOf(cell.closest("[data-row]")), cell.dataset.verdict);
    if (cell && event.detail > 0) cell.blur();
  });
  show();

  return {
    act(name) {
      const verdict = name.startsWith("compare.") && name.slice("compare.".length);
      if (verdict) answer(active, verdict);
      else if (name === "row.next") active = Math.min(active + 1, rows.length - 1);
      else if (name === "row.back") active = Math.max(active - 1, 0);
      else return false;
      show();
      return true;
    },
    undo() {
      const last = history.pop();
      if (!last) return false;
      for (const row of Object.keys(said)) delete said[row];
      Object.assign(said, last.said);
      active = last.active;
      show();
      changed();
      return true;
    },
    bodies() {
      if (!said[rows[0].dataset.row]) return { why: say("first_overall") };
      const asked = rows.map((row) => row.dataset.row).filter((row) => said[row]);
      // The overall verdict ends the task, so it goes last.
      const bodies = [...asked.slice(1), asked[0]].map((dimension) => ({
        left: tokens[0],
        right: tokens[1],
        dimension,
        verdict: said[dimension],
      }));
      return { bodies };
    },
    draft: () => (Object.keys(said).length ? { ...said } : null),
    restore(draft) {
      Object.assign(said, draft);
      active = Math.min(Object.keys(said).length, rows.length - 1);
      show();
    },
  };
}
