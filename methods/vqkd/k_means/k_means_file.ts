/**
 * A k-means tokenizer as a file: its codes, and which teacher's features they are means of.
 *
 * @module
 */

import { tf } from "../../../deps/tfjs.ts";
import type { Context } from "../../../backends/backend.ts";
import { absolutePath, tokenizerFileAt } from "../../../checkpoints/store/tokenizer_file.ts";
import type { DownloadOptions } from "../../../checkpoints/hub/download.ts";
import { openSafetensors } from "../../../checkpoints/safetensors/safetensors.ts";
import type { NamedTensors } from "../../../checkpoints/safetensors/safetensors_writer.ts";
import { toFloat32 } from "../../../checkpoints/tensors/tensor_data.ts";
import { UserError } from "../../../core/errors.ts";
import { emptySource } from "../../../data/sources/empty_source.ts";
import type { NamedValues } from "../../../models/parameter_set.ts";
import type { Teacher } from "../../../models/teachers/teacher.ts";
import { type TokenizerConfig, tokenizerSchema } from "../config.ts";
import { kindOf } from "../teachers/mod.ts";
import { teacherHash } from "../teachers/open_teacher_cache.ts";
import { KMeansTokenizer, type TokenizerSize } from "./k_means_tokenizer.ts";

const codesName = "kMeans.codes";
const configKey = "mimic.config";
const hashKey = "mimic.teacher";

/** What is written: the codes [K, T], the teacher's own state, and how to open the teacher again. */
export async function exportKMeans(
  on: Context,
  config: TokenizerConfig,
  teacher: Teacher,
  codes: NamedValues,
): Promise<{ tensors: NamedTensors; metadata: Record<string, string> }> {
  const values = new Map([[codesName, codes], ...teacher.state()]);
  const { checkpoint } = config.teacher;
  // Read again from anywhere, wherever the run was started.
  const kept = {
    ...config,
    teacher: { ...config.teacher, checkpoint: checkpoint && absolutePath(checkpoint) },
  };
  return {
    tensors: [...values].map(([name, { shape, values }]) =>
      [name, { dtype: "F32", shape, data: values }] as const
    ),
    metadata: {
      format: "pt",
      "mimic.kind": "tokenizer",
      [configKey]: JSON.stringify(kept),
      [hashKey]: await teacherHash({ ...on, precision: "float32" }, config, teacher),
    },
  };
}

/** What is in a file. */
interface KMeansContent {
  readonly path: string;
  readonly config: TokenizerConfig;
  readonly hash: string;
  readonly size: TokenizerSize;
  readonly values: ReadonlyMap<string, NamedValues>;
}

/** Reads a file or a run directory; null if it is no k-means tokenizer. */
async function read(checkpoint: string): Promise<KMeansContent | null> {
  const path = tokenizerFileAt(checkpoint);
  if (path === null) return null;
  const file = await openSafetensors(path);
  try {
    const { [configKey]: text, [hashKey]: hash } = file.metadata;
    if (text === undefined || hash === undefined) return null;
    const config = tokenizerSchema.parse(JSON.parse(text));
    const values = new Map<string, NamedValues>();
    for (const name of file.names()) {
      const tensor = await file.read(name);
      values.set(name, { shape: tensor.shape, values: toFloat32(tensor) });
    }
    const [codes, codeDim] = values.get(codesName)!.shape;
    const { imageSize, patchSize } = config.model;
    return { path, config, hash, values, size: { imageSize, patchSize, codes, codeDim } };
  } finally {
    file.close();
  }
}

/** The size of a k-means tokenizer; null if the checkpoint is none. */
export async function kMeansSize(checkpoint: string): Promise<TokenizerSize | null> {
  return (await read(checkpoint))?.size ?? null;
}

/**
 * Opens a k-means tokenizer with its teacher; null if the checkpoint is none.
 *
 * @throws UserError if its teacher is missing, or another one by now
 */
export async function loadKMeans(
  on: Context,
  checkpoint: string,
  downloads: DownloadOptions,
): Promise<KMeansTokenizer | null> {
  const found = await read(checkpoint);
  if (found === null) return null;
  const { path, config, hash, values, size } = found;
  const { kind, settings } = kindOf(config.teacher);
  const teacher = await kind.open({
    ...{ on, config, settings, downloads, kept: values },
    source: emptySource,
    listener: () => {},
  });
  if (await teacherHash({ ...on, precision: "float32" }, config, teacher) !== hash) {
    teacher.dispose();
    throw new UserError(
      `Cannot use the tokenizer "${path}": its teacher "${config.teacher.checkpoint}" is not the ` +
        "one that it was made with",
      { hint: "put that file back, or make the tokenizer again" },
    );
  }
  const codes = values.get(codesName)!;
  const vectors = on.backend.run(() => tf.keep(tf.tensor(codes.values, [...codes.shape])));
  return new KMeansTokenizer(size, teacher, vectors);
}
