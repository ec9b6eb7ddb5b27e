// A clip in the browser: its table, its bundles, and the pictures decoded around where one looks.

const BITMAP_BYTES = 384 * 2 ** 20; // decoded pictures of one clip that are kept
const AT_ONCE = 6; // pictures being decoded
const TYPES = { 0xff: "image/jpeg", 0x52: "image/webp" };

export class ClipError extends Error {}

export class Clip extends EventTarget {
  /** Fetches the table of a token; throws ClipError with the server's reason where the clip cannot be shown at all. */
  static async open(token, signal) {
    const base = `/media/${encodeURIComponent(token)}/`;
    const answer = await fetch(`${base}table.json`, { signal, credentials: "same-origin" });
    const table = await answer.json().catch(() => ({}));
    if (answer.status === 401) location.assign("/enter");
    if (answer.status === 404 || answer.status === 409) throw new ClipError(table.error || table.detail);
    if (!answer.ok) throw new Error(`${answer.status}`);
    return new Clip(base, table);
  }

  constructor(base, table) {
    super();
    this.base = base;
    this.table = table;
    this.failed = null;
    this.closed = false;
    this._bundles = new Map(); // number -> {bytes, index} or a promise of it
    this._bitmaps = new Map(); // picture key -> ImageBitmap, least recently used first
    this._decoding = new Set();
    this._wanted = [];
    this._whole = this._fetchAll();
  }

  get length() {
    return this.table.n_frames;
  }

  /** Whether every byte has come. */
  whole() {
    return this._whole;
  }

  /** The decoded picture of a frame, or null while it is not there. */
  picture(index) {
    const key = this._key(index);
    const bitmap = key === null ? null : this._bitmaps.get(key);
    if (!bitmap) return null;
    this._bitmaps.delete(key);
    this._bitmaps.set(key, bitmap);
    return bitmap;
  }

  /** Say which frames are needed, most urgent first; what was wanted before and not begun is forgotten. */
  want(indices) {
    this._wanted = indices.filter((index) => index >= 0 && index < this.length && !this.has(index));
    this._work();
  }

  has(index) {
    const key = this._key(index);
    return key !== null && this._bitmaps.has(key);
  }

  close() {
    this.closed = true;
    for (const bitmap of this._bitmaps.values()) bitmap.close();
    this._bitmaps.clear();
    this._bundles.clear();
  }

  _bundleOf(index) {
    return this.table.bundles.findIndex((bundle) => index >= bundle.start && index < bundle.start + bundle.count);
  }

  _key(index) {
    const number = this._bundleOf(index);
    const bundle = this._bundles.get(number);
    if (!bundle || !bundle.bytes) return null;
    return `${number}:${bundle.index[2 * (index - this.table.bundles[number].start)]}`;
  }

  async _fetchAll() {
    for (let number = 0; number < this.table.bundles.length && !this.closed; number += 1) {
      const urgent = this._wanted.map((index) => this._bundleOf(index)).find((n) => !this._bundles.has(n));
      if (urgent !== undefined) await this._fetch(urgent);
      if (!this._bundles.has(number)) await this._fetch(number);
    }
  }

  async _fetch(number) {
    for (let wait = 500; !this.closed; wait = Math.min(2 * wait, 8000)) {
      try {
        const answer = await fetch(this.base + this.table.bundles[number].url, { credentials: "same-origin" });
        if (!answer.ok) throw new Error(`${answer.status}`);
        const bytes = new Uint8Array(await answer.arrayBuffer());
        const view = new DataView(bytes.buffer);
        const index = new Uint32Array(2 * view.getUint32(0, true));
        for (let i = 0; i < index.length; i += 1) index[i] = view.getUint32(4 + 4 * i, true);
        this._bundles.set(number, { bytes, index });
        this.failed = null;
        this._work();
        this.dispatchEvent(new Event("came"));
        return;
      } catch (error) {
        this.failed = error; // the network may come back
        this.dispatchEvent(new Event("came"));
        await new Promise((done) => setTimeout(done, wait));
      }
    }
  }

  _work() {
    while (this._decoding.size < AT_ONCE && this._wanted.length && !this.closed) {
      const index = this._wanted.shift();
      const key = this._key(index);
      if (key === null) {
        this._later = this._later || [];
        this._later.push(index);
      } else if (!this._bitmaps.has(key) && !this._decoding.has(key)) {
        this._decode(index, key);
      }
    }
    if (this._later) {
      this._wanted.unshift(...this._later);
      this._later = null;
    }
  }

  async _decode(index, key) {
    this._decoding.add(key);
    try {
      const number = this._bundleOf(index);
      const { bytes, index: places } = this._bundles.get(number);
      const at = 2 * (index - this.table.bundles[number].start);
      const coded = bytes.subarray(places[at], places[at] + places[at + 1]);
      const bitmap = await createImageBitmap(new Blob([coded], { type: TYPES[coded[0]] }));
      if (this.closed) bitmap.close();
      else this._keep(key, bitmap);
    } finally {
      this._decoding.delete(key);
    }
    this.dispatchEvent(new Event("came"));
    this._work();
  }

  _keep(key, bitmap) {
    this._bitmaps.set(key, bitmap);
    const most = Math.max(12, Math.floor(BITMAP_BYTES / (4 * this.table.width * this.table.height)));
    for (const [old, picture] of this._bitmaps) {
      if (this._bitmaps.size <= most) break;
      picture.close();
      this._bitmaps.delete(old);
    }
  }
}
