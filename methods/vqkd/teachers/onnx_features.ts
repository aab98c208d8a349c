/**
 * The shape of an ONNX model's features: which outputs, at which size of image, on which grid.
 *
 * @module
 */

import type { VisionFile } from "../../../checkpoints/onnx/vision_file.ts";
import { type FeatureOutput, prefixTokens } from "../../../checkpoints/onnx/vision_graph.ts";
import { UserError } from "../../../core/errors.ts";
import { formatShape } from "../../../core/shapes.ts";
import type { FeatureShape } from "../../../models/teachers/to_patch_rows.ts";
import type { OnnxSettings } from "./onnx_settings.ts";

/** The outputs that the settings name, or the file's own choice. */
export function wantedOutputs(
  { path, outputs, chosen }: VisionFile,
  given: OnnxSettings["outputs"],
): readonly FeatureOutput[] {
  return (given ?? chosen).map((name) => {
    const output = outputs.find((output) => output.name === name);
    if (output !== undefined) return output;
    throw new UserError(
      `Cannot teach with the output "${name}" of "${path}": it has no such features by place`,
      { hint: `its outputs with features are ${outputs.map(({ name }) => name).join(", ")}` },
    );
  });
}

/** How a model is asked what comes out of it. */
interface Question {
  readonly file: VisionFile;
  readonly outputs: readonly FeatureOutput[];
  /** Patches along a side of the tokenizer. */
  readonly side: number;
  readonly settings: Pick<OnnxSettings, "inputSize" | "prefixTokens">;
  /** Dimensions of the outputs for one image of a size. */
  probe(size: number): Promise<readonly (readonly number[])[]>;
}

/** A size that every model that takes any size can take, to see how much it shrinks an image. */
const trialSize = 224;

function shapeOf(
  { file, settings }: Question,
  { name, layout }: FeatureOutput,
  dims: readonly number[],
  size: number,
): FeatureShape {
  const refuse = (wanted: string) =>
    new UserError(
      `Cannot teach with the output "${name}" of "${file.path}": expected ${wanted}, found ` +
        `${formatShape(dims)} for an image of ${size} px`,
      { hint: "name others with --set teacher.onnx.outputs='[\"NAME\"]'" },
    );
  if (layout === "map") {
    if (dims.length !== 4 || dims[2] !== dims[3]) throw refuse("a square map [batch, C, H, W]");
    return { layout, grid: dims[2], dim: dims[1], prefix: 0 };
  }
  if (dims.length !== 3) throw refuse("tokens [batch, N, C]");
  const prefix = settings.prefixTokens ?? prefixTokens(dims[1], size, file.patchSize);
  const grid = Math.round(Math.sqrt(dims[1] - (prefix ?? 0)));
  if (prefix === null || grid < 1 || grid ** 2 !== dims[1] - prefix) {
    throw new UserError(
      `Cannot teach with the output "${name}" of "${file.path}": ${dims[1]} tokens are no square ` +
        `grid${prefix === null ? "" : ` after ${prefix} others`}`,
      {
        hint: "give the number of class and register tokens with --set teacher.onnx.prefixTokens=N",
      },
    );
  }
  return { layout, grid, dim: dims[2], prefix };
}

/**
 * The size of a model's images and the shape of its features at that size.
 *
 * A model that takes any size, and whose folder names none, gets the size at which its finest output
 * has as many places as the tokenizer has patches.
 *
 * @throws UserError if its features do not lie on a square grid
 */
export async function featureShapes(
  question: Question,
): Promise<{ readonly size: number; readonly shapes: readonly FeatureShape[] }> {
  const { file, outputs, side, settings, probe } = question;
  const at = async (size: number) => {
    const dims = await probe(size);
    return outputs.map((output, index) => shapeOf(question, output, dims[index], size));
  };
  const known = file.size ?? settings.inputSize ?? file.preparation.size;
  if (known !== undefined) return { size: known, shapes: await at(known) };
  const finest = Math.max(...(await at(trialSize)).map(({ grid }) => grid));
  const size = Math.round(trialSize / finest) * side;
  return { size, shapes: await at(size) };
}
