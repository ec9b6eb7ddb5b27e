// The form of a caption: fields of the taxonomy, closed values. Only what was changed is sent.

import { say } from "./main.js";

const RESERVED = ["unknown", "na"];

export function makeForm(section, tokens, changed) {
  const fields = [...section.querySelectorAll("[data-field]")];
  const form = section.querySelector("[data-form]");
  const find = form.querySelector("[data-find]");
  const onlyRead = form.querySelector("[data-only-read]");
  let allRight = false;
  if (!fields.some((field) => field.dataset.read === "yes")) onlyRead.checked = false;

  const mark = () => {
    for (const field of fields) field.classList.toggle("changed", isChanged(field));
  };
  const show = (field, open) => {
    field.classList.toggle("open", open);
    field.querySelector("[data-open]")?.setAttribute("aria-expanded", String(open));
  };
  const filter = () => {
    const words = find.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    for (const field of fields) {
      const hit = words.every((word) => field.dataset.words.includes(word));
      const read = !onlyRead.checked || words.length || field.dataset.read === "yes" || isChanged(field);
      field.hidden = !(hit && read);
      if (words.length) show(field, hit);
    }
    for (const heading of form.querySelectorAll("[data-axis]")) {
      let next = heading.nextElementSibling;
      let any = false;
      for (; next && next.matches("[data-field]"); next = next.nextElementSibling) any = any || !next.hidden;
      heading.hidden = !any;
    }
  };
  form.addEventListener("input", (event) => {
    const field = event.target.closest("[data-field]");
    if (!field) return filter();
    if (field.dataset.shape === "set") oneKind(field, event.target);
    mark();
    changed();
  });
  form.addEventListener("click", (event) => {
    const field = event.target.closest("[data-open]")?.closest("[data-field]");
    if (field) show(field, !field.classList.contains("open"));
  });
  form.querySelector("[data-right]").addEventListener("click", () => {
    allRight = true;
    document.querySelector('[data-action="send"]').click();
    allRight = false;
  });
  filter();

  return {
    act: () => false,
    bodies() {
      const chosen = allRight
        ? fields.filter((field) => field.dataset.read === "yes")
        : fields.filter((field) => isChanged(field));
      if (!chosen.length) return { why: say("nothing_changed") };
      const tags = Object.fromEntries(chosen.map((field) => [field.dataset.field, valuesOf(field)]));
      return { bodies: [{ clip: tokens[0], tags }] };
    },
    draft() {
      const changes = fields.filter(isChanged).map((field) => [field.dataset.field, valuesOf(field)]);
      return changes.length ? Object.fromEntries(changes) : null;
    },
    restore(draft) {
      for (const field of fields) if (draft[field.dataset.field]) put(field, draft[field.dataset.field]);
      mark();
      filter();
    },
  };
}

/** "none", "unknown" and "na" stand alone, and a set has a bound: what was chosen last stays. */
function oneKind(field, chosen) {
  const boxes = [...field.querySelectorAll("input:checked")];
  const alone = (box) => box.value === "none" || RESERVED.includes(box.value);
  if (!chosen.checked) return;
  for (const box of boxes) if (box !== chosen && (alone(chosen) || alone(box))) box.checked = false;
  const most = Number(field.dataset.most);
  const over = boxes.filter((box) => box !== chosen && box.checked);
  while (over.length >= most) over.shift().checked = false;
}

function valuesOf(field) {
  if (field.dataset.shape === "set") {
    const values = [...field.querySelectorAll("input:checked")].map((box) => box.value);
    return values.length ? values : ["unknown"];
  }
  const [first, last] = [...field.querySelectorAll("select")].map((select) => select.value);
  return last && last !== first && !RESERVED.includes(first) && !RESERVED.includes(last) ? [first, last] : [first];
}

function isChanged(field) {
  const was = JSON.parse(field.dataset.was);
  const before = was.length ? was : ["unknown"];
  const now = valuesOf(field);
  if (field.dataset.shape === "set") return [...now].sort().join() !== [...before].sort().join();
  return now.join() !== before.join();
}

function put(field, values) {
  if (field.dataset.shape === "set") {
    for (const box of field.querySelectorAll("input")) box.checked = values.includes(box.value);
  } else {
    [...field.querySelectorAll("select")].forEach((select, place) => (select.value = values[place] ?? ""));
  }
}
