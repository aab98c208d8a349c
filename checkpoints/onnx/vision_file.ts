/**
 * An ONNX vision model on disk: the file itself or a folder in the hub's layout, and how its images
 * are prepared.
 *
 * @module
 */

import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { channels, huggingFacePreprocessing, huggingFaceSize } from "../hub/hub_folder.ts";
import type { ResizeFilter } from "../hub/preprocessing.ts";
import { readOnnx } from "./read_onnx.ts";
import { type VisionGraph, visionGraph } from "./vision_graph.ts";
import { exists } from "../path_kinds.ts";

/** How images are prepared, as far as the file or its folder says. */
export interface VisionPreparation {
  /** For values in [0, 1]; red, green, blue. */
  readonly mean?: readonly [number, number, number];
  /** Like the mean. */
  readonly deviation?: readonly [number, number, number];
  /** How images are resized. */
  readonly filter?: ResizeFilter;
  /** Height and width that the model was trained with. */
  readonly size?: number;
}

/** An ONNX vision model. */
export interface VisionFile extends VisionGraph {
  /** The `.onnx` file. */
  readonly path: string;
  /** Size of the file. */
  readonly bytes: number;
  /** How its images are prepared. */
  readonly preparation: VisionPreparation;
}

/** Where the hub's folders keep the model, in the order to look. */
const places = ["onnx/model.onnx", "model.onnx", "onnx/vision_model.onnx", "vision_model.onnx"];

/** The `.onnx` file in a folder, or undefined. */
export function onnxIn(folder: string): string | undefined {
  return places.map((place) => join(folder, place)).find(exists);
}

/** The folder that describes a file: its own, or the one above a hub's `onnx/`. */
function configBeside(path: string): string | undefined {
  const own = join(path, "..");
  return [own, ...(/(^|[/\\])onnx$/.test(own) ? [join(own, "..")] : [])]
    .map((folder) => join(folder, "preprocessor_config.json"))
    .find(exists);
}

function ofFolder(config: string): VisionPreparation {
  const { mean, standardDeviation, interpolation } = huggingFacePreprocessing(config);
  const size = huggingFaceSize(config);
  return { mean, deviation: standardDeviation, filter: interpolation, ...(size && { size }) };
}

/** What mimic's exports, among others, say under timm's keys. */
function ofMetadata(metadata: Readonly<Record<string, string>>): VisionPreparation {
  const numbers = (text: string | undefined) =>
    text === undefined
      ? undefined
      : channels(text.replace(/[[\]()]/g, "").split(/[\s,]+/).map(Number));
  const [mean, deviation] = [numbers(metadata.mean), numbers(metadata.std)];
  return mean === undefined || deviation === undefined ? {} : { mean, deviation };
}

/**
 * Reads what an ONNX vision model is, without running it.
 *
 * @param from a `.onnx` file, or a folder in the hub's layout
 * @throws UserError of one line that says what was found, if it cannot be used
 */
export async function readVisionFile(from: string): Promise<VisionFile> {
  const path = from.endsWith(".onnx") ? from : onnxIn(from);
  if (path === undefined) {
    throw new UserError(`Cannot find an ONNX model in "${from}": it has no ${places[0]}`, {
      hint: "give a .onnx file, or a folder that holds one",
    });
  }
  const content = await readOnnx(path);
  const config = configBeside(path);
  try {
    return {
      ...visionGraph(content),
      path,
      bytes: content.bytes,
      preparation: config === undefined ? ofMetadata(content.metadata) : ofFolder(config),
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`Cannot teach with "${path}": ${error.message}`);
  }
}
