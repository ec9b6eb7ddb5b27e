// Rows of questions with a cell for each answer, by pointer and keyboard: one row is active, and answers can be undone.

/** `name` is the data attribute of a cell, `action` what begins the names of its actions, `read` makes an answer of its
 *  text, `drops(place)` says whether the same answer again takes it away, `paint(said, row)` shows what else hangs on the
 *  active row, `bodies(said, rows)` is what is sent. */
export function makeRows(section, { name, action, read, drops, paint, bodies }, changed) {
  const elements = [...section.querySelectorAll("[data-row]")];
  const rows = elements.map((element) => element.dataset.row);
  const said = {};
  const history = [];
  let active = 0;

  const show = () => {
    elements.forEach((element, place) => {
      element.classList.toggle("active", place === active);
      for (const cell of element.querySelectorAll(`[data-${name}]`)) {
        cell.setAttribute("aria-pressed", String(said[rows[place]] === read(cell.dataset[name])));
      }
    });
    paint(said, rows[active]);
  };
  const goTo = (place) => {
    active = Math.min(Math.max(place, 0), rows.length - 1);
    show();
  };
  const answer = (place, value) => {
    history.push({ said: { ...said }, active });
    if (said[rows[place]] === value && drops(place)) delete said[rows[place]];
    else said[rows[place]] = value;
    const open = rows.findIndex((row, at) => at > place && said[row] === undefined);
    goTo(open >= 0 ? open : place + 1);
    changed();
  };
  section.querySelector("[data-form]").addEventListener("click", (event) => {
    const element = event.target.closest("[data-row]");
    const cell = event.target.closest(`[data-${name}]`);
    const anchor = event.target.closest("[data-anchor]");
    if (cell) answer(elements.indexOf(element), read(cell.dataset[name]));
    else if (anchor) answer(active, read(anchor.dataset.anchor));
    else if (element) goTo(elements.indexOf(element));
    if (cell && event.detail > 0) cell.blur();
  });
  show();

  return {
    act(what) {
      if (what.startsWith(action)) answer(active, read(what.slice(action.length)));
      else if (what === "row.next") goTo(active + 1);
      else if (what === "row.back") goTo(active - 1);
      else return false;
      return true;
    },
    undo() {
      const last = history.pop();
      if (!last) return false;
      for (const row of Object.keys(said)) delete said[row];
      Object.assign(said, last.said);
      goTo(last.active);
      changed();
      return true;
    },
    bodies: () => bodies(said, rows),
    draft: () => (Object.keys(said).length ? { ...said } : null),
    restore(draft) {
      Object.assign(said, draft);
      const open = rows.findIndex((row) => said[row] === undefined);
      goTo(open >= 0 ? open : rows.length - 1);
    },
  };
}
