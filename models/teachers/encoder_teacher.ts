/**
 * A frozen vision transformer as a teacher: CLIP, DINO, DINOv2, SigLIP, MAE, a plain ViT, or one of our own
 * BEiTs, which can teach the next tokenizer.
 *
 * @module
 */

import type { Tensor } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { linear } from "../../backends/ops/linear.ts";
import { takeTokens } from "../../backends/ops/take_tokens.ts";
import { type BeitConfig, layerNormEpsilon } from "../beit_config.ts";
import { BeitEncoder, encoderSpecs } from "../beit_encoder.ts";
import { affineSpecs, norm } from "../layers/affine.ts";
import {
  countTrainable,
  type Initialise,
  type NamedValues,
  ParameterSet,
} from "../parameter_set.ts";
import { withoutGradient } from "../../backends/tfjs/without_gradient.ts";
import { normaliseChannels } from "./normalise_channels.ts";
import type { ChannelStatistics, Teacher, TeacherImages } from "./teacher.ts";

/** What an {@link EncoderTeacher} is created from. */
export interface EncoderTeacherOptions {
  /** Its name in configs. */
  readonly name: string;
  readonly config: BeitConfig;
  /** How its images are normalised. */
  readonly statistics: ChannelStatistics;
  /** The norm for the last block's tokens: `norm`, or a classifier's `fc_norm`. */
  readonly norm: "norm" | "fc_norm";
  /** Width of a final linear layer `projection` without bias, as in CLIP; null for none. */
  readonly projectionDim: number | null;
}

/** The last block's patch tokens after the norm, projected if there is a projection. */
export class EncoderTeacher implements Teacher {
  readonly name: string;
  readonly targetDim: number;
  readonly parameterCount: number;
  readonly #options: EncoderTeacherOptions;
  readonly #parameters: ParameterSet;
  readonly #encoder: BeitEncoder;

  /** A teacher with the values that `initialise` returns. */
  constructor(on: Context, options: EncoderTeacherOptions, initialise: Initialise) {
    const { name, config, projectionDim } = options;
    this.name = name;
    this.targetDim = projectionDim ?? config.embedDim;
    this.#options = options;
    const specs = [
      ...encoderSpecs(config, { hasMaskToken: false }),
      ...affineSpecs(options.norm, [config.embedDim]),
      ...projectionDim === null
        ? []
        : [{ name: "projection.weight", shape: [projectionDim, config.embedDim] }],
    ];
    this.parameterCount = countTrainable(specs);
    const frozen = specs.map((spec) => ({ ...spec, isTrainable: false }));
    this.#parameters = ParameterSet.create(on, frozen, initialise);
    this.#encoder = new BeitEncoder(on, config, this.#parameters);
  }

  /** images [B, 3, S, S] in [0, 1] → [B, N, T]. */
  targets(on: Context, images: Pick<TeacherImages, "images01">): Tensor {
    const { config, statistics, projectionDim } = this.#options;
    const parameters = this.#parameters;
    const [targets] = withoutGradient(() => {
      const input = normaliseChannels(images.images01, statistics);
      const { final } = this.#encoder.forward(on, input, { mask: null, dropPath: null });
      const patches = takeTokens(on, final, "patches");
      const scope = parameters.scope(this.#options.norm);
      const features = norm(on, scope, patches, layerNormEpsilon(config));
      if (projectionDim === null) return [features];
      return [linear(on, features, parameters.value("projection.weight"), null)];
    });
    return targets;
  }

  state(): Map<string, NamedValues> {
    return new Map();
  }

  async weights(): Promise<ReadonlyMap<string, NamedValues>> {
    return await this.#parameters.export();
  }

  dispose(): void {
    this.#encoder.dispose();
    this.#parameters.dispose();
  }
}
