// Answers are kept here until the server has them: written down first, sent again and again, each under its own id.

const PREFIX = "room.out.";
const REFUSED = "room.refused.";
const FIRST_WAIT_MS = 1000;
const MOST_WAIT_MS = 30000;
const AT_ONCE = 100;

/** A random UUID, version 4; crypto.randomUUID exists over HTTPS only, and a studio's own network may do without. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

export class Outbox extends EventTarget {
  /** `person` keeps the answers of two people at one browser apart. */
  constructor({ person, csrf, storage = localStorage, url = "/api/events", entered = "/enter" }) {
    super();
    Object.assign(this, { person, csrf, storage, url, entered });
    this.state = "idle"; // idle | sending | waiting | entering
    this._wait = FIRST_WAIT_MS;
    this._timer = null;
    this._busy = null;
    this._serial = Date.now();
    window.addEventListener("online", () => this.flush());
    document.addEventListener("visibilitychange", () => document.hidden || this.flush());
  }

  /** Write answers down, and begin to send. Returns their ids. */
  keep(events) {
    const kept = events.map((event) => ({ id: uuid(), made_at_ms: Date.now(), ...event }));
    for (const event of kept) {
      this._serial += 1;
      this.storage.setItem(this._key(event.id), JSON.stringify({ serial: this._serial, event }));
    }
    this._changed();
    this.flush();
    return kept.map((event) => event.id);
  }

  /** Take back answers that were not sent; returns the ids of those that were. */
  drop(ids) {
    if (this._busy) return ids; // on their way: the server may have them
    const gone = ids.filter((id) => this.storage.getItem(this._key(id)) !== null);
    for (const id of gone) this.storage.removeItem(this._key(id));
    this._changed();
    return ids.filter((id) => !gone.includes(id));
  }

  waiting() {
    return this._kept(PREFIX).map(({ event }) => event);
  }

  refused() {
    return this._kept(REFUSED);
  }

  /** Send everything; resolves to whether nothing is left. */
  async flush() {
    if (this._busy) return this._busy;
    this._busy = this._send().finally(() => (this._busy = null));
    const clear = await this._busy;
    clearTimeout(this._timer);
    if (clear && this.waiting().length) return this.flush(); // one more was kept in the last moment
    if (!clear && this.state !== "entering") {
      this._timer = setTimeout(() => this.flush(), this._wait * (0.75 + Math.random() / 2));
      this._wait = Math.min(2 * this._wait, MOST_WAIT_MS);
    }
    return clear;
  }

  /** Resolves when nothing is left to send. */
  async clear() {
    while (!(await this.flush())) {
      await new Promise((done) => this.addEventListener("state", done, { once: true }));
    }
  }

  async _send() {
    for (;;) {
      const kept = this._kept(PREFIX).slice(0, AT_ONCE);
      if (!kept.length) {
        this._wait = FIRST_WAIT_MS;
        this._become("idle");
        return true;
      }
      this._become("sending");
      const answer = await this._post(kept.map(({ event }) => event));
      if (!answer) return false;
      for (const id of [...answer.accepted, ...answer.known]) this.storage.removeItem(this._key(id));
      for (const { id, reason } of answer.refused) this._refuse(id, reason);
      if (answer.accepted.length + answer.known.length + answer.refused.length === 0) {
        this._become("waiting");
        return false;
      }
    }
  }

  async _post(events) {
    try {
      const answer = await fetch(this.url, {
        method: "POST",
        credentials: "same-origin",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": this.csrf },
        body: JSON.stringify({ events }),
        signal: AbortSignal.timeout(20000),
      });
      if (answer.status === 401 || answer.status === 403) {
        this._become("entering");
        return null;
      }
      if (answer.status === 422 || answer.status === 400) {
        if (events.length > 1) return this._oneByOne(events);
        const said = await answer.json().catch(() => ({}));
        return { accepted: [], known: [], refused: [{ id: events[0].id, reason: JSON.stringify(said.detail || said) }] };
      }
      if (!answer.ok) throw new Error(`${answer.status}`);
      return await answer.json();
    } catch {
      this._become("waiting");
      return null;
    }
  }

  async _oneByOne(events) {
    const all = { accepted: [], known: [], refused: [] };
    for (const event of events) {
      const answer = await this._post([event]);
      if (!answer) break;
      for (const name of Object.keys(all)) all[name].push(...answer[name]);
    }
    return all;
  }

  _refuse(id, reason) {
    const text = this.storage.getItem(this._key(id));
    if (text === null) return;
    this.storage.setItem(`${REFUSED}${this.person}.${id}`, JSON.stringify({ ...JSON.parse(text), reason }));
    this.storage.removeItem(this._key(id));
    this.dispatchEvent(new CustomEvent("refused", { detail: { id, reason } }));
  }

  _key(id) {
    return `${PREFIX}${this.person}.${id}`;
  }

  _kept(prefix) {
    const own = `${prefix}${this.person}.`;
    const found = [];
    for (let i = 0; i < this.storage.length; i += 1) {
      const key = this.storage.key(i);
      if (key.startsWith(own)) found.push(JSON.parse(this.storage.getItem(key)));
    }
    return found.sort((a, b) => a.serial - b.serial);
  }

  _become(state) {
    this.state = state;
    this._changed();
  }

  _changed() {
    this.dispatchEvent(new Event("state"));
  }
}
