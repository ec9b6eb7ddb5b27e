// Binding keys: choose an action, press the key it shall have.

import { comboOf } from "./keys.js";
import { keys, printKeys, say, toast, words } from "./main.js";

const SHARED = ["player", "task"];

/** Whether two scopes hold on one page. */
export const meet = (a, b) => a === b || SHARED.includes(a) || SHARED.includes(b);

export function begin() {
  const page = document.querySelector("[data-keys]");
  page.addEventListener("click", (event) => {
    const button = event.target.closest("[data-bind]");
    if (button) listen(button);
    if (event.target.closest("[data-reset-all]")) {
      keys.reset();
      printKeys();
    }
  });
}

function listen(button) {
  document.querySelector("[data-pressing]")?.removeAttribute("data-pressing");
  button.dataset.pressing = "yes";
  const key = button.querySelector("kbd");
  key.textContent = button.dataset.press;
  const done = () => {
    window.removeEventListener("keydown", pressed, true);
    button.removeEventListener("blur", done);
    button.removeAttribute("data-pressing");
    printKeys();
  };
  const pressed = (event) => {
    event.preventDefault();
    event.stopPropagation();
    const combo = comboOf(event);
    if (combo === null) return; // a modifier alone: more is coming
    if (combo !== "Escape") {
      const action = keys.find(button.dataset.bind, [button.dataset.scope]);
      const lost = keys.bind(action, combo, meet);
      for (const other of lost) toast(say("lost", { action: words[`key.${other.id}`] }), true);
    }
    done();
  };
  window.addEventListener("keydown", pressed, true);
  button.addEventListener("blur", done);
}
