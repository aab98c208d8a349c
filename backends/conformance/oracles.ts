/**
 * The ops once more, in float64 and plain loops: the standard for the conformance cases.
 *
 * Nothing here shares code with the ops. Gradients are finite differences of these functions.
 *
 * @module
 */

/** A tensor of numbers in float64. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Tensors by name. */
export type NamedValues = Readonly<Record<string, Values>>;

/** The `Values` of a shape, with each `value` computed from its flat index. */
export function fill(shape: readonly number[], value: (index: number) => number): Values {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return { shape, data: Float64Array.from({ length: size }, (_, index) => value(index)) };
}

/** Sum of `term` for 0 … count − 1. */
export function sumOf(count: number, term: (index: number) => number): number {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += term(index);
  return sum;
}

/** Σ a[i]·b[i] over stretches of two lists. */
function dot(
  [a, startA]: [ArrayLike<number>, number],
  [b, startB]: [ArrayLike<number>, number],
  length: number,
): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[startA + i] * b[startB + i];
  return sum;
}

/** The error function: its series near zero, the continued fraction of its complement elsewhere. */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (Number.isNaN(x)) return NaN;
  if (z > 6) return Math.sign(x);
  if (z < 2.5) {
    let [term, sum] = [z, z];
    for (let n = 1; Math.abs(term) > 1e-18; n++) {
      term *= 2 * z * z / (2 * n + 1);
      sum += term;
    }
    return Math.sign(x) * 2 / Math.sqrt(Math.PI) * Math.exp(-z * z) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + fraction));
}

/** The activations of the linear layer. */
export const activations = {
  none: (x: number) => x,
  gelu: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  quickGelu: (x: number) => x / (1 + Math.exp(-1.702 * x)),
  tanh: Math.tanh,
};

/** The softmax of a list of numbers. */
export function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const sum = sumOf(powers.length, (index) => powers[index]);
  return powers.map((power) => power / sum);
}

/** −log softmax at one position. */
export function negativeLogLikelihood(logits: readonly number[], target: number): number {
  const largest = Math.max(...logits);
  const sum = sumOf(logits.length, (index) => Math.exp(logits[index] - largest));
  return Math.log(sum) + largest - logits[target];
}

/** The rows of a tensor over all its axes but the last. */
export function rowsOf({ shape, data }: Values): number[][] {
  const width = shape[shape.length - 1];
  return Array.from({ length: data.length / width }, (_, row) => {
    return [...data.subarray(row * width, (row + 1) * width)];
  });
}

/** A tensor from rows; `shape` is that of all axes. */
export function fromRows(shape: readonly number[], rows: readonly number[][]): Values {
  const width = shape[shape.length - 1];
  return fill(shape, (index) => rows[Math.floor(index / width)][index % width]);
}

/** x·weightᵀ + bias, then the activation. */
export function linear(
  x: Values,
  weight: Values,
  bias: Values | null,
  activation: (x: number) => number,
): Values {
  const [outputs, inputs] = weight.shape;
  return fill([...x.shape.slice(0, -1), outputs], (index) => {
    const [row, column] = [Math.floor(index / outputs), index % outputs];
    const product = dot([x.data, row * inputs], [weight.data, column * inputs], inputs);
    return activation(product + (bias?.data[column] ?? 0));
  });
}

/** Layer norm of rows. */
export function layerNorm(x: Values, weight: Values, bias: Values, epsilon: number): Values {
  const rows = rowsOf(x).map((row) => {
    const mean = sumOf(row.length, (i) => row[i]) / row.length;
    const variance = sumOf(row.length, (i) => (row[i] - mean) ** 2) / row.length;
    const scale = 1 / Math.sqrt(variance + epsilon);
    return row.map((value, i) => (value - mean) * scale * weight.data[i] + bias.data[i]);
  });
  return fromRows(x.shape, rows);
}

/** Softmax attention over all heads: the weights [B, H, N, N] and the result [B, N, C]. */
export function attention(
  qkv: Values,
  bias: Values | null,
  heads: number,
  scale: number,
): { weights: Values; y: Values } {
  const [batch, tokens, width] = qkv.shape;
  const channels = width / 3;
  const size = channels / heads;
  /** Where q (part 0), k (1) or v (2) of a token starts in a head. */
  const start = (part: number, b: number, token: number, head: number) => {
    return (b * tokens + token) * width + part * channels + head * size;
  };
  const weights = new Float64Array(batch * heads * tokens * tokens);
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < tokens; i++) {
        const logits = Array.from({ length: tokens }, (_, j) => {
          const query = start(0, b, i, head);
          const product = dot([qkv.data, query], [qkv.data, start(1, b, j, head)], size);
          return scale * product + (bias?.data[(head * tokens + i) * tokens + j] ?? 0);
        });
        weights.set(softmax(logits), ((b * heads + head) * tokens + i) * tokens);
      }
    }
  }
  const y = fill([batch, tokens, channels], (index) => {
    const channel = index % channels;
    const i = Math.floor(index / channels) % tokens;
    const b = Math.floor(index / channels / tokens);
    const head = Math.floor(channel / size);
    const row = ((b * heads + head) * tokens + i) * tokens;
    const value = start(2, b, 0, head) + channel % size;
    return sumOf(tokens, (j) => weights[row + j] * qkv.data[value + j * width]);
  });
  return { weights: { shape: [batch, heads, tokens, tokens], data: weights }, y };
}

/** x + keep·gamma·branch. */
export function residual(
  x: Values,
  branch: Values,
  gamma: Values | null,
  keep: Values | null,
): Values {
  const channels = x.shape[x.shape.length - 1];
  const perSample = x.data.length / x.shape[0];
  return fill(x.shape, (index) => {
    const factor = gamma?.data[index % channels] ?? 1;
    const kept = keep?.data[Math.floor(index / perSample)] ?? 1;
    return x.data[index] + kept * factor * branch.data[index];
  });
}

/** Convolution of whole patches. */
export function patchEmbed(images: Values, weight: Values, bias: Values): Values {
  const [batch, channels, height, width] = images.shape;
  const [outputs, , patch] = weight.shape;
  const [rows, columns] = [height / patch, width / patch];
  return fill([batch, rows * columns, outputs], (index) => {
    const output = index % outputs;
    const cell = Math.floor(index / outputs) % (rows * columns);
    const b = Math.floor(index / outputs / rows / columns);
    const [top, left] = [Math.floor(cell / columns) * patch, (cell % columns) * patch];
    const sum = sumOf(channels * patch * patch, (k) => {
      const channel = Math.floor(k / patch / patch);
      const [dy, dx] = [Math.floor(k / patch) % patch, k % patch];
      const pixel = ((b * channels + channel) * height + top + dy) * width + left + dx;
      return images.data[pixel] * weight.data[output * channels * patch * patch + k];
    });
    return sum + bias.data[output];
  });
}

/** Mask token, cls token, positions. */
export function assembleTokens(parts: {
  patches: Values;
  mask: Values | null;
  maskToken: Values | null;
  clsToken: Values;
  positions: Values | null;
}): Values {
  const [batch, patches, channels] = parts.patches.shape;
  return fill([batch, patches + 1, channels], (index) => {
    const channel = index % channels;
    const token = Math.floor(index / channels) % (patches + 1);
    const b = Math.floor(index / channels / (patches + 1));
    const position = parts.positions?.data[token * channels + channel] ?? 0;
    if (token === 0) return parts.clsToken.data[channel] + position;
    const patch = b * patches + token - 1;
    const isMasked = parts.mask !== null && parts.mask.data[patch] === 1;
    const value = isMasked
      ? parts.maskToken!.data[channel]
      : parts.patches.data[patch * channels + channel];
    return value + position;
  });
}

/** Table rows laid out per head. */
export function relativePositionBias(table: Values, index: Values): Values {
  const [tokens] = index.shape;
  const heads = table.shape[1];
  return fill([heads, tokens, tokens], (flat) => {
    const [head, pair] = [Math.floor(flat / tokens / tokens), flat % (tokens * tokens)];
    return table.data[index.data[pair] * heads + head];
  });
}

/** Loss and share of correct rows of a head. */
export function linearCrossEntropy(
  x: Values,
  weight: Values,
  bias: Values,
  targets: Values,
): { loss: Values; correct: Values } {
  const [rows, width] = [rowsOf(x), weight.shape[1]];
  const count = rows.length;
  const logits = rows.map((row) => {
    return Array.from(bias.data, (offset, code) => {
      return offset + dot([row, 0], [weight.data, code * width], width);
    });
  });
  const loss = sumOf(count, (m) => negativeLogLikelihood(logits[m], targets.data[m])) / count;
  const hits = sumOf(count, (m) => {
    return logits[m].indexOf(Math.max(...logits[m])) === targets.data[m] ? 1 : 0;
  });
  return { loss: fill([], () => loss), correct: fill([], () => hits / count) };
}

/** Rows of unit length. */
export function l2Normalize(x: Values): Values {
  const rows = rowsOf(x).map((row) => {
    const norm = Math.max(Math.sqrt(sumOf(row.length, (i) => row[i] ** 2)), 1e-12);
    return row.map((value) => value / norm);
  });
  return fromRows(x.shape, rows);
}

/** Mean of 1 − cosine over rows. */
export function cosineLoss(prediction: Values, target: Values): Values {
  const others = rowsOf(target);
  const losses = rowsOf(prediction).map((row, r) => {
    const product = (a: number[], b: number[]) => dot([a, 0], [b, 0], a.length);
    const norms = Math.sqrt(product(row, row) * product(others[r], others[r]));
    return 1 - product(row, others[r]) / norms;
  });
  return fill([], () => sumOf(losses.length, (r) => losses[r]) / losses.length);
}

/** Ids of the nearest codes by distance. */
export function nearestCode(z: Values, codebook: Values): Values {
  const codes = rowsOf(codebook);
  const ids = rowsOf(z).map((row) => {
    const distances = codes.map((code) => sumOf(row.length, (i) => (row[i] - code[i]) ** 2));
    return distances.indexOf(Math.min(...distances));
  });
  return fill([ids.length], (row) => ids[row]);
}

/** Counts and sums by code. */
export function codeStatistics(
  z: Values,
  ids: Values,
  codes: number,
): { counts: Values; sums: Values } {
  const width = z.shape[1];
  const counts = fill([codes], () => 0);
  const sums = fill([codes, width], () => 0);
  ids.data.forEach((id, row) => {
    counts.data[id]++;
    for (let i = 0; i < width; i++) sums.data[id * width + i] += z.data[row * width + i];
  });
  return { counts, sums };
}

/** Codebook and cluster size after an EMA update. */
export function emaCodebookUpdate(
  codebook: Values,
  clusterSize: Values,
  statistics: { counts: Values; sums: Values },
  decay: number,
): { codebook: Values; clusterSize: Values } {
  const { counts, sums } = statistics;
  const means = rowsOf(l2Normalize(sums));
  const blended = rowsOf(codebook).map((code, k) => {
    const mean = counts.data[k] > 0 ? means[k] : code;
    return code.map((value, i) => decay * value + (1 - decay) * mean[i]);
  });
  return {
    codebook: l2Normalize(fromRows(codebook.shape, blended)),
    clusterSize: fill(clusterSize.shape, (k) => {
      return decay * clusterSize.data[k] + (1 - decay) * counts.data[k];
    }),
  };
}
