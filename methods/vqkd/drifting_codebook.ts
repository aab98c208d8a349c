/**
 * mmselfsup never puts its tokenizer into evaluation mode, so its codebook keeps changing while the encoder is
 * pretrained. unilm's stays fixed, and so does ours unless configured otherwise.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import { communicatorOf, type Context } from "../../backends/backend.ts";
import type { NamedValues } from "../../models/parameter_set.ts";
import type { VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import { withoutGradient } from "../../backends/tfjs/without_gradient.ts";
import { StepStatistics } from "./code_statistics.ts";
import type { DeviceContext } from "../../pipeline/stage.ts";
import type { PatchTokenizer } from "../../pipeline/tokenize.ts";

/** A tokenizer whose codebook adapts to the images it encodes. */
export class DriftingCodebook implements PatchTokenizer {
  readonly #tokenizer: VqkdTokenizer;
  readonly #statistics = new StepStatistics();

  constructor(tokenizer: VqkdTokenizer) {
    this.#tokenizer = tokenizer;
  }

  /**
   * Images [B, 3, T, T] → ids int32 [B·N] from the current codebook, which is then updated: after each
   * micro-batch as in mmselfsup, or once per step with several ranks.
   */
  encode(on: Context, images: Tensor, context?: DeviceContext): Tensor {
    const tokenizer = this.#tokenizer;
    const [z, ids] = withoutGradient(() => {
      const { z } = tokenizer.project(on, images);
      return [z, tokenizer.codebook.nearest(on, z)];
    });
    // A watched step is a repetition.
    if (on.watch !== undefined) return ids;
    const { codebook } = tokenizer;
    const own = codebook.statistics(on, z, ids);
    if (context === undefined || communicatorOf(on).size === 1) codebook.update(on, own);
    else this.#statistics.add(own, null, context, (whole) => codebook.update(on, whole));
    return ids;
  }

  /** What a checkpoint must hold for the run to resume exactly. */
  async export(): Promise<Map<string, NamedValues>> {
    const values = new Map<string, NamedValues>();
    for (const { name, shape, value } of this.#tokenizer.codebook.moving) {
      const data = await value.data() as Float32Array;
      values.set(name, { shape: [...shape], values: data.slice() });
    }
    return values;
  }

  /** Continues from an exported state. */
  load(on: Context, state: ReadonlyMap<string, NamedValues>): void {
    on.backend.run(() => {
      for (const parameter of this.#tokenizer.codebook.moving) {
        const { shape, values } = state.get(parameter.name)!;
        parameter.assign(tf.keep(tf.tensor(values, [...shape])));
      }
    });
  }
}
