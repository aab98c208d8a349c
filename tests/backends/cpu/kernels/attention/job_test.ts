/**
 * Attention on tile registers against the same with pairs of bfloat16 in AVX-512, both executed by the
 * model of the processor: what is rounded is the same, only the order of sums differs.
 */

import assert from "node:assert/strict";
import { tf } from "../../../../../deps/tfjs.ts";
import { assertClose, normal } from "../../_compare.ts";
import { createModelBackend } from "../../_model_backend.ts";
import { pairKernels, tileKernels } from "../../_model_kernels.ts";

interface Shape {
  samples: number;
  tokens: number;
  heads: number;
  headSize: number;
  hasBias: boolean;
}

const onTiles = createModelBackend([...tileKernels, ...pairKernels]);
const inPairs = createModelBackend(pairKernels, 16);

/** Forward and backward: y, dqkv and, with a bias, dbias. */
function attend(
  { kernels, run }: typeof onTiles,
  { samples, tokens, heads, headSize, hasBias }: Shape,
): Float32Array[] {
  const channels = heads * headSize;
  return run(() =>
    tf.tidy(() => {
      const tensor = (seed: number, shape: number[]) => {
        return tf.tensor(normal(seed, shape).values, shape);
      };
      const qkv = tensor(1, [samples, tokens, 3 * channels]);
      const bias = hasBias ? tensor(2, [heads, tokens, tokens]) : null;
      const dy = tensor(3, [samples, tokens, channels]);
      const options = { heads, scale: headSize ** -0.5, precision: "bfloat16" } as const;
      const { y, saved } = kernels.attention!.forward({ qkv, bias, ...options });
      const { dqkv, dbias } = kernels.attention!.backward({ dy, qkv, bias, y, saved, ...options });
      const results = [y, dqkv, ...(dbias === null ? [] : [dbias])];
      return results.map((result) => Float32Array.from(result.dataSync())) as never;
    })
  ) as unknown as Float32Array[];
}

const shapes: Shape[] = [
  { samples: 1, tokens: 1, heads: 1, headSize: 4, hasBias: false },
  { samples: 1, tokens: 70, heads: 2, headSize: 32, hasBias: true },
  { samples: 5, tokens: 33, heads: 1, headSize: 24, hasBias: true },
  { samples: 1, tokens: 20, heads: 1, headSize: 70, hasBias: false },
  // More than one block of queries.
  { samples: 1, tokens: 260, heads: 1, headSize: 4, hasBias: false },
];

for (const shape of shapes) {
  const { samples, tokens, heads, headSize, hasBias } = shape;
  const name = `${samples} samples of ${tokens} tokens, ${heads} heads of ${headSize}` +
    (hasBias ? ", with a bias" : "");
  Deno.test(`attention on tiles, forward and backward: ${name}`, () => {
    const before = onTiles.tiles.counts.tdpbf16ps ?? 0;
    const [actual, expected] = [onTiles, inPairs].map((backend) => attend(backend, shape));
    assert.ok(onTiles.tiles.counts.tdpbf16ps > before);
    assert.equal(inPairs.tiles.counts.tdpbf16ps, undefined);
    // A sum in another order may round a probability the other way.
    expected.forEach((values, index) => assertClose(actual[index], values, 2e-3, name));
  });
}
