/** Orientation bins of gradients, over half a turn: a dark-to-light edge equals a light-to-dark one. */
const orientations = 9;
/** Values per cell: one histogram per colour channel. */
export const cellDim = 3 * orientations;

/** Differences of two bytes, −255 … 255. */
const differences = 511;

let gradientTable: Float32Array | undefined;

/** Magnitude and orientation bin, in [0, 9), for each pair of differences (dy, dx). */
function gradients(): Float32Array {
  if (gradientTable !== undefined) return gradientTable;
  gradientTable = new Float32Array(differences * differences * 2);
  let place = 0;
  for (let dy = -255; dy <= 255; dy++) {
    for (let dx = -255; dx <= 255; dx++) {
      const turn = Math.atan2(dy, dx) / Math.PI;
      gradientTable[place++] = Math.sqrt(dx * dx + dy * dy) / 255;
      gradientTable[place++] = Math.min((turn < 0 ? turn + 1 : turn) * orientations, orientations);
    }
  }
  return gradientTable;
}

/**
 * Histograms of oriented gradients of square cells (Dalal and Triggs 2005; per channel as in MaskFeat), one
 * image of RGB bytes [size, size, 3] → [cells², 27]. A gradient's magnitude is split between the two nearest
 * orientations.
 */
export function cellHistograms(image: Uint8Array, size: number, cells: number): Float32Array {
  const table = gradients();
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
        const entry = ((dy + 255) * differences + dx + 255) * 2;
        const magnitude = table[entry];
        const lower = Math.floor(table[entry + 1]);
        const share = table[entry + 1] - lower;
        const bins = start + channel * orientations;
        histograms[bins + lower % orientations] += magnitude * (1 - share);
        histograms[bins + (lower + 1) % orientations] += magnitude * share;
      }
    }
  }
  return histograms;
}

/** Histograms [from², 27] merged into larger cells, → [to², 27]. */
export function poolHistograms(histograms: Float32Array, from: number, to: number): Float32Array {
  const pooled = new Float32Array(to * to * cellDim);
  for (let y = 0; y < from; y++) {
    for (let x = 0; x < from; x++) {
      const source = (y * from + x) * cellDim;
      const target = (Math.floor(y * to / from) * to + Math.floor(x * to / from)) * cellDim;
      for (let bin = 0; bin < cellDim; bin++) pooled[target + bin] += histograms[source + bin];
    }
  }
  return pooled;
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
