// Painting pictures onto a canvas: where each lies, onion skins, differences. Nothing here knows what time it is.

const TINTS = { before: "#ff5a36", after: "#2f8bff" };
const ONION_ALPHA = 0.85;
const GAP_PX = 6;

/** The cell of each view: side by side, or one for all. Pixels of the canvas. */
export function cells(width, height, n) {
  if (n < 2) return [{ x: 0, y: 0, w: width, h: height }];
  const w = Math.floor((width - GAP_PX) / n);
  return Array.from({ length: n }, (_, i) => ({ x: i * (w + GAP_PX), y: 0, w, h: height }));
}

/** Where a picture of `size` lies in a cell, seen at `view` {zoom, x, y}: x and y are the point in the middle, 0..1. */
export function placed(cell, size, view) {
  const fit = Math.min(cell.w / size.w, cell.h / size.h);
  const w = size.w * fit * view.zoom;
  const h = size.h * fit * view.zoom;
  const x = cell.x + cell.w / 2 - view.x * w;
  const y = cell.y + cell.h / 2 - view.y * h;
  return { x: Math.round(x), y: Math.round(y), w: Math.round(w), h: Math.round(h) };
}

/** Paint one picture with its onion skins into its cell. `skins` are [{bitmap, side, distance}]. */
export function paintPicture(context, cell, rect, bitmap, skins) {
  clipTo(context, cell, () => {
    smooth(context, rect, bitmap);
    context.drawImage(bitmap, rect.x, rect.y, rect.w, rect.h);
    // Where a skin is darker it shows through: its lines, in its colour, while what is held stays as it is.
    context.globalCompositeOperation = "darken";
    for (const skin of skins) {
      context.globalAlpha = ONION_ALPHA / skin.distance;
      context.drawImage(tinted(skin.bitmap, TINTS[skin.side]), rect.x, rect.y, rect.w, rect.h);
    }
    context.globalAlpha = 1;
    context.globalCompositeOperation = "source-over";
  });
}

/** Paint how far two pictures differ, `gain` (a power of two) times as strong. */
export function paintDifference(context, cell, rect, bitmap, other, gain) {
  const sheet = scratch("difference", bitmap.width, bitmap.height);
  const on = sheet.getContext("2d");
  on.globalCompositeOperation = "copy";
  on.drawImage(bitmap, 0, 0);
  on.globalCompositeOperation = "difference";
  on.drawImage(other, 0, 0, bitmap.width, bitmap.height);
  for (let strength = 1; strength < gain; strength *= 2) {
    const copy = scratch("gain", bitmap.width, bitmap.height);
    const onCopy = copy.getContext("2d");
    onCopy.globalCompositeOperation = "copy";
    onCopy.drawImage(sheet, 0, 0);
    on.globalCompositeOperation = "lighter";
    on.drawImage(copy, 0, 0);
  }
  clipTo(context, cell, () => {
    smooth(context, rect, bitmap);
    context.drawImage(sheet, rect.x, rect.y, rect.w, rect.h);
  });
}

/** Paint a box given in shares of the picture. */
export function paintBox(context, rect, box, colour, strong) {
  const [x0, y0, x1, y1] = box;
  context.strokeStyle = colour;
  context.lineWidth = strong ? 3 : 1.5;
  context.setLineDash(strong ? [] : [6, 4]);
  context.strokeRect(rect.x + x0 * rect.w, rect.y + y0 * rect.h, (x1 - x0) * rect.w, (y1 - y0) * rect.h);
  context.setLineDash([]);
}

/** A picture in shades of one colour: its lines in the colour, its white in white. */
function tinted(bitmap, colour) {
  const sheet = scratch("tint", bitmap.width, bitmap.height);
  const on = sheet.getContext("2d");
  on.globalCompositeOperation = "copy";
  on.drawImage(bitmap, 0, 0);
  on.globalCompositeOperation = "saturation";
  on.fillStyle = "#808080";
  on.fillRect(0, 0, sheet.width, sheet.height);
  on.globalCompositeOperation = "screen";
  on.drawImage(sheet, 0, 0); // with itself: mid tones go, lines stay
  on.fillStyle = colour;
  on.fillRect(0, 0, sheet.width, sheet.height);
  return sheet;
}

const sheets = new Map();

function scratch(name, width, height) {
  let sheet = sheets.get(name);
  if (!sheet) {
    sheet = document.createElement("canvas");
    sheets.set(name, sheet);
  }
  if (sheet.width !== width || sheet.height !== height) {
    sheet.width = width;
    sheet.height = height;
  }
  return sheet;
}

function clipTo(context, cell, draw) {
  context.save();
  context.beginPath();
  context.rect(cell.x, cell.y, cell.w, cell.h);
  context.clip();
  draw();
  context.restore();
}

function smooth(context, rect, bitmap) {
  context.imageSmoothingEnabled = rect.w < 2 * bitmap.width; // enlarged twice and more, pixels are shown as they are
  context.imageSmoothingQuality = "high";
}
