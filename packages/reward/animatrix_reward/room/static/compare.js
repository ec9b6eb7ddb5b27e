// The form of a comparison: rows of questions, five verdicts each. The first row must be answered.

import { say } from "./main.js";
import { makeRows } from "./rows.js";

export function makeForm(section, [left, right], changed) {
  const bodies = (said, rows) => {
    if (!said[rows[0]]) return { why: say("first_overall") };
    // The overall verdict ends the task, so it goes last.
    const asked = [...rows.slice(1).filter((row) => said[row]), rows[0]];
    return { bodies: asked.map((dimension) => ({ left, right, dimension, verdict: said[dimension] })) };
  };
  const how = { name: "verdict", action: "compare.", read: String, drops: (place) => place > 0, paint() {}, bodies };
  return makeRows(section, how, changed);
}
