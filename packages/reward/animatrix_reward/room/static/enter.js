// Spends an invitation. Its token came behind the # of the link, which no server and no log sees.

import { say } from "./main.js";

export function begin() {
  const form = document.querySelector("[data-enter]");
  const wrong = document.querySelector("[data-wrong]");
  if (location.hash.length > 1) {
    form.elements.token.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
    form.elements.name.focus();
  }
  // Disabled until here: a form sent without this script would put the token into an address.
  form.querySelector("button").disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    wrong.textContent = "";
    const csrf = document.querySelector("meta[name=csrf-token]").content;
    const given = { token: form.elements.token.value.trim(), name: form.elements.name.value.trim() };
    try {
      const answer = await fetch("/api/enter", {
        method: "POST",
        credentials: "same-origin",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
        body: JSON.stringify(given),
      });
      if (answer.ok) return location.assign("/");
      const said = await answer.json().catch(() => ({}));
      wrong.textContent = say("failed_enter", { reason: said.detail || answer.status });
    } catch (error) {
      wrong.textContent = say("failed_enter", { reason: error.message });
    }
  });
}
