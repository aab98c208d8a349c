/** Orientations that gradients are sorted into, over half a turn: a dark-light edge equals a light-dark one. */
const orientations = 9;
/** Numbers per cell: one histogram for each colour channel. */
export const cellDim = 3 * orientations;

/**
 * Histograms of oriented gradients of square cells (Dalal and Triggs 2005; per channel as in MaskFeat),
 * one image of RGB bytes [size, size, 3] → [cells², 27]. A gradient's magnitude is shared
 * between the two nearest orientations.
 */
export function cellHistograms(image: Uint8Array, size: number, cells: number): Float32Array {
  const cellSize = size / cells;
  const histograms = new Float32Array(cells * cells * cellDim);
  const row = size * 3;
  for (let y = 0; y < size; y++) {
    const above = Math.max(y - 1, 0) * row;
    const below = Math.min(y + 1, size - 1) * row;
    const cellRow = Math.floor(y / cellSize) * cells;
    for (let x = 0; x < size; x++) {
      const left = y * row + Math.max(x - 1, 0) * 3;
      const right = y * row + Math.min(x + 1, size - 1) * 3;
      const start = (cellRow + Math.floor(x / cellSize)) * cellDim;
      for (let channel = 0; channel < 3; channel++) {
        const dx = image[right + channel] - image[left + channel];
        const dy = image[below + x * 3 + channel] - image[above + x * 3 + channel];
        if (dx === 0 && dy === 0) continue;
        const magnitude = Math.sqrt(dx * dx + dy * dy) / 255;
        const turn = Math.atan2(dy, dx) / Math.PI;
        const position = (turn < 0 ? turn + 1 : turn) * orientations;
        const lower = Math.floor(position);
        const share = position - lower;
        const bins = start + channel * orientations;
        histograms[bins + lower % orientations] += magnitude * (1 - share);
        histograms[bins + (lower + 1) % orientations] += magnitude * share;
      }
    }
  }
  return histograms;
}

/** Mean colour of each cell minus mid-grey, in [−0.5, 0.5], → [cells², 3]. */
export function cellColours(image: Uint8Array, size: number, cells: number): Float32Array {
  const cellSize = size / cells;
  const colours = new Float32Array(cells * cells * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const cell = Math.floor(y / cellSize) * cells + Math.floor(x / cellSize);
      for (let channel = 0; channel < 3; channel++) {
        colours[cell * 3 + channel] += image[(y * size + x) * 3 + channel];
      }
    }
  }
  return colours.map((sum) => sum / (255 * cellSize * cellSize) - 0.5);
}
