/**
 * Hue shift through Pillow's 8-bit HSV (`rgb2hsv_row` and `hsv2rgb` in its `Convert.c`), with float32 in the
 * same places.
 *
 * @module
 */

const f = Math.fround;
const clip = (value: number) => value < 0 ? 0 : value > 255 ? 255 : value;

/** Overwrites one pixel with its hue, saturation and value. */
function toHsv(row: Uint8Array, i: number): void {
  const r = row[i], g = row[i + 1], b = row[i + 2];
  const max = Math.max(r, g, b), min = Math.min(r, g, b);
  row[i + 2] = max;
  if (max === min) {
    row[i] = row[i + 1] = 0;
    return;
  }
  const range = max - min;
  const rc = f((max - r) / range), gc = f((max - g) / range), bc = f((max - b) / range);
  const h = r === max ? f(bc - gc) : g === max ? f(2 + rc - bc) : f(4 + gc - rc);
  const turns = f((h / 6 + 1) % 1);
  row[i] = clip(Math.trunc(turns * 255));
  row[i + 1] = clip(Math.trunc(f(range / max) * 255));
}

function toRgb(row: Uint8Array, i: number): void {
  const h = row[i], s = row[i + 1], v = row[i + 2];
  if (s === 0) {
    row[i] = row[i + 1] = v;
    return;
  }
  const sixths = f(h * 6 / 255);
  const sector = Math.floor(sixths);
  const part = f(sixths - sector);
  const amount = f(s / 255);
  const p = clip(Math.round(f(v * (1 - amount))));
  const q = clip(Math.round(f(v * (1 - amount * part))));
  const t = clip(Math.round(f(v * (1 - amount * (1 - part)))));
  const [r, g, b] = [[v, t, p], [q, v, p], [p, v, t], [p, q, v], [t, p, v], [v, p, q]][sector % 6];
  row[i] = r;
  row[i + 1] = g;
  row[i + 2] = b;
}

/** Turns the hue of `count` pixels by `turns`, in place (torchvision's `adjust_hue` on Pillow). */
export function shiftHue(row: Uint8Array, count: number, turns: number): void {
  const shift = Math.trunc(turns * 255) & 255;
  for (let i = 0; i < count * 3; i += 3) {
    toHsv(row, i);
    row[i] = (row[i] + shift) & 255;
    toRgb(row, i);
  }
}
