/**
 * Position embedding from sines and cosines along two axes.
 *
 * @module
 */

/**
 * Initial values of a position embedding [side² + 1, embedDim], row-major: for each patch, a quarter of the
 * channels each is sin(y·ω), cos(y·ω), sin(x·ω), cos(x·ω) with ω falling geometrically from 1 to 1/10 000 (as
 * in MoCo v3 and MAE), times `amplitude`; zero for the cls token, row 0.
 *
 * @example
 * ```ts
 * import { sincosPositions } from "./sincos_positions.ts";
 * const positions = sincosPositions(2, 4, 0.5);
 * // Patch (0, 0) is sin 0, cos 0, sin 0, cos 0.
 * if (positions.subarray(4, 8).join() !== "0,0.5,0,0.5") throw new Error();
 * ```
 */
export function sincosPositions(side: number, embedDim: number, amplitude: number): Float32Array {
  const quarter = embedDim / 4;
  const values = new Float32Array((side * side + 1) * embedDim);
  for (let patch = 0; patch < side * side; patch++) {
    const start = (patch + 1) * embedDim;
    const y = Math.floor(patch / side);
    const x = patch % side;
    for (let channel = 0; channel < quarter; channel++) {
      const frequency = 10_000 ** (-channel / quarter);
      values[start + channel] = amplitude * Math.sin(y * frequency);
      values[start + quarter + channel] = amplitude * Math.cos(y * frequency);
      values[start + 2 * quarter + channel] = amplitude * Math.sin(x * frequency);
      values[start + 3 * quarter + channel] = amplitude * Math.cos(x * frequency);
    }
  }
  return values;
}
