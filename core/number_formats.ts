/**
 * Numbers formatted for people, the same in the terminal, in reports and on the runs page.
 *
 * @module
 */

/**
 * A number with about four digits: `5.312`, `0.0123`, `1.2e-5`, `12.3k`.
 *
 * @example
 * ```ts
 * import { formatFigure } from "./number_formats.ts";
 * if (formatFigure(12_345) !== "12.3k" || formatFigure(2.30001) !== "2.3") throw new Error();
 * ```
 */
export function formatFigure(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return String(value);
  if (size >= 1e9) return `${+(value / 1e9).toPrecision(3)}B`;
  if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  if (Number.isInteger(value)) return String(value);
  if (size < 1e-3) return value.toExponential(1);
  return String(+value.toPrecision(4));
}

/** `53.1 %`, for a share in [0, 1]. */
export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** `1.0e-5`, `2.53e-3`: always as a power of ten, so that two rates compare at a glance. */
export function formatRate(rate: number): string {
  return rate === 0 ? "0" : rate.toExponential(2).replace(/(\.\d)0e/, "$1e");
}

/** `45 600`: an integer in groups of three digits. */
export function formatCount(count: number): string {
  return Math.round(count).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** `image` for one of them, `images` for any other number. */
export function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

/** `3 d 4 h`, `1 h 05 min`, `12 min 30 s`, `40 s`, `4.2 s`, `120 ms`. */
export function formatSeconds(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, "0");
  if (seconds < 1) return `${+(1000 * seconds).toPrecision(3)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${two(whole % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? `${hours} h ${two(minutes % 60)} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `12.3 MB`, in powers of 1000. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${units[unit]}`;
}
