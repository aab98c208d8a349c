/**
 * `method: kMeans`: a tokenizer from a minute of k-means on a teacher's features, instead of training.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import { communicatorOf, type Context } from "../../../backends/backend.ts";
import { codeStatistics } from "../../../backends/ops/code_statistics.ts";
import { finishedRun, resultFile } from "../../../checkpoints/store/run_directory.ts";
import { tokenizerFile } from "../../../checkpoints/store/tokenizer_file.ts";
import { UserError } from "../../../core/errors.ts";
import { Generator } from "../../../core/generator.ts";
import { fromFirst } from "../../../distributed/communicator.ts";
import { single } from "../../../distributed/single.ts";
import { fitMeans, nearestMean } from "../../../models/k_means.ts";
import type { RunOutcome } from "../../../pipeline/engine/method.ts";
import type { MethodOptions } from "../../../pipeline/engine/run_options.ts";
import { RunSession } from "../../../pipeline/engine/session.ts";
import { openTrainingSource } from "../../../pipeline/images/data_sources.ts";
import { CodebookUsage } from "../codebook_usage.ts";
import { type TokenizerConfig, tokenizerTask } from "../config.ts";
import { kindOf } from "../teachers/mod.ts";
import { gatherFeatures } from "./gather_features.ts";
import { exportKMeans } from "./k_means_file.ts";

/** How it ended, and how the codes are used. */
export interface KMeansResult extends RunOutcome {
  readonly metrics: Readonly<Record<string, number>>;
  /** Codes of k-means have no rank of their own: it is that of the teacher. */
  readonly rankMe: null;
}

/** How the samples [n, T] are divided among the codes. */
async function usageOf(on: Context, rows: Tensor, means: Tensor) {
  const codes = means.shape[0];
  const counts = on.backend.run(() =>
    tf.tidy(() => codeStatistics(on, rows, nearestMean(on, rows, means), codes).counts)
  );
  const usage = new CodebookUsage(codes, 1);
  usage.add(await counts.data() as Float32Array);
  counts.dispose();
  const { codebookUsage, codebookPerplexity, deadCodes } = usage.health;
  return { codebookUsage, codebookPerplexity, deadCodes };
}

async function fit(
  config: TokenizerConfig,
  options: MethodOptions<object, never>,
  session: RunSession,
): Promise<KMeansResult> {
  const { listener, path } = session;
  const on: Context = { ...session.on, precision: "float32", communicator: single };
  const source = options.source ?? await openTrainingSource(config.data);
  const { kind, settings } = kindOf(config.teacher);
  const teacher = await kind.open({
    ...{ on, config, settings, source, listener, kept: null },
    downloads: options.downloads ?? {},
  });
  try {
    const rows = await gatherFeatures(on, config, teacher, source, {
      listener,
      isStopped: () => options.signal?.aborted === true,
    });
    if (rows === null) {
      listener({
        ...{ type: "done", step: 0, interrupted: true, scheduleSteps: 0, stoppedEarly: null },
      });
      return {
        ...{ metrics: {}, rankMe: null, step: 0, scheduleSteps: 0, interrupted: true },
        ...{ directory: path, loss: null },
      };
    }
    const { codes } = config.codebook;
    const generator = Generator.from(config.seed).split("kmeans");
    listener({
      type: "note",
      message: `Fitting ${codes} codes to the features of ${rows.shape[0]} patches`,
    });
    const means = await fitMeans(on, rows, codes, config.kMeans.iterations, generator);
    const metrics = await usageOf(on, rows, means);
    const values = (await means.data() as Float32Array).slice();
    const { tensors, metadata } = await exportKMeans(on, config, teacher, {
      ...{ shape: [...means.shape], values },
    });
    await session.writeModel(tokenizerFile, tensors, metadata);
    tf.dispose([rows, means]);
    const result: KMeansResult = {
      ...{ metrics, rankMe: null, step: 0, scheduleSteps: 0, interrupted: false },
      ...{ directory: path, loss: null },
    };
    session.directory?.writeText(resultFile, JSON.stringify(result, null, 2) + "\n");
    listener({
      ...{ type: "done", step: 0, interrupted: false, scheduleSteps: 0, stoppedEarly: null },
    });
    return result;
  } finally {
    teacher.dispose();
    if (options.source === undefined) source.close?.();
  }
}

/**
 * Makes a tokenizer by k-means according to a config.
 *
 * @throws UserError for a mistake in the config, the data, the teacher or the run directory
 */
export async function fitKMeans(
  config: TokenizerConfig,
  options: MethodOptions<object, never>,
): Promise<KMeansResult> {
  const { communicator = single, directory: path = config.output } = options;
  const finished = await fromFirst(communicator, () => path === null ? null : finishedRun(path));
  if (finished !== null && options.resume === "always") {
    return { ...finished, directory: path } as unknown as KMeansResult;
  }
  if (finished !== null) {
    throw new UserError(`Cannot start in "${path}": it contains a finished run`, {
      hint: "choose another --out",
    });
  }
  const session = await RunSession.open({ task: tokenizerTask }, config, {
    ...options,
    resume: "auto",
  });
  try {
    // The other ranks wait.
    return await fromFirst(communicatorOf(session.on), () => fit(config, options, session));
  } finally {
    await session.close();
  }
}
