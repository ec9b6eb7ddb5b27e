// Keys by their place on the keyboard (event.code): which action a key does, what is printed on it, binding another.

const STORE = "room.keys";
const MODIFIERS = [
  ["Ctrl", "ctrlKey"],
  ["Alt", "altKey"],
  ["Shift", "shiftKey"],
  ["Meta", "metaKey"],
];
const BARE = /^(Control|Alt|Shift|Meta|OS)(Left|Right)?$/;
const NAMES = {
  ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Space: "Space", Enter: "⏎", NumpadEnter: "⏎",
  Backspace: "⌫", Delete: "Del", Escape: "Esc", Home: "Home", End: "End", Equal: "=", Minus: "−", Comma: ",",
  Period: ".", Slash: "/", Semicolon: ";", Quote: "'", BracketLeft: "[", BracketRight: "]", Backslash: "\\",
  IntlRo: "ろ", IntlYen: "¥", Convert: "変換", NonConvert: "無変換", KanaMode: "かな", Backquote: "半/全", Tab: "Tab",
};

/** The key of a keydown, as the table writes it; null for a modifier alone. */
export function comboOf(event) {
  if (!event.code || BARE.test(event.code)) return null;
  const held = MODIFIERS.filter(([, flag]) => event[flag]).map(([name]) => name);
  return [...held, event.code].join("+");
}

export class Keys {
  /** `actions` is the table of keys.py: [{id, key, scope}]. */
  constructor(actions, storage = localStorage) {
    this.actions = actions;
    this.storage = storage;
    this.layout = null;
    this._read();
  }

  _read() {
    try {
      this.own = JSON.parse(this.storage.getItem(STORE)) || {};
    } catch {
      this.own = {};
    }
  }

  /** Bindings are per scope: "scope/id". */
  keyOf(action) {
    return this.own[`${action.scope}/${action.id}`] || action.key;
  }

  find(id, scopes) {
    return this.actions.find((action) => action.id === id && (!scopes || scopes.includes(action.scope)));
  }

  /** What a key does in these scopes, or null. */
  actionOf(combo, scopes) {
    return this.actions.find((action) => scopes.includes(action.scope) && this.keyOf(action) === combo) || null;
  }

  /** Bind a key. Returns the actions that lose it, which are then without one. */
  bind(action, combo, meeting) {
    const losing = this.actions.filter(
      (other) => other !== action && meeting(other.scope, action.scope) && this.keyOf(other) === combo,
    );
    for (const other of losing) this.own[`${other.scope}/${other.id}`] = "-";
    this.own[`${action.scope}/${action.id}`] = combo;
    this._write();
    return losing;
  }

  reset(action) {
    if (action) delete this.own[`${action.scope}/${action.id}`];
    else this.own = {};
    this._write();
  }

  _write() {
    this.storage.setItem(STORE, JSON.stringify(this.own));
  }

  /** Learn what is printed on this keyboard, where the browser tells. */
  async learnLayout() {
    try {
      this.layout = await navigator.keyboard.getLayoutMap();
    } catch {
      this.layout = null; // not told, or not allowed to: the place's name stands for it
    }
  }

  /** What to print for a key: "⇧ M", "=", "F5". */
  label(combo) {
    if (combo === "-") return "–";
    const parts = combo.split("+");
    const code = parts.pop();
    const marks = { Ctrl: "Ctrl", Alt: "Alt", Shift: "⇧", Meta: "⌘" };
    return [...parts.map((part) => marks[part]), this.labelOfCode(code)].join(" ");
  }

  labelOfCode(code) {
    const printed = this.layout && this.layout.get(code);
    if (printed && printed.trim()) return printed.toUpperCase();
    if (NAMES[code]) return NAMES[code];
    return code.replace(/^(Key|Digit)/, "").replace(/^Numpad/, "Num ");
  }

  /** Write the labels into every [data-key] of an element: <kbd data-key="play" data-scope="player">. */
  print(root, scopes) {
    for (const place of root.querySelectorAll("[data-key]")) {
      const action = this.find(place.dataset.key, place.dataset.scope ? [place.dataset.scope] : scopes);
      place.textContent = action ? this.label(this.keyOf(action)) : "";
    }
  }
}

/** Whether a keydown belongs to somebody who is typing. */
export function isTyping(event) {
  const target = event.target;
  if (event.isComposing) return true;
  if (!(target instanceof Element)) return false;
  if (target.closest("textarea, select, [contenteditable]")) return true;
  const input = target.closest("input");
  return Boolean(input) && !["checkbox", "radio", "button", "range"].includes(input.type);
}
