/**
 * A BEiT of our own as a teacher: a pretrained model can teach the next tokenizer.
 *
 * @module
 */

import type { Tensor } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { takeTokens } from "../../backends/ops/take_tokens.ts";
import { layerNormEpsilon } from "../beit_config.ts";
import type { BeitEncoder } from "../beit_encoder.ts";
import { norm } from "../layers/block.ts";
import type { NamedValues, ParameterSet } from "../parameter_set.ts";
import { withoutGradient } from "../without_gradient.ts";
import { normaliseChannels } from "./normalise_channels.ts";
import { imagenetStatistics, type Teacher, type TeacherImages } from "./teacher.ts";

/** A pretraining model or a classifier. */
export interface TeachingModel {
  readonly encoder: BeitEncoder;
  readonly parameters: ParameterSet;
  dispose(): void;
}

/** The last block's patch tokens after the model's norm: `norm`, or a classifier's `fc_norm`. */
export class BeitTeacher implements Teacher {
  readonly name = "beit";
  readonly targetDim: number;
  readonly #model: TeachingModel;

  /** Takes ownership of `model`. */
  constructor(model: TeachingModel) {
    this.#model = model;
    this.targetDim = model.encoder.config.embedDim;
  }

  /** images [B, 3, S, S] in [0, 1] → [B, N, C]. */
  targets(on: Context, images: Pick<TeacherImages, "images01">): Tensor {
    const { encoder, parameters } = this.#model;
    const epsilon = layerNormEpsilon(encoder.config);
    const name = parameters.has("norm.weight") ? "norm" : "fc_norm";
    const [targets] = withoutGradient(() => {
      const input = normaliseChannels(images.images01, imagenetStatistics);
      const { final } = encoder.forward(on, input, { mask: null, dropPath: null });
      return [norm(on, parameters, name, takeTokens(on, final, "patches"), epsilon)];
    });
    return targets;
  }

  state(): Map<string, NamedValues> {
    return new Map();
  }

  async weights(): Promise<ReadonlyMap<string, NamedValues>> {
    return await this.#model.parameters.export();
  }

  dispose(): void {
    this.#model.dispose();
  }
}
