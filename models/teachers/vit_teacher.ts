/**
 * Frozen vision transformers as teachers; `clip.ts` and `dino.ts` bring their names to ours.
 *
 * @module
 */

import type { Tensor } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { linear } from "../../backends/ops/linear.ts";
import { UserError } from "../../core/errors.ts";
import { type NamedValues, ParameterSet, type ParameterSpec } from "../parameter_set.ts";
import {
  visionTransformer,
  type VisionTransformerConfig,
  visionTransformerSpecs,
} from "../vision_transformer.ts";
import { withoutGradient } from "../without_gradient.ts";
import { normaliseChannels } from "./normalise_channels.ts";
import type { ChannelStatistics, Teacher, TeacherImages } from "./teacher.ts";

/** What a {@link VitTeacher} is made of. */
export interface VitTeacherOptions {
  readonly name: string;
  readonly config: VisionTransformerConfig;
  readonly statistics: ChannelStatistics;
  /** Width of a last linear layer `head` without bias; null for none. */
  readonly projectionDim: number | null;
}

/** The output norm's patch tokens of a plain ViT, projected where it has a projection. */
export class VitTeacher implements Teacher {
  readonly name: string;
  readonly targetDim: number;
  readonly #options: VitTeacherOptions;
  readonly #parameters: ParameterSet;

  /**
   * @param values parameters under our names; `head.weight` [T, C] for the projection
   * @throws UserError for one that is missing or of another shape
   */
  constructor(
    on: Context,
    options: VitTeacherOptions,
    values: ReadonlyMap<string, NamedValues>,
  ) {
    const { name, config, projectionDim } = options;
    this.name = name;
    this.targetDim = projectionDim ?? config.embedDim;
    this.#options = options;
    const specs: ParameterSpec[] = visionTransformerSpecs("", config);
    if (projectionDim !== null) {
      specs.push({ name: "head.weight", shape: [projectionDim, config.embedDim] });
    }
    for (const spec of specs) {
      if (values.has(spec.name)) continue;
      throw new UserError(`Cannot load the ${name} teacher: "${spec.name}" is missing`, {
        hint: "check that the file is a checkpoint of that model",
      });
    }
    this.#parameters = ParameterSet.create(
      on,
      specs.map((spec) => ({ ...spec, isTrainable: false })),
      (spec) => values.get(spec.name)!.values,
    );
  }

  /** images [B, 3, S, S] in [0, 1] → [B, N, T]. */
  targets(on: Context, images: Pick<TeacherImages, "images01">): Tensor {
    const { config, statistics, projectionDim } = this.#options;
    const [targets] = withoutGradient(() => {
      const input = normaliseChannels(images.images01, statistics);
      const features = visionTransformer(on, config, this.#parameters, input);
      if (projectionDim === null) return [features];
      return [linear(on, features, this.#parameters.value("head.weight"), null)];
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
    this.#parameters.dispose();
  }
}

/** Shape of a tensor that the file must have. */
export function shapeOf(
  values: ReadonlyMap<string, NamedValues>,
  name: string,
  teacher: string,
): readonly number[] {
  const found = values.get(name);
  if (found !== undefined) return found.shape;
  throw new UserError(`Cannot load the ${teacher} teacher: "${name}" is missing`, {
    hint: "check that the file is a checkpoint of that model",
  });
}

/** The number of blocks: one more than the highest `<prefix><index>.` among the names. */
export function countBlocks(names: Iterable<string>, prefix: string): number {
  let blocks = 0;
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    blocks = Math.max(blocks, Number.parseInt(name.slice(prefix.length)) + 1);
  }
  return blocks;
}
