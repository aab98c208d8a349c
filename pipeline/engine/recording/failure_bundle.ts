/**
 * Everything that produced a non-finite step, on disk: enough to run its micro-batch again on
 * another backend, without the images, the tokenizer or the teacher.
 *
 * ```
 * RUN/failures/step-N/state.json               what was found, config, generator, sizes
 * RUN/failures/step-N/parameters.safetensors   the model at that point, with buffers
 * RUN/failures/step-N/batch.safetensors        the micro-batch as it came from the queue
 * RUN/failures/step-N/given.safetensors        the output of the frozen stages
 * RUN/failures/step-N/found.safetensors        the first tensor that is not finite
 * ```
 *
 * @module
 */

import type { NamedTensors } from "../../../checkpoints/safetensors/safetensors_writer.ts";
import {
  type JsonValue,
  loadCheckpoint,
  type LoadedCheckpoint,
  saveCheckpoint,
} from "../../../checkpoints/store/store.ts";
import type {
  DType,
  TensorArray,
  TensorData,
  TensorFile,
} from "../../../checkpoints/tensors/tensor_data.ts";
import type { Precision } from "../../../backends/backend.ts";
import type { Observation } from "../../../backends/watch.ts";
import type { RunConfig, Tasks } from "../../../configs/task.ts";
import { messageOf, UserError } from "../../../core/errors.ts";
import type { GeneratorState } from "../../../core/generator.ts";
import type { NamedValues } from "../../../models/parameter_set.ts";
import type { StepFailure } from "../training/step_failure.ts";
import type { HostTensor } from "../training/examine.ts";
import { readValues, toTensors } from "../../weights/model_tensors.ts";

/** Where a run keeps its bundles. */
const folder = "failures";

/** What was found, without its values. */
export type FoundTensor = Omit<Observation, "values">;

/** A bundle's `state.json`. */
interface BundleState {
  readonly kind: "failure";
  readonly config: RunConfig;
  /** The method's name. Bundles of version 0.1 have none; their method follows from the config's task. */
  readonly method?: string;
  readonly model: Record<string, JsonValue>;
  readonly backend: string;
  readonly precision: Precision;
  readonly step: number;
  readonly microBatch: number;
  readonly microBatches: number;
  readonly firstImage: number;
  readonly share: number;
  readonly lossScale: number;
  readonly generator: GeneratorState;
  readonly found: FoundTensor;
  readonly frozenStage: string | null;
  readonly ownStages: readonly string[];
  /** The fields of the batch that are not numeric arrays. */
  readonly fields: Record<string, JsonValue>;
  /** Arrays of the batch that are the same as another: `tokenizerPixels` is `pixels`. */
  readonly aliases: Record<string, string>;
}

/** A bundle, read back. */
export interface FailureBundle extends BundleState {
  readonly parameters: ReadonlyMap<string, NamedValues>;
  readonly batch: Readonly<Record<string, unknown>>;
  /** The output of the stage `frozenStage`. */
  readonly given: ReadonlyMap<string, HostTensor>;
}

/** What a method adds to the failure itself. */
export interface FailureContent {
  readonly config: RunConfig;
  readonly method: string;
  readonly backend: string;
  readonly model: object;
  readonly parameters: ReadonlyMap<string, NamedValues>;
  readonly frozenStage: string | null;
  /** The user's stages, which no bundle can hold. */
  readonly ownStages: readonly string[];
}

function dtypeOf(values: unknown): DType | null {
  if (values instanceof Uint8Array) return "U8";
  if (values instanceof Int32Array) return "I32";
  // Positions in a source; safetensors has no unsigned type of that width here.
  if (values instanceof Uint32Array) return "I32";
  return values instanceof Float32Array ? "F32" : null;
}

function tensorOf(shape: readonly number[], values: TensorArray | Uint32Array): TensorData {
  const data = values instanceof Uint32Array ? Int32Array.from(values) : values;
  return { dtype: dtypeOf(values)!, shape: [...shape], data };
}

/** The arrays of a batch, its other fields, and which arrays are identical. */
function divide(batch: object) {
  const arrays = new Map<string, TensorData>();
  const fields: Record<string, JsonValue> = {};
  const aliases: Record<string, string> = {};
  const seen = new Map<unknown, string>();
  for (const [key, value] of Object.entries(batch)) {
    const first = seen.get(value);
    if (dtypeOf(value) === null) fields[key] = value as JsonValue;
    else if (first !== undefined) aliases[key] = first;
    else {
      seen.set(value, key);
      arrays.set(key, tensorOf([(value as TensorArray).length], value as TensorArray));
    }
  }
  return { arrays, fields, aliases };
}

/** Writes a bundle into a run's directory, atomically; returns its path. */
export async function writeFailure(
  directory: string,
  failure: StepFailure<object>,
  content: FailureContent,
): Promise<string> {
  const { arrays, fields, aliases } = divide(failure.batch);
  const { found: { values, ...found }, kept, generator } = failure;
  const state: BundleState = {
    kind: "failure",
    config: content.config,
    method: content.method,
    model: content.model as Record<string, JsonValue>,
    backend: content.backend,
    precision: failure.precision,
    step: failure.step,
    microBatch: failure.microBatch,
    microBatches: failure.microBatches,
    firstImage: failure.firstImage,
    share: failure.share,
    lossScale: failure.lossScale,
    generator: generator.state,
    found,
    frozenStage: content.frozenStage,
    ownStages: content.ownStages,
    fields,
    aliases,
  };
  const given: NamedTensors = [...kept].map(([name, { shape, values }]) =>
    [name, tensorOf(shape, values)] as const
  );
  const saved = await saveCheckpoint(directory, failure.step + 1, {
    tensors: {
      parameters: toTensors(content.parameters),
      batch: arrays,
      given,
      found: values === null ? [] : [[found.name, tensorOf(found.shape, values)]],
    },
    state: state as unknown as JsonValue,
  }, { folder });
  return saved.directory;
}

async function readArrays(file: TensorFile): Promise<Map<string, HostTensor>> {
  const arrays = new Map<string, HostTensor>();
  for (const name of file.names()) {
    const { shape, data } = await file.read(name);
    arrays.set(name, { shape, values: data as HostTensor["values"] });
  }
  return arrays;
}

function open(directory: string): LoadedCheckpoint {
  try {
    return loadCheckpoint(directory);
  } catch (error) {
    const [reason] = messageOf(error).replace(/^Cannot load the checkpoint "[^"]*": /, "").split(
      ";",
    );
    throw new UserError(
      `Cannot replay "${directory}": it is not a complete failure bundle (${reason})`,
      { hint: "give a directory below failures/ of a run", cause: error },
    );
  }
}

/**
 * Reads a bundle.
 *
 * @param tasks all tasks, to read its config
 * @throws UserError if the directory holds none, or one of its files is damaged
 */
export async function readFailure(directory: string, tasks: Tasks): Promise<FailureBundle> {
  const loaded = open(directory);
  const state = loaded.state as unknown as BundleState;
  if (state.kind !== "failure") {
    throw new UserError(`Cannot replay "${directory}": it is a checkpoint`, {
      hint: "give a directory below failures/ of a run",
    });
  }
  const read = async <T>(group: string, from: (file: TensorFile) => Promise<T>): Promise<T> => {
    const file = await loaded.open(group);
    try {
      return await from(file);
    } finally {
      file.close();
    }
  };
  const arrays = await read("batch", readArrays);
  const batch: Record<string, unknown> = { ...state.fields };
  for (const [name, { values }] of arrays) batch[name] = values;
  for (const [name, other] of Object.entries(state.aliases)) batch[name] = batch[other];
  const { task } = state.config;
  if (!Object.hasOwn(tasks, task)) {
    throw new UserError(`Cannot replay "${directory}": its run is of the unknown task "${task}"`, {
      hint: "use the version of mimic that the run was made with",
    });
  }
  const { success, data: config, error } = tasks[task].schema.safeParse(state.config);
  if (!success) {
    throw new UserError(`Cannot replay "${directory}": its config does not fit this version`, {
      hint: error.issues[0].message,
    });
  }
  return {
    ...state,
    config,
    batch,
    parameters: await read("parameters", readValues),
    given: await read("given", readArrays),
  };
}
